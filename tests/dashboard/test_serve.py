"""The row about `serve`, asked of a real Prometheus that scrapes a real `serve`."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.dashboard.board import Panel, panel, panels
from tests.support.components import require
from tests.support.prometheus import Prometheus, Series
from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import wait_for
from tests.support.serving import Serving

pytestmark = pytest.mark.integration

ROW = [one for one in panels() if one.row == "Serve's schedule"]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """`serve` has started every job once; no client is there, and no site, so that none is done."""
    require(lambda: find_tool("prometheus"))
    directory = tmp_path_factory.mktemp("serve")
    home = directory / "prometheus"
    environment = {
        "HARVESTMOUSE_STATE_DIR": str(directory / "state"),
        "HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:9",
    }
    with Serving(directory, "--run-at-start", environment=environment) as serving:
        target = {"targets": [urlsplit(serving.url).netloc]}
        config = {
            "global": dict.fromkeys(("scrape_interval", "scrape_timeout"), "500ms"),
            "scrape_configs": [{"job_name": "harvestmouse", "honor_labels": True, "static_configs": [target]}],
        }
        with Prometheus(home, config) as prometheus:
            ended = 'harvestmouse_serve_runs_total{job="harvestmouse_janitor"} == 1'
            wait_for(lambda: prometheus.query(ended), "the end of a run", timeout=30)
            # What has increased is told of two looks at least.
            wait_for(lambda: prometheus.query("increase(harvestmouse_serve_missed_total[1d])"), "a second look")
            yield prometheus


def shown(prometheus: Prometheus, title: str) -> dict[str, float]:
    """The newest figures of a panel, by the names of their series, which are told apart."""
    found: list[tuple[str, Series]] = []
    for target in panel(title).targets:
        found += [(target.name(one.labels), one) for one in prometheus.query(target.expression)]
    named = {name: one.value for name, one in found}
    assert len(named) == len(found)
    return named


@pytest.mark.parametrize("panel", ROW, ids=lambda panel: panel.title)
def test_every_query_of_the_row_returns_data(scraped: Prometheus, panel: Panel) -> None:
    """And every label is there that a legend names."""
    for target in panel.targets:
        series = scraped.query(target.expression)
        assert series, target.expression
        assert all(one.labels.get(label) for one in series for label in target.legend_labels)


def test_the_row_shows_what_serve_does(scraped: Prometheus) -> None:
    """It starts jobs; the janitor's run has failed for want of a client, and none was left out."""
    assert shown(scraped, "Serve") == {"serve": 1}
    assert 0 < shown(scraped, "Until the next run")["janitor"] <= 15 * 60
    assert "janitor" in shown(scraped, "Runs that go on")
    assert shown(scraped, "Runs since the start, by exit code")["4"] >= 1
    lost = shown(scraped, "Runs of a day that were left out")
    assert (lost["janitor: too late"], lost["janitor: last one went on"]) == (0, 0)
