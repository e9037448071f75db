# ruff: noqa: INP001 - a part of render_panels.py
"""Draw panels of the dashboard with matplotlib, by what they say of units, colours and words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isinf
from typing import Any

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harvestmouse.core.units import DAY, GIB, HOUR, KIB, MINUTE
from tests.dashboard.board import Panel

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
_GREEN, _ORANGE, _RED, _BLUE = "#009E73", "#E69F00", "#D55E00", "#0072B2"
_NAMED = {"green": _GREEN, "orange": _ORANGE, "red": _RED, "blue": _BLUE}
_PALETTE = [_BLUE, _ORANGE, _GREEN, "#CC79A7", "#56B4E9", _RED, "#F0E442", "#999999"]
_DASHES = ["-", "--", "-.", ":"]
_GRID = "#dddddd"
# The most tiles that are side by side.
_TILES = 5
_SMALL, _LARGE = 10, 14
_SPANS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


@frozen
class Curve:
    """One series of a panel.

    Attributes:
        points: (unix seconds, value), oldest first.
        looks: What the panel says of its unit, colours and words.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    looks: Mapping[str, Any]

    @property
    def times(self) -> list[float]:
        """Return the times as matplotlib has them."""
        return [moment(at) for at, _ in self.points]

    @property
    def values(self) -> list[float]:
        """Return the values, oldest first."""
        return [value for _, value in self.points]

    @property
    def text(self) -> str:
        """Say the newest value in the panel's words, or in its unit."""
        return self.word(self.values[-1]) or written(self.values[-1], self.looks)

    @property
    def fixed(self) -> str | None:
        """Return the colour of the series, where it has one whatever its value."""
        colour = self.looks.get("color", {})
        return _NAMED[colour["fixedColor"]] if colour.get("mode") == "fixed" else None

    def word(self, value: float) -> str:
        """Return what a value is called; nothing where it is shown as a figure."""
        return str(self._meaning(value).get("text", ""))

    def colour(self, value: float) -> str:
        """Return the colour of a value."""
        named = self._meaning(value).get("color")
        return _NAMED[named] if named else self.fixed or _by_threshold(value, self.looks)

    def _meaning(self, value: float) -> Mapping[str, Any]:
        found = (mapping["options"].get(f"{value:g}") for mapping in self.looks.get("mappings", []))
        return next((one for one in found if one), {})


def moment(at: float) -> float:
    """Return unix seconds as matplotlib has them."""
    return float(date2num(datetime.fromtimestamp(at, UTC)))  # type: ignore[no-untyped-call]


def written(value: float, looks: Mapping[str, Any]) -> str:
    """Write a figure in its unit."""
    unit = looks["unit"]
    if isinf(value):
        return "∞"
    if unit == "s":
        return next((f"{value / size:.3g} {name}" for size, name in _SPANS if abs(value) >= size), f"{value:.0f} s")
    if unit in ("bytes", "gbytes"):
        return _size(value * (GIB if unit == "gbytes" else 1))
    kind, _, suffix = unit.partition(":")
    figure = f"{value:,.{int(looks.get('decimals', 0))}f}".replace(",", " ")
    return f"{figure} {suffix}" if kind == "suffix" else figure


def _size(value: float, power: int = 0) -> str:
    if abs(value) < KIB or power == len(_SIZES) - 1:
        return f"{value:.3g} {_SIZES[power]}"
    return _size(value / KIB, power + 1)


def _by_threshold(value: float, looks: Mapping[str, Any]) -> str:
    steps = looks.get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return _NAMED[reached[-1]] if reached else _GREEN


def draw_tiles(axes: Axes, shown: Sequence[tuple[Panel, Sequence[Curve]]]) -> None:
    """Draw panels side by side, a tile a series: what it is called, and its newest value in large letters."""
    axes.set_axis_off()
    axes.set(xlim=(0, _TILES), ylim=(0, 1.5))
    at, width = 0.0, _TILES / sum(len(curves) for _, curves in shown)
    for panel, curves in shown:
        only_names = panel.body["options"]["textMode"] == "name"
        axes.text(at, 1.25, panel.title, weight="bold", va="center")
        for curve in curves:
            axes.add_patch(Rectangle((at, 0.05), 0.04, 0.9, color=curve.colour(curve.values[-1])))
            text = curve.name if only_names else curve.text
            axes.text(at + 0.08, 0.33, text, fontsize=_LARGE, va="center")
            if len(curves) > 1:
                axes.text(at + 0.08, 0.78, curve.name, fontsize=_SMALL, va="center")
            at += width


def draw_lines(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    """Draw figures over time, as lines or on top of each other; what was 0 all the time is left out of a stack."""
    if panel.defaults["custom"].get("stacking"):
        curves = [curve for curve in curves if any(curve.values)]
        labels = [curve.name for curve in curves]
        values = [curve.values for curve in curves]
        axes.stackplot(curves[0].times, values, labels=labels, colors=_PALETTE, step="post", linewidth=0)
    else:
        for number, curve in enumerate(curves):
            colour, dash = curve.fixed or _PALETTE[number], _DASHES[number]
            axes.step(curve.times, curve.values, dash, where="post", label=curve.name, color=colour, linewidth=2)
    looks = curves[0].looks
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, looks)))
    axes.set_ylim(bottom=0)
    axes.set_yticks(_ticks(axes.get_ylim()[1], binary=looks["unit"] == "bytes"))
    axes.grid(axis="y", color=_GRID)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=3, frameon=False, fontsize=_SMALL, borderaxespad=0)


def _ticks(top: float, *, binary: bool) -> list[float]:
    scale = next(KIB**power for power in reversed(range(len(_SIZES))) if top >= KIB**power) if binary else 1
    ticks = MaxNLocator(4, steps=[1, 2, 4, 5, 10]).tick_values(0, top / scale)
    return [tick * scale for tick in ticks if tick * scale <= top]


def draw_bars(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:  # noqa: ARG001 - one shape for all
    """Draw the newest figures as bars."""
    curves = sorted(curves, key=lambda curve: curve.values[-1])
    colours = [curve.colour(curve.values[-1]) for curve in curves]
    bars = axes.barh([curve.name for curve in curves], [curve.values[-1] for curve in curves], color=colours)
    axes.bar_label(bars, [curve.text for curve in curves], padding=4)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_visible(False)


def draw_bands(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:  # noqa: ARG001
    """Draw states over time, one band a series."""
    meanings: dict[str, str] = {}
    for row, curve in enumerate(reversed(curves)):
        width = min(after - before for before, after in zip(curve.times, curve.times[1:], strict=False))
        for at, value in zip(curve.times, curve.values, strict=True):
            axes.broken_barh([(at, width)], (row - 0.36, 0.72), facecolors=curve.colour(value), linewidth=0)
            meanings[curve.word(value)] = curve.colour(value)
    axes.set_yticks(range(len(curves)), [curve.name for curve in reversed(curves)])
    axes.tick_params(axis="y", length=0)
    if any(meanings):
        _explain(axes, meanings.items())


def _explain(axes: Axes, meanings: Iterable[tuple[str, str]]) -> None:
    patches = [Rectangle((0, 0), 1, 1, color=colour, label=word) for word, colour in meanings]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(0, -0.18), ncols=4, frameon=False, fontsize=_SMALL)
