"""Each guarantee refuses a plan made by hand that breaks it, and says what was measured."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    RegisterAddress,
    Resume,
    SetPreferences,
)
from harvestmouse.core.guarantees import GUARANTEES, LAWS, Violation, check, g7, g8, g9, g11, g12
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import AccountClass, Connection, Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    OWED,
    download,
    entry,
    hash_of,
    mouse,
    page,
    policy,
    profile,
    result,
    snapshot,
    torrent,
)

KEEPING = policy(cleanup={"protect_tags": ("keep",)})
BUYING = policy(spend={"vip": True})
STARTING = policy(reconcile={"force_start": True})


def broken(seen: Snapshot, *actions: Action, with_policy: Policy = SEED) -> list[str]:
    """Return the numbers of the guarantees that a plan of these actions would break."""
    made = Plan(job="janitor", decided_at=NOW, actions=actions)
    return [violation.guarantee for violation in check(made, seen, with_policy)]


def delete(number: int = 1) -> DeleteTorrent:
    """Return a deletion, for no reason at all."""
    return DeleteTorrent(hash=hash_of(number), name="", reason="")


def add(number: int = 1001, **changes: Any) -> AddTorrent:
    """Return an addition of a search result."""
    action = AddTorrent(
        id=number,
        title=f"Title {number}",
        score=1.0,
        size_bytes=100 * MIB,
        seeders=10,
        leechers=5,
        category="mam-farming",
        save_path="/downloads",
        tags=(),
    )
    return evolve(action, **changes)


def write(**changes: object) -> SetPreferences:
    """Return a change of preferences."""
    return SetPreferences(changes={key: {"from": None, "to": value, "reason": ""} for key, value in changes.items()})


def offering(**changes: Any) -> Snapshot:
    """Return a snapshot with one result on offer."""
    return snapshot(**({"searches": (page(result()),)} | changes))


def test_the_checked_guarantees_are_those_the_choke_point_needs() -> None:
    """G1 to G6 and G10 hold of a plan and a snapshot alone."""
    assert list(GUARANTEES) == ["G1", "G2", "G3", "G4", "G5", "G6", "G10"]


@pytest.mark.parametrize("job", sorted(JOBS))
def test_the_decisions_of_a_quiet_day_break_nothing(job: str) -> None:
    """Each job's own plan passes."""
    seen = offering(torrents=(torrent(1), torrent(2, seeders=9), download(3, added_on=NOW - 9 * DAY)))
    assert check(JOBS[job](seen, SEED), seen, SEED) == ()


class TestG1:
    """G1: no plan deletes a torrent that has ever completed and has seeded less than 72 h + margin."""

    @pytest.mark.parametrize(
        ("facts", "refused"),
        [
            ({"seeding_time": OWED - 1}, True),
            ({"seeding_time": OWED}, False),
            ({"tracker_seconds": OWED - 1}, True),
            ({"tracker_seconds": OWED}, False),
            ({"seeding_time": None}, True),
            ({"seeding_time": 1, "progress": 0.0, "completion_on": 0}, True),
            ({"seeding_time": 0, "progress": 0.0, "completion_on": NOW - DAY}, True),
            ({"seeding_time": 0, "progress": None, "completion_on": 0}, True),
            ({"seeding_time": 0, "progress": 0.5, "completion_on": 0}, False),
        ],
    )
    def test_a_deletion_of_what_may_owe_seed_time_is_refused(self, facts: dict[str, Any], *, refused: bool) -> None:
        """What cannot be told to have never completed counts as completed."""
        assert ("G1" in broken(snapshot(torrents=(torrent(**facts),)), delete())) is refused


class TestG2:
    """G2: no plan acts on a torrent outside the managed category, or protected by a tag."""

    @pytest.mark.parametrize(
        "action", [delete(), *(kind(hash=hash_of(1), name="", reason="") for kind in (ForceStart, Resume))]
    )
    @pytest.mark.parametrize(
        ("facts", "refused"),
        [
            ({}, False),
            ({"category": "other"}, True),
            ({"category": None}, True),
            ({"tags": frozenset({"KEEP"})}, True),
            ({"tags": None}, True),
        ],
    )
    def test_every_action_on_a_torrent_is_looked_at(
        self, action: Action, facts: dict[str, Any], *, refused: bool
    ) -> None:
        """Starting a protected torrent is acting on it too."""
        seen = snapshot(torrents=(torrent(**facts),))
        assert ("G2" in broken(seen, action, with_policy=KEEPING)) is refused

    def test_an_action_on_a_torrent_nobody_listed_is_refused(self) -> None:
        """Nothing is known of its category."""
        assert broken(snapshot(), delete()) == ["G2"]


