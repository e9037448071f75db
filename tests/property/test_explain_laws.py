"""Explanations keep to the plan, their rules to the decision; every distance they claim is walked and found true."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from harvestmouse.core import JOBS, after
from harvestmouse.core.explain import (
    Condition,
    Explanation,
    Flip,
    Outcome,
    Step,
    explain_job,
    explain_result,
    explain_torrent,
)
from harvestmouse.core.model import Profile, Snapshot, Torrent, TrackerMessage
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.explanation import unparse_explanation
from harvestmouse.core.wire.plan import dump
from harvestmouse.runners.explain_words import describe
from tests.property import strategies as my
from tests.support.builders import CATEGORY

DAY = 86400
World = tuple[Snapshot, Policy]
every_job = pytest.mark.parametrize("job", JOBS)
# Its clock of seeding time goes on in these states only.
RUNNING = ("uploading", "stalledUP", "forcedUP")
DELETING = ("unregistered", "never_started", "stalled_old", "graceful_retire", "zero_demand", "satisfied_redundant")
# What is done at once if there is room for it, and the rules that say that there is none.
ACTING = (*DELETING, "owed_queued", "owed_stopped", "owed_refused")
LIMITS = ("deletion_limit", "rescue_limit")


def explanations(seen: Snapshot, wanted: Policy, job: str) -> Iterator[Explanation]:
    """Yield everything that can be explained of a job."""
    yield from explain_job(seen, wanted, job)
    if job in ("janitor", "reconcile", "rescue"):
        for torrent in seen.managed(CATEGORY):
            yield explain_torrent(seen, wanted, torrent.hash, job)
    if job == "grab":
        for number in sorted({row.id for page in seen.searches or () for row in page.results}):
            yield explain_result(seen, wanted, number)


def outcome(plan: Plan, one: Explanation) -> tuple[str | None, str | None]:
    """Return in plain words what a plan says about what was explained."""
    found = next((each for each in plan.decisions if each.subject == one.subject and one.skip is None), None)
    if found is not None:
        return found.decision.value, found.reason.value
    # Where a job was skipped its guards are explained, whatever was asked for; a purchase, a preference or a
    # torrent without a decision is not there.
    return None, None if plan.skip is None else plan.skip.reason.value


def claimed(flip: Flip) -> tuple[str | None, str | None]:
    """Return in plain words what is to come."""
    return None if flip.verdict is None else flip.verdict.value, None if flip.reason is None else flip.reason.value


class TestPlan:
    """An explanation shows the decision that the plan holds, and never makes another one."""

    @every_job
    @given(st.data())
    def test_the_decision_is_the_plans_own(self, job: str, data: st.DataObject) -> None:
        """Where the job was skipped there is none, but the skip."""
        seen, wanted = data.draw(my.WORLDS[job])
        plan = JOBS[job](seen, wanted)
        decisions = {one.subject: one for one in plan.decisions}
        explained = list(explanations(seen, wanted, job))
        for one in explained:
            assert one.skip == (plan.skip if one.decision is None else None)
            assert one.decision == decisions.get(one.subject)
            assert one.decided_at == plan.decided_at
        unread = {row.subject for row in seen.malformed_torrents}
        unread |= {row.subject for page in seen.searches or () for row in page.malformed}
        assert set(decisions) - unread <= {one.subject for one in explained}


def met(one: Condition) -> bool:
    """Tell whether a condition is met, read as a person would."""
    value, limit = one.value, one.threshold
    if one.relation == "missing":
        return value is None
    if one.relation == "not surely":
        return not (value is not None and value == limit)
    if value is None or limit is None:
        return False
    if one.relation == "has":
        return any(each in limit for each in value)
    words = {
        "<": "value < limit",
        "<=": "value <= limit",
        ">": "value > limit",
        ">=": "value >= limit",
        "is": "value == limit",
        "is not": "value != limit",
        "one of": "value in limit",
        "none of": "value not in limit",
    }
    return bool(eval(words[one.relation], {"value": value, "limit": limit}))


def applies(step: Step) -> bool:
    """Tell whether what a step asks is so, going by nothing but what it shows."""
    found = [met(one) for one in step.conditions]
    return any(found) if step.any_of else all(found)


class TestSteps:
    """The rules in their order, each with its inputs and how it came out."""

    @every_job
    @given(st.data())
    def test_the_first_rule_whose_shown_inputs_say_so_is_the_one_that_decided(
        self, job: str, data: st.DataObject
    ) -> None:
        """So the rules shown, their order and their figures are those of the decision."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            reason = one.decision.reason.value if one.decision else one.skip.reason.value if one.skip else None
            steps = [step for step in one.steps if step.reason.value not in LIMITS]
            limits = [step for step in one.steps if step.reason.value in LIMITS]
            first = next((step for step in steps if applies(step)), None)
            found = None if first is None else first.reason.value
            event(f"{job}: {found}")
            if reason in LIMITS:
                assert found in ACTING
                assert applies(one.steps[-1])
            else:
                assert found == reason
                assert found not in ACTING or not any(map(applies, limits))

    @every_job
    @given(st.data())
    def test_one_rule_holds_and_none_after_it_is_reached(self, job: str, data: st.DataObject) -> None:
        """Where nothing was decided none holds; a deletion that waits for its turn shows both rules."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            reason = one.decision.reason if one.decision else one.skip.reason if one.skip else None
            steps = [step for step in one.steps if step.reason.value not in LIMITS]
            holding = [step.reason for step in steps if step.outcome is Outcome.HOLDS]
            if reason is not None and reason.value in LIMITS:
                assert one.steps[-1].outcome is Outcome.HOLDS
                assert [each.value in ACTING for each in holding] == [True]
            else:
                assert holding == ([] if reason is None else [reason])
            at = next((at for at, step in enumerate(steps) if step.outcome is Outcome.HOLDS), len(steps))
            assert all(step.outcome is Outcome.NOT_REACHED for step in steps[at + 1 :])
            assert Outcome.NOT_REACHED not in [step.outcome for step in steps[:at]]

    @every_job
    @given(st.data())
    def test_a_rule_is_unknown_only_where_an_input_is(self, job: str, data: st.DataObject) -> None:
        """And what is known does not already refute it."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            for step in one.steps:
                missing = [
                    each
                    for each in step.conditions
                    if None in (each.value, each.threshold) and each.relation != "missing"
                ]
                if step.outcome is Outcome.UNKNOWN:
                    event(f"unknown: {step.reason.value}")
                    assert missing
                    assert all(met(each) is not step.any_of for each in step.conditions if each not in missing)


