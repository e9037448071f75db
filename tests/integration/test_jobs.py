"""The jobs from end to end: the command line, a real client of every version, and the stand-in for the site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from tests.support.mam_server import Account, CatalogueTorrent, Fault, MamServer, Verdict
from tests.support.qbittorrent import Ages, QBittorrent, wait_for
from tests.support.rig import CATEGORY, DAY, HOUR, Rig, environment_of, reasons, seeded, statuses, subjects
from tests.support.torrents import GIB, MIB
from tests.support.tracker import UNREGISTERED, Tracker

PROFILE, SEARCH = "/jsonLoad.php", "/tor/js/loadSearchJSONbasic.php"
DOWNLOAD, SHOP = "/tor/download.php", "/json/bonusBuy.php"
MOUSE = Account(classname="Mouse", uploaded_bytes=0, downloaded_bytes=715 * MIB, seedbonus=24_551)


def catalogue() -> list[CatalogueTorrent]:
    """Return eight free torrents that fit, each with more demand than the one before, and six that do not."""
    fitting = [
        CatalogueTorrent(id=1000 + number, title=f"Book {number}", size_bytes=60 * MIB, leechers=number, free=1)
        for number in range(1, 9)
    ]
    rest = [
        CatalogueTorrent(id=2001, title="Not free", leechers=90),
        CatalogueTorrent(id=2002, title="VIP only", vip=1, leechers=90),
        CatalogueTorrent(id=2003, title="Had before", free=1, leechers=90, my_snatched=1),
        CatalogueTorrent(id=2004, title="Too small", size_bytes=MIB, free=1, leechers=90),
        CatalogueTorrent(id=2005, title="Too large", size_bytes=3 * GIB, free=1, leechers=90),
        CatalogueTorrent(id=2006, title="Everywhere", free=1, leechers=90, seeders=700),
    ]
    return fitting + rest


@pytest.fixture
def site(tracker: Tracker) -> Iterator[MamServer]:
    with MamServer(catalogue=catalogue(), tracker_url=tracker.announce_url()) as running:
        yield running


def rig_of(site: MamServer, client: QBittorrent, tracker: Tracker, directory: Path) -> Rig:
    return Rig(site, client, tracker, directory, environment_of(site, client, directory))


@pytest.fixture
def rig(site: MamServer, qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path) -> Rig:
    """Everything, with a client of the oldest version."""
    return rig_of(site, qbittorrent, tracker, tmp_path)


@pytest.fixture
def any_rig(site: MamServer, any_qbittorrent: QBittorrent, tracker: Tracker, tmp_path: Path) -> Rig:
    """Everything, with one version after the other."""
    return rig_of(site, any_qbittorrent, tracker, tmp_path)


class TestGrab:
    def test_adds_exactly_its_picks(self, any_rig: Rig) -> None:
        """Five torrents are in the client as the plan has them, in the ledger, and snatched at the site."""
        document = any_rig.job("grab", "--apply")
        picked = subjects(document, "add_torrent")
        assert picked == {"1008", "1007", "1006", "1005", "1004"}
        assert statuses(document) == ["done"] * 5
        hashes = {any_rig.site.world.info_hash(int(one)) for one in picked}
        assert set(any_rig.client.torrents()) == hashes
        for torrent in any_rig.client.torrents().values():
            assert torrent["category"] == CATEGORY
            assert set(torrent["tags"].split(", ")) == {"mam", "freeleech"}
            assert Path(torrent["save_path"]) == any_rig.directory / "farm"
        assert {str(one) for one in any_rig.site.world.snatched} == picked
        entries = Ledger(any_rig.state_dir / "grabbed_ids.txt").entries()
        assert {one.info_hash for one in entries if one.outcome == "grabbed"} == hashes

    def test_follows_the_cookie_through_every_response(self, rig: Rig) -> None:
        """Over two runs with strict rotation each request shows the newest cookie, which then is on disk."""
        rig.job("grab", "--apply")
        assert rig.cookie_on_disk == rig.site.cookie
        rig.job("grab", "--apply")
        assert rig.cookie_on_disk == rig.site.cookie
        assert rig.site.session.retired_presented == 0
        assert {request.cookie for request in rig.site.requests} == {Verdict.CURRENT}
        assert len(rig.site.requests) >= 11

    def test_takes_no_torrent_twice(self, rig: Rig) -> None:
        """The next run takes the other three, and the one behind it none."""
        first = subjects(rig.job("grab", "--apply"), "add_torrent")
        second = subjects(rig.job("grab", "--apply"), "add_torrent")
        assert (len(first), len(second), first & second) == (5, 3, set())
        assert rig.job("grab", "--apply")["actions"] == []
        assert len(rig.client.torrents()) == 8

    def test_dry_adds_nothing(self, rig: Rig) -> None:
        """Without --apply the client, the ledger and the account stay as they were; the cookie moves on."""
        document = rig.job("grab")
        assert len(document["actions"]) == 5
        assert rig.client.torrents() == {}
        assert rig.site.count(DOWNLOAD) == 0
        assert {path.name for path in rig.state_dir.iterdir()} <= {
            "mam_id", "account.json", "lock", "recordings", "tracker_clock.json",
        }  # fmt: skip
        assert rig.cookie_on_disk == rig.site.cookie

    def test_in_class_mouse_asks_for_the_profile_alone(self, rig: Rig) -> None:
        """No search and no download is sent, and the client is not asked (incident I1)."""
        rig.site.world.account = MOUSE
        document = rig.job("grab", "--apply", HARVESTMOUSE_QBITTORRENT_URL="http://127.0.0.1:9")
        assert document["skip"]["reason"] == "mouse_class"
        assert [request.endpoint for request in rig.site.requests] == [PROFILE]

    def test_goes_on_where_one_torrent_is_gone(self, rig: Rig) -> None:
        """A download that the site refuses for one torrent fails alone."""
        rig.site.faults.add(Fault("status", DOWNLOAD, status=404, body="Torrent not found", cookie="rotated"))
        document = rig.job("grab", "--apply", code=1)
        assert sorted(statuses(document)) == ["done"] * 4 + ["failed"]
        assert len(rig.client.torrents()) == 4

    def test_stops_at_a_freeze_and_remembers_it(self, rig: Rig) -> None:
        """Once the site freezes downloads, later runs do not even ask."""
        rig.site.account.unsat_count = 88
        rig.site.account.unsat_limit = 100
        text = "Attempted to Download Past Unsatisfied limit. Time Till Download Allowed: 02:00:00"
        rig.site.faults.add(Fault("status", DOWNLOAD, status=200, body=text, cookie="rotated"))
        rig.job("grab", "--apply", code=1)
        assert rig.job("grab", "--apply")["skip"]["reason"] == "download_freeze"
        assert (rig.site.count(DOWNLOAD), rig.site.count(SEARCH)) == (1, 1)

    def test_works_behind_a_password(
        self, site: MamServer, qbittorrent_with_password: QBittorrent, tracker: Tracker, tmp_path: Path
    ) -> None:
        """User name and password from the environment are enough."""
        rig = rig_of(site, qbittorrent_with_password, tracker, tmp_path)
        assert statuses(rig.job("grab", "--apply")) == ["done"] * 5


@pytest.fixture
def names() -> dict[str, str]:
    """Info-hashes by what is special about each torrent; filled by `aged`."""
    return {}


@pytest.fixture
def aged(any_rig: Rig, names: dict[str, str]) -> Rig:
    """A client full of old torrents, of which six are to go, one for each reason or condition."""
    rig, ages = any_rig, {}

    def put(name: str, claims: Ages | None = None, **how: Any) -> None:
        names[name] = rig.put(name, GIB if how.get("complete") else 100 * MIB, **how)
        if claims is not None:
            ages[names[name]] = claims

    put("stuck", Ages(added_ago=2 * DAY))
    put("stuck and paused", Ages(added_ago=2 * DAY), paused=True)
    put("stalled", Ages(added_ago=4 * DAY, downloaded=MIB))
    put("old", seeded(20 * DAY, 15 * DAY), complete=True)
    put("unwanted", seeded(8 * DAY, 5 * DAY, uploaded=0), complete=True)
    put("redundant", seeded(6 * DAY, 5 * DAY), complete=True)
    put("young", Ages(added_ago=23 * HOUR))
    put("downloading", Ages(added_ago=2 * DAY, downloaded=MIB))
    put("owing", seeded(20 * DAY, 95 * HOUR), complete=True)
    put("owing and paused", seeded(20 * DAY, 71 * HOUR), complete=True, paused=True)
    put("owing and unwanted", seeded(30 * DAY, 50 * HOUR, uploaded=0), complete=True)
    put("owing and unregistered", seeded(20 * DAY, 10 * HOUR), complete=True, kind="unreg")
    put("protected", seeded(30 * DAY, 30 * DAY), complete=True, tags=["Keep"])
    put("recovering", seeded(8 * DAY, 6 * DAY), complete=True, tags=["Recovery"])
    put("foreign", seeded(40 * DAY, 40 * DAY), complete=True, category="films")
    put("foreign and stuck", Ages(added_ago=40 * DAY), category="")
    rig.client.age(ages)
    wait_for(lambda: _seeders(rig, names["redundant"]) == 7, "the tracker's counts")
    return rig


def _seeders(rig: Rig, identity: str) -> int:
    return int(rig.client.torrent(identity)["num_complete"])


DUE = {
    "stuck": "never_started",
    "stuck and paused": "never_started",
    "stalled": "stalled_old",
    "old": "graceful_retire",
    "unwanted": "zero_demand",
    "redundant": "satisfied_redundant",
}
FOREIGN = {"foreign", "foreign and stuck"}


class TestJanitor:
    def test_deletes_exactly_what_its_plan_says(self, aged: Rig, names: dict[str, str]) -> None:
        """On every version six torrents go, each for its reason; whatever owes, is protected or foreign stays."""
        by_hash = {identity: name for name, identity in names.items()}
        document = aged.job("janitor", "--apply", HARVESTMOUSE_CLEANUP_PROTECT_TAGS="keep")
        deleted = {by_hash[one]: reason for one, reason in reasons(document, "delete").items()}
        assert deleted == DUE
        assert set(statuses(document)) == {"done"}
        assert {by_hash[one] for one in aged.client.torrents()} == set(names) - set(DUE)
        kept = {by_hash[one]: reason for one, reason in reasons(document, "keep").items()}
        assert kept == {
            "young": "active",
            "downloading": "active",
            "owing": "hnr_window",
            "owing and paused": "hnr_window",
            "owing and unwanted": "hnr_window",
            "owing and unregistered": "hnr_window",
            "protected": "protected",
            "recovering": "recovery_hold",
        }
        assert aged.site.requests == []
        assert aged.job("janitor", "--apply", HARVESTMOUSE_CLEANUP_PROTECT_TAGS="keep")["actions"] == []

    def test_dry_deletes_nothing(self, rig: Rig) -> None:
        """A dry run names its candidates and leaves them."""
        identity = rig.put("stuck", MIB)
        rig.client.age({identity: Ages(added_ago=2 * DAY)})
        assert subjects(rig.job("janitor"), "delete_torrent") == {identity}
        assert set(rig.client.torrents()) == {identity}
        assert {path.name for path in rig.state_dir.iterdir()} == {"listing.json", "recordings", "tracker_clock.json"}

    def test_takes_the_files_too(self, rig: Rig) -> None:
        """What a deleted torrent held on disk is gone."""
        identity = rig.put("old", GIB, complete=True)
        rig.client.age({identity: seeded(20 * DAY, 15 * DAY)})
        assert (rig.client.downloads / "old").exists()
        rig.job("janitor", "--apply")
        wait_for(lambda: not (rig.client.downloads / "old").exists(), "the file to go")

    def test_reads_tracker_messages_of_every_version(self, any_rig: Rig) -> None:
        """A torrent the tracker knows no more goes, by status 4 or 5; an outage and a plain 404 are no reason."""
        fine = [any_rig.put(f"fine {number}", GIB, complete=True) for number in range(4)]
        gone = any_rig.put("gone", GIB, complete=True, kind="unreg")
        absent = any_rig.put("absent", GIB, complete=True, kind="404")
        owing = any_rig.put("owing", GIB, complete=True, kind="unreg")
        claims = dict.fromkeys([*fine, gone, absent], seeded(6 * DAY, 4 * DAY + HOUR))
        any_rig.tracker.swarm = type(any_rig.tracker.swarm)(seeders=2)
        any_rig.client.age({**claims, owing: seeded(6 * DAY, DAY)})
        row = any_rig.client.wait_for_tracker(gone, 4, 5)
        any_rig.client.wait_for_tracker(absent, 4, 5)
        assert (row["msg"], row["status"]) == (UNREGISTERED, 5 if any_rig.client.version.startswith("5.3") else 4)
        document = any_rig.job("janitor", "--apply")
        assert reasons(document, "delete") == {gone: "unregistered"}
        assert reasons(document, "keep")[owing] == "hnr_window"
        assert set(any_rig.client.torrents()) == {*fine, absent, owing}

    def test_takes_most_torrents_for_an_account_event(self, rig: Rig) -> None:
        """Where most torrents are refused at once nothing is deleted, and the operator is told."""
        hashes = [rig.put(f"refused {number}", GIB, complete=True, kind="unreg") for number in range(4)]
        rig.client.age(dict.fromkeys(hashes, seeded(6 * DAY, 5 * DAY)))
        for identity in hashes:
            rig.client.wait_for_tracker(identity, 4, 5)
        document = rig.job("janitor", "--apply")
        assert set(reasons(document, "keep").values()) == {"account_event"}
        assert any("speaks of the account" in sentence for sentence in document["advice"])
        assert set(rig.client.torrents()) == set(hashes)

    def test_keeps_a_torrent_whose_files_are_lost(self, any_rig: Rig) -> None:
        """A torrent that owes seed time and has lost its files looks empty, and is kept (incident I20)."""
        identity = any_rig.put("lost", GIB, complete=True)
        any_rig.client.age({identity: seeded(20 * DAY, DAY)})
        any_rig.client.stop()
        (any_rig.client.downloads / "lost").unlink()
        any_rig.client.start()
        any_rig.client.wait_for_state(identity, "missingFiles")
        document = any_rig.job("janitor", "--apply")
        assert reasons(document, "keep") == {identity: "client_error"}
        assert set(any_rig.client.torrents()) == {identity}

    def test_stops_at_an_empty_client(self, rig: Rig) -> None:
        """A client without any torrent is a safety stop."""
        assert rig.job("janitor", "--apply", code=5)["skip"]["reason"] == "empty_listing"


class TestSpend:
    @pytest.fixture
    def poor(self, site: MamServer, tracker: Tracker, tmp_path: Path) -> Rig:
        """An account 4 GiB short of ratio 2, with points for one purchase; no client is needed."""
        site.world.account = Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=30_000.5)
        client = QBittorrent(tmp_path / "never-started")
        return Rig(site, client, tracker, tmp_path, environment_of(site, None, tmp_path))

    def pending(self, rig: Rig) -> object:
        return Journal(rig.state_dir / "purchases.jsonl").pending()

    def test_buys_fifty_once(self, poor: Rig) -> None:
        """The smallest tier covers the need; the next run sees none."""
        document = poor.job("spend", "--apply")
        assert [(one["gib"], one["cost_bp"]) for one in document["actions"]] == [(50, 25_000)]
        assert statuses(document) == ["done"]
        assert (poor.site.account.uploaded_bytes, poor.site.account.seedbonus) == (66 * GIB, 5_000.5)
        assert reasons(poor.job("spend", "--apply"), "hold") == {"upload": "no_deficit"}
        assert poor.site.count(SHOP) == 1
        assert self.pending(poor) is None
        assert poor.site.session.retired_presented == 0

    def test_dry_buys_nothing(self, poor: Rig) -> None:
        """A dry run plans the purchase and sends no request to the shop."""
        assert len(poor.job("spend")["actions"]) == 1
        assert poor.site.count(SHOP) == 0
        assert self.pending(poor) is None

    def test_a_stale_profile_buys_nothing_twice(self, poor: Rig) -> None:
        """While the site still shows the account from before, no second purchase is made."""
        poor.site.account.seedbonus = 90_000
        poor.site.quirks.balance_lag = HOUR / 60
        poor.job("spend", "--apply")
        poor.job("spend", "--apply")
        assert poor.site.count(SHOP) == 1

    def test_a_refusal_is_a_failure(self, poor: Rig) -> None:
        """The site's no is told, and nothing is pending."""
        body = '{"error": "Automated spenders are limited", "success": false}'
        poor.site.faults.add(Fault("status", SHOP, status=200, body=body, cookie="rotated"))
        document = poor.job("spend", "--apply", code=1)
        assert statuses(document) == ["failed"]
        assert "Automated spenders are limited" in document["outcome"]["actions"][0]["why"]
        assert self.pending(poor) is None

    def test_a_poor_mouse_is_told_what_helps(self, poor: Rig) -> None:
        """24 551 points buy no tier by themselves; by hand, 1 GiB would help (incident I2)."""
        poor.site.world.account = MOUSE
        document = poor.job("spend", "--apply")
        assert document["actions"] == []
        assert any("1 GiB of upload credit for 500 BP" in sentence for sentence in document["advice"])
        assert poor.site.count(SHOP) == 0

    @pytest.mark.parametrize("kind", ["hang", "cut", "cut_body", "truncated"])
    def test_a_lost_reply_is_settled_by_the_next_run(self, poor: Rig, kind: Any) -> None:
        """The purchase happened, its reply did not arrive: later runs find out, and do not buy again."""
        poor.site.account.seedbonus = 90_000
        poor.site.faults.add(Fault(kind, SHOP, happens=True, seconds=3))
        report = poor.run("spend")
        assert int(report.exit_code) == 1
        assert self.pending(poor) is not None
        poor.run("spend")
        assert self.pending(poor) is not None
        settled = poor.run("spend", later=61)
        assert self.pending(poor) is None
        assert settled.plan.actions == ()
        poor.run("spend", later=600)
        assert poor.site.count(SHOP) == 1
        assert poor.site.account.seedbonus == 65_000

    def test_a_lost_request_is_made_again(self, poor: Rig) -> None:
        """The purchase did not happen: once that is known, it is made."""
        poor.site.faults.add(Fault("cut", SHOP))
        poor.run("spend")
        poor.run("spend", later=61)
        assert (poor.site.count(SHOP), self.pending(poor)) == (1, None)
        poor.run("spend", later=200)
        assert (poor.site.count(SHOP), poor.site.account.seedbonus) == (2, 5_000.5)