class TestG3:
    """G3: no plan deletes on a transient or unknown state."""

    @pytest.mark.parametrize(
        ("state", "refused"),
        [("stalledUP", False), ("moving", True), ("missingFiles", True), ("error", True), ("new", True), (None, True)],
    )
    def test_only_settled_states_are_deleted_on(self, state: str | None, *, refused: bool) -> None:
        """An error of the client is no verdict either."""
        assert broken(snapshot(torrents=(torrent(state=state),)), delete()) == (["G3"] if refused else [])


class TestG4:
    """G4: no grab while the class is Mouse or unknown, the ratio is under its floor, or the profile is unknown."""

    @pytest.mark.parametrize(
        ("account", "refused"),
        [
            (profile(), False),
            (profile(uploaded_bytes=12 * GIB), False),
            (profile(uploaded_bytes=12 * GIB - 1), True),
            (mouse(uploaded_bytes=9 * GIB), True),
            (profile(account_class=None), True),
            (profile(uploaded_bytes=None), True),
        ],
    )
    def test_an_account_that_must_not_grab_is_refused(self, account: Any, *, refused: bool) -> None:
        """One violation for the whole plan is enough."""
        assert broken(offering(profile=account), add()) == (["G4"] if refused else [])

    def test_without_a_profile_every_guarantee_of_a_grab_is_broken(self) -> None:
        """The headroom is unknown as well."""
        assert broken(offering(profile=None), add()) == ["G4", "G5"]

    def test_a_plan_that_adds_nothing_needs_no_profile(self) -> None:
        """The janitor works without the site."""
        assert broken(snapshot(profile=None)) == []


class TestG5:
    """G5: every pick is free, inside every band, not a duplicate, and within slots, disk and unsat headroom."""

    @pytest.mark.parametrize(
        ("facts", "refused"),
        [
            ({}, False),
            ({"free": False}, True),
            ({"free": False, "vip": True}, True),
            ({"size_bytes": 50 * MIB - 1}, True),
            ({"size_bytes": GIB + 1}, True),
            ({"leechers": 0}, True),
            ({"seeders": 51}, True),
            ({"snatched": True}, True),
        ],
    )
    def test_an_unfit_result_is_refused(self, facts: dict[str, Any], *, refused: bool) -> None:
        """Checked on the search result, not on what the action says of it."""
        assert broken(offering(searches=(page(result(**facts)),)), add()) == (["G5"] if refused else [])

    @pytest.mark.parametrize(
        "changes",
        [
            {"searches": ()},
            {"searches": (page(result()), page(result(snatched=True)))},
            {"ledger": (entry(),)},
            {"torrents": (torrent(name="Title 1001"),)},
            {"torrents": None},
            {"torrents": tuple(torrent(number) for number in range(500))},
            {"free_space_bytes": 10 * GIB + 100 * MIB - 1},
            {"free_space_bytes": None},
            {"profile": profile(unsat_count=40)},
            {"profile": profile(unsat_count=None)},
        ],
    )
    def test_a_pick_beyond_what_is_known_to_fit_is_refused(self, changes: dict[str, Any]) -> None:
        """No result, another page's word, the ledger, the client, the slots, the disk, the headroom."""
        assert broken(offering(**changes), add()) == ["G5"]

    def test_a_pick_that_just_fits_is_allowed(self) -> None:
        """Every budget used up to its end."""
        seen = offering(
            torrents=tuple(torrent(number) for number in range(499)),
            free_space_bytes=10 * GIB + 100 * MIB,
            profile=profile(unsat_count=39),
        )
        assert broken(seen, add()) == []

    def test_the_same_pick_twice_is_refused(self) -> None:
        """Identity is the site's id."""
        assert "G5" in broken(offering(), add(), add())

    def test_more_picks_than_a_run_may_make_are_refused(self) -> None:
        """Six where five are allowed."""
        seen = offering(searches=(page(*(result(number) for number in range(6))),))
        assert broken(seen, *(add(number) for number in range(6))) == ["G5"]
        assert broken(seen, *(add(number) for number in range(5))) == []

    def test_a_failed_grab_may_be_tried_again(self) -> None:
        """Only the last word about an id counts; of one second, what bars."""
        assert broken(offering(ledger=(entry(), entry(outcome="failed", at=NOW - 9))), add()) == []
        assert broken(offering(ledger=(entry(), entry(outcome="failed"))), add()) == ["G5"]
        assert broken(offering(ledger=(entry(outcome="adding"), entry(outcome="failed"))), add()) == []
        assert broken(offering(ledger=(entry(outcome="adding"),)), add()) == ["G5"]
        assert broken(offering(ledger=(entry(outcome="never_started"),)), add()) == []

    def test_a_line_of_the_old_format_counts_without_a_time(self) -> None:
        """It is older than all others."""
        assert broken(offering(ledger=(entry(at=None),)), add()) == ["G5"]
        assert broken(offering(ledger=(entry(outcome="failed"), entry(at=None))), add()) == []

    def test_the_latest_line_about_an_id_counts_wherever_it_stands(self) -> None:
        """A plan that rests on the latest line is not refused for an older one that follows it."""
        lines = (entry(outcome="failed", at=NOW - 5), entry(at=NOW - 9))
        assert len(JOBS["grab"](offering(ledger=lines), SEED).actions) == 1
        assert broken(offering(ledger=lines), add()) == []
        assert broken(offering(ledger=(entry(at=NOW - 5), entry(outcome="failed", at=NOW - 9))), add()) == ["G5"]


