"""The dashboard's file: made from its source, over the catalogue's metrics, whole and readable."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from deploy.grafana.dashboard import AGES, CLASSES, EXITS, STATES, build
from harvestmouse.adapters.errors import ACCOUNT_STATES
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import AccountClass
from harvestmouse.runners.report import Exit
from scripts.render_panels import PICTURES
from tests.dashboard.board import FILE, Panel, bodies, load, panels

RULES = FILE.parents[1] / "prometheus" / "harvestmouse.rules.yaml"

ROWS = [
    "At a glance",
    "MAM Profile",
    "Decisions",
    "Hit-and-runs and unsatisfied torrents",
    "Client",
    "Jobs",
    "Errors",
    "Serve's schedule",
]
# What `serve` says of itself; each has the label of the job, but for the first.
SERVE = {
    "harvestmouse_serve_up": set[str](),
    "harvestmouse_serve_next_run_timestamp_seconds": {"job"},
    "harvestmouse_serve_running": {"job"},
    "harvestmouse_serve_runs_total": {"job", "exit_code"},
    "harvestmouse_serve_missed_total": {"job"},
    "harvestmouse_serve_left_out_total": {"job"},
}

_STRING = re.compile(r'"[^"]*"')
_METRIC = re.compile(r"\b((?:mam|qbt|harvestmouse)_\w+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\bby \(([^)]*)\)")

every_panel = pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)


def expressions(panel: Panel) -> list[str]:
    return [target.expression for target in panel.targets]


def test_is_what_its_source_makes() -> None:
    """Nobody edits the file by hand, and nobody forgets to write it anew."""
    assert FILE.read_text(encoding="utf-8") == build(), "run: python -m deploy.grafana.dashboard"


def test_is_the_same_every_time() -> None:
    """The same source gives the same bytes."""
    assert build() == build()


def test_the_rows_come_in_the_order_in_which_an_operator_asks() -> None:
    """First whether all is well; then the row of the dashboard that is replaced, under its very title."""
    rows = [body for body in bodies() if body["type"] == "row"]
    assert [row["title"] for row in rows] == ROWS
    assert [row["title"] for row in rows if row["collapsed"]] == ROWS[-1:]


def test_the_old_row_has_its_old_panels() -> None:
    """Class, balance, ratio, transfer, points against reserve, deletions by reason, and both states."""
    titles = {panel.title for panel in panels() if panel.row == "MAM Profile"}
    assert titles == {
        "Class",
        "Balance",
        "Ratio",
        "Transfer",
        "Points against reserve",
        "Janitor deletions by reason",
        "Janitor",
        "Grabber",
    }


@every_panel
def test_a_panel_says_what_it_shows_and_what_to_do(panel: Panel) -> None:
    """Title, unit and a description of at least a sentence; a legend for every query."""
    assert panel.title
    assert panel.defaults["unit"]
    assert re.fullmatch(r"[A-Z].{40,}\.", panel.body["description"])
    assert panel.targets
    assert all(target.legend for target in panel.targets)


def test_panels_are_told_apart() -> None:
    """Titles and numbers are unique, rows included."""
    for key in ("id", "title"):
        found = [body[key] for body in bodies()]
        assert len(set(found)) == len(found)


def test_panels_lie_side_by_side() -> None:
    """Nothing overlaps, nothing is wider than the page, and each row's panels lie below its title."""
    cells = [body["gridPos"] for body in bodies()]
    assert all(cell["x"] + cell["w"] <= 24 and cell["w"] > 0 and cell["h"] > 0 for cell in cells)
    for one, other in combinations(cells, 2):
        assert _apart(one, other), f"{one} overlaps {other}"
    assert [cell["y"] for cell in cells] == sorted(cell["y"] for cell in cells)


