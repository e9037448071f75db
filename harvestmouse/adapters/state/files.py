"""Write small files so that a crash leaves the old content or the new, never half of either."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harvestmouse.adapters.errors import StateError

PRIVATE = 0o600


def read_text(path: Path) -> str | None:
    """Return the file's text, or ``None`` where there is no file.

    Raises:
        StateError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror}") from None


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back the signals that end a run: a cookie that has arrived must reach the disk."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


@_uninterrupted()
def replace_text(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Replace the file's content atomically and durably.

    Raises:
        StateError: It cannot be written; the old content is still there.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise StateError(f"cannot write {path}: {error.strerror}") from None


@_uninterrupted()
def append_line(path: Path, line: str) -> None:
    """Append one line in a single write; a torn last line of an earlier crash is closed first.

    Raises:
        StateError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, (("\n" if torn else "") + line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from None


def _sync_directory(directory: Path) -> None:
    # Some network file systems cannot sync a directory; the rename itself is still atomic there.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
