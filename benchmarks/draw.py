"""Draw the ratios of `docs/performance.md`."""

import re
import sys
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

SHOWN = ("curl", "http.client + json", "janitor", "janitor, after a rest")
_CASE = re.compile(r"## (\d+) torrents, qBittorrent (\S+)")
_ROW = re.compile(r"\| ([^|]+) \| (\d+\.\d+) \|")


def read(page: str) -> dict[str, dict[str, float]]:
    """Return the ratios of each case by name."""
    cases: dict[str, dict[str, float]] = {}
    for line in page.splitlines():
        if case := _CASE.match(line):
            cases[f"{case[1]}\n{case[2]}"] = {}
        elif cases and (row := _ROW.match(line)):
            next(reversed(cases.values()))[row[1]] = float(row[2])
    return cases


def main() -> None:
    """Read the page and write the picture."""
    page, picture = map(Path, sys.argv[1:])
    cases = read(page.read_text(encoding="utf-8"))
    rcParams["svg.hashsalt"] = "harvestmouse"
    figure = Figure(figsize=(7, 3.5))
    axes = figure.subplots()
    for number, name in enumerate(SHOWN):
        axes.bar(
            [place + (number - 1.5) * 0.22 for place in range(len(cases))],
            [ratios[name] for ratios in cases.values()],
            0.2,
            label=name,
        )
    axes.set_xticks(range(len(cases)), list(cases))
    axes.set_ylabel("wall time to curl")
    axes.set_xlabel("torrents, version of qBittorrent")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
