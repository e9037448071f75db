"""What an account owes its torrents, and what gets them seeding it."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from harvestmouse.core.guards import unsat_limit, unsat_resume_seconds, unsat_used
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.recovery.credit import served_at
from harvestmouse.core.recovery.model import Step, Who
from harvestmouse.core.recovery.view import View, torrents
from harvestmouse.core.units import counted

# On the site a person can pay this for a torrent, which counts as seeded for 72 hours then.
SEED_TIME_PRICE = 1_000
_ONE_DAY, _ONE_HOUR = timedelta(days=1), timedelta(hours=1)


def owed(view: View) -> Iterator[Step]:
    """Yield what gets torrents seeding that owe seed time, and when the last of them is done."""
    plan = view.rescue
    counts = Counter(one.reason for one in plan.decisions if one.decision is Verdict.KEEP)
    started, again = plan.count(Verdict.FORCE_START) + plan.count(Verdict.RESUME), plan.count(Verdict.REANNOUNCE)
    if started or again:
        what = f"Rescue starts {torrents(started)} and announces {again} once more, to seed what is owed."
        yield Step(view.now, Who.JOBS, what, {"started": started, "announced": again})
    resting = counts[Reason.OWED_QUEUED] + counts[Reason.OWED_STOPPED]
    if resting:
        yield Step(
            view.now,
            Who.PERSON,
            f"In the client, start what owes seed time and is queued or stopped ({torrents(resting)}): the tracker "
            "does not see it. Or set force_start = true in [reconcile].",
            {"queued": counts[Reason.OWED_QUEUED], "stopped": counts[Reason.OWED_STOPPED]},
        )
    refused = counts[Reason.OWED_REFUSED] + counts[Reason.ACCOUNT_EVENT]
    # In class Mouse every announce is refused; there is nothing to look at.
    if refused and not view.is_mouse:
        yield Step(
            view.now,
            Who.PERSON,
            f"The tracker refuses what owes seed time ({torrents(refused)}), or does not answer: see in the client "
            "what it says.",
            {"torrents": refused},
        )
    yield from _deadlines(view, plan)


def _deadlines(view: View, plan: Plan) -> Iterator[Step]:
    late, slack = plan.figures.get("owed_late"), plan.figures.get("least_slack_seconds")
    if late:
        yield Step(
            view.now,
            Who.PERSON,
            f"It is too late to seed {torrents(late)} for 72 hours within the site's 30 days; seeding repairs that all "
            f"the same. In the store {SEED_TIME_PRICE} BP each count as 72 hours, {late * SEED_TIME_PRICE} BP in all.",
            {"torrents": late, "cost_bp": late * SEED_TIME_PRICE},
        )
    elif slack is not None:
        what = "The last moment for the most urgent torrent that is not seeding; later it becomes a hit-and-run."
        yield Step(view.now + slack, Who.PERSON, what, {"seconds": slack})
    owed = [one.facts["owed_seconds"] for one in plan.decisions if one.facts.get("owed_seconds")]
    if owed:
        served = served_at(view)
        margin = view.policy.cleanup.seed_time_margin // _ONE_HOUR
        what = f"All that owes seed time ({torrents(len(owed))}) has its 72 hours, and {margin} to be sure"
        condition = "counted from when the class is left" if view.is_mouse else "if it seeds from now on"
        at = None if served is None else served + max(owed)
        yield Step(at, Who.WAIT, f"{what}, {condition}.", {"torrents": len(owed), "seconds": max(owed)})


def hit_and_runs(view: View) -> Iterator[Step]:
    """Yield how hit-and-runs are repaired, and when the first can be."""
    count = view.profile.hit_and_run_count
    if not count:
        return
    tag, days = view.policy.cleanup.recovery_tag, view.policy.cleanup.recovery_hold // _ONE_DAY
    yield Step(
        view.now,
        Who.PERSON,
        f"Seed the hit-and-runs ({count}) again: your profile's page lists them. Add to the client what it has "
        f'no more, and tag it "{tag}": the janitor leaves it for {counted(days, "day")}. Or pay '
        f"{SEED_TIME_PRICE} BP for each in the store, {count * SEED_TIME_PRICE} BP in all.",
        {"torrents": count, "cost_bp": count * SEED_TIME_PRICE},
    )
    served = served_at(view)
    seconds = int(view.policy.cleanup.seed_time.total_seconds())
    what = "The first of them can be repaired, if they seed from now on."
    yield Step(None if served is None else served + seconds, Who.WAIT, what, {"seconds": seconds})


def limits(view: View) -> Iterator[Step]:
    """Yield what the site itself ends: a refusal of downloads, and the unsatisfied torrents of the limit."""
    until = view.snapshot.download_freeze_until
    if view.is_frozen and until is not None:
        what = "The site takes downloads again. Until then seed, and download nothing on this account by any means."
        yield Step(until, Who.WAIT, what, {"seconds": until - view.now})
    if not view.is_unsatisfied:
        return
    used, limit = unsat_used(view.snapshot), unsat_limit(view.snapshot.profile)
    seconds = unsat_resume_seconds(view.snapshot, view.policy)
    yield Step(
        None if seconds is None else view.now + seconds,
        Who.WAIT,
        f"Enough torrents are satisfied for grab to go on; unsatisfied now: {used}, of at most {limit}. Deleting one "
        "frees no slot, only 72 hours of seeding do.",
        {"unsat_used": used, "unsat_limit": limit, "seconds": seconds},
    )
