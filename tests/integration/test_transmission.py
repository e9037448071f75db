"""The jobs from end to end with the other kind of client: the command line and a real transmission-daemon."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import ItemError, Terminated
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.transmission import TransmissionClient
from harvestmouse.testing.client import wanted
from tests.support.components import require
from tests.support.mam_server import CatalogueTorrent, MamServer
from tests.support.qbittorrent import Ages, Login, wait_for
from tests.support.rig import CATEGORY, DAY, HOUR, environment_of, reasons, seeded, statuses, subjects
from tests.support.torrents import MIB, make_torrent
from tests.support.tracker import UNREGISTERED, Tracker
from tests.support.transmission import SEED, SEED_WAIT, STOPPED, USUAL, Transmission, find_binary
from tests.support.world import harvestmouse


@define
class Rig:
    """A daemon with a password, a tracker, and the command line over them.

    Attributes:
        environment: All that a run is told.
    """

    client: Transmission
    tracker: Tracker
    directory: Path
    environment: dict[str, str]

    def job(self, job: str, *words: str, code: int = 0) -> dict[str, Any]:
        """Run a job, hold its exit code against *code*, and return its plan with the outcome."""
        done = harvestmouse(job, "--json", *words, environment=self.environment)
        assert done.returncode == code, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def put(self, name: str, *, labels: Iterable[str] = (CATEGORY,), kind: str = "", **how: Any) -> str:
        """Put a torrent into the daemon, and return its info-hash."""
        content, _ = make_torrent(name, 10 * MIB, self.tracker.announce_url(kind))
        return self.client.add(content, labels=labels, **how)

    def there(self) -> set[str]:
        """Return the info-hashes of what the daemon has."""
        return set(self.client.torrents())


@pytest.fixture
def rig(tracker: Tracker, tmp_path: Path) -> Iterator[Rig]:
    with Transmission(tmp_path / "daemon", require(find_binary), login=Login()) as client:
        environment = {
            "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
            "HARVESTMOUSE_QBITTORRENT_ADAPTER": "transmission",
            "HARVESTMOUSE_QBITTORRENT_URL": client.url,
            "HARVESTMOUSE_QBITTORRENT_USERNAME": Login().username,
            "HARVESTMOUSE_QBITTORRENT_PASSWORD": Login().password,
        }
        yield Rig(client, tracker, tmp_path, environment)


def test_grab_adds_its_picks_with_their_labels(rig: Rig) -> None:
    """They are in the client as the plan has them, run, and the next run takes none again."""
    catalogue = [CatalogueTorrent(id=number, title=f"Book {number}", leechers=9, free=1) for number in (1001, 1002)]
    with MamServer(catalogue=catalogue, tracker_url=rig.tracker.announce_url()) as site:
        rig.environment |= environment_of(site, None, rig.directory)
        assert subjects(rig.job("grab"), "add_torrent") == {"1001", "1002"}
        assert rig.there() == set()
        assert statuses(rig.job("grab", "--apply")) == ["done"] * 2
        assert rig.there() == {site.world.info_hash(number) for number in (1001, 1002)}
        for row in rig.client.torrents().values():
            assert row["labels"] == [CATEGORY, "mam", "freeleech"]
            assert Path(row["downloadDir"]) == rig.directory / "farm"
            assert row["status"] != STOPPED
        assert rig.job("grab", "--apply")["actions"] == []


def test_an_addition_that_is_cut_short_leaves_nothing_that_runs(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the torrent and its category there is nothing for a tracker to count."""

    def killed(*_: object) -> None:
        raise Terminated("the run was told to end")

    content, _ = make_torrent("barn", MIB, rig.tracker.announce_url())
    monkeypatch.setattr(TransmissionClient, "_label", killed)
    adapter = adapter_of(rig)
    with pytest.raises(Terminated):
        adapter.add(content, info_hash(content), wanted(str(rig.directory)))
    adapter.close()
    left = rig.client.wait_for_status(info_hash(content), STOPPED)
    # Later versions take them with the torrent.
    assert left["labels"] == ([] if rig.client.version.startswith("3.") else [CATEGORY, "mam", "freeleech"])
    assert rig.tracker.announces(info_hash(content)) == 0