def aged(torrent: Torrent, seconds: int, subject: str) -> Torrent:
    """Return a torrent after some time, of which one more may have seeded."""
    runs = torrent.state in RUNNING or torrent.hash == subject
    if torrent.seeding_time is None or not runs:
        return torrent
    seen = None if torrent.tracker_seconds is None else torrent.tracker_seconds + seconds
    return evolve(torrent, seeding_time=torrent.seeding_time + seconds, tracker_seconds=seen)


def moved(seen: Snapshot, one: Explanation, **facts: Any) -> Snapshot:
    """Return the world with one torrent different."""
    parts = [evolve(each, **facts) if each.hash == one.subject else each for each in seen.torrents or ()]
    return evolve(seen, torrents=parts)


def rewritten(seen: Snapshot, one: Explanation, **facts: Any) -> Snapshot:
    """Return the world with one search result different."""
    pages = []
    for page in seen.searches or ():
        rows = [evolve(row, **facts) if str(row.id) == one.subject else row for row in page.results]
        pages.append(evolve(page, results=tuple(rows)))
    return evolve(seen, searches=tuple(pages))


def subject_of(seen: Snapshot, one: Explanation) -> Torrent:
    """Return the torrent that was explained."""
    (found,) = (each for each in seen.torrents or () if each.hash == one.subject)
    return found


def walked(seen: Snapshot, wanted: Policy, one: Explanation, flip: Flip, amount: int) -> Snapshot:
    """Return the world in which so much of what a flip names has come about."""
    account = seen.profile or Profile()
    match flip.change:
        case "time_seconds" | "seeding_seconds":
            subject = one.subject if flip.change == "seeding_seconds" else ""
            parts = None if seen.torrents is None else [aged(each, amount, subject) for each in seen.torrents]
            return evolve(seen, taken_at=seen.taken_at + amount, torrents=parts)
        case "runs":
            for _ in range(amount):
                seen = after(seen, JOBS[one.job](seen, wanted))
            return seen
        case "managed_torrents" | "owed_torrents":
            return crowded(seen, wanted, flip.change, amount, leave=one.job != "grab")
        case "free_space_bytes":
            return evolve(seen, free_space_bytes=(seen.free_space_bytes or 0) + amount)
        case "seeders" | "leechers" if one.job == "grab":
            # One id seen twice with different facts has this figure in both rows then.
            return rewritten(seen, one, **{flip.change: flip.to - (flip.amount or 0) + amount})
        case "seeders" | "uploaded_bytes" | "downloaded_bytes" if one.job == "janitor":
            return moved(seen, one, **{flip.change: getattr(subject_of(seen, one), flip.change) + amount})
    figure = getattr(account, flip.change)
    return evolve(seen, profile=evolve(account, **{flip.change: figure + amount}))


