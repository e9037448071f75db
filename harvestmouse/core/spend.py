"""What to buy with bonus points, and what to tell the operator where nothing can be bought."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, inf

from attrs import evolve, frozen

from harvestmouse.core.actions import Action, BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Profile, Snapshot
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import Policy, SpendPolicy, figures
from harvestmouse.core.units import DAY, GIB, HOUR, WEEK, format_span

JOB = "spend"

# Site rules: the balance is capped, a week of VIP has a price, durations on sale to automated buyers (weeks), and
# VIP reaches about 90 days ahead at most.
BALANCE_CAP = 99_999
VIP_PRICE_PER_WEEK = 1_250
VIP_DURATIONS = (4, 8, 12)
VIP_MOST_SECONDS = 90 * DAY
# Classes that VIP is offered to.
VIP_CLASSES = (AccountClass.POWER_USER, AccountClass.VIP, AccountClass.ELITE_VIP)
# Amounts a person can buy in the web store, GiB.
STORE_AMOUNTS = (Fraction(1), Fraction(5, 2), Fraction(5), Fraction(20), Fraction(100))
# Below this the site puts an account into class Mouse.
SITE_RATIO = 1.0
# How long after a purchase the profile can be believed again.
SETTLE_SECONDS = 60
# How long after a purchase nothing else is bought: a profile that is still the old one would argue for it again.
PAUSE_SECONDS = 90
# Balances closer together than this say little about income.
_LEAST_HISTORY_SECONDS = HOUR
# Less than a point a week is as good as none.
LEAST_INCOME = 1 / (7 * 24)


@frozen(kw_only=True)
class _Account:
    """The profile's facts that spending needs, all known."""

    uploaded: int
    downloaded: int
    points: float
    ratio: float


@frozen(kw_only=True)
class Budget:
    """What is needed and what can be paid.

    Attributes:
        deficit_bytes: Upload missing to the target ratio.
        needed_gib: The deficit in whole GiB and one more, or 0.
        affordable_gib: Whole GiB the points above the reserve pay for.
    """

    deficit_bytes: int
    needed_gib: int
    affordable_gib: int


