"""Write small files so that a crash leaves the old content or the new, never half of either."""

import contextlib
import errno
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from harvestmouse.adapters.errors import StateError

PRIVATE = 0o600
_TAIL = 256
# Some editors put it before what they save.
_MARK = "\N{BYTE ORDER MARK}"


def read_text(path: Path) -> str | None:
    """Return the file's text, or ``None`` where there is no file.

    Raises:
        StateError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace").removeprefix(_MARK)
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
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StateError(f"cannot write {path}: {error.strerror}") from None


@_uninterrupted()
def append_line(path: Path, line: str) -> None:
    """Append one line, whole or not at all; a torn last line of an earlier crash is closed first.

    Raises:
        StateError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            _append(descriptor, (line + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StateError(f"cannot write {path}: {error.strerror}") from None


def _append(descriptor: int, line: bytes) -> None:
    """Write the whole line or nothing: a full disk takes part of a write without a word."""
    size = os.fstat(descriptor).st_size
    line = _closing(os.pread(descriptor, _TAIL, max(0, size - _TAIL))) + line
    written = os.write(descriptor, line)
    if written < len(line):
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_size == size + written:
                os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _closing(tail: bytes) -> bytes:
    """Return what ends a last line that an earlier crash tore, so that it cannot be read as something else.

    A file of bare ids, one a line, is of the old format, and its last line may be whole without a line's end.
    """
    if not tail or tail.endswith(b"\n"):
        return b""
    *before, last = tail.splitlines()
    old = last.strip().isdigit() and all(one.strip().isdigit() for one in before[-1:])
    return b"\n" if old else b" !torn\n"


def sweep(directory: Path, names: Iterable[str]) -> None:
    """Remove what killed runs left half written in place of these files; only their one writer may do so."""
    for name in names:
        for leftover in directory.glob(f".{name}.*"):
            with contextlib.suppress(OSError):
                leftover.unlink()


def _sync_directory(directory: Path) -> None:
    # Some network file systems cannot sync a directory; the rename itself is still atomic there.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
