"""What the commands do, behind their flags."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harvestmouse.core.errors import SnapshotError
from harvestmouse.runners import config, logs
from harvestmouse.runners.settings import MetricsSettings, Settings, secrets_of

if TYPE_CHECKING:
    from harvestmouse.adapters.tape import Tape
    from harvestmouse.core.model import Snapshot
    from harvestmouse.runners.report import Report


def load_settings(options: Mapping[str, Any]) -> Settings:
    """Read the configuration that flags, environment and file give together."""
    flags = config.from_flags(options["pairs"])
    if options["preset"] is not None:
        flags["", "preset"] = config.Given(options["preset"], "--preset")
    return config.load(os.environ, options["config"], flags)


def begin(job: str, options: Mapping[str, Any], level: str = "info") -> str:
    """Set up the log of a run, and return the run's id, which every line of it carries.

    Args:
        job: What runs.
        options: The command line's.
        level: From which level on, where the operator does not say.
    """
    run_id = os.urandom(4).hex()
    logs.set_up(options["log_level"] or level, options["log_format"] or "auto", run=run_id, job=job)
    return run_id


def run_job(job: str, options: Mapping[str, Any], *, apply: bool, as_json: bool) -> int:
    """Run a job against the real world."""
    run_id = begin(job, options)

    from harvestmouse.runners.interrupt import StopSignal, deadline  # noqa: PLC0415 - as are the next two
    from harvestmouse.runners.ports import Ports  # noqa: PLC0415 - a plan from a file needs none of them
    from harvestmouse.runners.publish import load, published  # noqa: PLC0415

    with published(job, apply=apply, metrics=lambda: _metrics(options)) as observed:
        settings = load_settings(options)
        observed.metrics = lambda: settings.metrics
        logs.hide(secrets_of(settings))
        observed.apply = (apply or settings.general.apply) and not config.dry_run_forced(os.environ)
        observed.ports = Ports(settings, run_id=run_id, tape=_tape(settings, apply=observed.apply))
        stop = StopSignal()
        with deadline(settings.general.deadline.total_seconds()), stop.listening():
            observed.ports.ask_ahead(job)
            from harvestmouse.runners.run import run  # noqa: PLC0415 - while the client makes its list

            load(observed)
            observed.report = report = run(job, observed.ports, apply=observed.apply, stop=stop)
    _show(report, as_json=as_json)
    return report.exit_code


def _tape(settings: Settings, *, apply: bool) -> "Tape | None":
    """Return what a run is recorded on; ``None`` where the settings want no recording of it."""
    wanted = settings.recordings
    if not wanted.enabled or not (apply or wanted.dry_runs):
        return None
    from harvestmouse.adapters.tape import Tape  # noqa: PLC0415 - it can be off

    return Tape(tuple(secret.reveal() for secret in secrets_of(settings)))


def _metrics(options: Mapping[str, Any]) -> MetricsSettings:
    return config.load_metrics(os.environ, options["config"], options["pairs"])


def plan_offline(job: str, path: str, options: Mapping[str, Any], *, as_json: bool) -> int:
    """Decide a job from a snapshot file."""
    from harvestmouse.core.cycle import PLANNERS  # noqa: PLC0415 - as are the next two
    from harvestmouse.core.guarantees import check  # noqa: PLC0415 - a run loads them while the client makes its list
    from harvestmouse.runners.report import Report  # noqa: PLC0415

    policy = load_settings(options).policy
    snapshot = read_snapshot(path)
    plan = PLANNERS[job](snapshot, policy)
    report = Report(plan=plan, apply=False, violations=check(plan, snapshot, policy))
    _show(report, as_json=as_json)
    return report.exit_code


def read_snapshot(path: str) -> "Snapshot":
    """Read a snapshot file, or the snapshot of a recording; ``-`` is stdin.

    Raises:
        SnapshotError: It cannot be read, or is no snapshot; the text names it.
    """
    from harvestmouse.core.wire.redact import keep_torrent  # noqa: PLC0415 - as are the next two
    from harvestmouse.core.wire.snapshot import parse_snapshot  # noqa: PLC0415 - few commands read one
    from harvestmouse.runners.documents import DocumentError, read_document  # noqa: PLC0415

    try:
        # Only a torrent of a listing has a magnet link, and what a recording keeps of it is all that is read.
        document = read_document(path, lambda row: keep_torrent(row) if "magnet_uri" in row else row)
        return parse_snapshot(_snapshot_in(document))
    except (SnapshotError, DocumentError) as error:
        raise SnapshotError(f"snapshot {path}: {error}") from None


def _snapshot_in(document: object) -> object:
    """Return a recording's snapshot; what is no recording is the snapshot itself."""
    if isinstance(document, dict) and "snapshot" in document:
        from harvestmouse.adapters.recordings import FORMAT  # noqa: PLC0415 - it loads the compression

        if document.get("format") == FORMAT:
            return document["snapshot"]
    return document


def _show(report: "Report", *, as_json: bool) -> None:
    from harvestmouse.core.wire.plan import dump  # noqa: PLC0415 - as is the next, after the run
    from harvestmouse.runners.words import describe  # noqa: PLC0415

    print(dump(report.unparse()) if as_json else describe(report))  # noqa: T201 - it is the result
