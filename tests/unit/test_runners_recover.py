"""The command that lays out the way back: what it says, in words and in JSON, and that it leaves all as it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import tzset

import pytest

from harvestmouse.adapters.errors import AccountMayBeDisabled, ClientUnavailable, SessionInvalid, SiteUnavailable
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.adapters.state.cookie import fingerprint
from harvestmouse.core.model import Profile, SearchPage, Snapshot
from harvestmouse.core.policy import SEED
from harvestmouse.core.recovery import State, disabled_way, find_way
from harvestmouse.core.search import Query
from harvestmouse.runners.recover import look
from harvestmouse.runners.recover_words import describe
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    NOW,
    download,
    mouse,
    profile,
    raw_profile,
    raw_snapshot,
    snapshot,
    torrent,
)
from tests.support.mam_server import MamServer
from tests.support.world import Stage, files_in, harvestmouse, world_of

EVIL = "A \x1b[2J\x1b[31mclass\r\nNow: all is well\x00"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    tzset()
    yield
    monkeypatch.undo()
    tzset()


def said(seen: Snapshot) -> list[str]:
    """Return the lines of an account's way back."""
    return describe(find_way(seen, SEED)).splitlines()


class TestWords:
    """What a person in trouble reads."""

    def test_an_account_that_is_well_is_told_so_in_a_line(self) -> None:
        """With the figures that say it."""
        (line,) = said(snapshot())
        assert line.startswith("The account is well; there is nothing to recover from. Class User, ratio 2.00 (10 GiB")
        assert line.endswith("down, 20 GiB up), 5000 BP, 2 of 50 unsatisfied.")

    def test_first_comes_what_is_wrong_and_then_what_to_do_now(self) -> None:
        """The trouble, the account, the time, the step; nothing is wider than a terminal."""
        lines = said(snapshot(profile=mouse(), balances=((NOW - 10 * HOUR, 0.0), (NOW, 1000.0))))
        assert lines[:7] == [
            "The account is in class Mouse: the tracker gives it no peers, so nothing uploads and",
            "nothing starts.",
            "Class Mouse, ratio 0.00 (715 MiB down, 0 B up), 24551 BP and 100 more an hour, 2 of 50",
            "unsatisfied.",
            "",
            "Now: Sun 19 Apr 2026, 11:40 UTC",
            "  you   In the web store, buy 1 GiB of upload credit for 500 BP: the ratio goes from",
        ]
        assert "In 9 h 29 min: Sun 19 Apr 2026, 21:09 UTC" in lines
        assert max(map(len, lines)) <= 88

    def test_the_time_is_the_readers_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In summer, two hours ahead of Greenwich."""
        monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        tzset()
        assert "Now: Sun 19 Apr 2026, 13:40 CEST" in said(snapshot(profile=mouse()))

    def test_no_step_is_dated_to_the_second(self) -> None:
        """A torrent of age in four hours and a second is gone in four hours."""
        lines = said(snapshot(profile=mouse(), torrents=(download(1, added_on=NOW - 20 * HOUR),)))
        assert "In 4 h: Sun 19 Apr 2026, 15:40 UTC" in lines

    def test_what_nobody_can_date_comes_last(self) -> None:
        """With what is unknown, and how to learn it."""
        lines = said(snapshot(profile=mouse()))
        later = lines.index("Later; nobody can tell when")
        assert lines[later + 1].startswith("  jobs  If nothing is bought by hand")
        unknown = lines.index("Not known, and how to learn it")
        assert lines[unknown + 1].startswith("  income of points: let spend or grab run twice")
        assert later < unknown

    def test_steps_at_one_time_stand_under_one_heading(self) -> None:
        """What a person does before what the jobs do."""
        held = (download(1, added_on=NOW - 2 * DAY), torrent(2, state="error"))
        lines = said(snapshot(profile=profile(hit_and_run_count=2), torrents=held))
        assert lines.count("Now: Sun 19 Apr 2026, 11:40 UTC") == 1
        block = lines[lines.index("Now: Sun 19 Apr 2026, 11:40 UTC") + 1 :]
        who = [line[2:6].strip() for line in block[: block.index("")] if line[2] != " "]
        assert who == ["you", "you", "jobs"]

    def test_names_from_elsewhere_move_no_cursor(self) -> None:
        """The class's name is the site's."""
        lines = said(snapshot(profile=mouse(class_name=EVIL)))
        assert all(line.isprintable() for line in lines)
        assert not any(line.startswith("Now: all is well") for line in lines)

    def test_an_unknown_account_has_no_figures(self) -> None:
        """Nothing is said of what is not there."""
        text = describe(find_way(Snapshot(taken_at=NOW), SEED))
        assert text.startswith("The profile does not tell class, upload and download.\n\nNot known")
        assert "jobs" not in text

    def test_an_account_is_well_only_as_far_as_is_known(self) -> None:
        """A client that does not answer may hold anything; its name is the operator's own."""
        lines = said(snapshot(torrents=None))
        assert lines[0] == "As far as is known: The account is well; there is nothing to recover from."
        assert lines[-3:] == [
            "",
            "Not known, and how to learn it",
            "  the client's torrents: see that the client runs, then run this again.",
        ]
        named = said(snapshot(missing_clients=("box\x1b[2J",)))
        assert named[-1].startswith("  the torrents of box\N{REPLACEMENT CHARACTER}[2J: see that this client runs")

    def test_a_disabled_account_is_told_to_stop(self) -> None:
        """Calmly, and without any job in it."""
        text = describe(disabled_way(NOW))
        assert text.startswith("The site refuses every session: the account may be disabled.\n\nNow:")
        assert "--apply" not in text


