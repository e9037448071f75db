"""What to buy with bonus points, and what to tell the operator where nothing can be bought."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, floor, inf

from attrs import evolve, frozen

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.income import BALANCE_CAP, LEAST_INCOME, income_per_hour, waited
from harvestmouse.core.model import AccountClass, Profile, Snapshot
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import Policy, SpendPolicy, figures
from harvestmouse.core.units import DAY, GIB, HOUR, WEEK, format_span

JOB = "spend"

# Site rules: a week of VIP has a price, durations on sale to automated buyers (weeks), VIP reaches about 90 days ahead
# at most, and takes this ratio.
VIP_PRICE_PER_WEEK = 1_250
VIP_DURATIONS = (4, 8, 12)
VIP_MOST_SECONDS = 90 * DAY
VIP_LEAST_RATIO = 2.0
# Classes that VIP is offered to.
VIP_CLASSES = (AccountClass.POWER_USER, AccountClass.VIP, AccountClass.ELITE_VIP)
# Amounts a person can buy in the web store, GiB.
STORE_AMOUNTS = (Fraction(1), Fraction(5, 2), Fraction(5), Fraction(20), Fraction(100))
# Below this the site puts an account into class Mouse.
SITE_RATIO = 1.0
# How long after a purchase the profile can be believed again.
SETTLE_SECONDS = 60
# What is further ahead than this is nothing to wait for.
_HORIZON_SECONDS = 366 * DAY


@frozen(kw_only=True)
class _Account:
    """The profile's facts that spending needs, all known.

    Attributes:
        room: Weeks of VIP that the site would add; ``None`` where it offers none.
        income: Points an hour.
    """

    uploaded: int
    downloaded: int
    points: float
    ratio: float
    room: int | None
    income: float | None


@frozen
class _Chosen:
    """What is to be bought, and why."""

    reason: Reason
    action: BuyUpload | BuyVip


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
    account = _account(snapshot)
    if account is None:
        detail = "the profile does not tell uploaded bytes, downloaded bytes and points"
        return evolve(plan, skip=Skip(reason=Reason.PROFILE_UNKNOWN, detail=detail), complete=False)
    chosen = _choose(account, spend)
    decisions = _decide(snapshot, account, spend, chosen)
    action = None if chosen is None else chosen.action
    if snapshot.purchase_pending:
        decisions, action = [_wait(decision) for decision in decisions], None
    return evolve(
        plan,
        actions=() if action is None else (action,),
        decisions=tuple(decisions),
        figures=_figures(snapshot, account, spend, action.gib if isinstance(action, BuyUpload) else 0),
        advice=tuple(_advice(snapshot.profile or Profile(), account, policy)) if chosen is None else (),
    )


@frozen(kw_only=True)
class NextPurchase:
    """When a run can next buy something, what, and why it will.

    Attributes:
        at: Unix seconds.
    """

    at: int
    reason: Reason
    action: BuyUpload | BuyVip


def next_purchase(snapshot: Snapshot, policy: SpendPolicy) -> NextPurchase | None:
    """Tell when a run can next buy something, if points come in as they did and nothing else changes.

    Returns:
        ``None`` where that is not within a year, where it cannot be told for want of an income, and while an earlier
        purchase is open.
    """
    if snapshot.purchase_pending:
        return None
    due = _choose_in(snapshot, _HORIZON_SECONDS, policy)
    if due is None:
        return None
    # Points only grow and VIP only runs out, so what can be bought once can be bought at any time after that.
    early, late = -1, _HORIZON_SECONDS
    while late - early > 1:
        middle = (early + late) // 2
        found = _choose_in(snapshot, middle, policy)
        early, late, due = (middle, late, due) if found is None else (early, middle, found)
    return NextPurchase(at=snapshot.taken_at + late, reason=due.reason, action=due.action)


def _choose_in(snapshot: Snapshot, seconds: int, policy: SpendPolicy) -> _Chosen | None:
    account = _account(waited(snapshot, seconds))
    return None if account is None else _choose(account, policy)


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


def _account(snapshot: Snapshot) -> _Account | None:
    profile = snapshot.profile
    if profile is None or profile.uploaded_bytes is None or profile.downloaded_bytes is None:
        return None
    if profile.bonus_points is None or profile.ratio is None:
        return None
    return _Account(
        uploaded=profile.uploaded_bytes,
        downloaded=profile.downloaded_bytes,
        points=profile.bonus_points,
        ratio=profile.ratio,
        room=vip_room(profile, snapshot.taken_at),
        income=income_per_hour(snapshot.balances),
    )


def _need(account: _Account, policy: SpendPolicy) -> Budget:
    return budget(account.uploaded, account.downloaded, account.points, policy)


def _choose(account: _Account, policy: SpendPolicy) -> _Chosen | None:
    """Return what to buy and why: the first of these that there is."""
    need = _need(account, policy)
    if need.needed_gib:
        # Nothing else, however rich the account is, while it is short of upload.
        tier = choose_tier(need, policy.tiers)
        return None if tier is None else _credit(Reason.DEFICIT, tier, policy)
    weeks = _vip_weeks(account, policy) if policy.vip else None
    if weeks is not None:
        return _Chosen(Reason.VIP_TOP_UP, BuyVip(weeks=weeks, cost_bp=weeks * VIP_PRICE_PER_WEEK))
    tier = _overflow_tier(account, need, policy) if policy.overflow else None
    return None if tier is None else _credit(Reason.OVERFLOW, tier, policy)


def _credit(reason: Reason, tier: int, policy: SpendPolicy) -> _Chosen:
    return _Chosen(reason, BuyUpload(gib=tier, cost_bp=tier * policy.price_per_gib))


def _decide(snapshot: Snapshot, account: _Account, policy: SpendPolicy, chosen: _Chosen | None) -> list[Decision]:
    need = _need(account, policy)
    facts = {
        "deficit_bytes": need.deficit_bytes,
        "needed_gib": need.needed_gib,
        "affordable_gib": need.affordable_gib,
        "balance_bp": account.points,
    }
    if chosen is not None and isinstance(chosen.action, BuyUpload):
        return [Decision("upload", Verdict.BUY, chosen.reason, facts)]
    if need.needed_gib:
        return [Decision("upload", Verdict.HOLD, Reason.TIER_UNAFFORDABLE, facts)]
    decisions = [Decision("upload", Verdict.HOLD, Reason.NO_DEFICIT, facts)]
    if policy.vip:
        vip_facts = {"vip_until": None if snapshot.profile is None else snapshot.profile.vip_until}
        verdict = (Verdict.HOLD, Reason.VIP_NOT_NOW) if chosen is None else (Verdict.BUY, chosen.reason)
        decisions.append(Decision("vip", *verdict, vip_facts))
    return decisions


def _wait(decision: Decision) -> Decision:
    if decision.decision is not Verdict.BUY:
        return decision
    return evolve(decision, decision=Verdict.HOLD, reason=Reason.PURCHASE_PENDING)


def _vip_weeks(account: _Account, policy: SpendPolicy) -> int | None:
    """Return the longest top-up on sale that fits under the site's horizon and the budget."""
    if account.room is None or account.ratio < VIP_LEAST_RATIO:
        return None
    means = floor(account.points - policy.reserve) // VIP_PRICE_PER_WEEK
    return max((weeks for weeks in VIP_DURATIONS if weeks <= min(account.room, means)), default=None)


