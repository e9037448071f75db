"""Write a way back for the person who has to walk it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from textwrap import wrap

from harvestmouse.core.recovery import State, Step, Way, Who
from harvestmouse.core.units import MINUTE, counted, format_size, format_span
from harvestmouse.runners.words import clean

_WIDTH = 88
_WHO = {Who.PERSON: "you", Who.JOBS: "jobs", Who.WAIT: "wait"}
_JOBS = (
    "What the jobs do holds where they run with --apply; it happens on the next run after that time. Nothing was "
    "changed by looking."
)


def describe(way: Way) -> str:
    """Return a way as text, in local time."""
    well = way.states == (State.WELL,)
    known = "As far as is known: " if well and way.unknown else ""
    lines = _wrapped(known + " ".join(state.sentence for state in way.states))
    account = ", ".join(_account(way))
    if account:
        lines += _wrapped(f"{account[0].upper()}{account[1:]}.")
    if well and not way.unknown:
        return " ".join(lines)
    for at, steps in groupby(way.steps, key=lambda step: step.at):
        lines += ["", _when(at, way.taken_at)]
        lines += [line for step in steps for line in _step(step)]
    if way.unknown:
        lines += ["", "Not known, and how to learn it"]
        lines += [line for one in way.unknown for line in _item(clean(f"{one.fact}: {one.learn}."))]
    if any(step.who is Who.JOBS for step in way.steps):
        lines += ["", *_wrapped(_JOBS)]
    return "\n".join(lines)


def _account(way: Way) -> Iterator[str]:
    """Yield the account's figures, as far as they are known."""
    figures = way.figures
    if figures.get("ratio") is not None:
        ratio = figures["ratio"]
        shown = f"{ratio:.2f}" if isinstance(ratio, float) else ratio
        down, up = format_size(figures["downloaded_bytes"]), format_size(figures["uploaded_bytes"])
        yield f"class {clean(str(figures['class']))}"
        yield f"ratio {shown} ({down} down, {up} up)"
    if figures.get("balance_bp") is not None:
        income = figures["income_bp_per_hour"]
        yield f"{figures['balance_bp']:.0f} BP" + ("" if income is None else f" and {income:.0f} more an hour")
    if figures.get("unsat_used") is not None:
        yield f"{figures['unsat_used']} of {figures['unsat_limit']} unsatisfied"
    if figures.get("hit_and_run_count"):
        yield f"hit-and-runs: {figures['hit_and_run_count']}"
    if figures.get("owed_torrents"):
        yield f"in the client {counted(figures['owed_torrents'], 'owes', 'owe')} seed time"


def _step(step: Step) -> list[str]:
    return _item(f"{_WHO[step.who]:<4}  {clean(step.what)}", 8)


def _item(text: str, indent: int = 4) -> list[str]:
    return _wrapped(text, "  ", " " * indent)


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _when(at: int | None, now: int) -> str:
    if at is None:
        return "Later; nobody can tell when"
    date = f"{datetime.fromtimestamp(at).astimezone():%a %d %b %Y, %H:%M %Z}"
    # Seconds would only claim a precision that no step has.
    span = format_span((at - now) // MINUTE * MINUTE or at - now)
    return f"Now: {date}" if at <= now else f"In {span}: {date}"
