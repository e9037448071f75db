"""Measure every job beside the least that any program must do, and write `docs/performance.md`.

    TEST_QBITTORRENT_DIR=... python -m benchmarks [--rounds 7] [--cases 500:4.5,5000:5.3]

fills a real qBittorrent for each case and runs everything in turn, several rounds of it. Only ratios, taken round by
round, mean anything on another machine.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from statistics import median
from tempfile import TemporaryDirectory

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
PICTURE = PAGE.parent / "pictures" / "performance.svg"
CASES = "500:4.5,2000:4.5,5000:4.5,10000:4.5,5000:5.3"
JOBS = ("janitor", "reconcile", "monitor", "spend")
CURL, FLOOR, HELD = "curl", "http.client + json", "grab, held by the ratio"
METERED, UNRECORDED = "janitor with metrics", "janitor, not recorded"
RESTED_CURL, RESTED = "curl, after a rest", "janitor, after a rest"
# What asks the client for a list, which has it slower at the next one for a while: each comes right after a curl.
ASKING = frozenset({FLOOR, "janitor", "reconcile", "monitor", METERED, UNRECORDED})
# Longer than the client takes for its own look at all torrents, and for all that a list leaves it to do.
REST_SECONDS = 2
LISTING = "/api/v2/torrents/info?category=mam-farming"
_FLOOR = """
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1])
connection.request("GET", sys.argv[2])
json.load(connection.getresponse())
"""
_PLAN = """
import sys, time
from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.policy import SEED
from harvestmouse.runners.commands import read_snapshot
snapshot = read_snapshot(sys.argv[1])
began = time.perf_counter()
plan_cleanup(snapshot, SEED)
print(time.perf_counter() - began)
"""

_LOAD = """
import json, sys
json.loads(open(sys.argv[1], "rb").read())
"""
_PLANNING = """## Planning alone

It grows with the number of torrents, and hardly faster. The ratio is to `json.loads` of the listing that they come
from, ten thousand rows at a time; both are medians by pytest-benchmark.

| Torrents | ms | ns a torrent | To json.loads |
|---|---|---|---|"""
_OFFLINE = """
## `plan janitor` of a snapshot file

{count} torrents in {size:.0f} MiB, as `curl` has them from qBittorrent 5.

| What | Wall to json.loads | Wall, s | Peak, MiB | Peak to the file |
|---|---|---|---|---|"""
_OFFLINE_COUNT = 100_000

_HEAD = """# Performance

Written by `make bench`, which fills real qBittorrents and runs every command beside them in turn, {rounds} rounds of
whole processes; the figures are medians. Machine: {machine}

The first figure is the ratio of wall-clock times to a `curl` of the same listing right before; absolute times mean
nothing on another machine, and none do on a busy one. A client that has just listed is slower at the next list, so the
meeting after {rest} seconds of rest, which a cron job has, is a row of its own. A listing of qBittorrent 4.5 has no
tracker messages, and they take a request a torrent; from 5.1 on one request brings them all.

![Wall-clock time of a janitor dry run to curl of the same listing](pictures/performance.svg)"""


@dataclass(frozen=True)
class Run:
    """One process.

    Attributes:
        wall: Seconds.
        cpu: Seconds, of user and system.
        peak: MiB.
    """

    wall: float
    cpu: float
    peak: float
    out: str = ""


@dataclass(frozen=True)
class Case:
    """Everything that was run beside one client, one of each for each round, and requests by job.

    Attributes:
        runs: By name.
        floors: The run of curl that each was taken beside, by name.
    """

    count: int
    version: str
    runs: Mapping[str, Sequence[Run]]
    floors: Mapping[str, Sequence[Run]]
    requests: Mapping[str, int]

    def ratio(self, name: str) -> float:
        """Return the median of the rounds' ratios to curl."""
        return median(one.wall / floor.wall for one, floor in zip(self.runs[name], self.floors[name], strict=True))


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a process to its end."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out)


