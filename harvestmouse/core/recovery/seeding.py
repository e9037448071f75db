"""What an account owes its torrents, and what gets them seeding it."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from harvestmouse.core.guards import unsat_limit, unsat_resume_seconds, unsat_used
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.recovery.credit import served_at
from harvestmouse.core.recovery.model import Step, Who
from harvestmouse.core.recovery.view import View, torrents

# On the site a person can pay this for a torrent, which counts as seeded for 72 hours then.
SEED_TIME_PRICE = 1_000
_ONE_DAY, _ONE_HOUR = timedelta(days=1), timedelta(hours=1)


def owed(view: View) -> Iterator[Step]:
    """Yield what gets torrents seeding that owe seed time, and when the last of them is done."""
    plan = view.rescue
    counts = Counter(one.reason for one in plan.decisions)
    starting = {one.subject for one in plan.decisions if one.decision in (Verdict.FORCE_START, Verdict.RESUME)}
    again = sum(one.decision is Verdict.REANNOUNCE for one in plan.decisions)
    if starting or again:
        what = f"Rescue starts {torrents(len(starting))} that owe seed time, and announces {again} once more."
        yield Step(view.now, Who.JOBS, what, {"started": len(starting), "announced": again})
    resting = counts[Reason.OWED_QUEUED] + counts[Reason.OWED_STOPPED] - len(starting)
    if resting:
        yield Step(
            view.now,
            Who.PERSON,
            f"In the client, start {torrents(resting)} that owe seed time and are queued or stopped: the tracker does "
            "not see them. Or set force_start = true in [reconcile].",
            {"queued": counts[Reason.OWED_QUEUED], "stopped": counts[Reason.OWED_STOPPED]},
        )
    refused = counts[Reason.OWED_REFUSED] + (0 if view.is_mouse else counts[Reason.ACCOUNT_EVENT]) - again
    if refused:
        yield Step(
            view.now,
            Who.PERSON,
            f"See in the client what the tracker says of {torrents(refused)} that owe seed time and are refused. An "
            "unknown host or passkey: the site does not know the client's address, or the passkey was reset.",
            {"torrents": refused},
        )
    yield from _deadlines(view, plan)


def _deadlines(view: View, plan: Plan) -> Iterator[Step]:
    late, slack = plan.figures.get("owed_late", 0), plan.figures.get("least_slack_seconds")
    if late:
        yield Step(
            view.now,
            Who.PERSON,
            f"{torrents(late).capitalize()} cannot be seeded for 72 hours within 30 days any more. In the store "
            f"{SEED_TIME_PRICE} BP each count as 72 hours; seeding them all the same repairs them too.",
            {"torrents": late, "cost_bp": late * SEED_TIME_PRICE},
        )
    elif slack is not None:
        what = "By then the most urgent of the torrents that are not seeding has to seed, or it becomes a hit-and-run."
        yield Step(view.now + slack, Who.PERSON, what, {"seconds": slack})
    owed = [one.facts["owed_seconds"] for one in plan.decisions if one.facts.get("owed_seconds")]
    if owed:
        served = served_at(view)
        margin = view.policy.cleanup.seed_time_margin // _ONE_HOUR
        what = f"The last of {torrents(len(owed))} that owe seed time has its 72 hours, and {margin} to be sure"
        condition = "counted from when the class is left" if view.is_mouse else "if all of them seed from now on"
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
        f"Seed the hit-and-runs, {count} of them, again: your profile's page lists them. Add to the client what it has "
        f'no more, and tag it "{tag}": the janitor leaves it for {days} days. Or pay {SEED_TIME_PRICE} BP for each in '
        f"the store, {count * SEED_TIME_PRICE} BP in all.",
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
        f"Enough torrents are satisfied for grab to go on; now {used} are not, of at most {limit}. Deleting one frees "
        "no slot, only 72 hours of seeding do.",
        {"unsat_used": used, "unsat_limit": limit, "seconds": seconds},
    )
