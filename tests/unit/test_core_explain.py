"""Explanations: the rules in their order, the thresholds at their edges, and the search for the least change."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.errors import SubjectError
from harvestmouse.core.explain import (
    Condition,
    Explanation,
    Flip,
    Outcome,
    explain_job,
    explain_result,
    explain_torrent,
    find_result,
    find_torrent,
)
from harvestmouse.core.explain.flips import (
    Change,
    Found,
    crossings,
    downwards,
    flip_to,
    flips_by,
    found_about,
    later,
    resized,
    upwards,
    with_torrent,
)
from harvestmouse.core.explain.janitor import explain_cleanup
from harvestmouse.core.explain.model import Rule, steps_to
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Malformed, Snapshot
from harvestmouse.core.plan import GUARDS, OUTCOMES, Reason, Verdict
from harvestmouse.core.policy import SEED
from tests.support.builders import (
    CATEGORY,
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    download,
    entry,
    hash_of,
    message,
    mouse,
    page,
    policy,
    preferences,
    profile,
    result,
    snapshot,
    torrent,
)

DOWN = (Verdict.REJECT, Reason.OVERSUPPLIED)
UP = (Verdict.PICK, Reason.SELECTED)
ELSE = (Verdict.REJECT, Reason.NOT_SELECTED)


def reasons(one: Explanation) -> list[str]:
    """Return the rules of an explanation in their order."""
    return [step.reason.value for step in one.steps]


def outcomes(one: Explanation) -> dict[str, Outcome]:
    """Return how each rule came out."""
    return {step.reason.value: step.outcome for step in one.steps}


def shown(one: Explanation, reason: str) -> list[tuple[str, Any, Any]]:
    """Return what a rule looked at, as name, value and threshold."""
    (step,) = (step for step in one.steps if step.reason.value == reason)
    return [(each.name, each.value, each.threshold) for each in step.conditions]


def told(one: Explanation) -> list[tuple[str, int | None, str | None]]:
    """Return what would change it: what, by how much, to which reason."""
    return [(flip.change, flip.amount, None if flip.reason is None else flip.reason.value) for flip in one.flips]


class TestCondition:
    """A condition tells by itself whether it is met."""

    @pytest.mark.parametrize(
        ("relation", "value", "threshold", "met"),
        [
            ("<", 4, 5, True), ("<", 5, 5, False), ("<=", 5, 5, True), ("<=", 6, 5, False),
            (">", 5, 5, False), (">", 6, 5, True), (">=", 5, 5, True), (">=", 4, 5, False),
            ("is", "a", "a", True), ("is", "a", "b", False), ("is not", (), (), False), ("is not", ("a",), (), True),
            ("one of", "a", ("a", "b"), True), ("one of", "c", ("a", "b"), False),
            ("none of", "a", ("a", "b"), False), ("none of", "c", ("a", "b"), True),
            ("has", ("a", "b"), ("b", "c"), True), ("has", ("a",), ("b",), False), ("has", ("a",), (), False),
            ("missing", None, None, True), ("missing", 0, None, False),
            ("not surely", None, 0, True), ("not surely", 1, 0, True), ("not surely", 0, 0, False),
            ("<", None, 5, None), ("<", 5, None, None), ("is", None, True, None), ("has", None, (), None),
        ],
    )  # fmt: skip
    def test_it_compares_value_and_threshold(self, relation: str, value: Any, threshold: Any, met: object) -> None:
        """And does not know where one of them is unknown."""
        assert Condition("x", value, relation, threshold).met is met


class TestSteps:
    """How each rule came out follows from the rule that decided."""

    yes, no, open_ = Condition("a", 1, "is", 1), Condition("b", 1, "is", 2), Condition("c", None, "is", 1)

    @pytest.mark.parametrize(
        ("rule", "outcome"),
        [
            (Rule(Reason.PROTECTED, (no, yes)), Outcome.DOES_NOT_HOLD),
            (Rule(Reason.PROTECTED, (yes, open_)), Outcome.UNKNOWN),
            (Rule(Reason.PROTECTED, (no, open_)), Outcome.DOES_NOT_HOLD),
            (Rule(Reason.PROTECTED, (no, open_), any_of=True), Outcome.UNKNOWN),
            (Rule(Reason.PROTECTED, (no, no), any_of=True), Outcome.DOES_NOT_HOLD),
            (Rule(Reason.PROTECTED), Outcome.DOES_NOT_HOLD),
        ],
    )
    def test_a_rule_that_was_passed_is_unknown_only_where_a_figure_might_have_made_it_hold(
        self, rule: Rule, outcome: Outcome
    ) -> None:
        """What is known already refutes the others."""
        first, second, third = steps_to((rule, Rule(Reason.ACTIVE), Rule(Reason.MALFORMED)), Reason.ACTIVE)
        assert (first.outcome, second.outcome, third.outcome) == (outcome, Outcome.HOLDS, Outcome.NOT_REACHED)
        assert first.asks == Reason.PROTECTED.sentence

    def test_where_none_decided_all_were_reached(self) -> None:
        """A job that runs has passed each of its guards."""
        steps = steps_to((Rule(Reason.MOUSE_CLASS), Rule(Reason.DISK_LOW)), None)
        assert [step.outcome for step in steps] == [Outcome.DOES_NOT_HOLD] * 2


class TestOrder:
    """The rules are shown in the order in which they decide."""

    @pytest.mark.parametrize("job", JOBS)
    def test_guards_come_as_the_plan_has_them(self, job: str) -> None:
        """All of them, whether they hold or not."""
        assert reasons(explain_job(snapshot(), SEED, job)[0]) == [reason.value for reason in GUARDS[job]]

    def test_the_janitors_rules_are_those_of_the_design(self) -> None:
        """No rule that deletes comes before what is owed; only rows without identity have a reason outside them."""
        one = explain_torrent(snapshot(torrents=(torrent(1),)), SEED, hash_of(1))
        assert reasons(one) == [
            "protected", "transient_state", "client_error", "unknown", "hnr_window", "recovery_hold", "account_event",
            "unregistered", "never_started", "partial_download", "stalled_old", "graceful_retire", "zero_demand",
            "satisfied_redundant", "active", "deletion_limit",
        ]  # fmt: skip
        every = {reason.value for verdicts in OUTCOMES["janitor"].values() for reason in verdicts}
        assert set(reasons(one)) == every - {"malformed"}

    def test_rejections_come_as_the_plan_has_them(self) -> None:
        """And the pick last."""
        one = explain_result(snapshot(searches=(page(result(7)),)), SEED, 7)
        assert reasons(one) == [reason.value for reason in OUTCOMES["grab"][Verdict.REJECT]] + ["selected"]

    def test_purchases_and_preferences(self) -> None:
        """One explanation each, after the job's own."""
        wanted = policy(spend={"vip": True})
        itself, upload, vip = explain_job(snapshot(), wanted, "spend")
        assert [one.subject for one in (itself, upload, vip)] == ["spend", "upload", "vip"]
        assert reasons(upload) == ["purchase_pending", "deficit", "tier_unaffordable", "overflow", "no_deficit"]
        assert reasons(vip) == ["purchase_pending", "vip_top_up", "vip_not_now"]
        keys = explain_job(snapshot(), SEED, "reconcile")[1:]
        assert {tuple(reasons(one)) for one in keys} == {
            ("unknown", "as_wanted", "owed_slots", "sum_of_slots", "wanted")
        }


