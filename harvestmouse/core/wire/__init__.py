"""The JSON forms of snapshots and plans, and the parsing of the services' own bodies.

Parsing is total: any JSON value gives a value or one of this project's errors, nothing else.
Plans are in `harvestmouse.core.wire.plan`.
"""

from harvestmouse.core.wire.mam import parse_freeze, parse_profile, parse_purchase, parse_search
from harvestmouse.core.wire.qbittorrent import (
    parse_connection,
    parse_free_space,
    parse_messages,
    parse_preferences,
    parse_torrents,
    parse_version,
)
from harvestmouse.core.wire.snapshot import parse_snapshot

__all__ = [
    "parse_connection",
    "parse_free_space",
    "parse_freeze",
    "parse_messages",
    "parse_preferences",
    "parse_profile",
    "parse_purchase",
    "parse_search",
    "parse_snapshot",
    "parse_torrents",
    "parse_version",
]
