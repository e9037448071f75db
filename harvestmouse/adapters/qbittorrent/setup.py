"""How a client is set up, as far as it tells: its version, its categories, and where it saves."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from harvestmouse.adapters.errors import ClientUnclear
from harvestmouse.adapters.interface import Setup
from harvestmouse.adapters.qbittorrent.session import ErrorStatus, Session, read_object
from harvestmouse.core.wire.coerce import as_object, as_text

# A version or a path is shorter; a page in place of one is none.
_LONGEST = 4096

T = TypeVar("T")


def read_setup(session: Session) -> Setup:
    """Ask a client how it is set up; what its version does not tell, or tells in another shape, is unknown."""
    return Setup(
        version=_asked(session, "app/version", _line),
        save_path=_asked(session, "app/defaultSavePath", _line),
        categories=_asked(session, "torrents/categories", _categories),
    )


def _asked(session: Session, endpoint: str, read: Callable[[Iterable[bytes]], T]) -> T | None:
    try:
        return session.get(endpoint, read)
    except (ErrorStatus, ClientUnclear):
        return None


def _line(chunks: Iterable[bytes]) -> str:
    text = b"".join(chunks).decode().strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise ValueError("no line of text")
    return text


def _categories(chunks: Iterable[bytes]) -> Mapping[str, str]:
    return {name: as_text(as_object(one).get("savePath")) or "" for name, one in read_object(chunks).items()}
