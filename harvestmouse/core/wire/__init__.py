"""The JSON forms of snapshots and plans, and the parsing of the services' own bodies.

Parsing is total: any JSON value gives a value or one of this project's errors, nothing else.
Plans are in `harvestmouse.core.wire.plan`. As in `harvestmouse.core`, modules are loaded when they are asked for.
"""

from typing import TYPE_CHECKING

from harvestmouse.core.late import late

if TYPE_CHECKING:
    from harvestmouse.core.wire.mam import parse_freeze, parse_profile, parse_purchase, parse_search
    from harvestmouse.core.wire.qbittorrent import (
        parse_connection,
        parse_free_space,
        parse_messages,
        parse_preferences,
        parse_torrents,
    )
    from harvestmouse.core.wire.snapshot import parse_snapshot
    from harvestmouse.core.wire.version import parse_version

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

_HOMES = {
    "parse_freeze": "mam",
    "parse_profile": "mam",
    "parse_purchase": "mam",
    "parse_search": "mam",
    "parse_connection": "qbittorrent",
    "parse_free_space": "qbittorrent",
    "parse_messages": "qbittorrent",
    "parse_preferences": "qbittorrent",
    "parse_torrents": "qbittorrent",
    "parse_version": "version",
    "parse_snapshot": "snapshot",
}

if not TYPE_CHECKING:
    __getattr__ = late(__name__, _HOMES)
