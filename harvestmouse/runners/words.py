"""What a run says to people: log lines that operators of the old scripts know, and a readable plan."""

from collections.abc import Iterable, Iterator, Mapping
from logging import DEBUG, INFO, WARNING
from typing import Any

from harvestmouse.core import attribution
from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    Reannounce,
    Resume,
    SetPreferences,
)
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.units import GIB, counted, format_size, format_span
from harvestmouse.runners.logs import event, log
from harvestmouse.runners.report import Outcome, Report, Status, subject

_SHOWN_ACTIONS = 10
_NAME_WIDTH = 60


def announce_plan(plan: Plan) -> None:
    """Log what was decided."""
    if plan.parts:
        for part in plan.parts:
            announce_plan(part)
        return
    figures = plan.figures
    if plan.skip is not None:
        if plan.job == "grab":
            floor, reason = plan.policy["ratio_floor"], plan.skip.reason.value
            ratio = _ratio(figures.get("ratio"))
            log.info("Skip grab: ratio=%s class=%s (floor=%s) reason=%s", ratio, _class(figures), floor, reason)
        log.info("%s is skipped: %s", plan.job, clean(plan.skip.detail))
    elif plan.job == "spend":
        log.info(
            "Profile: ratio=%s class=%s DL=%.2f GiB UL=%.2f GiB BP=%.0f | "
            "deficit=%.2f GiB needed=%d affordable=%d buy=%d",
            _ratio(figures["ratio"]),
            _class(figures),
            figures["downloaded_bytes"] / GIB,
            figures["uploaded_bytes"] / GIB,
            figures["balance_bp"],
            figures["deficit_bytes"] / GIB,
            figures["needed_gib"],
            figures["affordable_gib"],
            figures["buy_gib"],
        )
    if log.isEnabledFor(DEBUG):
        for one in plan.decisions:
            facts = {"subject": one.subject, "decision": one.decision.value, "reason": one.reason.value, **one.facts}
            event(f"{one.decision.value} {clean(one.subject)}: {one.reason.value}", level=DEBUG, **facts)


def announce_outcome(outcome: Outcome) -> None:
    """Log how an action ended, when it did."""
    action, status = outcome.action, outcome.status
    sentence = f"{status.value}: {_action(action, {})}{f' - {clean(outcome.why)}' if outcome.why else ''}"
    facts = {"action": action.kind, "subject": subject(action), "reason": getattr(action, "reason", None)}
    event(sentence, level=WARNING if status is Status.FAILED else INFO, status=status.value, **facts)


def announce_report(report: Report) -> None:
    """Log how the run ended."""
    for job in report.jobs:
        if job.plan.skip is None and not report.violations:
            for line in _done(job):
                log.info("%s", line)
    for one in report.violations:
        log.error("Refused: the plan would break guarantee %s at %s: %s", one.guarantee, one.subject, one.detail)
    if report.error is not None:
        log.error("%s", report.error)


def describe(report: Report, shown: int = _SHOWN_ACTIONS) -> str:
    """Return a readable account of a run: what was decided, why, and how it ended."""
    plan = report.plan
    mode = "applied" if report.apply else "dry run, nothing is changed without --apply"
    lines = [plan.job if plan.job == attribution.JOB else f"{plan.job} ({mode})"]
    if report.violations:
        lines.append("  refused: the plan would break a guarantee; nothing was done")
        lines += [f"    {one.guarantee} {clean(one.subject)}: {clean(one.detail)}" for one in report.violations]
    for part in report.parts:
        lines += [f"  {part.plan.job}", *(f"  {line}" for line in _account(part, shown))]
    return "\n".join(lines if report.parts else [*lines, *_account(report, shown)])


def _account(report: Report, shown: int) -> Iterator[str]:
    """Yield what one job has decided, and how its actions ended."""
    plan = report.plan
    if plan.skip is not None:
        yield f"  skipped: {plan.skip.reason.value} - {clean(plan.skip.detail)}"
    yield from _headline(plan)
    if plan.job == attribution.JOB and plan.skip is None:
        yield from _trackers(plan)
    else:
        yield from list(_counts(plan)) or ([] if plan.skip else ["  nothing to decide"])
    yield from _actions(report, shown)
    if plan.skip is None and not plan.complete:
        yield "  Not every source was there; decisions that need it are held."
    for sentence in plan.advice:
        yield f"  Advice: {clean(sentence)}"


