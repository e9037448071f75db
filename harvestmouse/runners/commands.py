"""What the commands do, behind their flags."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from harvestmouse.core.errors import HarvestmouseError, SnapshotError
from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.wire.plan import dump
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners import config, logs
from harvestmouse.runners.report import Exit, Report
from harvestmouse.runners.settings import Settings
from harvestmouse.runners.words import describe

_LARGEST_SNAPSHOT = 1 << 30


def load_settings(options: Mapping[str, Any]) -> Settings:
    """Read the configuration that flags, environment and file give together."""
    flags = config.from_flags(options["pairs"])
    if options["preset"] is not None:
        flags["", "preset"] = config.Given(options["preset"], "--preset")
    return config.load(os.environ, options["config"], flags)


def run_job(job: str, options: Mapping[str, Any], *, apply: bool, as_json: bool) -> int:
    """Run a job against the real world."""
    logs.set_up(options["log_level"] or "info", options["log_format"] or "text")
    settings = load_settings(options)
    logs.hide((settings.mam.mam_id, settings.qbittorrent.password, settings.qbittorrent.api_key))
    act = (apply or settings.general.apply) and not config.dry_run_forced(os.environ)

    from harvestmouse.runners.interrupt import StopSignal, deadline  # noqa: PLC0415 - as are the next two
    from harvestmouse.runners.ports import Ports  # noqa: PLC0415 - a plan from a file needs neither
    from harvestmouse.runners.run import run  # noqa: PLC0415

    try:
        stop = StopSignal()
        with deadline(settings.general.deadline.total_seconds()), stop.listening():
            report = run(job, Ports(settings), apply=act, stop=stop)
    except HarvestmouseError as error:
        code = Exit(getattr(error, "exit_code", Exit.USAGE))
        _publish(job, settings, None, code, getattr(error, "state", ""))
        raise
    except BaseException:
        _publish(job, settings, None, Exit.FAILED)
        raise
    _publish(job, settings, report, report.exit_code)
    _show(report, as_json=as_json)
    return report.exit_code


def doctor(options: Mapping[str, Any], *, resume: bool) -> int:
    """Say whether the site may be asked; with *resume*, forget that it must not."""
    from harvestmouse.runners.ports import open_refusals  # noqa: PLC0415

    refusals = open_refusals(load_settings(options))
    if resume:
        cleared = refusals.clear()
        print("The site may be asked again." if cleared else "Nothing was held back.")  # noqa: T201 - the result
        return Exit.DONE
    refusals.check()
    print("The site may be asked.")  # noqa: T201
    return Exit.DONE


def plan_offline(job: str, path: str, options: Mapping[str, Any], *, as_json: bool) -> int:
    """Decide a job from a snapshot file."""
    policy = load_settings(options).policy
    try:
        snapshot = parse_snapshot(_read_snapshot(path))
    except SnapshotError as error:
        raise SnapshotError(f"snapshot {path}: {error}") from None
    plan = JOBS[job](snapshot, policy)
    report = Report(plan=plan, apply=False, violations=check(plan, snapshot, policy))
    _show(report, as_json=as_json)
    return report.exit_code


def _read_snapshot(path: str) -> object:
    content = _read_bytes(path)
    if content[:2] == b"\x1f\x8b":
        content = _unzip(content)
    if not content.strip():
        raise SnapshotError("it is empty; a snapshot is a JSON object with format, taken_at and its parts")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"it is no JSON, or is truncated ({error}); record or copy it again") from None


def _read_bytes(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(_LARGEST_SNAPSHOT)
        with open(path, "rb") as file:  # noqa: PTH123 - one call less than a Path
            return file.read(_LARGEST_SNAPSHOT)
    except OSError as error:
        raise SnapshotError(f"cannot be read: {error.strerror}") from None


def _unzip(content: bytes) -> bytes:
    import gzip  # noqa: PLC0415 - few snapshots are compressed
    import io  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    try:
        # Bounded: a few bytes can unfold to more than a machine has.
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return file.read(_LARGEST_SNAPSHOT)
    except (OSError, EOFError, zlib.error) as error:
        raise SnapshotError(f"it is no whole gzip file ({error}); record or copy it again") from None


def _show(report: Report, *, as_json: bool) -> None:
    print(dump(report.unparse()) if as_json else describe(report))  # noqa: T201 - it is the result


def _publish(job: str, settings: Settings, report: Report | None, exit_code: int, state: str = "") -> None:
    """Send the figures of a run, whatever its end; trouble with that is said, and changes nothing else."""
    if not settings.metrics.pushgateway_url and not settings.metrics.textfile:
        return
    from harvestmouse.adapters.metrics import publish  # noqa: PLC0415 - most runs have no metrics
    from harvestmouse.runners.measure import measure  # noqa: PLC0415

    try:
        publish(
            measure(job, report, exit_code, state),
            job,
            gateway=settings.metrics.pushgateway_url,
            textfile=settings.metrics.textfile,
            whole=report is not None,
        )
    except HarvestmouseError as error:
        logs.log.warning("%s", error)
