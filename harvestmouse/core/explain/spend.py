"""Why points are spent or held, and how many more, or how much upload, would change that."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

from attrs import evolve

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.explain.flips import Change, Found, downwards, flip_to, flips_by, found_about, upwards
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Rule, decision_about, steps_to
from harvestmouse.core.income import BALANCE_CAP, LEAST_INCOME, income_per_hour
from harvestmouse.core.model import Profile, Snapshot
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.policy import Policy
from harvestmouse.core.spend import (
    JOB,
    VIP_CLASSES,
    VIP_DURATIONS,
    VIP_LEAST_RATIO,
    VIP_MOST_SECONDS,
    VIP_PRICE_PER_WEEK,
    next_purchase,
    overflow_level,
    plan_spend,
    vip_room,
)
from harvestmouse.core.units import HOUR, WEEK, counted, format_span

_YES = True


def guard_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:  # noqa: ARG001 - one shape for all
    """Return what lets spend do nothing."""
    profile = snapshot.profile or Profile()
    names = ("uploaded_bytes", "downloaded_bytes", "bonus_points")
    return (
        Rule(
            Reason.PROFILE_UNKNOWN,
            tuple(Condition(name, getattr(profile, name), "missing") for name in names),
            any_of=True,
        ),
    )


def explain_purchases(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterator[Explanation]:
    """Explain each decision of *plan*, which was not skipped."""
    for decision in plan.decisions:
        rules = _RULES[decision.subject](snapshot, policy)
        yield Explanation(
            job=JOB,
            subject=decision.subject,
            decided_at=plan.decided_at,
            decision=decision,
            steps=steps_to(rules, decision.reason),
            flips=tuple(_flips(snapshot, policy, decision.subject, (decision.decision, decision.reason))),
            depends=tuple(_depends(snapshot, policy, decision)),
        )


def _settled(snapshot: Snapshot, policy: Policy) -> Plan:
    """Return what would be decided if no earlier purchase were open."""
    return plan_spend(evolve(snapshot, purchase_pending=False), policy)


def _pending(snapshot: Snapshot, policy: Policy, subject: str) -> Rule:
    due = decision_about(_settled(snapshot, policy), subject)
    return Rule(
        Reason.PURCHASE_PENDING,
        (
            Condition("purchase_pending", snapshot.purchase_pending, "is", _YES),
            Condition("would_buy", due is not None and due.decision is Verdict.BUY, "is", _YES),
        ),
    )


def _upload_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:
    spend, plan = policy.spend, _settled(snapshot, policy)
    deficit = Condition("deficit_bytes", plan.figures["deficit_bytes"], ">", 0)
    affordable = Condition("affordable_gib", plan.figures["affordable_gib"], ">=", min(spend.tiers))
    weeks = next((action.weeks for action in plan.actions if isinstance(action, BuyVip)), 0)
    income = income_per_hour(snapshot.balances)
    return (
        _pending(snapshot, policy, "upload"),
        Rule(Reason.DEFICIT, (deficit, affordable)),
        Rule(Reason.TIER_UNAFFORDABLE, (deficit,)),
        Rule(
            Reason.OVERFLOW,
            (
                Condition("overflow", spend.overflow, "is", _YES),
                Condition("vip_weeks", weeks, "is", 0),
                Condition("balance_bp", plan.figures["balance_bp"], ">=", overflow_level(income, spend)),
                affordable,
            ),
        ),
        Rule(Reason.NO_DEFICIT),
    )


def _vip_rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:
    profile = snapshot.profile or Profile()
    means = floor((profile.bonus_points or 0) - policy.spend.reserve) // VIP_PRICE_PER_WEEK
    return (
        _pending(snapshot, policy, "vip"),
        Rule(
            Reason.VIP_TOP_UP,
            (
                Condition("account_class", profile.account_class, "one of", VIP_CLASSES),
                Condition("room_weeks", vip_room(profile, snapshot.taken_at), ">=", min(VIP_DURATIONS)),
                Condition("affordable_weeks", means, ">=", min(VIP_DURATIONS)),
                Condition("ratio", profile.ratio, ">=", VIP_LEAST_RATIO),
            ),
        ),
        Rule(Reason.VIP_NOT_NOW),
    )


_RULES = {"upload": _upload_rules, "vip": _vip_rules}


def _flips(snapshot: Snapshot, policy: Policy, subject: str, now: Found) -> Iterator[Flip]:
    def outlook(seen: Snapshot) -> Found:
        return found_about(plan_spend(seen, policy), subject)

    settled = evolve(snapshot, purchase_pending=False)
    note = _bought(plan_spend(settled, policy), subject, Verdict.BUY)
    yield from flip_to("purchase_pending", False, outlook(settled), now, note)  # noqa: FBT003 - the value itself
    profile = snapshot.profile
    if profile is None or now[1] is Reason.PURCHASE_PENDING:
        return
    points = _points(snapshot, profile, policy, more=now[0] is Verdict.HOLD)
    for change in (points, *_ratio(snapshot, profile, policy), *_time(snapshot, profile)):
        for flip in flips_by(change, outlook, now):
            plan = plan_spend(change.apply(flip.amount or 0), policy)
            yield evolve(flip, note=_bought(plan, subject, flip.verdict), about_seconds=_wait(flip, snapshot))


def _wait(flip: Flip, snapshot: Snapshot) -> float | None:
    """Return how long the points that are missing take at the recent income."""
    income = income_per_hour(snapshot.balances)
    if flip.change != "bonus_points" or not flip.amount or flip.amount < 0:
        return None
    return None if income is None or income < LEAST_INCOME else flip.amount / income * HOUR


def _bought(plan: Plan, subject: str, verdict: Verdict | None) -> str:
    kind = BuyUpload if subject == "upload" else BuyVip
    for action in plan.actions if verdict is Verdict.BUY else ():
        if isinstance(action, kind):
            what = f"{action.gib} GiB" if isinstance(action, BuyUpload) else counted(action.weeks, "week")
            return f"buys {what} for {action.cost_bp} BP"
    return ""


def _points(snapshot: Snapshot, profile: Profile, policy: Policy, *, more: bool) -> Change:
    """Return more points, up to what the site lets an account hold, or fewer."""
    spend, points = policy.spend, profile.bonus_points or 0
    prices = [tier * spend.price_per_gib for tier in spend.tiers]
    prices += [weeks * VIP_PRICE_PER_WEEK for weeks in VIP_DURATIONS]
    overflow = overflow_level(income_per_hour(snapshot.balances), spend)
    levels = [level for level in (overflow, *(price + spend.reserve for price in prices)) if level <= BALANCE_CAP]
    amounts = [ceil(level - points) + step for level in levels for step in (-1, 0)]
    return Change(
        kind="bonus_points",
        apply=lambda amount: evolve(snapshot, profile=evolve(profile, bonus_points=points + amount)),
        amounts=upwards(amounts) if more else downwards(amounts, points),
        start=points,
    )


def _ratio(snapshot: Snapshot, profile: Profile, policy: Policy) -> Iterator[Change]:
    """Yield more upload, which ends a deficit, and more download, which makes one."""
    up, down = profile.uploaded_bytes or 0, profile.downloaded_bytes or 0
    target = Fraction(policy.spend.target_ratio)
    yield Change(
        kind="uploaded_bytes",
        apply=lambda amount: evolve(snapshot, profile=evolve(profile, uploaded_bytes=up + amount)),
        amounts=upwards([ceil(ratio * down) - up for ratio in (target, VIP_LEAST_RATIO)]),
        start=up,
    )
    yield Change(
        kind="downloaded_bytes",
        apply=lambda amount: evolve(snapshot, profile=evolve(profile, downloaded_bytes=down + amount)),
        amounts=upwards([floor(up / target) - down + 1] if target else []),
        start=down,
    )


def _time(snapshot: Snapshot, profile: Profile) -> Iterator[Change]:
    until = profile.vip_until
    if until is not None:
        yield Change(
            kind="time_seconds",
            apply=lambda amount: evolve(snapshot, taken_at=snapshot.taken_at + amount),
            amounts=upwards(until - snapshot.taken_at - VIP_MOST_SECONDS + weeks * WEEK for weeks in VIP_DURATIONS),
        )


def _depends(snapshot: Snapshot, policy: Policy, decision: Decision) -> Iterator[str]:
    subject, reason = decision.subject, decision.reason
    if reason is Reason.PURCHASE_PENDING:
        yield "the profile, from which a later run sees whether the earlier purchase happened"
    cost = min(policy.spend.tiers) * policy.spend.price_per_gib + policy.spend.reserve
    if reason is Reason.TIER_UNAFFORDABLE and cost > BALANCE_CAP:
        yield f"the policy: {cost} BP are needed, and the site caps the balance at {BALANCE_CAP}"
    if subject == "vip" and reason is Reason.VIP_NOT_NOW:
        yield f"the class, which has to be one of {', '.join(VIP_CLASSES)}"
    following = next_purchase(snapshot, policy.spend)
    if following is None or decision.decision is not Verdict.HOLD:
        return
    if (subject == "vip") is (following.reason is Reason.VIP_TOP_UP):
        income, wait = income_per_hour(snapshot.balances), format_span(following.at - snapshot.taken_at)
        pace = "even without more points" if income is None else f"at {income:.0f} BP/h"
        yield f"time: {pace} the next purchase can be made in about {wait}, as {following.reason}"
