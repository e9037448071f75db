"""Make the golden recordings: small runs of every job, as the recorder writes them.

``python -m tests.support.golden`` adds those that are missing under ``tests/fixtures/recordings``. Those that are there
stay as the version that made them wrote them: that later versions decide the same is what they are for.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harvestmouse import __version__
from harvestmouse.adapters import recordings
from harvestmouse.adapters.recordings import packed
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.guarantees import check
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.recorder import document
from harvestmouse.runners.report import Report
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    Body,
    hash_of,
    raw_preferences,
    raw_profile,
    raw_result,
    raw_search,
    raw_snapshot,
    raw_torrent,
    raw_tracker,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
GOLDEN = FIXTURES / "recordings"
# Three days after the captures were taken, when what has not started is due.
_AFTER_CAPTURES = 1_795_350_900 + 3 * DAY


def recording(job: str, raw: Body, name: str = "00000000") -> dict[str, Any]:
    """Return what the recorder writes of a run of *job* that received these bodies."""
    tape = _tape(raw)
    seen = document(parse_snapshot(raw), tape, Tape.rows)
    snapshot = parse_snapshot(seen)
    plan = PLANNERS[job](snapshot, SEED)
    report = Report(plan=plan, apply=False, violations=check(plan, snapshot, SEED), run_id=name)
    return {
        "format": recordings.FORMAT,
        "version": __version__,
        "run": name,
        "plan": report.unparse(),
        "snapshot": seen,
    }


def _tape(raw: Body) -> Tape:
    """Return a tape that the adapters have filled with these bodies."""
    tape = Tape()
    site, client = raw.get("mam", {}), raw.get("qbittorrent", {})
    if "profile" in site:
        tape.keep_profile(site["profile"])
    if "address" in site:
        tape.keep_egress(site["address"])
    for body in site.get("searches", ()):
        tape.keep_search(body)
    tape.version = client.get("webapi_version")
    for info_hash, rows in client.get("trackers", {}).items():
        tape.keep_trackers(info_hash, rows)
    if "torrents" in client:
        list(tape.through(client["torrents"]))
    if "preferences" in client:
        tape.keep_preferences(client["preferences"])
    if "transfer" in client:
        tape.keep_transfer(client["transfer"])
    return tape


def captured(release: str, name: str) -> Any:
    """Return a body that a real client sent."""
    body = json.loads((FIXTURES / "captures" / release / f"{name}.json").read_text(encoding="utf-8"))
    return body["body"] if isinstance(body, dict) and "body" in body else body


def _client(*torrents: Body, **changes: Any) -> Body:
    return {"webapi_version": "2.8.19", "torrents": list(torrents), "free_space_bytes": 100 * GIB, **changes}


def _real(release: str) -> Body:
    """Return a snapshot of everything that a real client answers, with what trackers say of some of its torrents."""
    torrents = captured(release, "torrents_info_all")
    by_name = {row["name"]: row["hash"] for row in torrents}
    said = {"tr-unreg.bin": "unreg", "tr-404.bin": "404", "tr-ratio.bin": "ratio", "tr-notauth.bin": "notauth",
            "tr-notfound.bin": "notfound", "tr-hang.bin": "hang", "tr-warn.bin": "warn"}  # fmt: skip
    client = _client(
        *torrents,
        webapi_version=captured(release, "app_webapiVersion"),
        trackers={by_name[name]: captured(release, f"trackers_{what}") for name, what in said.items()},
        preferences=captured(release, "app_preferences"),
        transfer={"connection_status": "connected", "dht_nodes": 371, "dl_info_speed": 1024, "up_info_speed": 4096},
    )
    return raw_snapshot(taken_at=_AFTER_CAPTURES, qbittorrent=client)


def _stuck(number: int, **changes: Any) -> Body:
    facts = {"state": "stalledDL", "added_on": NOW - 5 * DAY, "completion_on": -1, "seeding_time": 0, "progress": 0,
             "downloaded": 0, "uploaded": 0}  # fmt: skip
    return raw_torrent(number, **(facts | changes))


def _mouse(**changes: Any) -> Body:
    """Return the profile of the incident, in the shape it had before September 2026."""
    profile = raw_profile(
        classname="Mouse", uploaded_bytes=0, downloaded_bytes=715 * MIB, seedbonus=24551, vip_until=None, **changes
    )
    blocks: Body = profile.pop("snatch_summary")
    return profile | blocks


def _user(**changes: Any) -> Body:
    return raw_profile(classname="User", vip_until=None, **changes)


def _offers() -> Body:
    """Return a page with a row for every rejection, and more good ones than are picked."""
    refused: list[Body] = [
        {"title": "A row without an id"},
        raw_result(1001, title="Costs ratio", free=0),
        raw_result(1002, title="Snatched before", my_snatched=1),
        raw_result(1003, title="Grabbed before"),
        raw_result(1004, title="Torrent 1"),
        raw_result(1005, title="A leaflet", size="2.0 MiB"),
        raw_result(1006, title="A library", size="1,002.9 GiB"),
        raw_result(1007, title="Nobody wants it", leechers=0),
        raw_result(1008, title="Everybody has it", seeders=400),
    ]
    good = [raw_result(2000 + n, title=f"Almanac {n}", leechers=n, size=f"{60 + n}.5 MiB") for n in range(1, 8)]
    return raw_search(*refused, *good, raw_result(2008, title="By a wedge", free=0, personal_freeleech=1))


def _unregistered(*numbers: int) -> Body:
    return {hash_of(number): [raw_tracker("Torrent not registered with this tracker")] for number in numbers}


def _seen(seconds: int) -> Body:
    return {"seconds": seconds, "announcing": True, "listed_at": NOW, "announced_at": NOW}


def situations() -> Mapping[str, tuple[str, Body]]:
    """Return each golden recording's job and bodies by its name."""
    old = NOW - 30 * DAY
    return {
        "grab_picks_and_rejects": (
            "grab",
            raw_snapshot(
                mam={"profile": _user(uploaded_bytes=25 * GIB, downloaded_bytes=10 * GIB), "searches": [_offers()]},
                qbittorrent=_client(raw_torrent(1)),
                ledger=[{"id": 1003, "at": NOW - DAY, "outcome": "grabbed", "info_hash": hash_of(9)}],
            ),
        ),
        "grab_is_skipped_in_class_mouse": (
            "grab",
            raw_snapshot(mam={"profile": _mouse()}, qbittorrent=_client(raw_torrent(1))),
        ),
        "grab_is_skipped_close_to_the_limit": (
            "grab",
            raw_snapshot(
                mam={"profile": _user(snatch_summary={"unsat": {"name": "Unsatisfied", "count": 41, "limit": 50}})},
                qbittorrent=_client(raw_torrent(1)),
            ),
        ),
        "janitor_deletes_for_every_reason": (
            "janitor",
            raw_snapshot(
                qbittorrent=_client(
                    raw_torrent(1),
                    _stuck(2),
                    _stuck(3, progress=0.4, downloaded=40 * MIB),
                    raw_torrent(4, added_on=old, completion_on=old, seeding_time=29 * DAY),
                    raw_torrent(5, added_on=NOW - 8 * DAY, completion_on=NOW - 8 * DAY, uploaded=0),
                    raw_torrent(6, num_complete=30),
                    raw_torrent(7, completion_on=NOW - DAY, seeding_time=20 * HOUR),
                    raw_torrent(8, tags="mam, Recovery", num_complete=30),
                    raw_torrent(9, state="checkingUP"),
                    raw_torrent(10, state="missingFiles"),
                    raw_torrent(11, seeding_time=None, completion_on=None),
                    raw_torrent(12, category="films"),
                    *(raw_torrent(number) for number in range(13, 21)),
                    webapi_version="2.11.4",
                    trackers=_unregistered(1),
                )
            ),
        ),
        "janitor_sees_an_account_event": (
            "janitor",
            raw_snapshot(
                qbittorrent=_client(
                    *(raw_torrent(number) for number in range(1, 21)), trackers=_unregistered(*range(1, 20))
                )
            ),
        ),
        "janitor_stops_at_an_empty_listing": (
            "janitor",
            raw_snapshot(qbittorrent=_client(), memory={"remembered_count": 501}),
        ),
        "janitor_of_a_real_4_5": ("janitor", _real("4.5.2")),
        "janitor_of_a_real_5_3": ("janitor", _real("5.3.0")),
        "address_is_told_to_nobody_by_itself": (
            "address",
            raw_snapshot(
                mam={"address": {"ip": "192.0.2.7", "ASN": 64496, "AS": "Example Network", "time": NOW}},
                qbittorrent=_client(
                    transfer={"connection_status": "connected", "last_external_address_v4": "192.0.2.7"}
                ),
            ),
        ),
        "monitor_of_a_real_5_1": ("monitor", _real("5.1.0")),
        "reconcile_of_a_real_5_1": ("reconcile", _real("5.1.0")),
        "reconcile_sees_owing_torrents_queued": (
            "reconcile",
            raw_snapshot(
                qbittorrent=_client(
                    *(raw_torrent(n, state="queuedUP", seeding_time=HOUR) for n in range(1, 6)),
                    raw_torrent(6, state="pausedUP", seeding_time=HOUR),
                    preferences=raw_preferences(max_active_uploads=4, max_active_torrents=5),
                )
            ),
        ),
        "janitor_goes_by_both_clocks": (
            "janitor",
            raw_snapshot(
                qbittorrent=_client(*(raw_torrent(number, num_complete=30) for number in (1, 2, 3))),
                memory={"tracker_clock": {hash_of(1): _seen(2 * DAY), hash_of(2): _seen(4 * DAY)}},
            ),
        ),
        "cycle_does_all_jobs": (
            "cycle",
            raw_snapshot(
                mam={
                    "profile": _user(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, seedbonus=60_000),
                    "searches": [_offers()],
                },
                qbittorrent=_client(
                    raw_torrent(1),
                    _stuck(2),
                    raw_torrent(3, state="queuedUP", seeding_time=HOUR),
                    trackers={hash_of(1): []},
                    preferences=raw_preferences(max_active_uploads=4),
                    transfer={
                        "connection_status": "connected",
                        "dht_nodes": 371,
                        "dl_info_speed": 0,
                        "up_info_speed": 0,
                    },
                ),
                ledger=[{"id": 1003, "at": NOW - DAY, "outcome": "grabbed", "info_hash": hash_of(9)}],
            ),
        ),
        "rescue_sees_owing_torrents_at_rest": (
            "rescue",
            raw_snapshot(
                qbittorrent=_client(
                    raw_torrent(1, state="queuedUP", seeding_time=HOUR),
                    raw_torrent(2, state="stoppedUP", seeding_time=HOUR, completion_on=NOW - 29 * DAY),
                    *(raw_torrent(number, seeding_time=HOUR) for number in (3, 4)),
                    raw_torrent(5, state="missingFiles", seeding_time=HOUR, progress=0),
                    raw_torrent(6, seeding_time=HOUR, trackers=[raw_tracker(status=2)]),
                    raw_torrent(7),
                    webapi_version="2.11.4",
                    trackers=_unregistered(3),
                )
            ),
        ),
        "spend_buys_the_smallest_tier": (
            "spend",
            raw_snapshot(
                mam={"profile": _user(uploaded_bytes=15 * GIB, downloaded_bytes=10 * GIB, seedbonus=60_000)},
                memory={"balances": [[NOW - DAY, 59_000.0], [NOW, 60_000.0]]},
            ),
        ),
        "spend_cannot_afford_a_tier": (
            "spend",
            raw_snapshot(mam={"profile": _mouse()}, memory={"balances": [[NOW - DAY, 24_000.0], [NOW, 24_551.0]]}),
        ),
    }


def main() -> None:
    """Write the recordings that are missing."""
    GOLDEN.mkdir(exist_ok=True)
    for number, (name, (job, raw)) in enumerate(situations().items(), 1):
        path = GOLDEN / f"{name}.json.gz"
        if not path.exists():
            path.write_bytes(packed(json.dumps(recording(job, raw, f"{number:08x}"), separators=(",", ":"))))


if __name__ == "__main__":
    main()
