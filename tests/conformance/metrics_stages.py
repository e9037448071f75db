"""Places for figures to hold their promises against."""

from collections.abc import Iterable
from pathlib import Path

from attrs import define, field, frozen
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from harvestmouse.adapters.metrics import Publisher
from harvestmouse.adapters.metrics.gateway import Pushgateway
from harvestmouse.adapters.metrics.registry import Registry
from harvestmouse.adapters.metrics.textfile import Textfile
from harvestmouse.testing import cannot
from harvestmouse.testing.metrics import Series
from tests.support.pushgateway import Pushgateway as Program


@define
class RegistryStage:
    """Figures in memory."""

    registry: Registry = field(factory=Registry)

    def open(self) -> Publisher:
        return self.registry

    def scrape(self) -> Iterable[Series]:
        return series(generate_latest(self.registry).decode())

    def away(self, password: str) -> Publisher:
        cannot("memory is always there")


@frozen
class TextfileStage:
    """A file for node_exporter; no address, so no password either."""

    folder: Path

    def open(self) -> Publisher:
        return Textfile(self._path, self._warn)

    def scrape(self) -> Iterable[Series]:
        return series(self._path.read_text(encoding="utf-8")) if self._path.exists() else []

    def away(self, password: str) -> Publisher:
        return Textfile(self.folder / "nowhere" / "harvestmouse.prom", self._warn)

    @property
    def _path(self) -> Path:
        return self.folder / "harvestmouse.prom"

    @staticmethod
    def _warn(text: str) -> None:
        raise AssertionError(text)


@frozen
class PushgatewayStage:
    """A real Pushgateway."""

    program: Program

    def open(self) -> Publisher:
        return Pushgateway(self.program.url)

    def scrape(self) -> Iterable[Series]:
        return series(self.program.text())

    def away(self, password: str) -> Publisher:
        return Pushgateway(f"http://mouse:{password}@127.0.0.1:9")


def series(text: str) -> list[Series]:
    """Read figures as Prometheus does."""
    found: list[Series] = []
    for family in text_string_to_metric_families(text):
        found += family.samples
    return found