def _apart(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    return beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_panel_asks_the_chosen_source() -> None:
    """The operator picks the Prometheus; nothing of it is fixed."""
    assert {str(panel.body["datasource"]) for panel in panels()} == {
        str({"type": "prometheus", "uid": "${datasource}"})
    }
    assert [(one["name"], one["type"]) for one in load()["templating"]["list"]] == [("datasource", "datasource")]


def labels_of(name: str) -> set[str]:
    metric = CATALOGUE[name]
    return {*metric.labels, *(["job"] if metric.owner is Owner.RUN else [])}


@every_panel
def test_a_query_asks_for_metrics_of_the_catalogue(panel: Panel) -> None:
    """Every metric is one that runs publish, and every label one that it has."""
    for expression in expressions(panel):
        own: set[str] = set()
        for name, matchers in _METRIC.findall(_STRING.sub('""', expression)):
            labels = SERVE[name] if name in SERVE else labels_of(name)
            own |= labels
            assert set(re.findall(r"\w+(?==|!=)", matchers)) <= labels
        for names in _GROUPING.findall(expression):
            assert set(names.split(", ")) <= own


def test_the_metrics_that_no_panel_shows_are_few_and_known() -> None:
    """A new metric is shown, or left out on purpose."""
    shown = {name for panel in panels() for one in expressions(panel) for name, _ in _METRIC.findall(one)}
    left_out = {
        "harvestmouse_address_shared",
        "harvestmouse_client_up",
        "harvestmouse_last_run_timestamp_seconds",
        "harvestmouse_plan_age_seconds",
        "harvestmouse_points_at_cap",
        "harvestmouse_rescue_not_announcing",
        "harvestmouse_seed_clock_drift_seconds",
        "harvestmouse_spend_next_useful_seconds",
        "harvestmouse_unsat_resume_seconds",
        "harvestmouse_wedges",
        "qbt_dht_nodes",
    }
    assert CATALOGUE.keys() - shown == left_out


@every_panel
def test_an_override_is_about_a_series_that_can_be(panel: Panel) -> None:
    """A colour or unit for a legend that nothing has is a slip of the pen."""
    possible = {*JOBS, *ACCOUNT_STATES, "connected", "firewalled", *map(str, EXITS)}
    fixed = {target.legend for target in panel.targets}
    assert panel.overrides().keys() <= possible | fixed


def test_every_code_has_its_words() -> None:
    """Classes, exit codes and states are shown as words, whatever comes."""
    assert CLASSES.keys() == {-1, *range(len(AccountClass))}
    assert [CLASSES[code][0] for code in range(len(AccountClass))] == [one.value for one in AccountClass]
    assert EXITS.keys() == {*Exit, 130}
    assert STATES.keys() < set(ACCOUNT_STATES)


def test_jobs_turn_red_when_the_alert_fires() -> None:
    """Dashboard and alerts have the same limits, and orange comes before red."""
    (rule,) = re.findall(r"alert: HarvestmouseJobNotSucceeding\n +expr: >-\n((?: +\S.*\n)+?) +for:", RULES.read_text())
    hours: dict[Any, int] = {
        spends == "=": int(limit) for spends, limit in re.findall(r'job(!?=)"\w+_spend"} > (\d+) \* 3600', rule)
    }
    assert AGES.keys() == JOBS.keys()
    assert {job: red.total_seconds() / 3600 for job, (_, red) in AGES.items()} == {
        job: hours[job == "spend"] for job in JOBS
    }
    assert all(orange < red for orange, red in AGES.values())


class TestPage:
    """The page of the documentation shows the dashboard as it is."""

    PAGE = FILE.parents[2] / "docs" / "dashboard.md"

    def test_names_every_row(self) -> None:
        """In the order of the dashboard."""
        rows = re.findall(r"^\| (?!Row|---)([^|]+?) \|", self.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        assert rows == ROWS

    def test_shows_every_picture_that_is_drawn(self) -> None:
        """Each with words for those who do not see it, and small enough for everybody."""
        shown = re.findall(
            r"^!\[(.{40,})\]\(pictures/([\w-]+)\.png\)$", self.PAGE.read_text(encoding="utf-8"), re.MULTILINE
        )
        assert [name for _, name in shown] == list(PICTURES)
        pictures = list(self.PAGE.with_name("pictures").iterdir())
        drawn = {picture.name: picture.stat().st_size for picture in pictures if picture.suffix == ".png"}
        assert drawn.keys() == {f"{name}.png" for name in PICTURES}
        assert max(drawn.values()) < 60_000

    def test_draws_panels_that_there_are(self) -> None:
        """A panel that is renamed is not left out in silence."""
        titles = {panel.title for panel in panels()}
        assert {title for lines in PICTURES.values() for line in lines for title in line} <= titles
