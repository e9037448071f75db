"""The same schedules wherever the jobs run, and no two jobs in the same minute."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from harvestmouse.core.jobs import JOBS
from tests.deploy.manifests import DAY, DEPLOY, MIDNIGHT, SYSTEMD, cron_jobs, starts, terraform_schedules

KUBERNETES = {job: cron_job["spec"]["schedule"] for job, cron_job in cron_jobs().items()}
CRON_LINE = re.compile(
    r"^(?P<schedule>(?:[\d*/,-]+ +){5})harvestmouse +/opt/harvestmouse/bin/harvestmouse (?P<job>\w+) "
)
SEED = {"grab": timedelta(minutes=30), "spend": timedelta(hours=6), "janitor": timedelta(minutes=15)}

every_job = pytest.mark.parametrize("job", KUBERNETES)


def crontab() -> dict[str, str]:
    """Return the schedules of the example for cron; a line that is none of comment, variable and job is an error."""
    found = {}
    for line in (DEPLOY / "cron" / "harvestmouse").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and not re.match(r"[A-Z_]+=\S+$", line):
            match = CRON_LINE.match(line)
            assert match, line
            found[match["job"]] = " ".join(match["schedule"].split())
    return found


class TestStagger:
    """Two jobs used and rewrote one rotating cookie at the same minute, four times a day (incident I10)."""

    def test_no_two_jobs_start_in_the_same_minute(self) -> None:
        """Least of all grab and spend, which share the session."""
        minutes = [start for schedule in KUBERNETES.values() for start in starts(schedule)]
        assert len(minutes) == len(set(minutes))

    @pytest.mark.parametrize("job", SEED)
    def test_the_jobs_of_the_seed_run_as_often_as_they_did(self, job: str) -> None:
        """The distance between two starts is the seed's, at any time of the day."""
        day = starts(KUBERNETES[job])
        assert {later - earlier for earlier, later in pairwise([*day, day[0] + DAY])} == {SEED[job]}

    def test_all_jobs_have_a_schedule(self) -> None:
        """Without a job its alerts would wait for ever."""
        assert {"grab", "janitor", "monitor", "reconcile", "spend"} <= KUBERNETES.keys() <= JOBS.keys()

    def test_the_alerts_reckon_with_these_schedules(self) -> None:
        """The rules say at their top what their limits rest on: no job runs less often than that."""
        head = (DEPLOY / "prometheus" / "harvestmouse.rules.yaml").read_text(encoding="utf-8").split("\ngroups:")[0]
        words = " ".join(head.replace("#", " ").split())
        assert "grab every 30 minutes; janitor, reconcile and monitor every 15; spend every 6 hours" in words
        assert len(starts(KUBERNETES["grab"])) >= 48
        assert min(len(starts(KUBERNETES[job])) for job in ("janitor", "reconcile", "monitor")) >= 96
        assert len(starts(KUBERNETES["spend"])) >= 4


class TestSame:
    """Whoever moves from one to the other finds the jobs at their minutes."""

    def test_terraform(self) -> None:
        """The defaults of the variable."""
        assert terraform_schedules() == KUBERNETES

    def test_cron(self) -> None:
        """The example has every job once."""
        assert crontab() == KUBERNETES

    def test_there_is_a_timer_for_each_job(self) -> None:
        """A timer starts the service of its own name."""
        assert {path.stem for path in SYSTEMD.glob("*.timer")} == {f"harvestmouse@{job}" for job in KUBERNETES}

    @every_job
    def test_systemd(self, job: str) -> None:
        """systemd reads the timers as cron reads its lines."""
        program = shutil.which("systemd-analyze")
        if program is None:
            pytest.skip("systemd-analyze is not installed")
        (calendar,) = re.findall(
            r"^OnCalendar=(.*)$", (SYSTEMD / f"harvestmouse@{job}.timer").read_text(), re.MULTILINE
        )
        expected = starts(KUBERNETES[job])
        done = subprocess.run(
            [
                *(program, "calendar", f"--iterations={len(expected)}"),
                *(f"--base-time={MIDNIGHT - timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC", calendar),
            ],
            env={"TZ": "UTC", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        told = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC", done.stdout)
        assert [datetime.strptime(one, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for one in told] == expected
