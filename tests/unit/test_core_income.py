"""Income is estimated from earlier balances, whatever purchases, gaps, the cap and old profiles do to them."""

import pytest

from harvestmouse.core.income import income_per_hour, waited
from tests.support.builders import DAY, HOUR, NOW, WEEK, profile, snapshot

Balances = tuple[tuple[int, float], ...]


class TestIncome:
    """What came in over the time in which it came in."""

    @pytest.mark.parametrize(
        ("balances", "income"),
        [
            ((), None),
            (((0, 5.0),), None),
            (((0, 0.0), (HOUR - 1, 100.0)), None),
            (((0, 0.0), (HOUR, 100.0)), 100.0),
            (((0, 7.0), (HOUR, 7.0)), 0.0),
            (((5, 9000.0), (5 + HOUR, 9050.0)), 50.0),
            (((0, 0.0), (3 * HOUR, 100.0)), 33.33),
            (((0, 0.0), (1, 100.0), (HOUR + 1, 200.0)), 199.94),
            # A balance that stood still was no purchase, after which the next would not be believed.
            (((0, 0.0), (HOUR, 100.0), (HOUR + 10, 100.0), (HOUR + 80, 150.0), (2 * HOUR, 120.0)), 146.74),
        ],
    )
    def test_it_is_told_from_an_hour_on(self, balances: Balances, income: float | None) -> None:
        """To a hundredth of a point."""
        assert income_per_hour(balances) == income

    @pytest.mark.parametrize(
        ("balances", "income"),
        [
            (((0, 0.0), (HOUR, 100.0), (2 * HOUR, 50.0)), 100.0),
            (((0, 0.0), (HOUR, 100.0), (2 * HOUR, 50.0), (3 * HOUR, 100.0)), 75.0),
        ],
    )
    def test_a_purchase_does_not_count_against_it(self, balances: Balances, income: float) -> None:
        """Nobody knows what came in while the balance fell."""
        assert income_per_hour(balances) == income

    @pytest.mark.parametrize(("after", "believed"), [(0, False), (89, False), (90, True)])
    def test_an_old_profile_after_a_purchase_is_no_income(self, after: int, *, believed: bool) -> None:
        """The site shows the balance of before for a while; 25 000 points have not come in within a minute."""
        bought = 2 * HOUR
        balances = (
            (0, 30_000.0),
            (bought, 30_200.0),
            (bought + 2, 5_200.0),
            (bought + 2 + after, 30_200.0),
            (bought + 2 + HOUR // 2, 5_300.0),
        )
        income = income_per_hour(balances)
        assert income is not None
        assert income > 10_000 if believed else income == 120.0

    @pytest.mark.parametrize(
        ("balances", "income"),
        [
            (((0, 99_899.0), (HOUR, 99_998.0), (2 * HOUR, 99_999.0)), 99.0),
            (((0, 99_999.0), (HOUR, 99_999.0), (2 * HOUR, 99_999.0)), None),
            (((0, 120_000.0), (HOUR, 120_000.0)), None),
        ],
    )
    def test_the_cap_tells_nothing(self, balances: Balances, income: float | None) -> None:
        """A balance that stands at the cap is no income of 0, nor is one that has just reached it a small one."""
        assert income_per_hour(balances) == income

    @pytest.mark.parametrize(("gap", "income"), [(2 * DAY, 6.0), (2 * DAY + 1, 100.0)])
    def test_a_long_gap_tells_nothing(self, gap: int, income: float) -> None:
        """Somebody may have spent points by hand in it."""
        start = 2 * HOUR
        assert income_per_hour(((0, 0.0), (start, 200.0), (start + gap, 300.0))) == income

    @pytest.mark.parametrize(("age", "income"), [(WEEK, 70.0), (WEEK + 1, 100.0)])
    def test_only_the_last_week_counts(self, age: int, income: float) -> None:
        """An account that seeds more now earns more now; here 40 an hour came before."""
        start = 10 * WEEK - age
        balances = ((start, 0.0), (start + HOUR, 40.0), (10 * WEEK - HOUR, 10.0), (10 * WEEK, 110.0))
        assert income_per_hour(balances) == income

    @pytest.mark.parametrize(
        ("balances", "income"),
        [
            (((0, 1.0), (0, 9.0), (HOUR, 109.0)), 100.0),
            (((HOUR, 0.0), (0, 100.0)), None),
            (((0, 0.0), (HOUR, 100.0), (HOUR, 100.0), (2 * HOUR, 200.0)), 100.0),
            (((0, 100.0), (2 * HOUR, 50.0), (HOUR, 60.0), (3 * HOUR, 260.0)), 100.0),
            (((0, 0.0), (9 * WEEK, 50.0), (HOUR, 60.0), (3 * HOUR, 260.0)), 100.0),
        ],
    )
    def test_balances_seen_twice_or_by_a_wrong_clock_are_left_out(self, balances: Balances, income: float) -> None:
        """Time that did not pass earned nothing."""
        assert income_per_hour(balances) == income


class TestWaited:
    """What the balance will be."""

    @pytest.mark.parametrize(
        ("points", "balances", "then"),
        [
            (100.0, ((0, 0.0), (HOUR, 50.0)), 200.0),
            (100.0, (), 100.0),
            (99_990.0, ((0, 0.0), (HOUR, 50.0)), 99_999.0),
            (120_000.0, ((0, 0.0), (HOUR, 50.0)), 120_000.0),
            (None, ((0, 0.0), (HOUR, 50.0)), None),
        ],
    )
    def test_it_grows_up_to_the_cap(self, points: float | None, balances: Balances, then: float | None) -> None:
        """One that is over it already stays; what is unknown stays unknown."""
        seen = waited(snapshot(profile=profile(bonus_points=points), balances=balances), 2 * HOUR)
        assert seen.profile is not None
        assert (seen.taken_at, seen.profile.bonus_points) == (NOW + 2 * HOUR, then)
        assert seen.balances == balances

    def test_without_a_profile_only_time_passes(self) -> None:
        """Nobody knows of any points."""
        assert waited(snapshot(profile=None), 5) == snapshot(profile=None, taken_at=NOW + 5)