class TestJanitor:
    """What is shown of a torrent."""

    def test_each_rule_shows_its_figure_beside_its_threshold(self) -> None:
        """In the units of the name."""
        one = explain_torrent(snapshot(torrents=(torrent(1),)), SEED, hash_of(1))
        assert shown(one, "hnr_window") == [("has_completed", True, True), ("seeding_seconds", 5 * DAY, 96 * HOUR)]
        assert shown(one, "satisfied_redundant")[1:] == [("seeding_seconds", 5 * DAY, 3 * DAY), ("seeders", 3, 5)]
        assert shown(one, "deletion_limit") == [("holds_data", True, True), ("data_deletions_before", 0, 50)]

    @pytest.mark.parametrize(
        ("facts", "unusable"),
        [
            ({"tags": None}, ("tags",)),
            ({"seeders": None, "progress": None}, ("seeders", "progress")),
            ({"downloaded_bytes": -1}, ("downloaded_bytes",)),
            ({"progress": 1.5}, ("progress",)),
            ({"added_on": NOW + 1}, ("added_on",)),
            ({"added_on": 0}, ("added_on",)),
            ({"completion_on": None}, ("completion_on",)),
        ],
    )
    def test_what_is_missing_or_impossible_is_named(self, facts: dict[str, Any], unusable: tuple[str, ...]) -> None:
        """So that one sees what to look at."""
        one = explain_torrent(snapshot(torrents=(torrent(1, **facts),)), SEED, hash_of(1))
        assert outcomes(one)["unknown"] is Outcome.HOLDS
        assert shown(one, "unknown") == [("unusable_facts", unusable, ())]

    def test_a_torrent_that_owes_is_told_the_second(self) -> None:
        """First what comes next, then what deletes."""
        one = explain_torrent(snapshot(torrents=(torrent(1, seeding_time=90 * HOUR),)), SEED, hash_of(1))
        assert told(one) == [
            ("seeding_seconds", 6 * HOUR, "active"),
            ("seeding_seconds", 14 * DAY - 90 * HOUR + 1, "graceful_retire"),
        ]

    def test_a_download_is_told_its_age(self) -> None:
        """Seeding time says nothing of it."""
        one = explain_torrent(snapshot(torrents=(download(1, progress=0.1, downloaded_bytes=9),)), SEED, hash_of(1))
        assert told(one) == [("time_seconds", 71 * HOUR + 1, "stalled_old")]

    def test_a_clock_that_runs_ahead_is_waited_for(self) -> None:
        """An age below zero is no age."""
        one = explain_torrent(snapshot(torrents=(download(1, added_on=NOW + 30),)), SEED, hash_of(1))
        assert told(one)[0] == ("time_seconds", 30, "active")

    @pytest.mark.parametrize(
        ("facts", "change", "amount", "reason"),
        [
            ({"seeders": 9}, "seeders", -4, "active"),
            ({"uploaded_bytes": 0, "added_on": NOW - 8 * DAY}, "uploaded_bytes", 1, "active"),
            ({"seeders": 5}, "seeders", 1, "satisfied_redundant"),
        ],
    )
    def test_what_others_do_is_counted(self, facts: dict[str, Any], change: str, amount: int, reason: str) -> None:
        """One seeder, one byte."""
        assert (change, amount, reason) in told(
            explain_torrent(snapshot(torrents=(torrent(1, **facts),)), SEED, hash_of(1))
        )

    def test_one_byte_keeps_what_never_started(self) -> None:
        """It has started then."""
        one = explain_torrent(
            snapshot(torrents=(download(1, state="queuedDL", added_on=NOW - 2 * DAY),)), SEED, hash_of(1)
        )
        assert told(one)[0] == ("downloaded_bytes", 1, "active")

    @pytest.mark.parametrize(
        ("facts", "flip"),
        [
            ({"state": "moving"}, ("state", "stalledUP", Reason.ACTIVE)),
            ({"state": "missingFiles", "seeding_time": DAY}, ("state", "stalledUP", Reason.HNR_WINDOW)),
            ({"tags": frozenset({"Recovery"})}, ("tags_removed", ("Recovery",), Reason.ACTIVE)),
            ({"messages": (message("Unregistered torrent"),)}, ("messages", (), Reason.ACTIVE)),
        ],
    )
    def test_what_people_and_trackers_can_do_is_named(self, facts: dict[str, Any], flip: tuple[Any, ...]) -> None:
        """A state, a tag, a refusal."""
        one = explain_torrent(snapshot(torrents=(torrent(1, **facts),)), SEED, hash_of(1))
        assert flip in [(each.change, each.to, each.reason) for each in one.flips]

    def test_a_deletion_can_be_kept_off_with_a_tag(self) -> None:
        """The policy's own, and the recovery's while that lasts."""
        wanted = policy(cleanup={"protect_tags": ("keep", "hold")})
        one = explain_torrent(snapshot(torrents=(torrent(1, seeders=9),)), wanted, hash_of(1))
        tags = [(each.to, each.reason) for each in one.flips if each.change == "tags_added"]
        assert tags == [(("keep",), Reason.PROTECTED), (("recovery",), Reason.RECOVERY_HOLD)]

    def test_a_limit_of_none_promises_no_turn(self) -> None:
        """Nothing is ever deleted then."""
        wanted = policy(cleanup={"max_data_deletions": 0})
        one = explain_torrent(snapshot(torrents=(torrent(1, seeders=9),)), wanted, hash_of(1))
        assert "runs" not in [each.change for each in one.flips]
        assert one.depends[0].startswith("how many others are due: a run deletes at most 0 torrents that hold data")

    def test_what_nobody_asked_is_said(self) -> None:
        """A tracker's word may change it."""
        one = explain_torrent(snapshot(torrents=(torrent(1, messages=None),)), SEED, hash_of(1))
        assert outcomes(one)["unregistered"] is Outcome.UNKNOWN
        assert one.depends == ("what its trackers say, which nobody has asked",)

    @pytest.mark.parametrize(("seeding", "count"), [(90 * HOUR, 1), (5 * DAY, 1)])
    def test_what_is_to_come_hangs_on_trackers_that_nobody_asked(self, seeding: int, count: int) -> None:
        """A torrent that owes is not asked about, and may be unknown to its tracker by then."""
        seen = snapshot(
            torrents=(torrent(1, seeding_time=seeding, messages=None), torrent(2, state="moving", messages=None))
        )
        assert len(explain_torrent(seen, SEED, hash_of(1)).depends) == count
        assert explain_torrent(seen, SEED, hash_of(2)).depends == ()

    def test_a_skipped_job_explains_its_guards(self) -> None:
        """Nothing was decided about the torrent."""
        seen = snapshot(torrents=(torrent(1),), remembered_count=40)
        one = explain_torrent(seen, SEED, hash_of(1))
        assert (one.subject, one.name, one.decision) == (hash_of(1), "Torrent 1", None)
        assert one.skip is not None
        assert one.skip.reason is Reason.SHRUNKEN_LISTING
        assert told(one) == [("managed_torrents", 19, None)]

    def test_a_torrent_that_is_not_there_is_no_torrent(self) -> None:
        """As a look-up in any mapping."""
        with pytest.raises(KeyError):
            explain_torrent(snapshot(), SEED, hash_of(1))


