"""Stores that break one promise each, made from those in memory."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.memory.state import MemoryCookies, MemoryFacts, MemoryJournal, MemoryLedger
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import Cookie
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from harvestmouse.core.spend import Purchase

Stages = Mapping[str, Callable[[], Any]]


@define
class Stage:
    """A store in memory that can be torn and damaged all the same."""

    make: Callable[[], Any]
    tearing: Callable[[Any], None]
    store: Any = field(init=False)
    damaged: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.store = self.make()

    def open(self) -> Any:
        return Broken() if self.damaged else self.store

    def tear(self, share: float) -> None:
        self.tearing(self.store)

    def damage(self) -> None:
        self.damaged = True


class Broken:
    """A store that nobody can read."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: object, **__: object) -> None:
            raise StateError("it cannot be read")

        return call


# Cookies


@define
class CookieStage:
    make: Callable[[], MemoryCookies] = MemoryCookies
    forgets: bool = False
    store: MemoryCookies = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = self.make()

    def open(self, operator: str = "") -> MemoryCookies:
        if self.forgets:
            self.store = self.make()
        self.store.operator = Secret(operator)
        return self.store


@define
class SecondThoughts(MemoryCookies):
    """Always offers the operator's secret as well."""

    def candidates(self) -> list[Cookie]:
        return [*super().candidates(), Cookie(value=self.operator, source="MAM_ID")]


@define
class NeedsAKeptOne(MemoryCookies):
    def candidates(self) -> list[Cookie]:
        return [one for one in super().candidates() if one.source == "memory"]


@define
class Loyal(MemoryCookies):
    """Never lets go of what it has kept."""

    def candidates(self) -> list[Cookie]:
        return [Cookie(value=self._kept, source="memory")] if self._kept else super().candidates()


@define
class NeedsTheSecret(MemoryCookies):
    def candidates(self) -> list[Cookie]:
        return super().candidates() if self.operator else []


@define
class Unquoting(MemoryCookies):
    def store(self, value: str) -> None:
        super().store(value.replace("%3D", "="))


@define
class KeepsAnything(MemoryCookies):
    def store(self, value: str) -> None:
        self._kept = Secret(value)


@define
class SaysWhereFrom(MemoryCookies):
    def candidates(self) -> list[Cookie]:
        return [evolve(one, source=f"memory, {one.value.reveal()}") for one in super().candidates()]


@define
class Spaced(MemoryCookies):
    def candidates(self) -> list[Cookie]:
        found = super().candidates()
        return [evolve(one, value=self.operator) if one.source == "MAM_ID" else one for one in found]


COOKIES: Stages = {
    "test_nothing_anywhere_is_nothing_to_try": lambda: CookieStage(SecondThoughts),
    "test_the_operator_s_secret_is_the_first_cookie": lambda: CookieStage(NeedsAKeptOne),
    "test_white_space_around_the_operator_s_secret_is_no_part_of_it": lambda: CookieStage(Spaced),
    "test_what_was_kept_goes_before_the_secret_it_descends_from": lambda: CookieStage(forgets=True),
    "test_what_was_kept_is_enough": lambda: CookieStage(NeedsTheSecret),
    "test_a_changed_secret_goes_before_what_was_kept": lambda: CookieStage(Loyal),
    "test_a_cookie_is_kept_verbatim": lambda: CookieStage(Unquoting),
    "test_the_word_that_ends_a_session_is_not_kept": lambda: CookieStage(KeepsAnything),
    "test_no_secret_shows": lambda: CookieStage(SaysWhereFrom),
}

# The ledger


@define
class Sorted(MemoryLedger):
    def entries(self) -> tuple[LedgerEntry, ...]:
        return tuple(sorted(super().entries(), key=lambda entry: -entry.id))


@define
class NeverEmpty(MemoryLedger):
    def entries(self) -> tuple[LedgerEntry, ...]:
        return super().entries() or (LedgerEntry(id=0),)


@define
class OneOfEach(MemoryLedger):
    def append(self, entry: LedgerEntry) -> None:
        if entry not in self._entries:
            super().append(entry)


@define
class KnownWords(MemoryLedger):
    def append(self, entry: LedgerEntry) -> None:
        known = entry.outcome in set(LedgerOutcome)
        super().append(entry if known else evolve(entry, outcome=LedgerOutcome.GRABBED))


@define
class TimesOf1970(MemoryLedger):
    def append(self, entry: LedgerEntry) -> None:
        super().append(evolve(entry, at=entry.at or 0))


@define
class OldestNames(MemoryLedger):
    def ids(self) -> dict[str, int]:
        return {entry.info_hash: entry.id for entry in reversed(self._entries) if entry.info_hash}


