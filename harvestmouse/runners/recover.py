"""Lay out the way back of an account: live without changing anything, or from a snapshot file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harvestmouse.adapters.errors import AccountMayBeDisabled
from harvestmouse.core.recovery import State, Way, disabled_way, find_way
from harvestmouse.core.wire.plan import dump
from harvestmouse.core.wire.recovery import unparse_way
from harvestmouse.runners import logs
from harvestmouse.runners.commands import begin, load_settings, read_snapshot
from harvestmouse.runners.recover_words import describe
from harvestmouse.runners.report import Exit
from harvestmouse.runners.settings import Settings, secrets_of

if TYPE_CHECKING:
    from harvestmouse.runners.ports import Ports

JOB = "recover"


def recover(options: Mapping[str, Any], snapshot: str | None, *, as_json: bool) -> int:
    """Print the way back; its length is no failure, but an account that may be disabled is a refused session.

    Raises:
        AdapterError: The way back is printed, without what a client that failed would have told.
    """
    settings = load_settings(options)
    if snapshot is not None:
        return _show(find_way(read_snapshot(snapshot), settings.policy), as_json=as_json)
    ports = _opened(settings, options)
    code = _show(_look_now(ports), as_json=as_json)
    for error in ports.lost.values():
        raise error
    return code


def look(ports: "Ports") -> Way:
    """Ask for the account and the client; that the site must not be asked any more is an answer too.

    Where the client fails, the error is in `Ports.lost`.
    """
    from harvestmouse.runners.fetch import fetch_recovery  # noqa: PLC0415 - a file needs no adapters
    from harvestmouse.runners.run import opened  # noqa: PLC0415

    try:
        with opened(JOB, ports, site=True):
            return find_way(fetch_recovery(ports, ports.settings.policy), ports.settings.policy)
    except AccountMayBeDisabled:
        return disabled_way(ports.clock())


def _opened(settings: Settings, options: Mapping[str, Any]) -> "Ports":
    from harvestmouse.runners.ports import Ports  # noqa: PLC0415

    run_id = begin(JOB, options, "warning")
    logs.hide(secrets_of(settings))
    return Ports(settings, run_id=run_id)


def _look_now(ports: "Ports") -> Way:
    from harvestmouse.runners.interrupt import deadline  # noqa: PLC0415

    with deadline(ports.settings.general.deadline.total_seconds()):
        return look(ports)


def _show(way: Way, *, as_json: bool) -> int:
    print(dump(unparse_way(way)) if as_json else describe(way))  # noqa: T201 - it is the result
    return Exit.SESSION_REFUSED if State.DISABLED in way.states else Exit.DONE
