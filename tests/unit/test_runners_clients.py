"""Runs over several clients: one that is away holds its own torrents only, and is told of at the end."""

import gzip
import json
from pathlib import Path

import pytest

from harvestmouse.adapters.state.memory import Memory
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.actions import SetPreferences
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.wire.plan import unparse_plan
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners import recorder
from harvestmouse.runners.doctor import Doctor
from harvestmouse.runners.fetch import fetch_everything
from harvestmouse.runners.measure import Ending, measure
from harvestmouse.runners.report import Exit, Report
from tests.support.builders import DAY, GIB, NOW, download, hash_of, preferences, profile, result, skipped, torrent
from tests.support.several import Clients
from tests.support.world import world_of


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    """Two clients, each with a torrent that never started and one that owes seed time; other slots in each."""
    home, box = (
        world_of(
            account=profile(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, bonus_points=60_000.0),
            torrents=[
                download(number, state="queuedDL", added_on=NOW - 2 * DAY, messages=None),
                torrent(number + 1, seeding_time=3600),
            ],
            catalogue=[result(number, leechers=9) for number in (1001, 1002)],
            preferences=preferences(max_active_uploads=uploads, queueing_enabled=True),
        )
        for number, uploads in ((1, 150), (11, 4))
    )
    return Clients({"home": home, "box": box}, tmp_path / "state")


def targets(report: Report) -> set[str]:
    """Return the info-hashes that are acted on."""
    return {one.hash for one in report.plan.actions if hasattr(one, "hash")}


class TestJanitor:
    def test_deletes_in_every_client(self, clients: Clients) -> None:
        """Its candidates go where they are held."""
        report = clients.run("janitor", apply=True)
        assert report.exit_code == Exit.DONE
        assert [set(world.torrents) for world in clients.worlds.values()] == [{hash_of(2)}, {hash_of(12)}]

    def test_goes_on_without_one(self, clients: Clients) -> None:
        """The rest is decided and done, and the run says at its end who was away."""
        clients.fails["box"] = {"*"}
        report = clients.run("janitor", apply=True)
        assert set(clients.worlds["home"].torrents) == {hash_of(2)}
        assert len(clients.worlds["box"].torrents) == 2
        assert (report.exit_code, report.plan.complete) == (Exit.UNAVAILABLE, False)
        assert "client box: no answer" in str(report.error)

    def test_a_client_that_goes_away_between_plan_and_act_keeps_its_own(self, clients: Clients) -> None:
        """What was planned for the others is done."""
        clients.fails["box"] = {"look"}
        report = clients.run("janitor", apply=True)
        assert {one.action.hash: one.status.value for one in report.outcomes if hasattr(one.action, "hash")} == {
            hash_of(1): "done",
            hash_of(11): "not_attempted",
        }
        assert report.exit_code == Exit.UNAVAILABLE
        assert set(clients.worlds["home"].torrents) == {hash_of(2)}

    def test_a_client_that_dies_while_it_is_asked_counts_as_away(self, clients: Clients) -> None:
        """Its torrents are not decided without what their trackers say."""
        clients.fails["box"] = {"with_messages"}
        report = clients.run("janitor")
        assert targets(report) == {hash_of(1)}
        assert clients.ports is not None
        assert clients.ports.snapshot is not None
        assert clients.ports.snapshot.missing_clients == ("box",)

    def test_remembers_how_many_each_has(self, clients: Clients) -> None:
        """One that is away keeps its count, and the others are not taken for shrunken because of it."""
        clients.run("janitor", apply=True)
        memory = Memory(clients.state_dir)
        assert memory.listing() == {"remembered_count": 2, "clients": {"home": 1, "box": 1}}
        memory.remember_listing(101, {"home": 1, "box": 100})
        clients.fails["box"] = {"*"}
        assert clients.run("janitor", apply=True).plan.skip is None
        assert memory.listing() == {"remembered_count": 101, "clients": {"home": 1, "box": 100}}
        clients.fails.clear()
        assert skipped(clients.run("janitor").plan) == "shrunken_listing"

    def test_a_count_of_old_is_that_of_all(self, clients: Clients) -> None:
        """Nobody knows whose it was, so that less than all is less."""
        Memory(clients.state_dir).remember_listing(100)
        clients.fails["box"] = {"*"}
        assert skipped(clients.run("janitor").plan) == "shrunken_listing"