def overflow_level(income: float | None, policy: SpendPolicy) -> float:
    """Return the balance that would reach the site's cap before the next run can act: the cap, less what comes in."""
    return BALANCE_CAP - (income or 0.0) * policy.overflow_ahead.total_seconds() / HOUR


def _overflow_tier(account: _Account, need: Budget, policy: SpendPolicy) -> int | None:
    """Return the smallest tier after which no point is lost; where none is enough, the largest that fits.

    Points that are kept can still pay for VIP or for a deficit, and credit gets no cheaper by buying it early.
    """
    level = overflow_level(account.income, policy)
    if account.points < level:
        return None
    fitting = [tier for tier in policy.tiers if tier <= need.affordable_gib]
    enough = (tier for tier in fitting if account.points - tier * policy.price_per_gib < level)
    return min(enough, default=max(fitting, default=None))


def vip_room(profile: Profile, now: int) -> int | None:
    """Return how many weeks of VIP the site would let the account add; ``None`` where it offers none.

    VIP is offered to Power Users and up; a VIP account whose end of VIP is unknown is left alone.
    """
    until = profile.vip_until
    if profile.account_class not in VIP_CLASSES or profile.vip_unreadable:
        return None
    if until is None and profile.account_class is not AccountClass.POWER_USER:
        return None
    ahead = max(0, (until or 0) - now)
    return (VIP_MOST_SECONDS - ahead) // WEEK