class TestGrab:
    """What is shown of a result and of the guards."""

    def test_a_row_that_cannot_be_read_says_what_is_wrong(self) -> None:
        """It has no figures to show."""
        seen = snapshot(searches=(page(malformed=(Malformed(subject="7", problem="cannot read size"),)),))
        one = explain_result(seen, SEED, 7)
        assert shown(one, "malformed") == [("problem", "cannot read size", "")]

    def test_a_result_that_is_not_there_has_no_decision(self) -> None:
        """Nothing was decided about it."""
        one = explain_result(snapshot(), SEED, 7)
        assert (one.decision, one.skip, one.steps) == (None, None, ())

    def test_the_ledgers_last_word_is_shown(self) -> None:
        """With the time since it, where that counts."""
        lines = (entry(7, at=NOW - 5 * DAY), entry(7, at=NOW - 3 * DAY, outcome="never_started"))
        seen = snapshot(searches=(page(result(7)),), ledger=lines)
        one = explain_result(seen, SEED, 7)
        assert shown(one, "already_grabbed")[1] == ("ended_seconds", 3 * DAY, 14 * DAY)
        assert told(one) == [("time_seconds", 11 * DAY, "selected")]

    def test_a_result_too_large_for_the_disk_is_told_the_bytes(self) -> None:
        """To the byte."""
        seen = snapshot(searches=(page(result(7, size_bytes=GIB)),), free_space_bytes=10 * GIB + 5)
        one = explain_result(seen, SEED, 7)
        assert ("free_space_bytes", GIB - 5, "selected") in told(one)

    def test_the_wedges_are_shown_where_one_could_free_it(self) -> None:
        """By default nobody asks for them."""
        row = result(7, free=False, takes_wedge=True)
        wanted = policy(grab={"wedges": True})
        one = explain_result(snapshot(profile=profile(wedges=1), searches=(page(row),)), wanted, 7)
        assert shown(one, "not_freeleech") == [
            ("free_for_this_account", False, False),
            ("free_by_spending_a_wedge", True, False),
        ]
        assert shown(one, "over_budget")[-1] == ("wedges_left", 1, 0)
        one = explain_result(snapshot(profile=profile(wedges=1), searches=(page(row),)), SEED, 7)
        assert shown(one, "not_freeleech") == [("free_for_this_account", False, False)]

    def test_the_wedges_that_better_results_take_are_gone(self) -> None:
        """One by default; of two rows of one id the one that is refused is shown."""
        rows = (result(7, free=False, takes_wedge=True), result(8, free=False, takes_wedge=True))
        wanted = policy(grab={"wedges": True})
        seen = snapshot(profile=profile(wedges=2), searches=(page(*rows, result(9, free=False, takes_wedge=True)),))
        assert shown(explain_result(seen, wanted, 8), "over_budget")[-1] == ("wedges_left", 0, 0)
        silent = result(7, free=False)
        for both in ((rows[0], silent), (silent, rows[0])):
            one = explain_result(snapshot(profile=profile(wedges=2), searches=(page(*both),)), wanted, 7)
            assert shown(one, "not_freeleech")[-1] == ("free_by_spending_a_wedge", False, False)

    @pytest.mark.parametrize("other", [{"free": True}, {"vip": True}, {"takes_wedge": False}])
    def test_no_wedge_frees_what_one_page_calls_free(self, other: dict[str, Any]) -> None:
        """It might be lost on it; what another title's page says is no matter."""
        row = result(7, free=False, takes_wedge=True)
        wanted = policy(grab={"wedges": True})
        pages = (page(row, result(8)), page(evolve(row, **other)))
        for searches in (pages, pages[::-1]):
            one = explain_result(snapshot(profile=profile(wedges=1), searches=searches), wanted, 7)
            assert shown(one, "not_freeleech") == [
                ("free_for_this_account", False, False),
                ("free_by_spending_a_wedge", False, False),
            ]
            assert outcomes(one)["not_freeleech"] is Outcome.HOLDS
            assert [flip[0] for flip in told(one)] == ["personal_freeleech"]

    def test_what_takes_a_wedge_waits_for_what_is_free(self) -> None:
        """Its score has no part in that, unless the last place went to another wedge."""
        rows = (result(1), result(7, free=False, takes_wedge=True), result(8, free=False, takes_wedge=True))
        seen = snapshot(profile=profile(wedges=9), searches=(page(*rows),))
        one = explain_result(seen, policy(grab={"wedges": True, "per_run": 1}), 7)
        assert one.depends == ("the others: a wedge is spent only where what is free leaves a place",)
        one = explain_result(seen, policy(grab={"wedges": True, "per_run": 2}), 7)
        assert one.depends == ("the others: it needs a score above 10, that of the last pick (8); its own is 10",)

    def test_a_wait_for_slots_is_told_with_its_time(self) -> None:
        """From the torrents that are seeding, by the site's 72 hours."""
        held = tuple(torrent(number, seeding_time=(72 - number) * HOUR) for number in (1, 2, 3))
        seen = snapshot(profile=profile(unsat_count=41), torrents=held)
        flips = {each.amount: each.note for each in explain_job(seen, SEED, "grab")[0].flips}
        assert flips[-2] == "in about 2 h, as torrents become satisfied"

    def test_a_full_quota_says_what_takes_it(self) -> None:
        """By the sizes of the category's torrents, downloaded or not."""
        seen = snapshot(torrents=(torrent(size_bytes=3 * GIB),))
        one = explain_job(seen, policy(grab={"category_quota": 2 * GIB}), "grab")[0]
        assert shown(one, "quota_full") == [
            ("category_quota_bytes", 2 * GIB, 0),
            ("category_bytes", 3 * GIB, 2 * GIB),
        ]
        assert one.depends == ("the sizes of the category's torrents, which take their quota until they are deleted",)

    def test_facts_that_contradict_each_other_claim_nothing(self) -> None:
        """More seeders of which of the two?"""
        seen = snapshot(searches=(page(result(7), result(7, seeders=11)),))
        one = explain_result(seen, SEED, 7)
        assert one.flips == ()
        assert one.depends[0] == "the site, which tells two things of it; the more modest is believed"

    def test_of_two_rows_the_one_that_decided_is_shown(self) -> None:
        """The page that refuses it is believed."""
        seen = snapshot(searches=(page(result(7), result(7, snatched=True)),))
        assert shown(explain_result(seen, SEED, 7), "already_snatched") == [("snatched", True, True)]

    @pytest.mark.parametrize(
        ("changes", "flip"),
        [
            ({"download_freeze_until": NOW + HOUR}, ("time_seconds", HOUR, None)),
            ({"profile": profile(unsat_count=42)}, ("unsat_count", -3, None)),
            ({"free_space_bytes": 10 * GIB}, ("free_space_bytes", 1, None)),
            ({"profile": profile(uploaded_bytes=12 * GIB - 7)}, ("uploaded_bytes", 7, None)),
        ],
    )
    def test_a_skipped_job_is_told_what_would_let_it_run(self, changes: dict[str, Any], flip: tuple[Any, ...]) -> None:
        """And nothing that would make it worse."""
        assert told(explain_job(snapshot(**changes), SEED, "grab")[0]) == [flip]

    def test_a_torrent_without_a_name_is_named_as_what_holds_it(self) -> None:
        """Nothing else is missing of the client."""
        itself = explain_job(snapshot(torrents=(torrent(name=""),)), SEED, "grab")[0]
        assert shown(itself, "client_unknown")[-1] == ("torrents_without_name", True, True)

    def test_own_grabs_count_for_half_an_hour(self) -> None:
        """After that the site counts them."""
        lines = (entry(1, at=NOW - 1700), entry(2, at=NOW - 600))
        one = explain_job(snapshot(profile=profile(unsat_count=39), ledger=lines), SEED, "grab")[0]
        assert told(one)[0] == ("time_seconds", 1200, None)

    def test_a_job_that_runs_is_told_how_far_the_guards_are(self) -> None:
        """Each of them alone."""
        one = explain_job(snapshot(), SEED, "grab")[0]
        assert told(one) == [
            ("unsat_count", 38, "unsatisfied_limit"),
            ("downloaded_bytes", 20 * GIB * 10 // 12 - 10 * GIB + 1, "low_ratio"),
            ("managed_torrents", 500, "client_full"),
            ("free_space_bytes", -90 * GIB, "disk_low"),
        ]

    def test_a_mouse_needs_the_site(self) -> None:
        """No figure of the snapshot lifts a class."""
        one = explain_job(snapshot(profile=mouse()), SEED, "grab")[0]
        assert one.flips == ()
        assert one.depends == ("the site, which gives the class: 715 MiB of upload are missing to ratio 1",)


class TestSpend:
    """What is shown of purchases."""

    def test_points_are_counted_from_a_balance_with_a_fraction(self) -> None:
        """The first whole number of points that does it."""
        upload = explain_job(snapshot(profile=mouse(bonus_points=25_499.5)), SEED, "spend")[1]
        assert told(upload)[0] == ("bonus_points", 1, "deficit")
        assert upload.flips[0].note == "buys 50 GiB for 25000 BP"

    @pytest.mark.parametrize(
        ("balances", "seconds"),
        [
            ((), None),
            (((NOW - 10 * HOUR, 24_501.0), (NOW, 24_551.0)), 949 / 5 * 3600),
            (((NOW - 10 * HOUR, 24_551.0), (NOW, 24_551.0)), None),
        ],
    )
    def test_the_wait_is_told_at_the_recent_income(self, balances: Any, seconds: float | None) -> None:
        """Where there is any."""
        upload = explain_job(snapshot(profile=mouse(), balances=balances), SEED, "spend")[1]
        assert upload.flips[0].about_seconds == (None if seconds is None else pytest.approx(seconds))

    def test_an_open_purchase_is_all_that_holds_the_next(self) -> None:
        """Nothing else is claimed until it is settled."""
        seen = snapshot(profile=mouse(bonus_points=60_000.0), purchase_pending=True)
        upload = explain_job(seen, SEED, "spend")[1]
        assert [(flip.change, flip.to, flip.reason) for flip in upload.flips] == [
            ("purchase_pending", False, Reason.DEFICIT)
        ]
        assert upload.depends == ("the profile, from which a later run sees whether the earlier purchase happened",)

    def test_a_purchase_is_told_how_many_points_it_can_spare(self) -> None:
        """One more than that, and it is not made."""
        upload = explain_job(snapshot(profile=mouse(bonus_points=25_600.0)), SEED, "spend")[1]
        assert told(upload)[0] == ("bonus_points", -101, "tier_unaffordable")

    def test_vip_shows_room_and_means(self) -> None:
        """In weeks."""
        wanted = policy(spend={"vip": True})
        vip = explain_job(snapshot(profile=profile(account_class="VIP", vip_until=NOW + 70 * DAY)), wanted, "spend")[2]
        assert shown(vip, "vip_top_up")[1:] == [("room_weeks", 2, 4), ("affordable_weeks", 3, 4), ("ratio", 2.0, 2.0)]
        assert vip.depends == ("the class, which has to be one of Power User, VIP, Elite VIP",)
        rich = profile(account_class="VIP", vip_until=NOW + 70 * DAY, bonus_points=6_000.0)
        assert explain_job(snapshot(profile=rich), wanted, "spend")[2].depends[1] == (
            "time: even without more points the next purchase can be made in about 8 d, as vip_top_up"
        )

    def test_the_next_purchase_is_told_of_what_is_bought_then(self) -> None:
        """Of upload credit or of VIP, and only where something holds it now."""
        earned = ((NOW - 10 * HOUR, 23_551.0), (NOW, 24_551.0))
        upload = explain_job(snapshot(profile=mouse(), balances=earned), SEED, "spend")[1]
        assert upload.depends == ("time: at 100 BP/h the next purchase can be made in about 9 h 29 min, as deficit",)
        rich = snapshot(profile=mouse(bonus_points=26_000.0), balances=earned)
        assert explain_job(rich, SEED, "spend")[1].depends == ()
        wanted = policy(spend={"vip": True})
        member = snapshot(profile=profile(account_class="VIP", vip_until=NOW + 70 * DAY), balances=earned)
        _, upload, vip = explain_job(member, wanted, "spend")
        assert upload.depends == ()
        assert vip.depends[1].startswith("time: at 100 BP/h")

    def test_overflow_shows_the_balance_that_would_reach_the_cap(self) -> None:
        """The cap, less what comes in until the next run."""
        earned = ((NOW - 10 * HOUR, 80_000.0), (NOW, 90_000.0))
        seen, wanted = (
            snapshot(profile=profile(bonus_points=90_000.0), balances=earned),
            policy(spend={"overflow": True}),
        )
        upload = explain_job(seen, wanted, "spend")[1]
        assert shown(upload, "overflow")[2] == ("balance_bp", 90_000.0, 93_999.0)
        assert told(upload)[0] == ("bonus_points", 3_999, "overflow")


class TestReconcile:
    """What is shown of preferences and resting torrents."""

    def test_a_key_that_differs_is_left_once_it_does_not(self) -> None:
        """The value the client would have."""
        uploads = explain_job(snapshot(preferences=preferences(max_active_uploads=4)), SEED, "reconcile")[3]
        assert uploads.subject == "max_active_uploads"
        assert [(flip.change, flip.to, flip.reason) for flip in uploads.flips if flip.amount is None] == [
            ("preference", 150, Reason.AS_WANTED)
        ]

    def test_slots_follow_what_owes(self) -> None:
        """One torrent more than there are slots."""
        wanted = policy(reconcile={"max_active_uploads": 2, "max_active_torrents": 170})
        seen = snapshot(preferences=preferences(max_active_uploads=2), torrents=(torrent(1, seeding_time=DAY),))
        uploads = explain_job(seen, wanted, "reconcile")[3]
        assert told(uploads) == [("owed_torrents", 2, "owed_slots")]

    def test_a_stopped_torrent_shows_what_it_owes(self) -> None:
        """And is no longer reported once it owes nothing."""
        one = explain_torrent(
            snapshot(torrents=(torrent(1, state="stoppedUP", seeding_time=DAY),)), SEED, hash_of(1), "reconcile"
        )
        assert outcomes(one) == {"owed_queued": Outcome.DOES_NOT_HOLD, "owed_stopped": Outcome.HOLDS}
        assert told(one)[0] == ("seeding_seconds", 72 * HOUR, None)


class TestEdges:
    """Just below, at and just above each threshold the rules shown say what was decided."""

    @staticmethod
    def agrees(one: Explanation) -> bool:
        """Tell whether the first rule whose conditions are met is the reason; the deletion limit comes last."""
        first = next(
            (
                step.reason
                for step in one.steps
                if (any if step.any_of else all)(each.met for each in step.conditions)
                and step.reason is not Reason.DELETION_LIMIT
            ),
            None,
        )
        return first is (one.decision.reason if one.decision else one.skip.reason if one.skip else None)

    @pytest.mark.parametrize("step", [-1, 0, 1])
    @pytest.mark.parametrize(
        "facts",
        [
            {"seeding_time": 4 * DAY},
            {"seeding_time": 4 * DAY, "seeders": 9},
            {"seeding_time": 7 * DAY, "tags": frozenset({"recovery"})},
            {"seeding_time": 14 * DAY},
            {"seeders": 5},
            {"uploaded_bytes": 1},
            {"uploaded_bytes": 1, "added_on": NOW - 8 * DAY},
            {"added_on": NOW - 7 * DAY, "uploaded_bytes": 0},
        ],
    )
    def test_of_a_torrent_that_has_completed(self, facts: dict[str, Any], step: int) -> None:
        """The first fact is the one that is moved."""
        name = next(iter(facts))
        one = torrent(1, **(facts | {name: facts[name] + step}))
        assert self.agrees(explain_torrent(snapshot(torrents=(one,)), SEED, one.hash))

    @pytest.mark.parametrize("step", [-1, 0, 1])
    @pytest.mark.parametrize("keep_partials", [False, True])
    @pytest.mark.parametrize(
        "facts",
        [
            {"added_on": NOW - DAY},
            {"added_on": NOW - 3 * DAY, "downloaded_bytes": 9},
            {"added_on": NOW - 3 * DAY, "downloaded_bytes": 9, "progress": 0.1},
            {"added_on": NOW - 3 * DAY, "downloaded_bytes": 9, "state": "downloading"},
            {"downloaded_bytes": 1, "added_on": NOW - 2 * DAY},
            {"added_on": NOW},
        ],
    )
    def test_of_a_torrent_that_never_completed(self, facts: dict[str, Any], step: int, keep_partials: bool) -> None:
        """With and without the rule that keeps what was begun."""
        name = next(iter(facts))
        one = download(1, **(facts | {name: facts[name] + step}))
        wanted = policy(cleanup={"keep_partials": keep_partials})
        assert self.agrees(explain_torrent(snapshot(torrents=(one,)), wanted, one.hash))

    @pytest.mark.parametrize("step", [-1, 0, 1])
    @pytest.mark.parametrize(
        ("name", "at"), [("size_bytes", 50 * MIB), ("size_bytes", GIB), ("leechers", 1), ("seeders", 50)]
    )
    def test_of_a_result(self, name: str, at: int, step: int) -> None:
        """Its bands."""
        seen = snapshot(searches=(page(result(7, **{name: at + step})),))
        assert self.agrees(explain_result(seen, SEED, 7))

    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_of_the_room_for_results(self, step: int) -> None:
        """Disk, unsatisfied headroom and places, each by one, and the time that an id is barred."""
        rows = page(result(7), result(8, leechers=9))
        for changes in (
            {"free_space_bytes": 10 * GIB + 200 * MIB + step},
            {"profile": profile(unsat_count=38 + step)},
            {"torrents": tuple(torrent(number) for number in range(8 + step))},
            {"ledger": (entry(7, at=NOW - 14 * DAY + step, outcome="never_started"),)},
        ):
            seen = snapshot(**({"searches": (rows,)} | changes))
            for number in (7, 8):
                assert self.agrees(explain_result(seen, policy(grab={"max_torrents": 10}), number))

    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_of_the_guards(self, step: int) -> None:
        """Each at its figure, by the least there is."""
        for changes in (
            {"profile": profile(uploaded_bytes=12 * GIB + step)},
            {"profile": profile(unsat_count=40 + step)},
            {"profile": profile(unsat_count=30 + step), "unsatisfied_paused": True},
            {"profile": profile(hit_and_run_count=1 + step)},
            {"download_freeze_until": NOW + step},
            {"torrents": tuple(torrent(number) for number in range(10 + step))},
            {"free_space_bytes": 10 * GIB + step},
        ):
            wanted = policy(grab={"max_torrents": 10, "hold_on_hit_and_run": True})
            assert self.agrees(explain_job(snapshot(**changes), wanted, "grab")[0])
        shrunken = snapshot(torrents=(torrent(1),), remembered_count=12 + step)
        assert self.agrees(explain_job(shrunken, SEED, "janitor")[0])

    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_of_purchases(self, step: int) -> None:
        """Points at a price, at the cap, room for VIP at its shortest."""
        wanted = policy(spend={"vip": True, "overflow": True})
        vip = {"account_class": "VIP", "vip_until": NOW + 62 * DAY + step, "bonus_points": 9_000.0}
        for account in (
            mouse(bonus_points=25_500.0 + step),
            profile(bonus_points=99_999.0 + step),
            profile(uploaded_bytes=20 * GIB + step, bonus_points=60_000.0),
            profile(**vip),
            profile(**(vip | {"vip_until": NOW, "bonus_points": 5_500.0 + step})),
        ):
            for pending in (False, True):
                for one in explain_job(snapshot(profile=account, purchase_pending=pending), wanted, "spend"):
                    assert self.agrees(one)

    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_of_slots(self, step: int) -> None:
        """As many as owe, and one more or fewer."""
        owing = tuple(torrent(number, seeding_time=DAY) for number in range(3))
        wanted = policy(reconcile={"max_active_uploads": 3 + step})
        for one in explain_job(snapshot(torrents=owing), wanted, "reconcile"):
            assert self.agrees(one)
        resting = torrent(1, state="queuedUP", seeding_time=4 * DAY + step)
        explained = explain_torrent(snapshot(torrents=(resting,)), SEED, hash_of(1), "reconcile")
        assert self.agrees(explained)
        assert (explained.decision is None) is (step >= 0)

    @pytest.mark.parametrize(
        "changes",
        [
            {"profile": None},
            *({"profile": profile(**{fact: None})} for fact in ("uploaded_bytes", "downloaded_bytes", "account_class")),
            {"profile": profile(unsat_count=None)},
            {"profile": profile(unsat_limit=None)},
            {"profile": profile(hit_and_run_count=None)},
            {"torrents": None},
            {"free_space_bytes": None},
            {"ledger": None},
        ],
    )
    @pytest.mark.parametrize("strict", [False, True])
    def test_of_what_grab_has_to_know(self, changes: dict[str, Any], strict: bool) -> None:
        """Whether or not the policy holds for want of it."""
        wanted = policy(grab={"require_unsat": strict, "hold_on_hit_and_run": strict})
        assert self.agrees(explain_job(snapshot(**changes), wanted, "grab")[0])

    @pytest.mark.parametrize("job", ["janitor", "spend", "reconcile", "monitor"])
    def test_of_what_the_other_jobs_have_to_know(self, job: str) -> None:
        """Without it, and with it."""
        empty = Snapshot(taken_at=NOW)
        for seen in (empty, snapshot(), snapshot(remembered_count=0), snapshot(torrents=(torrent(1),))):
            assert self.agrees(explain_job(seen, SEED, job)[0])
        for fact in ("uploaded_bytes", "downloaded_bytes", "bonus_points"):
            assert self.agrees(explain_job(snapshot(profile=profile(**{fact: None})), SEED, "spend")[0])

    def test_of_preferences_that_are_unknown(self) -> None:
        """What the client does not tell, and what depends on a list that is missing."""
        for seen in (snapshot(torrents=None), snapshot(preferences=preferences(max_active_uploads=None))):
            assert all(self.agrees(one) for one in explain_job(seen, SEED, "reconcile"))

    def test_of_a_torrent_that_may_owe(self) -> None:
        """What is not known to have never completed counts as owing."""
        one = torrent(1, state="stoppedUP", completion_on=None, progress=0.5, seeding_time=0)
        assert self.agrees(explain_torrent(snapshot(torrents=(one,)), SEED, one.hash, "reconcile"))

    @pytest.mark.parametrize("most", [0, 1, 2])
    def test_of_the_limit_of_deletions(self, most: int) -> None:
        """It is shown as met where it keeps, and by how many it was used up before."""
        parts = (torrent(1, seeders=9), torrent(2, seeders=9), download(3, state="queuedDL", added_on=NOW - 2 * DAY))
        wanted = policy(cleanup={"max_data_deletions": most})
        for number in (1, 2, 3):
            one = explain_torrent(snapshot(torrents=parts), wanted, hash_of(number))
            assert one.decision is not None
            kept = one.decision.reason is Reason.DELETION_LIMIT
            assert kept is (number <= 2 and number > most)
            assert all(each.met for each in one.steps[-1].conditions) is kept


class TestFinding:
    """Which torrent or result is meant."""

    named = (torrent(1, name="A Barn"), torrent(2, name="A Barn Owl"), torrent(3, name="Owls"))
    private = (
        torrent(4, name="Photographs", category="private"),
        torrent(5, name="Letters", category=None),
        torrent(6, name="Owls", category="private"),
    )
    seen = snapshot(torrents=(*named, *private))

    @pytest.mark.parametrize(
        ("text", "number"), [("A Barn", 1), ("barn owl", 2), (hash_of(3), 3), (hash_of(10)[:39] + "3", 3), ("OWLS", 3)]
    )
    def test_a_whole_name_wins_and_a_part_has_to_be_unique(self, text: str, number: int) -> None:
        """Case does not matter for a part."""
        assert find_torrent(self.seen, CATEGORY, text) == hash_of(number)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("barn", f"may be any of: 'A Barn' ({hash_of(1)}), 'A Barn Owl' ({hash_of(2)}); give more of it"),
            ("swan", "is not there; 3 are: 'A Barn'"),
            ("Photographs", "is in the category 'private'; only torrents of 'mam-farming' are looked at"),
            ("Letters", "is in no category; only"),
            (" ", "is not there"),
        ],
    )
    def test_what_cannot_be_told_lists_what_is_there(self, text: str, words: str) -> None:
        """The error names the thing and the remedy."""
        with pytest.raises(SubjectError) as caught:
            find_torrent(self.seen, CATEGORY, text)
        assert words in str(caught.value)

    def test_a_long_list_is_cut(self) -> None:
        """Eight say enough."""
        many = snapshot(torrents=tuple(torrent(number) for number in range(20)))
        with pytest.raises(SubjectError, match=r"^torrent 'swan' is not there; .*, and 12 more$"):
            find_torrent(many, CATEGORY, "swan")
        with pytest.raises(SubjectError, match=rf"\({hash_of(7)}\)$"):
            find_torrent(snapshot(torrents=tuple(torrent(number) for number in range(8))), CATEGORY, "swan")

    def test_nothing_to_choose_from_says_so(self) -> None:
        """Where no search found anything."""
        with pytest.raises(SubjectError, match="the snapshot has no result to explain"):
            find_result(snapshot(), "7")

    @pytest.mark.parametrize("text", ["7", " 7 ", "barn", "A Barn Owl"])
    def test_a_result_is_found_by_id_or_title(self, text: str) -> None:
        """On any page, once however often it is listed."""
        pages = (
            page(result(8, title="A Swan")),
            page(result(7, title="A Barn Owl")),
            page(result(7, title="A Barn Owl")),
        )
        assert find_result(snapshot(searches=pages), text) == 7

    def test_a_row_that_cannot_be_read_is_found_by_its_id(self) -> None:
        """It has a decision too; one without an id has nothing to ask for."""
        unread = (Malformed(subject="7", problem="no size"), Malformed(subject="row:ab12", problem="no id"))
        seen = snapshot(searches=(page(result(8), malformed=unread),))
        assert find_result(seen, "7") == 7
        with pytest.raises(SubjectError):
            find_result(seen, "row")


