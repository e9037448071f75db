"""One run at a time may use the site's session: a lock on the state directory that says who holds it."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from harvestmouse.adapters.errors import LockHeld, StateError
from harvestmouse.adapters.state.files import read_text, replace_text, sweep

NAME = "lock"


@contextmanager
def locked(state_dir: Path, purpose: str, wait_seconds: float) -> Iterator[None]:
    """Hold the lock for the length of a ``with`` block.

    The kernel lets go of the lock when its process ends, however it ends.

    Raises:
        LockHeld: Another run still holds it after *wait_seconds*.
        StateError: The lock file cannot be written.
    """
    holder = state_dir / f"{NAME}.holder"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(state_dir / NAME, timeout=wait_seconds, mode=0o600)
        lock.acquire()
    except Timeout:
        raise LockHeld(f"{_who(holder)} holds the lock in {state_dir}, waited {wait_seconds:g} s") from None
    except OSError as error:
        raise StateError(f"cannot lock {state_dir}: {error.strerror}") from None
    try:
        facts = {"purpose": purpose, "pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}
        # Half-written files of killed runs may hold a cookie; those of the lock's own holders are swept here.
        sweep(state_dir, ("mam_id", "account.json", "lock.holder"))
        replace_text(holder, json.dumps(facts) + "\n")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _who(holder: Path) -> str:
    with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
        facts = json.loads(read_text(holder) or "")
        minutes = (time.time() - facts["since"]) / 60
        return f"{facts['purpose']} (process {facts['pid']} on {facts['host']}, for {minutes:.0f} min)"
    return "another run"