@pytest.mark.parametrize("tag", ["a, b", " spaced", "🐭"])
def test_a_tag_that_it_does_not_keep_is_an_item_s_failure(rig: Rig, tag: str) -> None:
    """The torrent is taken out again before it has started, if it was taken at all."""
    if tag == "🐭" and not rig.client.version.startswith("3."):
        pytest.skip("later versions keep it")
    content, _ = make_torrent("barn", MIB, rig.tracker.announce_url())
    adapter = adapter_of(rig)
    with pytest.raises(ItemError, match=r"category and tags|did not take it"):
        adapter.add(content, info_hash(content), wanted(str(rig.directory), tags=(tag,)))
    adapter.close()
    assert rig.there() == set()
    assert rig.tracker.announces(info_hash(content)) == 0


def adapter_of(rig: Rig) -> TransmissionClient:
    login = Login()
    return TransmissionClient(rig.client.url, login.username, Secret(login.password), category=CATEGORY)


@pytest.fixture
def names() -> dict[str, str]:
    """Info-hashes by what is special about each torrent; filled by `aged`."""
    return {}


@pytest.fixture
def aged(rig: Rig, names: dict[str, str]) -> Rig:
    """A client full of old torrents, of which six are to go, one for each reason."""
    ages: dict[str, Ages] = {}

    def put(name: str, claims: Ages, **how: Any) -> None:
        names[name] = rig.put(name, **how)
        ages[names[name]] = claims

    put("stuck", Ages(added_ago=2 * DAY))
    put("stalled", Ages(added_ago=4 * DAY, downloaded=MIB))
    put("old", seeded(20 * DAY, 15 * DAY), complete=True)
    put("unwanted", seeded(8 * DAY, 5 * DAY, uploaded=0), complete=True, labels=["mam", CATEGORY])
    put("redundant", seeded(6 * DAY, 5 * DAY), complete=True)
    put("unregistered", seeded(5 * DAY, 4 * DAY + HOUR), complete=True)
    put("downloading", Ages(added_ago=2 * DAY, downloaded=MIB))
    put("owing", seeded(20 * DAY, 95 * HOUR), complete=True)
    put("protected", seeded(30 * DAY, 30 * DAY), complete=True, labels=[CATEGORY, "Keep"])
    put("recovering", seeded(8 * DAY, 6 * DAY), complete=True, labels=["Recovery", CATEGORY])
    put("never announced", Ages(added_ago=2 * DAY), paused=True)
    put("always refused", seeded(20 * DAY, 15 * DAY), complete=True, kind="unreg")
    put("foreign", seeded(40 * DAY, 40 * DAY), complete=True, labels=["films"])
    put("nobody's", Ages(added_ago=40 * DAY), labels=[])
    rig.client.age(ages)
    for name in names.keys() - {"never announced", "always refused"}:
        rig.client.wait_for_announce(names[name])
    rig.client.wait_for_announce(names["always refused"], UNREGISTERED)
    rig.client.hear_refusal(rig.tracker, names["unregistered"], UNREGISTERED)
    return rig


DUE = {
    "stuck": "never_started",
    "stalled": "stalled_old",
    "old": "graceful_retire",
    "unwanted": "zero_demand",
    "redundant": "satisfied_redundant",
    "unregistered": "unregistered",
}
KEPT = {
    "downloading": "active",
    "owing": "hnr_window",
    "protected": "protected",
    "recovering": "recovery_hold",
    # Nobody has told how many seed them since the daemon was started.
    "never announced": "unknown",
    "always refused": "unknown",
}


def test_the_janitor_deletes_what_its_plan_says_and_holds_what_it_cannot_know(aged: Rig, names: dict[str, str]) -> None:
    """A dry run changes nothing; then six torrents go with their files, and a replay decides both runs alike."""
    by_hash = {identity: name for name, identity in names.items()}
    aged.environment["HARVESTMOUSE_CLEANUP_PROTECT_TAGS"] = "keep"
    dry = aged.job("janitor")
    assert aged.there() == set(by_hash)
    document = aged.job("janitor", "--apply")
    for one in (dry, document):
        assert {by_hash[identity]: reason for identity, reason in reasons(one, "delete").items()} == DUE
        assert {by_hash[identity]: reason for identity, reason in reasons(one, "keep").items()} == KEPT
    assert set(statuses(document)) == {"done"}
    assert {by_hash[identity] for identity in aged.there()} == {*KEPT, "foreign", "nobody's"}
    wait_for(lambda: not (aged.client.downloads / "old").exists(), "the files to go")
    assert aged.job("janitor", "--apply")["actions"] == []
    replayed = harvestmouse("replay", str(aged.directory / "state" / "recordings"), environment=aged.environment)
    assert replayed.returncode == 0, replayed.stdout
    assert "replayed 3 recordings: 3 the same" in replayed.stdout