def plan_spend(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide on at most one purchase.

    Args:
        snapshot: Needs the profile's byte counts and points.
        policy: Its sections ``spend`` and, for advice, ``grab``.

    Returns:
        A plan with a decision for upload credit, and one for VIP or overflow where the policy has them on.
    """
    spend = policy.spend
    plan = Plan(job=JOB, decided_at=snapshot.taken_at, policy=figures(spend))
    account = _account(snapshot.profile)
    if account is None:
        detail = "the profile does not tell uploaded bytes, downloaded bytes and points"
        return evolve(plan, skip=Skip(reason=Reason.PROFILE_UNKNOWN, detail=detail), complete=False)
    need = budget(account.uploaded, account.downloaded, account.points, spend)
    decisions, action = _decide(snapshot, account, need, spend)
    if snapshot.purchase_pending and action is not None:
        decisions, action = [_wait(decision) for decision in decisions], None
    short = any(decision.reason is Reason.TIER_UNAFFORDABLE for decision in decisions)
    return evolve(
        plan,
        actions=() if action is None else (action,),
        decisions=tuple(decisions),
        figures=_figures(snapshot, account, need, action.gib if isinstance(action, BuyUpload) else 0),
        advice=tuple(_advice(snapshot, account, need, policy)) if short else (),
    )


def budget(uploaded: int, downloaded: int, points: float, policy: SpendPolicy) -> Budget:
    """Compute need and means, as the design's section 5.3 has them, without rounding on the way."""
    deficit = max(Fraction(0), downloaded * Fraction(policy.target_ratio) - uploaded)
    return Budget(
        deficit_bytes=ceil(deficit),
        needed_gib=ceil(deficit / GIB) + 1 if deficit > 0 else 0,
        affordable_gib=max(0, floor(points - policy.reserve) // policy.price_per_gib),
    )


def choose_tier(need: Budget, tiers: Sequence[int]) -> int | None:
    """Return the smallest tier that covers the need within the budget, else the largest that fits, else ``None``."""
    fitting = [tier for tier in sorted(tiers) if tier <= need.affordable_gib]
    covering = [tier for tier in fitting if tier >= need.needed_gib]
    return covering[0] if covering else max(fitting, default=None)


def income_per_hour(balances: Sequence[tuple[int, float]]) -> float | None:
    """Estimate the points earned an hour from earlier balances; purchases, which lower it, count as nothing earned."""
    pairs = [(before, after) for before, after in pairwise(balances) if after[0] > before[0]]
    seconds = sum(after[0] - before[0] for before, after in pairs if after[1] >= before[1])
    earned = sum(after[1] - before[1] for before, after in pairs if after[1] >= before[1])
    return earned * HOUR / seconds if seconds >= _LEAST_HISTORY_SECONDS else None


def _account(profile: Profile | None) -> _Account | None:
    if profile is None or profile.uploaded_bytes is None or profile.downloaded_bytes is None:
        return None
    if profile.bonus_points is None or profile.ratio is None:
        return None
    return _Account(
        uploaded=profile.uploaded_bytes,
        downloaded=profile.downloaded_bytes,
        points=profile.bonus_points,
        ratio=profile.ratio,
    )


def _decide(
    snapshot: Snapshot, account: _Account, need: Budget, policy: SpendPolicy
) -> tuple[list[Decision], Action | None]:
    facts = {
        "deficit_bytes": need.deficit_bytes,
        "needed_gib": need.needed_gib,
        "affordable_gib": need.affordable_gib,
        "balance_bp": account.points,
    }
    if need.needed_gib:
        tier = choose_tier(need, policy.tiers)
        if tier is None:
            return [Decision("upload", Verdict.HOLD, Reason.TIER_UNAFFORDABLE, facts)], None
        return [Decision("upload", Verdict.BUY, Reason.DEFICIT, facts)], _credit(tier, policy)
    vip = _vip(snapshot, account, policy)
    if vip is None and policy.overflow and account.points >= BALANCE_CAP:
        tier = min((tier for tier in policy.tiers if tier <= need.affordable_gib), default=None)
        if tier is not None:
            return [Decision("upload", Verdict.BUY, Reason.OVERFLOW, facts)], _credit(tier, policy)
    decisions = [Decision("upload", Verdict.HOLD, Reason.NO_DEFICIT, facts)]
    if policy.vip:
        vip_facts = {"vip_until": None if snapshot.profile is None else snapshot.profile.vip_until}
        verdict = (Verdict.HOLD, Reason.VIP_NOT_NOW) if vip is None else (Verdict.BUY, Reason.VIP_TOP_UP)
        decisions.append(Decision("vip", *verdict, vip_facts))
    return decisions, vip


def _wait(decision: Decision) -> Decision:
    if decision.decision is not Verdict.BUY:
        return decision
    return evolve(decision, decision=Verdict.HOLD, reason=Reason.PURCHASE_PENDING)


def _credit(tier: int, policy: SpendPolicy) -> BuyUpload:
    return BuyUpload(gib=tier, cost_bp=tier * policy.price_per_gib)


def _vip(snapshot: Snapshot, account: _Account, policy: SpendPolicy) -> BuyVip | None:
    """Return the longest top-up on sale that fits under the site's horizon and the budget."""
    room = None if snapshot.profile is None else vip_room(snapshot.profile, snapshot.taken_at)
    if not policy.vip or room is None:
        return None
    means = floor(account.points - policy.reserve) // VIP_PRICE_PER_WEEK
    weeks = max((weeks for weeks in VIP_DURATIONS if weeks <= min(room, means)), default=None)
    return None if weeks is None else BuyVip(weeks=weeks, cost_bp=weeks * VIP_PRICE_PER_WEEK)


def vip_room(profile: Profile, now: int) -> int | None:
    """Return how many weeks of VIP the site would let the account add; ``None`` where it offers none.

    VIP is offered to Power Users and up; a VIP account whose end of VIP is unknown is left alone.
    """
    until = profile.vip_until
    if profile.account_class not in VIP_CLASSES:
        return None
    if until is None and profile.account_class is not AccountClass.POWER_USER:
        return None
    ahead = max(0, (until or 0) - now)
    return (VIP_MOST_SECONDS - ahead) // WEEK


def _figures(snapshot: Snapshot, account: _Account, need: Budget, gib: int) -> dict[str, object]:
    income = income_per_hour(snapshot.balances)
    return {
        "ratio": "∞" if account.ratio == inf else account.ratio,
        "class": None if snapshot.profile is None else snapshot.profile.class_name,
        "uploaded_bytes": account.uploaded,
        "downloaded_bytes": account.downloaded,
        "balance_bp": account.points,
        "deficit_bytes": need.deficit_bytes,
        "needed_gib": need.needed_gib,
        "affordable_gib": need.affordable_gib,
        "buy_gib": gib,
        "income_bp_per_hour": None if income is None else round(income, 2),
    }


def _advice(snapshot: Snapshot, account: _Account, need: Budget, policy: Policy) -> Iterable[str]:
    spend = policy.spend
    smallest = min(spend.tiers)
    cost = smallest * spend.price_per_gib
    if cost + spend.reserve > BALANCE_CAP:
        yield (
            f"Even a full balance of {BALANCE_CAP} BP does not pay for the smallest tier, {smallest} GiB for "
            f"{cost} BP, above the reserve of {spend.reserve} BP, so nothing will ever be bought: lower tiers or "
            "reserve."
        )
    else:
        missing = ceil(cost + spend.reserve - account.points)
        yield (
            f"The smallest automated purchase, {smallest} GiB, costs {cost} BP; with the reserve of "
            f"{spend.reserve} BP, {missing} BP are missing{_when(missing, income_per_hour(snapshot.balances))}."
        )
    by_hand = _by_hand(account, policy)
    if by_hand is not None:
        yield by_hand
    if need.needed_gib > max(spend.tiers):
        yield f"{need.needed_gib} GiB are needed in all, more than the largest tier: several purchases will follow."


def _when(missing: int, income: float | None) -> str:
    if income is None:
        return ""
    if income < LEAST_INCOME:
        return ", and no points have come in lately: seed more torrents past their 72 hours"
    return f", which at {income:.0f} BP/h takes about {format_span(missing / income * HOUR)}"


def _by_hand(account: _Account, policy: Policy) -> str | None:
    """Find the smallest web-store purchase that lifts the ratio over its next threshold."""
    if not account.downloaded:
        return None
    thresholds = sorted({SITE_RATIO, policy.grab.ratio_floor, policy.spend.target_ratio})
    ahead = [threshold for threshold in thresholds if threshold > account.ratio]
    for amount in STORE_AMOUNTS:
        ratio = float((account.uploaded + amount * GIB) / account.downloaded)
        cost = ceil(amount * policy.spend.price_per_gib)
        reached = [threshold for threshold in ahead if ratio >= threshold]
        if reached and cost <= account.points:
            return (
                f"By hand in the web store, {float(amount):g} GiB of upload credit for {cost} BP would lift the ratio "
                f"from {account.ratio:.2f} to {ratio:.2f}, over {max(reached):g}."
            )
    return None


@frozen(kw_only=True)
class Purchase:
    """A purchase in the journal, with the account as it was before.

    Attributes:
        at: Unix seconds.
        gib: Upload credit bought; 0 for VIP.
        weeks: VIP bought; 0 for upload credit.
    """

    at: int
    cost_bp: int
    gib: int = 0
    weeks: int = 0
    balance_before: float
    uploaded_before: int
    vip_until_before: int | None = None


def settle(purchase: Purchase, profile: Profile | None, now: int) -> bool | None:
    """Tell from a later profile whether a purchase happened; ``None`` while that is unknown.

    The site shows a stale balance for about a minute after a purchase. Credit and points both also come in by
    seeding; where they contradict each other nothing is known for a day. After that the profile is surely no
    longer the old one, so that whatever it shows is what the next decision has to start from, and credit decides.
    """
    if profile is None or profile.bonus_points is None or now < purchase.at + SETTLE_SECONDS:
        return None
    paid = profile.bonus_points <= purchase.balance_before - purchase.cost_bp / 2
    if purchase.weeks:
        before = purchase.vip_until_before or 0
        arrived = profile.vip_until is not None and profile.vip_until >= before + purchase.weeks * WEEK // 2
    else:
        if profile.uploaded_bytes is None:
            return None
        arrived = profile.uploaded_bytes >= purchase.uploaded_before + purchase.gib * GIB
    return arrived if arrived == paid or now >= purchase.at + DAY else None
