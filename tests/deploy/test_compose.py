"""The stack for Compose fits together, shows nothing to the outside, and acts when it is told to."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harvestmouse import __version__
from tests.deploy.manifests import COMPOSE, DEPLOY, Document, load_yaml, settings_of
from tests.support.components import require
from tests.support.pushgateway import find_tool

TEXT = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
STACK: Document = load_yaml(COMPOSE / "compose.yaml")
SERVICES: dict[str, Document] = STACK["services"]
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", (COMPOSE / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
# Made by whoever installs it.
OWN = {"./state", "./secrets", "./downloads"}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def resolved(value: Any) -> str:
    """Put the values of .env.example where a variable stands."""
    return re.sub(r"\$\{(\w+):-[^}]*\}", lambda found: EXAMPLE[found[1]], str(value))


def mounts(service: Document) -> dict[str, Path]:
    """Return the files and folders of the checkout that a service sees, by where it sees them."""
    pairs = [resolved(one).split(":")[:2] for one in service["volumes"]]
    return {place: (COMPOSE / source).resolve() for source, place in pairs if source.startswith(".")}


class TestStack:
    """What Compose itself would refuse, and what it would not."""

    @every_service
    def test_images_have_a_version(self, service: Document) -> None:
        """`latest` would be another program some day."""
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])

    def test_the_image_is_the_one_built_here(self) -> None:
        """By its version and its Dockerfile."""
        ours = SERVICES["harvestmouse"]
        assert ours["image"] == f"harvestmouse:{__version__}"
        assert (COMPOSE / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()

    @every_service
    def test_only_the_port_for_peers_is_open(self, service: Document) -> None:
        """Every page is on loopback."""
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") or port.split("/")[0] == "6881:6881"

    @every_service
    def test_what_is_mounted_is_there(self, service: Document) -> None:
        """Otherwise Docker makes an empty folder in its place."""
        named = {resolved(one).split(":")[0] for one in service["volumes"]}
        for source in named - OWN:
            assert (COMPOSE / source).is_file() if source.startswith(".") else source in STACK["volumes"]

    def test_health_is_known_of_all(self) -> None:
        """That of harvestmouse is in its image."""
        assert {name for name, one in SERVICES.items() if "healthcheck" not in one} == {"harvestmouse"}
        assert SERVICES["harvestmouse"]["depends_on"] == {"qbittorrent": {"condition": "service_healthy"}}

    def test_variables_are_in_the_example(self) -> None:
        """With the default that they have without it."""
        assert dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT)) == EXAMPLE
        assert "${" not in re.sub(r"\$\{\w+:-[^}]*\}", "", TEXT)


class TestSecrets:
    """Files, and no variables."""

    def test_every_secret_is_a_file_that_git_leaves_alone(self) -> None:
        """So are the state and the choice to act."""
        assert {one["file"] for one in STACK["secrets"].values()} == {f"./secrets/{name}" for name in STACK["secrets"]}
        ignored = (COMPOSE / ".gitignore").read_text(encoding="utf-8").split()
        assert {"/secrets/", "/state/", "/.env"} <= set(ignored)

    @every_service
    def test_a_service_is_given_what_its_variables_name(self, service: Document) -> None:
        """No more, and no less."""
        environment = map(str, service.get("environment", {}).values())
        named = {one.rpartition("/")[2] for one in environment if one.startswith("/run/secrets/")}
        assert named == set(service.get("secrets", [])) <= STACK["secrets"].keys()


class TestHarvestmouse:
    """Our part of it."""

    service = SERVICES["harvestmouse"]

    @pytest.mark.parametrize("word", ["0", "1"])
    def test_the_configuration_can_be_used(self, word: str, tmp_path: Path) -> None:
        """It acts where .env says so, and only there."""
        environment = {name: resolved(value) for name, value in self.service["environment"].items()}
        assert environment["HARVESTMOUSE_APPLY"] == "0"
        toml = mounts(self.service)[environment["HARVESTMOUSE_CONFIG"]].read_text(encoding="utf-8")
        read = settings_of({**environment, "HARVESTMOUSE_APPLY": word}, toml, tmp_path)
        assert read.general.apply is (word == "1")
        assert str(read.general.state_dir) in mounts(self.service)
        assert read.qbittorrent.url == f"http://qbittorrent:{SERVICES['qbittorrent']['environment']['WEBUI_PORT']}"
        assert read.policy.client.save_path.startswith("/downloads/")
        assert "/downloads" in mounts(SERVICES["qbittorrent"])

    def test_may_do_nothing_that_it_need_not(self) -> None:
        """As in the cluster."""
        hardening = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "user": "${PUID:-1000}:${PGID:-1000}",
        }
        assert hardening.items() <= self.service.items()


class TestMonitoring:
    """Figures, alerts and dashboard find each other."""

    def test_prometheus_takes_its_configuration(self, tmp_path: Path) -> None:
        """With the rules beside it, as they are mounted."""
        for place, source in mounts(SERVICES["prometheus"]).items():
            shutil.copy(source, tmp_path / Path(place).name)
        done = subprocess.run(
            [require(lambda: find_tool("promtool")), "check", "config", str(tmp_path / "prometheus.yml")],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "harvestmouse.rules.yaml" in done.stdout

    def test_prometheus_asks_harvestmouse(self) -> None:
        """At its published port, and believes its label `job`."""
        (scrape,) = load_yaml(COMPOSE / "prometheus.yml")["scrape_configs"]
        port = SERVICES["harvestmouse"]["ports"][0].rpartition(":")[2]
        assert scrape["static_configs"] == [{"targets": [f"harvestmouse:{port}"]}]
        assert scrape["honor_labels"] is True

    def test_grafana_finds_prometheus_and_the_dashboard(self) -> None:
        """Where both are mounted."""
        (source,) = load_yaml(COMPOSE / "grafana" / "datasources.yaml")["datasources"]
        (provider,) = load_yaml(COMPOSE / "grafana" / "dashboards.yaml")["providers"]
        assert source["url"] == f"http://prometheus:{SERVICES['prometheus']['ports'][0].rpartition(':')[2]}"
        seen = mounts(SERVICES["grafana"])
        assert seen[f"{provider['options']['path']}/harvestmouse.json"] == DEPLOY / "grafana" / "harvestmouse.json"
        assert {place for place in seen if "/provisioning/" in place} == {
            f"/etc/grafana/provisioning/{kind}/harvestmouse.yaml" for kind in ("dashboards", "datasources")
        }
