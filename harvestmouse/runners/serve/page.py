"""The page: the account, when each job runs next, and what its last run did; by Jinja2, everything escaped."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from signal import Signals
from typing import Any

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined

from harvestmouse import __version__
from harvestmouse.core.units import format_span
from harvestmouse.runners.report import Exit
from harvestmouse.runners.serve.runs import Runs
from harvestmouse.runners.serve.summary import LastRun, Told
from harvestmouse.runners.words import clean

_ENDS = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "configuration cannot be used",
    Exit.SESSION_REFUSED: "session refused",
    Exit.UNAVAILABLE: "site or client unavailable",
    Exit.BLOCKED: "stopped for safety",
    Exit.LOCKED: "another run holds the lock",
}
_SIGNALLED = 128


@frozen(kw_only=True)
class Shown:
    """What the page shows.

    Attributes:
        apply: Whether the jobs act.
        lines: Job to its line of a crontab.
        next_runs: When each job starts next.
        now: Unix seconds.
        zone: Of the times.
    """

    apply: bool
    lines: Mapping[str, str]
    next_runs: Mapping[str, datetime]
    runs: Runs
    now: float
    zone: tzinfo


def render(shown: Shown) -> str:
    """Return the page."""
    last = {job: shown.runs.last[job] for job in shown.lines if job in shown.runs.last}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            shown=shown,
            last=last,
            tiles=list(_tiles(last)),
            running=dict(shown.runs.started_at),
            moment=lambda at: datetime.fromtimestamp(at, shown.zone),
            version=__version__,
        )
    )


@cache
def style() -> str:
    """Return the style: that of the page about recordings, and a little more."""
    packages = ("harvestmouse.runners.html_report", "harvestmouse.runners.serve")
    return "".join(files(one).joinpath("templates", "style.css").read_text(encoding="utf-8") for one in packages)


def ended_as(code: int) -> str:
    """Say an exit code in words."""
    with suppress(ValueError):
        return _ENDS[Exit(code)]
    with suppress(ValueError):
        return f"ended by {Signals(code - _SIGNALLED).name}"
    return f"exit code {code}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("harvestmouse.runners.serve"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is shown comes from strangers: no character that moves or reorders text.
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters |= {
        "words": lambda value: value.replace("_", " "),
        "ended_as": ended_as,
        "span": format_span,
        "time": lambda at: f"{at:%Y-%m-%d %H:%M}",
    }
    return environment


def _tiles(last: Mapping[str, LastRun]) -> Iterator[tuple[str, str]]:
    """Yield what the account and the client were like, as the newest run says that looked."""
    figures: dict[str, Any] = {}
    for told in sorted((told for run in last.values() for told in run.told), key=_decided_at):
        figures |= told.figures
    yield "Class", str(figures.get("class", "unknown"))
    yield "Ratio", _figure(figures.get("ratio"), "{:.2f}")
    yield "Bonus points", _figure(figures.get("balance_bp"), "{:,.0f}")
    unsatisfied, limit = _figure(figures.get("unsat_used"), "{:,}"), figures.get("unsat_limit")
    yield "Unsatisfied", unsatisfied if limit is None else f"{unsatisfied} of {limit}"
    yield "Torrents in the category", _figure(figures.get("managed_torrents"), "{:,}")


def _decided_at(told: Told) -> int:
    return told.decided_at


def _figure(value: Any, form: str) -> str:
    return form.format(value) if isinstance(value, int | float) else str(value or "unknown")
