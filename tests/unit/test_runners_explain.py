"""The command that explains: what it takes, what it says, and that it leaves everything as it is."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harvestmouse.core.errors import SubjectError
from harvestmouse.core.explain import explain_job, explain_result
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.runners.explain import Asked, about, look
from harvestmouse.runners.explain_words import describe
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    entry,
    hash_of,
    message,
    mouse,
    page,
    policy,
    profile,
    raw_snapshot,
    raw_torrent,
    result,
    snapshot,
    torrent,
)
from tests.support.mam_server import Account, CatalogueTorrent, MamServer
from tests.support.world import Stage, files_in, harvestmouse, world_of


def said(seen: Snapshot, job: str, wanted: Policy = SEED, **asked: Any) -> list[str]:
    """Return the lines of an explanation."""
    return [line for one in about(seen, wanted, job, Asked(**asked)) for line in describe(one)]


def changes(lines: list[str]) -> list[str]:
    """Return what would change it, in the order it is said."""
    return [line.strip() for line in lines[lines.index("Would change:") + 1 :] if line.startswith("  ")]


class TestTorrents:
    """What is said of a torrent."""

    def test_an_owing_torrent_is_explained_with_the_time_it_takes(self) -> None:
        """The first line is the decision, the rule that holds shows what it compared."""
        one = torrent(1, name="A Barn", seeding_time=3 * DAY + 2 * HOUR, seeders=9)
        lines = said(snapshot(torrents=(one,)), "janitor", torrent="a barn")
        assert lines[0] == 'keep  "A Barn"  (hnr_window: It has completed and still owes seed time.)'
        assert lines[5] == "   5 hnr_window           holds          has completed yes; seeding 3 d 2 h, under 4 d"
        assert changes(lines)[0] == "in 22 h: becomes satisfied_redundant (delete), if it goes on seeding"

    def test_a_queued_torrent_is_told_that_its_clock_stands_still(self) -> None:
        """Time alone brings nothing then."""
        one = torrent(1, state="queuedUP", seeding_time=3 * DAY, seeders=9)
        (change,) = changes(said(snapshot(torrents=(one,)), "janitor", torrent=one.hash))
        assert change.startswith("in 1 d: becomes satisfied_redundant (delete), if it seeds all that time, which it")

    def test_a_kept_torrent_needs_more_seeders(self) -> None:
        """With the figure it would have then."""
        lines = said(snapshot(torrents=(torrent(1, seeders=3),)), "janitor", torrent=hash_of(1))
        assert "with 3 more seeders (6): becomes satisfied_redundant (delete)" in changes(lines)

    def test_tags_are_named_as_they_are_written(self) -> None:
        """The protecting ones, not the others."""
        one = torrent(1, tags=frozenset({"Keep", "mam"}), seeding_time=20 * DAY)
        wanted = policy(cleanup={"protect_tags": ("keep",)})
        lines = said(snapshot(torrents=(one,)), "janitor", wanted, torrent=hash_of(1))
        assert "tags keep, mam, with keep" in lines[1]
        assert changes(lines) == ["without the tag Keep: becomes graceful_retire (delete)"]

    def test_one_that_waits_for_its_turn_is_told_when_it_comes(self) -> None:
        """Each run deletes one here, in the order of the info-hashes."""
        parts = tuple(torrent(number, seeding_time=20 * DAY) for number in range(4))
        wanted = policy(cleanup={"max_data_deletions": 1})
        lines = said(snapshot(torrents=parts), "janitor", wanted, torrent=hash_of(2))
        assert "after 2 runs: becomes graceful_retire (delete), if nothing else becomes due" in changes(lines)
        holding = [line.split()[1] for line in lines if "  holds  " in line]
        assert holding == ["graceful_retire", "deletion_limit"]

    def test_an_account_event_hangs_on_the_others(self) -> None:
        """No figure is claimed for it."""
        parts = [torrent(number, messages=(message("Unregistered torrent"),)) for number in range(3)]
        lines = said(snapshot(torrents=tuple(parts)), "janitor", torrent=hash_of(1))
        assert lines[-1] == ("Depends on what the trackers say of the others: 3 of 3 torrents with these words.")
        assert changes(lines) == ["without its tracker's refusal: becomes active (keep), if its tracker takes it again"]

    def test_names_of_strangers_cannot_move_the_cursor(self) -> None:
        """Control characters are taken out."""
        lines = said(snapshot(torrents=(torrent(1, name="A \x1b[2J Barn"),)), "janitor", torrent=hash_of(1))
        assert "\x1b" not in "\n".join(lines)

    def test_reconcile_explains_what_rests(self) -> None:
        """And says so where it has nothing to decide."""
        parts = (torrent(1, state="queuedUP", seeding_time=DAY), torrent(2))
        lines = said(snapshot(torrents=parts), "reconcile", torrent=hash_of(1))
        assert lines[0].startswith('keep  "Torrent 1"  (owed_queued: ')
        assert changes(lines)[1].startswith("in the state stalledUP: reconcile has nothing to say of it")
        assert said(snapshot(torrents=parts), "reconcile", torrent=hash_of(2))[0] == (
            '"Torrent 2": reconcile decides nothing about it'
        )

    def test_a_rule_passed_over_for_want_of_a_figure_is_unknown(self) -> None:
        """Nobody can tell whether its state is one that passes."""
        lines = said(snapshot(torrents=(torrent(1, state=None),)), "janitor", torrent=hash_of(1))
        assert "transient_state      unknown        state unknown" in lines[2]
        assert lines[4].endswith("holds          unusable facts state")


class TestResults:
    """What is said of a search result."""

    def test_a_result_that_nobody_wants_needs_leechers(self) -> None:
        """And is picked with them."""
        lines = said(snapshot(searches=(page(result(7, leechers=0)),)), "grab", result="7")
        assert lines[0] == 'reject  "Title 7"  (no_demand: Too few leechers.)'
        assert changes(lines) == ["with 1 more leecher (1): becomes selected (pick)"]

    def test_a_result_below_the_cut_is_told_the_score_it_needs(self) -> None:
        """The last pick's, and how many leechers that is."""
        rows = page(result(1, leechers=9), result(2, leechers=5))
        lines = said(snapshot(searches=(rows,)), "grab", policy(grab={"per_run": 1}), result="2")
        assert "with 4 more leechers (9): becomes selected (pick)" in changes(lines)
        assert lines[-1] == (
            "Depends on the others: it needs a score above 222, that of the last pick (1); its own is 210."
        )

    def test_what_the_client_has_is_named(self) -> None:
        """It could be taken again without that torrent."""
        seen = snapshot(searches=(page(result(7, title="A Barn")),), torrents=(torrent(1, name="a barn!"),))
        lines = said(seen, "grab", result="7")
        assert "in client a barn!" in lines[5]
        assert changes(lines) == [f"without the torrent {hash_of(1)} in the client: becomes selected (pick)"]

    def test_a_barred_id_is_told_when_it_comes_free(self) -> None:
        """Fourteen days after it was removed as never started."""
        lines = said(
            snapshot(searches=(page(result(7)),), ledger=(entry(7, at=NOW - 13 * DAY, outcome="never_started"),)),
            "grab",
            result="7",
        )
        assert changes(lines) == ["in 1 d: becomes selected (pick)"]


