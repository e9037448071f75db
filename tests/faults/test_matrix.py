"""Every fault at every request of every job: what must hold holds after it, and after the run behind it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.report import KNOWN, PAGE, Results, render
from tests.faults.scenes import SCENES, SpendScene, Stock
from tests.faults.trial import CLIENT_FAULTS, SITE_FAULTS, Bench
from tests.support.fault_proxy import FaultProxy
from tests.support.qbittorrent import VERSIONS, MissingComponentError, QBittorrent, find_binary
from tests.support.tracker import Swarm, Tracker

SITE_JOBS = ("grab", "spend")
CLIENT_JOBS = ("grab", "janitor", "reconcile", "rescue")
# The client looks at its torrents this often, in milliseconds.
QUICK = {"BitTorrent": {r"Session\RefreshInterval": "25"}}
ALL = len(SITE_JOBS) * len(SITE_FAULTS) + len(CLIENT_JOBS) * len(CLIENT_FAULTS)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Bench]]:
    """A bench for each job, with its clean run on record."""
    with ExitStack() as stack:
        tracker = stack.enter_context(Tracker(Swarm(seeders=7, leechers=2)))
        yield {job: _bench(job, tmp_path_factory.mktemp(job), tracker, stack) for job in SCENES}


@pytest.fixture(scope="module")
def results() -> Results:
    """What the trials have come to."""
    return Results()


def _bench(job: str, directory: Path, tracker: Tracker, stack: ExitStack) -> Bench:
    if SCENES[job] is SpendScene:
        bench = Bench(job, directory, None, None)
    else:
        client = stack.enter_context(QBittorrent(directory / "client", old_client(), settings=QUICK))
        stock = Stock(client, tracker)
        SCENES[job].fill(stock)
        stock.keep()
        port = int(client.url.rpartition(":")[2])
        bench = Bench(job, directory, stock, stack.enter_context(FaultProxy(port, stock.restart, stock.names)))
    bench.record()
    return bench


def old_client() -> Path:
    """Find the oldest client, or end the test in the way that fits the place it runs at."""
    try:
        return find_binary(VERSIONS[0])
    except MissingComponentError as missing:
        reason = str(missing)
    if os.environ.get("CI") or os.environ.get("TEST_REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.mark.parametrize("fault", SITE_FAULTS)
@pytest.mark.parametrize("job", SITE_JOBS)
def test_the_site_fails(job: str, fault: str, benches: dict[str, Bench], results: Results) -> None:
    """One request to the site goes wrong, each in turn."""
    bench = benches[job]
    for place in range(len(bench.site_steps)):
        results.add(job, "site", bench.site_steps, (place, fault), bench.try_site(place, fault))
    assert not new_violations(results, f"{job}, site, ", f", {fault}: ")


@pytest.mark.parametrize("fault", CLIENT_FAULTS)
@pytest.mark.parametrize("job", CLIENT_JOBS)
def test_the_client_fails(job: str, fault: str, benches: dict[str, Bench], results: Results) -> None:
    """One request to the client goes wrong, each in turn."""
    bench = benches[job]
    for place in range(len(bench.client_steps)):
        results.add(job, "client", bench.client_steps, (place, fault), bench.try_client(place, fault))
    assert not new_violations(results, f"{job}, client, ", f", {fault}: ")


@pytest.mark.parametrize("pattern", [pytest.param(one, marks=pytest.mark.xfail(reason=why)) for one, why in KNOWN])
def test_what_is_known_to_be_wrong(pattern: str, results: Results) -> None:
    """A violation that waits for its repair; when it is gone, this test says so."""
    if results.columns() < ALL:
        pytest.skip("only a part of the matrix was tried")
    assert [where for violation, where in results.violations() if re.search(pattern, violation)] == []


def new_violations(results: Results, start: str, fault: str) -> list[str]:
    """Return the violations under one fault that nobody knew of."""
    return [
        where
        for violation, where in results.violations()
        if where.startswith(start) and fault in where and not any(re.search(one, violation) for one, _ in KNOWN)
    ]


def test_the_table_is_what_happened(results: Results) -> None:
    """The committed page shows every trial of this run; `REFRESH_FAULTS=1` writes it anew."""
    if results.columns() < ALL:
        pytest.skip("only a part of the matrix was tried")
    page = render(results)
    if os.environ.get("REFRESH_FAULTS") == "1":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run: REFRESH_FAULTS=1 pytest tests/faults"
