"""A client behind a password that is started anew in the middle of a run, and has forgotten the run's session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.report import KNOWN
from tests.faults.scenes import JanitorScene, Stock
from tests.faults.test_matrix import QUICK, old_client
from tests.faults.trial import Bench, Outcome
from tests.support.fault_proxy import FaultProxy
from tests.support.qbittorrent import Login, QBittorrent
from tests.support.tracker import Tracker


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The janitor's world, with a client that asks for a password."""
    directory = tmp_path_factory.mktemp("guarded")
    login = Login()
    with ExitStack() as stack:
        tracker = stack.enter_context(Tracker())
        program = QBittorrent(directory / "client", old_client(), login=login, settings=QUICK)
        stock = Stock(stack.enter_context(program), tracker)
        JanitorScene.fill(stock)
        stock.keep()
        port = int(program.url.rpartition(":")[2])
        proxy = stack.enter_context(FaultProxy(port, stock.restart, stock.names))
        secrets = {
            "HARVESTMOUSE_QBITTORRENT_USERNAME": login.username,
            "HARVESTMOUSE_QBITTORRENT_PASSWORD": login.password,
        }
        bench = Bench("janitor", directory, stock, proxy, secrets)
        bench.record()
        yield bench


@pytest.fixture(scope="module")
def outcomes(bench: Bench) -> dict[str, Outcome]:
    """What came of a restart at each request, by the request's place and name."""
    steps = enumerate(bench.client_steps)
    return {f"{place + 1}. {step}": bench.try_client(place, "restarted") for place, step in steps}


def test_nothing_is_lost_with_the_session(outcomes: dict[str, Outcome]) -> None:
    """Whatever request meets the client that forgot, what must hold holds, and the next run does the rest."""
    wrong = {step: one.violations for step, one in outcomes.items() if unknown(one)}
    assert wrong == {}


def test_a_forgotten_session_is_no_wrong_password(outcomes: dict[str, Outcome]) -> None:
    """The login at the beginning has shown that user name and password are right."""
    lines = {step: one.first.line for step, one in outcomes.items() if "Check username" in one.first.line}
    assert lines == {}


def unknown(outcome: Outcome) -> list[str]:
    """Return the violations that nobody knew of."""
    return [one for one in outcome.violations if not any(re.search(pattern, one) for pattern, _ in KNOWN)]
