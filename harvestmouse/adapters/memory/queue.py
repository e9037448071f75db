"""Which torrents a client runs, by its queueing preferences."""

from collections.abc import Callable, Iterable

from harvestmouse.core.model import Preferences, Torrent

SEEDING = frozenset({"uploading", "stalledUP", "forcedUP"})
DOWNLOADING = frozenset({"downloading", "stalledDL", "forcedDL"})
FORCED = frozenset({"forcedUP", "forcedDL"})
# The states that take part in the queue, the downloads first, since they come first.
_SIDES = {
    "downloading": "DL", "stalledDL": "DL", "queuedDL": "DL",
    "uploading": "UP", "stalledUP": "UP", "queuedUP": "UP",
}  # fmt: skip
_MOVING = {"DL": "downloading", "UP": "uploading"}


class _Slots:
    def __init__(self, preferences: Preferences) -> None:
        self._limits = preferences
        self._count_slow = not preferences.dont_count_slow_torrents
        self._used = {"UP": 0, "DL": 0}

    def take(self, side: str, *, moves: bool) -> bool:
        """Take a slot, if one is left; where slow torrents are not counted, one that moves nothing needs none."""
        limits = self._limits
        if not limits.queueing_enabled or not (moves or self._count_slow):
            return True
        most = limits.max_active_uploads if side == "UP" else limits.max_active_downloads
        if _is_full(self._used[side], most) or _is_full(sum(self._used.values()), limits.max_active_torrents):
            return False
        self._used[side] += 1
        return True


def queued_states(
    torrents: Iterable[Torrent], preferences: Preferences, moves: Callable[[Torrent], bool]
) -> dict[str, str]:
    """Return the state of every torrent that takes part in the queue, by info-hash.

    Downloads come first, and the older before the newer. Stopped and forced torrents, and those that the client is
    at work on, take no part.

    Args:
        torrents: In any order.
        preferences: The client's.
        moves: Whether a torrent would transfer anything now.
    """
    slots, states = _Slots(preferences), {}
    waiting = [(_SIDES[one.state], one.added_on or 0, one.hash, one) for one in torrents if one.state in _SIDES]
    for side, _, identity, torrent in sorted(waiting, key=lambda entry: entry[:3]):
        moving = moves(torrent)
        if slots.take(side, moves=moving):
            states[identity] = _MOVING[side] if moving else f"stalled{side}"
        else:
            states[identity] = f"queued{side}"
    return states


def _is_full(used: int, most: int | None) -> bool:
    return most is not None and 0 <= most <= used