def leads(*found: tuple[int, Found]) -> Callable[[int], Found]:
    """Return what is decided from each amount on, for amounts of either sign."""

    def decide(amount: int) -> Found:
        return [each for start, each in found if abs(amount) >= start][-1]

    return decide


def sweep(decide: Callable[[int], Found], amounts: Sequence[int], start: int | None = None) -> list[Flip]:
    """Find the flips of a world that is nothing but an amount."""
    change = Change(kind="x", apply=lambda amount: Snapshot(taken_at=amount), amounts=amounts, start=start)
    return list(flips_by(change, lambda seen: decide(seen.taken_at), decide(0)))


class TestSearch:
    """The least change that brings another decision."""

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("at", [1, 2, 3, 7, 64, 99, 100])
    def test_the_least_amount_is_found_below_one_that_does_it(self, at: int, sign: int) -> None:
        """Wherever it lies."""
        (flip,) = sweep(leads((0, DOWN), (at, UP)), [100 * sign], start=1000)
        assert (flip.amount, flip.to, flip.verdict, flip.reason) == (at * sign, 1000 + at * sign, *UP)

    def test_every_reason_on_the_way_to_another_verdict_is_told(self) -> None:
        """Two of them may lie below one amount."""
        flips = sweep(leads((0, DOWN), (4, ELSE), (6, UP), (8, DOWN)), [9, 5])
        assert [(flip.amount, flip.reason) for flip in flips] == [(4, Reason.NOT_SELECTED), (6, Reason.SELECTED)]

    def test_nothing_is_told_where_nothing_changes(self) -> None:
        """Nor of a change that has no amounts."""
        assert sweep(leads((0, DOWN)), [1, 10, 100]) == []
        assert sweep(leads((0, DOWN), (1, UP)), []) == []

    def test_the_way_is_not_told_without_end(self) -> None:
        """Three reasons are enough."""
        many = [(at, (Verdict.REJECT, reason)) for at, reason in enumerate(OUTCOMES["grab"][Verdict.REJECT])]
        assert [flip.amount for flip in sweep(leads(*many), range(1, 9))] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("condition", "amounts"),
        [
            (Condition("x", 3, ">", 5), [2, 3]),
            (Condition("x", 9, ">", 5), [-4, -3]),
            (Condition("x", 3, ">=", 5), [1, 2]),
            (Condition("x", 3, "<", 5.5), [2, 3]),
            (Condition("x", 3.5, "<", 5), [1, 2]),
            (Condition("x", 7.5, "<", 5), [-4, -3]),
            (Condition("x", 5, "<=", 5), [1]),
            (Condition("x", 0, "is", 0), [-1, 1]),
            (Condition("x", None, ">", 5), []),
            (Condition("x", 3, ">", None), []),
            (Condition("x", 3, ">", float("inf")), []),
            (Condition("x", True, "is", True), []),
            (Condition("y", 3, ">", 5), []),
        ],
    )
    def test_thresholds_are_crossed_at_whole_amounts(self, condition: Condition, amounts: list[int]) -> None:
        """The last on one side, the first on the other."""
        assert crossings([Rule(Reason.ACTIVE, (condition,))], "x") == amounts

    def test_amounts_go_up_or_down(self) -> None:
        """Never below nothing."""
        assert upwards([-2, 0, 3]) == [3]
        assert downwards([-5, -4, -2, 0, 3], 4) == [-4, -2]


