"""How many points come in, estimated from the balances that earlier runs have seen."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

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


def income_per_hour(balances: Sequence[tuple[int, float]]) -> float | None:
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


def balance_after(points: float, income: float | None, seconds: int) -> float:
    """Return the balance after so many seconds without a purchase; an unknown income adds nothing."""
    return max(points, min(points + (income or 0.0) * seconds / HOUR, BALANCE_CAP))


def _recent(balances: Sequence[tuple[int, float]]) -> Iterable[tuple[int, float]]:
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
