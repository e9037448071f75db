"""What the doctor says of a world, and that it changes nothing there."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.adapters.errors import ClientUnavailable, DeadlineExceeded, SessionInvalid
from harvestmouse.adapters.interface import Setup
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.state.lock import locked
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.model import AccountClass, Connection, Profile
from harvestmouse.core.spend import Purchase
from harvestmouse.runners.doctor import Doctor, Finding, Result, diagnose
from harvestmouse.runners.report import Exit
from tests.support.builders import NOW, preferences, torrent
from tests.support.world import Stage, world_of

CALM = preferences(queueing_enabled=True, max_active_downloads=20, max_active_uploads=150, max_active_torrents=170,
                   dont_count_slow_torrents=True)  # fmt: skip


def visit(
    world: World, folder: Path, *, client: MemoryClient | None = None, site: MemorySite | None = None, **pairs: Any
) -> Doctor:
    tape = Tape()
    client, site = client or MemoryClient(world), site or MemorySite(world)
    client.tape = site.tape = tape
    doctor = Doctor(Stage(world, folder, client, site).ports(**pairs), tape)
    doctor.visit()
    return doctor


def told(doctor: Doctor, check: str, result: Result) -> list[Finding]:
    return [one for one in doctor.findings if (one.check, one.result) == (check, result)]


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    return world_of(torrents=[torrent()], preferences=CALM)


def test_a_healthy_world_passes_every_check(well: World, tmp_path: Path) -> None:
    doctor = visit(well, tmp_path / "state")
    assert [one for one in doctor.findings if one.result is not Result.PASS] == []
    assert doctor.exit_code is Exit.DONE
    assert {one.check for one in doctor.findings} == {
        "configuration", "state directory", "site", "client", "address", "clock", "metrics", "notifications",
    }  # fmt: skip


def test_nothing_is_changed(well: World, tmp_path: Path) -> None:
    before = (dict(well.torrents), well.preferences, well.profile)
    visit(well, tmp_path / "state")
    assert (dict(well.torrents), well.preferences, well.profile) == before
    assert {one.name for one in (tmp_path / "state").iterdir()} <= {"lock"}


def test_a_refused_session_spoils_no_other_check(well: World, tmp_path: Path) -> None:
    class Refusing(MemorySite):
        def profile(self) -> Profile:
            raise SessionInvalid("/jsonLoad.php: the site answers 403")

    doctor = visit(well, tmp_path, site=Refusing(well))
    (found,) = told(doctor, "site", Result.FAIL)
    assert found.detail == "/jsonLoad.php: the site answers 403"
    assert "Log in with a browser" in found.remedy
    assert doctor.exit_code is Exit.SESSION_REFUSED
    assert told(doctor, "client", Result.PASS)
    assert [bool(told(doctor, one, Result.WARN)) for one in ("address", "clock")] == [True, True]


def test_a_client_that_is_down_is_told_with_its_remedy(well: World, tmp_path: Path) -> None:
    class Down(MemoryClient):
        def overview(self) -> Any:
            raise ClientUnavailable("qBittorrent at http://127.0.0.1:1: no connection")

    doctor = visit(well, tmp_path, client=Down(well))
    (found,) = told(doctor, "client", Result.FAIL)
    assert "Is it running" in found.remedy
    assert doctor.exit_code is Exit.UNAVAILABLE
    assert [bool(told(doctor, one, Result.WARN)) for one in ("address", "clock")] == [True, False]


def test_the_first_failure_gives_the_exit_code(well: World, tmp_path: Path) -> None:
    class Down(MemoryClient):
        def overview(self) -> Any:
            raise ClientUnavailable("no connection")

    blocked = tmp_path / "state"
    blocked.write_text("a file")
    doctor = visit(well, blocked, client=Down(well))
    (found,) = told(doctor, "state directory", Result.FAIL)
    assert found.detail == f"{blocked} is no directory"
    assert doctor.exit_code is Exit.FAILED


def test_a_mouse_is_warned_of_what_grab_would_say(well: World, tmp_path: Path) -> None:
    well.profile = evolve(well.profile, account_class=AccountClass.MOUSE, class_name="Mouse")
    (found,) = told(visit(well, tmp_path), "site", Result.WARN)
    assert "mouse_class" in found.detail
    assert "recover" in found.remedy


def test_a_run_that_holds_the_lock_is_no_failure(well: World, tmp_path: Path) -> None:
    with locked(tmp_path, "spend", 0):
        doctor = visit(well, tmp_path)
    (found,) = told(doctor, "site", Result.WARN)
    assert "spend" in found.detail
    assert doctor.exit_code is Exit.DONE


class TestState:
    def test_a_cookie_that_others_can_read_is_told(self, well: World, tmp_path: Path) -> None:
        cookie = tmp_path / "mam_id"
        cookie.write_text("secret\n")
        cookie.chmod(0o644)
        (found,) = told(visit(well, tmp_path), "state directory", Result.WARN)
        assert found.remedy == f"chmod 600 {cookie}"
        cookie.chmod(0o600)
        assert told(visit(well, tmp_path), "state directory", Result.WARN) == []

    def test_a_purchase_that_is_not_settled_is_told(self, well: World, tmp_path: Path) -> None:
        purchase = Purchase(at=NOW, cost_bp=25_000, gib=50, balance_before=60_000, uploaded_before=0)
        Stage(well, tmp_path).ports().journal.open(purchase)
        (found,) = told(visit(well, tmp_path), "state directory", Result.WARN)
        assert "spend" in found.remedy

    def test_a_full_disk_is_told(self, well: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("harvestmouse.runners.doctor._LEAST_STATE_BYTES", 1 << 60)
        (found,) = told(visit(well, tmp_path), "state directory", Result.WARN)
        assert "left" in found.detail


class TestClient:
    def test_a_queue_with_too_few_slots_is_told(self, well: World, tmp_path: Path) -> None:
        well.preferences = evolve(CALM, max_active_uploads=1)
        (found,) = told(visit(well, tmp_path), "client", Result.WARN)
        assert "max_active_uploads" in found.detail
        assert "reconcile --apply" in found.remedy

    def test_another_category_than_all_torrents_have_is_told(self, well: World, tmp_path: Path) -> None:
        well.torrents = {key: evolve(one, category="films") for key, one in well.torrents.items()}
        (found,) = told(visit(well, tmp_path), "client", Result.WARN)
        assert "mam-farming" in found.detail

    def test_a_firewalled_client_is_told(self, well: World, tmp_path: Path) -> None:
        class Firewalled(MemoryClient):
            def overview(self) -> Any:
                return evolve(MemoryClient.overview(self), connection=Connection(status="firewalled"))

        (found,) = told(visit(well, tmp_path, client=Firewalled(well)), "client", Result.WARN)
        assert "forward its port" in found.remedy


class TestSetup:
    """How the client is set up, against what is wanted of it: by default ``mam-farming`` in ``/downloads``."""

    def told(self, world: World, folder: Path, setup: Setup, **pairs: Any) -> dict[str, Result]:
        class Telling(MemoryClient):
            def setup(self) -> Setup:
                return setup

        doctor = visit(world, folder, client=Telling(world), **pairs)
        assert doctor.exit_code is Exit.DONE
        return {one.detail: one.result for one in doctor.findings if one.check == "client"}

    def test_a_client_that_fits_passes_with_its_version(self, well: World, tmp_path: Path) -> None:
        found = self.told(
            well, tmp_path, Setup(version="v5.1.0", save_path="/downloads", categories={"mam-farming": ""})
        )
        assert set(found.values()) == {Result.PASS}
        assert any("it answers (v5.1.0, Web API " in detail for detail in found)
        assert "it has the category mam-farming, without a save path of its own" in found
        assert "the save path /downloads/mam-farming lies in /downloads, where the client saves" in found

    def test_a_category_that_is_not_there_is_told_once(self, well: World, tmp_path: Path) -> None:
        well.torrents = {key: evolve(one, category="films") for key, one in well.torrents.items()}
        found = self.told(well, tmp_path, Setup(version="v5", save_path="/downloads", categories={"films": "/films"}))
        assert [one for one in found if found[one] is Result.WARN] == ["it has no category mam-farming"]

    @pytest.mark.parametrize(
        ("path", "result"),
        [
            ("/downloads/mam-farming/", "PASS"),
            ("mam-farming", "PASS"),
            ("/downloads", "WARN"),
            ("/downloads/mam-farming/new", "WARN"),
            ("farm", "WARN"),
        ],
    )
    def test_a_category_saves_where_grab_does(self, well: World, tmp_path: Path, path: str, result: str) -> None:
        setup = Setup(version="v5", save_path="/downloads", categories={"mam-farming": path})
        found = self.told(well, tmp_path, setup)
        assert [one for detail, one in found.items() if "category" in detail and " saves to " in detail] == [
            Result[result]
        ]

    @pytest.mark.parametrize(
        ("wanted", "known", "result"),
        [
            ("/downloads", "/downloads/", "PASS"),
            ("/downloads/a/b", "/downloads", "PASS"),
            ("/downloads2", "/downloads", "WARN"),
            ("/downloads/../etc", "/downloads", "WARN"),
            ("/", "/downloads", "WARN"),
            ("farm", "/downloads", "WARN"),
            ("D:/Torrents/farm", "d:\\torrents", "PASS"),
            ("/downloads", "D:\\torrents", "WARN"),
        ],
    )
    def test_a_save_path_lies_where_the_client_saves(
        self, well: World, tmp_path: Path, wanted: str, known: str, result: str
    ) -> None:
        setup = Setup(version="v5", save_path=known, categories={"mam-farming": ""})
        found = self.told(well, tmp_path, setup, qbittorrent__save_path=wanted)
        assert [one for detail, one in found.items() if f"the save path {wanted} " in detail] == [Result[result]]

    def test_a_path_in_the_categorys_own_is_where_the_client_saves(self, well: World, tmp_path: Path) -> None:
        setup = Setup(version="v5", save_path="/home", categories={"mam-farming": "/downloads/mam-farming"})
        assert set(self.told(well, tmp_path, setup).values()) == {Result.PASS}

    def test_what_is_not_told_is_a_warning_and_no_verdict(self, well: World, tmp_path: Path) -> None:
        found = self.told(well, tmp_path, Setup())
        assert [one for one in found if found[one] is not Result.PASS] == [
            "it does not tell its version, categories, default save path"
        ]
        assert any("it answers (version unknown, Web API " in detail for detail in found)

    def test_an_adapter_that_cannot_tell_has_one_line(self, well: World, tmp_path: Path) -> None:
        found = told(visit(well, tmp_path), "client", Result.PASS)
        assert [one.detail for one in found if "unknown: its adapter" in one.detail] == [
            "its version, categories and save path are unknown: its adapter does not tell them"
        ]

    def test_a_client_that_goes_away_in_between_is_told(self, well: World, tmp_path: Path) -> None:
        class Going(MemoryClient):
            def setup(self) -> Setup:
                raise ClientUnavailable("no connection")

        doctor = visit(well, tmp_path, client=Going(well))
        assert [one.detail for one in told(doctor, "client", Result.FAIL)] == ["no connection"]
        assert doctor.exit_code is Exit.UNAVAILABLE


class TestAddress:
    @pytest.mark.parametrize(("wanted", "remedy"), [("true", "Nothing is registered"), ("false", "register it")])
    def test_another_address_than_the_clients_is_told(
        self, well: World, tmp_path: Path, wanted: str, remedy: str
    ) -> None:
        well.addresses = frozenset({"redacted-abcdef"})
        (found,) = told(visit(well, tmp_path, mam__register_address=wanted), "address", Result.WARN)
        assert remedy in found.remedy

    def test_a_client_that_does_not_tell_is_no_trouble(self, well: World, tmp_path: Path) -> None:
        well.addresses = frozenset()
        (found,) = told(visit(well, tmp_path), "address", Result.PASS)
        assert "cannot be told" in found.detail


class TestClock:
    @pytest.mark.parametrize(("off", "result"), [(-121, "WARN"), (-120, "PASS"), (120, "PASS"), (121, "WARN")])
    def test_is_held_against_the_sites(
        self, well: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: int, result: str
    ) -> None:
        monkeypatch.setattr(time, "time", lambda: float(NOW + off))
        (found,) = told(visit(well, tmp_path), "clock", Result[result])
        assert ("ahead of" in found.detail) == (off > 120)
        assert ("behind" in found.detail) == (off < -120)

    def test_a_site_that_does_not_tell_the_time_is_no_trouble(self, well: World, tmp_path: Path) -> None:
        class Silent(MemorySite):
            def address(self) -> str:
                return self.world.egress

        (found,) = told(visit(well, tmp_path, site=Silent(well)), "clock", Result.PASS)
        assert "did not tell" in found.detail


class TestMetrics:
    def test_a_gateway_that_is_away_fails(self, well: World, tmp_path: Path) -> None:
        doctor = visit(well, tmp_path, metrics__pushgateway_url="http://127.0.0.1:9")
        (found,) = told(doctor, "metrics", Result.FAIL)
        assert "pushgateway_url" in found.remedy

    def test_a_textfile_needs_its_folder(self, well: World, tmp_path: Path) -> None:
        (tmp_path / "a file").touch()
        textfile = str(tmp_path / "a file" / "harvestmouse.prom")
        assert told(visit(well, tmp_path, metrics__textfile=textfile), "metrics", Result.FAIL)
        assert told(visit(well, tmp_path, metrics__textfile=str(tmp_path / "one.prom")), "metrics", Result.PASS)


def test_notifications_are_counted_and_not_named(well: World, tmp_path: Path) -> None:
    (found,) = told(visit(well, tmp_path, notify__urls="json://secret@host ntfy://topic"), "notifications", Result.PASS)
    assert found.detail.startswith("2 addresses")


def test_the_deadline_ends_the_visit(well: World, tmp_path: Path) -> None:
    class Slow(MemorySite):
        def profile(self) -> Profile:
            raise DeadlineExceeded("the run took longer than 1 s")

    with pytest.raises(DeadlineExceeded):
        visit(well, tmp_path, site=Slow(well))


def test_a_configuration_that_cannot_be_used_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """With its remedy, in the one form that a program reads; nothing else can be looked at without it."""
    options = {"config": None, "preset": None, "pairs": ("grab.per_rum=2",), "log_level": None, "log_format": None}
    assert diagnose(options, as_json=True) == Exit.USAGE
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["check"], found["result"]) == ("configuration", "fail")
    assert "did you mean [grab] per_run?" in found["detail"]
    assert "harvestmouse config check" in found["remedy"]
    assert diagnose(options, as_json=False) == Exit.USAGE
    assert capsys.readouterr().out.endswith("0 ok, 0 warnings, 1 failed\n")
