"""What the dashboard's file says, without the SDK that wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "harvestmouse.json"

_LABEL = re.compile(r"\{\{(\w+)\}\}")


@frozen
class Target:
    """One query of a panel.

    Attributes:
        letter: By which the panel speaks of it.
        expression: With the values of the page's variables in it.
        legend: What its series are called, labels in double braces.
        now: Whether it asks about one moment only.
    """

    letter: str
    expression: str
    legend: str
    now: bool

    def over(self, seconds: int) -> str:
        """The expression, as Grafana asks it where so many seconds lie between two points."""
        return self.expression.replace("$__rate_interval", f"{seconds}s")

    @property
    def legend_labels(self) -> list[str]:
        """The labels that the legend names."""
        return _LABEL.findall(self.legend)

    def name(self, labels: Mapping[str, str]) -> str:
        """What a series is called."""
        return _LABEL.sub(lambda found: labels.get(found[1], ""), self.legend)


@frozen
class Panel:
    """One panel.

    Attributes:
        body: All that the file says of it.
    """

    row: str
    body: Mapping[str, Any]
    targets: tuple[Target, ...]

    @property
    def title(self) -> str:
        return str(self.body["title"])

    @property
    def kind(self) -> str:
        return str(self.body["type"])

    @property
    def defaults(self) -> Mapping[str, Any]:
        """How its figures are shown, where nothing else is said of one."""
        found: Mapping[str, Any] = self.body["fieldConfig"]["defaults"]
        return found

    def overrides(self, kind: str = "byName") -> dict[str, dict[str, Any]]:
        """How single series are shown otherwise, by their names or (byFrameRefID) by the letters of their queries."""
        return {
            one["matcher"]["options"]: {entry["id"]: entry["value"] for entry in one["properties"]}
            for one in self.body["fieldConfig"]["overrides"]
            if one["matcher"]["id"] == kind
        }

    def looks(self, target: Target, name: str) -> dict[str, Any]:
        """How a series is shown: units, colours, words."""
        by_query = self.overrides("byFrameRefID").get(target.letter, {})
        return {**self.defaults, **by_query, **self.overrides().get(name, {})}


def load() -> dict[str, Any]:
    """Read the file."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def bodies() -> list[dict[str, Any]]:
    """What the file says of every row and panel, in order; those of a folded row are in it."""
    return [body for one in load()["panels"] for body in (one, *one.get("panels", ()))]


def panels() -> list[Panel]:
    """Every panel, in order."""
    variables = {one["name"]: one["query"] for one in load()["templating"]["list"]}
    found, row = [], ""
    for body in bodies():
        if body["type"] == "row":
            row = body["title"]
        else:
            found.append(Panel(row, body, tuple(_target(one, variables) for one in body["targets"])))
    return found


def panel(title: str) -> Panel:
    """The panel of this title."""
    (found,) = (one for one in panels() if one.title == title)
    return found


def _target(body: Mapping[str, Any], variables: Mapping[str, str]) -> Target:
    # Whatever else stands behind a dollar is Grafana's or PromQL's own.
    expression = re.sub(r"\$([a-z]\w+)", lambda found: variables[found[1]], body["expr"])
    return Target(body["refId"], expression, body["legendFormat"], body["instant"])
