"""Charts as SVG for a page: Matplotlib draws, the page's style sheet gives the colours."""

import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from matplotlib import dates, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harvestmouse.core.plan import Verdict
from harvestmouse.core.units import GIB, MIB
from harvestmouse.runners.html_report.collected import ACTING, Collected

# Matplotlib gives this module no types.
_dates: Any = dates

# Each colour stands for a variable of the style sheet, so that light, dark and paper each have their own.
_INK, _GRID = "#010101", "#020202"
_COLOURS = ("#030301", "#030302", "#030303", "#030304", "#030305", "#030306")
_VARIABLES = {_INK: "--ink", _GRID: "--grid"} | {one: f"--series-{n}" for n, one in enumerate(_COLOURS, 1)}
# Told apart without colour too.
_DASHES = ("-", "--", "-.", ":")

# More points than this cannot be seen apart.
_MOST_POINTS = 500
_BUCKETS = 48
_WIDTH = 9.2

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": _GRID,
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 10,
    "grid.color": _GRID,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "harvestmouse",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def timeline(collected: Collected) -> str:
    """Draw ratio, points, torrents and decisions over one axis of time."""
    series = collected.series
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 9.6), layout="constrained")
        ratio, points, torrents, decisions = figure.subplots(4, sharex=True)
        _lines(ratio, "Ratio", {"ratio": series["ratio"]})
        if floor := _floor(collected):
            ratio.axhline(floor, color=_COLOURS[1], linestyle="--", label=f"floor of grab ({floor:g})")
            _legend(ratio)
        _lines(points, "Bonus points", {"points": series["points"]})
        for number, (at, _) in enumerate(collected.purchases):
            label = "upload bought" if number == 0 else None
            points.axvline(_moment(at), color=_COLOURS[1], linestyle=":", label=label)
        if collected.purchases:
            _legend(points)
        _lines(
            torrents,
            "Torrents",
            {
                "in the category": series["torrents"],
                "backlog: never completed": series["incomplete"],
                "owe seed time": series["owing"],
                "unsatisfied": series["unsatisfied"],
            },
        )
        _legend(torrents)
        _decisions(decisions, collected)
        locator = _dates.AutoDateLocator(minticks=4, maxticks=9)
        decisions.xaxis.set_major_locator(locator)
        decisions.xaxis.set_major_formatter(_dates.ConciseDateFormatter(locator, show_offset=False))
        margin = max(600.0, (collected.last_at - collected.first_at) * 0.01)
        decisions.set_xlim(_moment(collected.first_at - margin), _moment(collected.last_at + margin))
        return _svg(figure, "timeline")


def bars(name: str, counts: Mapping[str, int]) -> str:
    """Draw one horizontal bar a word, the first on top."""
    with rc_context(_STYLE | {"axes.grid.axis": "x"}):
        figure = Figure(figsize=(_WIDTH, 0.6 + 0.34 * len(counts)), layout="constrained")
        axes = figure.subplots()
        drawn = axes.barh(list(counts), list(counts.values()), color=_COLOURS[0], height=0.7)
        axes.bar_label(drawn, padding=4, color=_INK)
        axes.invert_yaxis()
        axes.margins(x=0.08, y=0.02)
        axes.tick_params(length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, name)


def scatter(points: Sequence[tuple[float, int]]) -> str:
    """Draw what each torrent has uploaded over the score it was picked for."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 3.6), layout="constrained")
        axes = figure.subplots()
        unit, size = ("GiB", GIB) if max(upload for _, upload in points) >= GIB else ("MiB", MIB)
        scores, uploads = zip(*points, strict=True)
        axes.scatter(scores, [upload / size for upload in uploads], color=_COLOURS[0], s=26, alpha=0.75, linewidths=0)
        axes.set_xlabel("score when it was picked")
        axes.set_ylabel(f"uploaded since, in {unit}")
        axes.set_ylim(bottom=0)
        return _svg(figure, "scores")


def _lines(axes: Axes, title: str, series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    axes.set_title(title)
    for number, (label, points) in enumerate(series.items()):
        thinned = thin(points)
        axes.plot(
            [_moment(at) for at, _ in thinned],
            [value for _, value in thinned],
            color=_COLOURS[number],
            linestyle=_DASHES[number],
            linewidth=1.8,
            # A single point has no line.
            marker="o" if len(thinned) == 1 else None,
            markersize=4,
            label=label,
        )
    if not any(series.values()):
        _say(axes, "not told by these recordings")
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _decisions(axes: Axes, collected: Collected) -> None:
    axes.set_title("Decisions that asked for an action")
    start, span = collected.first_at, max(1, collected.last_at - collected.first_at)
    width = max(60.0, span / _BUCKETS)
    buckets: dict[Verdict, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for at, verdict, count in collected.acted:
        buckets[verdict][min(_BUCKETS - 1, int((at - start) // width))] += count
    floor: dict[int, int] = defaultdict(int)
    for number, verdict in enumerate(ACTING):
        if not (counted := buckets.get(verdict)):
            continue
        places = sorted(counted)
        axes.bar(
            [_moment(start + (place + 0.5) * width) for place in places],
            [counted[place] for place in places],
            width=width / 86400 * 0.9,
            bottom=[floor[place] for place in places],
            color=_COLOURS[number],
            label=verdict.value.replace("_", " "),
        )
        for place in places:
            floor[place] += counted[place]
    if floor:
        _legend(axes)
    else:
        _say(axes, "none")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most some hundred points: the last of each of as many equal spans of time."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    start, span = points[0][0], points[-1][0] - points[0][0] + 1
    return list({(at - start) * _MOST_POINTS // span: (at, value) for at, value in points}.values())


def _floor(collected: Collected) -> float | None:
    last = collected.last.get("grab")
    value = None if last is None else last[1].policy.get("ratio_floor")
    return value if isinstance(value, int | float) else None


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=4, borderaxespad=0)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")


def _moment(at: float) -> float:
    return float(_dates.date2num(datetime.fromtimestamp(at, UTC)))


def _svg(figure: Figure, name: str) -> str:
    """Return the element alone, its ids the page's only ones of their kind, its colours the style sheet's."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', text, count=1, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text
