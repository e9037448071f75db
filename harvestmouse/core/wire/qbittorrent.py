"""Read qBittorrent's bodies: torrents, tracker messages, preferences; Web API 2.2 (4.1) to 2.16 (5.3)."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from harvestmouse.core.model import Connection, Malformed, Preferences, Torrent, TrackerMessage
from harvestmouse.core.wire.coerce import as_count, as_flag, as_float, as_int, as_object, as_size, as_text, digest
from harvestmouse.core.wire.redact import EXTERNAL, keep_ip, keep_torrent, masked
from harvestmouse.core.wire.version import REPORTS_TRACKER_ERRORS, Version

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
# Old clients write "never completed" as the largest unsigned 32-bit number.
_NEVER = 2**32 - 1


def parse_torrents(
    rows: Iterable[object], trackers: Mapping[str, Any] | None = None, version: Version | None = None
) -> tuple[list[Torrent], list[Malformed]]:
    """Read ``torrents/info`` row by row.

    Two rows of one info-hash that differ say nothing certain: both become malformed.

    Args:
        rows: The decoded rows; they may arrive one at a time.
        trackers: Bodies of ``torrents/trackers`` by info-hash; newer clients list them with the torrent.
        version: The Web API's version.
    """
    messages = {key.lower(): body for key, body in (trackers or {}).items()}
    torrents: dict[str, Torrent] = {}
    malformed: dict[str, Malformed] = {}
    for row in rows:
        parsed = parse_torrent(row, messages, version)
        if isinstance(parsed, Malformed):
            malformed[parsed.subject] = parsed
        elif (first := torrents.setdefault(parsed.hash, parsed)) is not parsed and first != parsed:
            earlier = malformed.get(parsed.hash)
            agree = parsed.category == first.category and (earlier is None or earlier.category == first.category)
            category = first.category if agree else None
            malformed[parsed.hash] = Malformed(
                subject=parsed.hash,
                problem="two rows of this info-hash differ",
                category=category,
                names=frozenset({parsed.name, first.name, *((earlier and earlier.names) or ())}),
            )
    listed = [torrent for torrent in torrents.values() if torrent.hash not in malformed]
    return listed, sorted(malformed.values(), key=lambda one: one.subject)


def parse_torrent(
    row: object, trackers: Mapping[str, Any] | None = None, version: Version | None = None
) -> Torrent | Malformed:
    """Read one row of ``torrents/info``; a fact that cannot be read is unknown, a row without identity malformed."""
    if not isinstance(row, dict):
        return Malformed(subject=digest(keep_torrent(row)), problem="the row is no JSON object")
    get = row.get
    identity = get("hash")
    identity = identity.lower() if isinstance(identity, str) else ""
    if _HASH.fullmatch(identity) is None:
        name = as_text(get("name"))
        return Malformed(
            subject=digest(keep_torrent(row)),
            problem="the row has no info-hash",
            category=as_text(get("category")),
            names=None if name is None else frozenset({name}),
        )
    listed = get("trackers")
    if listed is None and trackers:
        listed = trackers.get(identity)
    return Torrent(
        hash=identity,
        name=as_text(get("name")) or "",
        category=as_text(get("category")),
        tags=parse_tags(get("tags")),
        state=as_text(get("state")),
        added_on=as_int(get("added_on")),
        completion_on=_completion(as_int(get("completion_on"))),
        seeding_time=as_count(get("seeding_time")),
        progress=as_float(get("progress")),
        size_bytes=as_size(get("size")),
        left_bytes=as_count(get("amount_left")),
        downloaded_bytes=as_int(get("downloaded")),
        uploaded_bytes=as_int(get("uploaded")),
        seeders=as_int(get("num_complete")),
        tracker_host=_tracker_host(get("tracker"), get("magnet_uri")),
        messages=parse_messages(listed, version) if isinstance(listed, list) else None,
    )


def parse_tags(value: object) -> frozenset[str] | None:
    """Read tags, which the client writes as one string with commas."""
    if isinstance(value, str):
        return _tags(value)
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return frozenset(tag.strip() for tag in value if tag.strip())
    return None


def parse_messages(rows: Iterable[object], version: Version | None = None) -> tuple[TrackerMessage, ...]:
    """Read ``torrents/trackers``; the address is reduced to its host, since it carries the passkey.

    The rows of DHT, PeX and LSD, whose address is ``** [DHT] **``, are no trackers and left out.
    """
    real = (row for row in rows if isinstance(row, dict) and not str(row.get("url", "**")).startswith("**"))
    return tuple(_message(row, version) for row in real)


def parse_preferences(body: object) -> Preferences | None:
    """Read ``app/preferences``; ``None`` where the body is no JSON object."""
    if not isinstance(body, dict):
        return None
    return Preferences(
        queueing_enabled=as_flag(body.get("queueing_enabled")),
        max_active_downloads=as_int(body.get("max_active_downloads")),
        max_active_uploads=as_int(body.get("max_active_uploads")),
        max_active_torrents=as_int(body.get("max_active_torrents")),
        dont_count_slow_torrents=as_flag(body.get("dont_count_slow_torrents")),
    )


def parse_connection(body: object) -> Connection | None:
    """Read ``transfer/info``, or ``server_state`` of ``sync/maindata``; ``None`` where it is no JSON object."""
    if not isinstance(body, dict):
        return None
    return Connection(
        status=as_text(body.get("connection_status")),
        dht_nodes=as_count(body.get("dht_nodes")),
        download_speed=as_count(body.get("dl_info_speed")),
        upload_speed=as_count(body.get("up_info_speed")),
        addresses=frozenset(word for key in EXTERNAL if (word := keep_ip(body.get(key))) is not None),
    )


def parse_free_space(body: object) -> int | None:
    """Read the free space of ``sync/maindata``; the client writes a negative number where it does not know."""
    number = as_int(as_object(as_object(body).get("server_state")).get("free_space_on_disk"))
    return None if number is None or number < 0 else number


def _tracker_host(tracker: object, magnet: object) -> str | None:
    """Return the tracker's host; qBittorrent 4 names a tracker only once it has answered, the magnet link always."""
    if isinstance(tracker, str) and tracker:
        return _host(tracker)
    _, found, rest = magnet.partition("&tr=") if isinstance(magnet, str) else ("", "", "")
    return _quoted_host(rest.partition("&")[0]) if found else None


def _completion(value: int | None) -> int | None:
    if value is None:
        return None
    return 0 if value < 0 or value >= _NEVER else value


def _message(row: Mapping[str, Any], version: Version | None) -> TrackerMessage:
    # Where the version is unknown the row's own shape tells: 5.2 added a word about updating.
    newer = "updating" in row if version is None else version >= REPORTS_TRACKER_ERRORS
    return _tracker_message(
        as_text(row.get("url")) or "", as_int(row.get("status")), as_text(row.get("msg")) or "", newer
    )


@lru_cache(maxsize=256)
def _tracker_message(url: str, status: int | None, text: str, newer: bool) -> TrackerMessage:  # noqa: FBT001 - a key
    # A tracker says the same of thousands of torrents.
    return TrackerMessage(host=_host(url), status=status, text=masked(text), reports_tracker_errors=newer)


@lru_cache(maxsize=256)
def _tags(text: str) -> frozenset[str]:
    # Thousands of torrents share a handful of tag sets.
    return frozenset(tag.strip() for tag in text.split(",") if tag.strip())


@lru_cache(maxsize=64)
def _host(url: str) -> str | None:
    # The same few addresses come with every torrent.
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _quoted_host(url: str) -> str | None:
    return _host(unquote(url))