class TestReconcile:
    def test_writes_and_reads_back(self, any_rig: Rig) -> None:
        """The client has the wanted queue, nothing else changed, and the next run changes nothing."""
        before = any_rig.client.get("app/preferences").json()
        document = any_rig.job("reconcile", "--apply")
        assert statuses(document) == ["done"]
        wanted = {
            "queueing_enabled": True,
            "max_active_downloads": 20,
            "max_active_uploads": 150,
            "max_active_torrents": 170,
            "dont_count_slow_torrents": True,
        }
        assert any_rig.client.get("app/preferences").json() == {**before, **wanted}
        assert any_rig.job("reconcile", "--apply")["actions"] == []
        assert any_rig.site.requests == []

    def test_dry_writes_nothing(self, rig: Rig) -> None:
        """A dry run names the changes and leaves the client as it is."""
        before = rig.client.get("app/preferences").json()
        assert len(rig.job("reconcile")["actions"]) == 1
        assert rig.client.get("app/preferences").json() == before

    def test_starts_what_owes_seed_time(self, any_rig: Rig) -> None:
        """A stopped torrent that owes seed time runs again where that is wanted; others stay stopped."""
        owing = any_rig.put("owing", GIB, complete=True, paused=True)
        done = any_rig.put("done", GIB, complete=True, paused=True)
        foreign = any_rig.put("foreign", GIB, complete=True, paused=True, category="films")
        any_rig.client.age({owing: seeded(2 * DAY, HOUR), done: seeded(9 * DAY, 8 * DAY), foreign: seeded(DAY, HOUR)})
        document = any_rig.job("reconcile", "--apply", HARVESTMOUSE_RECONCILE_FORCE_START="true")
        assert subjects(document, "resume") == {owing}
        any_rig.client.wait_for_state(owing, "stalledUP", "uploading")
        for identity in (done, foreign):
            assert any_rig.client.torrent(identity)["state"] in ("pausedUP", "stoppedUP")


