"""A real Prometheus on loopback, and what it answers."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from attrs import frozen

from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import ClientFailedError, _free_ports, wait_for


@frozen
class Series:
    """One series of an answer.

    Attributes:
        points: (unix seconds, value), oldest first; one where the question was about one moment.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


def scraping(gateway: str, seconds: int = 1) -> dict[str, Any]:
    """Return a configuration that scrapes a Pushgateway so often, and believes the labels it has there."""
    gateway_job = {
        "job_name": "pushgateway",
        "honor_labels": True,
        "static_configs": [{"targets": [urlsplit(gateway).netloc]}],
    }
    every = f"{seconds}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "scrape_configs": [gateway_job],
    }


class Prometheus:
    """A Prometheus to use in a `with` statement, with all it keeps in `directory`.

    Attributes:
        data: Its storage; blocks that lie there when it starts are its own.

    The configuration is what its file would say; paths in it are relative to `directory`. The first scrape comes five
    seconds after the start, whatever the configuration says: start it first, and let it wait for what is slower.
    """

    def __init__(self, directory: Path, config: Mapping[str, Any]) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._config = config
        (port,) = _free_ports(1)
        self._address = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        config = self.directory / "prometheus.yml"
        config.write_text(json.dumps(self._config), encoding="utf-8")  # every JSON is YAML
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    find_tool("prometheus"),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self.data}",
                    # Old history is what some tests put there.
                    "--storage.tsdb.retention.time=10y",
                    f"--web.listen-address={self._address}",
                    "--log.level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._is_ready, "Prometheus to be ready", timeout=30)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """Ask about one moment, now unless it is given in unix seconds."""
        return self._series("query", query=expression, **({} if at is None else {"time": at}))

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Ask about a span of time, in unix seconds."""
        return self._series("query_range", query=expression, start=start, end=end, step=step)

    def get(self, method: str, **parameters: Any) -> Any:
        """Ask the HTTP API, and return the data of its answer; `ValueError` says what it has against a question."""
        answer = requests.get(f"{self.url}/api/v1/{method}", params=parameters, timeout=30).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {parameters}")
        return answer["data"]

    def _series(self, method: str, **parameters: Any) -> list[Series]:
        data = self.get(method, **parameters)
        if data["resultType"] == "scalar":
            return [Series({}, _points([data["result"]]))]
        return [Series(one["metric"], _points(one.get("values") or [one["value"]])) for one in data["result"]]

    @property
    def _log(self) -> Path:
        return self.directory / "prometheus.log"

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ClientFailedError(f"Prometheus ended at once:\n{self._log.read_text(errors='replace')}")
        try:
            return requests.get(f"{self.url}/-/ready", timeout=1).ok
        except requests.RequestException:
            time.sleep(0.02)
            return False

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None


def _points(pairs: list[list[Any]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(value)) for at, value in pairs)
