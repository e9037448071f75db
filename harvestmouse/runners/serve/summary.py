"""What is kept of a run to be shown: its plan without the decisions, which are counted."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from harvestmouse.core.actions import Action, AddTorrent, BuyUpload, BuyVip, SetPreferences
from harvestmouse.core.errors import PlanError, RecordingError
from harvestmouse.core.plan import Reason, Skip
from harvestmouse.core.units import counted, format_size
from harvestmouse.core.wire.plan import parse_plan, parts_of
from harvestmouse.runners.history import read
from harvestmouse.runners.report import Status, subject

# So many actions of a run are shown; its recording has them all.
MOST_ACTIONS = 20

_FIGURES = ("class", "ratio", "balance_bp", "unsat_used", "unsat_limit", "managed_torrents")


@frozen
class Ended:
    """An action, and how it ended.

    Attributes:
        about: A torrent's name, or what is bought or written.
        status: ``planned`` in a dry run.
    """

    kind: str
    about: str
    reason: Reason | None
    status: str
    why: str


@frozen(kw_only=True)
class Told:
    """What one job has decided and done.

    Attributes:
        decided_at: Unix seconds.
        counts: (verdict, reason, how many), those of none left out.
        figures: The account's and the client's.
        actions: How many there are; the first of them are in *ended*.
        failures: What ended it early, and guarantees that its plan would have broken.
    """

    job: str
    decided_at: int
    apply: bool
    complete: bool
    skip: Skip | None
    counts: tuple[tuple[str, Reason, int], ...]
    figures: Mapping[str, Any]
    actions: int
    ended: tuple[Ended, ...]
    advice: tuple[str, ...]
    failures: tuple[str, ...]


@frozen(kw_only=True)
class LastRun:
    """The last run of a job.

    Attributes:
        ended_at: Unix seconds.
        exit_code: As a shell has it: 128 and the signal's number where a signal ended it.
        seconds: How long it took; ``None`` where it ran before this start of `serve`.
        told: Of each job in it.
        earlier: It ended without a plan; what is told is of the last one that had one, if any had.
    """

    ended_at: float
    exit_code: int
    seconds: float | None = None
    told: tuple[Told, ...] = ()
    earlier: bool = False


def told_by(document: Mapping[str, Any]) -> tuple[Told, ...]:
    """Return what a plan with its outcome tells, job by job.

    Raises:
        PlanError: It is none.
    """
    try:
        return tuple(_told(part) for part in parts_of(document))
    except (AttributeError, KeyError, TypeError) as error:
        raise PlanError(f"outcome: {type(error).__name__} {error}") from None


def recorded(directory: Path, jobs: Iterable[str]) -> dict[str, LastRun]:
    """Return the last recorded run of each job; what cannot be read counts as not recorded."""
    wanted, found = set(jobs), dict[str, LastRun]()
    for path in _newest_first(directory):
        if not wanted - found.keys():
            break
        job = path.name.split("-")[1]
        if job in wanted - found.keys():
            try:
                plan = read(path).plan
                told = told_by(plan)
                ended_at, exit_code = told[0].decided_at, int(plan["outcome"]["exit_code"])
            except (PlanError, RecordingError, IndexError, KeyError, TypeError, ValueError):
                continue
            found[job] = LastRun(ended_at=ended_at, exit_code=exit_code, told=told)
    return found


def _newest_first(directory: Path) -> Iterator[Path]:
    """Yield what is named like a recording, day by day."""
    try:
        days = sorted(directory.iterdir(), reverse=True)
    except OSError:
        return
    for day in days:
        yield from sorted(day.glob("??????-*-*.json.gz"), reverse=True)


def _told(document: Mapping[str, Any]) -> Told:
    plan, outcome = parse_plan(document), document["outcome"]
    rows = {(row["action"], row["subject"]): row for row in outcome["actions"]}
    broken = [f"{one['guarantee']} {one['subject']}: {one['detail']}" for one in outcome["violations"]]
    return Told(
        job=plan.job,
        decided_at=plan.decided_at,
        apply=outcome["mode"] == "apply",
        complete=plan.complete,
        skip=plan.skip,
        counts=tuple(
            (verdict, Reason(reason), count)
            for verdict, reasons in plan.counts.items()
            for reason, count in reasons.items()
            if count
        ),
        figures={name: plan.figures[name] for name in _FIGURES if plan.figures.get(name) is not None},
        actions=len(plan.actions),
        ended=tuple(
            _ended(action, rows.get((action.kind, subject(action))), apply=outcome["mode"] == "apply")
            for action in plan.actions[:MOST_ACTIONS]
        ),
        advice=plan.advice,
        failures=(*([outcome["error"]] if outcome["error"] else []), *broken),
    )


def _ended(action: Action, row: Mapping[str, Any] | None, *, apply: bool) -> Ended:
    unknown = Status.NOT_ATTEMPTED.value if apply else "planned"
    status, why = (unknown, "") if row is None or not apply else (row["status"], row["why"] or "")
    reason = getattr(action, "reason", None)
    return Ended(action.kind, _about(action), None if reason is None else Reason(reason), status, why)


def _about(action: Action) -> str:
    match action:
        case AddTorrent():
            return f"{action.title} ({format_size(action.size_bytes)}, score {action.score:g})"
        case BuyUpload():
            return f"{action.gib} GiB for {action.cost_bp:,} points"
        case BuyVip():
            return f"{counted(action.weeks, 'week')} for {action.cost_bp:,} points"
        case SetPreferences():
            return ", ".join(f"{key} from {one['from']} to {one['to']}" for key, one in action.changes.items())
    return str(getattr(action, "name", ""))
