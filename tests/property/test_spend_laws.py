"""Spending: its limits, that it buys what an exhaustive look at all tiers would, and when a purchase is settled."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from harvestmouse.adapters.interface import Site
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Profile, Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.spend import Purchase, plan_spend, settle
from harvestmouse.runners.config import load
from harvestmouse.runners.fetch import fetch_spend
from harvestmouse.runners.ports import Ports
from tests.property import strategies as my
from tests.support.builders import NOW, decided, profile, snapshot

GIB, DAY, WEEK = 1073741824, 86400, 604800
worlds = my.WORLDS["spend"]


def purchases(plan: Plan) -> list[BuyUpload | BuyVip]:
    """Return the plan's actions, which are purchases all of them."""
    bought = [action for action in plan.actions if isinstance(action, BuyUpload | BuyVip)]
    assert len(bought) == len(plan.actions)
    event(f"bought: {bought[0].kind if bought else 'nothing'}")
    return bought


class TestG6:
    """G6: Spending never takes the balance below the reserve, never buys an amount outside the tiers, never more than
    one purchase a plan.
    """

    @given(worlds)
    def test_the_reserve_is_left(self, world: tuple[Snapshot, Policy]) -> None:
        """Credit and VIP alike, and the price is the site's."""
        seen, policy = world
        for action in purchases(plan_spend(seen, policy)):
            assert seen.profile is not None
            assert seen.profile.bonus_points is not None
            price = action.gib * policy.spend.price_per_gib if isinstance(action, BuyUpload) else action.weeks * 1250
            assert action.cost_bp == price
            assert Fraction(seen.profile.bonus_points) - price >= policy.spend.reserve

    @given(worlds)
    def test_only_amounts_on_sale_are_bought(self, world: tuple[Snapshot, Policy]) -> None:
        """A tier of the policy, or a duration the site sells."""
        seen, policy = world
        for action in purchases(plan_spend(seen, policy)):
            assert action.gib in policy.spend.tiers if isinstance(action, BuyUpload) else action.weeks in (4, 8, 12)

    @given(worlds)
    def test_there_is_never_more_than_one_purchase(self, world: tuple[Snapshot, Policy]) -> None:
        """And none while an earlier one is not settled, or the profile does not tell."""
        seen, policy = world
        bought = purchases(plan_spend(seen, policy))
        assert len(bought) <= 1
        account = seen.profile
        told = account is not None and None not in (
            account.uploaded_bytes,
            account.downloaded_bytes,
            account.bonus_points,
        )
        if seen.purchase_pending or not told:
            assert bought == []

    @given(worlds)
    def test_a_plan_of_spend_passes_its_own_checks(self, world: tuple[Snapshot, Policy]) -> None:
        """The guarantees are checked again before anything is done."""
        seen, policy = world
        assert check(plan_spend(seen, policy), seen, policy) == ()

    @given(worlds, st.sampled_from([1, 49, 50, 60, 75, 100]), st.sampled_from([0, -1, 1]), st.integers(1, 2))
    def test_a_plan_that_buys_anything_else_is_refused(
        self, world: tuple[Snapshot, Policy], gib: int, discount: int, count: int
    ) -> None:
        """Another amount, another price, below the reserve, or twice."""
        seen, policy = world
        spend, points = policy.spend, seen.profile.bonus_points if seen.profile else None
        cost = gib * spend.price_per_gib - discount
        plan = Plan(job="spend", decided_at=NOW, actions=(BuyUpload(gib=gib, cost_bp=cost),) * count)
        paid = points is not None and Fraction(points) - cost >= spend.reserve
        allowed = gib in spend.tiers and discount == 0 and paid and count == 1
        event(f"allowed: {allowed}")
        assert (check(plan, seen, policy) == ()) is allowed


