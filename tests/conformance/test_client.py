"""The promises of a client, kept by the embedded one and by real ones of two kinds."""

from collections.abc import Iterator

import pytest

from harvestmouse.testing import ClientPromises, ClientStage
from tests.conformance.client_stages import MemoryStage, QbittorrentStage, SeveralStage, TransmissionStage
from tests.support import transmission
from tests.support.components import require
from tests.support.qbittorrent import VERSIONS, find_binary


class TestMemoryClient(ClientPromises):
    @pytest.fixture
    def stage(self) -> ClientStage:
        return MemoryStage()


class TestSeveralClients(ClientPromises):
    @pytest.fixture
    def stage(self) -> ClientStage:
        return SeveralStage()


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


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransmissionStage]:
    """One program for many tests, each of which finds it empty."""
    binary = require(transmission.find_binary)
    with TransmissionStage(tmp_path_factory.mktemp("client"), binary) as stage:
        yield stage


@pytest.mark.integration
class TestTransmissionClient(ClientPromises):
    untold = frozenset({"max_active_torrents", "status"})

    @pytest.fixture
    def stage(self, daemon: TransmissionStage, request: pytest.FixtureRequest) -> Iterator[ClientStage]:
        # In place of 🐭, which the names of tests write with \U, it sends another letter and a digit.
        beyond = r"\U" in request.node.name or request.node.name == "test_tags_are_read_one_by_one"
        if beyond and daemon.program.version.startswith("3."):
            reason = "Transmission 3.00 writes characters beyond U+FFFF wrongly"
            request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))
        yield daemon
        daemon.empty()
