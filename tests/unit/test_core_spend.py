"""What is bought, what is not, and what the operator is told instead."""

from datetime import timedelta
from typing import Any

import pytest

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Profile
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.spend import (
    Purchase,
    budget,
    by_hand,
    choose_tier,
    next_purchase,
    plan_spend,
    settle,
)
from tests.support.builders import DAY, GIB, HOUR, MIB, NOW, WEEK, decided, mouse, policy, profile, skipped, snapshot


def plan(account: Profile | None, with_policy: Policy = SEED, **changes: Any) -> Plan:
    """Plan the spending of this account."""
    return plan_spend(snapshot(profile=account, **changes), with_policy)


def owing(gib: int, points: float) -> Profile:
    """Return an account that is *gib* whole GiB short of its target ratio."""
    return profile(uploaded_bytes=0, downloaded_bytes=gib * GIB // 2, bonus_points=points)


class TestBudget:
    """`needed_gib = ceil(deficit in GiB) + 1` if there is a deficit, else 0; `affordable_gib` is above the reserve."""

    @pytest.mark.parametrize(
        ("uploaded", "downloaded", "deficit", "needed"),
        [
            (20 * GIB, 10 * GIB, 0, 0),
            (20 * GIB + 1, 10 * GIB, 0, 0),
            (20 * GIB - 1, 10 * GIB, 1, 2),
            (19 * GIB, 10 * GIB, GIB, 2),
            (19 * GIB - 1, 10 * GIB, GIB + 1, 3),
            (0, 715 * MIB, 1430 * MIB, 3),
            (0, 0, 0, 0),
        ],
    )
    def test_the_need_is_the_deficit_rounded_up_and_one_more(
        self, uploaded: int, downloaded: int, deficit: int, needed: int
    ) -> None:
        """To the byte, without rounding on the way."""
        need = budget(uploaded, downloaded, 0, SEED.spend)
        assert (need.deficit_bytes, need.needed_gib) == (deficit, needed)

    @pytest.mark.parametrize(
        ("points", "affordable"),
        [(0, 0), (500, 0), (999, 0), (999.9, 0), (1000, 1), (24551, 48), (25499.9, 49), (25500, 50), (99999, 198)],
    )
    def test_the_means_are_whole_gib_above_the_reserve(self, points: float, affordable: int) -> None:
        """A point short is a GiB short."""
        assert budget(0, 0, points, SEED.spend).affordable_gib == affordable

    def test_a_target_that_is_no_binary_fraction_is_taken_as_it_is(self) -> None:
        """A deficit of a fraction of a byte is a deficit."""
        need = budget(10, 10, 0, policy(spend={"target_ratio": 1.01}).spend)
        assert (need.deficit_bytes, need.needed_gib) == (1, 2)


class TestTier:
    """The smallest tier that covers the need and fits the budget; where none does, the largest that fits."""

    @pytest.mark.parametrize(
        ("needed", "points", "tier"),
        [
            (2, 25500, 50),
            (2, 25499, None),
            (50, 99999, 50),
            (51, 99999, 100),
            (100, 99999, 100),
            (101, 99999, 100),
            (101, 50499, 50),
            (51, 50500, 100),
            (9999, 50500, 100),
            (9999, 50499, 50),
            (150, 100500, 200),
        ],
    )
    def test_the_tier_follows_from_need_and_budget(self, needed: int, points: float, tier: int | None) -> None:
        """At the price exactly, the tier is affordable; a point less, and it is not."""
        need = budget(0, (needed - 1) * GIB // 2, points, SEED.spend)
        assert need.needed_gib == needed
        assert choose_tier(need, SEED.spend.tiers) == tier

    def test_two_hundred_is_out_of_reach_under_the_site_s_cap(self) -> None:
        """At the cap of 99 999 points the largest purchase is 100 GiB."""
        made = plan(owing(500, 99999))
        assert made.actions == (BuyUpload(gib=100, cost_bp=50000),)

    def test_without_a_deficit_nothing_is_bought(self) -> None:
        """However rich the account is."""
        made = plan(profile(bonus_points=99998.9))
        assert (decided(made), made.actions, made.advice) == ({"upload": ("hold", "no_deficit")}, (), ())

    def test_with_a_deficit_one_tier_is_bought(self) -> None:
        """The decision shows need and means."""
        made = plan(owing(40, 30000))
        assert made.actions == (BuyUpload(gib=50, cost_bp=25000),)
        assert decided(made) == {"upload": ("buy", "deficit")}
        assert made.figures["buy_gib"] == 50


class TestGuards:
    """A purchase is never made while its ground or an earlier purchase's fate is unknown."""

    @pytest.mark.parametrize("missing", ["uploaded_bytes", "downloaded_bytes", "bonus_points"])
    def test_an_unknown_figure_skips_the_job(self, missing: str) -> None:
        """Absent is unknown, never zero."""
        unknown: dict[str, Any] = {missing: None}
        made = plan(profile(**unknown))
        assert (skipped(made), made.complete, made.decisions) == ("profile_unknown", False, ())

    def test_an_unknown_profile_skips_the_job(self) -> None:
        """There is nothing to decide on."""
        assert skipped(plan(None)) == "profile_unknown"

    def test_a_class_is_not_needed(self) -> None:
        """Credit is what takes an account out of class Mouse, or out of a class nobody knows."""
        account = owing(40, 30000)
        for account_class in (AccountClass.MOUSE, None):
            made = plan(profile(account_class=account_class, uploaded_bytes=0, bonus_points=account.bonus_points))
            assert len(made.actions) == 1

    def test_an_unsettled_purchase_holds_the_next(self) -> None:
        """Whatever the deficit, and with VIP and overflow on."""
        rich = policy(spend={"vip": True, "overflow": True})
        for account in (owing(40, 30000), profile(bonus_points=99999.0)):
            made = plan(account, rich, purchase_pending=True)
            assert (decided(made), made.actions) == ({"upload": ("hold", "purchase_pending")}, ())


class TestAdvice:
    """Where even 50 does not fit: the purchase by hand that helps, and when the smallest tier is affordable."""

    def test_the_incident_is_told_its_way_out(self) -> None:
        """1 GiB by hand for 500 points lifts the ratio to about 1.4 (incident I2)."""
        made = plan(mouse())
        assert decided(made) == {"upload": ("hold", "tier_unaffordable")}
        text = " ".join(made.advice)
        assert "1 GiB of upload credit for 500 BP would lift the ratio from 0.00 to 1.43, over 1.2" in text
        assert made.advice[0] == (
            "The smallest automated purchase, 50 GiB, costs 25000 BP; with the reserve of 500 BP, 949 BP are missing."
        )
        assert (made.figures["needed_gib"], made.figures["affordable_gib"]) == (3, 48)

    def test_the_waiting_time_follows_from_recent_income(self) -> None:
        """949 points at 100 an hour are nine and a half hours, less a little."""
        made = plan(mouse(), balances=((NOW - 10 * HOUR, 23551.0), (NOW, 24551.0)))
        assert "at 100 BP/h takes about 9 h 29 min" in made.advice[0]

    def test_no_income_is_told_as_such(self) -> None:
        """Nothing comes in: waiting will not do."""
        made = plan(mouse(), balances=((NOW - 10 * HOUR, 24551.0), (NOW, 24551.0)))
        nothing = "949 BP are missing, and no points have come in lately: seed more torrents past their 72 hours."
        assert made.advice[0].endswith(nothing)
        slow = plan(mouse(), balances=((NOW - DAY, 24550.0), (NOW, 24551.0)))
        assert "which at 0 BP/h takes about" in slow.advice[0]

    @pytest.mark.parametrize(
        ("figures", "ever"),
        [
            ({"tiers": (199,)}, True),
            ({"tiers": (200,)}, False),
            ({"reserve": 74_999}, True),
            ({"reserve": 75_000}, False),
        ],
    )
    def test_a_policy_that_no_balance_can_satisfy_is_told(self, figures: dict[str, Any], *, ever: bool) -> None:
        """The balance is capped, so a purchase dearer than the cap less the reserve never comes."""
        made = plan(mouse(), policy(spend={"reserve": 499, **figures}))
        assert made.advice[0].endswith("so nothing will ever be bought: lower tiers or reserve.") is not ever

    def test_next_to_no_income_is_no_crash(self) -> None:
        """A denormal income is as good as none."""
        assert plan(mouse(), balances=((NOW - HOUR, 0.0), (NOW, 5e-324))).advice

    @pytest.mark.parametrize(
        ("points", "downloaded", "amount"),
        [
            (500.0, 1 * GIB, "1 GiB"),
            (499.0, 1 * GIB, None),
            (1250.0, 2 * GIB, "2.5 GiB"),
            (1249.0, 2 * GIB, None),
            (10000.0, 20 * GIB, "20 GiB"),
        ],
    )
    def test_only_a_purchase_that_can_be_paid_is_advised(
        self, points: float, downloaded: int, amount: str | None
    ) -> None:
        """The smallest that reaches a threshold; by hand, the reserve does not bind."""
        made = plan(mouse(bonus_points=points, downloaded_bytes=downloaded))
        by_hand = [sentence for sentence in made.advice if sentence.startswith("By hand")]
        assert [amount in sentence for sentence in by_hand if amount] == ([True] if amount else [])
        assert len(by_hand) == (amount is not None)

    def test_an_account_that_downloaded_nothing_has_no_ratio_to_lift(self) -> None:
        """No plan asks for it, since such an account is never short."""
        assert by_hand(profile(uploaded_bytes=0, downloaded_bytes=0, bonus_points=9999.0), SEED) is None
        for unknown in ({"uploaded_bytes": None}, {"downloaded_bytes": None}, {"bonus_points": None}):
            assert by_hand(mouse(**unknown), SEED) is None

    def test_a_floor_below_the_sites_ratio_is_none_to_be_content_with(self) -> None:
        """1 GiB would lift the account over the policy's 0.5, and leave it in class Mouse."""
        found = by_hand(mouse(downloaded_bytes=2 * GIB), policy(grab={"ratio_floor": 0.5}))
        assert found is not None
        assert (float(found.gib), found.ratio, found.over) == (2.5, 1.25, 1.0)

    def test_the_largest_amount_of_the_store_is_100_gib(self) -> None:
        """More takes several purchases."""
        found = by_hand(mouse(downloaded_bytes=100 * GIB, bonus_points=50_000.0), SEED)
        assert found is not None
        assert (float(found.gib), found.cost_bp) == (100.0, 50_000)
        assert by_hand(mouse(downloaded_bytes=100 * GIB + 1, bonus_points=99_999.0), SEED) is None

    def test_a_need_beyond_the_largest_tier_is_told(self) -> None:
        """Several purchases will follow; 499 GiB and one more are a single one."""
        assert any("several purchases" in sentence for sentence in plan(owing(500, 100)).advice)
        assert not any("several purchases" in sentence for sentence in plan(owing(499, 100)).advice)

    def test_a_threshold_that_is_reached_is_none_to_lift_over(self) -> None:
        """An account at 1.0 exactly is told what takes it over 1.2."""
        made = plan(profile(uploaded_bytes=20 * GIB, downloaded_bytes=20 * GIB, bonus_points=5000.0))
        assert "5 GiB of upload credit for 2500 BP would lift the ratio from 1.00 to 1.25, over 1.2." in made.advice[1]


VIP = policy(spend={"vip": True})


def member(until: int | None = NOW + 30 * DAY, points: float = 20000.0, **changes: Any) -> Profile:
    """Return a VIP account without a deficit."""
    facts = {"account_class": AccountClass.VIP, "class_name": "VIP", "vip_until": until, "bonus_points": points}
    return profile(**(facts | changes))


class TestVip:
    """VIP top-up (1 250 BP a week, at least one week, at most about 90 days ahead), off by default."""

    @pytest.mark.parametrize("name", [AccountClass.POWER_USER, AccountClass.VIP])
    def test_none_is_bought_where_its_end_cannot_be_read(self, name: AccountClass) -> None:
        """A Power User without an end has none; one with an end that nobody can read may have it all."""
        account = member(None, account_class=name, class_name=name.value, vip_unreadable=True)
        assert plan(account, VIP).actions == ()

    def test_it_is_off_by_default(self) -> None:
        """There is no decision about VIP then."""
        made = plan(member())
        assert (decided(made), made.actions) == ({"upload": ("hold", "no_deficit")}, ())

    @pytest.mark.parametrize(
        ("ahead", "weeks"),
        [
            (0, 12),
            (6 * DAY, 12),
            (6 * DAY + 1, 8),
            (34 * DAY, 8),
            (34 * DAY + 1, 4),
            (62 * DAY, 4),
            (62 * DAY + 1, None),
        ],
    )
    def test_the_longest_duration_under_the_horizon_is_bought(self, ahead: int, weeks: int | None) -> None:
        """Durations on sale are 4, 8 and 12 weeks; the horizon is 90 days."""
        made = plan(member(NOW + ahead), VIP)
        bought = [action for action in made.actions if isinstance(action, BuyVip)]
        assert bought == ([] if weeks is None else [BuyVip(weeks=weeks, cost_bp=weeks * 1250)])
        expected = ("hold", "vip_not_now") if weeks is None else ("buy", "vip_top_up")
        assert decided(made) == {"upload": ("hold", "no_deficit"), "vip": expected}

    @pytest.mark.parametrize(
        ("points", "weeks"), [(15500.0, 12), (15499.0, 8), (10500.0, 8), (10499.0, 4), (5500.0, 4), (5499.0, None)]
    )
    def test_the_reserve_binds_here_too(self, points: float, weeks: int | None) -> None:
        """At price and reserve exactly, it is affordable."""
        made = plan(member(NOW, points), VIP)
        assert [action.weeks for action in made.actions if isinstance(action, BuyVip)] == ([weeks] if weeks else [])

    @pytest.mark.parametrize(
        ("account_class", "until", "buys"),
        [
            (AccountClass.MOUSE, None, False),
            (AccountClass.USER, None, False),
            (None, None, False),
            (AccountClass.POWER_USER, None, True),
            (AccountClass.VIP, None, False),
            (AccountClass.ELITE_VIP, None, False),
            (AccountClass.ELITE_VIP, NOW - DAY, True),
        ],
    )
    def test_it_is_for_power_users_and_up(
        self, account_class: AccountClass | None, until: int | None, *, buys: bool
    ) -> None:
        """A VIP account whose end of VIP is unknown is left alone."""
        made = plan(member(until, account_class=account_class), VIP)
        assert bool(made.actions) is buys

    @pytest.mark.parametrize(("uploaded", "buys"), [(20 * GIB, True), (20 * GIB - 1, False)])
    def test_the_site_wants_a_ratio_of_two_for_it(self, uploaded: int, *, buys: bool) -> None:
        """Whatever target the policy has."""
        modest = policy(spend={"vip": True, "target_ratio": 1.0})
        assert bool(plan(member(NOW, uploaded_bytes=uploaded), modest).actions) is buys

    def test_a_deficit_comes_first(self) -> None:
        """At most one purchase a run, and credit is the one."""
        made = plan(member(NOW, 99999.0, uploaded_bytes=0), VIP)
        assert made.actions == (BuyUpload(gib=50, cost_bp=25000),)


SPILLING = policy(spend={"overflow": True})


def earning(income: int) -> tuple[tuple[int, float], ...]:
    """Return balances of ten hours in which so many points came in every hour."""
    return ((NOW - 10 * HOUR, 0.0), (NOW, 10.0 * income))


class TestOverflow:
    """Overflow (the balance is capped at 99 999: spend what would be lost), off by default."""

    def test_at_the_cap_the_smallest_tier_is_bought(self) -> None:
        """A point below the cap nothing is lost yet, as far as anybody knows."""
        made = plan(profile(bonus_points=99999.0), SPILLING)
        assert (decided(made), made.actions) == ({"upload": ("buy", "overflow")}, (BuyUpload(gib=50, cost_bp=25000),))
        assert made.advice == ()
        assert plan(profile(bonus_points=99998.9), SPILLING).actions == ()

    @pytest.mark.parametrize(
        ("income", "points", "ahead", "buys"),
        [
            (1000, 93_999.0, 6, True),
            (1000, 93_998.9, 6, False),
            (1000, 87_999.0, 12, True),
            (1000, 87_998.0, 12, False),
            (1000, 99_998.0, 0, False),
            (0, 99_998.0, 6, False),
            (0, 99_999.0, 6, True),
        ],
    )
    def test_points_are_spent_before_the_cap_takes_any(
        self, income: int, points: float, ahead: int, *, buys: bool
    ) -> None:
        """Where the next run, six hours later, would find the balance at its cap."""
        wanted = policy(spend={"overflow": True, "overflow_ahead": timedelta(hours=ahead)})
        made = plan(profile(bonus_points=points), wanted, balances=earning(income))
        assert decided(made) == {"upload": ("buy", "overflow") if buys else ("hold", "no_deficit")}

    @pytest.mark.parametrize(
        ("income", "tier"),
        [(0, 50), (4166, 50), (4167, 100), (8333, 100), (9000, 100)],
    )
    def test_the_smallest_tier_that_ends_it_is_bought(self, income: int, tier: int) -> None:
        """25 000 points last six hours at 4 166 an hour; where no tier is enough, the largest that fits."""
        made = plan(profile(bonus_points=99999.0), SPILLING, balances=earning(income))
        assert made.actions == (BuyUpload(gib=tier, cost_bp=tier * 500),)

    def test_a_tier_that_leaves_just_too_much_is_not_enough(self) -> None:
        """25 000 points in five hours: what 50 GiB leaves would be at the cap again by the next run."""
        wanted = policy(spend={"overflow": True, "overflow_ahead": timedelta(hours=5)})
        made = plan(profile(bonus_points=99999.0), wanted, balances=earning(5000))
        assert made.actions == (BuyUpload(gib=100, cost_bp=50000),)

    def test_a_deficit_comes_first(self) -> None:
        """Even where no tier that it needs is affordable, nothing else is bought."""
        wanted = policy(spend={"overflow": True, "vip": True, "reserve": 90_000})
        made = plan(member(NOW, 99999.0, uploaded_bytes=0), wanted)
        assert (decided(made), made.actions) == ({"upload": ("hold", "tier_unaffordable")}, ())

    def test_a_reserve_near_the_cap_holds_it(self) -> None:
        """The reserve is never spent."""
        made = plan(profile(bonus_points=99999.0), policy(spend={"overflow": True, "reserve": 90000}))
        assert decided(made) == {"upload": ("hold", "no_deficit")}
        (advice,) = made.advice
        assert advice.endswith("further points are lost: spend some by hand, or lower tiers or reserve.")

    def test_the_smallest_tier_may_take_all_there_is(self) -> None:
        """It is affordable to the last point above the reserve."""
        spilling = policy(spend={"overflow": True, "reserve": 99999 - 25000})
        assert plan(profile(bonus_points=99999.0), spilling).actions == (BuyUpload(gib=50, cost_bp=25000),)

    def test_an_unsettled_purchase_holds_vip_and_nothing_else(self) -> None:
        """What was not to be bought anyway keeps its own reason."""
        made = plan(member(NOW), VIP, purchase_pending=True)
        assert decided(made) == {"upload": ("hold", "no_deficit"), "vip": ("hold", "purchase_pending")}
        assert made.actions == ()

    def test_vip_comes_first(self) -> None:
        """Points in excess are better spent on VIP, where that is on."""
        made = plan(member(NOW, 99999.0), policy(spend={"overflow": True, "vip": True}))
        assert made.actions == (BuyVip(weeks=12, cost_bp=15000),)

    def test_what_vip_leaves_is_spent_on_credit(self) -> None:
        """Once it reaches as far ahead as the site allows."""
        made = plan(member(NOW + 90 * DAY, 99999.0), policy(spend={"overflow": True, "vip": True}))
        assert made.actions == (BuyUpload(gib=50, cost_bp=25000),)

    @pytest.mark.parametrize(
        ("points", "balances", "lost"),
        [
            (99_998.0, earning(40), 0.0),
            (99_999.0, earning(40), 960.0),
            (99_999.0, (), None),
        ],
    )
    def test_what_the_cap_takes_is_told(
        self, points: float, balances: tuple[tuple[int, float], ...], lost: float | None
    ) -> None:
        """A day; unknown without an income, and nothing under the cap."""
        made = plan(profile(bonus_points=points), balances=balances)
        assert made.figures["points_lost_per_day"] == lost
        if lost:
            (advice,) = made.advice
            assert advice.endswith("are lost, about 960 a day: spend some by hand, or set overflow = true in [spend].")


class TestNextPurchase:
    """When a spend run can next do something, if points come in as they did."""

    @pytest.mark.parametrize(
        ("account", "changes", "income", "seconds", "reason"),
        [
            (mouse(), {}, 100, 949 * 36, "deficit"),
            (mouse(bonus_points=25_500.0), {}, 0, 0, "deficit"),
            (profile(bonus_points=50_000.0), {"overflow": True}, 1000, 158_397, "overflow"),
            (profile(bonus_points=99_999.0), {"overflow": True}, 0, 0, "overflow"),
            (profile(account_class="VIP", vip_until=NOW + 63 * DAY), {"vip": True}, 50, DAY, "vip_top_up"),
            (
                profile(account_class="VIP", vip_until=NOW, bonus_points=500.0),
                {"vip": True},
                50,
                100 * HOUR,
                "vip_top_up",
            ),
            (member(NOW + 428 * DAY), {"vip": True}, 0, 366 * DAY, "vip_top_up"),
        ],
    )
    def test_it_is_told_to_the_second(
        self, account: Profile, changes: dict[str, Any], income: int, seconds: int, reason: str
    ) -> None:
        """The smallest tier is affordable, VIP has room for four weeks and they are paid for, or points would be lost.

        949 points at 100 an hour; 44 000 before the level of 94 000, less one.
        """
        made = plan(account, policy(spend=changes), balances=earning(income))
        assert made.figures["next_useful_reason"] == reason
        assert made.figures["next_useful_seconds"] == seconds
        assert made.figures["next_useful_at"] == NOW + made.figures["next_useful_seconds"]

    @pytest.mark.parametrize(
        ("account", "changes", "balances"),
        [
            (mouse(), {}, ()),
            (mouse(), {}, earning(0)),
            (mouse(), {"tiers": (500,)}, earning(1000)),
            (mouse(bonus_points=0.0), {}, earning(2)),
            (profile(), {}, earning(1000)),
            (member(NOW + 428 * DAY + 1), {"vip": True}, ()),
            (profile(), {"vip": True}, earning(1000)),
            (profile(uploaded_bytes=None), {"overflow": True}, earning(1000)),
        ],
    )
    def test_it_is_not_told_where_nobody_knows_or_it_never_comes(
        self, account: Profile, changes: dict[str, Any], balances: tuple[tuple[int, float], ...]
    ) -> None:
        """No income is known, none comes in, the tier is beyond the cap, a year is not enough, nothing is wanted."""
        wanted = policy(spend=changes)
        assert next_purchase(snapshot(profile=account, balances=balances), wanted.spend) is None
        assert plan(account, wanted, balances=balances).figures.get("next_useful_at") is None

    def test_an_open_purchase_leaves_it_unknown(self) -> None:
        """A later run settles it."""
        made = plan(mouse(), balances=earning(100), purchase_pending=True)
        assert made.figures["next_useful_at"] is None


def bought(**changes: Any) -> Purchase:
    """Return a purchase of 50 GiB made a minute ago from a balance of 30 000."""
    facts: dict[str, Any] = {"at": NOW - 60, "cost_bp": 25000, "balance_before": 30000.0, "uploaded_before": 0}
    return Purchase(**({"gib": 50} | facts | changes))


class TestSettle:
    """The profile is read again, after 60 s at least, and the purchase journal decides whether it happened."""

    def test_of_what_was_not_bought_there_is_nothing(self) -> None:
        """As the journal has it: VIP is no GiB, and credit no weeks."""
        vip = Purchase(at=NOW, cost_bp=5000, weeks=4, balance_before=30000.0, uploaded_before=0)
        assert (vip.gib, vip.vip_until_before, bought().weeks) == (0, None, 0)

    @pytest.mark.parametrize(
        ("points", "uploaded", "happened"),
        [
            (5000.0, 50 * GIB, True),
            (6000.0, 51 * GIB, True),
            (30000.0, 0, False),
            (31000.0, 50 * GIB - 1, False),
            (5000.0, 0, None),
            (30000.0, 50 * GIB, None),
        ],
    )
    def test_credit_and_points_together_tell(self, points: float, uploaded: int, *, happened: bool | None) -> None:
        """Where they contradict each other nothing is known."""
        assert settle(bought(), profile(bonus_points=points, uploaded_bytes=uploaded), NOW) is happened

    def test_the_profile_is_not_believed_for_a_minute(self) -> None:
        """The site shows a stale balance until then."""
        assert settle(bought(at=NOW - 59), profile(bonus_points=5000.0, uploaded_bytes=50 * GIB), NOW) is None

    @pytest.mark.parametrize(
        ("points", "uploaded"),
        [
            (31000.0, 51 * GIB),
            (31000.0, 50 * GIB),
        ],
    )
    def test_a_purchase_looked_at_late_is_settled_some_day(self, points: float, uploaded: int) -> None:
        """After a week without a run, points or credit have come in by seeding; the doubt must not last for ever."""
        purchase = bought(at=NOW - 7 * DAY)
        assert settle(purchase, profile(bonus_points=points, uploaded_bytes=uploaded), NOW) is not None

    @pytest.mark.parametrize("missing", [{"bonus_points": None}, {"uploaded_bytes": None}])
    def test_an_unknown_figure_settles_nothing(self, missing: dict[str, Any]) -> None:
        """Nor does a missing profile."""
        assert settle(bought(), profile(**missing), NOW) is None
        assert settle(bought(), None, NOW) is None

    @pytest.mark.parametrize(
        ("points", "until", "happened"),
        [
            (25000.0, NOW + 5 * WEEK, True),
            (30000.0, NOW + WEEK, False),
            (25000.0, None, None),
            (30000.0, NOW + 5 * WEEK, None),
        ],
    )
    def test_vip_is_told_by_its_end(self, points: float, until: int | None, *, happened: bool | None) -> None:
        """Four weeks were added to one, or not."""
        purchase = bought(gib=0, weeks=4, cost_bp=5000, vip_until_before=NOW + WEEK)
        assert settle(purchase, profile(bonus_points=points, vip_until=until), NOW) is happened

    @pytest.mark.parametrize(("points", "happened"), [(25000.0, True), (30000.0, False)])
    def test_where_its_end_cannot_be_read_the_points_decide_after_a_day(self, points: float, happened: bool) -> None:
        """Until then nobody knows."""
        later = profile(bonus_points=points, vip_unreadable=True)
        bought_at = {"gib": 0, "weeks": 4, "cost_bp": 5000}
        assert settle(bought(at=NOW - DAY + 1, **bought_at), later, NOW) is None
        assert settle(bought(at=NOW - DAY, **bought_at), later, NOW) is happened

    def test_the_evidence_is_believed_to_its_edge(self) -> None:
        """Half the price is paid, half the weeks are arrived, and after a day credit decides."""
        credit, half = bought(), 30000.0 - 25000 / 2
        assert settle(credit, profile(bonus_points=half, uploaded_bytes=50 * GIB), NOW) is True
        assert settle(credit, profile(bonus_points=half + 1, uploaded_bytes=0), NOW) is False
        vip = bought(gib=0, weeks=3, cost_bp=5000)
        middle = 3 * WEEK // 2
        assert settle(vip, profile(bonus_points=25000.0, vip_until=middle), NOW) is True
        assert settle(vip, profile(bonus_points=30000.0, vip_until=middle - 1), NOW) is False
        late, early = bought(at=NOW - DAY), bought(at=NOW - DAY + 1)
        contradiction = profile(bonus_points=5000.0, uploaded_bytes=0)
        assert settle(late, contradiction, NOW) is False
        assert settle(early, contradiction, NOW) is None


class TestFacts:
    """What a plan shows of the account, the need and the means."""

    def test_a_plan_that_buys_no_credit_says_so(self) -> None:
        """VIP is none."""
        made = plan(member(NOW), VIP)
        assert (made.job, made.decided_at, made.figures["buy_gib"]) == ("spend", NOW, 0)

    def test_figures_tell_what_was_seen(self) -> None:
        """Income is rounded, and unknown without a history."""
        history = ((NOW - 3 * HOUR, 100.0), (NOW, 200.0))
        assert dict(plan(owing(60, 30000.0), balances=history).figures) == {
            "ratio": 0.0,
            "class": "User",
            "uploaded_bytes": 0,
            "downloaded_bytes": 30 * GIB,
            "balance_bp": 30000.0,
            "deficit_bytes": 60 * GIB,
            "needed_gib": 61,
            "affordable_gib": 59,
            "buy_gib": 50,
            "income_bp_per_hour": 33.33,
            "points_lost_per_day": 0.0,
            "next_useful_at": NOW,
            "next_useful_seconds": 0,
            "next_useful_reason": "deficit",
        }
        assert plan(owing(60, 30000.0)).figures["income_bp_per_hour"] is None

    def test_an_infinite_ratio_is_written_as_the_site_does(self) -> None:
        """JSON has no infinity."""
        assert plan(profile(downloaded_bytes=0)).figures["ratio"] == "\N{INFINITY}"

    @pytest.mark.parametrize(
        ("account", "reason", "facts"),
        [
            (owing(60, 30000.0), "deficit", (60 * GIB, 61, 59, 30000.0)),
            (owing(60, 400.0), "tier_unaffordable", (60 * GIB, 61, 0, 400.0)),
            (profile(bonus_points=99999.0), "overflow", (0, 0, 198, 99999.0)),
            (profile(bonus_points=400.0), "no_deficit", (0, 0, 0, 400.0)),
        ],
    )
    def test_a_decision_carries_need_and_means(
        self, account: Profile, reason: str, facts: tuple[int, int, int, float]
    ) -> None:
        """Whatever is decided."""
        (decision,) = plan(account, policy(spend={"overflow": True})).decisions
        names = ("deficit_bytes", "needed_gib", "affordable_gib", "balance_bp")
        assert (decision.subject, decision.reason.value) == ("upload", reason)
        assert dict(decision.facts) == dict(zip(names, facts, strict=True))

    def test_a_decision_about_vip_carries_its_end(self) -> None:
        """Known or not."""
        for until in (NOW + DAY, None):
            (_, decision) = plan(member(until), VIP).decisions
            assert (decision.subject, dict(decision.facts)) == ("vip", {"vip_until": until})

    def test_the_plan_shows_the_figures_it_was_made_with(self) -> None:
        """Every figure of the spend policy."""
        assert plan(profile()).policy["target_ratio"] == SEED.spend.target_ratio

    def test_a_skip_says_what_is_missing(self) -> None:
        """In words."""
        skip = plan(None).skip
        assert skip is not None
        assert skip.detail == "the profile does not tell uploaded bytes, downloaded bytes and points"
