"""How an account gets the upload credit that it is short of, and what follows from it."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from harvestmouse.core.actions import BuyUpload
from harvestmouse.core.after import after
from harvestmouse.core.income import BALANCE_CAP, LEAST_INCOME, PAUSE_SECONDS, income_per_hour, waited
from harvestmouse.core.model import Profile, Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import FIELD
from harvestmouse.core.recovery.model import Step, Who
from harvestmouse.core.recovery.view import View
from harvestmouse.core.spend import JOB, SITE_RATIO, by_hand, next_purchase
from harvestmouse.core.units import GIB, HOUR

# The site shows points and what they bought, and sets the class by it, within so long.
SITE_LAG_SECONDS = HOUR
# More purchases than these in a row are no plan.
_MOST_PURCHASES = 12


def credit(view: View) -> Iterator[Step]:
    """Yield what lifts the ratio, a purchase by hand and those of the jobs, and what the account may do then."""
    ratio, floor = view.profile.ratio, view.policy.grab.ratio_floor
    if view.is_mouse and not view.lacks_credit:
        yield Step(
            served_at(view),
            Who.WAIT,
            "The ratio is enough: the site lifts the account out of class Mouse, and the tracker serves it again. If "
            "that takes longer than a day, ask the staff.",
        )
    if ratio is None or ratio >= view.goal:
        return
    own = list(_by_hand(view))
    yield from own
    yield from _purchases(view, "If nothing is bought by hand, spend" if own else "Spend")
    if view.lacks_credit:
        yield Step(
            served_at(view),
            Who.WAIT,
            f"With {'that' if own else 'enough'} credit the site lifts the account out of class Mouse, and the tracker "
            "serves it again: what the client has goes on by itself.",
        )
    elif FIELD.grab.ratio_floor <= ratio < floor:
        yield Step(
            view.now,
            Who.PERSON,
            f"Or lower ratio_floor in [grab] from {floor:g}: it is the policy's own, and the field preset has "
            f"{FIELD.grab.ratio_floor:g}. What is grabbed costs no ratio.",
        )
    if ratio < floor:
        what = f"Grab takes wanted freeleech again, at a ratio of {floor:g} or more, if nothing else holds it."
        yield Step(_lifted_at(view, view.goal), Who.JOBS, what)


def served_at(view: View) -> int | None:
    """Return when the tracker serves the account, at the soonest; ``None`` where nobody knows."""
    if view.lacks_credit:
        return _lifted_at(view, SITE_RATIO)
    return view.now + SITE_LAG_SECONDS if view.is_mouse else view.now


def _lifted_at(view: View, ratio: float) -> int | None:
    """Return when the site shows such a ratio, at the soonest."""
    steps = (*_by_hand(view), *_purchases(view, ""))
    enough = [one.at for one in steps if one.at is not None and one.figures.get("ratio_after", 0.0) >= ratio]
    return min(enough) + SITE_LAG_SECONDS if enough else None


def _by_hand(view: View) -> Iterator[Step]:
    """Yield what a person can buy: one purchase that is enough, or several as points come in."""
    profile, points = view.profile, view.profile.bonus_points
    if points is None:
        return
    found = by_hand(profile, view.policy)
    if found is not None:
        gib, cost, lifted, pace = float(found.gib), found.cost_bp, found.ratio, ""
    else:
        gib = float(_missing_gib(view))
        cost = int(gib) * view.policy.spend.price_per_gib
        lifted = ((profile.uploaded_bytes or 0) + gib * GIB) / (profile.downloaded_bytes or 1)
        pace = ", in several purchases" if cost <= points else ", bit by bit as points come in"
    out = ", out of class Mouse" if view.lacks_credit else ""
    yield Step(
        _paid_at(view, cost),
        Who.PERSON,
        f"In the web store, buy {gib:g} GiB of upload credit for {cost} BP{pace}: the ratio goes from "
        f"{profile.ratio or 0.0:.2f} to {lifted:.2f}{out}.{_still_held(lifted, view)}",
        {"gib": gib, "cost_bp": cost, "ratio_after": lifted},
    )


def _missing_gib(view: View) -> int:
    """Return how many whole GiB are missing: in class Mouse to leave it, else to grab again."""
    profile = view.profile
    wanted = Fraction(SITE_RATIO if view.lacks_credit else view.goal)
    missing = wanted * (profile.downloaded_bytes or 0) - (profile.uploaded_bytes or 0)
    return int(-(-missing // GIB))


def _paid_at(view: View, cost: int) -> int | None:
    """Return when so many points will have come in; ``None`` where nobody knows, or hardly any come."""
    points, income = view.profile.bonus_points or 0.0, income_per_hour(view.snapshot.balances)
    if points >= cost:
        return view.now
    if income is None or income < LEAST_INCOME:
        return None
    return view.now + ceil((cost - points) / income * HOUR)


def _still_held(ratio: float, view: View) -> str:
    floor = view.policy.grab.ratio_floor
    if ratio >= floor:
        return ""
    return f" Grab then still waits for its ratio_floor of {floor:g}; the field preset has {FIELD.grab.ratio_floor:g}."


def _purchases(view: View, lead: str) -> Iterator[Step]:
    """Yield what spend buys by itself, until the ratio is where it has to be."""
    seen, spend, ratio, pause = view.snapshot, view.policy.spend, view.profile.ratio or 0.0, 0
    for _ in range(_MOST_PURCHASES):
        following = next_purchase(waited(seen, pause), spend)
        if ratio >= view.goal or following is None or not isinstance(following.action, BuyUpload):
            break
        gib, cost = following.action.gib, following.action.cost_bp
        missing = _missing_points(seen, cost + spend.reserve)
        seen = _bought(waited(seen, following.at - seen.taken_at), following.action)
        ratio = (seen.profile or Profile()).ratio or 0.0
        when = f"as soon as {missing} more BP have come in" if missing else "on its next run"
        yield Step(
            following.at,
            Who.JOBS,
            f"{lead} buys {gib} GiB of upload credit for {cost} BP, {when}: the ratio goes to {ratio:.2f}.",
            {"gib": float(gib), "cost_bp": cost, "ratio_after": ratio, "missing_bp": missing},
        )
        # One purchase a run.
        lead, pause = "Spend then", max(PAUSE_SECONDS, int(spend.overflow_ahead.total_seconds()))
    if seen is view.snapshot and view.profile.bonus_points is not None and not seen.purchase_pending:
        yield _no_purchase(view, lead)


def _bought(seen: Snapshot, action: BuyUpload) -> Snapshot:
    return after(seen, Plan(job=JOB, decided_at=seen.taken_at, actions=(action,)))


def _missing_points(seen: Snapshot, wanted: int) -> int:
    return max(0, ceil(wanted - ((seen.profile or Profile()).bonus_points or 0)))


def _no_purchase(view: View, lead: str) -> Step:
    """Return why spend buys nothing for as long as anybody can tell."""
    spend, smallest = view.policy.spend, min(view.policy.spend.tiers)
    cost = smallest * spend.price_per_gib
    missing = _missing_points(view.snapshot, cost + spend.reserve)
    figures = {"gib": float(smallest), "cost_bp": cost, "missing_bp": missing}
    if cost + spend.reserve > BALANCE_CAP:
        what = (
            f"Lower tiers or reserve in [spend]: {cost + spend.reserve} BP are over the site's cap, so it never buys."
        )
        return Step(view.now, Who.PERSON, what, figures)
    income = income_per_hour(view.snapshot.balances)
    when = "how many come in is not known yet" if income is None else "hardly any have come in lately"
    what = f"{lead} buys {smallest} GiB of upload credit for {cost} BP once {missing} more BP have come in; {when}."
    return Step(None, Who.JOBS, what, figures)
