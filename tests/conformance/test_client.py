"""The promises of a client, kept by the embedded one and by real ones of two kinds."""

from collections.abc import Iterator

import pytest

from harvestmouse.testing import ClientPromises, ClientStage
from tests.conformance.client_stages import MemoryStage, QbittorrentStage, TransmissionStage
from tests.support import transmission
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


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransmissionStage]:
    """One program for many tests, each of which finds it empty."""
    binary = require(transmission.find_binary)
    with TransmissionStage(tmp_path_factory.mktemp("client"), binary) as stage:
        yield stage


# What it sends in place of 🐭 is another letter and a digit.
garbled = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="Transmission 3.00 writes characters beyond U+FFFF wrongly"
)


@pytest.mark.integration
class TestTransmissionClient(ClientPromises):
    untold = frozenset({"max_active_torrents", "status"})

    @pytest.fixture
    def stage(self, daemon: TransmissionStage) -> Iterator[ClientStage]:
        yield daemon
        daemon.empty()

    @pytest.mark.parametrize("category", ["Hör & Bücher", "films/old", "ελληνικά", pytest.param("🐭", marks=garbled)])
    def test_a_category_may_have_any_characters(self, stage: ClientStage, category: str) -> None:
        super().test_a_category_may_have_any_characters(stage, category)

    @pytest.mark.parametrize(
        "name", ["Hör & Bücher", "a=b?c#d%20e", 'it\'s "quoted"', "日本語", pytest.param("🐭", marks=garbled)]
    )
    def test_a_name_may_have_any_characters(self, stage: ClientStage, name: str) -> None:
        super().test_a_name_may_have_any_characters(stage, name)

    @garbled
    def test_tags_are_read_one_by_one(self, stage: ClientStage) -> None:
        super().test_tags_are_read_one_by_one(stage)