def crowded(seen: Snapshot, wanted: Policy, what: str, amount: int, *, leave: bool) -> Snapshot:
    """Return the world with torrents of the category, or torrents that owe seed time, more or fewer."""
    mine = [each for each in seen.torrents or () if each.category == CATEGORY]
    if what == "owed_torrents":
        enough = (wanted.cleanup.seed_time + wanted.cleanup.seed_time_margin).total_seconds()
        mine = [
            each
            for each in seen.torrents or ()
            if each.has_completed is not False
            and (each.seeding_time or 0) * (each.tracker_seconds is None or each.tracker_seconds >= enough) < enough
        ]
    gone = {each.hash for each in mine[: max(0, -amount)]}
    # What goes from the category may stay in the client: the disk has no part in this.
    stay = [evolve(each, category="elsewhere") for each in mine if each.hash in gone and not leave]
    more = [
        Torrent(hash=f"{1 << 80 | number:040x}", name="another", category=CATEGORY, progress=1.0, size_bytes=0)
        for number in range(max(0, amount))
    ]
    return evolve(seen, torrents=[*(each for each in seen.torrents or () if each.hash not in gone), *stay, *more])


def turned(seen: Snapshot, one: Explanation, flip: Flip) -> Snapshot:
    """Return the world after a change that is no matter of more or less."""
    match flip.change:
        case "tags_removed":
            left = (subject_of(seen, one).tags or frozenset()) - set(flip.to)
            return moved(seen, one, tags=left)
        case "tags_added":
            return moved(seen, one, tags=(subject_of(seen, one).tags or frozenset()) | set(flip.to))
        case "announcing":
            return moved(seen, one, state="stalledUP", messages=(TrackerMessage(host=None, status=2, text=""),))
        case "state" | "messages":
            return moved(seen, one, **{flip.change: flip.to})
        case "torrents_removed":
            return evolve(seen, torrents=[each for each in seen.torrents or () if each.hash not in flip.to])
        case "personal_freeleech":
            return rewritten(seen, one, personal_freeleech=True)
        case "purchase_pending":
            return evolve(seen, purchase_pending=flip.to)
    assert flip.change == "preference"
    assert seen.preferences is not None
    return evolve(seen, preferences=evolve(seen.preferences, **{one.subject: flip.to}))


