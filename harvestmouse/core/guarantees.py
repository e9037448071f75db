"""What no plan may ever do, checked on the plan itself and independently of the code that made it.

The numbers are those of the published guarantees. Each predicate says what is wrong, action by action;
nothing wrong is an empty result. `check` holds those that a plan and its snapshot alone can show; the others
compare plans (`g7`, `g8`, `g9`), watch an account over time (`g11`) or read what is written (`g12`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from attrs import evolve, fields_dict, frozen

from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    Reannounce,
    RegisterAddress,
    Resume,
    SetPreferences,
)
from harvestmouse.core.cleanup import ERROR_STATES, SETTLED_STATES
from harvestmouse.core.model import AccountClass, LedgerOutcome, Profile, SearchResult, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import KEYS, NO_LIMIT, owed_slots, subject_of
from harvestmouse.core.sift import normal_name
from harvestmouse.core.units import HOUR


@frozen
class Violation:
    """A guarantee that a plan would break.

    Attributes:
        guarantee: Its number, such as ``"G1"``.
        subject: The item of the plan that breaks it.
        detail: What was measured, against what.
    """

    guarantee: str
    subject: str
    detail: str


Predicate = Callable[[Plan, Snapshot, Policy], Iterable[Violation]]


def g1(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """No plan deletes a torrent that has ever completed and has seeded less than 72 h + margin, on either clock."""
    torrents = _by_hash(snapshot)
    least = (policy.cleanup.seed_time + policy.cleanup.seed_time_margin).total_seconds()
    for action in _deletions(plan):
        torrent = torrents.get(action.hash)
        if torrent is None or torrent.has_completed is False:
            continue
        if torrent.seeding_time is None or torrent.seeding_time < least:
            yield Violation("G1", action.hash, f"seeded {torrent.seeding_time} s of {least:.0f} s")
        elif torrent.tracker_seconds is not None and torrent.tracker_seconds < least:
            yield Violation("G1", action.hash, f"seen seeding {torrent.tracker_seconds} s of {least:.0f} s")


def g2(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """No plan acts on a torrent outside the managed category, or protected by a tag."""
    torrents = _by_hash(snapshot)
    protecting = {tag.casefold() for tag in policy.cleanup.protect_tags}
    for action in plan.actions:
        if not isinstance(action, DeleteTorrent | ForceStart | Resume | Reannounce):
            continue
        torrent = torrents.get(action.hash)
        if torrent is None:
            yield Violation("G2", action.hash, "the client does not list it")
        elif torrent.category != policy.client.category:
            yield Violation("G2", action.hash, f"its category is {torrent.category!r}")
        elif torrent.tags is None or protecting & {tag.casefold() for tag in torrent.tags}:
            yield Violation("G2", action.hash, "it carries a protecting tag, or its tags are unknown")


def g3(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:  # noqa: ARG001 - one shape for all
    """No plan deletes on a transient or unknown state."""
    torrents = _by_hash(snapshot)
    for action in _deletions(plan):
        torrent = torrents.get(action.hash)
        if torrent is not None and torrent.state not in SETTLED_STATES - ERROR_STATES:
            yield Violation("G3", action.hash, f"its state is {torrent.state!r}")


def g4(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """No plan grabs while the class is Mouse or unknown, the ratio is under its floor, or the profile is unknown."""
    adds = list(_additions(plan))
    profile = snapshot.profile
    if not adds:
        return
    if profile is None:
        yield Violation("G4", str(adds[0].id), "the profile is unknown")
    elif profile.account_class in (None, AccountClass.MOUSE):
        yield Violation("G4", str(adds[0].id), f"the class is {profile.class_name!r}")
    elif profile.ratio is None or profile.ratio < policy.grab.ratio_floor:
        yield Violation("G4", str(adds[0].id), f"the ratio {profile.ratio} is not at {policy.grab.ratio_floor}")


def g5(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """Every pick is free or made so by a wedge, in every band, no duplicate, and within slots, disk and headroom."""
    adds = list(_additions(plan))
    seen: dict[int, list[SearchResult]] = {}
    for page in snapshot.searches or ():
        for result in page.results:
            seen.setdefault(result.id, []).append(result)
    for action in adds:
        rows = seen.get(action.id, [])
        if not rows:
            yield Violation("G5", str(action.id), "no search result has this id")
        for row in rows:
            problem = _unfit(row, snapshot, policy, use_wedge=action.use_wedge)
            if problem is not None:
                yield Violation("G5", str(action.id), problem)
    if len({action.id for action in adds}) < len(adds):
        yield Violation("G5", "actions", "a torrent is added twice")
    # A torrent that the same plan deletes has left its place by then; the executor looks whether it has.
    gone = frozenset(action.hash for action in _deletions(plan))
    yield from _overdrawn(adds, evolve(snapshot, leaving=gone), policy)


def g6(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """Spending keeps the reserve, buys only tiers, and at most once a plan."""
    buys = [action for action in plan.actions if isinstance(action, BuyUpload | BuyVip)]
    points = None if snapshot.profile is None else snapshot.profile.bonus_points
    if len(buys) > 1:
        yield Violation("G6", "actions", f"{len(buys)} purchases in one plan")
    for action in buys:
        if points is None or points - action.cost_bp < policy.spend.reserve:
            yield Violation("G6", action.kind, f"{action.cost_bp} BP of {points}, reserve {policy.spend.reserve}")
        if isinstance(action, BuyUpload):
            price = action.gib * policy.spend.price_per_gib
            if action.gib not in policy.spend.tiers or action.cost_bp != price:
                yield Violation("G6", action.kind, f"{action.gib} GiB for {action.cost_bp} BP is no tier")


def g7(less: Plan, more: Plan) -> Iterable[Violation]:
    """Less knowledge never means more action: removing a fact from a snapshot never adds an action.

    Args:
        less: The plan made from a snapshot with a fact taken out.
        more: The plan made from the whole snapshot.
    """
    known = dict(_effects(more))
    for effect, action in _effects(less):
        if effect not in known:
            yield Violation("G7", effect[1], f"{action} only where less is known")


def g8(one: Plan, other: Plan) -> Iterable[Violation]:
    """Plans are deterministic, and independent of input order.

    Args:
        one: A plan.
        other: The plan made from the same snapshot and policy again, or with their parts in another order.
    """
    for name in fields_dict(Plan):
        first, second = getattr(one, name), getattr(other, name)
        # Equal is not enough where 1 and 1.0 are written differently, and mappings in another order.
        if repr(first) != repr(second):
            yield Violation("G8", name, f"{first!r} and {second!r}")


def g9(plan: Plan, following: Plan) -> Iterable[Violation]:
    """Plans converge: applied to a faithful world, the next plan has none of the same actions.

    Args:
        plan: A plan that was carried out.
        following: The plan made from what it left behind.
    """
    done = dict(_effects(plan))
    for effect, action in _effects(following):
        if effect in done:
            yield Violation("G9", effect[1], f"{action} is planned again")


def g10(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """Reconciliation touches only its own keys, and leaves upload slots for every torrent owing seed time."""
    for action in plan.actions:
        if not isinstance(action, SetPreferences):
            continue
        for key in sorted(set(action.changes) - set(KEYS)):
            yield Violation("G10", key, "not a key of this job")
        held = snapshot.of_each_client().get(action.client)
        if held is None:
            yield Violation("G10", action.kind, f"the client {action.client!r} is not there")
            continue
        owed = owed_slots(held, policy)
        for key in ("max_active_uploads", "max_active_torrents"):
            value = action.changes[key]["to"] if key in action.changes else NO_LIMIT
            if value != NO_LIMIT and (owed is None or value < owed):
                yield Violation("G10", key, f"{value} slots for {owed} torrents owing seed time")


def g11(history: Iterable[Snapshot], policy: Policy, within: timedelta) -> Iterable[Violation]:
    """No deadlock: an account with any income leaves class Mouse, and the backlog drains.

    Args:
        history: Snapshots of one account in the order of time, while the jobs ran and points came in.
        policy: Names the managed category.
        within: How long Mouse may last, and how long a torrent may stay that never completes.
    """
    most, since = within.total_seconds(), dict[str, int]()
    for snapshot in history:
        stuck = set(_stuck(snapshot, policy))
        since = {subject: since.get(subject, snapshot.taken_at) for subject in stuck}
        for subject in sorted(stuck):
            if snapshot.taken_at - since[subject] > most:
                yield Violation("G11", subject, f"for {snapshot.taken_at - since[subject]} s, at most {most:.0f} s")


def g12(text: str, secrets: Iterable[str]) -> Iterable[Violation]:
    """No secret appears in a plan, log, metric, recorded snapshot or error.

    Args:
        text: What is about to be written or shown.
        secrets: Cookies, passkeys, passwords and `dl` hashes; one that is empty is none.
    """
    for number, secret in enumerate(secrets, 1):
        forms = {secret, quote(secret, safe=""), quote(secret)}
        places = [place for form in forms if secret and (place := text.find(form)) >= 0]
        if places:
            yield Violation("G12", f"secret {number}", f"at character {min(places)} of {len(text)}")


def blast_radius(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    """No plan deletes more torrents with data than one run may: a ceiling, and a share of them above a small number."""
    torrents, cleanup = _by_hash(snapshot), policy.cleanup
    count = sum(torrents[one.hash].holds_data for one in _deletions(plan) if one.hash in torrents)
    if count > cleanup.max_data_deletions:
        detail = f"{count} deletions of torrents with data, at most {cleanup.max_data_deletions} a run"
        yield Violation("limit", "max_data_deletions", detail)
    held = sum(torrent.shows_data for torrent in snapshot.managed(policy.client.category))
    if count > cleanup.always_allowed and count > cleanup.max_data_share * held:
        detail = f"{count} of {held} torrents with data, at most a share of {cleanup.max_data_share:g}"
        yield Violation("limit", "max_data_share", detail)


def never_automatic(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:  # noqa: ARG001
    """No plan has an action that the policy has off."""
    starts, vip = policy.reconcile.force_start, policy.spend.vip
    allowed: Mapping[str, bool] = {
        ForceStart.kind: starts,
        Resume.kind: starts,
        BuyVip.kind: vip,
        RegisterAddress.kind: policy.address.register_address,
    }
    for action in plan.actions:
        if not allowed.get(action.kind, True):
            yield Violation("limit", action.kind, "the policy has this action off")


def only_the_clients_address(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:  # noqa: ARG001
    """No plan registers an address that the client is not seen at, or a second one within the site's hour."""
    if not any(isinstance(action, RegisterAddress) for action in plan.actions):
        return
    client = snapshot.connection
    if client is None or snapshot.site_address is None or snapshot.site_address not in client.addresses:
        yield Violation("limit", RegisterAddress.kind, "the client is not known to leave by the address the site sees")
    if snapshot.registered is not None and snapshot.taken_at - snapshot.registered[0] < HOUR:
        yield Violation("limit", RegisterAddress.kind, "the site took an address less than an hour ago")


