"""Publish a run's figures at its end, whatever the end, tell the operator, and record it; trouble changes nothing."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define

from harvestmouse.adapters.errors import AdapterError, DeadlineExceeded
from harvestmouse.core.errors import HarvestmouseError
from harvestmouse.core.units import DAY
from harvestmouse.runners.interrupt import StopSignal, deadline
from harvestmouse.runners.logs import log

if TYPE_CHECKING:
    from harvestmouse.runners.measure import Ending
    from harvestmouse.runners.ports import Ports
    from harvestmouse.runners.report import Report
    from harvestmouse.runners.settings import MetricsSettings

_INTERRUPTED = 130
# What the site has been seen to give a session; it says so itself whenever it renews one.
_SESSION_SECONDS = 15 * DAY
# A gateway that trickles its answer must not hold a run that is over.
_MOST_SECONDS = 30


@define
class Run:
    """What is known of a run so far.

    Attributes:
        metrics: Where figures go; called when the run is over.
        ports: ``None`` where it ended before they were wired.
        report: ``None`` where it ended before there was a plan.
    """

    job: str
    apply: bool
    metrics: "Callable[[], MetricsSettings]"
    ports: "Ports | None" = None
    report: "Report | None" = None


@contextmanager
def published(job: str, *, apply: bool, metrics: "Callable[[], MetricsSettings]") -> Iterator[Run]:
    """Publish the figures of the run inside the ``with`` block, however it ends."""
    run, started = Run(job, apply, metrics), time.monotonic()
    try:
        yield run
    except BaseException as error:
        state = getattr(error, "state", "")
        _publish(run, _exit_code(error), time.monotonic() - started, state)
        _notify(run, state, str(error))
        raise
    code = 0 if run.report is None else run.report.exit_code
    state, words = ("", "") if run.report is None else (run.report.error_state, run.report.error or "")
    _publish(run, code, time.monotonic() - started, state)
    _notify(run, state, words)
    _record(run)


def load(run: Run) -> None:
    """Load what the end of the run needs, where there is time for it: most of it takes as long as a short run."""
    where = run.metrics()
    if where.pushgateway_url or where.textfile:
        from harvestmouse.adapters.metrics import registry  # noqa: F401, PLC0415
        from harvestmouse.runners import measure  # noqa: F401, PLC0415
    if run.ports is not None and run.ports.tape is not None:
        from harvestmouse.runners import recorder  # noqa: F401, PLC0415


def _exit_code(error: BaseException) -> int:
    from harvestmouse.runners.report import Exit  # noqa: PLC0415 - a run loads it while its client lists

    if isinstance(error, HarvestmouseError):
        return int(getattr(error, "exit_code", Exit.USAGE))
    return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else Exit.FAILED


def _publish(run: Run, exit_code: int, seconds: float, state: str) -> None:
    where = run.metrics()
    if not where.pushgateway_url and not where.textfile:
        return
    from harvestmouse.adapters.metrics import publishers_for  # noqa: PLC0415 - most runs have no metrics
    from harvestmouse.runners.measure import measure  # noqa: PLC0415

    try:
        groups = measure(_ending(run, exit_code, seconds, state))
    except Exception as error:  # noqa: BLE001 - the run is over, and its end is not for the figures to change
        log.warning("cannot measure the run: %s", type(error).__name__)
        return
    stop = StopSignal()
    # Whoever ends the run now has to wait for its last word.
    with stop.listening(), stop.acting():
        for publisher in publishers_for(where.pushgateway_url, where.textfile, log.warning):
            _try("send the figures", partial(publisher.publish, groups))


def _try(what: str, do: Callable[[], None]) -> None:
    """Do one thing after the run; what fails there fails neither the run nor what else is done."""
    try:
        with deadline(_MOST_SECONDS):
            do()
    except DeadlineExceeded:
        log.warning("cannot %s: no end after %d s", what, _MOST_SECONDS)
    except AdapterError as error:
        log.warning("%s", error)
    except Exception as error:  # noqa: BLE001 - a library's error is none of the run's
        log.warning("cannot %s: %s", what, type(error).__name__)


def _notify(run: Run, state: str, error: str) -> None:
    if run.ports is None or not run.ports.settings.notify.urls:
        return
    from harvestmouse.runners import notices  # noqa: PLC0415 - most runs notify nobody

    learned = state or (notices.WELL if run.ports.profile is not None else "")
    ending = notices.Ending(job=run.job, report=run.report, state=learned, error=error)
    _try("send a notification", partial(notices.tell, ending, run.ports, int(time.time())))


def _record(run: Run) -> None:
    if run.ports is None or run.report is None or run.ports.tape is None:
        return
    from harvestmouse.runners import recorder  # noqa: PLC0415 - it can be off

    _try("write the recording", partial(recorder.keep, run.report, run.ports))


def _ending(run: Run, exit_code: int, seconds: float, state: str) -> "Ending":
    from harvestmouse.core.income import income_per_hour  # noqa: PLC0415 - as are the next two
    from harvestmouse.runners.clients import answered  # noqa: PLC0415 - most runs have no metrics
    from harvestmouse.runners.measure import Ending  # noqa: PLC0415

    memory = _memory(run)
    return Ending(
        job=run.job,
        apply=run.apply,
        exit_code=exit_code,
        at=time.time(),
        seconds=seconds,
        report=run.report,
        state=state,
        profile=None if run.ports is None else run.ports.profile,
        frozen_until=memory["download_freeze_until"],
        income=income_per_hour(memory["balances"]),
        session_expires_at=_session_expires_at(run),
        requests={} if run.ports is None else run.ports.traffic.requests,
        clients={} if run.ports is None else answered(run.ports),
    )


def _memory(run: Run) -> Mapping[str, Any]:
    """Return what earlier runs left of the account, where this one had to do with it; damaged is as good as none."""
    from harvestmouse.core.wire.snapshot import parse_memory  # noqa: PLC0415
    from harvestmouse.runners.fetch import SITE_JOBS  # noqa: PLC0415

    if run.ports is None or run.job not in SITE_JOBS:
        return parse_memory({})
    try:
        return parse_memory(run.ports.memory.account())
    except HarvestmouseError:
        return parse_memory({})


def _session_expires_at(run: Run) -> float | None:
    """Estimate from the age of the cookie on disk, which the site renews, when it would end if it were not used."""
    from harvestmouse.adapters.state import cookie  # noqa: PLC0415

    if run.ports is None:
        return None
    try:
        kept_at = (run.ports.settings.general.state_dir / cookie.NAME).stat().st_mtime
    except OSError:
        return None
    lifetime = run.ports.traffic.session_seconds
    return kept_at + (_SESSION_SECONDS if lifetime is None else lifetime)
