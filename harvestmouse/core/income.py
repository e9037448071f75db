"""How many points come in, estimated from the balances that earlier runs have seen."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from attrs import evolve

from harvestmouse.core.model import Snapshot
from harvestmouse.core.units import DAY, HOUR, WEEK

# Site rule: what comes in above this balance is lost.
BALANCE_CAP = 99_999
# How long after a purchase the site may show an old profile, which would argue for the same purchase again.
PAUSE_SECONDS = 90
# Less than a point a week is as good as none.
LEAST_INCOME = HOUR / WEEK
# Balances closer together than this say little, since points are credited every hour.
_LEAST_HISTORY_SECONDS = HOUR
# What came in longer before the last balance than this is no recent income.
_RECENT_SECONDS = WEEK
# Between balances further apart than this somebody may have spent points by hand, unseen.
_LONGEST_GAP_SECONDS = 2 * DAY

Balances = tuple[tuple[int, float], ...]


@lru_cache(maxsize=16)
def income_per_hour(balances: Balances) -> float | None:
    """Estimate the points earned an hour, to a hundredth.

    Only time between two balances counts in which the balance did not fall, since that is a purchase, and did not end
    at the site's cap, where nobody sees what is lost.

    Args:
        balances: (unix seconds, points), in the order in which they were seen.

    Returns:
        ``None`` where they cover less than an hour.
    """
    seconds, earned = 0, 0.0
    for (start, before), (end, after) in pairwise(_recent(balances)):
        if 0 < end - start <= _LONGEST_GAP_SECONDS and before <= after < BALANCE_CAP:
            seconds += end - start
            earned += after - before
    return round(earned * HOUR / seconds, 2) if seconds >= _LEAST_HISTORY_SECONDS else None


def waited(snapshot: Snapshot, seconds: int) -> Snapshot:
    """Return the snapshot as it would be had only points come in, as they did; an unknown income adds nothing."""
    profile, income = snapshot.profile, income_per_hour(snapshot.balances) or 0.0
    if profile is not None and profile.bonus_points is not None:
        points = profile.bonus_points
        grown = max(points, min(points + income * seconds / HOUR, BALANCE_CAP))
        profile = evolve(profile, bonus_points=grown)
    return evolve(snapshot, taken_at=snapshot.taken_at + seconds, profile=profile)


def _recent(balances: Balances) -> Iterable[tuple[int, float]]:
    """Yield the balances of the last week, but those that the site still showed after a purchase."""
    fell_at: int | None = None
    last: tuple[int, float] | None = None
    for at, points in balances:
        if balances[-1][0] - at > _RECENT_SECONDS:
            continue
        if last is not None and points < last[1]:
            fell_at = at
        elif fell_at is not None and 0 <= at - fell_at < PAUSE_SECONDS:
            continue
        last = (at, points)
        yield last
