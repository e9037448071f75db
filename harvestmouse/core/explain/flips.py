"""Find by how much something has to change for another decision, by planning from the changed snapshot.

No rule is written here. The amounts to try come from the thresholds that the rules are compared with, and what each
brings is what the job itself decides then.
"""

from collections.abc import Callable, Iterable, Iterator
from math import ceil, floor, isfinite
from typing import Any

from attrs import evolve, frozen

from harvestmouse.core.explain.model import Condition, Flip, Rule, decision_about
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan, Reason, Verdict

# States in which the client's seed clock goes on.
SEEDING_STATES = frozenset({"uploading", "stalledUP", "forcedUP"})
# What the figures of the two seed clocks are called.
CLOCKS = ("seeding_seconds", "tracker_seconds")
# A change that leads through more reasons than this before the verdict changes says nothing to anybody.
_MOST = 3
_LAST_HASH = (1 << 160) - 1

Found = tuple[Verdict | None, Reason | None]


# What is decided about one subject, from a snapshot.
Outlook = Callable[[Snapshot], Found]


@frozen(kw_only=True)
class Change:
    """A way in which the world may change, more or less of it.

    Attributes:
        apply: The snapshot as it would be, so much changed.
        amounts: Where a threshold may lie; all of one sign.
        start: What the figure is now, where it has one.
    """

    kind: str
    apply: Callable[[int], Snapshot]
    amounts: Iterable[int]
    start: int | float | None = None
    note: str = ""


def found_about(plan: Plan, subject: str) -> Found:
    """Return what a plan decided about one subject; of a skipped one, why it was."""
    decision = decision_about(plan, subject)
    if decision is None:
        return None, None if plan.skip is None else plan.skip.reason
    return decision.decision, decision.reason


def flips_by(change: Change, outlook: Outlook, now: Found) -> Iterator[Flip]:
    """Yield the decisions that more and more of a change leads to, each at its least amount, up to another verdict."""
    before, low, count = now, 0, 0
    for high in sorted(set(change.amounts), key=abs):
        while count < _MOST and before[0] == now[0] and outlook(change.apply(high)) != before:
            low = _least(low, high, lambda amount, was=before: outlook(change.apply(amount)) != was)  # type: ignore[misc]
            before, count = outlook(change.apply(low)), count + 1
            to = None if change.start is None else change.start + low
            yield Flip(change=change.kind, amount=low, to=to, verdict=before[0], reason=before[1], note=change.note)
        low = high


def flip_to(kind: str, to: object, found: Found, now: Found, note: str = "") -> Iterator[Flip]:
    """Yield what a change that is no matter of more or less leads to, if to anything new."""
    if found != now:
        yield Flip(change=kind, to=to, verdict=found[0], reason=found[1], note=note)


def crossings(rules: Iterable[Rule], *names: str) -> list[int]:
    """Return by how much the figures of these names have to change for a condition to be met, or no longer met."""
    return [
        amount for rule in rules for one in rule.conditions if one.name in names for amount in _crossings(one) if amount
    ]


def upwards(amounts: Iterable[int]) -> list[int]:
    """Return the amounts above zero."""
    return [amount for amount in amounts if amount > 0]


def downwards(amounts: Iterable[int], figure: float) -> list[int]:
    """Return the amounts below zero that leave *figure* no less than nothing."""
    return [amount for amount in amounts if amount < 0 and figure + amount >= 0]


def later(snapshot: Snapshot, seconds: int, seeding: str | None = None) -> Snapshot:
    """Return the snapshot as it would be had only time passed.

    Args:
        snapshot: As it is.
        seconds: How much time passes.
        seeding: The info-hash of a torrent that seeds meanwhile, whatever its state.
    """

    def grown(torrent: Torrent) -> Torrent:
        seeds = torrent.state in SEEDING_STATES or torrent.hash == seeding
        if torrent.seeding_time is None or not seeds:
            return torrent
        seen = None if torrent.tracker_seconds is None else torrent.tracker_seconds + seconds
        return evolve(torrent, seeding_time=torrent.seeding_time + seconds, tracker_seconds=seen)

    torrents = None if snapshot.torrents is None else tuple(map(grown, snapshot.torrents))
    return evolve(snapshot, taken_at=snapshot.taken_at + seconds, torrents=torrents)


def owes(torrent: Torrent, seconds: float) -> tuple[Condition, ...]:
    """Ask whether a torrent has seeded for less than so long on the smaller of its clocks, beside the other one."""
    client, tracker = torrent.seeding_time, torrent.tracker_seconds
    if client is None or tracker is None:
        return (Condition("seeding_seconds", client, "<", seconds),)
    if tracker < client:
        return Condition("tracker_seconds", tracker, "<", seconds), Condition("seeding_seconds", client, ">", tracker)
    return Condition("seeding_seconds", client, "<", seconds), Condition("tracker_seconds", tracker, ">=", client)


def seeding_note(torrent: Torrent) -> str:
    """Say what has to go on for a torrent's clocks to go on."""
    if torrent.state not in SEEDING_STATES:
        return f"if it seeds all that time, which it does not as {torrent.state}"
    return "if it goes on seeding" if torrent.tracker_seconds is None else "if it goes on announcing"


def with_torrent(snapshot: Snapshot, changed: Torrent) -> Snapshot:
    """Return the snapshot with one torrent changed."""
    return evolve(snapshot, torrents=[changed if one.hash == changed.hash else one for one in snapshot.torrents or ()])


def resized(snapshot: Snapshot, category: str, amount: int, **facts: Any) -> Snapshot:
    """Return the snapshot with so many torrents of a category more, of these facts, or fewer."""
    torrents = list(snapshot.torrents or ())
    if amount < 0:
        gone = {torrent.hash for torrent in snapshot.managed(category)[amount:]}
        return evolve(snapshot, torrents=[torrent for torrent in torrents if torrent.hash not in gone])
    more = [
        Torrent(hash=f"{_LAST_HASH - n:040x}", name=f"one more, {n}", category=category, **facts) for n in range(amount)
    ]
    return evolve(snapshot, torrents=[*torrents, *more])


def _least(low: int, high: int, differs: Callable[[int], bool]) -> int:
    """Return an amount that differs, where the one next to it, towards *low*, does not."""
    step = 1 if high > low else -1
    middle = high - step
    while high - low != step:
        low, high = (low, middle) if differs(middle) else (middle, high)
        middle = (low + high) // 2
    return high


def _crossings(condition: Condition) -> tuple[int, ...]:
    value, threshold = condition.value, condition.threshold
    if not _is_figure(value) or not _is_figure(threshold):
        return ()
    # The last figure on one side of the threshold, and the first on the other.
    sides = {
        "<": (ceil(threshold) - 1, ceil(threshold)),
        ">=": (ceil(threshold) - 1, ceil(threshold)),
        "<=": (floor(threshold), floor(threshold) + 1),
        ">": (floor(threshold), floor(threshold) + 1),
    }.get(condition.relation, (threshold - 1, threshold, threshold + 1))
    return tuple(floor(side - value) if side < value else ceil(side - value) for side in sides)


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
