"""Pushgateway, Prometheus and Alertmanager put together as an operator does it, with less patience."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from attrs import define

from tests.support.alertmanager import Alertmanager
from tests.support.prometheus import Prometheus
from tests.support.pushgateway import Pushgateway
from tests.support.qbittorrent import wait_for

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
RULES = DEPLOY / "harvestmouse.rules.yaml"

# How long an hour is where ages are measured.
HOUR_SECONDS = 1.5
# How many torrents are a backlog.
BACKLOG = 4

Labels = frozenset[tuple[str, str]]


@define
class Watch:
    """What an operator sees of the runs."""

    gateway: Pushgateway
    prometheus: Prometheus
    alertmanager: Alertmanager

    def figures(self, job: str, since: float | None = None) -> dict[str, dict[Labels, float]]:
        """Return what Prometheus has of a job, or of the account: by name, then by labels.

        It has all there was at the gateway at a time, in unix seconds; now unless it is given.
        """
        self._scrape(time.time() if since is None else since)
        found: dict[str, dict[Labels, float]] = {}
        for one in self.prometheus.query(f'{{job="harvestmouse_{job}", __name__!~"ALERTS.*|job:.*"}}'):
            labels = dict(one.labels)
            name = labels.pop("__name__")
            del labels["job"]
            found.setdefault(name, {})[frozenset(labels.items())] = one.value
        return found

    def known(self, job: str) -> Mapping[str, Mapping[Labels, float]]:
        """Return the same as the gateway has it, without waiting for Prometheus."""
        return self.gateway.group(f"harvestmouse_{job}")

    def firing(self) -> set[str]:
        """Name the alerts that have reached Alertmanager and are not over: alert, or alert and job or cause."""
        names = set()
        for alert in self.alertmanager.alerts():
            labels = alert["labels"]
            detail = labels.get("cause") or labels.get("job", "").removeprefix("harvestmouse_")
            names |= {labels["alertname"], f"{labels['alertname']} {detail}"}
        return names

    def wait(self, *firing: str, quiet: tuple[str, ...] = ()) -> None:
        """Wait until at one time the first are firing and the others are not."""
        what = f"{firing} to fire and {quiet} to be quiet"
        wait_for(lambda: set(firing) <= (now := self.firing()) and now.isdisjoint(quiet), what, timeout=20)

    def evaluate(self) -> None:
        """Wait until what is at the gateway now has been there for some looks at the rules, and alerts have come."""
        self._scrape(time.time())
        then = time.time() + 1
        wait_for(lambda: self._evaluated_at() > then, "the rules to be looked at")

    def _scrape(self, since: float) -> None:
        last = 'timestamp(up{job="pushgateway"})'
        wait_for(lambda: any(one.value > since for one in self.prometheus.query(last)), "the gateway to be scraped")

    def _evaluated_at(self) -> float:
        groups = self.prometheus.get("rules")["groups"]
        return min(datetime.fromisoformat(group["lastEvaluation"]).timestamp() for group in groups)


def impatient(text: str) -> dict[str, Any]:
    """Return the rules with waits that a test can wait for; nothing else about them is changed."""
    document: dict[str, Any] = yaml.safe_load(
        text.replace("* 3600", f"* {HOUR_SECONDS}").replace("active > 400", f"active > {BACKLOG}")
    )
    for group in document["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "500ms"
    return document


def configuration(gateway: str, alertmanager: str) -> dict[str, Any]:
    """Return the example that is shipped, with these addresses, and looked at twice a second."""
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "scrape.yaml").read_text(encoding="utf-8"))
    (scrape,) = document["scrape_configs"]
    scrape["static_configs"] = [{"targets": [gateway]}]
    (manager,) = document["alerting"]["alertmanagers"]
    manager["static_configs"] = [{"targets": [alertmanager]}]
    every: Mapping[str, str] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "500ms")
    return {"global": every, **document}


@contextmanager
def watching(directory: Path) -> Iterator[Watch]:
    """Start all three."""
    home = directory / "prometheus"
    home.mkdir()
    (home / RULES.name).write_text(yaml.safe_dump(impatient(RULES.read_text(encoding="utf-8"))), encoding="utf-8")
    with Pushgateway() as gateway, Alertmanager(directory / "alertmanager") as alertmanager:
        config = configuration(gateway.url.removeprefix("http://"), alertmanager.address)
        with Prometheus(home, config) as prometheus:
            # An alert that fires before Alertmanager is found is told only a minute later.
            wait_for(lambda: prometheus.get("alertmanagers")["activeAlertmanagers"], "Alertmanager to be found")
            yield Watch(gateway, prometheus, alertmanager)