class TestOthers:
    def test_grab_is_held_while_one_is_away(self, clients: Clients) -> None:
        """It may have what would be picked; nothing is asked of the search."""
        clients.fails["home"] = {"*"}
        report = clients.run("grab")
        assert skipped(report.plan) == "client_unknown"
        assert report.plan.skip is not None
        assert "home" in report.plan.skip.detail
        assert report.exit_code == Exit.UNAVAILABLE

    def test_grab_adds_to_the_first(self, clients: Clients) -> None:
        """The free space that was counted on is its own."""
        report = clients.run("grab", apply=True)
        assert report.exit_code == Exit.DONE
        assert [len(world.torrents) for world in clients.worlds.values()] == [4, 2]

    def test_reconcile_sets_each_clients_own(self, clients: Clients) -> None:
        """A plan names the client, and so do its decisions."""
        report = clients.run("reconcile", apply=True)
        (written,) = [one for one in report.plan.actions if isinstance(one, SetPreferences)]
        assert (written.client, list(written.changes)) == ("box", ["max_active_uploads"])
        assert {one.subject.partition("/")[0] for one in report.plan.decisions if "/" in one.subject} == {"home", "box"}
        assert {world.preferences.max_active_uploads for world in clients.worlds.values()} == {150}

    def test_reconcile_leaves_a_client_that_is_away(self, clients: Clients) -> None:
        """Even where its preferences were told, its torrents are not."""
        clients.fails["box"] = {"everything"}
        report = clients.run("reconcile", apply=True)
        assert not [one for one in report.plan.decisions if one.subject.startswith("box")]
        assert clients.worlds["box"].preferences.max_active_uploads == 4
        assert report.exit_code == Exit.UNAVAILABLE

    def test_cycle_does_what_it_can(self, clients: Clients) -> None:
        """It cleans up, buys and sets slots where it can; only grab waits for all clients."""
        clients.fails["box"] = {"*"}
        report = clients.run("cycle", apply=True)
        parts = {part.plan.job: part for part in report.parts}
        assert set(clients.worlds["home"].torrents) == {hash_of(2)}
        assert skipped(parts["grab"].plan) == "client_unknown"
        assert {job: int(part.exit_code) for job, part in parts.items()} == {
            "monitor": 4, "janitor": 4, "spend": 0, "reconcile": 4, "rescue": 4, "grab": 4,
        }  # fmt: skip

    def test_nothing_is_fetched_once_one_has_gone(self, clients: Clients) -> None:
        """A torrent that cannot be added is not asked of the site, which would count it."""
        clients.fails["box"] = {"look"}
        report = clients.run("cycle", apply=True)
        (grab,) = [part for part in report.parts if part.plan.job == "grab"]
        assert [one.status.value for one in grab.outcomes] == ["not_attempted"] * 2
        assert clients.ports is not None
        assert not [one for one in clients.ports.ledger.entries() if one.id in (1001, 1002)]
        assert set(clients.worlds["home"].torrents) == {hash_of(2)}

    def test_all_away_is_as_with_one_client(self, clients: Clients) -> None:
        """In a cycle the jobs that need a client are skipped."""
        clients.fails |= {"home": {"*"}, "box": {"*"}}
        report = clients.run("cycle")
        assert {part.plan.job for part in report.parts if skipped(part.plan) == "client_unknown"} >= {
            "monitor", "janitor", "reconcile", "rescue", "grab",
        }  # fmt: skip
        assert report.exit_code == Exit.UNAVAILABLE

    def test_an_addition_without_end_is_not_settled_while_one_is_away(self, clients: Clients) -> None:
        """The one that is away may have it: to call it failed would let it be fetched twice."""
        report = clients.run("grab", apply=True)
        assert report.outcomes
        assert clients.ports is not None
        ledger = clients.ports.ledger
        cut_short = ledger.entries()[0]
        assert cut_short.outcome == "adding"
        before = len(ledger.entries())
        ledger.append(cut_short)
        clients.worlds["home"].now += 3600
        clients.fails["home"] = {"*"}
        clients.run("grab")
        assert len(ledger.entries()) == before + 1
        clients.fails.clear()
        clients.run("grab")
        assert ledger.entries()[-1].outcome != "adding"


