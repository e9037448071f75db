"""Build the core's values and the services' bodies with sensible defaults, so that a test names only what matters."""

from typing import Any

from attrs import evolve

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.model import (
    AccountClass,
    LedgerEntry,
    Preferences,
    Profile,
    SearchPage,
    SearchResult,
    Snapshot,
    Torrent,
    TrackerMessage,
)
from harvestmouse.core.plan import Decision, Plan
from harvestmouse.core.policy import SEED, Policy

NOW = 1_776_598_800
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
MIB, GIB = 1 << 20, 1 << 30
CATEGORY = "mam-farming"
TRACKER = "t.myanonamouse.net"
# What a completed torrent owes by default: the site's 72 hours and a margin of 24.
OWED = 96 * HOUR

Body = dict[str, Any]


def hash_of(number: int) -> str:
    """Return the info-hash that stands for *number*."""
    return f"{number:040x}"


def torrent(number: int = 1, **changes: Any) -> Torrent:
    """Return a seeding torrent that owes nothing and that no rule wants gone."""
    seeding = Torrent(
        hash=hash_of(number),
        name=f"Torrent {number}",
        category=CATEGORY,
        tags=frozenset({"mam", "freeleech"}),
        state="stalledUP",
        added_on=NOW - 6 * DAY,
        completion_on=NOW - 6 * DAY + HOUR,
        seeding_time=5 * DAY,
        progress=1.0,
        size_bytes=100 * MIB,
        left_bytes=0,
        downloaded_bytes=100 * MIB,
        uploaded_bytes=50 * MIB,
        seeders=3,
        messages=(),
    )
    return evolve(seeding, **changes)


def download(number: int = 1, **changes: Any) -> Torrent:
    """Return a young torrent of which nothing has arrived yet."""
    facts = {
        "state": "stalledDL",
        "added_on": NOW - HOUR,
        "completion_on": 0,
        "seeding_time": 0,
        "progress": 0.0,
        "left_bytes": 100 * MIB,
        "downloaded_bytes": 0,
        "uploaded_bytes": 0,
    }
    return torrent(number, **(facts | changes))


def message(text: str, **changes: Any) -> TrackerMessage:
    """Return a refusal by the site's tracker, as qBittorrent 4 reports it."""
    return evolve(TrackerMessage(host=TRACKER, status=4, text=text), **changes)


def result(number: int = 1001, **changes: Any) -> SearchResult:
    """Return a freeleech search result that no rule refuses."""
    wanted = SearchResult(id=number, title=f"Title {number}", size_bytes=100 * MIB, seeders=10, leechers=5, free=True)
    return evolve(wanted, **changes)


def page(*results: SearchResult, **changes: Any) -> SearchPage:
    """Return a page of search results."""
    return evolve(SearchPage(results=results, found=len(results)), **changes)


def profile(**changes: Any) -> Profile:
    """Return an account of class User in good standing, at a ratio of 2."""
    account = Profile(
        account_class=AccountClass.USER,
        class_name="User",
        uploaded_bytes=20 * GIB,
        downloaded_bytes=10 * GIB,
        bonus_points=5000.0,
        unsat_count=2,
        unsat_limit=50,
        hit_and_run_count=0,
    )
    return evolve(account, **changes)


def mouse(**changes: Any) -> Profile:
    """Return the account of the incident: class Mouse, nothing uploaded, one automated purchase too poor."""
    facts = {
        "account_class": AccountClass.MOUSE,
        "class_name": "Mouse",
        "uploaded_bytes": 0,
        "downloaded_bytes": 715 * MIB,
        "bonus_points": 24551.0,
    }
    return profile(**(facts | changes))


def preferences(**changes: Any) -> Preferences:
    """Return the client preferences that the seed preset wants, with its own correction."""
    wanted = Preferences(
        queueing_enabled=True,
        max_active_downloads=20,
        max_active_uploads=150,
        max_active_torrents=170,
        dont_count_slow_torrents=True,
    )
    return evolve(wanted, **changes)


def entry(number: int = 1001, **changes: Any) -> LedgerEntry:
    """Return a ledger line about a grab of yesterday."""
    return evolve(LedgerEntry(id=number, at=NOW - DAY), **changes)


def snapshot(**changes: Any) -> Snapshot:
    """Return a whole snapshot of an account in good standing with an empty client and nothing on offer."""
    whole = Snapshot(
        taken_at=NOW,
        profile=profile(),
        searches=(page(),),
        torrents=(),
        preferences=preferences(),
        free_space_bytes=100 * GIB,
        ledger=(),
    )
    return evolve(whole, **changes)


def policy(base: Policy = SEED, **sections: dict[str, Any]) -> Policy:
    """Return *base* with some figures changed, section by section."""
    changed = {name: evolve(getattr(base, name), **figures) for name, figures in sections.items()}
    return evolve(base, **changed)


