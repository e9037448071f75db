"""A run: fetch, decide, check, carry out, report."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from attrs import evolve

from harvestmouse.adapters.errors import StateError
from harvestmouse.core import cleanup, grab
from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.runners.carry_out import Apply, DryRun, Executor
from harvestmouse.runners.fetch import FETCH, SITE_JOBS
from harvestmouse.runners.interrupt import StopSignal
from harvestmouse.runners.ports import Ports, log
from harvestmouse.runners.report import Exit, Report, Status
from harvestmouse.runners.words import announce_plan, announce_report


def run(job: str, ports: Ports, *, apply: bool, stop: StopSignal | None = None) -> Report:
    """Run one job.

    Args:
        job: One of `harvestmouse.core.jobs.JOBS`.
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
        plan = JOBS[job](snapshot, policy)
        announce_plan(plan)
        violations = check(plan, snapshot, policy)
        if violations:
            report = Report(plan=plan, apply=apply, violations=violations)
        else:
            executor = Apply(ports, stop or StopSignal()) if apply else DryRun()
            report = _carry_out(plan, snapshot, executor, apply=apply)
            report = evolve(report, plan_age_seconds=ports.clock() - plan.decided_at)
            _remember(ports, snapshot, report)
    report = evolve(report, run_id=ports.run_id)
    announce_report(report)
    return report


def _carry_out(plan: Plan, snapshot: Snapshot, executor: Executor, *, apply: bool) -> Report:
    outcomes, error = executor.carry_out(plan, snapshot)
    if error is None:
        return Report(plan=plan, apply=apply, outcomes=outcomes)
    code = Exit(error.exit_code)
    return Report(plan=plan, apply=apply, outcomes=outcomes, error=str(error), error_code=code, error_state=error.state)


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
    plan, profile = report.plan, snapshot.profile
    try:
        if plan.job == cleanup.JOB and snapshot.torrents is not None:
            left = len(snapshot.managed(ports.settings.policy.client.category)) - report.count(Status.DONE)
            ports.memory.remember_listing(left)
        if plan.job == grab.JOB:
            paused = plan.skip is not None and plan.skip.reason is Reason.UNSATISFIED_LIMIT
            if paused != snapshot.unsatisfied_paused:
                ports.memory.remember_account(unsatisfied_paused=paused or None)
        if profile is not None and profile.bonus_points is not None:
            ports.memory.remember_balance(snapshot.taken_at, profile.bonus_points)
            spent = sum(getattr(one.action, "cost_bp", 0) for one in report.outcomes if one.status is Status.DONE)
            if spent:
                ports.memory.remember_balance(ports.clock(), profile.bonus_points - spent)
    except StateError as error:
        log.warning("%s", error)
