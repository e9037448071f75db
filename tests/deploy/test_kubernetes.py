"""The manifests are what Kubernetes takes, do what they say, and give nothing away."""

import importlib.util
import ipaddress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from harvestmouse import __version__
from harvestmouse.runners.settings import Settings
from tests.deploy.manifests import (
    DEPLOY,
    KUBERNETES,
    Document,
    cron_jobs,
    kustomize,
    load_yaml,
    of_kind,
    pod_of,
    settings_of,
)

OVERLAYS = ("base", "overlays/apply", "overlays/serve")
VERSIONS = ("1.27", "1.30", "1.33", "1.37")
PODS = {
    **{f"{folder}: {job}": pod_of(one) for folder in OVERLAYS[:2] for job, one in cron_jobs(folder).items()},
    "overlays/serve": pod_of(of_kind("Deployment", "overlays/serve")["harvestmouse"]),
}

every_overlay = pytest.mark.parametrize("folder", OVERLAYS)
every_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)


def config_map(folder: str) -> dict[str, str]:
    data: dict[str, str] = of_kind("ConfigMap", folder)["harvestmouse"]["data"]
    return data


def settings(folder: str, pod: Document, place: Path) -> Settings:
    """Read the configuration as the program in a pod does."""
    data = config_map(folder)
    environment = {
        one["name"]: one["value"] if "value" in one else data[one["valueFrom"]["configMapKeyRef"]["key"]]
        for one in pod["containers"][0]["env"]
    }
    return settings_of(environment, data["harvestmouse.toml"], place)


class TestValid:
    """What the API server would refuse is found here."""

    @every_overlay
    @pytest.mark.parametrize("version", VERSIONS)
    def test_by_the_schemas_of_kubernetes(self, folder: str, version: str) -> None:
        """No field is misspelt or of the wrong kind, in old and new versions."""
        for document in kustomize(folder):
            kubernetes_validate.validate(document, version, strict=True)

    def test_the_example_of_a_secret(self) -> None:
        """Its keys are the files that the pods look for, and it holds nothing."""
        secret = load_yaml(KUBERNETES / "secret.example.yaml")
        kubernetes_validate.validate(secret, VERSIONS[-1], strict=True)
        assert secret["stringData"] == {"mam_id": "", "qbittorrent_password": ""}

    def test_a_misspelt_field_would_be_noticed(self) -> None:
        """The test above can fail."""
        job = cron_jobs()["grab"]
        wrong = {**job, "spec": {**job["spec"], "concurencyPolicy": "Forbid"}}
        with pytest.raises(kubernetes_validate.ValidationError, match="concurencyPolicy"):
            kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)

    @every_overlay
    def test_nothing_has_a_namespace(self, folder: str) -> None:
        """So that `kubectl -n` alone decides."""
        assert not [one for one in kustomize(folder) if "namespace" in one["metadata"]]


class TestApply:
    """Nothing acts before somebody says so, in one place."""

    @every_overlay
    def test_only_the_overlay_of_that_name_acts(self, folder: str) -> None:
        """Base and serve are dry runs."""
        assert config_map(folder)["apply"] == ("true" if folder == "overlays/apply" else "false")

    def test_nothing_else_differs(self) -> None:
        """What was tried as a dry run is what acts."""
        base = {**of_kind("ConfigMap", "base")["harvestmouse"]["data"], "apply": "true"}
        assert config_map("overlays/apply") == base
        rest = [[one for one in kustomize(folder) if one["kind"] != "ConfigMap"] for folder in OVERLAYS[:2]]
        assert rest[0] == rest[1]

    @every_overlay
    def test_the_program_understands_its_configuration(self, folder: str, tmp_path: Path) -> None:
        """Every variable and key is known, and the state is on the volume."""
        for pod in (pod for name, pod in PODS.items() if name.startswith(folder)):
            read = settings(folder, pod, tmp_path)
            assert read.general.apply is (folder == "overlays/apply")
            assert read.mam.mam_id.reveal() == "cookie"
            assert read.qbittorrent.password.reveal() == "password"
            mounts = {one["mountPath"]: one for one in pod["containers"][0]["volumeMounts"]}
            assert mounts[str(read.general.state_dir)] == {"name": "state", "mountPath": "/data"}

    def test_the_pod_that_serves_pushes_nothing(self, tmp_path: Path) -> None:
        """Prometheus would have every figure twice."""
        assert settings("base", PODS["base: grab"], tmp_path).metrics.pushgateway_url
        assert not settings("overlays/serve", PODS["overlays/serve"], tmp_path).metrics.pushgateway_url


