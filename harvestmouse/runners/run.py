"""A run: fetch, decide, check, carry out, report."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.runners.carry_out import Apply, DryRun, Executor
from harvestmouse.runners.fetch import FETCH, SITE_JOBS, remember
from harvestmouse.runners.ports import Ports, log
from harvestmouse.runners.report import Exit, Report, Status
from harvestmouse.runners.words import announce_plan, announce_report


def run(job: str, ports: Ports, *, apply: bool) -> Report:
    """Run one job.

    Args:
        job: One of `harvestmouse.core.jobs.JOBS`.
        ports: The outside; closed at the end.
        apply: Act; otherwise only say what would be done.

    Raises:
        AdapterError: The run ended before there was a plan.
    """
    policy = ports.settings.policy
    with _opened(job, ports):
        snapshot = FETCH[job](ports, policy)
        plan = JOBS[job](snapshot, policy)
        announce_plan(plan)
        violations = check(plan, snapshot, policy)
        if violations:
            return Report(plan=plan, apply=apply, violations=violations)
        executor: Executor = Apply(ports) if apply else DryRun()
        outcomes, error = executor.carry_out(plan, snapshot)
        report = Report(
            plan=plan,
            apply=apply,
            outcomes=outcomes,
            error=None if error is None else str(error),
            error_code=Exit(error.exit_code if error is not None else 0),
        )
        _remember(ports, snapshot, plan, report)
    announce_report(report)
    return report


@contextmanager
def _opened(job: str, ports: Ports) -> Iterator[None]:
    """Hold the lock where the job uses the site's session, and close what was opened before it is let go."""
    with ExitStack() as stack:
        if job in SITE_JOBS:
            from harvestmouse.adapters.state.lock import locked  # noqa: PLC0415 - only jobs that talk to the site wait

            general = ports.settings.general
            stack.enter_context(locked(general.state_dir, job, general.lock_wait.total_seconds()))
        stack.callback(ports.close)
        yield


def _remember(ports: Ports, snapshot: Snapshot, plan: Plan, report: Report) -> None:
    paused = plan.skip is not None and plan.skip.reason is Reason.UNSATISFIED_LIMIT
    if plan.job == "grab" and paused != snapshot.unsatisfied_paused:
        ports.memory.remember_account(unsatisfied_paused=paused or None)
    remember(ports, snapshot, plan, report.count(Status.DONE))
    log.debug("state written to %s", ports.settings.general.state_dir)