@contextmanager
def told(*words: str) -> Iterator[list[str]]:
    """Run a module in the background, and yield the words it says first.

    The peak of a process counts that of the one it was forked from: what takes memory has a process of its own.
    """
    with subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split() + (
                process.stdout.readline().split() if words[0].startswith("tests") else []
            )
        finally:
            process.terminate()


def try_case(count: int, version: str, rounds: int) -> Case:
    """Fill a client, and run everything beside it."""
    with (
        told("benchmarks.fill", str(count), version) as (url, *_),
        told("tests.support.mam_server") as (site, cookie),
        TemporaryDirectory() as state,
    ):
        environment = {
            "PATH": os.environ["PATH"],
            "MAM_ID": cookie.removeprefix("mam_id="),
            "HARVESTMOUSE_STATE_DIR": state,
            "HARVESTMOUSE_QBITTORRENT_URL": url,
            "HARVESTMOUSE_MAM_BASE_URL": site,
            "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
        }
        product = (sys.executable, "-m", "harvestmouse")
        with_figures = {**environment, "HARVESTMOUSE_METRICS_TEXTFILE": f"{state}/figures.prom"}
        requests = {}
        for job in JOBS:
            measure((*product, job), with_figures)
            requests[job] = _requests(Path(state, "figures.prom"))
        # A ratio that no account has.
        held = {"HARVESTMOUSE_GRAB_RATIO_FLOOR": "1000000"}
        measure((*product, "grab"), {**with_figures, **held})
        requests[HELD] = _requests(Path(state, "figures.prom"))
        recording = str(next(Path(state, "recordings").rglob("*-janitor-*.json.gz")))
        listing = url + LISTING + ("&includeTrackers=true" if version >= "5" else "")
        commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
            CURL: ((which("curl") or "curl", "-s", "-o", "/dev/null", listing), environment),
            "python -c pass": ((sys.executable, "-c", "pass"), environment),
            "--version": ((*product, "--version"), environment),
            FLOOR: ((sys.executable, "-c", _FLOOR, *_parts(listing)), environment),
            **{job: ((*product, job), environment) for job in JOBS},
            HELD: ((*product, "grab"), {**environment, **held}),
            METERED: ((*product, "janitor"), with_figures),
            UNRECORDED: (
                (*product, "janitor"),
                {**environment, "HARVESTMOUSE_RECORDINGS_ENABLED": "false"},
            ),
            "replay of it": ((*product, "replay", recording), environment),
            "plan from memory": ((sys.executable, "-c", _PLAN, recording), environment),
        }
        commands |= {RESTED_CURL: commands[CURL], RESTED: commands["janitor"]}
        taken = [_take_turns(commands) for _ in range(rounds + 1)][1:]
    runs, floors = ({name: [turn[name][part] for turn in taken] for name in commands} for part in range(2))
    return Case(count, version, runs, floors, requests)