class TestJobs:
    """What is said of a job."""

    def test_a_mouse_is_told_why_nothing_is_grabbed_whatever_was_asked(self) -> None:
        """No result was looked at."""
        seen = snapshot(profile=mouse(), searches=None)
        for asked in (None, "7"):
            lines = said(seen, "grab", result=asked)
            assert lines[0] == "grab is skipped: mouse_class - class=Mouse ratio=0.00"
            assert lines[-1] == (
                "Depends on the site, which gives the class: 715 MiB of upload are missing to ratio 1."
            )

    def test_missing_points_come_with_the_time_they_take(self) -> None:
        """At the income that earlier balances show."""
        poor = mouse(bonus_points=25_051.0)
        seen = snapshot(profile=poor, balances=((NOW - 10 * HOUR, 24_301.0), (NOW, 25_051.0)))
        assert changes(said(seen, "spend")[2:]) == [
            "with 449 more BP (25500): becomes deficit (buy), buys 50 GiB for 25000 BP, in about 5 h 59 min at 75 BP/h",
            "with 1.4 GiB more upload (1.4 GiB): becomes no_deficit (hold)",
        ]

    def test_no_purchase_is_promised_above_the_sites_cap(self) -> None:
        """Where a full balance does not pay for the smallest tier, only the policy helps."""
        seen = snapshot(profile=mouse())
        lines = said(seen, "spend", policy(spend={"tiers": (200,)}))
        assert changes(lines[2:]) == ["with 1.4 GiB more upload (1.4 GiB): becomes no_deficit (hold)"]
        assert lines[-1] == "Depends on the policy: 100500 BP are needed, and the site caps the balance at 99999."

    def test_a_ratio_under_its_floor_needs_upload(self) -> None:
        """So that the next guard decides."""
        seen = snapshot(profile=profile(uploaded_bytes=11 * GIB))
        assert changes(said(seen, "grab")) == ["with 1 GiB more upload (12 GiB): grab runs"]

    def test_upload_that_leads_to_a_client_nobody_asked_says_so(self) -> None:
        """A live look ends where the profile alone decides."""
        seen = snapshot(profile=profile(uploaded_bytes=11 * GIB), torrents=None, free_space_bytes=None, searches=None)
        (change,) = changes(said(seen, "grab"))
        assert change == "with 1 GiB more upload (12 GiB): grab is skipped, client_unknown, until the client is asked"

    def test_vip_becomes_due_with_time(self) -> None:
        """When four weeks fit under ninety days."""
        vip = profile(account_class="VIP", vip_until=NOW + 63 * DAY, bonus_points=9000.0)
        lines = said(snapshot(profile=vip), "spend", policy(spend={"vip": True}))
        assert "in 1 d: becomes vip_top_up (buy), buys 4 weeks for 5000 BP" in [line.strip() for line in lines]

    def test_slots_are_explained_with_what_owes(self) -> None:
        """Three owing torrents need three slots."""
        parts = tuple(torrent(number, seeding_time=DAY) for number in range(3))
        wanted = policy(reconcile={"max_active_uploads": 2})
        uploads = explain_job(snapshot(torrents=parts), wanted, "reconcile")[3]
        lines = list(describe(uploads))
        assert lines[0].startswith("change  max_active_uploads  (owed_slots: ")
        assert "owed torrents 3, over 2" in lines[3]
        assert "with 1 fewer torrent that owes seed time (2): becomes wanted (change)" in changes(lines)


