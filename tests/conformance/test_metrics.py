"""The promises of a place for figures, kept in memory, by the textfile and by a real Pushgateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.testing import MetricsPromises, MetricsStage
from tests.conformance.metrics_stages import PushgatewayStage, RegistryStage, TextfileStage
from tests.support.components import require
from tests.support.pushgateway import Pushgateway, find_tool


class TestRegistry(MetricsPromises):
    @pytest.fixture
    def stage(self) -> MetricsStage:
        return RegistryStage()


class TestTextfile(MetricsPromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> MetricsStage:
        return TextfileStage(tmp_path)


@pytest.fixture(scope="module")
def pushgateway() -> Iterator[Pushgateway]:
    """One program for many tests, each of which finds it empty."""
    require(lambda: find_tool("prometheus-pushgateway"))
    with Pushgateway() as program:
        yield program


@pytest.mark.integration
class TestPushgateway(MetricsPromises):
    @pytest.fixture
    def stage(self, pushgateway: Pushgateway) -> Iterator[MetricsStage]:
        yield PushgatewayStage(pushgateway)
        pushgateway.wipe()