def _take_turns(commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> dict[str, tuple[Run, Run]]:
    """Run everything once, and return each run with the one of curl beside it, by name."""
    turns: dict[str, tuple[Run, Run]] = {}
    for name, command in commands.items():
        if name in ASKING:
            floor = measure(*commands[CURL])
        elif name in {RESTED_CURL, RESTED}:
            time.sleep(REST_SECONDS)
        one = measure(*command)
        if name in {CURL, RESTED_CURL}:
            floor = one
        turns[name] = one, floor
    return turns


def _parts(url: str) -> tuple[str, str]:
    host, _, path = url.removeprefix("http://").partition("/")
    return host, f"/{path}"


def _requests(path: Path) -> int:
    lines = [line for line in path.read_text().splitlines() if line.startswith("harvestmouse_requests{")]
    path.unlink()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def render(cases: Sequence[Case], rounds: int) -> str:
    """Return the page."""
    lines = [_HEAD.format(rounds=rounds, machine=_machine(), rest=REST_SECONDS)]
    for case in cases:
        lines += [
            "",
            f"## {case.count} torrents, qBittorrent {case.version}",
            "",
            "| What | Wall to curl | Wall, s | CPU, s | Peak, MiB | Requests |",
            "|---|---|---|---|---|---|",
        ]
        for name, runs in case.runs.items():
            wall, cpu, peak = (median(getattr(one, key) for one in runs) for key in ("wall", "cpu", "peak"))
            asked = case.requests.get(name, "")
            if name == "plan from memory":
                wall = median(float(one.out) for one in runs)
                lines.append(f"| {name} | | {wall:.3f} | | | |")
            else:
                lines.append(f"| {name} | {case.ratio(name):.2f} | {wall:.3f} | {cpu:.2f} | {peak:.0f} | {asked} |")
        recorded = median(
            one.cpu / two.cpu - 1 for one, two in zip(case.runs["janitor"], case.runs[UNRECORDED], strict=True)
        )
        start = median(
            one.wall / two.wall for one, two in zip(case.runs["--version"], case.runs["python -c pass"], strict=True)
        )
        lines += [
            "",
            f"Recording adds {recorded:.0%} to the CPU time of a janitor run; `--version` takes {start:.1f} times as",
            "long as an interpreter that does nothing.",
        ]
    return "\n".join(lines) + "\n"


def plan_alone() -> list[str]:
    """Return how long planning takes, as a part of the page."""
    with TemporaryDirectory() as folder:
        found = Path(folder, "found.json")
        command = (sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "--import-mode=importlib")
        how = (
            "--benchmark-disable-gc",
            f"--benchmark-json={found}",
            "-p",
            "no:cacheprovider",
            "benchmarks/planning.py",
        )
        subprocess.run((*command, *how), check=True, cwd=PAGE.parents[1], stdout=subprocess.DEVNULL)
        seconds = {one["name"]: one["stats"]["median"] for one in json.loads(found.read_text())["benchmarks"]}
    lines = [_PLANNING]
    for name, taken in seconds.items():
        if name.startswith("test_plan"):
            count = int(name.partition("[")[2].rstrip("]"))
            ratio = taken / seconds[name.replace("plan", "decode")]
            lines.append(f"| {count} | {taken * 1e3:.0f} | {taken / count * 1e9:.0f} | {ratio:.2f} |")
    return lines


def plan_offline(rounds: int) -> list[str]:
    """Return what a plan from a large file takes, as a part of the page."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "snapshot.json")
        # In a process of its own, as in `told`.
        subprocess.run((sys.executable, "-m", "benchmarks.listing", str(_OFFLINE_COUNT), path), check=True)
        environment = {"PATH": os.environ["PATH"]}
        commands = {
            "json.loads": (sys.executable, "-c", _LOAD, str(path)),
            "plan janitor": (sys.executable, "-m", "harvestmouse", "plan", "janitor", str(path)),
        }
        found: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(measure(command, environment))
        size = path.stat().st_size / (1 << 20)
    lines = [_OFFLINE.format(count=_OFFLINE_COUNT, size=size)]
    for name, runs in found.items():
        ratio = median(one.wall / floor.wall for one, floor in zip(runs, found["json.loads"], strict=True))
        wall, peak = median(one.wall for one in runs), median(one.peak for one in runs)
        lines.append(f"| {name} | {ratio:.2f} | {wall:.2f} | {peak:.0f} | {peak / size:.2f} |")
    return lines


def _machine() -> str:
    models = (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    model = next(models, platform.machine()).rpartition(": ")[2]
    load = os.getloadavg()[1]
    return (
        f"{os.cpu_count()} cores of {model}, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}; load when it ended {load:.1f}."
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cases", default=CASES)
    options = parser.parse_args()
    cases: list[Case] = []
    for word in options.cases.split(","):
        count, _, version = word.partition(":")
        cases.append(try_case(int(count), version, options.rounds))
        page = render(cases, options.rounds)
        PAGE.write_text(page)
        # It loads what must not be in the memory that children are forked from.
        subprocess.run((sys.executable, "-m", "benchmarks.draw", PAGE, PICTURE), check=True)
    PAGE.write_text("\n".join((page, *plan_alone(), *plan_offline(options.rounds))) + "\n")


if __name__ == "__main__":
    main()