# After these a torrent may be taken again.
_FREED = frozenset({LedgerOutcome.FAILED, LedgerOutcome.NEVER_STARTED})

# What a plan and its snapshot can show by themselves; `check` asks these of every plan.
GUARANTEES: Mapping[str, Predicate] = {"G1": g1, "G2": g2, "G3": g3, "G4": g4, "G5": g5, "G6": g6, "G10": g10}

# What takes more than one plan to see.
LAWS: Mapping[str, Callable[..., Iterable[Violation]]] = {"G7": g7, "G8": g8, "G9": g9, "G11": g11, "G12": g12}

LIMITS: tuple[Predicate, ...] = (blast_radius, never_automatic, only_the_clients_address)


def check(plan: Plan, snapshot: Snapshot, policy: Policy) -> tuple[Violation, ...]:
    """Return every way in which *plan* would break a guarantee or a limit; runners refuse a plan with any."""
    predicates = (*GUARANTEES.values(), *LIMITS)
    return tuple(violation for predicate in predicates for violation in predicate(plan, snapshot, policy))


def check_targets(actions: Iterable[Action], snapshot: Snapshot, policy: Policy) -> tuple[Violation, ...]:
    """Return what a fresh look at the torrents that *actions* touch has against them."""
    plan = Plan(job="", decided_at=snapshot.taken_at, actions=tuple(actions))
    return tuple(violation for predicate in (g1, g2, g3) for violation in predicate(plan, snapshot, policy))


