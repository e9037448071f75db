"""The page of faults: what was tried, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import define, field

from tests.faults.trial import CLIENT_FAULTS, NO_FAULT, SITE_FAULTS, Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
_COLUMNS = {"site": tuple(SITE_FAULTS), "client": tuple(CLIENT_FAULTS)}

# Violations by their words, and what is wrong; each waits for its repair, and none does now.
KNOWN: tuple[tuple[str, str], ...] = ()


@define
class Results:
    """Cells by job and side, then by place and fault."""

    steps: dict[tuple[str, str], Sequence[str]] = field(factory=dict)
    cells: dict[tuple[str, str], dict[tuple[int, str], Outcome]] = field(factory=dict)

    def add(self, job: str, side: str, steps: Sequence[str], cell: tuple[int, str], outcome: Outcome) -> None:
        """Note what came of one trial."""
        self.steps[job, side] = steps
        self.cells.setdefault((job, side), {})[cell] = outcome

    def columns(self) -> int:
        """Count the faults that were tried at every request of a job."""
        return sum(len({fault for _, fault in cells}) for cells in self.cells.values())

    def violations(self) -> list[tuple[str, str]]:
        """Return everything that must not be, with where it was."""
        return [
            (violation, f"{job}, {side}, {place + 1}. {self.steps[job, side][place]}, {fault}: {violation}")
            for (job, side), cells in self.cells.items()
            for (place, fault), outcome in cells.items()
            for violation in outcome.violations
        ]

    def tried(self) -> list[Outcome]:
        """Return what came of every trial."""
        return [one for cells in self.cells.values() for one in cells.values() if one.cell != NO_FAULT]


def render(results: Results) -> str:
    """Write the page."""
    tried = results.tried()
    wrong = sum(bool(one.violations) for one in tried)
    head = _HEAD.format(tried=len(tried), violations=wrong, known=_known(results), cells=_legend())
    return head + "".join(_job(job, results) for job in dict.fromkeys(job for job, _ in results.cells))


def _job(job: str, results: Results) -> str:
    sides = [side for side in ("site", "client") if (job, side) in results.cells]
    parts = [f"\nRequests to the {side}:\n\n{_table(job, side, results)}\n" for side in sides]
    return "".join([f"\n## {job}\n", *parts])


def _table(job: str, side: str, results: Results) -> str:
    cells, faults = results.cells[job, side], _COLUMNS[side]
    rows = [
        [f"{place + 1}. `{step}`", *(cells[place, fault].cell for fault in faults)]
        for place, step in enumerate(results.steps[job, side])
    ]
    return "\n".join(_line(row) for row in [["request", *faults], ["---"] * (len(faults) + 1), *rows])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _known(results: Results) -> str:
    """List the violations that wait for their repair, with how many trials show each."""
    rows = []
    for pattern, why in KNOWN:
        shown = {where.removesuffix(what) for what, where in results.violations() if re.search(pattern, what)}
        rows.append((str(len(shown)), why))
    if not rows:
        return ""
    return (
        "\n".join(_line(row) for row in [("trials", "known, and waiting for its repair"), ("---", "---"), *rows])
        + "\n\n"
    )


def _legend() -> str:
    return "\n".join(_line(row) for row in [("cell", "meaning"), ("---", "---"), *_WORDS])


_WORDS = (
    ("`0`", "the run did all it had to, with exit code 0"),
    ("`0 after a retry`", "the same, after it had asked again"),
    ("`4, nothing done; then done`", "exit code 4 with one line that says why; the next run did everything"),
    ("`1, 1 of 2; then done`", "exit code 1, a part was done; the next run did the rest"),
    ("`… then 1 of 2`", "what is missing is not tried again: the site counts that torrent as snatched already"),
    (
        "`1, kept open; then …`",
        "nobody knew whether the purchase had happened; the next run found out before it bought",
    ),
    ("`3 until a new cookie`", "the site had changed the cookie and its answer was lost, so the session is lost too"),
    ("`crash`", "an exception that is none of the program's own"),
    ("`n/a`", "this fault is for listings only"),
)

_HEAD = """# Faults

Grab, janitor, spend, reconcile and rescue run against a stand-in for the site and a real qBittorrent behind a proxy,
and **each of their requests goes wrong once in each way**, in a fresh copy of the same world. One or two clean runs
follow. After every run these are to hold:

- at most one purchase was made, and no points are gone that bought nothing;
- no torrent is gone that owes seed time, is protected, or belongs to another category;
- no torrent in the client is forgotten by the ledger, and none is remembered as grabbed that never was;
- the exit code is 0, 1, 3, 4 or 5, with one line that says why, and no traceback;
- every file in the state directory can be read, and no half-written one was left;
- after the clean run the cookie on disk is the site's, which changes with every response.

Faults tried: **{tried}**. Trials with a violation: **{violations}**.

{known}The tables are written by the tests (`REFRESH_FAULTS=1 pytest tests/faults`), which also hold them against what
happens.

{cells}

*For good* lasts to the end of the run; every other fault hits one request. *Yet done* means that the site did what it
was asked before its answer was lost, and its new cookie with it. *Stale* is an older answer: a listing as it was when
nothing had been downloaded yet, or as it was before the last change. *Restarted* is a client that is started
anew in place of answering.
"""