def test_the_janitor_stops_at_an_empty_client(rig: Rig) -> None:
    """So it does where the daemon has just been started, and has not read its torrents yet."""
    assert rig.job("janitor", "--apply", code=5)["skip"]["reason"] == "empty_listing"


def test_reconcile_writes_what_there_is_and_leaves_the_rest_unknown(rig: Rig) -> None:
    """Both queues are as wanted, nothing else changed, and the next run changes nothing."""

    def session() -> dict[str, Any]:
        told = rig.client.ask("session-get")
        # Other programs write to the same disk.
        return {key: value for key, value in told.items() if key != "download-dir-free-space"}

    before = session()
    assert len(rig.job("reconcile")["actions"]) == 1
    assert session() == before
    document = rig.job("reconcile", "--apply")
    assert statuses(document) == ["done"]
    assert reasons(document, "keep") == {
        "queueing_enabled": "as_wanted",
        "dont_count_slow_torrents": "as_wanted",
        "max_active_torrents": "unknown",
    }
    assert session() == {**before, "download-queue-size": 20, "seed-queue-enabled": True, "seed-queue-size": 150}
    assert rig.job("reconcile", "--apply")["actions"] == []


def test_reconcile_starts_what_owes_seed_time(rig: Rig) -> None:
    """A stopped and a queued torrent that owe seed time are started where that is wanted; others stay as they are."""
    slots = 3  # one for each torrent that owes, or there would be more of them
    fillers = [rig.put(f"filler {number}", complete=True, labels=["films"]) for number in range(slots)]
    queued, owing, done = (rig.put(name, complete=True, paused=True) for name in ("queued", "owing", "done"))
    foreign = rig.put("foreign", complete=True, paused=True, labels=["films"])
    rig.client.ask("session-set", seed_queue_enabled=True, seed_queue_size=slots)
    rig.client.age(
        dict.fromkeys([*fillers, done], seeded(9 * DAY, 8 * DAY))
        | dict.fromkeys([queued, owing, foreign], seeded(2 * DAY, HOUR))
    )
    for filler in fillers:
        rig.client.wait_for_status(filler, SEED)
    rig.client.ask("torrent-start", ids=[queued])
    rig.client.wait_for_status(queued, SEED_WAIT)
    rig.environment |= {
        "HARVESTMOUSE_RECONCILE_MAX_ACTIVE_UPLOADS": str(slots),
        "HARVESTMOUSE_RECONCILE_MAX_ACTIVE_DOWNLOADS": str(USUAL["download-queue-size"]),
        "HARVESTMOUSE_RECONCILE_FORCE_START": "true",
    }
    dry = rig.job("reconcile")
    assert (rig.client.torrent(queued)["status"], rig.client.torrent(owing)["status"]) == (SEED_WAIT, STOPPED)
    document = rig.job("reconcile", "--apply")
    for one in (dry, document):
        assert (subjects(one, "resume"), subjects(one, "force_start")) == ({owing}, {queued})
    assert statuses(document) == ["done"] * 2
    assert rig.client.torrent(queued)["status"] == SEED
    # There is no slot for it, and it was not forced.
    assert rig.client.torrent(owing)["status"] == SEED_WAIT
    for identity in (done, foreign):
        assert rig.client.torrent(identity)["status"] == STOPPED


@pytest.mark.parametrize("words", [(), ("--apply",)], ids=["dry", "apply"])
def test_monitor_counts_each_tracker(rig: Rig, words: tuple[str, ...]) -> None:
    """By category first, then by the tracker's host; how the daemon is connected it does not tell."""
    rig.put("full", complete=True)
    rig.put("empty", labels=["mam", CATEGORY])
    rig.put("film", complete=True, paused=True, labels=["films"])
    figures = rig.job("monitor", *words)["figures"]
    trackers = figures["trackers"]
    counts = {
        label: {state: count for state, count in one["states"].items() if count} for label, one in trackers.items()
    }
    assert counts == {"mam": {"seeding": 1, "downloading": 1}, "127.0.0.1": {"stopped": 1}}
    assert trackers["mam"]["size_bytes"] == 20 * MIB
    assert (figures["connection_status"], figures["dht_nodes"]) == (None, None)
    assert (figures["download_bytes_per_second"], figures["upload_bytes_per_second"]) == (0, 0)