def _effects(plan: Plan) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what each action does to what, with the action's kind; a change of preferences is one for each key."""
    for action in plan.actions:
        if isinstance(action, SetPreferences):
            for key in action.changes:
                yield (action.kind, subject_of(action.client, key)), action.kind
        else:
            yield (action.kind, _subject(action)), action.kind


def _subject(action: Any) -> str:
    """Name what an action is about: an info-hash, the site's id, or what is bought."""
    return str(getattr(action, "hash", None) or getattr(action, "id", None) or action)


def _stuck(snapshot: Snapshot, policy: Policy) -> Iterator[str]:
    """Yield what must not last: the lowest class, and torrents at rest that never completed."""
    if snapshot.profile is not None and snapshot.profile.account_class is AccountClass.MOUSE:
        yield "class"
    for torrent in snapshot.managed(policy.client.category):
        if torrent.has_completed is False and torrent.state in SETTLED_STATES - ERROR_STATES:
            yield torrent.hash


def _by_hash(snapshot: Snapshot) -> dict[str, Torrent]:
    return {torrent.hash: torrent for torrent in snapshot.torrents or ()}


def _deletions(plan: Plan) -> Iterable[DeleteTorrent]:
    return (action for action in plan.actions if isinstance(action, DeleteTorrent))


def _additions(plan: Plan) -> Iterable[AddTorrent]:
    return (action for action in plan.actions if isinstance(action, AddTorrent))


