"""A made-up listing of any size, row by row as qBittorrent 5 sends it, of the kinds that `benchmarks.fill` makes.

    python -m benchmarks.listing 100000 FILE

writes it as a snapshot.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harvestmouse.core.units import HOUR, MIB

NOW = 1_776_600_000
_ANNOUNCE = "https://t.example.org/tracker.php/0123456789abcdef0123456789abcdef/announce"
# Of twenty torrents: state, whether it is whole, and what its tracker says.
_KINDS = (
    *[("stalledUP", True, "")] * 12,
    ("stalledUP", True, "Torrent not found"),
    *[("stoppedUP", True, "")] * 2,
    *[("stalledDL", False, "")] * 2,
    ("stalledDL", False, "Torrent not found"),
    *[("stoppedDL", False, "")] * 2,
)


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield so many torrents, their ages spread over a month."""
    return (_row(number) for number in range(count))


def _row(number: int) -> dict[str, Any]:
    state, whole, refusal = _KINDS[number % len(_KINDS)]
    info_hash = f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**160:040x}"
    name, age, size = f"Author {number % 97} - Some Title {number:05}.m4b", (1 + number * 7 % 720) * HOUR, 20 * MIB
    done = size if whole else 0
    return {
        "added_on": NOW - age, "amount_left": size - done, "auto_tmm": False, "availability": -1,
        "category": "mam-farming", "comment": "", "completed": done, "completion_on": NOW - age if whole else -1,
        "content_path": f"/downloads/{name}", "dl_limit": 0, "dlspeed": 0, "download_path": "", "downloaded": done,
        "downloaded_session": 0, "eta": 8640000, "f_l_piece_prio": False, "force_start": False, "has_metadata": True,
        "hash": info_hash, "inactive_seeding_time_limit": -2, "infohash_v1": info_hash, "infohash_v2": "",
        "last_activity": NOW - age, "magnet_uri": f"magnet:?xt=urn:btih:{info_hash}&tr=https%3A%2F%2Ft.example.org",
        "max_ratio": -1, "max_seeding_time": -1, "name": name, "num_complete": number % 9, "num_incomplete": 0,
        "num_leechs": 0, "num_seeds": 0, "popularity": 0.5, "priority": 0, "private": True, "progress": int(whole),
        "ratio": 0.1, "ratio_limit": -2, "reannounce": 1799, "root_path": "", "save_path": "/downloads",
        "seeding_time": age * 9 // 10 if whole else 0, "seeding_time_limit": -2, "seen_complete": -1, "seq_dl": False,
        "size": size, "state": state, "super_seeding": False, "tags": "mam", "time_active": 1803, "total_size": size,
        "tracker": _ANNOUNCE, "trackers": [
            {"msg": refusal, "num_downloaded": -1, "num_leeches": 0, "num_peers": 0, "num_seeds": 0,
             "status": 5 if refusal else 2, "tier": 0, "updating": False, "url": _ANNOUNCE},
        ],
        "trackers_count": 1, "up_limit": 0, "uploaded": number % 3 * MIB if whole else 0, "uploaded_session": 0,
        "upspeed": 0,
    }  # fmt: skip


def write_snapshot(path: Path, count: int) -> None:
    """Write a snapshot with so many torrents."""
    client = {"webapi_version": "2.16.2", "torrents": list(rows(count))}
    snapshot = {"format": "harvestmouse-snapshot/1", "taken_at": NOW, "qbittorrent": client}
    path.write_text(json.dumps(snapshot, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    write_snapshot(Path(sys.argv[2]), int(sys.argv[1]))
