"""A janitor dry run against the least that any program must do: one request for the list, and its decoding.

    python -m benchmarks.janitor 5000

fills a real qBittorrent, runs both in turn, and prints medians; only the ratio means anything on another machine.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median
from tempfile import TemporaryDirectory

_ROUNDS = 7
_FLOOR = "import requests, sys; requests.get(sys.argv[1] + '/api/v2/torrents/info').json()"


def main() -> None:
    """Measure and print one JSON object."""
    count = int(sys.argv[1])
    # The client is filled by another process, since a child's peak memory counts that of the parent it was forked from.
    fill = (sys.executable, "-m", "benchmarks.fill", str(count))
    with subprocess.Popen(fill, stdout=subprocess.PIPE, text=True) as filler, TemporaryDirectory() as state:
        assert filler.stdout is not None
        url = filler.stdout.readline().split()[0]
        environment = {**os.environ, "HARVESTMOUSE_STATE_DIR": state, "HARVESTMOUSE_QBITTORRENT_URL": url}
        floor, ours = (sys.executable, "-c", _FLOOR, url), (sys.executable, "-m", "harvestmouse", "janitor")
        rounds = [(_run(floor, environment), _run(ours, environment)) for _ in range(_ROUNDS + 1)][1:]
        filler.terminate()
    figures = {
        "torrents": count,
        "floor_seconds": round(median(one[0] for one, _ in rounds), 3),
        "janitor_seconds": round(median(two[0] for _, two in rounds), 3),
        "ratio": round(median(two[0] / one[0] for one, two in rounds), 2),
        "ratios": [round(two[0] / one[0], 2) for one, two in rounds],
        "janitor_peak_mib": round(max(two[1] for _, two in rounds), 1),
    }
    print(json.dumps(figures, indent=1))  # noqa: T201 - it is the result


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Return wall seconds and peak MiB of a whole process."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
