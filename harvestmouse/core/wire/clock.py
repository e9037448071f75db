"""The JSON form of what is remembered of the tracker's clock, both ways."""

import re
from collections.abc import Mapping
from typing import Any

from attrs import fields

from harvestmouse.core.model import Seen, TrackerClock
from harvestmouse.core.wire.coerce import as_count, as_flag, as_time

_NAMES = [one.name for one in fields(Seen)]
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


def parse_clock(value: object) -> TrackerClock | None:
    """Read the record; ``None`` where there is none.

    A row that cannot be read is left out, as if the torrent had never been seen: then the client's clock decides
    alone, which is what the margin beyond the site's seed time is for.
    """
    if not isinstance(value, Mapping):
        return None
    rows = ((str(key), _seen(row)) for key, row in sorted(value.items()))
    return {key: seen for key, seen in rows if seen is not None and _HASH.fullmatch(key)}


def unparse_clock(clock: TrackerClock) -> dict[str, Any]:
    """Return the JSON form of what `parse_clock` reads."""
    # By hand, since a record has thousands of rows.
    return {key: {name: getattr(seen, name) for name in _NAMES} for key, seen in clock.items()}


def _seen(row: object) -> Seen | None:
    if not isinstance(row, Mapping):
        return None
    seconds, announcing = as_count(row.get("seconds")), as_flag(row.get("announcing"))
    listed_at, announced_at = as_time(row.get("listed_at")), as_time(row.get("announced_at"))
    if seconds is None or announcing is None or listed_at is None or announced_at is None:
        return None
    return Seen(seconds=seconds, announcing=announcing, listed_at=listed_at, announced_at=announced_at)
