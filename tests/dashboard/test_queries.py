"""Every query of the dashboard, asked of a real Prometheus that real runs have fed through a real Pushgateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from math import isnan

import pytest
from attrs import frozen

from harvestmouse.adapters.state.memory import Memory
from tests.dashboard.board import Panel, Target, panel, panels
from tests.support.components import require
from tests.support.mam_server import Account, CatalogueTorrent, Fault, MamServer
from tests.support.prometheus import Prometheus, Series, scraping
from tests.support.pushgateway import Pushgateway, find_tool
from tests.support.qbittorrent import VERSIONS, Ages, QBittorrent, find_binary, wait_for
from tests.support.rig import DAY, HOUR, Rig, environment_of, seeded
from tests.support.torrents import GIB, MIB
from tests.support.tracker import Swarm, Tracker

pytestmark = pytest.mark.integration

PROFILE, DOWNLOAD = "/jsonLoad.php", "/tor/download.php"
POINTS = 30_000.5

SERVE = [one for one in panels() if one.row == "Serve's schedule"]
every_panel = pytest.mark.parametrize(
    "panel", [one for one in panels() if one not in SERVE], ids=lambda panel: panel.title
)


@frozen
class Fed:
    """A Prometheus with the figures of real runs.

    Attributes:
        since: When the first of them began, unix seconds.
    """

    rig: Rig
    prometheus: Prometheus
    since: float

    def run(self, job: str, *words: str, code: int = 0, **environment: str) -> None:
        """Run a job, and wait until Prometheus has its figures."""
        began = time.time()
        done = self.rig.command(job, *words, **environment)
        assert done.returncode == code, done.stderr
        heard = f'harvestmouse_last_run_timestamp_seconds{{job="harvestmouse_{job}"}} > {began}'
        wait_for(lambda: self.prometheus.query(heard), f"the figures of {job}")

    def ask(self, target: Target) -> list[Series]:
        """Ask what a panel asks, over the time of all runs unless it is about now."""
        if target.now:
            return self.prometheus.query(target.expression)
        return self.prometheus.query_range(target.over(4), self.since, time.time() + 1, 1)

    def shown(self, title: str) -> dict[str, float]:
        """The newest figures of a panel, by the names of their series."""
        return {name: points[-1] for name, points in self.history(title).items()}

    def history(self, title: str) -> dict[str, list[float]]:
        """All figures of a panel, by the names of their series."""
        return {
            target.name(series.labels): [value for _, value in series.points]
            for target in panel(title).targets
            for series in self.ask(target)
        }


@pytest.fixture(scope="module")
def fed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fed]:
    """All jobs have run, dry and applied, with skips, refusals, failures, deletions and a purchase."""
    directory = tmp_path_factory.mktemp("dashboard")
    for tool in ("prometheus", "prometheus-pushgateway"):
        require(partial(find_tool, tool))
    binary = require(partial(find_binary, VERSIONS[0]))
    with ExitStack() as stack:
        gateway = stack.enter_context(Pushgateway())
        prometheus = stack.enter_context(Prometheus(directory / "prometheus", scraping(gateway.url)))
        tracker = stack.enter_context(Tracker(Swarm(seeders=7, leechers=2)))
        client = stack.enter_context(QBittorrent(directory / "client", binary))
        site = stack.enter_context(MamServer(catalogue=catalogue(), tracker_url=tracker.announce_url()))
        environment = environment_of(site, client, directory)
        environment["HARVESTMOUSE_METRICS_PUSHGATEWAY_URL"] = gateway.url
        world = Fed(Rig(site, client, tracker, directory, environment), prometheus, time.time())
        feed(world)
        yield world


def feed(world: Fed) -> None:
    """Run every job in every way that a panel tells of."""
    rig, site = world.rig, world.rig.site
    # Earlier runs have seen the balance grow, by 40 points an hour.
    now = round(time.time())
    for hours in (3, 2):
        Memory(rig.state_dir).remember_balance(now - hours * 3600, POINTS - hours * 40)

    fill(rig)
    world.run("monitor")
    world.run("janitor")
    world.run("janitor", "--apply")
    world.run("janitor", "--apply")  # its predecessor's deletions stand for a second only, and are shown nevertheless
    world.run("reconcile")
    world.run("reconcile", "--apply")
    world.run("rescue")

    site.world.account = Account(classname="Mouse", uploaded_bytes=0, downloaded_bytes=715 * MIB, seedbonus=24_551)
    world.run("grab", "--apply")
    site.lock_session("ASN")
    world.run("spend", "--apply", code=3)
    site.lock_session(None)
    site.world.account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=POINTS)
    world.run("spend")
    world.run("spend", "--apply")

    site.faults.add(Fault("status", PROFILE, status=429, retry_after=3600))
    world.run("grab", "--apply", code=4)
    site.faults.add(Fault("status", DOWNLOAD, status=404))
    world.run("grab", "--apply", code=1, HARVESTMOUSE_GRAB_PER_RUN="2")
    world.run("grab", "--apply", HARVESTMOUSE_GRAB_PER_RUN="2")
    world.run("spend", "--apply")
    world.run("monitor")


def fill(rig: Rig) -> None:
    """Put torrents into the client, of which six are to go, for five reasons; one that owes seed time is stopped."""
    ages: dict[str, Ages] = {}
    for number in range(2):
        ages[rig.put(f"stuck {number}", 100 * MIB)] = Ages(added_ago=2 * DAY)
    ages[rig.put("stalled", 100 * MIB)] = Ages(added_ago=4 * DAY, downloaded=MIB)
    ages[rig.put("old", GIB, complete=True)] = seeded(20 * DAY, 15 * DAY)
    ages[rig.put("unwanted", GIB, complete=True)] = seeded(8 * DAY, 5 * DAY, uploaded=0)
    redundant = rig.put("redundant", GIB, complete=True)
    ages[redundant] = seeded(6 * DAY, 5 * DAY)
    ages[rig.put("owing", GIB, complete=True, paused=True)] = seeded(20 * DAY, 50 * HOUR)
    ages[rig.put("recovering", GIB, complete=True, tags=["recovery"])] = seeded(8 * DAY, 6 * DAY)
    ages[rig.put("foreign", GIB, complete=True, category="films")] = seeded(40 * DAY, 40 * DAY)
    rig.client.age(ages)
    wait_for(lambda: rig.client.torrent(redundant)["num_complete"] == 7, "the tracker's counts")


def catalogue() -> list[CatalogueTorrent]:
    """Return six free torrents that fit, and some that do not, for a reason each."""
    fitting = [
        CatalogueTorrent(id=1000 + number, title=f"Book {number}", size_bytes=60 * MIB, free=1) for number in range(6)
    ]
    rest = [
        CatalogueTorrent(id=2001, title="Not free"),
        CatalogueTorrent(id=2002, title="Had before", free=1, my_snatched=1),
        *(CatalogueTorrent(id=2010 + number, title=f"Everywhere {number}", free=1, seeders=700) for number in range(5)),
    ]
    return fitting + rest


@every_panel
def test_every_query_of_a_panel_returns_data(fed: Fed, panel: Panel) -> None:
    """No panel is empty, and no query of one; every label that a legend names is there."""
    for target in panel.targets:
        series = fed.ask(target)
        assert any(not isnan(value) for one in series for _, value in one.points), target.expression
        assert all(one.labels.get(label) for one in series for label in target.legend_labels), target.expression


@every_panel
def test_series_of_a_panel_are_told_apart(fed: Fed, panel: Panel) -> None:
    """No two series of a panel have the same name, or in a table the same labels."""
    for target in panel.targets:
        named = [target.name(one.labels) if panel.kind != "table" else str(one.labels) for one in fed.ask(target)]
        assert len(set(named)) == len(named)


@pytest.mark.parametrize("panel", [one for one in panels() if one.kind == "table"], ids=lambda panel: panel.title)
def test_a_table_has_a_column_for_every_label(fed: Fed, panel: Panel) -> None:
    """The queries of a table can be laid side by side only where they have the same labels, and each is a column."""
    (shape,) = (one["options"] for one in panel.body["transformations"] if one["id"] == "organize")
    columns = {name for name in shape["renameByName"] if not name.startswith("Value")}
    for target in panel.targets:
        assert {frozenset(one.labels) for one in fed.ask(target)} == {frozenset(columns)}


class TestFigures:
    """What the panels show is what happened."""

    def test_the_account_is_as_the_site_has_it(self, fed: Fed) -> None:
        """After the purchase of 50 GiB."""
        account = fed.rig.site.account
        assert fed.shown("Class") == {"class": 2}
        assert fed.shown("Transfer") == {"uploaded": 66 * GIB, "downloaded": account.downloaded_bytes}
        assert fed.shown("Ratio") == {"ratio": 6.6}
        assert fed.shown("Balance")["points"] == int(account.seedbonus) == 5_000
        assert fed.shown("Unsatisfied torrents")["unsatisfied"] == account.unsat_count

    def test_the_past_is_there_too(self, fed: Fed) -> None:
        """The account was in class Mouse, with a ratio of 0, and had the points for a purchase."""
        assert fed.history("Ratio")["ratio"][0] == 0
        points = fed.history("Points against reserve")
        assert {24_551, 30_000, 5_000} <= set(points["points"])
        assert (set(points["reserve"]), set(points["reserve and 50 GiB"])) == ({500}, {25_500})
        assert max(fed.history("Upload credit")["bought by the run"]) == 50

    def test_deletions_are_shown_by_reason_and_mode(self, fed: Fed) -> None:
        """Each reason with its number, as candidates of the dry run and then as deletions, however short they stand."""
        due = {
            "unregistered": 0,
            "never_started": 2,
            "stalled_old": 1,
            "graceful_retire": 1,
            "zero_demand": 1,
            "satisfied_redundant": 1,
        }
        most = {name: max(values) for name, values in fed.history("Janitor deletions by reason").items()}
        assert most == {**due, **{f"dry run: {reason}": count for reason, count in due.items()}}
        newest = fed.shown("Janitor")
        assert (newest["mode"], newest["owe seed time"], newest["in recovery"]) == (0, 1, 1)

    def test_every_end_of_a_run_is_shown(self, fed: Fed) -> None:
        """Refused, rate-limited, failed and done ones."""
        ends = {job: set(codes) for job, codes in fed.history("How runs ended").items()}
        assert ends["grab"] == {0, 1, 4}
        assert ends["spend"] == {0, 3}
        assert ends["janitor"] == ends["reconcile"] == ends["monitor"] == {0}
        assert set(fed.shown("How each job's last run ended").values()) == {0}
        assert fed.history("State of account and site").keys() == {"ok", "rate_limited", "address_not_allowed"}
        assert fed.shown("Account and site") == {"ok": 1}

    def test_a_skip_is_shown_while_it_lasts(self, fed: Fed) -> None:
        """In class Mouse grab was skipped; it no longer is."""
        assert fed.history("Skipped runs").keys() == {"grab: mouse_class"}
        newest = fed.shown("Grabber")
        assert (newest["not skipped"], newest["grabbed"], newest["in the category"]) == (0, 2, 3)

    def test_a_failed_download_is_an_action_that_was_not_done(self, fed: Fed) -> None:
        """What a dry run did not do is none."""
        history = fed.history("Actions that were not done")
        assert {name: set(values) for name, values in history.items()} == {"add_torrent: failed": {1}}

    def test_the_client_is_as_it_is(self, fed: Fed) -> None:
        """Its torrents by state and tracker, and the one that owes seed time and is stopped."""
        states = fed.shown("Torrents by state")
        torrents = fed.rig.client.torrents().values()
        assert sum(states.values()) == len(torrents)
        assert states["stopped"] == sum(one["state"].startswith("paused") for one in torrents) == 1
        owed = fed.history("Torrents that owe seed time")
        assert (max(owed["owe seed time"]), max(owed["of them queued or stopped"])) == (1, 1)
