"""Carry out a plan's actions, or say that they were not: a dry run is another executor.

An error about one item is an outcome and the rest go on; an error about the connection ends the run.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import define, evolve, field

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import AdapterError, DownloadFrozen, GuaranteeBroken, ItemError, SiteUnavailable
from harvestmouse.adapters.traffic import CLIENT, SITE
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
from harvestmouse.core.freshness import changed
from harvestmouse.core.guarantees import check_targets
from harvestmouse.core.model import LedgerEntry, LedgerOutcome, Snapshot
from harvestmouse.core.plan import MAX_AGE_SECONDS, Plan, Reason
from harvestmouse.core.spend import Purchase
from harvestmouse.runners.clients import first_missing, lost_client, one_client
from harvestmouse.runners.interrupt import StopSignal
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Outcome, Status
from harvestmouse.runners.words import announce_outcome

# Points come in while a purchase is made, so the balance may fall by a little less than the price.
_PRICE_SHARE = 0.9
# How often, and how far apart in seconds, to look whether started torrents have started.
_LOOKS, _LOOK_SECONDS = 10, 0.3


# How the actions of one job ended, and the error that ended it early, if one did.
Ended = tuple[tuple[Outcome, ...], AdapterError | None]


class Executor(Protocol):
    """Something that carries out plans, or does not."""

    def carry_out(self, plan: Plan, snapshot: Snapshot) -> tuple[Ended, ...]:
        """Return how each part of the plan ended, in their order; a plan of one job is its own only part."""


class DryRun:
    """Do nothing, and say so for every action."""

    def carry_out(self, plan: Plan, snapshot: Snapshot) -> tuple[Ended, ...]:  # noqa: ARG002 - one shape for all
        """Return every action as not attempted."""
        return tuple((_untouched(part, "dry run"), None) for part in plan.parts or (plan,))


@define
class Apply:
    """Act through the ports."""

    ports: Ports
    stop: StopSignal = field(factory=StopSignal)
    _outcomes: list[Outcome] = field(factory=list, init=False)
    _trying: list[Action] = field(factory=list, init=False)
    _freed: int = field(default=0, init=False)

    def carry_out(self, plan: Plan, snapshot: Snapshot) -> tuple[Ended, ...]:
        """Carry out the parts in their order; an error of one service ends what needs that service, and no more."""
        parts, ended = plan.parts or (plan,), list[Ended]()
        try:
            with self.stop.acting():
                for part in parts:
                    ended.append(self._carry_out(part, snapshot))
        except AdapterError as error:
            why = f"the run ended early: {error.args[0]}"
            ended += [(_untouched(part, why), error) for part in parts[len(ended) :]]
        return tuple(ended)

    def _carry_out(self, plan: Plan, snapshot: Snapshot) -> Ended:
        """Carry out the actions in their order, torrents that change or go in batches."""
        self._outcomes, self._trying = [], []
        age = self.ports.clock() - plan.decided_at
        if age > MAX_AGE_SECONDS:
            return _untouched(plan, f"the plan is {age} s old"), None
        first: AdapterError | None = None
        for step in _steps(plan.actions, snapshot):
            try:
                self._require(step[0])
                _HANDS[type(step[0])](self, step, snapshot)
            except AdapterError as error:
                first = first or error
                if error.client is None:
                    self.ports.lost.setdefault(error.service, error)
                    return tuple(self._ended_early(plan.actions, error.args[0])), first
                # The other clients are there.
                self.ports.lost.setdefault(lost_client(error.client), error)
                self._outcomes = list(self._ended_early(step, error.args[0]))
        return tuple(self._outcomes), first

    def _require(self, action: Action) -> None:
        """Raise again what an earlier part of the run has met where this action would meet it too."""
        for service in ("", *_NEEDS.get(type(action), (CLIENT,))):
            if service in self.ports.lost:
                raise self.ports.lost[service]
        missing = first_missing(self.ports.lost)
        if missing is not None and isinstance(action, AddTorrent):
            # It may have what is to be added.
            raise missing

    def _ended_early(self, actions: Iterable[Action], why: str) -> Iterator[Outcome]:
        """Yield every outcome; what was being tried has failed, since nobody knows how far it came."""
        yield from self._outcomes
        ended = {id(outcome.action) for outcome in self._outcomes}
        trying = {id(action) for action in self._trying}
        for action in actions:
            if id(action) in ended:
                continue
            status = Status.FAILED if id(action) in trying else Status.NOT_ATTEMPTED
            yield Outcome(action, status, why if status is Status.FAILED else f"the run ended early: {why}")

    def _try(self, *actions: Action) -> None:
        """Note what is about to be changed; a run that was told to end does so before it."""
        self.stop.between_actions()
        self._trying = list(actions)

    def _end(self, action: Action, status: Status, why: str | None = None) -> None:
        outcome = Outcome(action, status, why)
        self._outcomes.append(outcome)
        announce_outcome(outcome)

    def _delete(self, actions: Sequence[DeleteTorrent], snapshot: Snapshot) -> None:
        """Delete what a fresh look still finds as planned, then look whether it is gone."""
        due = self._unchanged(actions, snapshot)
        if not due:
            return
        self._try(*due)
        # Noted first: a deletion whose end nobody sees must not leave the torrent as grabbed. One that fails is
        # still in the client, which bars it as well.
        self._note_ends(due)
        client = self.ports.client
        client.delete([action.hash for action in due], delete_files=True)
        left = {torrent.hash for torrent in client.look([action.hash for action in due]).torrents}
        for action in due:
            if action.hash in left:
                self._end(action, Status.FAILED, "the client still lists it")
            else:
                self._freed += 1
                self._end(action, Status.DONE)

    def _note_ends(self, actions: Sequence[DeleteTorrent]) -> None:
        ids = self.ports.ledger.ids()
        for action in actions:
            if action.hash in ids:
                unstarted = action.reason == Reason.NEVER_STARTED
                fate = LedgerOutcome.NEVER_STARTED if unstarted else LedgerOutcome.RETIRED
                self._note(ids[action.hash], fate, action.hash)

    def _unchanged(self, actions: Sequence[Any], snapshot: Snapshot) -> list[Any]:
        """Keep the actions whose torrent is still what it was when the plan was made, and check those once more."""
        planned = {torrent.hash: torrent for torrent in snapshot.torrents or ()}
        looked = self.ports.client.look([action.hash for action in actions]).torrents
        # The tracker's clock is not asked for again: it is as the plan knew it.
        fresh = {one.hash: evolve(one, tracker_seconds=planned[one.hash].tracker_seconds) for one in looked}
        due = []
        for action in actions:
            why = changed(planned[action.hash], fresh.get(action.hash))
            if why is None:
                due.append(action)
            else:
                self._end(action, Status.NOT_ATTEMPTED, f"kept: {why}")
        broken = check_targets(due, evolve(snapshot, torrents=tuple(fresh.values())), self.ports.settings.policy)
        if broken:
            raise GuaranteeBroken(f"a fresh look shows that {broken[0].subject} must stay: {broken[0].detail}")
        return due

    def _within_places(self, actions: Sequence[AddTorrent], snapshot: Snapshot) -> list[AddTorrent]:
        """Leave out the lowest scored where the plan counts on places that the run's deletions have not freed."""
        policy = self.ports.settings.policy
        places = policy.grab.max_torrents - snapshot.held(policy.client.category) + self._freed
        best = sorted(actions, key=lambda one: (not one.use_wedge, one.score, one.id), reverse=True)
        best = best[: max(0, places)]
        for action in actions:
            if action not in best:
                self._end(action, Status.NOT_ATTEMPTED, "no place is free: not every deletion is done")
        return [action for action in actions if action in best]

    def _add(self, actions: Sequence[AddTorrent], snapshot: Snapshot) -> None:
        for action in self._within_places(actions, snapshot):
            self._try(action)
            self._note(action.id, LedgerOutcome.ADDING)
            identity: str | None = None
            try:
                content = self._fetch(action)
                identity = info_hash(content)
                self._note(action.id, LedgerOutcome.ADDING, identity)
                self.ports.client.add(content, identity, action)
            except ItemError as error:
                # Not taken, so not remembered as grabbed; its info-hash tells a later run that the client has it.
                self._note(action.id, LedgerOutcome.FAILED, identity)
                self._end(action, Status.FAILED, error.args[0])
            else:
                self._note(action.id, LedgerOutcome.GRABBED, identity)
                self._end(action, Status.DONE)

    def _fetch(self, action: AddTorrent) -> bytes:
        try:
            return self.ports.site.torrent_file(action.id, wedge=action.use_wedge)
        except DownloadFrozen as error:
            self._note(action.id, LedgerOutcome.FAILED)
            self.ports.memory.remember_account(download_freeze_until=self.ports.clock() + error.seconds)
            raise
        except (ItemError, SiteUnavailable):
            # Without an answer the site may have counted the download: the addition stays open until that shows.
            raise
        except AdapterError:
            self._note(action.id, LedgerOutcome.FAILED)
            raise

    def _note(self, torrent_id: int, outcome: LedgerOutcome, identity: str | None = None) -> None:
        entry = LedgerEntry(id=torrent_id, at=self.ports.clock(), outcome=outcome, info_hash=identity)
        self.ports.ledger.append(entry)

    def _buy(self, actions: Sequence[BuyUpload | BuyVip], snapshot: Snapshot) -> None:
        """Buy once: noted before it is asked for, closed only where the reply is clear."""
        for action in actions:
            self._try(action)
            purchase = _purchase(action, snapshot, self.ports.clock())
            self.ports.journal.open(purchase)
            reply = self.ports.site.buy(action)
            now = self.ports.clock()
            if not reply.success:
                self.ports.journal.close(now, "refused")
                self._end(action, Status.FAILED, f"the site refused: {reply.error or 'no reason given'}")
            elif reply.bonus_points is None or not _paid(purchase, reply.bonus_points):
                why = f"the site says success, but {purchase.balance_before} BP became {reply.bonus_points}"
                self._end(action, Status.FAILED, why)
            else:
                self.ports.journal.close(now, "done")
                self._end(action, Status.DONE)

    def _set_preferences(self, actions: Sequence[SetPreferences], snapshot: Snapshot) -> None:  # noqa: ARG002
        for action in actions:
            self._try(action)
            values = {key: change["to"] for key, change in action.changes.items()}
            with one_client(self.ports, action.client) as client:
                client.set_preferences(values)
                current = client.preferences()
            wrong = {key: getattr(current, key) for key, value in values.items() if getattr(current, key) != value}
            status = Status.FAILED if wrong else Status.DONE
            self._end(action, status, f"the client still has {wrong}" if wrong else None)

    def _force_start(self, actions: Sequence[ForceStart], snapshot: Snapshot) -> None:
        self._start(actions, snapshot, self.ports.client.force_start)

    def _resume(self, actions: Sequence[Resume], snapshot: Snapshot) -> None:
        self._start(actions, snapshot, self.ports.client.resume)

    def _reannounce(self, actions: Sequence[Reannounce], snapshot: Snapshot) -> None:
        """Announce what a fresh look still finds as planned; what the tracker answers, a later run sees."""
        due = self._unchanged(actions, snapshot)
        if not due:
            return
        self._try(*due)
        self.ports.client.reannounce([action.hash for action in due])
        for action in due:
            self._end(action, Status.DONE)

    def _register(self, actions: Sequence[RegisterAddress], snapshot: Snapshot) -> None:
        """Register once; what the tracker refused before is announced again, since it will not be for hours."""
        for action in actions:
            self._try(action)
            try:
                changed = self.ports.site.register_address()
            except ItemError as error:
                self._end(action, Status.FAILED, error.args[0])
                continue
            self.ports.memory.remember_account(registered=[self.ports.clock(), snapshot.site_address])
            managed = snapshot.managed(self.ports.settings.policy.client.category)
            if changed and managed:
                self.ports.client.reannounce([torrent.hash for torrent in managed])
            self._end(action, Status.DONE)

    def _start(self, actions: Sequence[Any], snapshot: Snapshot, start: Callable[[list[str]], None]) -> None:
        due = self._unchanged(actions, snapshot)
        if not due:
            return
        self._try(*due)
        start([action.hash for action in due])
        idle = self._still_idle([action.hash for action in due], snapshot)
        for action in due:
            failed = action.hash in idle
            self._end(
                action, Status.FAILED if failed else Status.DONE, "the client left it as it was" if failed else None
            )

    def _still_idle(self, hashes: Sequence[str], snapshot: Snapshot) -> set[str]:
        """Return the torrents that are in their old state although they were started; a client takes a moment."""
        before = {torrent.hash: torrent.state for torrent in snapshot.torrents or ()}
        idle: set[str] = set()
        for _ in range(_LOOKS):
            now = {torrent.hash: torrent.state for torrent in self.ports.client.look(hashes).torrents}
            idle = {one for one in hashes if now.get(one) == before[one]}
            if not idle:
                break
            time.sleep(_LOOK_SECONDS)
        return idle


