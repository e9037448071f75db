"""The promises of a client, kept by the embedded one and by real ones of three versions."""

from collections.abc import Iterator

import pytest

from harvestmouse.testing import ClientPromises, ClientStage
from tests.conformance.client_stages import MemoryStage, QbittorrentStage
from tests.support.components import require
from tests.support.qbittorrent import VERSIONS, find_binary


class TestMemoryClient(ClientPromises):
    @pytest.fixture
    def stage(self) -> ClientStage:
        return MemoryStage()


@pytest.fixture(scope="module", params=VERSIONS)
def qbittorrent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QbittorrentStage]:
    """One program for many tests, each of which finds it empty."""
    binary = require(lambda: find_binary(request.param))
    with QbittorrentStage(tmp_path_factory.mktemp("client"), binary) as stage:
        yield stage


@pytest.mark.integration
class TestQbittorrentClient(ClientPromises):
    @pytest.fixture
    def stage(self, qbittorrent: QbittorrentStage) -> Iterator[ClientStage]:
        yield qbittorrent
        qbittorrent.empty()
