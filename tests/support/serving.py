"""`harvestmouse serve` as a process on a port of its own, for the length of a ``with`` block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

_ADDRESS = re.compile(r"serving .* at (http://[^ \"]+)")


class Serving:
    """The process.

    Attributes:
        url: Where its page is.
        code: The exit code; ``None`` while it runs.
    """

    def __init__(self, directory: Path, *words: str, environment: Mapping[str, str]) -> None:
        self._log = directory / "serve.log"
        kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_CONFIG")
        own = {key: os.environ[key] for key in kept if key in os.environ}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harvestmouse", "serve", "--listen", "127.0.0.1:0", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**own, **environment},
            )
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self.until(lambda: _ADDRESS.search(self.log))
        except BaseException:
            self._process.kill()
            raise
        found = _ADDRESS.search(self.log)
        assert found is not None
        self.url = found[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.code is None:
            self._process.terminate()
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise

    @property
    def log(self) -> str:
        """All that it and its runs have written."""
        return self._log.read_text(encoding="utf-8")

    @property
    def code(self) -> int | None:
        return self._process.poll()

    def until(self, there: Callable[[], object], seconds: float = 40) -> None:
        """Wait, as long as it runs."""
        end = time.monotonic() + seconds
        while not there():
            assert self.code is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        return self._process.wait(40)

    def tell(self) -> None:
        """Tell it to stop, and do not wait."""
        self._process.send_signal(signal.SIGTERM)

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=10)

    def command_lines(self) -> list[str]:
        """Return the command lines of its runs."""
        processes = [one.parent for one in Path("/proc").glob("[0-9]*/stat") if _parent(one) == self._process.pid]
        return [(one / "cmdline").read_text().replace("\0", " ") for one in processes]


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended meanwhile