class TestTime:
    """What only time does."""

    def test_seeding_time_grows_where_the_client_seeds(self) -> None:
        """And for the torrent that is said to, whatever its state."""
        states = ("uploading", "stalledUP", "forcedUP", "queuedUP", "stoppedUP", "stalledDL")
        parts = [torrent(number, state=state, seeding_time=5) for number, state in enumerate(states)]
        then = later(snapshot(torrents=tuple(parts)), 10, seeding=hash_of(3))
        assert then.taken_at == NOW + 10
        assert [one.seeding_time for one in then.torrents or ()] == [15, 15, 15, 15, 5, 5]

    def test_what_is_unknown_stays_so(self) -> None:
        """The list, and a seeding time."""
        assert later(snapshot(torrents=None), 10).torrents is None
        (one,) = later(snapshot(torrents=(torrent(1, seeding_time=None),)), 10).torrents or ()
        assert one.seeding_time is None


class TestSkips:
    """What is said of a job that is skipped."""

    def test_the_guard_that_held_is_shown_and_the_rest_was_not_reached(self) -> None:
        """Whether the job is asked about, or a result of it."""
        seen = snapshot(profile=profile(uploaded_bytes=11 * GIB))
        (itself,) = explain_job(seen, SEED, "grab")
        found = list(outcomes(itself).values())
        assert [outcome.value for outcome in found[:3]] == ["does not hold", "does not hold", "holds"]
        assert {outcome.value for outcome in found[3:]} == {"not reached"}
        about_result = explain_result(seen, SEED, 7)
        assert (about_result.subject, about_result.skip) == ("7", itself.skip)
        assert (about_result.steps, about_result.flips) == (itself.steps, itself.flips)
        assert told(about_result) == [("uploaded_bytes", GIB, None)]

    @pytest.mark.parametrize("job", ["spend", "reconcile"])
    def test_nothing_else_is_explained(self, job: str) -> None:
        """There are no purchases and no preferences to speak of."""
        assert [one.subject for one in explain_job(Snapshot(taken_at=NOW), SEED, job)] == [job]

    def test_what_cannot_be_told_is_unknown(self) -> None:
        """In this word."""
        seen = snapshot(profile=profile(unsat_count=None))
        assert outcomes(explain_job(seen, SEED, "grab")[0])["unsatisfied_limit"].value == "unknown"

    def test_monitor_needs_the_list(self) -> None:
        """And nothing would change but that."""
        (itself,) = explain_job(snapshot(torrents=(torrent(1),)), SEED, "monitor")
        assert shown(itself, "client_unknown") == [("torrents", 1, None)]
        assert (itself.flips, itself.depends) == ((), ())