def decided(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return what a plan decided about each subject, and why, as plain words."""
    return {one.subject: (one.decision.value, one.reason.value) for one in plan.decisions}


def decision_on(plan: Plan, subject: str | int) -> Decision:
    """Return the one decision about *subject*; a number stands for its info-hash."""
    name = hash_of(subject) if isinstance(subject, int) else subject
    (decision,) = (one for one in plan.decisions if one.subject == name)
    return decision


def skipped(plan: Plan) -> str | None:
    """Return why a plan was skipped, as a plain word."""
    return None if plan.skip is None else plan.skip.reason.value


def plan_results(*results: SearchResult, with_policy: Policy = SEED, **changes: Any) -> Plan:
    """Plan a grab from one page of these results."""
    return plan_grab(snapshot(**({"searches": (page(*results),)} | changes)), with_policy)


def picked(made: Plan) -> list[int]:
    """Return the ids a plan would add, in its order."""
    return [action.id for action in made.actions if isinstance(action, AddTorrent)]


def raw_block(count: object, **changes: object) -> Body:
    """Return one block of the profile's breakdown of torrents."""
    return {"name": "Some torrents", "count": count, "size": None, **changes}


def raw_profile(**changes: object) -> Body:
    """Return a body of ``jsonLoad.php`` in its present shape."""
    return {
        "classname": "VIP",
        "downloaded": "1.00 GiB",
        "downloaded_bytes": GIB,
        "ratio": 10.0,
        "seedbonus": 5000,
        "uid": 123456,
        "uploaded": "10.00 GiB",
        "uploaded_bytes": 10 * GIB,
        "username": "somebody",
        "vip_until": "2099-01-01 00:00:00",
        "wedges": 1,
        "snatch_summary": {
            "unsat": raw_block(2, limit=150),
            "inactHnr": raw_block(0),
            "seedHnr": raw_block(0),
        },
        **changes,
    }


def raw_result(number: int = 1001, **changes: object) -> Body:
    """Return a row of ``loadSearchJSONbasic.php`` that no rule refuses."""
    return {
        "id": number,
        "title": f"Title {number}",
        "size": "100.0 MiB",
        "seeders": 10,
        "leechers": 5,
        "times_completed": 90,
        "free": 1,
        "vip": 0,
        "fl_vip": 1,
        "personal_freeleech": 0,
        "my_snatched": 0,
        "vip_expire": 0,
        "author_info": '{"8234": "Somebody"}',
        "category": 61,
        **changes,
    }


def raw_search(*rows: object, **changes: object) -> Body:
    """Return a body of ``loadSearchJSONbasic.php``."""
    return {"perpage": 100, "start": 0, "data": list(rows), "total": len(rows), "found": len(rows), **changes}


def raw_torrent(number: int = 1, **changes: object) -> Body:
    """Return a row of ``torrents/info``: a seeding torrent that owes nothing and that no rule wants gone."""
    return {
        "hash": hash_of(number),
        "name": f"Torrent {number}",
        "category": CATEGORY,
        "tags": "freeleech, mam",
        "state": "stalledUP",
        "added_on": NOW - 6 * DAY,
        "completion_on": NOW - 6 * DAY + HOUR,
        "seeding_time": 5 * DAY,
        "progress": 1,
        "size": 100 * MIB,
        "amount_left": 0,
        "downloaded": 100 * MIB,
        "uploaded": 50 * MIB,
        "num_complete": 3,
        **changes,
    }


def raw_tracker(text: str = "", **changes: object) -> Body:
    """Return a row of ``torrents/trackers`` about the site's tracker."""
    url = f"https://{TRACKER}/tracker.php/PASSKEY/announce"
    return {"url": url, "status": 4, "msg": text, "tier": 0, "num_seeds": -1, "num_leeches": -1, **changes}


def raw_preferences(**changes: object) -> Body:
    """Return the part of ``app/preferences`` that this project reads, and one key that it does not."""
    return {
        "queueing_enabled": True,
        "max_active_downloads": 20,
        "max_active_uploads": 150,
        "max_active_torrents": 170,
        "dont_count_slow_torrents": True,
        "listen_port": 6881,
        **changes,
    }


def raw_snapshot(**changes: object) -> Body:
    """Return a whole snapshot document with an empty client and nothing on offer."""
    return {
        "format": "harvestmouse-snapshot/1",
        "taken_at": NOW,
        "mam": {"profile": raw_profile(), "searches": [raw_search()]},
        "qbittorrent": {
            "webapi_version": "2.8.19",
            "torrents": [],
            "trackers": {},
            "preferences": raw_preferences(),
            "free_space_bytes": 100 * GIB,
        },
        "ledger": [],
        **changes,
    }
