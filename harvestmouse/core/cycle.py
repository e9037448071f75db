"""All jobs in one run, as one plan: what each decides, and what those before it leave to decide on."""

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve

from harvestmouse.core import address, reconcile
from harvestmouse.core.actions import DeleteTorrent, SetPreferences
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy

JOB = "cycle"

# Look first; then make room and put the account right; then seed what is owed; and only then take on more.
ORDER = ("monitor", "janitor", "spend", "reconcile", "address", "rescue", "grab")


def plan_cycle(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide all jobs, each as if it ran alone, but for what they share.

    - Places in the client: those of torrents that the janitor deletes are free for grab in the same run.
    - Space on disk: what deletions free is not counted; the client tells of it later.
    - Points: only spend buys, and at most once.
    - Ratio and unsatisfied torrents: as the site has told them. What a purchase or a deletion makes of them is for the
      next run, which asks the site again.

    Args:
        snapshot: Whatever the jobs need; where a part is absent, the jobs that need it are skipped, and others go on.
        policy: All its sections.

    Returns:
        A plan with the plan of every job as a part; each part has at most one decision about one item.
    """
    return Plan.joined(JOB, snapshot.taken_at, tuple(plan for plan, _ in steps(snapshot, policy)))


def steps(snapshot: Snapshot, policy: Policy) -> Iterator[tuple[Plan, Snapshot]]:
    """Yield the plan of every job in turn, with the snapshot as those before it leave it."""
    for job in jobs_of(policy):
        plan = _PLANNERS[job](snapshot, policy)
        yield plan, snapshot
        snapshot = with_places_of(plan, snapshot)


def jobs_of(policy: Policy) -> tuple[str, ...]:
    """Return the jobs of a cycle in their order; telling the site the client's address is one only where wanted."""
    return tuple(job for job in ORDER if job != address.JOB or policy.address.register_address)


def with_places_of(plan: Plan, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the places free that *plan* frees: nothing but places, and only in the client."""
    leaving = {action.hash for action in plan.actions if isinstance(action, DeleteTorrent)}
    return evolve(snapshot, leaving=snapshot.leaving | leaving)


def _preferences_only(snapshot: Snapshot, policy: Policy) -> Plan:
    """Leave the starting of torrents to rescue, which looks at the same ones and begins with the most urgent."""
    plan = JOBS[reconcile.JOB](snapshot, policy)
    return evolve(
        plan,
        actions=tuple(action for action in plan.actions if isinstance(action, SetPreferences)),
        decisions=tuple(one for one in plan.decisions if one.subject.rpartition("/")[2] in reconcile.KEYS),
        advice=(),
    )


_PLANNERS = {**JOBS, reconcile.JOB: _preferences_only}

# Whatever can be run.
PLANNERS: Mapping[str, Callable[[Snapshot, Policy], Plan]] = {**JOBS, JOB: plan_cycle}
