"""Serve until told to stop: the schedule, the page, the figures and the checks of health."""

import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import tzinfo
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from attrs import asdict, frozen

from harvestmouse.adapters import recordings
from harvestmouse.runners import logs
from harvestmouse.runners.commands import begin, load_settings
from harvestmouse.runners.config import ConfigError, dry_run_forced
from harvestmouse.runners.logs import log
from harvestmouse.runners.report import Exit
from harvestmouse.runners.serve.runs import MARGIN_SECONDS, Runs
from harvestmouse.runners.serve.summary import recorded
from harvestmouse.runners.settings import ServeSettings, Settings, host_and_port, secrets_of

try:
    from tzlocal import get_localzone
    from waitress.server import create_server

    from harvestmouse.runners.serve import page, web
    from harvestmouse.runners.serve.figures import Figures
    from harvestmouse.runners.serve.schedule import Schedule
except ImportError as missing:
    raise ConfigError(
        f"serve needs APScheduler, Jinja2 and waitress ({missing.name} is missing): pip install 'harvestmouse[serve]'"
    ) from None

# In the order of a cycle, which is that of the first runs.
_JOBS = ("monitor", "janitor", "spend", "reconcile", "rescue", "grab", "address", "cycle")
_TEXTFILE = "serve.prom"
_TEXTFILE_VARIABLE = "HARVESTMOUSE_METRICS_TEXTFILE"
_HTML, _CSS, _FIGURES = (f"{kind}; charset=utf-8" for kind in ("text/html", "text/css", "text/plain; version=0.0.4"))
# A run that is told to end does so between two actions.
_STOP_SECONDS = 30


def serve(options: Mapping[str, Any], *, apply: bool, run_at_start: bool) -> int:
    """Run the jobs on their schedules, and answer requests, until SIGTERM or SIGINT.

    Raises:
        ConfigError: The configuration cannot be used, nothing is scheduled, or the address cannot be listened on.
    """
    told: SimpleQueue[int] = SimpleQueue()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, _: told.put(number))
    begin("serve", options)
    # It warns of a missed run too, in words of its own.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    settings = load_settings(options)
    logs.hide(secrets_of(settings))
    service = Service.of(settings, options, apply=apply)
    sock = _listening(settings.serve.listen)
    server = create_server(service.application(), sockets=[sock], ident=None, max_request_body_size=4096)
    # It answers until the process ends.
    Thread(target=server.run, name="web", daemon=True).start()
    mode = "applying" if service.apply else "dry run"
    log.info("serving %s at http://%s (%s)", ", ".join(service.lines), _shown(sock), mode)
    service.schedule.start(all_now=run_at_start)
    log.info("stopping (%s)", signal.Signals(told.get()).name)
    service.schedule.stop()
    service.runs.stop(_STOP_SECONDS)
    return Exit.DONE


@frozen(kw_only=True)
class Service:
    """What is served.

    Attributes:
        lines: Job to its line of a crontab, where it has one.
        textfile: Where the runs leave their figures.
    """

    settings: Settings
    apply: bool
    lines: Mapping[str, str]
    textfile: Path
    runs: Runs
    schedule: "Schedule"

    @classmethod
    def of(cls, settings: Settings, options: Mapping[str, Any], *, apply: bool) -> "Service":
        """Make it from the configuration."""
        given, general = settings.serve, settings.general
        lines = {job: line for job in _JOBS if (line := asdict(given)[job])}
        if not lines:
            raise ConfigError("no job has a time to run at; give one a line of a crontab in [serve]")
        with suppress(OSError):  # /readyz says so
            general.state_dir.mkdir(parents=True, exist_ok=True)
        textfile = Path(settings.metrics.textfile or general.state_dir / _TEXTFILE)
        runs = Runs(
            command=_command(options),
            flags=("--apply",) if apply else (),
            environment={**os.environ, _TEXTFILE_VARIABLE: str(textfile)},
            most_seconds=general.deadline.total_seconds() + MARGIN_SECONDS,
            last=recorded(general.state_dir / recordings.NAME, lines),
        )
        acts = general.apply or (apply and not dry_run_forced(os.environ))
        return cls(
            settings=settings,
            apply=acts,
            lines=lines,
            textfile=textfile,
            runs=runs,
            schedule=_schedule(given, lines, runs),
        )

    def application(self) -> "web.Web":
        """Return the application that answers requests."""
        pages: dict[str, Callable[[], web.Answer]] = {
            "/": self._page,
            "/style.css": lambda: web.Answer(page.style(), _CSS),
            "/metrics": self._metrics,
            "/healthz": self._health,
            "/readyz": self._readiness,
        }
        return web.Web(pages, web.hosts_of(host_and_port(self.settings.serve.listen)[0]))

    def _page(self) -> "web.Answer":
        shown = page.Shown(
            apply=self.apply,
            lines=self.lines,
            next_runs=self.schedule.next_runs(),
            runs=self.runs,
            now=time.time(),
            zone=_zone(),
        )
        return web.Answer(page.render(shown), _HTML)

    def _metrics(self) -> "web.Answer":
        try:
            published = self.textfile.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            published = ""
        own = Figures(runs=self.runs, next_runs=self.schedule.next_runs(), lines=self.lines, up=self.schedule.alive)
        return web.Answer(published + own.text(), _FIGURES)

    def _health(self) -> "web.Answer":
        return web.Answer("ok\n") if self.schedule.alive else _unavailable("the schedule has stopped")

    def _readiness(self) -> "web.Answer":
        if not self.schedule.alive:
            return _unavailable("the schedule has stopped")
        try:
            with tempfile.TemporaryFile(dir=self.settings.general.state_dir) as file:
                file.write(b"ready")
        except OSError as error:
            return _unavailable(f"cannot write in {self.settings.general.state_dir}: {error.strerror}")
        return web.Answer("ready\n")


def _unavailable(why: str) -> "web.Answer":
    return web.Answer(f"{why}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _schedule(given: ServeSettings, lines: Mapping[str, str], runs: Runs) -> "Schedule":
    def missed(job: str) -> None:
        runs.missed[job] += 1
        log.warning("%s is left out: it was due longer ago than misfire_grace", job)

    return Schedule(lines, runs.run, missed, jitter=given.jitter, grace=given.misfire_grace, zone=_zone())


def _command(options: Mapping[str, Any]) -> list[str]:
    """Return what starts a job, the way this was started, with the same options."""
    # Not always with -m, which would prefer a harvestmouse/ in this folder to the one that is installed.
    module = Path(sys.argv[0]).name == "__main__.py"
    command = [sys.executable, *(("-m", "harvestmouse") if module else (sys.argv[0],))]
    for name in ("config", "preset", "log_level", "log_format"):
        if options[name] is not None:
            command += [f"--{name.replace('_', '-')}", options[name]]
    return command + [word for pair in options["pairs"] for word in ("--set", pair)]


def _zone() -> tzinfo:
    try:
        return get_localzone()
    except (KeyError, OSError, ValueError):
        raise ConfigError(f"the local time zone is unknown; TZ = {os.environ.get('TZ')!r} names none") from None


def _listening(listen: str) -> socket.socket:
    host, port = host_and_port(listen)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(f"[serve] cannot listen on {listen}: {why}; --listen names another") from None


def _shown(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
