"""What the crash tests run against: runs that can be killed, real clients and a tracker, all on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crash_world import Runner
from tests.support.qbittorrent import VERSIONS, MissingComponentError, QBittorrent, find_binary
from tests.support.tracker import Tracker

OLDEST = VERSIONS[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this directory, so that no test has to remember it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def tracker() -> Iterator[Tracker]:
    with Tracker() as running:
        yield running


@pytest.fixture(scope="session")
def qbittorrent(tmp_path_factory: pytest.TempPathFactory, tracker: Tracker) -> Iterator[QBittorrent]:
    """One client of the oldest version for all tests, which leave nothing of their own in it."""
    with QBittorrent(tmp_path_factory.mktemp("first") / "client", binary()) as client:
        yield client


@pytest.fixture(scope="session")
def second_qbittorrent(tmp_path_factory: pytest.TempPathFactory, tracker: Tracker) -> Iterator[QBittorrent]:
    """Another one, so that two rows of kills can go on side by side."""
    with QBittorrent(tmp_path_factory.mktemp("second") / "client", binary()) as client:
        yield client


def binary() -> Path:
    """Find the program, or end the test in the way that fits the place it runs at."""
    try:
        return find_binary(OLDEST)
    except MissingComponentError as missing:
        reason = str(missing)
    # A machine whose purpose is to test everything must not pass by testing less.
    if os.environ.get("CI") or os.environ.get("TEST_REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