class TestTold:
    @pytest.mark.parametrize("job", ["janitor", "reconcile", "monitor", "cycle"])
    @pytest.mark.parametrize("away", [False, True])
    def test_a_recording_is_decided_the_same(self, clients: Clients, job: str, *, away: bool) -> None:
        """What each client said is in it, by name, and which did not answer."""
        clients.tape = Tape()
        clients.fails["box"] = {"*"} if away else set()
        report = clients.run(job)
        assert clients.ports is not None
        recorder.keep(report, clients.ports)
        (path,) = (clients.state_dir / "recordings").rglob("*.json.gz")
        document = json.loads(gzip.decompress(path.read_bytes()))
        assert [(one["name"], one.get("down", False)) for one in document["snapshot"]["qbittorrent"]] == [
            ("home", False),
            ("box", away),
        ]
        again = PLANNERS[job](parse_snapshot(document["snapshot"]), clients.ports.settings.policy)
        assert json.loads(json.dumps(unparse_plan(again))) == json.loads(json.dumps(unparse_plan(report.plan)))

    def test_a_snapshot_of_everything_has_every_client(self, clients: Clients) -> None:
        """What `record` writes is read as it was seen, but for what trackers say that nobody asked."""
        clients.tape = Tape()
        clients.fails["home"] = {"*"}
        ports = clients.wired()
        seen = fetch_everything(ports, ports.settings.policy)
        assert seen.missing_clients == ("home",)
        read = parse_snapshot(json.loads(json.dumps(recorder.document(seen, clients.tape, Tape.rows))))
        for name in ("queues", "missing_clients", "free_space_bytes", "remembered_count"):
            assert getattr(read, name) == getattr(seen, name)
        assert [(one.hash, one.client) for one in read.torrents or ()] == [(hash_of(11), "box"), (hash_of(12), "box")]

    @pytest.mark.parametrize("away", [False, True])
    def test_the_doctor_looks_at_each(self, clients: Clients, *, away: bool) -> None:
        """One that is away is a failure by its name; the others are looked at all the same."""
        clients.tape = Tape()
        clients.fails["box"] = {"*"} if away else set()
        doctor = Doctor(clients.wired(), clients.tape)
        doctor.visit()
        found = [(one.check, one.result.value, one.detail) for one in doctor.findings if one.check.startswith("client")]
        assert (("client box", "fail", "client box: no answer") in found) is away
        (answers,) = [detail for _, result, detail in found if result == "pass" and "answers" in detail]
        assert ("home answers" in answers, "box answers" in answers) == (True, not away)
        assert doctor.exit_code == (Exit.UNAVAILABLE if away else Exit.DONE)
        slots = [detail for _, result, detail in found if result == "warn" and "box/max_active_uploads" in detail]
        assert bool(slots) is not away

    def test_the_figures_say_which_client_answered(self) -> None:
        """One series a client; with a single client there is none."""
        ending = Ending(
            job="monitor", apply=False, exit_code=4, at=NOW, seconds=1, clients={"home": True, "box": False}
        )
        told = {
            one.labels["client"]: one.value
            for group in measure(ending)
            for one in group.samples
            if one.name == "harvestmouse_client_up"
        }
        assert told == {"home": True, "box": False}
