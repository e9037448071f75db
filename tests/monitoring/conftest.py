"""One Prometheus with its gateway and Alertmanager, and one client, for all tests of this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.monitoring.watch import Watch, watching
from tests.support.components import require
from tests.support.mam_server import CatalogueTorrent, MamServer
from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import VERSIONS, QBittorrent, find_binary, wait_for
from tests.support.rig import Rig, environment_of
from tests.support.torrents import MIB
from tests.support.tracker import Swarm, Tracker

PROGRAMS = ("prometheus", "prometheus-pushgateway", "prometheus-alertmanager")
NewRig = Callable[[], Rig]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this directory, so that no test has to remember it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    for program in PROGRAMS:
        require(lambda program=program: find_tool(program))  # type: ignore[misc]
    with watching(tmp_path_factory.mktemp("watch")) as running:
        yield running


@pytest.fixture(scope="session")
def tracker() -> Iterator[Tracker]:
    with Tracker(Swarm(seeders=7, leechers=2)) as running:
        yield running


@pytest.fixture(scope="session")
def running_client(tmp_path_factory: pytest.TempPathFactory, tracker: Tracker) -> Iterator[QBittorrent]:
    binary = require(lambda: find_binary(VERSIONS[0]))
    with QBittorrent(tmp_path_factory.mktemp("qbittorrent") / "client", binary) as client:
        yield client


@pytest.fixture
def client(running_client: QBittorrent) -> QBittorrent:
    """The client, with no torrent in it."""
    running_client.post("torrents/delete", hashes="all", deleteFiles="true")
    wait_for(lambda: not running_client.torrents(), "the client to be empty")
    return running_client


@pytest.fixture
def new_rig(watch: Watch, client: QBittorrent, tracker: Tracker, tmp_path: Path) -> Iterator[NewRig]:
    """Make sites and state directories, each for runs of its own; the client and the gateway are the same for all."""
    with ExitStack() as stack:

        def make() -> Rig:
            site = stack.enter_context(MamServer(catalogue=catalogue(), tracker_url=tracker.announce_url()))
            directory = tmp_path / f"rig-{len(list(tmp_path.glob('rig-*')))}"
            directory.mkdir()
            environment = environment_of(site, client, directory)
            environment["HARVESTMOUSE_METRICS_PUSHGATEWAY_URL"] = watch.gateway.url
            return Rig(site, client, tracker, directory, environment)

        yield make


@pytest.fixture
def rig(new_rig: NewRig) -> Rig:
    return new_rig()


def catalogue() -> list[CatalogueTorrent]:
    """Return two free torrents that fit, and two that do not."""
    return [
        CatalogueTorrent(id=1001, title="Wanted", size_bytes=60 * MIB, leechers=3, free=1),
        CatalogueTorrent(id=1002, title="Wanted more", size_bytes=60 * MIB, leechers=9, free=1),
        CatalogueTorrent(id=1003, title="Not free", size_bytes=60 * MIB, leechers=9),
        CatalogueTorrent(id=1004, title="Everywhere", size_bytes=60 * MIB, leechers=9, seeders=700, free=1),
    ]
