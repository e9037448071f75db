"""Runs of the command line that die where a test says.

`python -m tests.support.crash_runner` reads one order a line and forks a run for each, so that a run costs no start of
an interpreter. The product knows nothing of it: the functions of the standard library by which a run touches the
outside are wrapped in the fork.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from harvestmouse.runners.cli import main as command_line

Order = Mapping[str, Any]

# A run imports these when it comes to need them; imported before the fork they cost nothing.
_LATE = ("harvestmouse.adapters.mam", "harvestmouse.adapters.qbittorrent", "harvestmouse.adapters.state.lock",
         "harvestmouse.core.wire.plan", "harvestmouse.runners.commands", "harvestmouse.runners.publish",
         "harvestmouse.runners.run")  # fmt: skip


class Effects:
    """Count what a run does to the outside, and kill it before, in or after one of these things.

    Args:
        log: Where every effect is named before it happens.
        last: The name of the effect that is the last; empty for none.
        nth: Which one of that name, from 1; numbers over all would shift where a run polls.
        when: `before` it, `after` it, or with `half` of its bytes.
    """

    def __init__(self, log: IO[bytes], last: str, nth: int, when: str) -> None:
        self._log, self._last, self._nth, self._when = log, last, nth, when
        self._count = 0
        self._head = ""
        self._write = os.write
        self._wrap_files()
        self._wrap_sockets()

    @contextmanager
    def _effect(self, name: str, half: Callable[[], object] | None = None) -> Iterator[None]:
        self._count += name == self._last
        self._write(self._log.fileno(), f"{name}\n".encode())
        due = name == self._last and self._count == self._nth
        if due and self._when != "after":
            if self._when == "half" and half is not None:
                half()
            _die()
        try:
            yield
        finally:
            if due:
                _die()

    def _wrap_files(self) -> None:
        replace, unlink, write = os.replace, os.unlink, os.write
        fsync, fchmod = os.fsync, os.fchmod

        def counted_replace(source: Any, target: Any) -> None:
            with self._effect(f"replace {_plain(Path(target).name)}"):
                replace(source, target)

        def counted_unlink(path: Any, **how: Any) -> None:
            with self._effect(f"remove {_plain(Path(path).name)}"):
                unlink(path, **how)

        def counted_write(descriptor: int, data: bytes) -> int:
            with self._effect(f"append {_name(descriptor)}", lambda: write(descriptor, data[: len(data) // 2])):
                return write(descriptor, data)

        def counted_fsync(descriptor: int) -> None:
            with self._effect(f"sync {_name(descriptor)}"):
                fsync(descriptor)

        def counted_fchmod(descriptor: int, mode: int) -> None:
            with self._effect(f"mode {_name(descriptor)}"):
                fchmod(descriptor, mode)

        os.replace, os.unlink, os.write = counted_replace, counted_unlink, counted_write  # type: ignore[assignment]
        os.fsync, os.fchmod = counted_fsync, counted_fchmod  # type: ignore[assignment]

    def _wrap_sockets(self) -> None:
        sendall = socket.socket.sendall

        def counted_sendall(connection: socket.socket, data: Any, flags: int = 0) -> None:
            with self._effect(self._request(bytes(data)), lambda: sendall(connection, data[: len(data) // 2])):
                sendall(connection, data, flags)

        socket.socket.sendall = counted_sendall  # type: ignore[assignment, method-assign]

    def _request(self, data: bytes) -> str:
        """Name a part of a request by its method and path; a body by those of its head."""
        first = data.split(b" ", 2)
        if first[0] not in (b"GET", b"POST"):
            return f"{self._head} (body)"
        self._head = f"send {first[0].decode()} {first[1].partition(b'?')[0].decode()}"
        return self._head


def _name(descriptor: int) -> str:
    name = Path(f"/proc/self/fd/{descriptor}").readlink().name
    # A temporary file's name ends in a part that is another one every time.
    return name.rpartition(".")[0] if name.startswith(".") else name


def _plain(name: str) -> str:
    # A recording's name holds the time and the run.
    return "recording" if name.endswith(".json.gz") else name


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(order: Order) -> dict[str, Any]:
    """Fork a run, and return how it ended and what it did."""
    with TemporaryFile() as out, TemporaryFile() as err, TemporaryFile() as effects:
        child = os.fork()
        if child == 0:
            _be(order, out, err, effects)
        _, status = os.waitpid(child, 0)
        texts = [_read(file) for file in (out, err, effects)]
    return {
        "code": os.waitstatus_to_exitcode(status),
        "pid": child,
        "out": texts[0],
        "err": texts[1],
        "effects": texts[2].splitlines(),
    }


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _be(order: Order, out: IO[bytes], err: IO[bytes], effects: IO[bytes]) -> None:
    """Become the run, and never return."""
    code = 1
    try:
        for descriptor, file in enumerate((os.open(os.devnull, os.O_RDONLY), out.fileno(), err.fileno())):
            os.dup2(file, descriptor)
        sys.argv = ["harvestmouse", *order["words"]]
        os.environ.clear()
        os.environ.update(order["environment"])
        _change(order)
        Effects(effects, order["last"], order["nth"], order["when"])
        command_line()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _change(order: Order) -> None:
    """Move the clock, bound the size of files, and give up privileges."""
    now, later = time.time, order["later"]
    if later:
        time.time = lambda: now() + later
    if order["largest_file"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"],) * 2)
    if order["user"]:
        os.setgroups([])
        os.setgid(order["user"])
        os.setuid(order["user"])


def main() -> None:
    """Take orders until there are no more."""
    for name in _LATE:
        import_module(name)
    for line in sys.stdin:
        answer = json.dumps(run(json.loads(line)))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
