"""What the integration tests run against: real clients and a tracker, all on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.qbittorrent import VERSIONS, Login, MissingComponentError, QBittorrent, find_binary
from tests.support.tracker import Swarm, Tracker

OLDEST = VERSIONS[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this directory, so that no test has to remember it."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker(Swarm(seeders=7, leechers=2)) as running:
        yield running


@pytest.fixture
def qbittorrent(tmp_path: Path, tracker: Tracker) -> Iterator[QBittorrent]:
    """A fresh client of the oldest version that asks for no password; the tracker outlives it."""
    with QBittorrent(tmp_path / "client", binary_of(OLDEST)) as client:
        yield client


@pytest.fixture
def qbittorrent_with_password(tmp_path: Path, tracker: Tracker) -> Iterator[QBittorrent]:
    """A fresh client of the oldest version that wants `client.login`."""
    with QBittorrent(tmp_path / "guarded-client", binary_of(OLDEST), login=Login()) as client:
        yield client


@pytest.fixture(params=VERSIONS)
def any_binary(request: pytest.FixtureRequest) -> Path:
    """One program after the other, for tests that start clients of their own."""
    return binary_of(request.param)


@pytest.fixture
def any_qbittorrent(any_binary: Path, tmp_path: Path, tracker: Tracker) -> Iterator[QBittorrent]:
    """A fresh client of one version after the other."""
    with QBittorrent(tmp_path / "client", any_binary) as client:
        yield client


def binary_of(version: str) -> Path:
    """Find the program, or end the test in the way that fits the place it runs at."""
    try:
        return find_binary(version)
    except MissingComponentError as missing:
        reason = str(missing)
    # A machine whose purpose is to test everything must not pass by testing less.
    if os.environ.get("CI") or os.environ.get("TEST_REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
