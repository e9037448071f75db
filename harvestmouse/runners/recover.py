"""Lay out the way back of an account: live without changing anything, or from a snapshot file."""

from collections.abc import Mapping
from typing import Any

from harvestmouse.adapters.errors import AccountMayBeDisabled
from harvestmouse.core.recovery import State, Way, disabled_way, find_way
from harvestmouse.core.wire.plan import dump
from harvestmouse.core.wire.recovery import unparse_way
from harvestmouse.runners.commands import begin, load_settings, read_snapshot
from harvestmouse.runners.recover_words import describe
from harvestmouse.runners.report import Exit
from harvestmouse.runners.settings import Settings, secrets_of

JOB = "recover"


def recover(options: Mapping[str, Any], snapshot: str | None, *, as_json: bool) -> int:
    """Print the way back; 0 whatever its length, but 3 where the site may have disabled the account."""
    settings = load_settings(options)
    way = _look_now(settings, options) if snapshot is None else find_way(read_snapshot(snapshot), settings.policy)
    print(dump(unparse_way(way)) if as_json else describe(way))  # noqa: T201 - it is the result
    return Exit.SESSION_REFUSED if State.DISABLED in way.states else Exit.DONE


def _look_now(settings: Settings, options: Mapping[str, Any]) -> Way:
    """Ask the site and the client what `record` asks; a site that may not be asked any more is an answer too."""
    from harvestmouse.runners import logs  # noqa: PLC0415 - a file needs none of these
    from harvestmouse.runners.fetch import fetch_everything  # noqa: PLC0415
    from harvestmouse.runners.interrupt import deadline  # noqa: PLC0415
    from harvestmouse.runners.ports import Ports  # noqa: PLC0415
    from harvestmouse.runners.run import opened  # noqa: PLC0415

    run_id = begin(JOB, options, "warning")
    logs.hide(secrets_of(settings))
    ports = Ports(settings, run_id=run_id)
    try:
        with deadline(settings.general.deadline.total_seconds()), opened(JOB, ports, site=True):
            return find_way(fetch_everything(ports, settings.policy), settings.policy)
    except AccountMayBeDisabled:
        return disabled_way(ports.clock())