class TestG6:
    """G6: spending never goes below the reserve, never outside the tiers, never twice in one plan."""

    @pytest.mark.parametrize(
        ("action", "points", "refused"),
        [
            (BuyUpload(gib=50, cost_bp=25000), 25500.0, False),
            (BuyUpload(gib=50, cost_bp=25000), 25499.0, True),
            (BuyUpload(gib=50, cost_bp=25000), None, True),
            (BuyUpload(gib=51, cost_bp=25500), 90000.0, True),
            (BuyUpload(gib=50, cost_bp=24999), 90000.0, True),
            (BuyVip(weeks=4, cost_bp=5000), 5500.0, False),
            (BuyVip(weeks=4, cost_bp=5000), 5499.0, True),
        ],
    )
    def test_a_purchase_is_measured_against_balance_and_tiers(
        self, action: Action, points: float | None, *, refused: bool
    ) -> None:
        """At the reserve exactly it is allowed."""
        found = broken(snapshot(profile=profile(bonus_points=points)), action, with_policy=BUYING)
        assert found == (["G6"] if refused else [])

    def test_two_purchases_in_one_plan_are_refused(self) -> None:
        """Even where the balance would do for both."""
        seen = snapshot(profile=profile(bonus_points=90000.0))
        two = BuyUpload(gib=50, cost_bp=25000), BuyVip(weeks=4, cost_bp=5000)
        assert broken(seen, *two, with_policy=BUYING) == ["G6"]


class TestG10:
    """G10: reconciliation touches only its own keys, and leaves upload slots for every torrent owing seed time."""

    def test_a_foreign_key_is_refused(self) -> None:
        """Whatever its value."""
        assert broken(snapshot(), write(save_path="/elsewhere")) == ["G10"]

    @pytest.mark.parametrize(
        ("changes", "refused"),
        [
            ({"max_active_uploads": 2, "max_active_torrents": 2}, 0),
            ({"max_active_uploads": 1}, 1),
            ({"max_active_torrents": 1}, 1),
            ({"max_active_uploads": 1, "max_active_torrents": 1}, 2),
            ({"max_active_uploads": -1}, 0),
            ({"max_active_downloads": 0}, 0),
        ],
    )
    def test_fewer_slots_than_torrents_owing_are_refused(self, changes: dict[str, int], refused: int) -> None:
        """Two torrents owe; -1 is no limit."""
        owing = tuple(torrent(number, seeding_time=HOUR) for number in range(2))
        assert broken(snapshot(torrents=owing), write(**changes)) == ["G10"] * refused

    def test_without_the_torrents_no_limit_may_be_written(self) -> None:
        """Nobody knows how many owe."""
        assert broken(snapshot(torrents=None), write(max_active_uploads=500)) == ["G10"]
        assert broken(snapshot(torrents=None), write(queueing_enabled=True)) == []


def test_every_guarantee_has_a_predicate() -> None:
    """Twelve are published."""
    assert sorted([*GUARANTEES, *LAWS]) == sorted(f"G{number}" for number in range(1, 13))


def planned(*actions: Action, **facts: Any) -> Plan:
    """Return a plan of these actions."""
    return Plan(job="janitor", decided_at=NOW, actions=actions, **facts)


def subjects(violations: Iterable[Violation]) -> list[str]:
    """Return what each violation is about."""
    return [violation.subject for violation in violations]


