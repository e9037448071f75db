"""What each action does to a snapshot, if the world does what it is told."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    Reannounce,
    RegisterAddress,
    Resume,
    SetPreferences,
)
from harvestmouse.core.model import LedgerEntry, Snapshot, Torrent, TrackerMessage
from harvestmouse.core.plan import Plan
from harvestmouse.core.trackers import WORKING
from harvestmouse.core.units import GIB, WEEK


def carried_out(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """Return *snapshot* as it would be had every action of *plan* succeeded in the same second."""
    for action in plan.actions:
        effect = _EFFECTS.get(type(action))
        snapshot = snapshot if effect is None else effect(snapshot, action)
    return snapshot


def _added(snapshot: Snapshot, action: AddTorrent) -> Snapshot:
    # The info-hash is in the torrent file, which nobody has fetched yet; the site's id stands in for it.
    torrent = Torrent(
        hash=f"{action.id:040x}",
        name=action.title,
        category=action.category,
        tags=frozenset(action.tags),
        state="downloading",
        added_on=snapshot.taken_at,
        completion_on=0,
        seeding_time=0,
        progress=0.0,
        size_bytes=action.size_bytes,
        left_bytes=action.size_bytes,
        downloaded_bytes=0,
        uploaded_bytes=0,
        seeders=action.seeders,
    )
    entry = LedgerEntry(id=action.id, at=snapshot.taken_at, info_hash=torrent.hash)
    profile = snapshot.profile
    if action.use_wedge and profile is not None and profile.wedges is not None:
        profile = evolve(profile, wedges=profile.wedges - 1)
    return evolve(
        snapshot,
        profile=profile,
        torrents=(*(snapshot.torrents or ()), torrent),
        ledger=(*(snapshot.ledger or ()), entry),
    )


def _deleted(snapshot: Snapshot, action: DeleteTorrent) -> Snapshot:
    if snapshot.torrents is None:
        return snapshot
    left = tuple(torrent for torrent in snapshot.torrents if torrent.hash != action.hash)
    count = snapshot.remembered_count
    return evolve(snapshot, torrents=left, remembered_count=None if count is None else max(0, count - 1))


def _bought(snapshot: Snapshot, action: BuyUpload | BuyVip) -> Snapshot:
    profile = snapshot.profile
    if profile is None or profile.bonus_points is None:
        return snapshot
    profile = evolve(profile, bonus_points=profile.bonus_points - action.cost_bp)
    if isinstance(action, BuyVip):
        start = max(profile.vip_until or 0, snapshot.taken_at)
        return evolve(snapshot, profile=evolve(profile, vip_until=start + action.weeks * WEEK))
    credit = (profile.uploaded_bytes or 0) + action.gib * GIB
    return evolve(snapshot, profile=evolve(profile, uploaded_bytes=credit))


def _set(snapshot: Snapshot, action: SetPreferences) -> Snapshot:
    values = {key: change["to"] for key, change in action.changes.items()}
    if action.client is not None:
        queues = (
            evolve(one, preferences=evolve(one.preferences, **values)) if one.name == action.client else one
            for one in snapshot.queues
        )
        return evolve(snapshot, queues=tuple(queues))
    if snapshot.preferences is None:
        return snapshot
    return evolve(snapshot, preferences=evolve(snapshot.preferences, **values))


def _started(snapshot: Snapshot, action: ForceStart | Resume) -> Snapshot:
    return _changed(snapshot, action.hash, state="forcedUP" if isinstance(action, ForceStart) else "stalledUP")


def _announced(snapshot: Snapshot, action: Reannounce) -> Snapshot:
    return _changed(snapshot, action.hash, messages=(TrackerMessage(host=None, status=WORKING, text=""),))


def _registered(snapshot: Snapshot, action: RegisterAddress) -> Snapshot:  # noqa: ARG001 - one shape for all
    word = snapshot.site_address
    return snapshot if word is None else evolve(snapshot, registered=(snapshot.taken_at, word))


def _changed(snapshot: Snapshot, info_hash: str, **facts: Any) -> Snapshot:
    torrents = tuple(
        evolve(torrent, **facts) if torrent.hash == info_hash else torrent for torrent in snapshot.torrents or ()
    )
    return evolve(snapshot, torrents=torrents if snapshot.torrents is not None else None)


_EFFECTS: dict[type[Action], Callable[[Snapshot, Any], Snapshot]] = {
    AddTorrent: _added,
    DeleteTorrent: _deleted,
    BuyUpload: _bought,
    BuyVip: _bought,
    SetPreferences: _set,
    ForceStart: _started,
    Resume: _started,
    Reannounce: _announced,
    RegisterAddress: _registered,
}
