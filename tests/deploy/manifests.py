"""What the files under deploy/ say, each read by the tool or the library of its kind."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import yaml
from cronsim import CronSim

from harvestmouse.runners import config
from harvestmouse.runners.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
SYSTEMD = DEPLOY / "systemd"
TERRAFORM = DEPLOY / "terraform"
KUBERNETES = DEPLOY / "kubernetes"

Document = dict[str, Any]

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def tool(name: str) -> str:
    """Return a program that a package from PyPI has put beside Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is among the test dependencies"
    return found


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def kustomize(folder: str) -> tuple[Document, ...]:
    """Return what a cluster would get, but that the ConfigMap has its name without the hash of its content."""
    done = subprocess.run(
        [tool("kubectl"), "kustomize", str(KUBERNETES / folder)], capture_output=True, text=True, check=True, timeout=60
    )
    plain = re.sub(r"name: harvestmouse-[a-z0-9]{10}$", "name: harvestmouse", done.stdout, flags=re.MULTILINE)
    return tuple(yaml.safe_load_all(plain))


def of_kind(kind: str, folder: str) -> dict[str, Document]:
    """Return the objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in kustomize(folder) if one["kind"] == kind}


def pod_of(document: Document) -> Document:
    """Return the specification of the pods of a CronJob or a Deployment."""
    spec = document["spec"]
    pod: Document = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
    return pod


def cron_jobs(folder: str = "base") -> dict[str, Document]:
    """Return the CronJobs by the command that they run."""
    return {pod_of(one)["containers"][0]["args"][0]: one for one in of_kind("CronJob", folder).values()}


def starts(schedule: str) -> list[datetime]:
    """Return when a schedule of cron starts in a day."""
    first = MIDNIGHT - timedelta(minutes=1)
    found = []
    for start in CronSim(schedule, first):
        if start >= MIDNIGHT + DAY:
            break
        found.append(start)
    return found


def settings_of(environment: dict[str, str], toml: str, folder: Path) -> Settings:
    """Read the configuration as the program would in its place: *toml* where its variable says, and both secrets."""
    given = dict(environment)
    for variable, text in {
        "HARVESTMOUSE_CONFIG": toml,
        "MAM_ID_FILE": "cookie\n",
        "HARVESTMOUSE_QBITTORRENT_PASSWORD_FILE": "password\n",
    }.items():
        given[variable] = str(folder / variable)
        (folder / variable).write_text(text)
    return config.load(given)


@cache
def terraform(name: str) -> Document:
    """Return a parsed file of the module; an expression is a text between ``${`` and ``}``."""
    options = hcl2.SerializationOptions(strip_string_quotes=True, with_comments=False)
    parsed: Document = hcl2.loads((TERRAFORM / name).read_text(encoding="utf-8"), serialization_options=options)
    return parsed


def variable(name: str) -> Document:
    """Return the block of one of the module's inputs."""
    (block,) = (one[name] for one in terraform("variables.tf")["variable"] if name in one)
    found: Document = block
    return found


def terraform_schedules() -> dict[str, str]:
    """Return the module's schedules by job, where nobody gives others."""
    return dict(re.findall(r'(\w+) = optional\(string, "([^"]*)"\)', variable("schedules")["type"]))


# What tells a block from a map.
_BLOCK = "__is_block__"
# Blocks that stand for one item of a list.
_MANY = {"container": "containers", "env": "env", "items": "items", "volume": "volumes", "volume_mount": "volumeMounts"}


def kubernetes_form(block: Any, names: dict[str, Any]) -> Any:
    """Turn a parsed block of the module into the object that the provider makes of it.

    Args:
        block: What the parser gave.
        names: The value of each expression.
    """
    if isinstance(block, list):
        return [kubernetes_form(one, names) for one in block]
    if isinstance(block, str):
        return names[block[2:-1]] if block.startswith("${") else block
    if not isinstance(block, dict):
        return block
    is_block = block.get(_BLOCK, False)
    made: Document = {}
    for key, value in block.items():
        if key == _BLOCK:
            continue
        formed = kubernetes_form(value, names)
        if key in _MANY:
            made[_MANY[key]] = formed
        elif isinstance(value, list) and value and _BLOCK in value[0]:
            (made[_camel(key)],) = formed
        elif key == "default_mode":
            made["defaultMode"] = int(formed, 8)
        else:
            made[_camel(key) if is_block else key] = formed
    return made


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