def _figures(snapshot: Snapshot, account: _Account, policy: SpendPolicy, gib: int) -> dict[str, object]:
    need, following = _need(account, policy), next_purchase(snapshot, policy)
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
        "income_bp_per_hour": account.income,
        "points_lost_per_day": _lost_per_day(account),
        "next_useful_at": None if following is None else following.at,
        "next_useful_seconds": None if following is None else following.at - snapshot.taken_at,
        "next_useful_reason": None if following is None else following.reason.value,
    }


def _lost_per_day(account: _Account) -> float | None:
    """Return how many points a day the site's cap takes; unknown at the cap without an income."""
    if account.points < BALANCE_CAP:
        return 0.0
    return None if account.income is None else account.income * DAY / HOUR


def _advice(profile: Profile, account: _Account, policy: Policy) -> Iterable[str]:
    spend, need = policy.spend, _need(account, policy.spend)
    if not need.needed_gib:
        if account.points >= BALANCE_CAP:
            yield from _spill_advice(account, spend)
        return
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
            f"{spend.reserve} BP, {missing} BP are missing{_when(missing, account.income)}."
        )
    found = by_hand(profile, policy)
    if found is not None:
        yield (
            f"By hand in the web store, {float(found.gib):g} GiB of upload credit for {found.cost_bp} BP would lift "
            f"the ratio from {account.ratio:.2f} to {found.ratio:.2f}, over {found.over:g}."
        )
    if need.needed_gib > max(spend.tiers):
        yield f"{need.needed_gib} GiB are needed in all, more than the largest tier: several purchases will follow."


def _spill_advice(account: _Account, policy: SpendPolicy) -> Iterable[str]:
    lost = _lost_per_day(account)
    much = "" if lost is None else f", about {lost:.0f} a day"
    remedy = "or lower tiers or reserve" if policy.overflow else "or set overflow = true in [spend]"
    yield (
        f"The balance is at the site's cap of {BALANCE_CAP} BP, so further points are lost{much}: spend some by hand, "
        f"{remedy}."
    )


def _when(missing: int, income: float | None) -> str:
    if income is None:
        return ""
    if income < LEAST_INCOME:
        return ", and no points have come in lately: seed more torrents past their 72 hours"
    return f", which at {income:.0f} BP/h takes about {format_span(missing / income * HOUR)}"


@frozen(kw_only=True)
class StorePurchase:
    """A purchase that only a person can make, in the web store.

    Attributes:
        ratio: The ratio it would give.
        over: The highest threshold that it would reach: the site's, or one of the policy's.
    """

    gib: Fraction
    cost_bp: int
    ratio: float
    over: float


def by_hand(profile: Profile, policy: Policy) -> StorePurchase | None:
    """Find the smallest web-store purchase that the points pay for and that lifts the ratio over its next threshold."""
    uploaded, downloaded, ratio = profile.uploaded_bytes, profile.downloaded_bytes, profile.ratio
    points = profile.bonus_points
    if uploaded is None or not downloaded or ratio is None or points is None:
        return None
    # A floor or target below the site's own ratio is none to be content with.
    thresholds = {max(SITE_RATIO, one) for one in (policy.grab.ratio_floor, policy.spend.target_ratio)} | {SITE_RATIO}
    for amount in STORE_AMOUNTS:
        lifted = float((uploaded + amount * GIB) / downloaded)
        cost = ceil(amount * policy.spend.price_per_gib)
        reached = [threshold for threshold in thresholds if ratio < threshold <= lifted]
        if reached and cost <= points:
            return StorePurchase(gib=amount, cost_bp=cost, ratio=lifted, over=max(reached))
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
        if profile.vip_unreadable:
            return paid if now >= purchase.at + DAY else None
        before = purchase.vip_until_before or 0
        arrived = profile.vip_until is not None and profile.vip_until >= before + purchase.weeks * WEEK // 2
    else:
        if profile.uploaded_bytes is None:
            return None
        arrived = profile.uploaded_bytes >= purchase.uploaded_before + purchase.gib * GIB
    return arrived if arrived == paid or now >= purchase.at + DAY else None