class TestFlips:
    """What would have to change, by how much: each is a claim, and the job is asked whether it is true."""

    @every_job
    @given(st.data())
    def test_so_much_of_a_change_brings_what_is_claimed_and_one_less_does_not(
        self, job: str, data: st.DataObject
    ) -> None:
        """One second, seeder, byte or point less; the world is changed here, and planned anew."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            now = outcome(JOBS[job](seen, wanted), one)
            for flip in one.flips:
                if flip.amount is None:
                    continue
                event(f"{job}: {flip.change} {'+' if flip.amount > 0 else '-'} {claimed(flip)[1]}")
                assert flip.amount != 0
                there = walked(seen, wanted, one, flip, flip.amount)
                short = walked(seen, wanted, one, flip, flip.amount - (1 if flip.amount > 0 else -1))
                assert outcome(JOBS[job](there, wanted), one) == claimed(flip) != now
                assert outcome(JOBS[job](short, wanted), one) != claimed(flip)

    @every_job
    @given(st.data())
    def test_a_tag_a_state_or_a_word_brings_what_is_claimed(self, job: str, data: st.DataObject) -> None:
        """And it is something new."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            now = outcome(JOBS[job](seen, wanted), one)
            for flip in one.flips:
                if flip.amount is None:
                    event(f"{job}: {flip.change} {claimed(flip)[1]}")
                    assert outcome(JOBS[job](turned(seen, one, flip), wanted), one) == claimed(flip) != now

    @given(my.WORLDS["janitor"], st.one_of(st.integers(0, 20 * DAY), st.sampled_from(my.around(DAY, 4 * DAY, 7 * DAY))))
    def test_nothing_that_time_does_to_a_torrent_goes_untold(self, world: World, seconds: int) -> None:
        """Of one that is kept by its own figures: what is different then was told to come until then."""
        seen, wanted = world
        plan = JOBS["janitor"](seen, wanted)
        for torrent in seen.managed(CATEGORY) if plan.skip is None else ():
            one = explain_torrent(seen, wanted, torrent.hash)
            if outcome(plan, one)[1] not in ("unknown", "hnr_window", "recovery_hold", "active"):
                continue
            runs = torrent.state in RUNNING and torrent.has_completed
            clock = [flip for flip in one.flips if flip.change == ("seeding_seconds" if runs else "time_seconds")]
            if torrent.has_completed is None:
                continue
            world_then = walked(seen, wanted, one, Flip(change="time_seconds"), seconds)
            then = outcome(JOBS["janitor"](world_then, wanted), one)
            told = [flip for flip in clock if (flip.amount or 0) <= seconds]
            if then != outcome(plan, one):
                event("told")
                assert told
            if not told:
                assert then == outcome(plan, one)

    @given(my.WORLDS["spend"], st.integers(1, 60_000))
    def test_no_purchase_goes_untold_that_more_points_would_bring(self, world: World, points: int) -> None:
        """Up to what the site lets an account hold."""
        seen, wanted = world
        assume(seen.profile is not None and (seen.profile.bonus_points or 0) + points <= 99_999)
        for one in explain_job(seen, wanted, "spend")[1:]:
            plan = JOBS["spend"](walked(seen, wanted, one, Flip(change="bonus_points"), points), wanted)
            if outcome(plan, one) != outcome(JOBS["spend"](seen, wanted), one):
                event("told")
                least = [flip.amount for flip in one.flips if flip.change == "bonus_points" and (flip.amount or 0) > 0]
                assert least
                assert min(amount for amount in least if amount is not None) <= points


class TestWords:
    """Whatever is explained can be said and written."""

    @every_job
    @given(st.data())
    def test_there_are_words_for_all_of_it(self, job: str, data: st.DataObject) -> None:
        """One line a thing, and JSON without NaN; a line for each change."""
        seen, wanted = data.draw(my.WORLDS[job])
        for one in explanations(seen, wanted, job):
            lines = list(describe(one))
            assert all(line.isprintable() for line in lines)
            assert len(lines) >= 1 + len(one.flips) + len(one.depends)
            form = json.loads(dump(unparse_explanation(one)))
            assert [flip["amount"] for flip in form["flips"]] == [flip.amount for flip in one.flips]
            assert [step["outcome"] for step in form["steps"]] == [step.outcome.value for step in one.steps]


CLAIMS = {
    "grab": {
        "downloaded_bytes",
        "free_space_bytes",
        "hit_and_run_count",
        "leechers",
        "managed_torrents",
        "personal_freeleech",
        "seeders",
        "time_seconds",
        "torrents_removed",
        "unsat_count",
        "uploaded_bytes",
    },
    "janitor": {
        "downloaded_bytes",
        "managed_torrents",
        "messages",
        "runs",
        "seeders",
        "seeding_seconds",
        "state",
        "tags_added",
        "tags_removed",
        "time_seconds",
        "uploaded_bytes",
    },
    "address": {"time_seconds"},
    "monitor": set(),
    "rescue": {"announcing", "seeding_seconds"},
    "reconcile": {"owed_torrents", "preference", "seeding_seconds", "state"},
    "spend": {"bonus_points", "downloaded_bytes", "purchase_pending", "time_seconds", "uploaded_bytes"},
}


@every_job
def test_every_kind_of_claim_is_drawn(job: str) -> None:
    """The laws above walk what is claimed; here it is seen that something is, and nothing they do not know of."""
    claims: set[str] = set()

    @settings(
        max_examples=600,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(my.WORLDS[job])
    def collect(world: World) -> None:
        claims.update(flip.change for one in explanations(*world, job) for flip in one.flips)

    collect()
    assert claims == CLAIMS[job]
