"""What the real services would send for the world's values: the bodies of recordings made in the embedded world."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from harvestmouse.core.model import Connection, Preferences, Profile, SearchPage, SearchResult, Torrent, TrackerMessage
from harvestmouse.core.wire.redact import EXTERNAL

# The words of qBittorrent 4.5, whose refusals have status 4.
WEBAPI_VERSION = "2.8.19"

Body = dict[str, Any]


def profile_body(profile: Profile) -> Body:
    """Return ``jsonLoad.php``."""
    until = None if profile.vip_until is None else datetime.fromtimestamp(profile.vip_until, UTC)
    return {
        "username": "somebody",
        "classname": profile.class_name,
        "uploaded_bytes": profile.uploaded_bytes,
        "downloaded_bytes": profile.downloaded_bytes,
        "seedbonus": profile.bonus_points,
        "wedges": profile.wedges,
        "vip_until": None if until is None else f"{until:%Y-%m-%d %H:%M:%S}",
        "snatch_summary": {
            "unsat": {"count": profile.unsat_count, "limit": profile.unsat_limit},
            "inactHnr": {"count": profile.hit_and_run_count},
            "seedHnr": {"count": 0},
        },
    }


def search_body(page: SearchPage) -> Body:
    """Return one page of ``loadSearchJSONbasic.php``."""
    return {"found": page.found, "data": [_result_row(result) for result in page.results]}


def torrent_rows(torrents: Iterable[Torrent]) -> list[object]:
    """Return ``torrents/info``."""
    return [_torrent_row(torrent) for torrent in torrents]


def tracker_rows(messages: Iterable[TrackerMessage]) -> list[object]:
    """Return ``torrents/trackers``."""
    return [
        {"url": f"https://{message.host}/", "status": message.status, "msg": message.text, "tier": 0}
        for message in messages
    ]


def preferences_body(preferences: Preferences) -> Body:
    """Return ``app/preferences``."""
    return {
        "queueing_enabled": preferences.queueing_enabled,
        "max_active_downloads": preferences.max_active_downloads,
        "max_active_uploads": preferences.max_active_uploads,
        "max_active_torrents": preferences.max_active_torrents,
        "dont_count_slow_torrents": preferences.dont_count_slow_torrents,
    }


def transfer_body(connection: Connection) -> Body:
    """Return ``transfer/info``."""
    return {
        "connection_status": connection.status,
        "dht_nodes": connection.dht_nodes,
        "dl_info_speed": connection.download_speed,
        "up_info_speed": connection.upload_speed,
        **dict(zip(EXTERNAL, sorted(connection.addresses), strict=False)),
    }


def _result_row(result: SearchResult) -> Body:
    return {
        "id": result.id,
        "title": result.title,
        "size": result.size_bytes,
        "seeders": result.seeders,
        "leechers": result.leechers,
        "author_info": json.dumps({str(number): name for number, name in enumerate(result.authors)}),
        "free": int(result.free),
        "personal_freeleech": int(result.personal_freeleech),
        "vip": int(result.vip),
        "fl_vip": int(result.fl_vip),
        "vip_expire": 0,
        "my_snatched": int(result.snatched),
    }


def _torrent_row(torrent: Torrent) -> Body:
    listed = {} if torrent.messages is None else {"trackers": tracker_rows(torrent.messages)}
    return listed | {
        "hash": torrent.hash,
        "name": torrent.name,
        "category": torrent.category,
        "tags": None if torrent.tags is None else ", ".join(sorted(torrent.tags)),
        "state": torrent.state,
        "added_on": torrent.added_on,
        "completion_on": torrent.completion_on,
        "seeding_time": torrent.seeding_time,
        "progress": torrent.progress,
        "size": torrent.size_bytes,
        "amount_left": torrent.left_bytes,
        "downloaded": torrent.downloaded_bytes,
        "uploaded": torrent.uploaded_bytes,
        "num_complete": torrent.seeders,
        "tracker": f"https://{torrent.tracker_host}/" if torrent.tracker_host else "",
    }