def _unfit(row: SearchResult, snapshot: Snapshot, policy: Policy, *, use_wedge: bool) -> str | None:
    """Say why a result may not be picked, from the facts alone."""
    grab, profile = policy.grab, snapshot.profile
    if use_wedge and (row.free or row.personal_freeleech or row.vip or row.fl_vip or not row.takes_wedge):
        return "it is free for somebody already, or may be, and a wedge would be lost"
    if use_wedge and any(entry.id == row.id for entry in snapshot.ledger or ()):
        return "a wedge may have been spent on it before"
    if not use_wedge and not row.is_free_for(None if profile is None else profile.account_class):
        return "it is not free for this account"
    if not grab.min_size <= row.size_bytes <= grab.max_size:
        return f"{row.size_bytes} bytes are outside the size band"
    if row.leechers < grab.leecher_floor or row.seeders > grab.seeder_ceiling:
        return f"{row.leechers} leechers and {row.seeders} seeders are outside the bands"
    names = {normal_name(torrent.name) for torrent in snapshot.torrents or ()}
    if row.snatched or normal_name(row.title) in names - {""}:
        return "the account or the client has it"
    entries = [entry for entry in snapshot.ledger or () if entry.id == row.id]
    last = max((entry.at or 0 for entry in entries), default=0)
    # Within one second an end comes after its beginning.
    words = {entry.outcome for entry in entries if (entry.at or 0) == last}
    if words and (words - _FREED - {LedgerOutcome.ADDING} or not words & _FREED):
        return "the ledger has it"
    return None


def _overdrawn(adds: list[AddTorrent], snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    if not adds:
        return
    if snapshot.missing_clients:
        missing = ", ".join(snapshot.missing_clients)
        yield Violation("G5", "actions", f"nobody knows what the client {missing} has")
    held = snapshot.held(policy.client.category) + len(adds)
    if snapshot.torrents is None or held > policy.grab.max_torrents or len(adds) > policy.grab.per_run:
        yield Violation("G5", "actions", f"{len(adds)} picks would make {held} torrents")
    size = sum(action.size_bytes for action in adds)
    space = _disk_budget(snapshot, policy)
    if space is None or size > space:
        yield Violation("G5", "actions", f"{size} bytes of picks, {space} bytes of disk budget")
    quota, taken = policy.grab.category_quota, _taken_bytes(snapshot, policy)
    if quota and (taken is None or taken + size > quota):
        yield Violation("G5", "actions", f"{size} bytes of picks to {taken} in the category, quota {quota}")
    yield from _wasted(adds, snapshot, policy)
    count, most = _unsatisfied(snapshot.profile)
    if count is None or most is None:
        if policy.grab.require_unsat:
            yield Violation("G5", "actions", "the unsatisfied headroom is unknown")
    elif count + len(adds) > most - policy.grab.unsat_reserve:
        yield Violation("G5", "actions", f"{len(adds)} picks overdraw the unsatisfied headroom")


def _wasted(adds: list[AddTorrent], snapshot: Snapshot, policy: Policy) -> Iterable[Violation]:
    spent = sum(action.use_wedge for action in adds)
    held = None if snapshot.profile is None else snapshot.profile.wedges
    if not spent:
        return
    if not policy.grab.wedges or spent > policy.grab.wedges_per_run:
        most = policy.grab.wedges_per_run if policy.grab.wedges else 0
        yield Violation("G5", "actions", f"{spent} wedges, at most {most} a run")
    if held is None or held - spent < policy.grab.wedge_reserve:
        yield Violation("G5", "actions", f"{spent} wedges of {held}, reserve {policy.grab.wedge_reserve}")


def _disk_budget(snapshot: Snapshot, policy: Policy) -> int | None:
    """Return what may be added to the disk; ``None`` where a figure for it is missing."""
    space = snapshot.free_space_bytes
    for torrent in snapshot.torrents or ():
        left = torrent.left_bytes
        if left is None:
            left = 0 if torrent.progress is not None and torrent.progress >= 1 else torrent.size_bytes
        space = None if space is None or left is None else space - left
    return None if space is None else space - policy.grab.disk_reserve


def _taken_bytes(snapshot: Snapshot, policy: Policy) -> int | None:
    """Return how large what is in the category is, or may be for all that is known; ``None`` where that is missing."""
    ours = (policy.client.category, None)
    sizes = [one.size_bytes for one in snapshot.torrents or () if one.category in ours]
    unread = any(row.category in ours for row in snapshot.malformed_torrents)
    known = [size for size in sizes if size is not None]
    return None if unread or len(known) < len(sizes) else sum(known)


def _unsatisfied(profile: Profile | None) -> tuple[int | None, int | None]:
    """Return how many unsatisfied torrents there are and may be, where a limit is missing the least of the class."""
    if profile is None:
        return None, None
    least = {"User": 20, "Power User": 100, "VIP": 150, "Elite VIP": 200}.get(profile.account_class or "")
    return profile.unsat_count, least if profile.unsat_limit is None else profile.unsat_limit
