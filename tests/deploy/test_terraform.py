"""The module makes the objects that the manifests for Kubernetes have."""

import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.deploy.manifests import (
    TERRAFORM,
    Document,
    cron_jobs,
    kubernetes_form,
    of_kind,
    pod_of,
    terraform,
    terraform_schedules,
    variable,
)

IMPORTS = TERRAFORM / "imports.tf.example"
NAMES: dict[str, str] = terraform("main.tf")["locals"][0]["cron_jobs"]
(CONFIG_MAP,) = (
    one["kubernetes_config_map_v1"]["harvestmouse"]
    for one in terraform("main.tf")["resource"]
    if "kubernetes_config_map_v1" in one
)
(CRON_JOB,) = (
    one["kubernetes_cron_job_v1"]["job"] for one in terraform("main.tf")["resource"] if "kubernetes_cron_job_v1" in one
)


def made(job: str) -> Document:
    """Return the CronJob of a job, as the provider makes it where the inputs are those of the manifests."""
    values = {
        "each.key": job,
        "each.value": NAMES[job],
        "local.labels": terraform("main.tf")["locals"][0]["labels"],
        "var.namespace": "servarr",
        "var.schedules[each.key]": terraform_schedules()[job],
        "var.image": pod_of(cron_jobs()[job])["containers"][0]["image"],
        "var.secret_name": variable("secret_name")["default"],
        "var.claim_name": next(iter(of_kind("PersistentVolumeClaim", "base"))),
        "kubernetes_config_map_v1.harvestmouse.metadata[0].name": "harvestmouse",
    }
    (metadata,), (spec,) = (kubernetes_form(CRON_JOB[key], values) for key in ("metadata", "spec"))
    return {"metadata": metadata, "spec": spec}


class TestSame:
    """Field by field what kustomize builds, so that the two cannot drift."""

    def test_the_jobs(self) -> None:
        """By the names of the seed, which stand in dashboards and in fingers."""
        assert {job: cron_job["metadata"]["name"] for job, cron_job in cron_jobs().items()} == NAMES
        assert {"mam-freeleech-grabber", "mam-bp-spender", "mam-farming-janitor"} < set(NAMES.values())

    @pytest.mark.parametrize("job", NAMES)
    def test_the_cron_job(self, job: str) -> None:
        """Schedule, deadlines, limits, environment, resources, security, mounts: everything."""
        expected = cron_jobs()[job]
        assert made(job)["spec"] == expected["spec"]
        assert made(job)["metadata"] == {**expected["metadata"], "namespace": "servarr"}

    def test_the_configuration(self) -> None:
        """The same two keys; whether the jobs act is a variable, which is off."""
        assert CONFIG_MAP["data"].keys() == of_kind("ConfigMap", "base")["harvestmouse"]["data"].keys()
        assert CONFIG_MAP["data"]["apply"] == "${tostring(var.apply)}"
        assert variable("apply")["default"] is False

    def test_the_namespace_is_the_one_of_the_seed(self) -> None:
        """Nobody who comes from there has to set it."""
        assert variable("namespace")["default"] == "servarr"


class TestTakeOver:
    """What runs already is changed in its place."""

    def test_the_addresses_of_the_seed_are_moved(self) -> None:
        """So that its CronJobs are not deleted and made anew."""
        moves = {one["from"][2:-1]: one["to"][2:-1] for one in terraform("main.tf")["moved"]}
        assert moves == {
            "kubernetes_cron_job_v1.grabber": 'kubernetes_cron_job_v1.job["grab"]',
            "kubernetes_cron_job_v1.bp_spender": 'kubernetes_cron_job_v1.job["spend"]',
            "kubernetes_cron_job_v1.janitor": 'kubernetes_cron_job_v1.job["janitor"]',
        }

    def test_the_example_imports_what_runs_under_these_names(self) -> None:
        """Each import leads to the resource that has the name."""
        imports = terraform(IMPORTS.name)["import"]
        found = {re.findall(r'\.job\["(\w+)"\]', one["to"])[0]: one["id"] for one in imports}
        assert {"grab", "spend", "janitor"} < found.keys()
        assert found == {job: f"servarr/{NAMES[job]}" for job in found}

    def test_what_an_admission_webhook_adds_is_left_alone(self) -> None:
        """Otherwise every plan would show a change."""
        (lifecycle,) = CRON_JOB["lifecycle"]
        place = "spec[0].job_template[0].spec[0].template[0].spec[0].dns_config"
        assert lifecycle["ignore_changes"] == [f"${{{place}}}"]


class TestForm:
    """As Terraform itself would write it."""

    @pytest.mark.parametrize("path", [*sorted(TERRAFORM.glob("*.tf")), IMPORTS], ids=lambda path: path.name)
    def test_is_formatted(self, path: Any) -> None:
        """`terraform fmt` changes nothing."""
        program = shutil.which("terraform")
        if program is None:
            pytest.skip("terraform is not installed")
        text = path.read_text(encoding="utf-8")
        done = subprocess.run([program, "fmt", "-"], input=text, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == text
