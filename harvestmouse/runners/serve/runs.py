"""Start runs as processes of their own, one of a job at a time, and keep what they told."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from attrs import Factory, define, field

from harvestmouse.core.errors import PlanError
from harvestmouse.runners.logs import log
from harvestmouse.runners.serve.summary import LastRun, Told, told_by

# What a run may do after its deadline: publish, notify and record, at most half a minute each.
MARGIN_SECONDS = 120


@define(kw_only=True)
class Runs:
    """Runs of the jobs, which are started from several threads.

    Attributes:
        command: What starts a job, but for its name.
        flags: What follows the name.
        environment: Of every run.
        most_seconds: A run that takes longer is killed.
        last: The last run of each job.
        started_at: When the run of a job was started that goes on; unix seconds.
        ended: How many runs have ended, by job and exit code.
        left_out: How often a job was due while its last run went on.
        missed: How often a job was due too long ago to be started.
    """

    command: Sequence[str]
    flags: Sequence[str]
    environment: Mapping[str, str]
    most_seconds: float
    last: dict[str, LastRun] = Factory(dict)
    started_at: dict[str, float] = Factory(dict)
    ended: Counter[tuple[str, int]] = Factory(Counter)
    left_out: Counter[str] = Factory(Counter)
    missed: Counter[str] = Factory(Counter)
    stopping: bool = False
    _running: "dict[str, subprocess.Popen[bytes]]" = field(factory=dict)
    _lock: Any = field(factory=Lock)

    def run(self, job: str) -> None:
        """Run a job and wait for its end; a job that runs already is left out."""
        with self._lock:
            if self.stopping:
                return
            if job in self._running:
                self.left_out[job] += 1
                log.warning("%s is due, and left out: its last run goes on", job)
                return
            process = self._start(job)
            self._running[job], self.started_at[job] = process, time.time()
        began = time.monotonic()
        try:
            output = self._output(job, process)
        finally:
            with self._lock:
                del self._running[job], self.started_at[job]
        # As a shell has it.
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        if code:
            # What a run itself says of its end need not have its name.
            log.warning("%s ended with exit code %d", job, code)
        told, before = _told(job, output), self.last.get(job)
        self.ended[job, code] += 1
        self.last[job] = LastRun(
            ended_at=time.time(),
            exit_code=code,
            seconds=time.monotonic() - began,
            told=told if told or before is None else before.told,
            earlier=not told,
        )

    def stop(self, seconds: float) -> None:
        """Start no more runs, tell those that go on to end, and kill those that have not after so many seconds."""
        with self._lock:
            self.stopping = True
            running = list(self._running.values())
        for process in running:
            process.terminate()
        until = time.monotonic() + seconds
        for process in running:
            try:
                process.wait(max(0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, job: str) -> "subprocess.Popen[bytes]":
        # A session of its own, so that Ctrl-C reaches `serve` alone, which lets runs end between two actions.
        return subprocess.Popen(  # noqa: S603 - our own program
            [*self.command, job, "--json", *self.flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self.environment,
            start_new_session=True,
        )

    def _output(self, job: str, process: "subprocess.Popen[bytes]") -> bytes:
        try:
            return process.communicate(timeout=self.most_seconds)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            log.error("%s is killed: it has not ended %d s after it was started", job, self.most_seconds)
            return process.communicate()[0]


def _told(job: str, output: bytes) -> tuple[Told, ...]:
    """Read what a run has printed; nothing where it ended before it had a plan."""
    if not output:
        return ()
    try:
        return told_by(json.loads(output))
    except (PlanError, ValueError) as error:
        log.warning("cannot read what %s printed: %s", job, type(error).__name__)
        return ()
