"""How an account gets the upload credit that it is short of, and what follows from it."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from harvestmouse.core.actions import BuyUpload
from harvestmouse.core.after import after
from harvestmouse.core.income import BALANCE_CAP, LEAST_INCOME, PAUSE_SECONDS, income_per_hour, waited
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import FIELD
from harvestmouse.core.recovery.model import Step, Who
from harvestmouse.core.recovery.view import View
from harvestmouse.core.spend import JOB, SITE_RATIO, NextPurchase, by_hand, next_purchase
from harvestmouse.core.units import GIB, HOUR

# The site shows points and what they bought, and sets the class by it, within so long.
SITE_LAG_SECONDS = HOUR
# More purchases than these in a row are no plan.
_MOST_PURCHASES = 12
# What the jobs do is told beside what a person can buy.
_FIRST = "If nothing is bought by hand, spend"


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
    yield from _purchases(view)
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
    steps = (*_by_hand(view), *_purchases(view))
    enough = [one.at for one in steps if one.at is not None and one.figures.get("ratio_after", 0.0) >= ratio]
    return min(enough) + SITE_LAG_SECONDS if enough else None


def _by_hand(view: View) -> Iterator[Step]:
    """Yield what a person can buy: one purchase that is enough, or several as points come in."""
    profile, points = view.profile, view.profile.bonus_points
    up, down = profile.uploaded_bytes, profile.downloaded_bytes
    if points is None or up is None or not down:
        return
    found = by_hand(profile, view.policy)
    if found is not None:
        gib, cost, lifted, pace = float(found.gib), found.cost_bp, found.ratio, ""
    else:
        # Out of class Mouse, or else to where grab goes on.
        wanted = Fraction(SITE_RATIO if view.lacks_credit else view.goal)
        missing = ceil((wanted * down - up) / GIB)
        gib, cost, lifted = float(missing), missing * view.policy.spend.price_per_gib, (up + missing * GIB) / down
        pace = ", in several purchases" if cost <= points else ", bit by bit as points come in"
    out = ", out of class Mouse" if view.lacks_credit else ""
    yield Step(
        _paid_at(view, cost - points),
        Who.PERSON,
        f"In the web store, buy {gib:g} GiB of upload credit for {cost} BP{pace}: the ratio goes from "
        f"{view.ratio:.2f} to {lifted:.2f}{out}.{_still_held(lifted, view)}",
        {"gib": gib, "cost_bp": cost, "ratio_after": lifted},
    )


def _paid_at(view: View, missing: float) -> int | None:
    """Return when so many points more will have come in; ``None`` where nobody knows, or hardly any come."""
    income = income_per_hour(view.snapshot.balances)
    if missing <= 0:
        return view.now
    if income is None or income < LEAST_INCOME:
        return None
    return view.now + ceil(missing / income * HOUR)


def _still_held(ratio: float, view: View) -> str:
    floor = view.policy.grab.ratio_floor
    if ratio >= floor:
        return ""
    return f" Grab then still waits for its ratio_floor of {floor:g}; the field preset has {FIELD.grab.ratio_floor:g}."


def _purchases(view: View) -> Iterator[Step]:
    """Yield what spend buys by itself, until the ratio is where it has to be."""
    spend, seen, lead, pause = view.policy.spend, view, _FIRST, 0
    for _ in range(_MOST_PURCHASES):
        following = next_purchase(waited(seen.snapshot, pause), spend)
        if following is None or not isinstance(following.action, BuyUpload):
            break
        gib, cost = following.action.gib, following.action.cost_bp
        missing = _missing_points(seen, cost + spend.reserve)
        seen = _bought(seen, following)
        when = f"as soon as {missing} more BP have come in" if missing else "on its next run"
        yield Step(
            following.at,
            Who.JOBS,
            f"{lead} buys {gib} GiB of upload credit for {cost} BP, {when}: the ratio goes to {seen.ratio:.2f}.",
            {"gib": float(gib), "cost_bp": cost, "ratio_after": seen.ratio, "missing_bp": missing},
        )
        if seen.ratio >= view.goal:
            return
        # One purchase a run.
        lead, pause = "Spend then", max(PAUSE_SECONDS, int(spend.overflow_ahead.total_seconds()))
    else:
        what = f"More purchases follow these {_MOST_PURCHASES}, until the ratio is {view.goal:g} or more."
        yield Step(seen.now, Who.JOBS, what)
    if seen is view and view.profile.bonus_points is not None and not view.snapshot.purchase_pending:
        yield _no_purchase(view)


def _bought(view: View, following: NextPurchase) -> View:
    """Return the view once a purchase is made."""
    seen = waited(view.snapshot, following.at - view.now)
    return View(after(seen, Plan(job=JOB, decided_at=following.at, actions=(following.action,))), view.policy)


def _missing_points(view: View, wanted: int) -> int:
    return max(0, ceil(wanted - (view.profile.bonus_points or 0)))


def _no_purchase(view: View) -> Step:
    """Return why spend buys nothing for as long as anybody can tell."""
    spend, smallest = view.policy.spend, min(view.policy.spend.tiers)
    cost = smallest * spend.price_per_gib
    missing = _missing_points(view, cost + spend.reserve)
    figures = {"gib": float(smallest), "cost_bp": cost, "missing_bp": missing}
    if cost + spend.reserve > BALANCE_CAP:
        what = (
            f"Lower tiers or reserve in [spend]: {cost + spend.reserve} BP are over the site's cap, so it never buys."
        )
        return Step(view.now, Who.PERSON, what, figures)
    income = income_per_hour(view.snapshot.balances)
    when = "how many come in is not known yet" if income is None else "hardly any have come in lately"
    what = f"{_FIRST} buys {smallest} GiB of upload credit for {cost} BP once {missing} more BP have come in; {when}."
    return Step(None, Who.JOBS, what, figures)
