"""How many bytes may still be added: what the disk has left for them, and what the category's quota has."""

from math import inf

from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.policy import Policy


def bytes_left(snapshot: Snapshot, policy: Policy) -> float:
    """Return how many bytes of torrents fit the disk and the quota; minus infinity where nobody can tell."""
    return min(disk_left(snapshot, policy), quota_left(snapshot, policy))


def disk_left(snapshot: Snapshot, policy: Policy) -> float:
    """Return the free space above the reserve that is not spoken for by downloads under way."""
    return (snapshot.free_space_bytes or 0) - policy.grab.disk_reserve - still_to_write(snapshot)


def still_to_write(snapshot: Snapshot) -> float:
    """Return how many bytes the downloads of every category still have to write; infinite where nobody can tell."""
    return sum(map(_left, snapshot.torrents or ()))


def _left(torrent: Torrent) -> float:
    if torrent.left_bytes is not None:
        return torrent.left_bytes
    if (torrent.progress or 0) >= 1:
        return 0
    # Without the figure nothing of it may have been written yet.
    return inf if torrent.size_bytes is None else torrent.size_bytes


def quota_left(snapshot: Snapshot, policy: Policy) -> float:
    """Return how many bytes the category may still take; infinite without a quota."""
    quota = policy.grab.category_quota
    return quota - category_bytes(snapshot, policy) if quota else inf


def category_bytes(snapshot: Snapshot, policy: Policy) -> float:
    """Return how many bytes the category's torrents have when they are whole; infinite where a size is unknown.

    What may be of the category for all that is known counts too.
    """
    places = (policy.client.category, None)
    if any(row.category in places for row in snapshot.malformed_torrents):
        return inf
    held = (one for one in snapshot.torrents or () if one.category in places)
    return sum(inf if one.size_bytes is None else one.size_bytes for one in held)
