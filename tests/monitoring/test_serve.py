"""Prometheus over `serve` itself, scraped as its page of the documentation says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.monitoring.watch import RULES, impatient
from tests.support.components import require
from tests.support.prometheus import Prometheus
from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import wait_for
from tests.support.serving import Serving

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serve.md"


def documented(address: str) -> dict[str, Any]:
    """Return the configuration that the page shows, with this address, the rules, and a look every half second."""
    (block,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    document: dict[str, Any] = yaml.safe_load(block)
    (scrape,) = document["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["127.0.0.1:9798"]}]
    scrape["static_configs"] = [{"targets": [address]}]
    every = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "500ms")
    return {"global": every, "rule_files": [RULES.name], **document}


def test_serve_is_scraped_and_missed_when_it_is_gone(tmp_path: Path) -> None:
    """What runs publish, and what `serve` says of itself, have the job they are of; its own end is an alert."""
    require(lambda: find_tool("prometheus"))
    home = tmp_path / "prometheus"
    home.mkdir()
    (home / RULES.name).write_text(yaml.safe_dump(impatient(RULES.read_text(encoding="utf-8"))), encoding="utf-8")
    # No client is there, and no site: the run of a job fails, and says so.
    environment = {
        "HARVESTMOUSE_STATE_DIR": str(tmp_path / "state"),
        "HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:9",
    }
    with (
        Serving(tmp_path, "--run-at-start", environment=environment) as serving,
        Prometheus(home, documented(urlsplit(serving.url).netloc)) as prometheus,
    ):

        def told(expression: str) -> list[float]:
            return [one.value for one in prometheus.query(expression)]

        failed = 'harvestmouse_serve_runs_total{job="harvestmouse_janitor", exit_code="4"}'
        wait_for(lambda: told(failed), "the failed run to be scraped", timeout=20)
        assert told('harvestmouse_exit_code{job="harvestmouse_janitor"}') == [4]
        assert told('harvestmouse_serve_period_seconds{job="harvestmouse_janitor"}') == [15 * 60]
        assert told('harvestmouse_serve_up{job="harvestmouse"}') == [1]
        assert told('ALERTS{alertname="HarvestmouseServeDown"}') == []
        serving.stop()
        gone = 'ALERTS{alertname="HarvestmouseServeDown", alertstate="firing", job="harvestmouse"}'
        wait_for(lambda: told(gone), "the alert to fire", timeout=20)
        assert told("up") == [0]
