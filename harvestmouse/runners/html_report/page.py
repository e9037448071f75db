"""The page itself: words and tables by Jinja2, everything from strangers escaped, nothing asked of a network."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from statistics import median
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harvestmouse import __version__
from harvestmouse.core.compare import Comparison
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import OUTCOMES, Reason, Verdict
from harvestmouse.core.units import counted, format_size, format_span
from harvestmouse.runners.compare_words import tables, verdict
from harvestmouse.runners.html_report import charts
from harvestmouse.runners.html_report.collected import ACTING, MOST_ROWS, Collected
from harvestmouse.runners.words import clean

# Shown in a column of their own.
_NAMES = ("name", "title")


def render(collected: Collected, comparison: Comparison | None = None, unread: Sequence[str] = ()) -> str:
    """Return the whole page.

    Args:
        collected: What the recordings tell.
        comparison: The same recordings under several policies.
        unread: Why a recording is not in the comparison.
    """
    environment = Environment(
        loader=PackageLoader("harvestmouse.runners.html_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is shown comes from strangers: no character that moves or reorders text.
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters |= {"time": _time, "machine_time": _machine_time, "words": _words, "facts": _facts}
    environment.filters["counted"] = counted
    environment.globals["inline"] = lambda name: Markup(_source(environment, name))  # noqa: S704 - our own files
    return environment.get_template("page.html.j2").render(
        collected=collected,
        version=__version__,
        jobs={job: collected.last[job] for job in JOBS if job in collected.last},
        tiles=list(_tiles(collected)),
        advice=_advice(collected),
        timeline=_drawn(charts.timeline(collected)),
        series=list(_series(collected)),
        deletions=_deletions(collected),
        rejections=_rejections(collected),
        scores=_scores(collected),
        comparison=None if comparison is None else _comparison(comparison, unread),
        verdicts=sorted({row.decision.decision.value for row in collected.rows}),
        reasons=sorted({row.decision.reason for row in collected.rows}),
        runs=sorted(collected.runs, key=lambda run: run.at, reverse=True),
        acting=ACTING,
        most_rows=MOST_ROWS,
        name_of=_name,
    )


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704 - drawn from numbers and our own words


def _tiles(collected: Collected) -> Iterator[tuple[str, str]]:
    """Yield what the account and the client were like last."""
    figures: dict[str, Any] = {}
    for _, plan in sorted(collected.last.values(), key=lambda last: last[0].at):
        figures |= {name: value for name, value in plan.figures.items() if value is not None}
    yield "Class", str(figures.get("class", "unknown"))
    yield "Ratio", _figure(figures.get("ratio"), "{:.3g}")
    yield "Bonus points", _figure(figures.get("balance_bp"), "{:,.0f}")
    yield "Torrents in the category", _figure(figures.get("managed_torrents"), "{:,}")
    unsatisfied = _figure(figures.get("unsat_used"), "{:,}")
    limit = figures.get("unsat_limit")
    yield "Unsatisfied", unsatisfied if limit is None else f"{unsatisfied} of {limit}"
    bought = sum(gib for _, gib in collected.purchases)
    yield "Upload bought in this time", f"{bought:,} GiB"


def _figure(value: Any, form: str) -> str:
    return "unknown" if value is None else form.format(value) if isinstance(value, int | float) else str(value)


def _advice(collected: Collected) -> list[tuple[str, str]]:
    return [(job, sentence) for job in JOBS if job in collected.last for sentence in collected.last[job][1].advice]


def _series(collected: Collected) -> Iterator[tuple[str, list[str]]]:
    """Yield name, first, lowest, highest and last of what the timeline draws."""
    names = {
        "ratio": ("Ratio", "{:,.3g}"),
        "points": ("Bonus points", "{:,.0f}"),
        "torrents": ("Torrents in the category", "{:,}"),
        "incomplete": ("Never completed", "{:,}"),
        "owing": ("Owe seed time", "{:,}"),
        "unsatisfied": ("Unsatisfied", "{:,}"),
    }
    for key, (name, form) in names.items():
        if values := [value for _, value in collected.series.get(key, ())]:
            yield name, [form.format(value) for value in (values[0], min(values), max(values), values[-1])]


def _deletions(collected: Collected) -> dict[str, Any]:
    """Count what was deleted and, where the last janitor's run was a dry one, what would have been."""
    columns = {"deleted": collected.deleted}
    last = collected.last.get("janitor")
    if last is not None and not last[0].apply:
        columns["the last run, a dry one, would delete"] = _counted(last[1].counts[Verdict.DELETE])
    return _histogram("deletions", OUTCOMES["janitor"][Verdict.DELETE], columns)


def _rejections(collected: Collected) -> dict[str, Any]:
    columns = {"all runs": collected.rejected}
    last = collected.last.get("grab")
    if last is not None:
        columns = {"last run": _counted(last[1].counts[Verdict.REJECT]), **columns}
    return _histogram("rejections", OUTCOMES["grab"][Verdict.REJECT], columns)


def _counted(counts: Mapping[str, int]) -> Counter[Reason]:
    return Counter({Reason(name): count for name, count in counts.items()})


def _histogram(name: str, reasons: tuple[Reason, ...], columns: Mapping[str, Counter[Reason]]) -> dict[str, Any]:
    """Draw the first column that has anything, and list them all."""
    rows = [(reason, [counts[reason] for counts in columns.values()]) for reason in reasons]
    drawn = next((title for title, counts in columns.items() if counts.total()), None)
    svg = "" if drawn is None else charts.bars(name, {reason.value: columns[drawn][reason] for reason in reasons})
    return {"columns": list(columns), "rows": rows, "drawn": drawn, "svg": _drawn(svg)}


def _scores(collected: Collected) -> dict[str, Any]:
    """Draw each torrent's upload over its score, and say the median of each quarter."""
    points = sorted(collected.scored())
    quarters = [points[len(points) * n // 4 : len(points) * (n + 1) // 4] for n in range(4)]
    return {
        "added": len(collected.scores),
        "seen": len(points),
        "svg": _drawn(charts.scatter(points) if points else ""),
        "rows": [
            (
                f"{quarter[0][0]:g} to {quarter[-1][0]:g}",
                len(quarter),
                format_size(int(median(up for _, up in quarter))),
            )
            for quarter in quarters
            if quarter
        ],
    }


def _comparison(comparison: Comparison, unread: Sequence[str]) -> dict[str, Any]:
    captions = ("What each policy would have decided", "What picks uploaded, for a GiB of their size and a day")
    return {
        "tables": list(zip(captions, tables(comparison), strict=True)),
        "verdict": verdict(comparison, unread),
    }


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"


def _machine_time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _words(value: str) -> str:
    return value.replace("_", " ")


def _name(facts: Mapping[str, Any]) -> str:
    return next((str(facts[key]) for key in _NAMES if facts.get(key)), "")


def _facts(facts: Mapping[str, Any]) -> str:
    return "; ".join(_fact(key, value) for key, value in facts.items() if key not in _NAMES)


def _fact(key: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if number and key.endswith("_bytes"):
        return f"{_words(key.removesuffix('_bytes'))} {format_size(int(value))}"
    if number and key.endswith("_seconds"):
        return f"{_words(key.removesuffix('_seconds'))} {format_span(value)}"
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    elif number:
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    elif isinstance(value, list | tuple):
        shown = ", ".join(map(str, value)) or "none"
    else:
        shown = "unknown" if value is None else str(value)
    return f"{_words(key)} {shown}"
