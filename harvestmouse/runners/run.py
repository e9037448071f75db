"""A run: fetch, decide, check, carry out, report."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from attrs import evolve

from harvestmouse.adapters.errors import AdapterError, StateError
from harvestmouse.adapters.traffic import CLIENT, SITE
from harvestmouse.core import cleanup, grab, guards, spend
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.runners.carry_out import Apply, DryRun, Executor
from harvestmouse.runners.clients import first_missing, left_by
from harvestmouse.runners.clock import remember_clock
from harvestmouse.runners.fetch import FETCH, SITE_JOBS
from harvestmouse.runners.interrupt import StopSignal
from harvestmouse.runners.ports import Ports, log
from harvestmouse.runners.report import Exit, Report, Status, subject
from harvestmouse.runners.words import announce_plan, announce_report


def run(job: str, ports: Ports, *, apply: bool, stop: StopSignal | None = None) -> Report:
    """Run one job, or all of them.

    Args:
        job: One of `harvestmouse.core.cycle.PLANNERS`.
        ports: The outside; closed at the end.
        apply: Act; otherwise only say what would be done.
        stop: Tells a run that acts to end between two actions.

    Raises:
        AdapterError: The run ended before there was a plan.
    """
    policy = ports.settings.policy
    with opened(job, ports):
        ports.snapshot = snapshot = FETCH[job](ports, policy)
        if ports.tape is not None:
            ports.tape.stop()
        plan = PLANNERS[job](snapshot, policy)
        announce_plan(plan)
        violations = check(plan, snapshot, policy)
        if violations:
            report = Report(plan=plan, apply=apply, violations=violations)
        else:
            executor = Apply(ports, stop or StopSignal()) if apply else DryRun()
            report = _carry_out(plan, ports, snapshot, executor, apply=apply)
            report = evolve(report, plan_age_seconds=ports.clock() - plan.decided_at)
            _remember(ports, snapshot, report)
    report = evolve(report, run_id=ports.run_id)
    announce_report(report)
    return report


def _carry_out(plan: Plan, ports: Ports, snapshot: Snapshot, executor: Executor, *, apply: bool) -> Report:
    parts = plan.parts or (plan,)
    missed = [_missed(part, ports.lost) for part in parts]
    reports = []
    for part, (outcomes, error), before in zip(parts, executor.carry_out(plan, snapshot), missed, strict=True):
        report = Report(plan=part, apply=apply, outcomes=outcomes)
        why = error or before
        if why is not None:
            report = evolve(report, error=str(why), error_code=Exit(why.exit_code), error_state=why.state)
        reports.append(report)
    return Report.joined(plan, tuple(reports)) if plan.parts else reports[0]


def _missed(plan: Plan, lost: Mapping[str, AdapterError]) -> AdapterError | None:
    """Return the error for which a job has nothing to decide from, or only what some of the clients tell.

    With nothing to decide from it would, alone, have ended with it.
    """
    missing = first_missing(lost)
    if plan.skip is not None:
        told_by = _TOLD_BY.get(plan.skip.reason, "")
        return lost.get(told_by) or (missing if told_by == CLIENT else None)
    if plan.complete or plan.job == spend.JOB:
        return None
    # Only grab asks more of a service once its guards allow: the site, for results.
    return lost.get(SITE) if plan.job == grab.JOB else missing


# Who has not told what is unknown.
_TOLD_BY = {Reason.PROFILE_UNKNOWN: SITE, Reason.CLIENT_UNKNOWN: CLIENT}


@contextmanager
def opened(job: str, ports: Ports, *, site: bool = False) -> Iterator[None]:
    """Hold the lock where the site's session is used, and close what was opened before it is let go."""
    with ExitStack() as stack:
        if site or job in SITE_JOBS:
            from harvestmouse.adapters.state.lock import locked  # noqa: PLC0415 - only jobs that talk to the site wait

            general = ports.settings.general
            stack.enter_context(locked(general.state_dir, job, general.lock_wait.total_seconds()))
        stack.callback(ports.close)
        yield


def _remember(ports: Ports, snapshot: Snapshot, report: Report) -> None:
    """Leave for the next run what this one has seen; it only makes decisions more careful, so it fails no run."""
    profile = snapshot.profile
    remember_clock(ports, snapshot)
    try:
        for job in report.jobs:
            _remember_job(ports, snapshot, job)
        if profile is not None and profile.bonus_points is not None:
            ports.memory.remember_balance(snapshot.taken_at, profile.bonus_points)
            spent = sum(getattr(one.action, "cost_bp", 0) for one in report.outcomes if one.status is Status.DONE)
            if spent:
                ports.memory.remember_balance(ports.clock(), profile.bonus_points - spent)
    except StateError as error:
        log.warning("%s", error)


def _remember_job(ports: Ports, snapshot: Snapshot, report: Report) -> None:
    plan = report.plan
    if plan.job == cleanup.JOB and snapshot.torrents is not None:
        managed = snapshot.managed(ports.settings.policy.client.category)
        gone = [subject(one.action) for one in report.outcomes if one.status is Status.DONE]
        clients = left_by(ports, managed, gone)
        ports.memory.remember_listing(sum(clients.values()) if clients else len(managed) - len(gone), clients)
    if plan.job == grab.JOB:
        paused = guards.unsat_paused(snapshot, ports.settings.policy.grab)
        if paused != snapshot.unsatisfied_paused:
            ports.memory.remember_account(unsatisfied_paused=paused or None)