class TestG7:
    """G7: less knowledge never means more action."""

    @pytest.mark.parametrize(
        ("less", "more", "added"),
        [
            ((), (delete(1),), []),
            ((delete(1),), (delete(1), delete(2)), []),
            ((delete(1), delete(2)), (delete(2),), [hash_of(1)]),
            ((add(1001),), (add(1002),), ["1001"]),
            ((ForceStart(hash=hash_of(1), name="", reason=""),), (delete(1),), [hash_of(1)]),
            ((write(max_active_uploads=3),), (write(max_active_uploads=9),), []),
            ((write(max_active_uploads=3, queueing_enabled=True),), (write(queueing_enabled=True),),
             ["max_active_uploads"]),
        ],
    )  # fmt: skip
    def test_an_action_that_only_the_vaguer_snapshot_brings_is_shown(
        self, less: tuple[Action, ...], more: tuple[Action, ...], added: list[str]
    ) -> None:
        """By kind and subject; how many slots are written is the value of one action."""
        assert subjects(g7(planned(*less), planned(*more))) == added

    def test_a_purchase_of_another_size_is_another_action(self) -> None:
        """What it costs is what it does."""
        small, large = BuyUpload(gib=50, cost_bp=25000), BuyUpload(gib=100, cost_bp=50000)
        assert len(subjects(g7(planned(large), planned(small)))) == 1

    def test_the_same_preference_of_another_client_is_another_action(self) -> None:
        """Each client has its own."""
        change = write(max_active_uploads=3)
        attic, box = (planned(evolve(change, client=name)) for name in ("attic", "box"))
        assert subjects(g7(attic, attic)) == []
        assert len(subjects(g7(attic, box))) == 1


class TestG8:
    """G8: plans are deterministic, and independent of input order."""

    def test_a_plan_is_the_same_as_itself(self) -> None:
        """Made twice."""
        assert subjects(g8(planned(delete(1), delete(2)), planned(delete(1), delete(2)))) == []

    @pytest.mark.parametrize(
        ("facts", "part"),
        [
            ({"actions": (delete(2), delete(1))}, "actions"),
            ({"figures": {"b": 1, "a": 1}}, "figures"),
            ({"figures": {"a": 1.0, "b": 1}}, "figures"),
            ({"advice": ("Other.",)}, "advice"),
            ({"complete": False}, "complete"),
        ],
    )
    def test_any_part_that_differs_is_named(self, facts: dict[str, Any], part: str) -> None:
        """The order of actions and of keys, and how a number is written, count."""
        one = planned(delete(1), delete(2), figures={"a": 1, "b": 1}, advice=("One.",))
        assert subjects(g8(one, evolve(one, **facts))) == [part]


class TestG9:
    """G9: plans converge."""

    def test_an_action_that_is_planned_again_is_shown(self) -> None:
        """Other actions may follow."""
        done = planned(delete(1), write(max_active_uploads=9))
        assert subjects(g9(done, planned(delete(2), write(max_active_downloads=1)))) == []
        assert subjects(g9(done, planned(delete(2), delete(1)))) == [hash_of(1)]
        assert subjects(g9(done, planned(write(max_active_uploads=8)))) == ["max_active_uploads"]


class TestG11:
    """G11: no deadlock."""

    @staticmethod
    def history(*days: dict[str, Any]) -> list[Snapshot]:
        """Return one snapshot a day."""
        return [snapshot(taken_at=NOW + number * DAY, **facts) for number, facts in enumerate(days)]

    def test_a_class_that_lasts_too_long_is_shown_once_it_does(self) -> None:
        """Two days are within two days, three are not."""
        account = {"profile": mouse()}
        assert subjects(g11(self.history(account, account, account), SEED, timedelta(days=2))) == []
        assert subjects(g11(self.history(account, account, account, account), SEED, timedelta(days=2))) == ["class"]

    def test_a_class_that_was_left_in_between_begins_anew(self) -> None:
        """Falling back is no deadlock."""
        account: dict[str, Any] = {"profile": mouse()}
        assert subjects(g11(self.history(account, account, {}, account, account), SEED, timedelta(days=2))) == []

    @pytest.mark.parametrize(
        ("facts", "stays"),
        [
            ({}, True),
            ({"state": "queuedDL"}, True),
            ({"category": "films"}, False),
            ({"state": "error"}, False),
            ({"state": "checkingDL"}, False),
            ({"progress": 1.0}, False),
            ({"progress": None}, False),
        ],
    )
    def test_a_torrent_that_never_completes_must_not_stay(self, facts: dict[str, Any], *, stays: bool) -> None:
        """What is at rest in the managed category and was never whole; the rest is not the janitor's."""
        days = self.history(*({"torrents": (download(**facts),)} for _ in range(4)))
        assert subjects(g11(days, SEED, timedelta(days=2))) == ([hash_of(1)] if stays else [])

    def test_how_long_it_lasted_is_said(self) -> None:
        """In seconds, against the bound."""
        days = self.history({"profile": mouse()}, {"profile": mouse()})
        assert [one.detail for one in g11(days, SEED, timedelta(hours=1))] == ["for 86400 s, at most 3600 s"]


