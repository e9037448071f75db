"""A made-up year of recordings: how large they are, how fast they are decided again, what comparing policies shows.

`python -m benchmarks.year DIRECTORY` plays a year of the embedded world with the real jobs on their schedules, records
every run of grab, janitor and spend into DIRECTORY, and then measures `replay` and `compare` on them. The catalogue is
shaped like the real one: a hundred to seven hundred seeders, new titles every day.
"""

import argparse
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from attrs import evolve

from harvestmouse.adapters.errors import AdapterError
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.model import SearchResult
from harvestmouse.core.units import DAY, GIB, HOUR, MIB, MINUTE
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.demo import incident
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.recorder import keep
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import Settings

SCHEDULE = {"spend": 6 * HOUR, "grab": 30 * MINUTE, "janitor": 15 * MINUTE, "reconcile": DAY}
RECORDED = frozenset({"spend", "grab", "janitor"})
_NEW_A_DAY, _SHOWN_DAYS = 120, 5
# The site filters by the ceiling that is asked for: a history tells of what lies above one only if it asked for more.
_CEILING = 1000


def offers(day: int) -> list[SearchResult]:
    """Return the titles of one day: nearly all are well seeded, a few are not."""
    return [
        SearchResult(
            id=1_000_000 + day * _NEW_A_DAY + number,
            title=f"Volume {day} of {number}",
            size_bytes=(60 + 3 * number) * MIB,
            seeders=40 if number == 0 else 100 + (day * 53 + number * 47) % 600,
            leechers=1 + (day + number * 7) % 60,
            free=True,
        )
        for number in range(_NEW_A_DAY)
    ]


def play(world: World, settings: Settings, days: int) -> int:
    """Run the jobs on their schedules, and return how many recordings there are."""
    count, start = 0, world.now
    while world.now < start + days * DAY:
        passed = world.now - start
        if passed % DAY == 0:
            world.catalogue.extend(offers(passed // DAY))
            del world.catalogue[: -_NEW_A_DAY * _SHOWN_DAYS]
        for job, interval in SCHEDULE.items():
            if passed % interval == 0:
                count += record(world, settings, job)
        world.pass_time(15 * MINUTE)
    return count


def record(world: World, settings: Settings, job: str) -> bool:
    """Run one job and keep it, if it is one of those to keep."""
    tape = Tape() if job in RECORDED else None
    ports = Ports(settings, lambda: world.now, run_id=os.urandom(4).hex(), tape=tape)
    ports.client, ports.site = MemoryClient(world, tape=tape), MemorySite(world, tape=tape)
    try:
        report = run(job, ports, apply=True)
    except AdapterError:
        return False
    if tape is not None:
        keep(report, ports)
    return tape is not None


def measured(*words: str) -> str:
    """Run a command of the program, and return its time, its memory and what it says."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([sys.executable, "-m", "harvestmouse", *words], capture_output=True, text=True, check=False)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, cpu, peak = time.monotonic() - began, usage.ru_utime - before, usage.ru_maxrss >> 10
    told = (done.stdout or done.stderr).strip()
    return f"{' '.join(words)}: {seconds:.0f} s, CPU {cpu:.0f} s, peak {peak} MiB, exit {done.returncode}\n{told}\n"


def main() -> None:
    """Play, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    logging.getLogger("harvestmouse").setLevel(logging.ERROR)
    wishes = {
        ("", "preset"): "field",
        ("", "state_dir"): str(options.directory),
        ("grab", "seeder_ceiling"): _CEILING,
        ("grab", "per_run"): 1,
        ("recordings", "keep_days"): 1000,
        ("recordings", "max_count"): 1_000_000,
        ("recordings", "max_size"): "100 GiB",
    }
    settings = load({}, None, {key: Given(value, "the benchmark") for key, value in wishes.items()})
    world = incident()
    world.profile = evolve(world.profile, bonus_points=30_000.0, uploaded_bytes=GIB)
    began = time.monotonic()
    count = play(world, settings, options.days)
    files = list((options.directory / "recordings").rglob("*.json.gz"))
    size = sum(path.stat().st_size for path in files)
    sys.stdout.write(f"{count} recordings in {time.monotonic() - began:.0f} s, {size / MIB:.0f} MiB\n")
    recordings = str(options.directory / "recordings")
    policy = ("--preset", "field", "--set", f"grab.seeder_ceiling={_CEILING}", "--set", "grab.per_run=1")
    sys.stdout.write(measured(*policy, "replay", recordings))
    sys.stdout.write(measured("compare", recordings, "--policy", "seed", "--policy", "field"))


if __name__ == "__main__":
    main()
