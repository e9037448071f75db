"""The alerts fire where they must, stay quiet where they must not, and say nothing that is not so."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harvestmouse.adapters.errors import ACCOUNT_STATES
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.core.plan import Reason
from harvestmouse.runners.serve.figures import Figures
from harvestmouse.runners.serve.runs import Runs
from tests.support.components import require
from tests.support.pushgateway import figures_in, find_tool

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "prometheus"
RULES = DEPLOY / "harvestmouse.rules.yaml"
PAGE = ROOT / "docs" / "alerts.md"
CASES = sorted(Path(__file__).parent.glob("*.yaml"))

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})

SEED = {
    "MAMMouseClass",
    "MAMCookieExpired",
    "MAMRatioBelowOne",
    "MAMFarmingStuck",
    "MAMJanitorStuckBacklog",
    "QBittorrentDisconnected",
    "QBittorrentMAMUnsatisfied",
}
JOBS = {"grab", "janitor", "spend", "reconcile", "monitor"}
# What may stand behind the labels that have a closed set of values.
VALUES = {
    "state": set(ACCOUNT_STATES),
    "reason": {reason.value for reason in Reason},
    "job": {f"harvestmouse_{name}" for name in (*JOBS, "account", "cycle")},
}
# Those of `serve` itself, which are in no catalogue; a scrape gives the first the name of its own job.
SERVE = {
    "harvestmouse_serve_up": set[str](),
    "harvestmouse_serve_period_seconds": {"job"},
    "harvestmouse_serve_missed_total": {"job"},
    "harvestmouse_serve_left_out_total": {"job"},
}
_METRIC = re.compile(r"(?<![:\w\"|])((?:mam|qbt|harvestmouse)_[a-z_]+)(?:\{([^}]*)\})?(?!\w)")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')

every_alert = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])


def promtool(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run promtool, with what it says on one stream."""
    return subprocess.run(
        [require(lambda: find_tool("promtool")), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


def named(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every metric that is named in PromQL, or as a series, with the labels beside it."""
    unquoted = re.sub(r'(?<==)"[^"]*"|(?<=~)"[^"]*"', '""', text)
    assert unquoted.count("{") == len(re.findall(r"\w\{", unquoted)), "a selector without a name cannot be read here"
    for name, matchers in _METRIC.findall(text):
        yield name, dict(_MATCHER.findall(matchers))


def faults(name: str, labels: dict[str, str]) -> list[str]:
    """Say what the catalogue has against a metric with these labels."""
    if name in SERVE:
        return [f"{name} has no label {label}" for label in labels.keys() - {*SERVE[name], "job"}]
    metric = CATALOGUE.get(name)
    if metric is None:
        return [f"{name} is not in the catalogue"]
    found = [f"{name} has no label {label}" for label in labels.keys() - {*metric.labels, "job"}]
    for label, value in labels.items():
        strange = set(value.split("|")) - VALUES.get(label, set(value.split("|")))
        found += [f"{label} of {name} is never {one}" for one in strange]
    groups = {Owner.RUN: {*JOBS, "cycle"}, Owner.SESSION: {"account"}}.get(metric.owner, {metric.owner.value})
    if "job" in labels and not {one.removeprefix("harvestmouse_") for one in labels["job"].split("|")} <= groups:
        found.append(f"{name} is not told by {labels['job']}")
    return found


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every check of an alert, with the name of its scene."""
    for path in CASES:
        for scene in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for check in scene["alert_rule_test"]:
                yield scene["name"], check


class TestPromtool:
    """What Prometheus' own tool says."""

    def test_the_rules_can_be_loaded(self) -> None:
        """And so can the example that scrapes for them."""
        for done in (promtool("check", "rules", RULES), promtool("check", "config", DEPLOY / "scrape.yaml")):
            assert done.returncode == 0, done.stdout
            assert "duplicate" not in done.stdout

    @pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
    def test_the_alerts_fire_and_stay_quiet_as_the_cases_say(self, path: Path) -> None:
        """With every label and every word of the annotations."""
        done = promtool("test", "rules", path)
        assert done.returncode == 0, done.stdout
        assert "SUCCESS" in done.stdout

    @pytest.mark.parametrize("name", NAMES)
    def test_every_alert_has_a_case_that_fires_and_a_scene_in_which_it_must_not(self, name: str) -> None:
        """A quiet moment before it fires is no such scene."""
        firing = {scene for scene, check in cases() if check["alertname"] == name and check.get("exp_alerts")}
        quiet = {scene for scene, check in cases() if check["alertname"] == name and not check.get("exp_alerts")}
        assert firing
        assert quiet - firing

    def test_every_check_is_of_an_alert_that_exists(self) -> None:
        """promtool passes a misspelt name that must not fire."""
        assert {check["alertname"] for _, check in cases()} == set(NAMES)


class TestNames:
    """Rules and cases speak of figures that there are."""

    def test_the_rules_name_figures_of_the_catalogue(self) -> None:
        """With labels and values that these can have."""
        found = [pair for group in GROUPS for rule in group["rules"] for pair in named(rule["expr"])]
        assert len(found) >= len(ALERTS)
        assert [fault for pair in found for fault in faults(*pair)] == []

    def test_serve_tells_its_figures(self) -> None:
        """By these names."""
        runs = Runs(command=(), flags=(), environment={}, most_seconds=1)
        told = figures_in(Figures(runs=runs, next_runs={}, lines={"grab": "0 * * * *"}, up=True).text())
        labels = {name: {label for label, _ in pairs} for name, pairs in told}
        assert {name: labels.get(name) for name in SERVE} == SERVE

    @pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
    def test_the_cases_are_made_of_figures_of_the_catalogue(self, path: Path) -> None:
        """With all of their labels, in the group in which the gateway has them."""
        for scene in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for series in scene["input_series"]:
                if series["series"].startswith("up{"):
                    continue
                ((name, labels),) = named(series["series"])
                labels.pop("instance", None)  # every scrape has it
                assert faults(name, labels) == []
                assert labels.keys() == {*(SERVE[name] if name in SERVE else CATALOGUE[name].labels), "job"}

    @pytest.mark.parametrize(
        ("expression", "fault"),
        [
            ("mam_class == 0", "mam_class is not in the catalogue"),
            ('mam_ratio{tracker="mam"} < 1', "mam_ratio has no label tracker"),
            ('harvestmouse_account_state{state="banned"} == 1', "state of harvestmouse_account_state is never banned"),
            ('mam_ratio{job="harvestmouse_grab"} < 1', "mam_ratio is not told by harvestmouse_grab"),
        ],
    )
    def test_a_wrong_name_would_be_noticed(self, expression: str, fault: str) -> None:
        """The checks above can fail."""
        assert [found for pair in named(expression) for found in faults(*pair)] == [fault]


class TestWords:
    """Whoever is woken up knows what to do."""

    def test_the_alerts_of_the_seed_are_all_there(self) -> None:
        """By their names, so that routes and silences go on."""
        assert set(NAMES) >= SEED

    @every_alert
    def test_says_how_grave_it_is_and_what_to_do(self, rule: dict[str, Any]) -> None:
        """A summary of one sentence, and a description of two: the figure and the remedy."""
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert sentences(rule["annotations"]["summary"]) == 1
        assert sentences(rule["annotations"]["description"]) == 2

    @every_alert
    def test_leads_to_its_place_in_the_documentation(self, rule: dict[str, Any]) -> None:
        """A runbook that is not there is found too late."""
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert ROOT / page == PAGE
        assert anchor == rule["alert"].lower()
        assert f"\n### {rule['alert']}\n" in PAGE.read_text(encoding="utf-8")

    def test_the_documentation_has_no_other_alerts(self) -> None:
        """One that was taken away leaves the page too."""
        assert sorted(re.findall(r"^### (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == NAMES

    def test_three_refusals_have_three_remedies(self) -> None:
        """Cookie, address and disabled account: what helps one harms or delays another (incident I12)."""
        refusals = ("MAMCookieExpired", "MAMAddressNotAllowed", "MAMAccountMayBeDisabled")
        words = {rule["alert"]: rule["annotations"]["description"] for rule in ALERTS if rule["alert"] in refusals}
        assert "set MAM_ID" in words["MAMCookieExpired"]
        assert "Add this network" in words["MAMAddressNotAllowed"]
        assert "do not refresh the cookie" in words["MAMAccountMayBeDisabled"]


def sentences(text: str) -> int:
    """Count the sentences of an annotation, in which a template may stand."""
    return len(re.findall(r"[.!?](?:\s|$)", re.sub(r"\{\{.*?\}\}", "1", text)))