_HANDS: Mapping[type[Action], Callable[[Apply, Any, Snapshot], None]] = {
    AddTorrent: Apply._add,  # noqa: SLF001 - its own class's table
    BuyUpload: Apply._buy,  # noqa: SLF001
    BuyVip: Apply._buy,  # noqa: SLF001
    DeleteTorrent: Apply._delete,  # noqa: SLF001
    ForceStart: Apply._force_start,  # noqa: SLF001
    Reannounce: Apply._reannounce,  # noqa: SLF001
    RegisterAddress: Apply._register,  # noqa: SLF001
    Resume: Apply._resume,  # noqa: SLF001
    SetPreferences: Apply._set_preferences,  # noqa: SLF001
}


# Which services an action needs; any other needs the client.
_NEEDS: Mapping[type[Action], tuple[str, ...]] = {
    AddTorrent: (SITE, CLIENT),
    BuyUpload: (SITE,),
    BuyVip: (SITE,),
    RegisterAddress: (SITE, CLIENT),
}


def _untouched(plan: Plan, why: str) -> tuple[Outcome, ...]:
    return tuple(Outcome(action, Status.NOT_ATTEMPTED, why) for action in plan.actions)


def _steps(actions: Iterable[Action], snapshot: Snapshot) -> list[list[Action]]:
    """Group the actions by kind, in the order in which the kinds first appear; of several clients, each by itself."""
    holders = {torrent.hash: torrent.client for torrent in snapshot.torrents or ()}
    steps: dict[type[Action], dict[str | None, list[Action]]] = {}
    for action in actions:
        client = getattr(action, "client", None) or holders.get(getattr(action, "hash", ""))
        steps.setdefault(type(action), {}).setdefault(client, []).append(action)
    return [step for kind in steps.values() for step in kind.values()]


def _purchase(action: BuyUpload | BuyVip, snapshot: Snapshot, now: int) -> Purchase:
    profile = snapshot.profile
    assert profile is not None  # a plan that buys has one
    return Purchase(
        at=now,
        cost_bp=action.cost_bp,
        gib=action.gib if isinstance(action, BuyUpload) else 0,
        weeks=action.weeks if isinstance(action, BuyVip) else 0,
        balance_before=profile.bonus_points or 0.0,
        uploaded_before=profile.uploaded_bytes or 0,
        vip_until_before=profile.vip_until,
    )


def _paid(purchase: Purchase, balance: float) -> bool:
    return purchase.balance_before - balance >= purchase.cost_bp * _PRICE_SHARE
