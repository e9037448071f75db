"""When the jobs start: what the configuration says, by APScheduler."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from threading import Thread
from typing import Any

from apscheduler.events import EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from harvestmouse.runners.serve.crontab import WEEKDAYS, parse


class Schedule:
    """Start jobs in threads of their own, from a thread of its own.

    Args:
        lines: Job to its line of a crontab.
        run: Runs a job to its end; it is called for another run of a job while one goes on, too.
        missed: Told of a job that was due too long ago.
        jitter: Up to how long after its minute a run starts.
        grace: How late a run may start; several that are late start as one.
        zone: Of the crontab's times.
    """

    def __init__(  # noqa: PLR0913 - each is named
        self,
        lines: Mapping[str, str],
        run: Callable[[str], None],
        missed: Callable[[str], None],
        *,
        jitter: timedelta,
        grace: timedelta,
        zone: tzinfo,
    ) -> None:
        self._run, self._jobs = run, tuple(lines)
        # Two threads a job: one that runs it, one that finds that it runs.
        self._scheduler = BlockingScheduler(
            timezone=zone,
            executors={"default": ThreadPoolExecutor(2 * len(lines))},
            job_defaults={
                "coalesce": True,
                "max_instances": 2,
                "misfire_grace_time": max(1, round(grace.total_seconds())),
            },
        )
        self._thread = Thread(target=self._scheduler.start, name="schedule", daemon=True)
        for job, line in lines.items():
            self._scheduler.add_job(run, trigger(line, jitter, zone), (job,), id=job)

        def tell(event: JobExecutionEvent) -> None:
            missed(event.job_id)

        self._scheduler.add_listener(tell, EVENT_JOB_MISSED)

    def start(self, *, all_now: bool = False) -> None:
        """Start, and where told run every job once now, one after the other."""
        self._thread.start()
        if all_now:
            Thread(target=self._run_all, name="first runs", daemon=True).start()

    def stop(self) -> None:
        """Start nothing any more; what runs goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    @property
    def alive(self) -> bool:
        """Whether it would start a job that is due."""
        return self._thread.is_alive() and bool(self._scheduler.running)

    def next_runs(self) -> dict[str, datetime]:
        """Return when each job starts next."""
        jobs: list[Any] = self._scheduler.get_jobs() if self.alive else []
        return {one.id: one.next_run_time for one in jobs}

    def _run_all(self) -> None:
        for job in self._jobs:
            self._run(job)


def trigger(line: str, jitter: timedelta, zone: tzinfo) -> BaseTrigger:
    """Return what tells the times of a crontab's line.

    cron and APScheduler number weekdays differently, and differ in what two limited kinds of days mean: it gets names
    and, where one of both is enough, two triggers.
    """
    when = parse(line)
    times = {"minute": when.minutes, "hour": when.hours, "month": when.months}
    days, weekdays = {"day": when.days}, {"day_of_week": [WEEKDAYS[day] for day in when.weekdays]}
    choices: list[dict[str, Any]] = [days, weekdays] if when.either else [{**days, **weekdays}]
    triggers = [
        CronTrigger(timezone=zone, **{name: ",".join(map(str, values)) for name, values in {**times, **one}.items()})
        for one in choices
    ]
    return OrTrigger(triggers, jitter=jitter.total_seconds())
