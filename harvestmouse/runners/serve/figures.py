"""Figures of `serve` itself, beside those that the runs publish."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from attrs import frozen
from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from harvestmouse.adapters.metrics.registry import label_of
from harvestmouse.runners.serve.crontab import longest_wait
from harvestmouse.runners.serve.runs import Runs


@frozen(kw_only=True, eq=False)
class Figures(Collector):
    """What there is to say at a moment.

    Attributes:
        runs: The runs so far.
        next_runs: When each job starts next.
        lines: Job to its line of a crontab, where it has one.
        up: Whether they are started when they are due.
    """

    runs: Runs
    next_runs: Mapping[str, datetime]
    lines: Mapping[str, str]
    up: bool

    def collect(self) -> Iterator[Metric]:
        """Yield each of them."""
        runs = self.runs
        yield GaugeMetricFamily("harvestmouse_serve_up", "1 where serve starts jobs when they are due.", self.up)
        due = GaugeMetricFamily(
            "harvestmouse_serve_next_run_timestamp_seconds",
            "When the job starts next, in unix seconds.",
            labels=["job"],
        )
        for job, at in self.next_runs.items():
            due.add_metric([label_of(job)], at.timestamp())
        period = GaugeMetricFamily(
            "harvestmouse_serve_period_seconds",
            "Longest time between two runs of the job by its schedule.",
            labels=["job"],
        )
        running = GaugeMetricFamily("harvestmouse_serve_running", "1 while a run of the job goes on.", labels=["job"])
        ended = CounterMetricFamily(
            "harvestmouse_serve_runs",
            "Runs that have ended; 128 and the signal's number where a signal ended one.",
            labels=["job", "exit_code"],
        )
        left_out = CounterMetricFamily(
            "harvestmouse_serve_left_out", "Runs left out, for the last one still went on.", labels=["job"]
        )
        missed = CounterMetricFamily(
            "harvestmouse_serve_missed", "Runs left out, for they were due too long ago.", labels=["job"]
        )
        for job, line in self.lines.items():
            if (wait := longest_wait(line)) is not None:
                period.add_metric([label_of(job)], wait.total_seconds())
            running.add_metric([label_of(job)], job in runs.started_at)
            left_out.add_metric([label_of(job)], runs.left_out[job])
            missed.add_metric([label_of(job)], runs.missed[job])
        for (job, code), count in sorted(runs.ended.items()):
            ended.add_metric([label_of(job), str(code)], count)
        yield from (due, period, running, ended, left_out, missed)

    def text(self) -> str:
        """Return them as Prometheus reads them."""
        return generate_latest(self).decode()