class TestWorlds:
    """The worlds in which changes are tried."""

    def test_torrents_are_added_and_taken_from_the_category_alone(self) -> None:
        """Of the facts that are asked for; those of others stay."""
        seen = snapshot(torrents=(torrent(1), torrent(2), torrent(3, category="private")))
        more = resized(seen, CATEGORY, 2, seeding_time=7).torrents or ()
        assert [(one.category, one.seeding_time) for one in more[3:]] == [(CATEGORY, 7)] * 2
        assert len({one.hash for one in more}) == 5
        fewer = resized(seen, CATEGORY, -1).torrents or ()
        assert [one.hash for one in fewer] == [hash_of(1), hash_of(3)]

    def test_one_torrent_is_changed_and_the_others_are_not(self) -> None:
        """By its info-hash."""
        seen = snapshot(torrents=(torrent(1), torrent(2)))
        assert [one.seeders for one in with_torrent(seen, torrent(2, seeders=9)).torrents or ()] == [3, 9]

    def test_what_is_no_matter_of_more_or_less_is_told_once_it_brings_something_new(self) -> None:
        """With what it rests on."""
        assert list(flip_to("state", "moving", UP, UP)) == []
        (flip,) = flip_to("state", "moving", UP, DOWN, "then")
        assert flip == Flip(change="state", to="moving", verdict=UP[0], reason=UP[1], note="then")
        (silent,) = flip_to("state", "moving", UP, DOWN)
        assert (silent.note, silent.amount) == ("", None)

    def test_the_note_of_a_change_is_that_of_its_flips(self) -> None:
        """And nothing where it has none."""
        (flip,) = sweep(leads((0, DOWN), (1, UP)), [1])
        assert (flip.note, flip.to, flip.about_seconds) == ("", None, None)


