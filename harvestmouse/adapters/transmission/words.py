"""Say what Transmission tells in qBittorrent's words, which are those of the parsers, the rules and the recordings.

What Transmission does not tell is left out, and so is unknown.
"""

import re
from collections.abc import Mapping
from typing import Any

from harvestmouse.core.reconcile import NO_LIMIT
from harvestmouse.core.wire.coerce import as_count, as_flag, as_float, as_int

Body = dict[str, Any]

# What `torrent_words` reads.
FIELDS = (
    "hashString", "name", "labels", "status", "error", "metadataPercentComplete", "addedDate", "doneDate",
    "secondsSeeding", "percentDone", "sizeWhenDone", "leftUntilDone", "downloadedEver", "uploadedEver", "rateDownload",
    "rateUpload", "trackerStats",
)  # fmt: skip

_LOCAL_ERROR = 3
# What the statuses are called, of a torrent with a part of its content and of a whole one.
_STATES = {
    0: ("stoppedDL", "stoppedUP"),
    1: ("checkingDL", "checkingUP"),
    2: ("checkingDL", "checkingUP"),
    3: ("queuedDL", "queuedDL"),
    5: ("queuedUP", "queuedUP"),
}
_DOWNLOADING, _SEEDING = 4, 6
_NOT_CONTACTED, _WORKING, _NOT_WORKING = 1, 2, 4
# Transmission 3.00 writes a character beyond U+FFFF, such as most emoji, with one hexadecimal digit more than JSON has
# for it: another character arrives, and the digit behind it.
_GARBLED = re.compile("[\u1000-\uffff][0-9a-f]")
_QUEUES = {"max_active_downloads": "download", "max_active_uploads": "seed"}


def torrent_words(row: object, managed: str) -> object:
    """Return a row of ``torrents/info`` for one of ``torrent-get``; what is no object stays what it is.

    Args:
        row: The decoded row.
        managed: The label that is the category wherever it stands among others; otherwise the first one is.
    """
    if not isinstance(row, dict):
        return row
    stats = row.get("trackerStats")
    trackers = [one for one in stats if isinstance(one, dict)] if isinstance(stats, list) else []
    category, tags = _category_and_tags(row.get("labels"), managed)
    return {
        "hash": row.get("hashString"),
        "name": row.get("name"),
        "category": category,
        "tags": tags,
        "state": _state(row),
        "added_on": row.get("addedDate"),
        "completion_on": row.get("doneDate"),
        "seeding_time": row.get("secondsSeeding"),
        "progress": row.get("percentDone"),
        "size": row.get("sizeWhenDone"),
        "amount_left": row.get("leftUntilDone") if _knows_its_files(row) else None,
        "downloaded": row.get("downloadedEver"),
        "uploaded": row.get("uploadedEver"),
        "num_complete": _seeders(trackers),
        "tracker": trackers[0].get("announce") if trackers else None,
        "trackers": [_tracker(one) for one in trackers] if isinstance(stats, list) else None,
    }


def preference_words(session: Mapping[str, Any]) -> Body:
    """Return ``app/preferences`` for ``session-get``.

    Transmission has a queue for downloads and one for seeding, each with its own switch: where one of them is on, the
    other has no limit. A limit for both together, ``max_active_torrents``, it does not have.
    """
    on = {key: as_flag(session.get(f"{queue}-queue-enabled")) for key, queue in _QUEUES.items()}
    sizes = {key: as_count(session.get(f"{queue}-queue-size")) for key, queue in _QUEUES.items()}
    queueing = None if None in on.values() else any(on.values())
    return {
        "queueing_enabled": queueing,
        **{key: NO_LIMIT if queueing and not on[key] else size for key, size in sizes.items()},
        "dont_count_slow_torrents": as_flag(session.get("queue-stalled-enabled")),
    }


def session_arguments(session: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to write so that `preference_words` then has *values*; what is ``None`` is to stay.

    Args:
        session: What ``session-get`` tells now.
        values: Keys of `preference_words`, and what they are to be.
    """
    wanted = {**preference_words(session), **values}
    arguments = {"queue_stalled_enabled": values.get("dont_count_slow_torrents")}
    for key, queue in _QUEUES.items():
        limited = wanted[key] != NO_LIMIT
        arguments[f"{queue}_queue_enabled"] = wanted["queueing_enabled"] and limited
        arguments[f"{queue}_queue_size"] = values.get(key) if limited else None
    return arguments


def transfer_words(stats: Mapping[str, Any]) -> Body:
    """Return ``transfer/info`` for ``session-stats``, which tells only the speeds."""
    return {"dl_info_speed": stats.get("downloadSpeed"), "up_info_speed": stats.get("uploadSpeed")}


def _category_and_tags(labels: object, managed: str) -> tuple[str | None, list[str] | None]:
    if not isinstance(labels, list) or not all(isinstance(one, str) for one in labels):
        return None, None
    # A label that may be another than it seems could be the category, or a tag that protects.
    if any(_GARBLED.search(one) for one in labels):
        return None, None
    category = managed if managed in labels else next(iter(labels), "")
    return category, [one for one in labels if one != category]


def _state(row: Mapping[str, Any]) -> str | None:
    status = as_int(row.get("status"))
    if row.get("error") == _LOCAL_ERROR:
        return "error"
    if status == _DOWNLOADING:
        return _moving("stalledDL", "downloading", row.get("rateDownload")) if _knows_its_files(row) else "metaDL"
    if status == _SEEDING:
        return _moving("stalledUP", "uploading", row.get("rateUpload"))
    if status in _STATES:
        return _STATES[status][(as_float(row.get("percentDone")) or 0) >= 1]
    # The word of a newer version, which no rule knows.
    return None if status is None else f"status {status}"


def _knows_its_files(row: Mapping[str, Any]) -> bool:
    # A magnet link names a torrent without them, and then nothing of it is left, as of a whole one.
    return as_float(row.get("metadataPercentComplete")) == 1


def _moving(idle: str, busy: str, rate: object) -> str:
    return idle if as_count(rate) == 0 else busy


def _seeders(trackers: list[Body]) -> int | None:
    """Return the largest count; a tracker that was not reached yet has -1."""
    counts = (as_count(one.get("seederCount")) for one in trackers)
    return max((count for count in counts if count is not None), default=None)


def _tracker(stats: Mapping[str, Any]) -> Body:
    announced = stats.get("hasAnnounced") is True
    status = _WORKING if stats.get("lastAnnounceSucceeded") is True else _NOT_WORKING
    return {
        "url": stats.get("announce"),
        "status": status if announced else _NOT_CONTACTED,
        "msg": stats.get("lastAnnounceResult"),
    }
