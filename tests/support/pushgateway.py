"""A real Pushgateway on loopback, and what promtool says of figures."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.qbittorrent import MissingComponentError, _free_ports, wait_for

# The gateway's own figures, and what it notes about each group.
_OWN = ("go_", "process_", "pushgateway_", "push_")

# A figure is known by its name and its labels.
Figures = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


class Pushgateway:
    """A Pushgateway to use in a `with` statement; it keeps nothing on disk."""

    def __init__(self) -> None:
        (port,) = _free_ports(1)
        self._address = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [find_tool("prometheus-pushgateway"), f"--web.listen-address={self._address}", "--persistence.file="],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._is_ready, "the Pushgateway to be ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def text(self) -> str:
        """What Prometheus would scrape, without the gateway's own figures."""
        lines = requests.get(f"{self.url}/metrics", timeout=5).text.splitlines()
        kept = [line for line in lines if not line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith(_OWN)]
        return "".join(f"{line}\n" for line in kept)

    def figures(self) -> Figures:
        """Every figure there is; its labels include the group's ``job``."""
        return figures_in(self.text())

    def group(self, job: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
        """The figures of one group, by name and then by their own labels."""
        found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for (name, labels), value in self.figures().items():
            if ("job", job) in labels:
                own = frozenset(pair for pair in labels if pair not in {("job", job), ("instance", "")})
                found.setdefault(name, {})[own] = value
        return found

    def wipe(self) -> None:
        """Forget every group."""
        for job in {dict(labels)["job"] for _, labels in self.figures()}:
            requests.delete(f"{self.url}/metrics/job/{job}", timeout=5).raise_for_status()
        wait_for(lambda: not self.figures(), "the Pushgateway to be empty")

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=1).ok
        except requests.RequestException:
            time.sleep(0.02)
            return False


def figures_in(text: str) -> Figures:
    """Read figures in Prometheus' text format; one that stands there twice is an error."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} stands there twice"
            found[key] = sample.value
    return found


def promtool_findings(text: str) -> list[str]:
    """What ``promtool check metrics`` finds fault with."""
    done = subprocess.run(
        [find_tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    findings = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert bool(findings) == bool(done.returncode), findings
    return findings


def find_tool(name: str) -> str:
    """Find a program of Prometheus'."""
    found = shutil.which(name)
    if found is None:
        raise MissingComponentError(f"{name} is missing: apt-get install prometheus prometheus-pushgateway")
    return found