class TestPods:
    """What may go wrong in a pod stays in it."""

    @every_pod
    def test_may_do_nothing_that_it_need_not(self, pod: Document) -> None:
        """No root, no privileges, no writable root, no token for the cluster."""
        (container,) = pod["containers"]
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False

    @every_pod
    def test_finds_every_file_that_a_variable_names(self, pod: Document) -> None:
        """In what is mounted there; secrets are files and never variables."""
        (container,) = pod["containers"]
        secrets = set(load_yaml(KUBERNETES / "secret.example.yaml")["stringData"])
        held = {"config": {"harvestmouse.toml"}, "secrets": secrets}
        files = {
            f"{one['mountPath']}/{file}" for one in container["volumeMounts"] for file in held.get(one["name"], ())
        }
        named = {one["value"] for one in container["env"] if one.get("value", "").startswith("/")}
        assert named == files
        assert not [one for one in container["env"] if "secretKeyRef" in one.get("valueFrom", {})]

    @every_pod
    def test_a_secret_is_read_by_its_group_alone(self, pod: Document) -> None:
        """Which fsGroup is."""
        (volume,) = (one["secret"] for one in pod["volumes"] if one["name"] == "secrets")
        assert volume["defaultMode"] == 0o440

    @every_pod
    def test_runs_the_image_of_this_version(self, pod: Document) -> None:
        """A tag that moves would change what acts without anybody's doing."""
        assert pod["containers"][0]["image"] == f"registry.example.org/harvestmouse:{__version__}"

    def test_the_pod_that_serves_is_the_pod_of_the_jobs(self) -> None:
        """But for what makes it stay."""
        job, serving = PODS["base: grab"], PODS["overlays/serve"]
        assert {**job, "containers": []} == {"restartPolicy": "Never", **serving, "containers": []}
        mine, its = job["containers"][0], serving["containers"][0]
        assert {key for key in its if mine.get(key) != its[key]} == {
            *("args", "ports", "readinessProbe", "livenessProbe", "resources"),
        }


class TestRuns:
    """A run that hangs, is missed or fails does not hold back the next."""

    @pytest.mark.parametrize("cron_job", cron_jobs().values(), ids=cron_jobs())
    def test_ends(self, cron_job: Document, tmp_path: Path) -> None:
        """A hung job blocked its schedule for days (incident I15)."""
        spec, job = cron_job["spec"], cron_job["spec"]["jobTemplate"]["spec"]
        read = settings("base", pod_of(cron_job), tmp_path)
        assert spec["concurrencyPolicy"] == "Forbid"
        assert job["activeDeadlineSeconds"] > read.general.deadline.total_seconds() + 60
        request = read.mam.connect_timeout + read.mam.read_timeout
        assert pod_of(cron_job)["terminationGracePeriodSeconds"] > request.total_seconds()

    @pytest.mark.parametrize("cron_job", cron_jobs().values(), ids=cron_jobs())
    def test_is_not_repeated_at_once(self, cron_job: Document) -> None:
        """A refused session gets worse by asking again; the next start is the retry."""
        assert cron_job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
        assert pod_of(cron_job)["restartPolicy"] == "Never"

    @pytest.mark.parametrize("cron_job", cron_jobs().values(), ids=cron_jobs())
    def test_leaves_its_last_runs_to_be_looked_at(self, cron_job: Document) -> None:
        """But not for ever; a cluster that was down for long starts again by itself."""
        spec = cron_job["spec"]
        assert spec["successfulJobsHistoryLimit"] == spec["failedJobsHistoryLimit"] == 3
        assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 24 * 3600
        assert spec["startingDeadlineSeconds"] == 300

    @pytest.mark.parametrize("cron_job", cron_jobs().values(), ids=cron_jobs())
    def test_takes_no_more_than_before(self, cron_job: Document) -> None:
        """Requests and limits of the seed."""
        resources = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
        assert pod_of(cron_job)["containers"][0]["resources"] == resources