class TestCorners:
    """What few worlds bring up."""

    def test_a_subject_of_a_skipped_plan_is_found_in_its_skip(self) -> None:
        """And one that no plan has heard of in nothing."""
        assert found_about(JOBS["grab"](snapshot(profile=mouse()), SEED), "1001") == (None, Reason.MOUSE_CLASS)
        assert found_about(JOBS["grab"](snapshot(), SEED), "1001") == (None, None)

    def test_a_turn_that_is_far_away_is_not_promised(self) -> None:
        """One deletion a run, and fifteen before it."""
        due = [torrent(number, seeding_time=20 * DAY) for number in range(16)]
        slow = policy(cleanup={"max_data_deletions": 1, "always_allowed": 1})
        explained = explain_torrent(snapshot(torrents=due), slow, hash_of(15))
        assert explained.decision is not None
        assert explained.decision.reason is Reason.DELETION_LIMIT
        assert "runs" not in {flip.change for flip in explained.flips}
        soon = explain_torrent(snapshot(torrents=due[:3]), slow, hash_of(2))
        assert "runs" in {flip.change for flip in soon.flips}

    def test_a_stopped_torrent_of_unknown_seeding_time_has_no_time_to_wait(self) -> None:
        """Nobody knows how much is left."""
        vague = torrent(state="stoppedUP", seeding_time=None)
        explained = explain_torrent(snapshot(torrents=(vague,)), SEED, vague.hash, "reconcile")
        assert "seeding_seconds" not in {flip.change for flip in explained.flips}

    def test_without_an_unsatisfied_count_only_the_disk_makes_room(self) -> None:
        """Where the policy does not ask for it."""
        careless = policy(grab={"require_unsat": False, "disk_reserve": 0})
        account = profile(unsat_count=None)
        seen = snapshot(profile=account, free_space_bytes=100 * MIB, searches=(page(result(1), result(2)),))
        explained = explain_result(seen, careless, 1)
        assert {flip.change for flip in explained.flips} >= {"free_space_bytes"}
        assert "unsat_count" not in {flip.change for flip in explained.flips}

    def test_a_torrent_that_cannot_be_read_has_no_rules(self) -> None:
        """It is kept as it is."""
        plan = JOBS["janitor"](snapshot(torrents=(torrent(1),)), SEED)
        assert explain_cleanup(plan, snapshot(), SEED, torrent(2)).steps == ()

    def test_a_result_that_the_client_has_is_free_once_the_client_has_not(self) -> None:
        """By its name, or by the ledger's word."""
        seen = snapshot(torrents=(torrent(name="Title 1001"),), searches=(page(result()),))
        explained = explain_result(seen, SEED, 1001)
        assert explained.decision is not None
        assert explained.decision.reason is Reason.ALREADY_IN_CLIENT
        assert [flip.verdict for flip in explained.flips] == [Verdict.PICK]

    def test_where_nothing_may_be_picked_the_room_decides(self) -> None:
        """There is no last pick to compare with."""
        explained = explain_result(snapshot(searches=(page(result()),)), policy(grab={"per_run": 0}), 1001)
        assert explained.depends == ("the room in the category, and the policy's per_run",)

    def test_a_result_that_costs_ratio_is_free_by_a_wedge(self) -> None:
        """Which is then what would change it."""
        seen = snapshot(searches=(page(result(free=False)),))
        explained = explain_result(seen, SEED, 1001)
        assert [(flip.change, flip.verdict) for flip in explained.flips] == [("personal_freeleech", Verdict.PICK)]
