"""The way back of an account in trouble, step by step: when, who, what, and with which result."""

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from harvestmouse.core.cleanup import ERROR_STATES
from harvestmouse.core.guards import unsat_limit, unsat_used
from harvestmouse.core.income import income_per_hour
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Reason
from harvestmouse.core.policy import Policy
from harvestmouse.core.recovery.client import backlog, client, is_unknown_to_tracker
from harvestmouse.core.recovery.credit import credit
from harvestmouse.core.recovery.model import State, Step, Unknown, Way, Who
from harvestmouse.core.recovery.seeding import hit_and_runs, limits, owed
from harvestmouse.core.recovery.view import View, torrents

__all__ = ["State", "Step", "Unknown", "Way", "Who", "disabled_way", "find_way"]

_PARTS: tuple[Callable[[View], Iterator[Step]], ...] = (credit, limits, hit_and_runs, owed, backlog, client)


def find_way(snapshot: Snapshot, policy: Policy) -> Way:
    """Lay out the way back, if the jobs act on their schedules and points come in as they did.

    Args:
        snapshot: All that is known; what is missing is named in the result.
        policy: All its sections.
    """
    view = View(snapshot, policy)
    states = tuple(_states(view))
    steps = [] if states == (State.WELL,) else [step for part in _PARTS for step in part(view)]
    return Way(
        taken_at=snapshot.taken_at,
        states=states,
        steps=tuple(sorted(steps, key=_order)),
        unknown=tuple(_unknown(view)),
        figures=_figures(view),
    )


def _order(step: Step) -> tuple[bool, int, int]:
    """Sort by time; at one time, what a person has to do comes first."""
    return step.at is None, step.at or 0, list(Who).index(step.who)


def disabled_way(now: int) -> Way:
    """Return what to do where the account may be disabled, which no job can repair."""
    leave = (
        "Leave the site alone; the jobs hold back by themselves. Make no new cookie, and do not repeat the "
        "login: repeated failures lock it."
    )
    ask = (
        "Log in once, in a browser. If the site says that the account is disabled, ask its staff on IRC, and tell them "
        "what runs here."
    )
    resume = "Once staff has answered and the browser shows the site again: harvestmouse doctor --resume."
    steps = (
        Step(now, Who.PERSON, leave),
        Step(now, Who.PERSON, ask),
        Step(now, Who.PERSON, "Leave the client running: what it seeds, it owes."),
        Step(None, Who.PERSON, resume),
    )
    return Way(taken_at=now, states=(State.DISABLED,), steps=steps)


def _states(view: View) -> Iterator[State]:
    profile, rescue = view.profile, view.rescue
    ratio = profile.ratio
    wrong = {
        State.UNKNOWN: ratio is None or profile.account_class is None,
        State.MOUSE: view.is_mouse,
        State.FROZEN: view.is_frozen,
        State.HIT_AND_RUN: bool(profile.hit_and_run_count),
        State.LOW_RATIO: ratio is not None and ratio < view.goal and not view.is_mouse,
        State.UNSATISFIED: view.is_unsatisfied,
        State.NOT_SEEDING: bool(rescue.figures.get("owed_not_announcing")),
        State.STRANGER: any(map(is_unknown_to_tracker, view.managed)),
        State.CLIENT_ERROR: any(torrent.state in ERROR_STATES for torrent in view.managed),
    }
    found = [state for state, holds in wrong.items() if holds]
    yield from found or [State.WELL]


def _unknown(view: View) -> Iterator[Unknown]:
    snapshot, profile = view.snapshot, view.profile
    if profile.ratio is None or profile.account_class is None:
        yield Unknown(
            "class, upload and download of the account", "look at the profile in a browser, then run this again"
        )
    if profile.bonus_points is None:
        yield Unknown("bonus points", "look at the store in a browser")
    elif view.ratio < view.goal and income_per_hour(snapshot.balances) is None:
        yield Unknown("income of points", "let spend or grab run twice, at least an hour apart; a dry run is enough")
    if profile.hit_and_run_count is None:
        yield Unknown("hit-and-runs", "look at the profile in a browser")
    if unsat_used(snapshot) is None:
        yield Unknown("unsatisfied torrents", "look at the profile in a browser")
    if snapshot.torrents is None:
        yield Unknown("the client's torrents", "see that the client runs, then run this again")
    for name in snapshot.missing_clients:
        yield Unknown(f"the torrents of {name}", "see that this client runs, then run this again")
    unasked = sum(one.reason is Reason.UNKNOWN for one in view.rescue.decisions)
    if unasked:
        yield Unknown(
            f"whether what may owe seed time ({torrents(unasked)}) is seeding it",
            "look at its trackers in the client",
        )


def _figures(view: View) -> dict[str, Any]:
    profile, ratio = view.profile, view.profile.ratio
    return {
        "class": profile.class_name,
        "ratio": "∞" if ratio == inf else ratio,
        "uploaded_bytes": profile.uploaded_bytes,
        "downloaded_bytes": profile.downloaded_bytes,
        "balance_bp": profile.bonus_points,
        "income_bp_per_hour": income_per_hour(view.snapshot.balances),
        "hit_and_run_count": profile.hit_and_run_count,
        "unsat_used": unsat_used(view.snapshot),
        "unsat_limit": unsat_limit(view.snapshot.profile),
        "owed_torrents": view.rescue.figures.get("owed_torrents"),
    }
