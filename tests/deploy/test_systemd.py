"""The units for systemd and the example for cron start what there is, with what it needs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, SYSTEMD, settings_of

SERVICE = SYSTEMD / "harvestmouse@.service"
CRON = DEPLOY / "cron" / "harvestmouse"
TIMERS = sorted(SYSTEMD.glob("*.timer"))
# Out of 100. What is left of it is the network, which every job needs.
EXPOSURE = 15


def values(path: Path, key: str) -> list[str]:
    """Return what a unit sets a key to, each time."""
    return re.findall(rf"^{key}=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def systemd_analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


class TestService:
    """One template for all jobs."""

    @pytest.fixture
    def units(self, tmp_path: Path) -> Path:
        """The units, with a program that this machine has; the rest is as it is."""
        for path in (SERVICE, *TIMERS):
            text = path.read_text(encoding="utf-8").replace("/opt/harvestmouse/bin/harvestmouse", sys.executable)
            (tmp_path / path.name).write_text(text)
        return tmp_path

    @pytest.mark.parametrize("name", [SERVICE.name, *(path.name for path in TIMERS)])
    def test_systemd_takes_it(self, name: str, units: Path) -> None:
        """No key is misspelt, and no value is of the wrong kind."""
        done = systemd_analyze("verify", "--man=no", str(units / name.replace("@.", "@grab.")))
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_misspelt_key_would_be_noticed(self, units: Path) -> None:
        """The test above can fail."""
        wrong = units / SERVICE.name
        wrong.write_text(wrong.read_text().replace("ProtectHome=", "ProtectHomes="))
        assert "ProtectHomes" in systemd_analyze("verify", "--man=no", str(units / "harvestmouse@grab.service")).stderr

    def test_is_exposed_to_little(self, units: Path) -> None:
        """By systemd's own measure."""
        done = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(units / SERVICE.name))
        assert done.returncode == 0, done.stdout

    def test_a_credential_is_read_where_it_is_put(self) -> None:
        """Each variable names one that is loaded."""
        loaded = {one.partition(":")[0] for one in values(SERVICE, "LoadCredential")}
        named = {one.partition("=%d/")[2] for one in values(SERVICE, "Environment") if "=%d/" in one}
        assert named == loaded == {"mam_id", "qbittorrent_password"}

    def test_the_configuration_can_be_used_and_is_dry(self, tmp_path: Path) -> None:
        """Every variable is one that the program knows."""
        environment = dict(one.split("=", 1) for one in values(SERVICE, "Environment"))
        read = settings_of({**environment, "HARVESTMOUSE_STATE_DIR": "/var/lib/harvestmouse"}, "", tmp_path)
        assert read.general.apply is False
        assert environment["HARVESTMOUSE_STATE_DIR"] == f"%S/{values(SERVICE, 'StateDirectory')[0]}"

    def test_it_ends_after_the_run_would_have(self, tmp_path: Path) -> None:
        """A run that hangs does not hold back its timer for ever (incident I15)."""
        (limit,) = values(SERVICE, "TimeoutStartSec")
        read = settings_of({}, "", tmp_path)
        assert int(limit.removesuffix("min")) * 60 > read.general.deadline.total_seconds() + 60

    @pytest.mark.parametrize("path", TIMERS, ids=lambda path: path.stem)
    def test_timers_catch_up_and_spread(self, path: Path) -> None:
        """After a night without power, and not to the second."""
        assert values(path, "Persistent") == ["yes"]
        assert values(path, "RandomizedDelaySec") == ["30"]
        assert values(path, "WantedBy") == ["timers.target"]


class TestCron:
    """The example for cron; its schedules are among those of test_schedules.py."""

    def test_the_configuration_can_be_used_and_is_dry(self, tmp_path: Path) -> None:
        """Every variable is one that the program knows."""
        environment = dict(re.findall(r"^([A-Z_]+)=(\S+)$", CRON.read_text(encoding="utf-8"), re.MULTILINE))
        read = settings_of(environment, "", tmp_path)
        assert read.general.apply is False
        assert str(read.general.state_dir) == "/var/lib/harvestmouse"

    def test_its_name_is_one_that_cron_reads(self) -> None:
        """Files in /etc/cron.d with a dot in their name are passed over, and so is a last line without its end."""
        assert re.fullmatch(r"[\w-]+", CRON.name)
        assert CRON.read_text(encoding="utf-8").endswith("\n")