class TestNetwork:
    """Pods reach what they are configured for, and nothing else reaches them."""

    @every_overlay
    def test_every_address_of_the_configuration_is_allowed(self, folder: str, tmp_path: Path) -> None:
        """By its port: names are the cluster's."""
        pod = next(pod for name, pod in PODS.items() if name.startswith(folder))
        read = settings(folder, pod, tmp_path)
        addresses = [read.qbittorrent.url, read.mam.base_url, read.mam.tracker_url, read.metrics.pushgateway_url]
        wanted = {urlsplit(one).port or 443 for one in addresses if one}
        assert wanted | {53} <= {port for port, _ in self.egress(folder)}

    @every_overlay
    def test_only_https_leaves_the_cluster(self, folder: str) -> None:
        """And it does not reach the private networks around it."""
        outside = [(port, peer["ipBlock"]) for port, peer in self.egress(folder) if peer and "ipBlock" in peer]
        assert {port for port, _ in outside} == {443}
        left_out = [ipaddress.ip_network(one) for _, block in outside for one in block["except"]]
        for address in ("10.1.2.3", "172.16.0.1", "192.168.1.127", "169.254.169.254", "fd00::1", "fe80::1"):
            assert any(ipaddress.ip_address(address) in network for network in left_out), address
        assert {port for port, peer in self.egress(folder) if not peer} == {53}

    @every_overlay
    def test_it_is_the_policy_of_every_pod(self, folder: str) -> None:
        """Both ways, so that what no rule allows is refused."""
        (policy,) = of_kind("NetworkPolicy", folder).values()
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        labels = policy["spec"]["podSelector"]["matchLabels"]
        for one in kustomize(folder):
            if one["kind"] in {"CronJob", "Deployment"}:
                template = one["spec"].get("jobTemplate", one)["spec"]["template"]
                assert labels.items() <= template["metadata"]["labels"].items()

    def test_only_the_figures_can_be_asked_for(self) -> None:
        """And only of the pod that serves."""
        assert "ingress" not in of_kind("NetworkPolicy", "base")["harvestmouse"]["spec"]
        (rule,) = of_kind("NetworkPolicy", "overlays/serve")["harvestmouse"]["spec"]["ingress"]
        (port,) = PODS["overlays/serve"]["containers"][0]["ports"]
        assert [one["port"] for one in rule["ports"]] == [port["containerPort"]]

    @staticmethod
    def egress(folder: str) -> list[tuple[int, Any]]:
        """Return each port with each peer that it is allowed to; None is anywhere."""
        rules = of_kind("NetworkPolicy", folder)["harvestmouse"]["spec"]["egress"]
        return [(port["port"], peer) for one in rules for port in one["ports"] for peer in one.get("to", [None])]


class TestServe:
    """One pod in place of the CronJobs."""

    def test_replaces_the_cron_jobs(self) -> None:
        """Otherwise every job would run twice."""
        assert not of_kind("CronJob", "overlays/serve")
        deployment = of_kind("Deployment", "overlays/serve")["harvestmouse"]["spec"]
        assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})

    def test_service_and_probes_ask_where_it_listens(self) -> None:
        """On all addresses of the pod: its default is loopback."""
        (container,) = PODS["overlays/serve"]["containers"]
        command, _, listen = container["args"]
        service = of_kind("Service", "overlays/serve")["harvestmouse"]["spec"]
        assert (command, listen) == ("serve", f"0.0.0.0:{container['ports'][0]['containerPort']}")
        assert [one["targetPort"] for one in service["ports"]] == [container["ports"][0]["name"]]
        for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
            assert container[probe]["httpGet"] == {"path": path, "port": container["ports"][0]["name"]}
        template = of_kind("Deployment", "overlays/serve")["harvestmouse"]["spec"]["template"]
        assert service["selector"].items() <= template["metadata"]["labels"].items()


class TestPrometheusOperator:
    """The same alerts, in another form."""

    def test_the_rules_are_those_of_prometheus(self) -> None:
        """Read as YAML: both say the same."""
        assert of_kind("PrometheusRule", "prometheus-operator").keys() == {"harvestmouse"}
        rule = load_yaml(KUBERNETES / "prometheus-operator" / "rules.yaml")
        assert rule["spec"] == load_yaml(DEPLOY / "prometheus" / "harvestmouse.rules.yaml")

    def test_the_rules_are_fresh(self) -> None:
        """With their comments."""
        path = KUBERNETES / "prometheus-operator" / "rules.py"
        spec = importlib.util.spec_from_file_location("rules", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.OUTPUT.read_text(encoding="utf-8") == module.build(), f"run: python {path}"

    def test_the_service_is_found(self) -> None:
        """By its label and the name of its port; the figures keep their label `job`."""
        monitor = of_kind("ServiceMonitor", "prometheus-operator")["harvestmouse"]["spec"]
        service = of_kind("Service", "overlays/serve")["harvestmouse"]
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        (endpoint,) = monitor["endpoints"]
        assert endpoint["port"] in {one["name"] for one in service["spec"]["ports"]}
        assert endpoint["honorLabels"] is True
