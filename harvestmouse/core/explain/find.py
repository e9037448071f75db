"""Find the torrent or the result that somebody means by what they typed."""

from collections.abc import Mapping

from harvestmouse.core.errors import SubjectError
from harvestmouse.core.model import Snapshot
from harvestmouse.core.units import counted

_SHOWN = 8


def find_torrent(snapshot: Snapshot, category: str, text: str) -> str:
    """Return the info-hash of the managed torrent that is meant by it or its name, else by a part, whatever the case.

    Raises:
        SubjectError: None is meant, or more than one; the text lists those.
    """
    managed = {one.hash: one.name for one in snapshot.managed(category)}
    elsewhere = next((one for one in snapshot.torrents or () if text in (one.hash, one.name)), None)
    if elsewhere is not None and text not in (*managed, *managed.values()):
        where = f"the category {elsewhere.category!r}" if elsewhere.category else "no category"
        raise SubjectError(f"torrent {text!r} is in {where}; only torrents of {category!r} are looked at")
    return _find(managed, text, "torrent")


def find_result(snapshot: Snapshot, text: str) -> int:
    """Return the id of the search result of this id or title: exactly, else by a part, whatever the case.

    Raises:
        SubjectError: None is meant, or more than one; the text lists those.
    """
    pages = snapshot.searches or ()
    named = {row.subject: "" for page in pages for row in page.malformed if row.subject.isdecimal()}
    named |= {str(row.id): row.title for page in pages for row in page.results}
    return int(_find(named, text, "result"))


def _find(named: Mapping[str, str], text: str, kind: str) -> str:
    wanted = text.strip().casefold()
    whole = [one for one, name in named.items() if text.strip() in (one, name) or wanted == one]
    part = [one for one, name in named.items() if wanted and (wanted in name.casefold() or one.startswith(wanted))]
    for found in (whole, part):
        if len(found) == 1:
            return found[0]
        if found:
            listed = _list({identity: named[identity] for identity in found})
            raise SubjectError(f"{kind} {text!r} may be any of: {listed}; give more of it")
    if not named:
        raise SubjectError(f"{kind} {text!r} is not there: the snapshot has no {kind} to explain")
    raise SubjectError(f"{kind} {text!r} is not there; {counted(len(named), 'is', 'are')}: {_list(named)}")


def _list(named: Mapping[str, str]) -> str:
    listed = [f"{name!r} ({identity})" for identity, name in named.items()]
    more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