@define
class ReadsThenWrites(MemoryLedger):
    """Loses what another writer has appended in the meantime."""

    def append(self, entry: LedgerEntry) -> None:
        self._entries = [*[one for one in self._entries if one.id // 100 == entry.id // 100], entry]


@define
class ForgetfulStage(Stage):
    def open(self) -> Any:
        self.store = self.make()
        return self.store


@define
class EmptyWhereDamaged(Stage):
    def open(self) -> Any:
        return self.make() if self.damaged else self.store


def tear_ledger(store: MemoryLedger) -> None:
    """Lose the last entry."""
    store._entries.pop()


def ledger_stage(make: Callable[[], Any] = MemoryLedger) -> Stage:
    """Return a ledger's stage."""
    return Stage(make, tear_ledger)


LEDGER: Stages = {
    "test_a_new_ledger_is_empty": lambda: ledger_stage(NeverEmpty),
    "test_entries_are_read_back_in_order": lambda: ledger_stage(Sorted),
    "test_entries_are_there_for_the_next_run": lambda: ForgetfulStage(MemoryLedger, tear_ledger),
    "test_the_same_entry_twice_is_two_entries": lambda: ledger_stage(OneOfEach),
    "test_an_outcome_of_another_version_is_kept": lambda: ledger_stage(KnownWords),
    "test_an_unknown_time_stays_unknown": lambda: ledger_stage(TimesOf1970),
    "test_the_newest_entry_about_an_info_hash_names_its_id": lambda: ledger_stage(OldestNames),
    "test_an_entry_torn_by_a_crash_harms_no_other": lambda: Stage(MemoryLedger, lambda store: store._entries.clear()),
    "test_many_may_append_at_once": lambda: ledger_stage(ReadsThenWrites),
    "test_a_ledger_that_cannot_be_read_is_not_an_empty_one": lambda: EmptyWhereDamaged(MemoryLedger, tear_ledger),
}

# The journal


@define
class TearableJournal(MemoryJournal):
    torn: Purchase | None = field(default=None, init=False)

    def open(self, purchase: Purchase) -> None:
        self.torn = purchase
        super().open(purchase)


@define
class NeverClosed(TearableJournal):
    def last_closed(self) -> int | None:
        return super().last_closed() or 0


@define
class ForgetsTheVip(TearableJournal):
    def pending(self) -> Purchase | None:
        found = super().pending()
        return None if found is None else evolve(found, vip_until_before=None)


@define
class StaysOpen(TearableJournal):
    def close(self, at: int, outcome: str) -> None:
        if outcome != "done":
            super().close(at, outcome)


@define
class BuysOnce(TearableJournal):
    def open(self, purchase: Purchase) -> None:
        if self.last_closed() is None:
            super().open(purchase)


def tear_journal(store: TearableJournal) -> None:
    """Lose the last closing."""
    store._pending, store._closed_at = store.torn, None


def journal_stage(make: Callable[[], Any] = TearableJournal) -> Stage:
    """Return a journal's stage."""
    return Stage(make, tear_journal)


JOURNAL: Stages = {
    "test_a_new_journal_waits_for_nothing": lambda: journal_stage(NeverClosed),
    "test_an_opened_purchase_waits_for_the_next_run": lambda: journal_stage(ForgetsTheVip),
    "test_a_closed_purchase_does_not_wait": lambda: journal_stage(StaysOpen),
    "test_the_next_purchase_waits_again": lambda: journal_stage(BuysOnce),
    "test_a_fate_torn_by_a_crash_leaves_the_purchase_waiting": lambda: Stage(TearableJournal, lambda _: None),
    "test_a_journal_that_cannot_be_read_is_not_an_empty_one": lambda: EmptyWhereDamaged(TearableJournal, tear_journal),
}

# The memory


@define
class KnowsMore(MemoryFacts):
    def account(self) -> dict[str, Any]:
        return super().account() or {"unsatisfied_paused": False}


@define
class OneFact(MemoryFacts):
    def remember_account(self, **facts: Any) -> None:
        self._account = {}
        super().remember_account(**facts)


@define
class KeepsNothings(MemoryFacts):
    def remember_account(self, **facts: Any) -> None:
        self._account |= facts


@define
class NewestFirst(MemoryFacts):
    def account(self) -> dict[str, Any]:
        facts = super().account()
        facts.get("balances", []).reverse()
        return facts


@define
class OnePlace(MemoryFacts):
    def remember_listing(self, count: int, clients: Mapping[str, int] | None = None) -> None:
        super().remember_listing(count)
        self._account |= {"remembered_count": count}


@define
class TellsOn(MemoryFacts):
    def remember_told(self, facts: Mapping[str, Any]) -> None:
        super().remember_told(self._told | dict(facts))


@define
class GoesOnForEver(MemoryFacts):
    def remember_tracker_clock(self, record: Mapping[str, Any]) -> None:
        super().remember_tracker_clock(self._clock | dict(record))


@define
class GivesItselfAway(MemoryFacts):
    def account(self) -> dict[str, Any]:
        return self._account


def tear_facts(store: MemoryFacts) -> None:
    """Lose the account's facts."""
    store._account = {}


def memory_stage(make: Callable[[], Any] = MemoryFacts) -> Stage:
    """Return a memory's stage."""
    return Stage(make, tear_facts)


MEMORY: Stages = {
    "test_a_new_memory_knows_nothing": lambda: memory_stage(KnowsMore),
    "test_facts_are_there_for_the_next_run": lambda: memory_stage(OneFact),
    "test_a_fact_that_is_none_is_forgotten": lambda: memory_stage(KeepsNothings),
    "test_balances_are_kept_oldest_first": lambda: memory_stage(NewestFirst),
    "test_the_torrent_list_is_remembered_apart": lambda: memory_stage(OnePlace),
    "test_what_the_operator_was_told_is_replaced_as_a_whole": lambda: memory_stage(TellsOn),
    "test_the_tracker_s_clock_is_replaced_as_a_whole": lambda: memory_stage(GoesOnForEver),
    "test_what_is_given_out_is_a_copy": lambda: memory_stage(GivesItselfAway),
    "test_a_torn_memory_is_as_good_as_none_and_goes_on": lambda: Stage(MemoryFacts, lambda _: None),
}