class TestQuestions:
    """What can be asked of which job."""

    @pytest.mark.parametrize(
        ("job", "asked", "words"),
        [
            (
                "spend",
                Asked(torrent="x"),
                "--torrent cannot be asked of spend; it goes with janitor or reconcile or rescue or cycle",
            ),
            ("janitor", Asked(result="7"), "--result cannot be asked of janitor; it goes with grab or cycle"),
            ("grab", Asked(torrent="x", result="7"), "--torrent and --result are two questions; ask one at a time"),
        ],
    )
    def test_a_question_that_a_job_cannot_answer_is_refused(self, job: str, asked: Asked, words: str) -> None:
        """Before anything is fetched."""
        with pytest.raises(SubjectError) as caught:
            asked.check(job)
        assert str(caught.value) == words


class TestCycle:
    """A cycle is explained job by job, each from what those before it leave."""

    SEEN = snapshot(
        torrents=(torrent(1, seeders=9), torrent(2, seeding_time=DAY, state="queuedUP")),
        profile=profile(),
        searches=(page(result(7)),),
    )

    def test_all_jobs_come_in_their_order(self) -> None:
        """The place that the janitor frees is free for grab."""
        found = about(self.SEEN, SEED, "cycle", Asked())
        assert list(dict.fromkeys(one.job for one in found)) == [
            "monitor", "janitor", "spend", "reconcile", "rescue", "grab"
        ]  # fmt: skip
        full = policy(grab={"max_torrents": 2})
        assert about(self.SEEN, full, "grab", Asked())[0].skip is not None
        (grab,) = (one for one in about(self.SEEN, full, "cycle", Asked()) if one.job == "grab")
        assert grab.skip is None

    def test_a_torrent_is_explained_by_the_jobs_that_decide_about_it(self) -> None:
        """Reconcile leaves the starting to rescue."""
        found = about(self.SEEN, SEED, "cycle", Asked(torrent=hash_of(2)))
        assert [(one.job, one.decision and one.decision.reason) for one in found] == [
            ("janitor", "hnr_window"), ("rescue", "owed_queued")
        ]  # fmt: skip

    def test_a_result_is_grab_s(self) -> None:
        """As it is when grab runs alone."""
        (found,) = about(self.SEEN, SEED, "cycle", Asked(result="7"))
        assert found == about(self.SEEN, SEED, "grab", Asked(result="7"))[0]