def clean(text: str) -> str:
    """Take out what could move a terminal's cursor or colour: names come from strangers."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _done(report: Report) -> Iterator[str]:
    plan, done = report.plan, report.count(Status.DONE)
    counts, figures = plan.counts, plan.figures
    if plan.job == "janitor":
        kept = counts["keep"]
        owed, held = kept[Reason.HNR_WINDOW], kept[Reason.RECOVERY_HOLD]
        skipped = sum(kept.values()) - owed - held
        line = f"Done: deleted={done} preserved_hnr={owed} skipped_active={skipped} dry_run={not report.apply}"
        yield line if report.apply else f"{line} candidates={len(plan.actions)}"
        yield f"per reason: {counts['delete']}"
    elif plan.job == "spend":
        spent = sum(
            one.action.gib for one in report.outcomes if isinstance(one.action, BuyUpload) and one.status is Status.DONE
        )
        balance, needed, affordable = figures["balance_bp"], figures["needed_gib"], figures["affordable_gib"]
        left = balance - sum(getattr(one.action, "cost_bp", 0) for one in report.outcomes if one.status is Status.DONE)
        yield f"Done: BP={left:.0f}, spent={spent} GiB (needed={needed}, affordable={affordable})"
    elif plan.job == "grab":
        seen, picks = len(plan.decisions), plan.count(Verdict.PICK)
        yield f"Done: grabbed={done} picks={picks} results={seen} dry_run={not report.apply}"
    elif plan.job == attribution.JOB:
        trackers = figures["trackers"].values()
        held = sum(one["torrents"] for one in trackers)
        yield f"Done: torrents={held} trackers={len(trackers)} connection={figures['connection_status']}"
    else:
        yield f"Done: changed={done} actions={len(plan.actions)} dry_run={not report.apply}"


def _headline(plan: Plan) -> Iterator[str]:
    """Yield the account's figures, where the job looked at them."""
    figures = plan.figures
    if figures.get("class") is None:
        return
    line = f"  class {_class(figures)}, ratio {_ratio(figures['ratio'])}, {_points(figures['balance_bp'])}"
    if "needed_gib" in figures:
        deficit, needed, means = figures["deficit_bytes"] / GIB, figures["needed_gib"], figures["affordable_gib"]
        line += f"; deficit {deficit:.2f} GiB, needed {needed} GiB, affordable {means} GiB"
    elif figures["unsat_used"] is not None:
        line += f"; {figures['unsat_used']} of {figures['unsat_limit']} unsatisfied"
    yield line
    if figures.get("next_useful_seconds"):
        wait, reason = format_span(figures["next_useful_seconds"]), figures["next_useful_reason"]
        yield f"  next useful run in about {wait} ({reason})"


def _trackers(plan: Plan) -> Iterator[str]:
    """Yield the client's connection, and a row for each tracker."""
    figures = plan.figures
    down, up = (_bytes(figures[f"{way}_bytes_per_second"]) for way in ("download", "upload"))
    status = clean(str(figures["connection_status"]))
    yield f"  connection {status}, {counted(figures['dht_nodes'], 'DHT node')}; a second {down} down, {up} up"
    head = ("tracker", "torrents", "seeding", "downloading", "unsatisfied", "up", "down", "ratio", "size", "seed time")
    rows = [
        (
            clean(label),
            str(one["torrents"]),
            str(one["states"]["seeding"]),
            str(one["states"]["downloading"]),
            str(one["unsatisfied"]),
            _bytes(one["uploaded_bytes"]),
            _bytes(one["downloaded_bytes"]),
            _ratio(one["ratio"]),
            _bytes(one["size_bytes"]),
            "unknown" if one["seeding_seconds"] is None else format_span(one["seeding_seconds"]),
        )
        for label, one in figures.get("trackers", {}).items()
    ]
    if rows:
        yield from (f"  {line}" for line in table([head, *rows]).splitlines())


def _bytes(size: int | None) -> str:
    return "unknown" if size is None else format_size(size)


def _counts(plan: Plan) -> Iterator[str]:
    for verdict, reasons in plan.counts.items():
        for name, count in reasons.items():
            if count:
                yield f"  {verdict:<11} {count:>5}  {name:<20} {Reason(name).sentence}"


def _actions(report: Report, shown: int) -> Iterator[str]:
    actions = report.plan.actions
    if report.apply and actions:
        counts = ", ".join(f"{report.count(status)} {status.value.replace('_', ' ')}" for status in Status)
        yield f"  actions     {counts}"
    decided = {one.subject: one.facts for one in report.plan.decisions}
    ended = {id(one.action): f" [{one.status.value}{_why(one.why)}]" for one in report.outcomes if report.apply}
    for action in actions[:shown]:
        yield f"    {_action(action, decided)}{ended.get(id(action), '')}"
    if len(actions) > shown:
        yield f"    ... and {len(actions) - shown} more; --json shows all, and every item that was kept"


def _why(why: str | None) -> str:
    return f": {clean(why)}" if why else ""


def _action(action: Action, decided: Mapping[str, Mapping[str, Any]]) -> str:
    match action:
        case AddTorrent():
            facts = (
                f"score {action.score:g}, {counted(action.leechers, 'leecher')}, {counted(action.seeders, 'seeder')}"
            )
            facts += ", for a wedge" if action.use_wedge else ""
            return f"add {_name(action.title)} (id {action.id}, {format_size(action.size_bytes)}, {facts})"
        case DeleteTorrent():
            return f"delete {_name(action.name)} ({action.reason}{_facts(decided.get(action.hash))})"
        case BuyUpload():
            return f"buy {action.gib} GiB of upload credit for {action.cost_bp} BP"
        case BuyVip():
            return f"buy {counted(action.weeks, 'week')} of VIP for {action.cost_bp} BP"
        case SetPreferences():
            changes = (f"{key} {one['from']} -> {one['to']} ({one['reason']})" for key, one in action.changes.items())
            return "set " + ", ".join(changes)
        case ForceStart() | Resume() | Reannounce():
            return f"{action.kind.replace('_', '-')} {_name(action.name)} ({action.reason})"
    return f"{action.kind} {subject(action)}"


def _facts(facts: Mapping[str, Any] | None) -> str:
    if facts is None:
        return ""
    age, seeded = format_span(facts["age_seconds"]), format_span(facts["seeding_seconds"])
    return f"; age {age}, seeded {seeded}, {format_size(facts['downloaded_bytes'])} down"


def _name(name: str) -> str:
    text = clean(name)
    return f'"{text if len(text) <= _NAME_WIDTH else text[: _NAME_WIDTH - 1] + "…"}"'


def _ratio(ratio: Any) -> str:
    return str(round(ratio, 4)) if isinstance(ratio, float) else str(ratio)


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Lay out rows in columns."""
    listed = list(rows)
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))] if listed else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in listed
    )


def _class(figures: Mapping[str, Any]) -> str:
    return clean(str(figures.get("class")))


def _points(balance: float | None) -> str:
    return "unknown points" if balance is None else f"{balance:.0f} BP"