class TestRescue:
    def test_gets_seeding_what_rests_or_is_refused(self, any_rig: Rig, tracker: Tracker) -> None:
        """A stopped torrent resumes, a refused one is announced to a tracker that takes it by now; one is well."""
        well, stopped, refused = (
            any_rig.put(name, GIB, complete=True, paused=name == "stopped") for name in ("well", "stopped", "refused")
        )
        any_rig.client.age({one: seeded(2 * DAY, HOUR) for one in (well, stopped, refused)})
        tracker.refusals[refused] = UNREGISTERED
        any_rig.client.post("torrents/reannounce", hashes=refused)
        any_rig.client.wait_for_tracker(refused, 4, 5)
        any_rig.client.wait_for_tracker(well, 2)
        del tracker.refusals[refused]
        switches: dict[str, Any] = {
            "HARVESTMOUSE_RECONCILE_FORCE_START": "true",
            "HARVESTMOUSE_RESCUE_REANNOUNCE": "true",
        }
        document = any_rig.job("rescue", "--apply", **switches)
        assert (subjects(document, "resume"), subjects(document, "reannounce")) == ({stopped}, {refused})
        assert reasons(document, "keep") == {well: "announcing"}
        assert statuses(document) == ["done", "done"]
        for identity in (stopped, refused):
            any_rig.client.wait_for_tracker(identity, 2)
        assert any_rig.job("rescue", "--apply", **switches)["actions"] == []

    def test_the_trackers_clock_goes_on_only_while_it_works(self, any_rig: Rig, tracker: Tracker) -> None:
        """The janitor asks for the messages of what owes, and remembers who announced."""
        well, refused = (any_rig.put(name, GIB, complete=True) for name in ("well", "refused"))
        any_rig.client.age({one: seeded(2 * DAY, HOUR) for one in (well, refused)})
        tracker.refusals[refused] = UNREGISTERED
        any_rig.client.post("torrents/reannounce", hashes=refused)
        any_rig.client.wait_for_tracker(refused, 4, 5)
        any_rig.client.wait_for_tracker(well, 2)
        any_rig.job("janitor")
        kept = json.loads((any_rig.state_dir / "tracker_clock.json").read_text())
        assert {one: row["announcing"] for one, row in kept.items()} == {well: True, refused: False}
        assert all(row["seconds"] >= 3600 for row in kept.values())
