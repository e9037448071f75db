"""A real Alertmanager on loopback, and what it holds."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import ClientFailedError, _free_ports, wait_for

# It tells nobody: the tests ask.
_CONFIG = """\
route:
  receiver: nobody
receivers:
  - name: nobody
"""


class Alertmanager:
    """An Alertmanager to use in a `with` statement, with all it keeps in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (port,) = _free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "alertmanager.yml"
        config.write_text(_CONFIG, encoding="utf-8")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    find_tool("prometheus-alertmanager"),
                    f"--config.file={config}",
                    f"--storage.path={self.directory / 'data'}",
                    f"--web.listen-address={self.address}",
                    # There is no other to gossip with.
                    "--cluster.listen-address=",
                    "--log.level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._is_ready, "Alertmanager to be ready", timeout=30)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop()

    def alerts(self) -> list[dict[str, dict[str, str]]]:
        """Return the alerts that fire: their ``labels`` and ``annotations``, among others."""
        answer = requests.get(f"http://{self.address}/api/v2/alerts", timeout=10)
        answer.raise_for_status()
        found: list[dict[str, dict[str, str]]] = answer.json()
        return found

    @property
    def _log(self) -> Path:
        return self.directory / "alertmanager.log"

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ClientFailedError(f"Alertmanager ended at once:\n{self._log.read_text(errors='replace')}")
        try:
            return requests.get(f"http://{self.address}/-/ready", timeout=1).ok
        except requests.RequestException:
            time.sleep(0.02)
            return False

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None
