"""The services' bodies as they may be kept: what decisions, explanations and reports can use, and no secret.

Values stay as they were received, so that a replay reads them with the same parsers; whatever else a body holds is
left out, today's secrets and tomorrow's alike. Keeping what was kept changes nothing.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from harvestmouse.core.units import DAY
from harvestmouse.core.wire.coerce import as_text

if TYPE_CHECKING:
    from harvestmouse.core.model import LedgerEntry, Snapshot

_PROFILE = frozenset({
    "classname", "uploaded", "uploaded_bytes", "downloaded", "downloaded_bytes", "ratio", "seedbonus", "wedges",
    "vip_until", "connectable", "created", "update", "partial", "recently_deleted", "snatch_summary",
})  # fmt: skip
_BLOCKS = frozenset({
    "unsat", "seedUnsat", "sSat", "leeching", "inactHnr", "inactUnsat", "inactSat", "seedHnr", "upAct", "upInact",
    "duplicates", "reseed", "ite",
})  # fmt: skip
_PAGE = frozenset({"found", "total", "total_found", "perpage", "start", "error"})
_RESULT = frozenset({
    "id", "title", "name", "author_info", "size", "seeders", "leechers", "times_completed", "added", "free",
    "personal_freeleech", "vip", "fl_vip", "vip_expire", "my_snatched", "bookmarked", "category", "catname", "main_cat",
    "mediatype", "maincat", "lang_code", "language", "numfiles", "filetype", "w",
})  # fmt: skip
_TORRENT = frozenset({
    "hash", "name", "category", "tags", "state", "added_on", "completion_on", "last_activity", "seeding_time",
    "time_active", "progress", "size", "amount_left", "downloaded", "uploaded", "upspeed", "ratio", "num_complete",
    "num_incomplete", "num_seeds", "num_leechs", "force_start",
})  # fmt: skip
_TORRENT_KEYS = tuple(sorted(_TORRENT))
_torrent_values = itemgetter(*_TORRENT_KEYS)
_TRACKER = frozenset({"status", "tier", "num_peers", "num_seeds", "num_leeches", "num_downloaded", "updating"})
_TRANSFER = frozenset({
    "connection_status", "dht_nodes", "dl_info_speed", "up_info_speed", "dl_info_data", "up_info_data",
    "free_space_on_disk", "queueing", "total_peer_connections",
})  # fmt: skip

# Where a client tells the addresses that others see it at.
EXTERNAL = ("last_external_address_v4", "last_external_address_v6")

_NESTED = frozenset({dict, list})

# An address of the operator's, and what a passkey or a token looks like: long, without a space, with a digit in it.
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F:.]*::[0-9a-fA-F:.]*|(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4})(?!\w)"
)
_FIGURE = re.compile(r"[+-]?[0-9,]{1,20}(?:\.[0-9]{1,10})?|true|false|yes|no|on|off", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w%-])(?=[\w%-]*[0-9])[\w%-]{16,}")


def keep_profile(body: object) -> object:
    """Keep what ``jsonLoad.php`` says of the account, but not whose it is."""
    if not isinstance(body, dict):
        return _scalar(body)
    kept = {key: _flat(value) for key, value in body.items() if key in _PROFILE or key in _BLOCKS}
    summary = body.get("snatch_summary")
    if isinstance(summary, dict):
        kept["snatch_summary"] = {key: _flat(value) for key, value in summary.items() if key in _PROFILE | _BLOCKS}
    if as_text(body.get("username")):
        # A profile without one is none of a signed-in account.
        kept["username"] = "redacted"
    return kept


def keep_search(body: object) -> object:
    """Keep a page of ``loadSearchJSONbasic.php``, without the keys that download without a cookie."""
    if not isinstance(body, dict):
        return _scalar(body)
    kept = {key: _scalar(value) for key, value in body.items() if key in _PAGE}
    rows = body.get("data")
    if isinstance(rows, list):
        kept["data"] = [keep_result(row) for row in rows]
    elif "data" in body:
        kept["data"] = _scalar(rows)
    return kept


def keep_result(row: object) -> object:
    """Keep one row of a search page."""
    kept = _kept(row, _RESULT)
    if isinstance(row, dict) and isinstance(kept, dict) and isinstance(row.get("author_info"), dict):
        kept["author_info"] = {key: _scalar(name) for key, name in row["author_info"].items()}
    return kept


def keep_torrent(row: object) -> object:
    """Keep one row of ``torrents/info``; of addresses only the host."""
    if not isinstance(row, dict):
        return _scalar(row)
    kept = _kept_torrent(row)
    tracker = row.get("tracker")
    if isinstance(tracker, str):
        kept["tracker"] = keep_address(tracker)
    if not tracker and isinstance(row.get("magnet_uri"), str):
        _, found, rest = row["magnet_uri"].partition("&tr=")
        kept["magnet_uri"] = _magnet(rest.partition("&")[0]) if found else ""
    if row.get("trackers") is not None:
        kept["trackers"] = keep_trackers(row["trackers"])
    return kept


def keep_trackers(rows: object) -> object:
    """Keep a body of ``torrents/trackers``: what each tracker says, and of its address only the host.

    The rows of DHT, PeX and LSD are no trackers, and left out: there are three of them to every torrent.
    """
    if not isinstance(rows, list):
        return _scalar(rows)
    return [_tracker(row) for row in rows if not _is_none(row)]


def keep_preferences(body: object) -> object:
    """Keep the numbers and switches of ``app/preferences``; its texts are paths, names and passwords."""
    if not isinstance(body, dict):
        return _scalar(body)
    return {key: value for key, value in body.items() if _is_figure(value)}


def keep_transfer(body: object) -> object:
    """Keep the connection's figures of ``transfer/info`` or ``server_state``, and a word for each address."""
    kept = _kept(body, _TRANSFER)
    if isinstance(body, dict) and isinstance(kept, dict):
        kept |= {key: keep_ip(body[key]) for key in EXTERNAL if key in body}
    return kept


