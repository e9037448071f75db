"""The promises of a site, kept by the embedded one and by MyAnonamouse's adapter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.testing import SitePromises, SiteStage
from tests.conformance.site_stages import MamStage, MemoryStage


class TestMemorySite(SitePromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> SiteStage:
        return MemoryStage(tmp_path)


class TestMamSite(SitePromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[SiteStage]:
        with MamStage(tmp_path) as stage:
            yield stage
