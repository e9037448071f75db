#!/usr/bin/env python3
"""Draw the main panels of the dashboard into docs/pictures: ``python -m scripts.render_panels``.

Grafana is not needed: a made-up week goes into a real Prometheus, which is asked what the panels ask. It takes a minute
or two.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from io import BytesIO
from math import isinf
from pathlib import Path

import matplotlib as mpl
from attrs import frozen
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, DayLocator
from PIL import Image

from scripts.made_up_week import TICK, Line, play
from scripts.panel_drawing import Curve, draw_bands, draw_bars, draw_lines, draw_tiles, moment
from tests.dashboard.board import Panel, panel
from tests.support.prometheus import Prometheus
from tests.support.pushgateway import find_tool

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "pictures"

# The panels of each picture from top to bottom; those with tiles may be side by side.
PICTURES: dict[str, Sequence[Sequence[str]]] = {
    "glance": [
        ["Account and site", "Client's connection", "Hit-and-runs"],
        ["How each job's last run ended"],
        ["Since each job's last success"],
    ],
    "profile-now": [["Class", "Ratio", "Balance"], ["Janitor"], ["Grabber"]],
    "profile": [["Transfer"], ["Points against reserve"], ["Janitor deletions by reason"]],
    "decisions": [["Search results by reason"], ["Skipped runs"]],
    "obligations": [["Unsatisfied torrents"], ["Torrents that owe seed time"]],
    "client": [["Torrents by state"]],
    "jobs": [["How runs ended"], ["State of account and site"]],
}

_INK = "#222222"
_WIDTH_INCHES, _DPI, _COLOURS = 8.0, 150, 64
_HEIGHT_INCHES = {"stat": 0.95, "timeseries": 2.6, "bargauge": 2.0, "state-timeline": 2.0}
_DRAW = {"timeseries": draw_lines, "bargauge": draw_bars, "state-timeline": draw_bands}
_STEP_SECONDS = 6 * TICK


@frozen
class Source:
    """A Prometheus, and the span that is drawn, in unix seconds."""

    prometheus: Prometheus
    start: int
    end: int

    def curves(self, panel: Panel) -> list[Curve]:
        """Ask what a panel asks."""
        curves = []
        for target in panel.targets:
            expression = target.over(_STEP_SECONDS)
            if target.now:
                found = self.prometheus.query(expression, self.end)
            else:
                found = self.prometheus.query_range(expression, self.start, self.end, _STEP_SECONDS)
            for one in found:
                name = target.name(one.labels)
                curves.append(Curve(name, one.points, panel.looks(target, name)))
        return curves


def picture(lines: Sequence[Sequence[str]], source: Source) -> bytes:
    """Draw panels, and return a small PNG."""
    rows = [[panel(title) for title in titles] for titles in lines]
    heights = [_HEIGHT_INCHES[row[0].kind] for row in rows]
    figure, axes = plt.subplots(
        len(rows), figsize=(_WIDTH_INCHES, sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for row, place in zip(rows, axes[:, 0], strict=True):
        if row[0].kind == "stat":
            draw_tiles(place, [(one, source.curves(one)) for one in row])
        else:
            _draw(place, row[0], source)
    drawn, small = BytesIO(), BytesIO()
    figure.savefig(drawn, dpi=_DPI, format="png")
    plt.close(figure)
    few = Image.open(drawn).convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE)
    few.save(small, "png", optimize=True)
    return small.getvalue()


def _draw(axes: Axes, panel: Panel, source: Source) -> None:
    axes.set_title(panel.title, loc="left", weight="bold", fontsize="medium")
    if panel.kind != "bargauge":
        axes.set_xlim(moment(source.start), moment(source.end))
        axes.xaxis.set_major_locator(DayLocator())  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(DateFormatter("%a %d"))  # type: ignore[no-untyped-call]
    _DRAW[panel.kind](axes, panel, source.curves(panel))


def write_blocks(lines: Iterable[Line], directory: Path) -> None:
    """Put figures of the past into the storage of a Prometheus."""
    text = directory.with_name("figures.txt")
    with text.open("w", encoding="utf-8") as file:
        for name, labels, value, at in lines:
            own = ",".join(f'{label}="{word}"' for label, word in labels.items())
            file.write(f"{name}{{{own}}} {'+Inf' if isinf(value) else value} {at}\n")
        file.write("# EOF\n")
    command = [find_tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(directory)]
    subprocess.run(command, check=True)  # noqa: S603 - Prometheus' own tool


def render(source: Source) -> None:
    """Draw all pictures."""
    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 11, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams.update(dict.fromkeys(("text.color", "axes.edgecolor", "xtick.color", "ytick.color"), _INK))
    OUTPUT.mkdir(exist_ok=True)
    for name, lines in PICTURES.items():
        OUTPUT.joinpath(f"{name}.png").write_bytes(picture(lines, source))


def main() -> None:
    """Play the week, ask, draw."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        week = play(directory / "state")
        prometheus = Prometheus(directory / "prometheus", {})
        prometheus.data.mkdir(parents=True)
        # The many counts of requests are drawn nowhere.
        write_blocks((line for line in week.lines() if line[0] != "harvestmouse_requests"), prometheus.data)
        with prometheus:
            render(Source(prometheus, week.start, week.world.now - TICK))


if __name__ == "__main__":
    main()
