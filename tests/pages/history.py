"""Two made-up weeks of an account, decided by the real jobs and kept as recordings."""

import json
from pathlib import Path
from typing import Any

from attrs import define, field

from harvestmouse.adapters.recordings import FORMAT, Recordings, packed
from harvestmouse.core.actions import AddTorrent, BuyUpload, DeleteTorrent
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.report import Outcome, Report, Status
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
)

DAYS = 14
EVIL = '<script>document.title = "owned"</script><img src=x onerror="document.title = 1">'
_DAILY = (("monitor", 1), ("janitor", 2), ("grab", 3), ("spend", 4), ("reconcile", 5))


@define
class Account:
    """What the site and the client would tell, day by day."""

    directory: Path
    now: int = NOW
    torrents: dict[str, Body] = field(factory=dict)
    ledger: list[Body] = field(factory=list)
    points: int = 32_000
    uploaded: int = 4 * GIB
    downloaded: int = 18 * GIB

    def live(self, days: int = DAYS) -> None:
        """Run every job once a day; the last janitor is a dry one."""
        self.torrents = {hash_of(number): _dead(number, self.now) for number in range(1, 41)}
        for day in range(days):
            midnight = NOW + day * DAY
            self._pass_a_day()
            for job, hour in _DAILY:
                self.now = midnight + hour * HOUR
                self.run(job, day, apply=not (job == "janitor" and day == days - 1))

    def run(self, job: str, day: int, *, apply: bool) -> None:
        """Decide once from what there is, carry it out where it applies, and keep it."""
        body = self._body(day)
        plan = JOBS[job](parse_snapshot(body), SEED)
        outcomes = tuple(Outcome(action, Status.DONE) for action in plan.actions) if apply else ()
        report = Report(plan=plan, apply=apply, outcomes=outcomes, run_id=f"{day:04x}")
        keep(self.directory, report.unparse(), body)
        if apply:
            self._carry_out(plan)

    def _body(self, day: int) -> Body:
        rows = [_offer(990_000 + day * 40 + number) for number in range(40)]
        account = raw_profile(
            classname="User",
            uploaded_bytes=self.uploaded,
            downloaded_bytes=self.downloaded,
            seedbonus=self.points,
        )
        client = {
            "torrents": list(self.torrents.values()),
            "preferences": raw_preferences(max_active_uploads=4 if day == 0 else 150),
            "free_space_bytes": 100 * GIB,
        }
        return raw_snapshot(
            taken_at=self.now,
            mam={"profile": account, "searches": [raw_search(*rows)]},
            qbittorrent=client,
            ledger=list(self.ledger),
        )

    def _carry_out(self, plan: Plan) -> None:
        for action in plan.actions:
            if isinstance(action, DeleteTorrent):
                del self.torrents[action.hash]
            elif isinstance(action, AddTorrent):
                name = hash_of(action.id)
                self.torrents[name] = _seeding(action, self.now)
                self.ledger.append({"id": action.id, "at": self.now, "outcome": "grabbed", "info_hash": name})
            elif isinstance(action, BuyUpload):
                self.points -= action.cost_bp
                self.uploaded += action.gib * GIB

    def _pass_a_day(self) -> None:
        self.points += 1_900
        for name, row in self.torrents.items():
            if row["progress"] == 1:
                row["seeding_time"] += DAY
                row["uploaded"] += int(name, 16) * 7919 % 61 * MIB
                self.uploaded += int(name, 16) * 7919 % 61 * MIB


def keep(directory: Path, plan: Body, body: Body) -> Path:
    """Write one recording as a run does."""
    whole: dict[str, Any] = {"format": FORMAT, "version": "test", "run": plan["outcome"]["run"]}
    store = Recordings(directory, keep_days=10_000, most_files=10_000, most_bytes=1 << 40)
    parts = [packed(json.dumps(whole | {"plan": plan, "snapshot": body}))]
    return store.write(body["taken_at"], plan["job"], plan["outcome"]["run"], parts)


def _dead(number: int, now: int) -> Body:
    facts: Body = {"progress": 0, "seeding_time": 0, "completion_on": 0, "downloaded": 0, "uploaded": 0}
    return raw_torrent(number, state="stalledDL", added_on=now - number * HOUR, **facts)


def _seeding(action: AddTorrent, now: int) -> Body:
    facts = {"added_on": now, "completion_on": now + HOUR, "seeding_time": 1, "uploaded": 0}
    return raw_torrent(action.id, name=action.title, size=action.size_bytes, downloaded=action.size_bytes, **facts)


def _offer(number: int) -> Body:
    """Return one of what the site lists: most is refused by one rule or another."""
    kind = number % 8
    changes: list[Body] = [
        {"size": "2.5 GiB"},
        {"size": "1.2 MiB"},
        {"leechers": 0},
        {"seeders": 120},
        {"free": 0, "fl_vip": 0},
        {"my_snatched": 1, "title": "Unbroken" * 20},
        {"leechers": number % 37},
        {"leechers": number % 23, "title": EVIL if number % 40 == 7 else f"The Almanac of {number}"},
    ]
    return raw_result(number, **({"title": f"Beacons, volume {number}"} | changes[kind]))
