"""Turn a run's report into figures, under the names that the old scripts' dashboards know."""

import time
from collections.abc import Iterator
from typing import Any

from harvestmouse.adapters.errors import ACCOUNT_STATES, SessionInvalid
from harvestmouse.adapters.metrics import Sample
from harvestmouse.core.model import AccountClass
from harvestmouse.core.plan import GUARDS, Plan, Verdict
from harvestmouse.runners.report import Exit, Report, Status

_CLASS_CODES = {one.value: code for code, one in enumerate(AccountClass)}
_ACCOUNT = {
    "ratio": ("mam_ratio", "Upload over download, from the byte counts."),
    "balance_bp": ("mam_bp_balance", "Bonus points."),
    "uploaded_bytes": ("mam_uploaded_bytes", "Credited upload in bytes."),
    "downloaded_bytes": ("mam_downloaded_bytes", "Counted download in bytes."),
}


def measure(job: str, report: Report | None, exit_code: int, state: str = "") -> list[Sample]:
    """Return the figures of one run.

    Args:
        job: The job's name.
        report: ``None`` where the run ended before there was a plan.
        exit_code: How it ended.
        state: What an error told about the account; empty where none did.
    """
    now = time.time()
    samples = [
        Sample("harvestmouse_last_run_timestamp_seconds", "When the job last ran, whatever its end.", now),
        Sample("harvestmouse_exit_code", "Exit code of the last run.", exit_code),
    ]
    if exit_code in (Exit.DONE, Exit.FAILED) and report is not None:
        samples.append(Sample("harvestmouse_last_success_timestamp_seconds", "When it last ran to its end.", now))
    if job == "grab":
        samples.append(Sample("mam_grabber_last_run_timestamp", "When the grabber last ran.", now))
    if job == "janitor":
        samples.append(Sample("mam_janitor_last_run_timestamp", "When the janitor last ran.", now))
    if job in ("grab", "spend"):
        expired = float(state == SessionInvalid.state)
        samples.append(Sample("mam_farming_cookie_expired", "1 where the site does not accept the cookie.", expired))
        samples += _states(state, known=report is not None)
    if report is not None:
        samples += _account(report.plan)
        samples += _JOBS[job](report)
    return samples


def _states(state: str, *, known: bool) -> Iterator[Sample]:
    """Yield the account's state one-hot; none is 1 where the run ended without having asked the site."""
    now = state or ("ok" if known else "")
    for name in ACCOUNT_STATES:
        meaning = "1 for the state in which the last run found the account and the site."
        yield Sample("harvestmouse_account_state", meaning, float(name == now), {"state": name})


def _account(plan: Plan) -> Iterator[Sample]:
    figures = plan.figures
    for key, (name, meaning) in _ACCOUNT.items():
        value = figures.get(key)
        if value is not None:
            yield Sample(name, meaning, float("inf") if isinstance(value, str) else value)
    class_name = figures.get("class")
    if class_name is not None:
        code = _CLASS_CODES.get(class_name, -1)
        yield Sample("mam_class_code", "Mouse 0 to Elite VIP 4; unknown -1.", code, {"classname": class_name})


def _grab(report: Report) -> Iterator[Sample]:
    plan, figures = report.plan, report.plan.figures
    yield Sample("mam_farming_grabbed", "Torrents added by the last run.", report.count(Status.DONE))
    if figures["managed_torrents"] is not None:
        yield Sample("mam_farming_total_seeding", "Torrents in the managed category.", figures["managed_torrents"])
    if figures["managed_bytes"] is not None:
        yield Sample("mam_farming_size_bytes", "Their size in bytes.", figures["managed_bytes"])
    for reason in GUARDS["grab"]:
        skipped = float(plan.skip is not None and plan.skip.reason is reason)
        meaning = "1 for the reason why the last run was skipped."
        yield Sample("mam_grabber_skipped_reason", meaning, skipped, {"reason": reason.value})


def _janitor(report: Report) -> Iterator[Sample]:
    counts = report.plan.counts
    deleted = dict.fromkeys(counts[Verdict.DELETE], 0)
    for outcome in report.outcomes:
        if outcome.status is Status.DONE:
            deleted[str(getattr(outcome.action, "reason", ""))] += 1
    for reason, count in counts[Verdict.DELETE].items():
        labels = {"reason": reason}
        yield Sample("mam_janitor_deleted_per_run", "Torrents deleted by the last run.", deleted[reason], labels)
        candidates = 0 if report.apply else count
        yield Sample("mam_janitor_dry_run_candidates", "Torrents a dry run would delete.", candidates, labels)
    kept = counts[Verdict.KEEP]
    owed, held = kept["hnr_window"], kept["recovery_hold"]
    yield Sample("mam_janitor_preserved_hnr", "Torrents kept because they owe seed time.", owed)
    yield Sample("mam_janitor_preserved_recovery", "Torrents kept to repair a hit-and-run.", held)
    yield Sample("mam_janitor_skipped_active", "Torrents kept for any other reason.", sum(kept.values()) - owed - held)
    yield Sample("mam_janitor_dry_run", "1 where the last run was a dry run.", float(not report.apply))


def _spend(report: Report) -> Iterator[Sample]:
    figures: dict[str, Any] = dict(report.plan.figures)
    done = [one.action for one in report.outcomes if one.status is Status.DONE]
    if figures:
        yield Sample("mam_bp_needed_gib", "Upload credit needed, GiB.", figures["needed_gib"])
        yield Sample("mam_bp_affordable_gib", "Upload credit the budget pays for, GiB.", figures["affordable_gib"])
    bought = sum(getattr(action, "gib", 0) for action in done)
    yield Sample("mam_bp_spent_gb", "Upload credit bought by the last run, GiB.", bought)


def _reconcile(report: Report) -> Iterator[Sample]:
    owed = report.plan.figures.get("owed_not_announcing")
    if owed is not None:
        meaning = "Torrents that owe seed time but are queued or stopped."
        yield Sample("harvestmouse_owed_not_announcing", meaning, owed)


_JOBS = {"grab": _grab, "janitor": _janitor, "spend": _spend, "reconcile": _reconcile}