class Refusing(MemorySite):
    """A site that takes no session any more."""

    def profile(self) -> Profile:
        """Answer as an earlier run has left it."""
        raise AccountMayBeDisabled("nothing is asked of the site")


class Expired(MemorySite):
    """A site that refuses the cookie, which may be nothing but old."""

    def profile(self) -> Profile:
        """Answer as the real one does."""
        raise SessionInvalid("403")


class Closed(MemorySite):
    """A site that is down."""

    def profile(self) -> Profile:
        """Answer as the real one does."""
        raise SiteUnavailable("503")


class Away(MemoryClient):
    """A client that does not answer."""

    def everything(self) -> Listing:
        """Answer as the real one does."""
        raise ClientUnavailable("no connection")


class Unsearchable(MemorySite):
    """A site that must not be searched."""

    def search(self, query: Query, now: int) -> SearchPage:
        """Fail the test."""
        raise AssertionError((query, now))


class TestLooking:
    """A live look asks, and changes nothing."""

    def test_the_account_and_the_client_are_looked_at(self, tmp_path: Path) -> None:
        """Whatever apply says; nothing is deleted, bought, written or remembered."""
        stage = Stage(world_of(account=mouse(), torrents=[download(1, added_on=NOW - 2 * DAY)]), tmp_path)
        found = look(stage.ports(apply="true"))
        assert found.states == (State.MOUSE,)
        assert any("deletes 1 torrent" in step.what for step in found.steps)
        assert (len(stage.world.torrents), stage.world.profile.bonus_points) == (1, 24551.0)
        assert stage.files() == {}

    def test_two_runs_an_hour_apart_tell_the_income(self, tmp_path: Path) -> None:
        """As the way advises where it is unknown."""
        stage = Stage(world_of(account=mouse()), tmp_path)
        assert look(stage.ports()).unknown[0].fact == "income of points"
        stage.run("spend")
        stage.world.now += HOUR
        stage.world.profile = mouse(bonus_points=24_651.0)
        stage.run("grab")
        found = look(stage.ports())
        assert (found.unknown, found.figures["income_bp_per_hour"]) == ((), 100.0)

    def test_an_account_that_may_be_disabled_is_an_answer(self, tmp_path: Path) -> None:
        """The site is not asked, and a person is told what to do."""
        world = world_of()
        assert look(Stage(world, tmp_path, site=Refusing(world)).ports()).states == (State.DISABLED,)

    def test_no_results_are_asked_for(self, tmp_path: Path) -> None:
        """The way back needs none, nor does an account that is well."""
        world = world_of()
        stage = Stage(world, tmp_path, site=Unsearchable(world))
        assert look(stage.ports()).states == (State.WELL,)

    def test_without_the_client_the_account_is_told(self, tmp_path: Path) -> None:
        """As from a snapshot without a client; the error is kept for the end, and nothing is written."""
        world = world_of(account=mouse())
        stage = Stage(world, tmp_path, client=Away(world))
        ports = stage.ports()
        found = look(ports)
        assert found == find_way(Snapshot(taken_at=NOW, profile=world.profile, ledger=()), ports.settings.policy)
        assert (found.states, found.steps[0].figures["cost_bp"]) == ((State.MOUSE,), 500)
        assert "the client's torrents" in [one.fact for one in found.unknown]
        assert [str(error) for error in ports.lost.values()] == [str(ClientUnavailable("no connection"))]
        assert stage.files() == {}

    def test_without_the_site_there_is_no_way(self, tmp_path: Path) -> None:
        """The client alone tells nothing of the account."""
        world = world_of()
        with pytest.raises(SiteUnavailable):
            look(Stage(world, tmp_path, site=Closed(world)).ports())

    def test_a_cookie_that_may_only_be_old_is_an_error(self, tmp_path: Path) -> None:
        """Its own advice says how to get a new one."""
        world = world_of()
        with pytest.raises(SessionInvalid):
            look(Stage(world, tmp_path, site=Expired(world)).ports())


