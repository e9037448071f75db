"""Spending: its limits, and that it buys what an exhaustive look at all tiers would."""

from fractions import Fraction

from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.spend import plan_spend
from tests.property import strategies as my

GIB = 1073741824
worlds = st.tuples(my.spend_snapshots, my.policies())


def purchases(plan: Plan) -> list[BuyUpload | BuyVip]:
    """Return the plan's actions, which are purchases all of them."""
    bought = [action for action in plan.actions if isinstance(action, BuyUpload | BuyVip)]
    assert len(bought) == len(plan.actions)
    event(f"bought: {bought[0].kind if bought else 'nothing'}")
    return bought


class TestG6:
    """G6: Spending never takes the balance below the reserve, buys only tiers, and never more than once a plan."""

    @given(worlds)
    def test_the_reserve_is_left(self, world: tuple[Snapshot, Policy]) -> None:
        """Credit and VIP alike, and the price is the site's."""
        snapshot, policy = world
        for action in purchases(plan_spend(snapshot, policy)):
            assert snapshot.profile is not None
            assert snapshot.profile.bonus_points is not None
            price = action.gib * policy.spend.price_per_gib if isinstance(action, BuyUpload) else action.weeks * 1250
            assert action.cost_bp == price
            assert Fraction(snapshot.profile.bonus_points) - price >= policy.spend.reserve

    @given(worlds)
    def test_only_amounts_on_sale_are_bought(self, world: tuple[Snapshot, Policy]) -> None:
        """A tier of the policy, or a duration the site sells."""
        snapshot, policy = world
        for action in purchases(plan_spend(snapshot, policy)):
            assert action.gib in policy.spend.tiers if isinstance(action, BuyUpload) else action.weeks in (4, 8, 12)

    @given(worlds)
    def test_there_is_never_more_than_one_purchase(self, world: tuple[Snapshot, Policy]) -> None:
        """And none while an earlier one is not settled, or the profile does not tell."""
        snapshot, policy = world
        bought = purchases(plan_spend(snapshot, policy))
        assert len(bought) <= 1
        account = snapshot.profile
        told = account is not None and None not in (
            account.uploaded_bytes,
            account.downloaded_bytes,
            account.bonus_points,
        )
        if snapshot.purchase_pending or not told:
            assert bought == []

    @given(worlds)
    def test_a_plan_of_spend_passes_its_own_checks(self, world: tuple[Snapshot, Policy]) -> None:
        """The guarantees are checked again before anything is done."""
        snapshot, policy = world
        assert check(plan_spend(snapshot, policy), snapshot, policy) == ()


def exhaustive(missing: Fraction, points: float, policy: Policy) -> int | None:
    """Look at every tier, and keep the best by the written preference: it covers, it is small; else it is large."""
    whole = 0
    while Fraction(whole * GIB) < missing:
        whole += 1
    needed = whole + 1
    best = None
    for tier in policy.spend.tiers:
        if Fraction(points) - tier * policy.spend.price_per_gib < policy.spend.reserve:
            continue
        covers = tier >= needed
        if best is None or (covers and (best < needed or tier < best)) or (not covers and needed > best < tier):
            best = tier
    return best


class TestTier:
    """Buy the smallest tier that covers the need and fits the budget; where none covers it, the largest that fits."""

    @given(worlds)
    def test_the_tier_is_what_an_exhaustive_look_finds(self, world: tuple[Snapshot, Policy]) -> None:
        """Need and means computed anew, in fractions."""
        snapshot, policy = world
        account = snapshot.profile
        plan = plan_spend(snapshot, policy)
        if account is None or plan.skip is not None or snapshot.purchase_pending:
            return
        assert account.downloaded_bytes is not None
        assert account.uploaded_bytes is not None
        missing = account.downloaded_bytes * Fraction(policy.spend.target_ratio) - account.uploaded_bytes
        if missing <= 0:
            event("no deficit")
            assert plan.decisions[0].reason.value in ("no_deficit", "overflow")
            return
        tier = exhaustive(missing, account.bonus_points or 0, policy)
        event(f"tier {tier}")
        assert [action.gib for action in plan.actions if isinstance(action, BuyUpload)] == ([tier] if tier else [])
        assert plan.decisions[0].reason.value == ("deficit" if tier else "tier_unaffordable")
        assert bool(plan.advice) is (tier is None)

    @given(worlds)
    def test_with_no_deficit_credit_is_bought_only_where_points_would_be_lost(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """Overflow is on, and the balance is at the site's cap."""
        snapshot, policy = world
        plan = plan_spend(snapshot, policy)
        if plan.decisions and plan.decisions[0].reason.value == "overflow":
            assert policy.spend.overflow
            assert snapshot.profile is not None
            assert (snapshot.profile.bonus_points or 0) >= 99999
