"""How far a figure from a few values can be trusted."""

from collections.abc import Iterable
from math import fsum, sqrt

from attrs import evolve, frozen

# Fewer values than this say too little for an interval.
LEAST_VALUES = 5

_Z = 1.96
# Student's t for 95 % on both sides together, from 4 degrees of freedom to 30; with more the last is kept, which
# makes intervals a little too wide.
_T = (
    2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110,
    2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@frozen(kw_only=True)
class Estimate:
    """A mean or a share, with its 95 % interval.

    Attributes:
        count: From how many values.
        value: ``None`` where there are none.
        low: Lower end of the interval; ``None`` where there are too few values, as is *high*.
        high: Upper end.
    """

    count: int
    value: float | None
    low: float | None = None
    high: float | None = None

    def differs(self, other: "Estimate") -> bool | None:
        """Whether the intervals lie apart; ``None`` where there are too few values for one of them."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return None
        return self.high < other.low or other.high < self.low


def mean_of(values: Iterable[float]) -> Estimate:
    """Estimate the mean of amounts, none of which can be below zero, by Student's t."""
    mean = difference_of(values)
    return mean if mean.low is None else evolve(mean, low=max(0.0, mean.low))


def difference_of(values: Iterable[float]) -> Estimate:
    """Estimate the mean of values of either sign, by Student's t."""
    amounts = sorted(values)
    count = len(amounts)
    mean = fsum(amounts) / count if count else None
    if mean is None or count < LEAST_VALUES:
        return Estimate(count=count, value=mean)
    deviation = sqrt(fsum((one - mean) ** 2 for one in amounts) / (count - 1))
    reach = _T[min(count - LEAST_VALUES, len(_T) - 1)] * deviation / sqrt(count)
    return Estimate(count=count, value=mean, low=mean - reach, high=mean + reach)


def share_of(part: int, whole: int) -> Estimate:
    """Estimate the share that *part* of *whole* stands for, by Wilson's score interval."""
    if whole < LEAST_VALUES:
        return Estimate(count=whole, value=part / whole if whole else None)
    share, squared = part / whole, _Z * _Z
    middle = (part + squared / 2) / (whole + squared)
    reach = _Z * sqrt(whole * share * (1 - share) + squared / 4) / (whole + squared)
    return Estimate(count=whole, value=share, low=max(0.0, middle - reach), high=min(1.0, middle + reach))
