"""Take over what the scripts that this program replaces have left: their session's cookie, and what they grabbed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harvestmouse.adapters.state import cookie, ledger
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.state.files import read_text, replace_text
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.lock import locked
from harvestmouse.core.units import counted
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.config import ConfigError


def import_legacy(options: Mapping[str, Any], directory: str) -> int:
    """Copy *directory*'s files into the state directory; what is there already stays.

    Raises:
        ConfigError: There is nothing to take over, or it cannot be read.
        AdapterError: A file cannot be written, or another run holds the lock.
    """
    general = load_settings(options).general
    old, new = Path(directory), general.state_dir
    if old.resolve() == new.resolve():
        raise ConfigError(f"{old} is the state directory itself; its files are used as they are")
    there = [_is_there(old / name) for name in (cookie.NAME, ledger.NAME)]
    if not any(there):
        raise ConfigError(f"{old} has neither {cookie.NAME} nor {ledger.NAME}")
    with locked(new, "import-legacy", general.lock_wait.total_seconds()):
        print(f"{cookie.NAME}: {_take_cookie(old / cookie.NAME, new / cookie.NAME)}")  # noqa: T201 - the result
        print(f"{ledger.NAME}: {_take_ledger(old / ledger.NAME, new / ledger.NAME)}")  # noqa: T201
    return 0


def _is_there(path: Path) -> bool:
    """Say whether an old file is there; one that cannot be read is told before anything is taken over."""
    try:
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    return True


def _take_cookie(old: Path, new: Path) -> str:
    found = CookieStore(old).candidates()
    if not found:
        return "there is none" if not old.is_file() else "it holds no cookie, or that of a session that has ended"
    if CookieStore(new).candidates():
        # Whichever was used last is the valid one, and it is this program that runs now.
        return f"left alone: {new} has a cookie already"
    replace_text(new, f"{found[0].value.reveal()}\n")
    return "taken over; let the scripts not use it any more"


def _take_ledger(old: Path, new: Path) -> str:
    entries = Ledger(old).entries()
    known = {entry.id for entry in Ledger(new).entries()}
    missing = [entry for entry in entries if entry.id not in known]
    if missing and not new.exists():
        replace_text(new, read_text(old) or "")
    else:
        # One by one: a running janitor may add to it at any time.
        for entry in missing:
            Ledger(new).append(entry)
    return f"{len(missing)} of {counted(len(entries), 'entry', 'entries')} taken over"