class TestLooking:
    """A live look decides from what the job would, and settles nothing that it finds."""

    def test_an_addition_cut_short_is_seen_as_the_job_would_settle_it(self, tmp_path: Path) -> None:
        """An hour later, and the client does not have it: it may be taken again, and the ledger stays as it was."""
        began = datetime.fromtimestamp(NOW - HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        (tmp_path / "grabbed_ids.txt").write_text(f"1001 {began} adding {hash_of(9)}\n")
        stage = Stage(world_of(catalogue=[result(1001)]), tmp_path)
        before = stage.files()
        seen = look("grab", stage.ports())
        assert explain_result(seen, SEED, 1001).decision == plan_grab(seen, SEED).decisions[0]
        assert said(seen, "grab", result="1001")[0].startswith("pick  ")
        assert stage.files() == before
        assert stage.run("grab").plan.decisions == plan_grab(seen, SEED).decisions

    def test_a_torrent_is_looked_at_and_left(self, tmp_path: Path) -> None:
        """It would go, and stays; nothing is remembered."""
        stage = Stage(world_of(torrents=[torrent(1, seeding_time=20 * DAY)]), tmp_path)
        seen = look("janitor", stage.ports(apply="true"))
        assert said(seen, "janitor", torrent=hash_of(1))[0].startswith("delete  ")
        assert list(stage.world.torrents) == [hash_of(1)]
        assert stage.files() == {}


@pytest.fixture
def site() -> Iterator[MamServer]:
    catalogue = [CatalogueTorrent(id=1001, title="A Barn", size_bytes=60 * MIB, free=1)]
    account = Account(uploaded_bytes=0, downloaded_bytes=10 * GIB, seedbonus=60_000)
    with MamServer(catalogue=catalogue, account=account) as running:
        yield running


@pytest.fixture
def environment(site: MamServer, tmp_path: Path) -> dict[str, str]:
    """Return what a deployment sets, with acting switched on."""
    return {
        "MAM_ID": site.cookie,
        "HARVESTMOUSE_APPLY": "1",
        "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
        "HARVESTMOUSE_MAM_BASE_URL": site.url,
        "HARVESTMOUSE_MAM_TRACKER_URL": site.url,
        "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
        "HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:9",
    }


class TestCommand:
    """The command itself."""

    def test_a_snapshot_file_is_explained_as_json(self, tmp_path: Path) -> None:
        """On stdout, and nothing else."""
        raw: dict[str, Any] = {"torrents": [raw_torrent(1, seeding_time=DAY)], "trackers": {}}
        path = tmp_path / "snapshot.json"
        path.write_text(json.dumps(raw_snapshot(qbittorrent=raw)))
        done = harvestmouse("explain", "janitor", "--torrent", hash_of(1), "--snapshot", str(path), "--json")
        assert (done.returncode, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        assert document["format"] == "harvestmouse-explanation/1"
        assert document["explanations"][0]["decision"]["reason"] == "hnr_window"

    def test_a_recording_is_explained_as_its_snapshot_is(self) -> None:
        """What was decided then is decided anew."""
        recording = Path(__file__).parents[1] / "fixtures" / "recordings" / "grab_is_skipped_in_class_mouse.json.gz"
        done = harvestmouse("explain", "grab", "--snapshot", str(recording))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("grab is skipped: mouse_class - class=Mouse")

    def test_a_wrong_question_is_one_line_and_exit_code_2(self, tmp_path: Path) -> None:
        """As all usage errors are."""
        path = tmp_path / "snapshot.json"
        path.write_text(json.dumps(raw_snapshot(qbittorrent={"torrents": [raw_torrent(1)]})))
        done = harvestmouse("explain", "janitor", "--torrent", "swan", "--snapshot", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("harvestmouse: ")
        assert done.stderr.count("\n") == 1

    def test_a_live_look_buys_nothing_and_settles_nothing(
        self, site: MamServer, environment: dict[str, str], tmp_path: Path
    ) -> None:
        """An open purchase that a job would settle is seen as settled, and left in the journal as it was."""
        state = tmp_path / "state"
        state.mkdir()
        facts = {"at": 1_700_000_000, "cost_bp": 25_000, "gib": 50, "balance_before": 60_000.0, "uploaded_before": 0}
        journal = state / "purchases.jsonl"
        journal.write_text(json.dumps({"open": facts}) + "\n")
        before = journal.read_text()
        done = harvestmouse("explain", "spend", environment=environment)
        assert done.returncode == 0, done.stderr
        assert "purchase_pending" in done.stdout
        assert journal.read_text() == before
        assert site.account.seedbonus == 60_000
        assert set(files_in(state)) <= {"purchases.jsonl", "mam_id"}