class TestCommand:
    """Flags, output and exit codes."""

    def test_a_snapshot_needs_no_network(self, tmp_path: Path) -> None:
        """In words and in JSON."""
        path = tmp_path / "snapshot.json"
        account = raw_profile(classname="Mouse", uploaded_bytes=0, downloaded_bytes=GIB, seedbonus=24_551)
        path.write_text(json.dumps(raw_snapshot(mam={"profile": account})))
        done = harvestmouse("recover", "--snapshot", str(path), environment={"TZ": "UTC"})
        assert (done.returncode, done.stderr) == (0, "")
        assert "  you   In the web store, buy 1 GiB of upload credit for 500 BP" in done.stdout
        form = json.loads(harvestmouse("recover", "--json", "--snapshot", str(path)).stdout)
        assert (form["format"], form["state"]) == ("harvestmouse-recovery/1", "mouse")
        assert form["steps"][0]["figures"] == {"gib": 1.0, "cost_bp": 500, "ratio_after": 1.0}

    def test_a_file_that_is_no_snapshot_is_named(self, tmp_path: Path) -> None:
        """As for the other commands."""
        done = harvestmouse("recover", "--snapshot", str(tmp_path / "none.json"))
        assert done.returncode == 2
        assert "none.json" in done.stderr

    def test_a_client_that_is_down_is_told_with_code_four_behind_the_way(self, tmp_path: Path) -> None:
        """What the site tells is printed all the same, in words and in JSON."""
        with MamServer() as site:
            environment = {
                "HARVESTMOUSE_STATE_DIR": str(tmp_path),
                "HARVESTMOUSE_MAM_BASE_URL": site.url,
                "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
                "HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:1",
                "MAM_ID": site.cookie,
            }
            spoken, written = (harvestmouse("recover", *flags, environment=environment) for flags in ([], ["--json"]))
        assert [done.returncode for done in (spoken, written)] == [4, 4]
        assert "the client's torrents: see that the client runs" in spoken.stdout
        assert json.loads(written.stdout)["figures"]["class"] is not None
        (line,) = spoken.stderr.splitlines()
        assert line.startswith("harvestmouse: ")
        assert "127.0.0.1:1" in line

    def test_a_site_that_must_not_be_asked_is_told_with_code_three(self, tmp_path: Path) -> None:
        """Without a single request, and the refusal is remembered as before."""
        refused = json.dumps({"secret": fingerprint("camembert"), "disabled": True}) + "\n"
        (tmp_path / "refused.json").write_text(refused)
        environment = {"HARVESTMOUSE_STATE_DIR": str(tmp_path), "MAM_ID": "camembert"}
        done = harvestmouse("recover", environment=environment)
        assert done.returncode == 3
        assert "Leave the site alone" in done.stdout
        assert files_in(tmp_path)["refused.json"] == refused