class TestG12:
    """G12: no secret appears."""

    @pytest.mark.parametrize("written", ["a b/%+é", "a%20b%2F%25%2B%C3%A9", "a%20b/%25%2B%C3%A9"])
    def test_a_secret_is_found_in_the_forms_in_which_it_travels(self, written: str) -> None:
        """As it is, and as a part of an address."""
        assert list(g12(f"GET /?x={written}", ["other", "a b/%+é"])) == [
            Violation("G12", "secret 2", f"at character 8 of {8 + len(written)}")
        ]

    def test_an_empty_secret_is_none(self) -> None:
        """A password that is not set is in no text."""
        assert list(g12("anything", ["", "absent"])) == []


class TestLimits:
    """Limits on what one run may do, and on what is never done by itself."""

    @pytest.mark.parametrize(
        ("figures", "count", "refused"),
        [
            ({}, 50, 0),
            ({}, 51, 2),
            ({"always_allowed": 51}, 51, 1),
            ({"max_data_deletions": 99, "always_allowed": 3}, 40, 0),
            ({"max_data_deletions": 99, "always_allowed": 3}, 41, 1),
            ({"max_data_deletions": 99, "always_allowed": 41}, 41, 0),
            ({"max_data_deletions": 2, "always_allowed": 0}, 41, 2),
        ],
    )
    def test_a_run_deletes_no_more_data_than_ceiling_and_share(
        self, figures: dict[str, int], count: int, refused: int
    ) -> None:
        """Of eighty torrents with data half may go at once; small numbers are spared the share."""
        seen = snapshot(torrents=tuple(torrent(number, category="mam-farming") for number in range(80)))
        made = broken(seen, *(delete(number) for number in range(count)), with_policy=policy(cleanup=figures))
        assert made == ["limit"] * refused

    def test_torrents_without_data_are_not_counted(self) -> None:
        """As in the janitor itself."""
        seen = snapshot(torrents=tuple(download(number) for number in range(80)))
        assert broken(seen, *(delete(number) for number in range(80))) == []

    @pytest.mark.parametrize(
        ("action", "with_policy"),
        [
            (BuyVip(weeks=4, cost_bp=1000), BUYING),
            (ForceStart(hash=hash_of(1), name="", reason=""), STARTING),
            (Resume(hash=hash_of(1), name="", reason=""), STARTING),
        ],
    )
    def test_an_action_that_the_policy_has_off_is_refused(self, action: Action, with_policy: Policy) -> None:
        """With it on, the same action passes."""
        seen = snapshot(torrents=(torrent(),))
        assert broken(seen, action) == ["limit"]
        assert broken(seen, action, with_policy=with_policy) == []

    def test_an_address_is_registered_only_where_the_client_is_seen(self) -> None:
        """And where the policy has it on, and the site's hour is over."""
        wanted = policy(address={"register_address": True})
        shared = snapshot(site_address="here", connection=Connection(addresses=frozenset({"here"})))
        assert broken(shared, RegisterAddress(), with_policy=wanted) == []
        assert broken(shared, RegisterAddress()) == ["limit"]
        assert broken(snapshot(), RegisterAddress(), with_policy=wanted) == ["limit"]
        recent = evolve(shared, registered=(NOW - 3599, "there"))
        assert broken(recent, RegisterAddress(), with_policy=wanted) == ["limit"]
        assert broken(evolve(shared, registered=(NOW - HOUR, "there")), RegisterAddress(), with_policy=wanted) == []


def test_a_violation_shows_measured_and_limit() -> None:
    """The operator learns which item, and by how much."""
    made = Plan(job="janitor", decided_at=NOW, actions=(delete(),))
    (violation,) = check(made, snapshot(torrents=(torrent(seeding_time=3600),)), SEED)
    assert (violation.guarantee, violation.subject) == ("G1", hash_of(1))
    assert violation.detail == "seeded 3600 s of 345600 s"


def test_the_class_s_name_is_in_the_violation() -> None:
    """As the site wrote it."""
    made = Plan(job="grab", decided_at=NOW, actions=(add(),))
    account = profile(account_class=AccountClass.MOUSE, class_name="Mouse")
    assert check(made, offering(profile=account), SEED)[0].detail == "the class is 'Mouse'"