def keep_egress(body: object) -> object:
    """Keep of ``jsonIp.php`` a word for the address, and the site's clock; of any other answer nothing."""
    if not isinstance(body, dict):
        return None
    return {"ip": keep_ip(body.get("ip")), "time": _scalar(body.get("time"))}


def keep_ip(address: object) -> str | None:
    """Return the word that stands for an address of the operator's; the same address has the same word."""
    text = as_text(address)
    return _word(text.strip().lower()) if text and text.strip() else None


def keep_ledger(snapshot: "Snapshot") -> "tuple[LedgerEntry, ...] | None":
    """Keep the entries that a decision can use: of results that were found, torrents that are held, and the last day.

    A ledger only grows, and whole in every recording it would after a year be nearly all of them.
    """
    if snapshot.ledger is None:
        return None
    found = {result.id for page in snapshot.searches or () for result in page.results}
    held = {torrent.hash for torrent in snapshot.torrents or ()}
    since = snapshot.taken_at - DAY
    return tuple(one for one in snapshot.ledger if one.id in found or one.info_hash in held or (one.at or 0) >= since)


@lru_cache(maxsize=256)
def keep_address(url: str) -> str:
    """Keep an announce address's scheme and host; what follows is the passkey, of which a stable word stays."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if not parts.scheme or not host:
        # Rows that are no trackers, such as ``** [DHT] **``.
        return url if url.startswith("**") else ""
    place = f"{host}:{port}" if port else host
    rest = url.partition("://")[2].partition("/")[2]
    return f"{parts.scheme}://{place}/{_word(rest)}" if rest else f"{parts.scheme}://{place}"


@lru_cache(maxsize=256)
def masked(text: str) -> str:
    """Return a tracker's words without addresses and without what looks like a passkey; the same stays the same."""
    return _TOKEN.sub(lambda found: _word(found[0]), _ADDRESS.sub("(address)", text))


def _word(secret: str) -> str:
    from hashlib import blake2b  # noqa: PLC0415 - a question to the client need not wait for it

    if secret.startswith("redacted-"):
        return secret
    return f"redacted-{blake2b(secret.encode('utf-8', 'replace'), digest_size=3).hexdigest()}"


@lru_cache(maxsize=256)
def _magnet(tracker: str) -> str:
    return f"magnet:?&tr={quote(keep_address(unquote(tracker)), safe='')}"


def _kept_torrent(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        values = _torrent_values(row)
    except KeyError:
        return _plain({key: value for key, value in row.items() if key in _TORRENT})
    # Every version that lists these lists all of them, plain; thousands of rows pass here.
    kept = dict(zip(_TORRENT_KEYS, values, strict=True))
    return kept if _NESTED.isdisjoint(map(type, values)) else _plain(kept)


def _tracker(row: object) -> object:
    kept = _kept(row, _TRACKER)
    if isinstance(row, dict) and isinstance(kept, dict):
        for key, keep in (("url", keep_address), ("msg", masked)):
            if key in row:
                kept[key] = keep(row[key]) if isinstance(row[key], str) else _scalar(row[key])
    return kept


def _is_none(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("url"), str) and row["url"].startswith("**")


def _kept(body: object, names: frozenset[str]) -> object:
    if not isinstance(body, dict):
        return _scalar(body)
    return _plain({key: value for key, value in body.items() if key in names})


def _plain(kept: dict[str, Any]) -> dict[str, Any]:
    for key in [key for key, value in kept.items() if type(value) in _NESTED]:
        kept[key] = _scalar(kept[key])
    return kept


def _flat(value: object) -> object:
    """Keep an object of numbers, such as a block of the profile."""
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if _is_figure(one) or key == "name"}
    return _scalar(value)


def _is_figure(value: object) -> bool:
    """Whether a value is a number or a switch, in whatever spelling."""
    if isinstance(value, str):
        return _FIGURE.fullmatch(value) is not None
    return isinstance(value, int | float | None)


def _scalar(value: Any) -> Any:
    """Keep a plain value, or a list of them; of what has parts where none should be only the kind stays."""
    if isinstance(value, list):
        return [one if isinstance(one, str | int | float | None) else type(one)() for one in value]
    return {} if isinstance(value, dict) else value
