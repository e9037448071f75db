"""Turn the end of a run into figures, under the names of the catalogue."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

from attrs import evolve, field, frozen

from harvestmouse.adapters.errors import (
    ACCOUNT_STATES,
    AccountMayBeDisabled,
    AddressNotAllowed,
    DownloadFrozen,
    MissingCookie,
    SessionInvalid,
    WrongSessionType,
)
from harvestmouse.adapters.metrics import Group, Sample
from harvestmouse.adapters.metrics.catalogue import Owner
from harvestmouse.adapters.traffic import CLIENT, ENDPOINTS, SITE, Result
from harvestmouse.core.actions import ACTIONS
from harvestmouse.core.income import BALANCE_CAP
from harvestmouse.core.model import AccountClass, Profile
from harvestmouse.core.plan import GUARDS, Plan, Verdict
from harvestmouse.core.units import GIB
from harvestmouse.runners.report import Exit, Report, Status

_CLASS_CODES: Mapping[AccountClass | None, int] = {one: code for code, one in enumerate(AccountClass)}
_SERVICES = {
    "grab": (SITE, CLIENT),
    "spend": (SITE,),
    "janitor": (CLIENT,),
    "reconcile": (CLIENT,),
    "monitor": (CLIENT,),
    "rescue": (CLIENT,),
    "address": (SITE, CLIENT),
    "cycle": (SITE, CLIENT),
}
_SESSION_OVER = frozenset({SessionInvalid.state, AccountMayBeDisabled.state})
# Any other trouble says nothing about the cookie.
_OF_THE_SESSION = _SESSION_OVER | {MissingCookie.state, AddressNotAllowed.state, WrongSessionType.state}
_BLOCKED = "blocked"
_CONNECTIONS = ("connected", "firewalled", "disconnected")


@frozen(kw_only=True)
class Ending:
    """All that is known when a run is over, whatever its end.

    Attributes:
        at: When it ended, unix seconds.
        seconds: How long it took.
        report: ``None`` where it ended before there was a plan.
        state: What an error told about the account; empty where none did.
        profile: The account, where the run has read it.
        frozen_until: Until when the site refuses downloads, unix seconds.
        income: Points an hour, from earlier balances.
        session_expires_at: Unix seconds; an estimate.
        requests: How many, by service, endpoint and result.
        part: It is of one job of a cycle, which has the time and the requests.
        clients: Whether each of several clients answered, by name.
    """

    job: str
    apply: bool
    exit_code: int
    at: float
    seconds: float
    report: Report | None = None
    state: str = ""
    profile: Profile | None = None
    frozen_until: int | None = None
    income: float | None = None
    session_expires_at: float | None = None
    requests: Mapping[tuple[str, str, Result], int] = field(factory=dict)
    part: bool = False
    clients: Mapping[str, bool] = field(factory=dict)


def measure(ending: Ending) -> tuple[Group, ...]:
    """Return the figures of a run: those of its job and, where it has learnt of it, those of the account.

    A run that succeeds tells all there is. Any other replaces only what it knows, so that the last good figures stay;
    the account's go by themselves, since a run may read the profile and fail after that.
    """
    groups = [_group(one) for one in (ending, *_parts(ending))]
    session = tuple(_session(ending))
    if session:
        account = () if ending.profile is None else tuple(_account(ending, ending.profile))
        groups.append(Group(name=Owner.ACCOUNT.group, samples=(*session, *account), whole=ending.profile is not None))
    return tuple(groups)


def _parts(ending: Ending) -> Iterator[Ending]:
    """Yield the end of each job of a cycle, as it would be had the job run alone."""
    report = ending.report
    for part in () if report is None else report.parts:
        # With nothing to decide from there would have been no plan; what some of several clients told is one.
        missed = part.error is not None and not part.plan.actions and (part.plan.skip or part.plan.job == "grab")
        yield evolve(
            ending,
            job=part.plan.job,
            exit_code=part.exit_code,
            report=None if missed else evolve(part, plan_age_seconds=report.plan_age_seconds if report else None),
            part=True,
        )


def _group(ending: Ending) -> Group:
    own = (*_run(ending), *_HEARTBEATS.get(ending.job, _nothing)(ending), *_told(ending))
    return Group(name=ending.job, samples=own, whole=ending.exit_code == Exit.DONE)


def _run(ending: Ending) -> Iterator[Sample]:
    yield Sample("harvestmouse_last_run_timestamp_seconds", ending.at)
    if ending.exit_code == Exit.DONE:
        yield Sample("harvestmouse_last_success_timestamp_seconds", ending.at)
    yield Sample("harvestmouse_exit_code", ending.exit_code)
    yield Sample("harvestmouse_dry_run", not ending.apply)
    if ending.part:
        return
    for name, is_up in ending.clients.items():
        yield Sample("harvestmouse_client_up", is_up, {"client": name})
    yield Sample("harvestmouse_run_duration_seconds", ending.seconds)
    for service in _SERVICES[ending.job]:
        asked = (endpoint for one, endpoint, _ in ending.requests if one == service)
        # Those of another client than qBittorrent are told where one was asked.
        for endpoint in dict.fromkeys((*ENDPOINTS[service], *asked)):
            for result in Result:
                labels = {"service": service, "endpoint": endpoint, "result": result.value}
                yield Sample("harvestmouse_requests", ending.requests.get((service, endpoint, result), 0), labels)


def _told(ending: Ending) -> Iterator[Sample]:
    """Yield what only a run with a plan can tell."""
    report = ending.report
    if report is None:
        return
    plan = report.plan
    if report.plan_age_seconds is not None:
        yield Sample("harvestmouse_plan_age_seconds", report.plan_age_seconds)
    if report.parts:
        # The rest is told job by job, and once.
        return
    yield from _one_hot("harvestmouse_skipped_reason", "reason", GUARDS[plan.job], _skip(plan))
    for verdict, reasons in plan.counts.items():
        for reason, count in reasons.items():
            yield Sample("harvestmouse_decisions", count, {"decision": verdict, "reason": reason})
    yield from _actions(report)
    yield from _JOBS[plan.job](report)


def _actions(report: Report) -> Iterator[Sample]:
    ended = [(one.action.kind, one.status.value) for one in report.outcomes]
    if report.violations:
        ended = [(action.kind, _BLOCKED) for action in report.plan.actions]
    for kind in ACTIONS:
        for status in (*(one.value for one in Status), _BLOCKED):
            yield Sample("harvestmouse_actions", ended.count((kind, status)), {"action": kind, "status": status})


def _session(ending: Ending) -> Iterator[Sample]:
    """Yield how account and site were found; nothing where the run has not learnt that."""
    state = ending.state
    if not state and ending.profile is not None:
        state = DownloadFrozen.state if (ending.frozen_until or 0) > ending.at else "ok"
    if not state:
        return
    yield from _one_hot("harvestmouse_account_state", "state", ACCOUNT_STATES, state)
    if ending.profile is not None or state in _OF_THE_SESSION:
        yield Sample("mam_farming_cookie_expired", state == SessionInvalid.state)
    expires = ending.at if state in _SESSION_OVER else ending.session_expires_at
    if expires is not None and expires >= ending.at:
        yield Sample("harvestmouse_session_expiry_timestamp_seconds", expires)


def _account(ending: Ending, profile: Profile) -> Iterator[Sample]:
    """Yield what the profile says, with what this run has bought since."""
    done = [] if ending.report is None else [one.action for one in ending.report.outcomes if one.status is Status.DONE]
    spent = sum(getattr(action, "cost_bp", 0) for action in done)
    credit = sum(getattr(action, "gib", 0) for action in done) * GIB
    uploaded = None if profile.uploaded_bytes is None else profile.uploaded_bytes + credit
    points = None if profile.bonus_points is None else profile.bonus_points - spent
    figures = {
        "mam_bp_balance": points,
        "mam_uploaded_bytes": uploaded,
        "mam_downloaded_bytes": profile.downloaded_bytes,
        "mam_ratio": _ratio(uploaded, profile.downloaded_bytes),
        "harvestmouse_unsatisfied_torrents": profile.unsat_count,
        "harvestmouse_unsatisfied_limit": profile.unsat_limit,
        "harvestmouse_wedges": None if profile.wedges is None else max(0, profile.wedges - _wedges_spent(ending)),
        "harvestmouse_hit_and_runs": profile.hit_and_run_count,
        "harvestmouse_bonus_points_per_hour": ending.income,
        "harvestmouse_points_at_cap": None if points is None else points >= BALANCE_CAP,
    }
    yield from _known(figures)
    if profile.class_name is not None:
        labels = {"classname": profile.class_name}
        yield Sample("mam_class_code", _CLASS_CODES.get(profile.account_class, -1), labels)


def _wedges_spent(ending: Ending) -> int:
    """Count the wedges that the site was asked to spend; one whose answer never came counts as spent."""
    ended = () if ending.report is None else ending.report.outcomes
    return sum(one.status is not Status.NOT_ATTEMPTED and getattr(one.action, "use_wedge", False) for one in ended)


def _ratio(uploaded: int | None, downloaded: int | None) -> float | None:
    if uploaded is None or downloaded is None:
        return None
    return uploaded / downloaded if downloaded else inf


def _nothing(ending: Ending) -> Iterator[Sample]:  # noqa: ARG001 - one shape for all
    yield from ()


def _grab_heartbeat(ending: Ending) -> Iterator[Sample]:
    yield Sample("mam_grabber_last_run_timestamp", ending.at)


def _janitor_heartbeat(ending: Ending) -> Iterator[Sample]:
    yield Sample("mam_janitor_last_run_timestamp", ending.at)
    yield Sample("mam_janitor_dry_run", not ending.apply)


def _monitor_heartbeat(ending: Ending) -> Iterator[Sample]:
    # A client that does not answer is not connected, as far as anybody can tell.
    if ending.report is None and ending.exit_code == Exit.UNAVAILABLE:
        yield Sample("qbt_connected", 0)


def _grab(report: Report) -> Iterator[Sample]:
    plan, figures = report.plan, report.plan.figures
    yield Sample("mam_farming_grabbed", report.count(Status.DONE))
    yield from _known(
        {
            "mam_farming_total_seeding": figures["managed_torrents"],
            "mam_farming_size_bytes": figures["managed_bytes"],
            "harvestmouse_unsat_resume_seconds": figures.get("unsat_resume_seconds"),
        }
    )
    yield from _one_hot("mam_grabber_skipped_reason", "reason", GUARDS["grab"], _skip(plan))


def _janitor(report: Report) -> Iterator[Sample]:
    plan, counts = report.plan, report.plan.counts
    deleted = [getattr(one.action, "reason", "") for one in report.outcomes if one.status is Status.DONE]
    for reason, count in counts[Verdict.DELETE].items():
        labels = {"reason": reason}
        yield Sample("mam_janitor_deleted_per_run", deleted.count(reason), labels)
        yield Sample("mam_janitor_dry_run_candidates", 0 if report.apply else count, labels)
    if plan.skip is None:
        kept = counts[Verdict.KEEP]
        owed, held = kept["hnr_window"], kept["recovery_hold"]
        yield Sample("mam_janitor_preserved_hnr", owed)
        yield Sample("mam_janitor_preserved_recovery", held)
        yield Sample("mam_janitor_skipped_active", sum(kept.values()) - owed - held)
        yield from _known(
            {
                "harvestmouse_seed_clock_drift_seconds": plan.figures.get("clock_drift_seconds"),
                "harvestmouse_unseen_torrents": plan.figures.get("unseen_torrents"),
            }
        )


def _spend(report: Report) -> Iterator[Sample]:
    figures = report.plan.figures
    yield from _known(
        {
            "mam_bp_needed_gib": figures.get("needed_gib"),
            "mam_bp_affordable_gib": figures.get("affordable_gib"),
            "harvestmouse_spend_next_useful_seconds": figures.get("next_useful_seconds"),
            "harvestmouse_spend_reserve_bp": report.plan.policy.get("reserve"),
        }
    )
    bought = (getattr(one.action, "gib", 0) for one in report.outcomes if one.status is Status.DONE)
    yield Sample("mam_bp_spent_gb", sum(bought))


def _reconcile(report: Report) -> Iterator[Sample]:
    figures = report.plan.figures
    yield from _known(
        {
            "harvestmouse_owed_torrents": figures.get("owed_torrents"),
            "harvestmouse_owed_not_announcing": figures.get("owed_not_announcing"),
        }
    )


def _rescue(report: Report) -> Iterator[Sample]:
    figures = report.plan.figures
    yield from _known(
        {
            "harvestmouse_rescue_not_announcing": figures.get("owed_not_announcing"),
            "harvestmouse_rescue_late": figures.get("owed_late"),
        }
    )


def _address(report: Report) -> Iterator[Sample]:
    (decision,) = report.plan.decisions
    shared = decision.facts["same_address"]
    yield from _known({"harvestmouse_address_shared": None if shared is None else int(shared)})


def _monitor(report: Report) -> Iterator[Sample]:
    figures = report.plan.figures
    status = figures["connection_status"]
    if status is not None:
        yield Sample("qbt_connected", status != "disconnected")
        yield from _one_hot("harvestmouse_client_connection", "status", _CONNECTIONS, status)
    yield from _known(
        {
            "qbt_dht_nodes": figures["dht_nodes"],
            "qbt_dl_speed_bytes": figures["download_bytes_per_second"],
            "qbt_ul_speed_bytes": figures["upload_bytes_per_second"],
        }
    )
    for label, one in figures.get("trackers", {}).items():
        yield from _tracker(label, one)


def _tracker(label: str, one: Mapping[str, Any]) -> Iterator[Sample]:
    labels = {"tracker": label}
    yield from _known(
        {
            "qbt_tracker_torrents_total": one["torrents"],
            "qbt_tracker_seeding": one["states"]["seeding"],
            "qbt_tracker_downloading": one["states"]["downloading"],
            "qbt_tracker_ratio": inf if one["ratio"] == "∞" else one["ratio"],
            "qbt_tracker_uploaded_bytes": one["uploaded_bytes"],
            "qbt_tracker_downloaded_bytes": one["downloaded_bytes"],
            "qbt_tracker_size_bytes": one["size_bytes"],
            "qbt_tracker_seed_time_total_seconds": one["seeding_seconds"],
            "qbt_tracker_unsatisfied": one["unsatisfied"],
        },
        labels,
    )
    for state, count in one["states"].items():
        yield Sample("harvestmouse_tracker_torrents", count, {**labels, "state": state})


def _skip(plan: Plan) -> str | None:
    return None if plan.skip is None else plan.skip.reason


def _known(figures: Mapping[str, float | None], labels: Mapping[str, str] | None = None) -> Iterator[Sample]:
    """Yield the figures that are known: unknown is absent, not 0."""
    for name, value in figures.items():
        if value is not None:
            yield Sample(name, value, labels or {})


def _one_hot(name: str, label: str, values: Iterable[str], now: str | None) -> Iterator[Sample]:
    for value in values:
        yield Sample(name, value == now, {label: str(value)})


_HEARTBEATS = {"grab": _grab_heartbeat, "janitor": _janitor_heartbeat, "monitor": _monitor_heartbeat}
_JOBS = {
    "grab": _grab,
    "janitor": _janitor,
    "spend": _spend,
    "reconcile": _reconcile,
    "monitor": _monitor,
    "rescue": _rescue,
    "address": _address,
}
