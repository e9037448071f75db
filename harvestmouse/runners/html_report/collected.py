"""What the page shows, collected from recordings one at a time, so that a long history needs little memory."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from attrs import Factory, define, field, frozen

from harvestmouse.core.actions import AddTorrent, BuyUpload
from harvestmouse.core.errors import PlanError, RecordingError
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.wire.plan import parse_plan, parts_of
from harvestmouse.runners.history import Recording, read
from harvestmouse.runners.report import Status

# A page with more rows than this is slow to open.
MOST_ROWS = 5000
MOST_RUNS = 500

# No calendar here goes beyond the year 9999.
_END_OF_TIME = 253_402_300_800

# Verdicts that ask for an action; the others leave things as they are.
ACTING = (Verdict.PICK, Verdict.DELETE, Verdict.BUY, Verdict.CHANGE, Verdict.FORCE_START, Verdict.RESUME)

# An outcome names what was bought or written, a decision what it was about.
_BOUGHT = {"upload": "buy_upload", "vip": "buy_vip"}


@frozen(kw_only=True)
class Run:
    """One run.

    Attributes:
        at: When its snapshot was taken, unix seconds.
        apply: Whether it was to act.
        counts: How many decisions of each verdict.
        skip: Why a guard ended it.
        failure: What ended it early, or that it was refused.
    """

    at: int
    job: str
    id: str
    apply: bool
    counts: Mapping[str, int]
    skip: Reason | None
    failure: str


@frozen(kw_only=True)
class Row:
    """One decision.

    Attributes:
        at: Unix seconds.
        ended: How its action ended; empty where there is none.
    """

    at: int
    job: str
    decision: Decision
    ended: str


@define
class Collected:
    """All that the page shows.

    Attributes:
        runs: The newest runs, as they were read.
        last: The last run of each job, with its plan.
        rows: Decisions of the last run of each job, and those of earlier ones that asked for an action.
        series: (unix seconds, value) of each figure, by its name.
        purchases: (unix seconds, GiB) of upload credit that was bought.
        acted: (unix seconds, verdict, count) of every run.
        deleted: How many were deleted, by reason.
        rejected: How many search results were rejected in all runs, by reason.
        scores: Score of what was added, by the site's torrent id.
        uploads: The most that a torrent was seen to have uploaded, in bytes, by info-hash.
        hashes: Info-hash of what was added, by the site's torrent id.
        unreadable: Why a recording was left out.
    """

    count: int = 0
    first_at: int = 0
    last_at: int = 0
    runs: deque[Run] = Factory(lambda: deque(maxlen=MOST_RUNS))
    last: dict[str, tuple[Run, Plan]] = Factory(dict)
    rows: list[Row] = Factory(list)
    series: dict[str, list[tuple[int, float]]] = Factory(lambda: defaultdict(list))
    purchases: list[tuple[int, int]] = Factory(list)
    acted: list[tuple[int, Verdict, int]] = Factory(list)
    deleted: Counter[Reason] = Factory(Counter)
    rejected: Counter[Reason] = Factory(Counter)
    scores: dict[int, float] = Factory(dict)
    uploads: dict[str, int] = Factory(dict)
    hashes: dict[int, str] = Factory(dict)
    unreadable: list[str] = Factory(list)
    _last_rows: dict[str, list[Row]] = field(factory=dict)
    _earlier: deque[Row] = field(factory=lambda: deque(maxlen=MOST_ROWS))

    def scored(self) -> list[tuple[float, int]]:
        """Return the score and the upload in bytes of everything added that was seen in the client later."""
        return [
            (score, self.uploads[self.hashes[number]])
            for number, score in sorted(self.scores.items())
            if self.hashes.get(number) in self.uploads
        ]

    def take(self, recording: Recording) -> None:
        """Take in one recording.

        Raises:
            PlanError: Its plan cannot be read.
        """
        plan = parse_plan(recording.plan)
        if not 0 < plan.decided_at < _END_OF_TIME:
            raise PlanError(f"decided_at: {plan.decided_at} is no time")
        try:
            documents = parts_of(recording.plan)
        except (AttributeError, KeyError, TypeError) as error:
            raise PlanError(f"outcome: {type(error).__name__} {error}") from None
        self.count += 1
        self.first_at = min(self.first_at or plan.decided_at, plan.decided_at)
        self.last_at = max(self.last_at, plan.decided_at)
        for part, document in zip(plan.parts or (plan,), documents, strict=True):
            self._take_job(recording, part, document.get("outcome"))
        self._take_ledger(recording.body.get("ledger"))

    def finish(self) -> "Collected":
        """Put everything in the order of time."""
        for points in self.series.values():
            points.sort()
        newest = sorted((row for rows in self._last_rows.values() for row in rows), key=_newest_first)
        earlier = sorted(self._earlier, key=_newest_first)
        self.rows = [*newest, *earlier][:MOST_ROWS]
        return self

    def _take_job(self, recording: Recording, plan: Plan, outcome: object) -> None:
        """Take in the run of one job, which may have been part of a cycle."""
        outcome = outcome if isinstance(outcome, dict) else {}
        run = _run(recording, plan, outcome)
        ended = _ended(outcome) if run.apply else {}
        self.runs.append(run)
        self._take_rows(run, plan, ended)
        self._take_series(run, plan)
        self._take_actions(run, plan, ended)

    def _take_rows(self, run: Run, plan: Plan, ended: Mapping[str, str]) -> None:
        rows = [Row(at=run.at, job=run.job, decision=one, ended=_end(one, run, plan, ended)) for one in plan.decisions]
        before = self.last.get(run.job)
        if before is None or before[0].at <= run.at:
            rows, self._last_rows[run.job] = self._last_rows.get(run.job, []), rows
            self.last[run.job] = (run, plan)
        self._earlier.extend(row for row in rows if row.decision.decision in ACTING)

    def _take_series(self, run: Run, plan: Plan) -> None:
        figures = plan.figures
        self._point("ratio", run.at, figures.get("ratio"))
        self._point("points", run.at, figures.get("balance_bp"))
        self._point("torrents", run.at, figures.get("managed_torrents"))
        self._point("unsatisfied", run.at, figures.get("unsat_used"))
        if run.job == "janitor" and plan.skip is None:
            self._point("incomplete", run.at, sum(one.facts.get("has_completed") is False for one in plan.decisions))
            self._point("owing", run.at, plan.count(Verdict.KEEP, [Reason.HNR_WINDOW]))
            for one in plan.decisions:
                uploaded = one.facts.get("uploaded_bytes")
                if isinstance(uploaded, int):
                    self.uploads[one.subject] = max(uploaded, self.uploads.get(one.subject, 0))

    def _point(self, name: str, at: int, value: object) -> None:
        # A ratio with nothing downloaded is infinite, and written as a word.
        if isinstance(value, int | float) and isfinite(value):
            self.series[name].append((at, value))

    def _take_actions(self, run: Run, plan: Plan, ended: Mapping[str, str]) -> None:
        for verdict in ACTING:
            if count := plan.count(verdict):
                self.acted.append((run.at, verdict, count))
        for one in plan.decisions:
            if one.decision is Verdict.REJECT:
                self.rejected[one.reason] += 1
            elif one.decision is Verdict.DELETE and ended.get(one.subject) == Status.DONE:
                self.deleted[one.reason] += 1
        for action in plan.actions:
            if isinstance(action, AddTorrent) and ended.get(str(action.id)) == Status.DONE:
                self.scores[action.id] = action.score
            elif isinstance(action, BuyUpload) and ended.get(action.kind) == Status.DONE:
                self.purchases.append((run.at, action.gib))

    def _take_ledger(self, ledger: object) -> None:
        for entry in ledger if isinstance(ledger, list) else ():
            number, info_hash = (entry.get("id"), entry.get("info_hash")) if isinstance(entry, dict) else (None, None)
            if isinstance(number, int) and number in self.scores and info_hash:
                self.hashes[number] = str(info_hash)


def collect(paths: Iterable[Path]) -> Collected:
    """Collect what the page shows; what cannot be read is left out, and named."""
    collected = Collected()
    for path in paths:
        try:
            collected.take(read(path))
        except RecordingError as error:
            collected.unreadable.append(str(error))
        except PlanError as error:
            collected.unreadable.append(f"{path}: {error}")
    return collected.finish()


def _run(recording: Recording, plan: Plan, outcome: Mapping[str, Any]) -> Run:
    violations = outcome.get("violations")
    return Run(
        at=plan.decided_at,
        job=plan.job,
        id=recording.run,
        apply=outcome.get("mode") == "apply",
        counts=Counter(one.decision.value for one in plan.decisions),
        skip=None if plan.skip is None else plan.skip.reason,
        failure="refused: it would have broken a guarantee" if violations else str(outcome.get("error") or ""),
    )


def _ended(outcome: Mapping[str, Any]) -> dict[str, str]:
    """Return how each action ended, by its subject."""
    actions = outcome.get("actions")
    rows = actions if isinstance(actions, list) else []
    return {str(one.get("subject")): str(one.get("status")) for one in rows if isinstance(one, dict)}


def _end(decision: Decision, run: Run, plan: Plan, ended: Mapping[str, str]) -> str:
    if decision.decision not in ACTING:
        return ""
    if not run.apply:
        return "dry run"
    subject = decision.subject
    if plan.job == "spend":
        subject = _BOUGHT.get(subject, subject)
    elif decision.decision is Verdict.CHANGE:
        client, slash, _ = subject.rpartition("/")
        subject = f"{client}{slash}set_preferences"
    return ended.get(subject, Status.NOT_ATTEMPTED.value).replace("_", " ")


def _newest_first(row: Row) -> tuple[int, str, bool]:
    return -row.at, row.job, row.decision.decision not in ACTING
