"""Explain a torrent, a search result or a job, from the plan that was or would be made of a snapshot."""

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve, frozen

from harvestmouse.core import address as addressing
from harvestmouse.core import attribution, cleanup
from harvestmouse.core import grab as grabbing
from harvestmouse.core import reconcile as reconciling
from harvestmouse.core import rescue as rescuing
from harvestmouse.core import spend as spending
from harvestmouse.core.explain import address, grab, janitor, reconcile, rescue, spend
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Rule, steps_to
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.policy import Policy


def _no_flips(snapshot: Snapshot, policy: Policy) -> Iterator[Flip]:  # noqa: ARG001 - one shape for all
    yield from ()


def _nothing(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterator[Explanation]:  # noqa: ARG001
    yield from ()


def _listed(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:  # noqa: ARG001
    count = None if snapshot.torrents is None else len(snapshot.torrents)
    return (Rule(Reason.CLIENT_UNKNOWN, (Condition("torrents", count, "missing"),)),)


@frozen
class _Job:
    """How a job is explained.

    Attributes:
        rules: Its guards.
        flips: What would change how they come out.
        own: Explains its decisions that are about no torrent and no result.
    """

    rules: Callable[[Snapshot, Policy], tuple[Rule, ...]]
    flips: Callable[[Snapshot, Policy], Iterator[Flip]] = _no_flips
    own: Callable[[Plan, Snapshot, Policy], Iterator[Explanation]] = _nothing


_JOBS: Mapping[str, _Job] = {
    grabbing.JOB: _Job(grab.guard_rules, grab.guard_flips),
    cleanup.JOB: _Job(janitor.guard_rules, janitor.guard_flips),
    spending.JOB: _Job(spend.guard_rules, own=spend.explain_purchases),
    reconciling.JOB: _Job(reconcile.guard_rules, own=reconcile.explain_keys),
    attribution.JOB: _Job(_listed),
    rescuing.JOB: _Job(_listed),
    addressing.JOB: _Job(address.no_guards, own=address.explain_address),
}
_TORRENTS = {
    cleanup.JOB: janitor.explain_cleanup,
    reconciling.JOB: reconcile.explain_start,
    rescuing.JOB: rescue.explain_rescue,
}


def explain_job(snapshot: Snapshot, policy: Policy, job: str) -> tuple[Explanation, ...]:
    """Explain whether a job runs, and what it decides about anything but torrents and results.

    Returns:
        The job itself first, whose steps are its guards; then, unless it was skipped, each purchase or preference.
    """
    plan, parts = JOBS[job](snapshot, policy), _JOBS[job]
    itself = _about_job(plan, snapshot, policy)
    return (itself, *(parts.own(plan, snapshot, policy) if plan.skip is None else ()))


def explain_torrent(snapshot: Snapshot, policy: Policy, info_hash: str, job: str = cleanup.JOB) -> Explanation:
    """Explain what the janitor, reconcile or rescue decides about a torrent of the snapshot.

    Where the job was skipped, its guards are explained: nothing was decided about the torrent. A torrent that the
    job does not look at has no decision and no steps.

    Raises:
        KeyError: The snapshot has no such torrent.
    """
    torrent = {one.hash: one for one in snapshot.torrents or ()}[info_hash]
    plan = JOBS[job](snapshot, policy)
    if plan.skip is not None:
        return evolve(_about_job(plan, snapshot, policy), subject=info_hash, name=torrent.name)
    return _TORRENTS[job](plan, snapshot, policy, torrent)


def explain_result(snapshot: Snapshot, policy: Policy, identity: int) -> Explanation:
    """Explain what grab decides about a search result, by its id on the site.

    Where the job was skipped, its guards are explained: nothing was decided about any result. A result that the
    snapshot does not have has no decision and no steps.
    """
    plan = JOBS[grabbing.JOB](snapshot, policy)
    if plan.skip is not None:
        return evolve(_about_job(plan, snapshot, policy), subject=str(identity))
    return grab.explain_grab(plan, snapshot, policy, identity)


def _about_job(plan: Plan, snapshot: Snapshot, policy: Policy) -> Explanation:
    parts = _JOBS[plan.job]
    reason = None if plan.skip is None else plan.skip.reason
    return Explanation(
        job=plan.job,
        subject=plan.job,
        decided_at=plan.decided_at,
        skip=plan.skip,
        steps=steps_to(parts.rules(snapshot, policy), reason),
        flips=tuple(parts.flips(snapshot, policy)),
        depends=tuple(grab.guard_depends(snapshot, reason)) if plan.job == grabbing.JOB else (),
    )
