"""Keep what a run saw, decided and did, so that it can be decided again."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from attrs import asdict

from harvestmouse import __version__
from harvestmouse.adapters import recordings
from harvestmouse.adapters.errors import SecretFound
from harvestmouse.adapters.jsontext import encode
from harvestmouse.adapters.recordings import Recordings, packed
from harvestmouse.adapters.state import cookie
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.tape import Packed, Tape
from harvestmouse.core.guarantees import g12
from harvestmouse.core.model import Snapshot
from harvestmouse.core.wire.redact import keep_ledger
from harvestmouse.core.wire.snapshot import FORMAT, unparse_memory
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.settings import Settings, secrets_of

# Where the decisions go, of which there is one list, and the rows of the torrent list, the last part of a snapshot.
_DECISIONS, _ROWS = '"decisions":[]', '"torrents":[]'


def keep(report: Report, ports: Ports) -> None:
    """Write the recording of one run, if it was taped.

    Raises:
        AdapterError: It cannot be written, or would hold a secret.
    """
    wanted, tape, snapshot = ports.settings.recordings, ports.tape, ports.snapshot
    if tape is None or snapshot is None:
        return
    plan = report.unparse()
    # Of thousands of torrents they are nearly all there is to write; in one text they would take ten megabytes.
    decisions = Packed(
        tuple(form for one in _secrets(ports.settings) for form in (one, quote(one), quote(one, safe="")))
    )
    for row in plan["decisions"]:
        decisions.add(row)
    rows = decisions.finish()
    whole = {
        "format": recordings.FORMAT,
        "version": __version__,
        "run": ports.run_id,
        "plan": {**plan, "decisions": []},
        "snapshot": document(snapshot, tape, lambda _: []),
    }
    text = encode(whole).decode()
    refuse_secrets(text, ports.settings, tape, decisions)
    store = Recordings(
        ports.settings.general.state_dir / recordings.NAME, wanted.keep_days, wanted.max_count, wanted.max_size
    )
    store.write(snapshot.taken_at, report.plan.job, ports.run_id, _parts(text, rows, tape))


def document(snapshot: Snapshot, tape: Tape, rows: Callable[[Tape], list[object] | None]) -> dict[str, Any]:
    """Return a snapshot's JSON form: the bodies as they were received, but for what may not be kept.

    Args:
        snapshot: What was decided from.
        tape: The bodies.
        rows: Returns a tape's torrent list, which is asked for only where there is one.
    """
    ledger = keep_ledger(snapshot)
    return {
        "format": FORMAT,
        "taken_at": snapshot.taken_at,
        "mam": {
            "profile": tape.profile,
            "searches": tape.searches,
            **({} if tape.egress is None else {"address": tape.egress}),
            **({} if tape.seed_times is None else {"seed_times": tape.seed_times}),
        },
        "ledger": None if ledger is None else [asdict(entry) for entry in ledger],
        "memory": unparse_memory(snapshot),
        "qbittorrent": _clients(snapshot, tape, rows)
        if tape.clients
        else _client(tape, snapshot.free_space_bytes, rows),
    }


def _client(tape: Tape, free: int | None, rows: Callable[[Tape], list[object] | None]) -> dict[str, Any]:
    return {
        "webapi_version": tape.version,
        "preferences": tape.preferences,
        "transfer": tape.transfer,
        "free_space_bytes": free,
        "trackers": tape.trackers,
        "torrents": None if tape.torrents is None else rows(tape),
    }


def _clients(snapshot: Snapshot, tape: Tape, rows: Callable[[Tape], list[object] | None]) -> list[dict[str, Any]]:
    """Return the bodies of several clients; the free space is that of the first that answered."""
    there = [name for name in tape.clients if name not in snapshot.missing_clients]
    return [
        {"name": name, **_client(one, snapshot.free_space_bytes if name == there[0] else None, rows)}
        if name in there
        else {"name": name, "down": True}
        for name, one in tape.clients.items()
    ]


def refuse_secrets(text: str, settings: Settings, tape: Tape, decisions: Packed | None = None) -> None:
    """Raise where a secret of the configuration, or a cookie of the session, is in what is about to be written.

    Raises:
        SecretFound: One is.
    """
    found = next(iter(g12(text, _secrets(settings))), None)
    places = {
        "the torrent list": tape.tainted,
        "the decisions": decisions is not None and decisions.tainted,
        "" if found is None else found.detail: found is not None,
    }
    where = next((place for place, holds in places.items() if holds), None)
    if where is not None:
        raise SecretFound(f"nothing was written: a secret of the configuration would have been in it ({where})")


def _secrets(settings: Settings) -> list[str]:
    kept = CookieStore(settings.general.state_dir / cookie.NAME, settings.mam.mam_id).candidates()
    secrets = (*secrets_of(settings), *(one.value for one in kept))
    return [secret.reveal() for secret in secrets if secret]


def _parts(text: str, decisions: bytes, tape: Tape) -> Iterator[bytes]:
    """Yield the members of the file; thousands of decisions and torrents were packed before the rest was there."""
    before, _, rest = text.partition(_DECISIONS)
    yield packed(f"{before}{_DECISIONS[:-1]}")
    yield decisions
    listings = [one.torrents for one in (tape, *tape.clients.values()) if one.torrents is not None]
    *between, after = rest.rsplit(_ROWS, len(listings))
    for part, listing in zip(between, listings, strict=True):
        yield packed(f"]{part}{_ROWS[:-1]}")
        yield listing.finish()
    yield packed(f"]{after}")
