"""Whether a torrent is still what a plan was made from."""

from harvestmouse.core.model import Torrent

# Seeding time, upload and swarm move all the time and only ever argue for what was decided;
# a fall in seeding time does not.
_FIXED = ("category", "tags", "state", "has_completed", "downloaded_bytes")


def changed(planned: Torrent, fresh: Torrent | None) -> str | None:
    """Return what has changed between plan and act in words, or ``None`` where the plan still stands."""
    if fresh is None:
        return "the client does not list it any more"
    for name in _FIXED:
        before, now = getattr(planned, name), getattr(fresh, name)
        if before != now:
            return f"{name} changed from {_show(before)} to {_show(now)}"
    if (fresh.seeding_time or 0) < (planned.seeding_time or 0):
        return f"seeding_time fell from {planned.seeding_time} s to {fresh.seeding_time} s"
    return None


def _show(value: object) -> str:
    return ", ".join(sorted(value)) or "none" if isinstance(value, frozenset) else str(value)