def credit(missing: Fraction, points: float, policy: Policy) -> int | None:
    """Look at every tier, and keep the best by the written preference: it covers, it is small; else it is large."""
    needed = -(-missing // GIB) + 1
    best = None
    for tier in policy.spend.tiers:
        if Fraction(points) - tier * policy.spend.price_per_gib < policy.spend.reserve:
            continue
        covers = tier >= needed
        if best is None or (covers and (best < needed or tier < best)) or (not covers and needed > best < tier):
            best = tier
    return best


def weeks(account: Profile, policy: Policy, now: int) -> int | None:
    """Transcribe the VIP top-up: Power Users and up, at most 90 days ahead, the longest that the points pay for."""
    if not policy.spend.vip or account.account_class not in ("Power User", "VIP", "Elite VIP"):
        return None
    if (account.uploaded_bytes or 0) < 2 * (account.downloaded_bytes or 0):
        return None
    if account.vip_until is None and account.account_class != "Power User":
        return None
    start = max(now, account.vip_until or 0)
    for duration in (12, 8, 4):
        paid = Fraction(account.bonus_points or 0) - duration * 1250 >= policy.spend.reserve
        if paid and start + duration * WEEK <= now + 90 * DAY:
            return duration
    return None


def earned(seen: Snapshot, hours: float) -> float:
    """Return what comes in within some hours: the balances drawn begin at 0 and go straight to what they end at."""
    if not seen.balances:
        return 0.0
    (start, _), (end, points) = seen.balances
    return hours * points / ((end - start) / 3600)


def spilled(seen: Snapshot, policy: Policy) -> int | None:
    """Look at every tier for the least after which nothing reaches the cap before the next run; else take the most."""
    points = cast("Profile", seen.profile).bonus_points or 0.0
    coming = earned(seen, policy.spend.overflow_ahead.total_seconds() / 3600)
    if not policy.spend.overflow or points + coming < 99999:
        return None
    paid = [tier for tier in policy.spend.tiers if Fraction(points) - tier * 500 >= policy.spend.reserve]
    for tier in paid:
        if points - tier * 500 + coming < 99999:
            return tier
    return paid[-1] if paid else None


def expected(seen: Snapshot, policy: Policy) -> dict[str, tuple[str, str]]:
    """Transcribe section 5.3 of the design for an account whose figures are known."""
    account, now = cast("Profile", seen.profile), seen.taken_at
    points = account.bonus_points or 0.0
    missing = (account.downloaded_bytes or 0) * Fraction(policy.spend.target_ratio) - (account.uploaded_bytes or 0)
    if missing > 0:
        tier = credit(missing, points, policy)
        return {"upload": ("buy", f"deficit {tier}") if tier else ("hold", "tier_unaffordable")}
    vip = weeks(account, policy, now)
    # Credit is the last thing points go to: only where the site's cap would swallow them, and no more than that takes.
    surplus = None if vip else spilled(seen, policy)
    if surplus:
        return {"upload": ("buy", f"overflow {surplus}")}
    held = {"upload": ("hold", "no_deficit")}
    return held | (
        {"vip": ("buy", f"vip_top_up {vip}") if vip else ("hold", "vip_not_now")} if policy.spend.vip else {}
    )


class TestTier:
    """Buy the smallest tier that covers the need and fits the budget; where none covers it, the largest that fits."""

    @example(
        (snapshot(profile=profile(downloaded_bytes=60 * GIB, uploaded_bytes=71 * GIB, bonus_points=99999.0)), SEED)
    )
    @given(worlds)
    def test_what_is_bought_is_what_an_exhaustive_look_finds(self, world: tuple[Snapshot, Policy]) -> None:
        """Need and means computed anew, in fractions; in the example a GiB more would be one too many for a tier."""
        seen, policy = world
        plan = plan_spend(seen, policy)
        if plan.skip is not None:
            return
        wanted = expected(seen, policy)
        bought = [f"{why} {amount}" for why, amount in zip(_reasons(plan), _amounts(plan), strict=True)]
        due = [why for verdict, why in wanted.values() if verdict == "buy"]
        if seen.purchase_pending and due:
            event("waits for an earlier purchase")
            assert bought == []
            assert ("hold", "purchase_pending") in decided(plan).values()
            return
        event(f"bought: {due[0] if due else 'nothing'}")
        assert bought == due
        assert decided(plan) == {key: (verdict, why.split()[0]) for key, (verdict, why) in wanted.items()}
        capped = not due and (cast("Profile", seen.profile).bonus_points or 0) >= 99999
        assert bool(plan.advice) is (capped or wanted["upload"] == ("hold", "tier_unaffordable"))


def _reasons(plan: Plan) -> list[str]:
    return [one.reason.value for one in plan.decisions if one.decision.value == "buy"]


def _amounts(plan: Plan) -> list[int]:
    return [action.gib if isinstance(action, BuyUpload) else action.weeks for action in purchases(plan)]


def at(seen: Snapshot, seconds: int) -> Snapshot:
    """Return the account after so many seconds in which nothing was bought and points came in as they did."""
    account = cast("Profile", seen.profile)
    points = account.bonus_points or 0.0
    grown = max(points, min(99999.0, points + earned(seen, 1) * seconds / 3600))
    return evolve(seen, taken_at=seen.taken_at + seconds, profile=evolve(account, bonus_points=grown))


class TestNextPurchase:
    """A plan made at the time that is told does buy, and none made sooner does."""

    @given(worlds, st.floats(0, 1, exclude_max=True))
    def test_it_is_the_first_time_at_which_something_is_bought(
        self, world: tuple[Snapshot, Policy], share: float
    ) -> None:
        """At the income as estimated; a second sooner, or at any time before that, nothing is."""
        seen, policy = world
        plan = plan_spend(seen, policy)
        wait = plan.figures.get("next_useful_seconds")
        if wait is None:
            event("not told")
            return
        assert plan.figures["next_useful_at"] == seen.taken_at + wait
        then = plan_spend(at(seen, wait), policy)
        event(f"{'now' if not wait else 'later'}: {plan.figures['next_useful_reason']}")
        assert [one.reason.value for one in then.decisions if one.decision.value == "buy"] == [
            plan.figures["next_useful_reason"]
        ]
        for sooner in {wait - 1, int(wait * share)} if wait else ():
            assert plan_spend(at(seen, sooner), policy).actions == ()

    @given(worlds, st.integers(0, 40 * DAY))
    def test_where_it_is_not_told_nothing_is_bought_for_long(
        self, world: tuple[Snapshot, Policy], seconds: int
    ) -> None:
        """If points come in as they did, none if that is unknown."""
        seen, policy = world
        plan = plan_spend(seen, policy)
        if plan.figures.get("next_useful_at") is None and plan.skip is None and not seen.purchase_pending:
            event("waited")
            assert plan_spend(at(seen, seconds), policy).actions == ()


class TestWaste:
    """With overflow on, no point that comes in is lost, and none is spent that would not have been."""

    @given(
        points=st.integers(0, 99_999),
        income=st.integers(0, 4_000),
        tiers=st.sampled_from([(50, 100, 200, 500), (50,), (100,)]),
        days=st.integers(3, 20),
    )
    def test_no_point_is_lost_and_the_purse_stays_full(
        self, points: int, income: int, tiers: tuple[int, ...], days: int
    ) -> None:
        """A run every six hours, points every hour, the income known from what was seen."""
        wanted = evolve(SEED, spend=evolve(SEED.spend, overflow=True, tiers=tiers))
        history = ((NOW - 5 * 3600, 0.0), (NOW, 5.0 * income))
        balance, lost, bought = float(points), 0.0, 0
        for run in range(4 * days):
            account = profile(bonus_points=balance)
            seen = snapshot(taken_at=NOW + run * 6 * 3600, profile=account, balances=history)
            for action in purchases(plan_spend(seen, wanted)):
                assert balance + 6 * income >= 99999
                balance -= action.cost_bp
                bought += 1
            for _ in range(6):
                lost += max(0.0, balance + income - 99999)
                balance = min(99999.0, balance + income)
        event(f"{'bought' if bought else 'nothing bought'}")
        assert lost == 0


bought_earlier = st.sampled_from(
    [
        Purchase(at=NOW, cost_bp=25000, gib=50, balance_before=26000.0, uploaded_before=GIB),
        Purchase(at=NOW, cost_bp=5000, weeks=4, balance_before=6000.0, uploaded_before=GIB, vip_until_before=NOW + DAY),
        Purchase(at=NOW, cost_bp=5000, weeks=4, balance_before=6000.0, uploaded_before=GIB),
    ]
)


@st.composite
def settlements(draw: st.DrawFn) -> tuple[Purchase, Profile | None, int]:
    """Draw a purchase, the profile that is read afterwards, and when."""
    purchase = draw(bought_earlier)
    half = purchase.balance_before - purchase.cost_bp / 2
    points = draw(my.rarely(None, purchase.balance_before, half, half + 0.5, 1000.0))
    credit_due = GIB + purchase.gib * GIB
    end = (purchase.vip_until_before or 0) + purchase.weeks * WEEK // 2
    seen = Profile(
        bonus_points=points,
        uploaded_bytes=draw(my.rarely(None, GIB, credit_due, credit_due - 1, credit_due + GIB)),
        vip_until=draw(my.rarely(None, purchase.vip_until_before, end, end - 1, end + DAY)),
    )
    return purchase, draw(my.maybe(st.just(seen))), NOW + draw(my.near(0, 60, 90, DAY))


class TestSettling:
    """A purchase is never retried: the profile is read again, after 60 s at least; while unknown, none is made."""

    @given(settlements())
    def test_points_and_credit_have_to_agree_for_a_day(self, case: tuple[Purchase, Profile | None, int]) -> None:
        """Within a minute nothing is known; after a day what was bought decides alone."""
        purchase, seen, now = case
        verdict = settle(purchase, seen, now)
        event(f"happened: {verdict}")
        if seen is None or seen.bonus_points is None or now - NOW < 60:
            assert verdict is None
            return
        before, weeks_seconds = purchase.vip_until_before or 0, purchase.weeks * WEEK
        if purchase.gib and seen.uploaded_bytes is None:
            assert verdict is None
            return
        arrived = (
            (seen.uploaded_bytes or 0) - purchase.uploaded_before >= purchase.gib * GIB
            if purchase.gib
            else (seen.vip_until or 0) - before >= weeks_seconds / 2
        )
        paid = 2 * (purchase.balance_before - seen.bonus_points) >= purchase.cost_bp
        assert verdict is (arrived if arrived == paid or now - NOW >= DAY else None)

    @settings(max_examples=settings().max_examples // 3)
    @given(
        closed=st.one_of(st.none(), my.near(0, 60, 90, DAY)),
        opened=st.one_of(st.none(), my.near(0, 60, DAY)),
        policy=my.policies(),
    )
    def test_nothing_is_bought_while_one_is_open_or_for_ninety_seconds_after_it_was_closed(
        self, directory: Path, closed: int | None, opened: int | None, policy: Policy
    ) -> None:
        """A profile that is still the old one would argue for the same purchase again."""
        now = NOW + (opened or closed or 0)
        ports = Ports(load({"HARVESTMOUSE_STATE_DIR": str(directory)}), lambda: now)
        # Neither credit nor points move: for a minute nobody knows of the open purchase, then it did not happen.
        ports.site = cast("Site", Poor())
        ports.journal.path.unlink(missing_ok=True)
        if closed is not None:
            ports.journal.close(NOW, "happened")
        if opened is not None:
            ports.journal.open(Purchase(at=NOW, cost_bp=25000, gib=50, balance_before=99999.0, uploaded_before=0))
        bought = purchases(plan_spend(fetch_spend(ports, policy), policy))
        waits = opened is not None or (closed is not None and now - NOW < 90)
        assert bool(bought) is not waits


class Poor:
    """A site that shows the same account whatever is bought: far from any target, and with all the points there are."""

    def profile(self) -> Profile:
        """Return the account."""
        return profile(uploaded_bytes=0, downloaded_bytes=400 * GIB, bonus_points=99999.0)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory that all examples share; each begins with an empty journal."""
    return tmp_path_factory.mktemp("state")
