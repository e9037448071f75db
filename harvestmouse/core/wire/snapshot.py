"""Read a snapshot's JSON form, whose bodies are the services' own, as received."""

from collections.abc import Mapping, Sequence
from typing import Any

from harvestmouse.core.clock import shown
from harvestmouse.core.errors import SnapshotError
from harvestmouse.core.model import ClientQueue, LedgerEntry, LedgerOutcome, Snapshot, TrackerClock
from harvestmouse.core.union import joined, united
from harvestmouse.core.wire.clock import parse_clock, unparse_clock
from harvestmouse.core.wire.coerce import as_count, as_flag, as_float, as_int, as_object, as_text, as_time
from harvestmouse.core.wire.mam import parse_profile, parse_search
from harvestmouse.core.wire.qbittorrent import parse_connection, parse_preferences, parse_torrents
from harvestmouse.core.wire.redact import keep_ip
from harvestmouse.core.wire.version import parse_version

FORMAT = "harvestmouse-snapshot/1"


def parse_snapshot(document: object) -> Snapshot:
    """Read a decoded snapshot.

    Raises:
        SnapshotError: The document is no snapshot of this format; the text names the place.
    """
    if not isinstance(document, dict):
        raise SnapshotError(f"expected an object with format, taken_at and its parts, found {_kind(document)}")
    if document.get("format") != FORMAT:
        raise SnapshotError(f'format: expected "{FORMAT}", found {document.get("format")!r}')
    now = as_time(document.get("taken_at"))
    if now is None or now <= 0:
        raise SnapshotError(f"taken_at: expected unix seconds, found {document.get('taken_at')!r}")
    mam = _part(document, "mam", dict) or {}
    memory = _part(document, "memory", dict) or {}
    ledger = _part(document, "ledger", list)
    clock = parse_clock(memory.get("tracker_clock"))
    return Snapshot(
        taken_at=now,
        ledger=None if ledger is None else tuple(one for row in ledger if (one := parse_entry(row)) is not None),
        **_site(mam, now),
        **_clients_of(document, clock),
        tracker_clock=clock,
        **parse_memory(memory),
    )


def parse_entry(row: object) -> LedgerEntry | None:
    """Read one entry of the ledger; ``None`` where it has no id."""
    if not isinstance(row, dict):
        row = {"id": row}
    identity = as_count(row.get("id"))
    if identity is None:
        return None
    info_hash = as_text(row.get("info_hash"))
    return LedgerEntry(
        id=identity,
        at=as_time(row.get("at")),
        outcome=as_text(row.get("outcome")) or LedgerOutcome.GRABBED,
        info_hash=None if info_hash is None else info_hash.lower(),
    )


def parse_memory(memory: Mapping[str, Any]) -> dict[str, Any]:
    """Read what earlier runs left behind: the fields of a `Snapshot` that only they can know."""
    balances = _part(memory, "balances", list, "memory.") or []
    pairs = [pair for pair in balances if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004 - a pair
    read = [(as_time(at), as_float(points)) for at, points in pairs]
    return {
        "download_freeze_until": as_time(memory.get("download_freeze_until")),
        "unsatisfied_paused": bool(as_flag(memory.get("unsatisfied_paused"))),
        "purchase_pending": bool(as_flag(memory.get("purchase_pending"))),
        "balances": tuple((at, points) for at, points in read if at is not None and points is not None),
        "remembered_count": as_count(memory.get("remembered_count")),
        "registered": _registered(memory.get("registered")),
    }


def unparse_memory(snapshot: Snapshot) -> dict[str, Any]:
    """Return the JSON form of what `parse_memory` reads."""
    return {
        "download_freeze_until": snapshot.download_freeze_until,
        "unsatisfied_paused": snapshot.unsatisfied_paused,
        "purchase_pending": snapshot.purchase_pending,
        "balances": [list(pair) for pair in snapshot.balances],
        "remembered_count": snapshot.remembered_count,
        **({} if snapshot.registered is None else {"registered": list(snapshot.registered)}),
        **({} if snapshot.tracker_clock is None else {"tracker_clock": unparse_clock(snapshot.tracker_clock)}),
    }


def _registered(value: object) -> tuple[int, str] | None:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a time and a word
        return None
    at, word = as_time(value[0]), keep_ip(value[1])
    return None if at is None or word is None else (at, word)


def _site(mam: Mapping[str, Any], now: int) -> dict[str, Any]:
    searches = _part(mam, "searches", list, "mam.")
    pages = None if searches is None else [parse_search(body, now) for body in searches]
    return {
        "profile": parse_profile(mam.get("profile")),
        "searches": None if pages is None else tuple(page for page in pages if page is not None),
        "site_address": keep_ip(as_object(mam.get("address")).get("ip")),
    }


def _clients_of(document: Mapping[str, Any], clock: TrackerClock | None) -> dict[str, Any]:
    client = document.get("qbittorrent")
    told = _clients(client) if isinstance(client, list) else _client(_part(document, "qbittorrent", dict) or {})
    if told["torrents"] is not None:
        told["torrents"] = shown(told["torrents"], clock)
    return told


def _client(client: Mapping[str, Any]) -> dict[str, Any]:
    rows = _part(client, "torrents", list, "qbittorrent.")
    trackers = _part(client, "trackers", dict, "qbittorrent.")
    version = parse_version(client.get("webapi_version"))
    free = as_int(client.get("free_space_bytes"))
    torrents, malformed = (None, []) if rows is None else parse_torrents(rows, trackers, version)
    return {
        "torrents": None if torrents is None else tuple(torrents),
        "malformed_torrents": tuple(malformed),
        "preferences": parse_preferences(client.get("preferences")),
        "connection": parse_connection(client.get("transfer")),
        "free_space_bytes": None if free is None or free < 0 else free,
    }


def _clients(clients: Sequence[object]) -> dict[str, Any]:
    """Read the bodies of several clients, each an object with its ``name``, and ``down`` where it did not answer."""
    bodies: dict[str, Mapping[str, Any]] = {}
    for place, body in enumerate(clients):
        name = as_text(as_object(body).get("name"))
        if not name or name in bodies:
            raise SnapshotError(f"qbittorrent[{place}]: expected an object with a name of its own, found {name!r}")
        bodies[name] = as_object(body)
    told = {name: _client(body) for name, body in bodies.items() if not as_flag(body.get("down"))}
    # What a client that answers did not list is as unknown as what one holds that does not answer.
    known = {name: one for name, one in told.items() if one["torrents"] is not None}
    torrents, malformed = united({name: (one["torrents"], one["malformed_torrents"]) for name, one in known.items()})
    first = next(iter(known.values()), {})
    queues = (ClientQueue(name, one["preferences"]) for name, one in known.items() if one["preferences"] is not None)
    return {
        "torrents": torrents if known else None,
        "malformed_torrents": malformed,
        "queues": tuple(queues),
        "connection": joined([known[name]["connection"] if name in known else None for name in bodies]),
        "free_space_bytes": first.get("free_space_bytes"),
        "missing_clients": tuple(name for name in bodies if name not in known) if known else (),
    }


def _part(document: Mapping[str, Any], name: str, kind: type, place: str = "") -> Any:
    part = document.get(name)
    if part is not None and not isinstance(part, kind):
        wanted = "a list" if kind is list else "an object"
        raise SnapshotError(f"{place}{name}: expected {wanted}, found {_kind(part)}")
    return part


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
