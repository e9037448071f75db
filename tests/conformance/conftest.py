"""The clients that are held against the promises, one after the other."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.stages import ClientStage, MemoryStage, RealStage
from tests.integration.conftest import binary_of
from tests.support.qbittorrent import VERSIONS, QBittorrent
from tests.support.tracker import Swarm, Tracker

MEMORY = "memory"
KINDS = [MEMORY, *(pytest.param(version, marks=pytest.mark.integration) for version in VERSIONS)]


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStage | None]:
    """One real client for many tests, each of which finds it empty; ``None`` where the client costs nothing."""
    if request.param == MEMORY:
        yield None
        return
    binary = binary_of(request.param)
    with ExitStack() as stack:
        tracker = stack.enter_context(Tracker(Swarm(seeders=7, leechers=2)))
        program = stack.enter_context(QBittorrent(tmp_path_factory.mktemp("client") / "profile", binary))
        yield RealStage(program, tracker)


@pytest.fixture
def stage(shared: RealStage | None) -> Iterator[ClientStage]:
    """An empty client, whichever it is."""
    if shared is None:
        yield MemoryStage()
        return
    yield shared
    shared.empty()
