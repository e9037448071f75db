"""What everything that keeps state from one run to the next promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import pytest
from attrs import evolve

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.interface import Cookies, Journal, Ledger, Memory
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from harvestmouse.core.spend import Purchase
from harvestmouse.core.units import HOUR
from harvestmouse.core.wire.snapshot import parse_memory
from harvestmouse.testing.arrange import hash_of

NOW = 1_776_598_800
PURCHASE = Purchase(
    at=NOW, cost_bp=25_000, gib=50, balance_before=30_000.5, uploaded_before=7, vip_until_before=NOW + HOUR
)
_COOKIE = "3f%3Dk,9%2B=="
_WRITERS, _EACH = 4, 10
# Within the first word, in the middle, and all but a little.
torn = pytest.mark.parametrize("share", [0.03, 0.5, 0.97])

Store_co = TypeVar("Store_co", covariant=True)


class StoreStage(Protocol[Store_co]):
    """A place without any state, and the means to open and to damage it.

    A method that this kind of store has no use for calls `harvestmouse.testing.cannot`.
    """

    def open(self) -> Store_co:
        """Open the store as a new run does; what was kept earlier is in it."""

    def tear(self, share: float) -> None:
        """Leave only this share of the last thing that was written, as a crash does."""

    def damage(self) -> None:
        """Let everything kept be unreadable, as on a broken disk."""


class CookieStage(Protocol):
    """A place without any cookie."""

    def open(self, operator: str = "") -> Cookies:
        """Open the store as a new run does.

        Args:
            operator: The secret that the operator has configured; empty for none.
        """


class CookiePromises:
    """What `harvestmouse.adapters.interface.Cookies` promises; needs a fixture ``stage``, a `CookieStage`."""

    def test_nothing_anywhere_is_nothing_to_try(self, stage: CookieStage) -> None:
        """Without secret and without a kept cookie there is no candidate."""
        assert tried(stage) == []

    def test_the_operator_s_secret_is_the_first_cookie(self, stage: CookieStage) -> None:
        """A new installation begins with it."""
        assert tried(stage, "operator") == ["operator"]

    def test_white_space_around_the_operator_s_secret_is_no_part_of_it(self, stage: CookieStage) -> None:
        """A secret read from a file ends with a line feed."""
        assert tried(stage, " operator\n") == ["operator"]

    def test_what_was_kept_goes_before_the_secret_it_descends_from(self, stage: CookieStage) -> None:
        """After a rotation the unchanged secret is retired, and showing it again may end the session."""
        rotate(stage, "operator", "second", "third")
        assert tried(stage, "operator") == ["third"]

    def test_what_was_kept_is_enough(self, stage: CookieStage) -> None:
        """Without a secret in the configuration the kept cookie goes on, and its descent with it."""
        rotate(stage, "operator", "second")
        rotate(stage, "", "third")
        assert tried(stage) == ["third"]
        assert tried(stage, "operator") == ["third"]

    def test_a_changed_secret_goes_before_what_was_kept(self, stage: CookieStage) -> None:
        """An operator who sets another secret is believed, and the old cookie is not even tried."""
        rotate(stage, "old", "descendant of old")
        assert tried(stage, "new") == ["new"]

    def test_a_cookie_is_kept_verbatim(self, stage: CookieStage) -> None:
        """Percent signs, commas and equals signs are what the next run sends back."""
        rotate(stage, "operator", _COOKIE)
        assert tried(stage, "operator") == [_COOKIE]

    @pytest.mark.parametrize("word", ["deleted", " deleted ", "", "  "])
    def test_the_word_that_ends_a_session_is_not_kept(self, stage: CookieStage, word: str) -> None:
        """The site deletes the cookie of a session it refuses; the kept one may still be needed to tell why."""
        rotate(stage, "operator", "second")
        rotate(stage, "operator", word)
        assert tried(stage, "operator") == ["second"]

    def test_no_secret_shows(self, stage: CookieStage) -> None:
        """Neither the store nor a candidate, nor the words about where it comes from, show a cookie."""
        rotate(stage, "operator", _COOKIE)
        for configured in ("operator", "gorgonzola"):
            store = stage.open(configured)
            candidates = store.candidates()
            sources = [candidate.source for candidate in candidates]
            shown = f"{store!r} {candidates!r} {sources}"
            assert all(sources)
            assert [secret for secret in (_COOKIE, "gorgonzola") if secret in shown] == []


class LedgerPromises:
    """What `harvestmouse.adapters.interface.Ledger` promises; needs a fixture ``stage``, a `StoreStage`."""

    def test_a_new_ledger_is_empty(self, stage: StoreStage[Ledger]) -> None:
        """A first run remembers nothing, which is no error."""
        assert stage.open().entries() == ()
        assert stage.open().ids() == {}

    def test_entries_are_read_back_in_order(self, stage: StoreStage[Ledger]) -> None:
        """Every outcome, with its time, with and without an info-hash."""
        written = [
            LedgerEntry(id=1000 + number, at=NOW + number, outcome=outcome, info_hash=info_hash)
            for number, outcome in enumerate(LedgerOutcome)
            for info_hash in (None, hash_of(number))
        ]
        ledger = stage.open()
        for entry in written:
            ledger.append(entry)
        assert list(ledger.entries()) == written

    def test_entries_are_there_for_the_next_run(self, stage: StoreStage[Ledger]) -> None:
        """What was appended survives the one who did it, and is appended to."""
        first, second = LedgerEntry(id=1001, at=NOW), LedgerEntry(id=1002, at=NOW)
        stage.open().append(first)
        stage.open().append(second)
        assert stage.open().entries() == (first, second)

    def test_the_same_entry_twice_is_two_entries(self, stage: StoreStage[Ledger]) -> None:
        """A history forgets nothing."""
        ledger, entry = stage.open(), LedgerEntry(id=1001, at=NOW)
        ledger.append(entry)
        ledger.append(entry)
        assert ledger.entries() == (entry, entry)

    def test_an_outcome_of_another_version_is_kept(self, stage: StoreStage[Ledger]) -> None:
        """A word that this version does not know is read as it was written."""
        entry = LedgerEntry(id=1001, at=NOW, outcome="adopted", info_hash=hash_of(1))
        stage.open().append(entry)
        assert stage.open().entries() == (entry,)

    def test_an_unknown_time_stays_unknown(self, stage: StoreStage[Ledger]) -> None:
        """It does not become 1970."""
        entry = LedgerEntry(id=1001)
        stage.open().append(entry)
        assert stage.open().entries() == (entry,)

    def test_the_newest_entry_about_an_info_hash_names_its_id(self, stage: StoreStage[Ledger]) -> None:
        """Entries without an info-hash name none."""
        ledger = stage.open()
        for number, info_hash in ((1, hash_of(7)), (2, hash_of(7)), (3, hash_of(8)), (4, None)):
            ledger.append(LedgerEntry(id=number, at=NOW, info_hash=info_hash))
        assert ledger.ids() == {hash_of(7): 2, hash_of(8): 3}

    @torn
    def test_an_entry_torn_by_a_crash_harms_no_other(self, stage: StoreStage[Ledger], share: float) -> None:
        """It is lost, and the next is whole."""
        first, second, third = (
            LedgerEntry(id=number, at=NOW, info_hash=hash_of(number)) for number in (1001, 1002, 1003)
        )
        stage.open().append(first)
        stage.open().append(second)
        stage.tear(share)
        assert stage.open().entries() == (first,)
        stage.open().append(third)
        assert stage.open().entries() == (first, third)

    def test_many_may_append_at_once(self, stage: StoreStage[Ledger]) -> None:
        """Every entry is there once and whole, and each writer's are in its order."""

        def write(writer: int) -> None:
            for number in range(_EACH):
                entry = LedgerEntry(id=writer * 100 + number, at=NOW, info_hash=hash_of(number))
                stage.open().append(entry)

        at_once(write)
        entries = stage.open().entries()
        for writer in range(_WRITERS):
            own = [entry.id - writer * 100 for entry in entries if entry.id // 100 == writer]
            assert own == list(range(_EACH))
        assert len(entries) == _WRITERS * _EACH

    def test_a_ledger_that_cannot_be_read_is_not_an_empty_one(self, stage: StoreStage[Ledger]) -> None:
        """With an empty one everything would be grabbed again."""
        stage.open().append(LedgerEntry(id=1001, at=NOW))
        stage.damage()
        with pytest.raises(StateError):
            stage.open().entries()


class JournalPromises:
    """What `harvestmouse.adapters.interface.Journal` promises; needs a fixture ``stage``, a `StoreStage`."""

    def test_a_new_journal_waits_for_nothing(self, stage: StoreStage[Journal]) -> None:
        """A first run has bought nothing."""
        assert stage.open().pending() is None
        assert stage.open().last_closed() is None

    @pytest.mark.parametrize("purchase", [PURCHASE, evolve(PURCHASE, gib=0, weeks=4, vip_until_before=None)])
    def test_an_opened_purchase_waits_for_the_next_run(self, stage: StoreStage[Journal], purchase: Purchase) -> None:
        """With every fact that is needed to settle it."""
        stage.open().open(purchase)
        assert stage.open().pending() == purchase

    def test_a_closed_purchase_does_not_wait(self, stage: StoreStage[Journal]) -> None:
        """Whatever its fate was, and it is known when that was noted."""
        stage.open().open(PURCHASE)
        stage.open().close(NOW + 5, "done")
        assert stage.open().pending() is None
        assert stage.open().last_closed() == NOW + 5

    def test_the_next_purchase_waits_again(self, stage: StoreStage[Journal]) -> None:
        """A journal goes on after its first purchase."""
        journal, later = stage.open(), evolve(PURCHASE, at=NOW + HOUR)
        journal.open(PURCHASE)
        journal.close(NOW + 5, "refused")
        journal.open(later)
        assert journal.pending() == later
        journal.close(NOW + HOUR + 5, "happened")
        assert (journal.pending(), journal.last_closed()) == (None, NOW + HOUR + 5)

    @torn
    def test_a_fate_torn_by_a_crash_leaves_the_purchase_waiting(self, stage: StoreStage[Journal], share: float) -> None:
        """A later run settles it from the profile."""
        stage.open().open(PURCHASE)
        stage.open().close(NOW + 5, "done")
        stage.tear(share)
        assert stage.open().pending() == PURCHASE
        stage.open().close(NOW + HOUR, "happened")
        assert (stage.open().pending(), stage.open().last_closed()) == (None, NOW + HOUR)

    def test_a_journal_that_cannot_be_read_is_not_an_empty_one(self, stage: StoreStage[Journal]) -> None:
        """With an empty one the same might be bought twice."""
        stage.open().open(PURCHASE)
        stage.damage()
        with pytest.raises(StateError):
            stage.open().pending()


class MemoryPromises:
    """What `harvestmouse.adapters.interface.Memory` promises; needs a fixture ``stage``, a `StoreStage`."""

    def test_a_new_memory_knows_nothing(self, stage: StoreStage[Memory]) -> None:
        """A first run is as careful as it has to be."""
        memory = stage.open()
        assert (memory.account(), memory.listing(), memory.told(), memory.tracker_clock()) == ({}, {}, {}, {})

    def test_facts_are_there_for_the_next_run(self, stage: StoreStage[Memory]) -> None:
        """One fact does not replace another."""
        stage.open().remember_account(download_freeze_until=NOW)
        stage.open().remember_account(unsatisfied_paused=True)
        assert stage.open().account() == {"download_freeze_until": NOW, "unsatisfied_paused": True}

    def test_a_fact_that_is_none_is_forgotten(self, stage: StoreStage[Memory]) -> None:
        """The others stay."""
        stage.open().remember_account(download_freeze_until=NOW, unsatisfied_paused=True)
        stage.open().remember_account(unsatisfied_paused=None)
        assert stage.open().account() == {"download_freeze_until": NOW}

    def test_balances_are_kept_oldest_first(self, stage: StoreStage[Memory]) -> None:
        """Income is estimated from them, in the form in which a snapshot has them."""
        for number in range(3):
            stage.open().remember_balance(NOW + number * HOUR, 100.5 + number)
        read = parse_memory(stage.open().account())
        assert read["balances"] == ((NOW, 100.5), (NOW + HOUR, 101.5), (NOW + 2 * HOUR, 102.5))

    def test_the_torrent_list_is_remembered_apart(self, stage: StoreStage[Memory]) -> None:
        """Its job runs beside those that remember the account, so that neither may undo the other."""
        stage.open().remember_listing(35)
        stage.open().remember_account(unsatisfied_paused=True)
        assert parse_memory(stage.open().listing())["remembered_count"] == 35
        assert stage.open().account() == {"unsatisfied_paused": True}

    def test_what_the_operator_was_told_is_replaced_as_a_whole(self, stage: StoreStage[Memory]) -> None:
        """What is over is told anew when it comes back, and nothing else is changed."""
        stage.open().remember_account(unsatisfied_paused=True)
        stage.open().remember_told({"low_ratio": NOW, "mouse_class": NOW})
        stage.open().remember_told({"low_ratio": NOW + HOUR})
        assert stage.open().told() == {"low_ratio": NOW + HOUR}
        assert stage.open().account() == {"unsatisfied_paused": True}

    def test_the_tracker_s_clock_is_replaced_as_a_whole(self, stage: StoreStage[Memory]) -> None:
        """What has left it is not brought back, and nothing else is changed."""
        row = {"seconds": 7, "announcing": True, "listed_at": NOW, "announced_at": NOW}
        stage.open().remember_listing(35)
        stage.open().remember_tracker_clock({hash_of(1): row, hash_of(2): row})
        stage.open().remember_tracker_clock({hash_of(2): row})
        assert stage.open().tracker_clock() == {hash_of(2): row}
        assert parse_memory(stage.open().listing())["remembered_count"] == 35

    def test_what_is_given_out_is_a_copy(self, stage: StoreStage[Memory]) -> None:
        """Changing it changes nothing that is remembered."""
        memory = stage.open()
        memory.remember_account(unsatisfied_paused=True)
        memory.account().clear()
        assert memory.account() == {"unsatisfied_paused": True}

    @torn
    def test_a_torn_memory_is_as_good_as_none_and_goes_on(self, stage: StoreStage[Memory], share: float) -> None:
        """A run after a crash is no worse than a first run."""
        stage.open().remember_account(balances=[[NOW, 100.5]] * 5)
        stage.tear(share)
        assert stage.open().account() == {}
        stage.open().remember_account(download_freeze_until=NOW)
        assert stage.open().account() == {"download_freeze_until": NOW}


def tried(stage: CookieStage, operator: str = "") -> list[str]:
    """Return the cookies that a run would try, best first."""
    return [candidate.value.reveal() for candidate in stage.open(operator).candidates()]


def rotate(stage: CookieStage, operator: str, *values: str) -> None:
    """Let a run keep what the site sets."""
    store = stage.open(operator)
    store.candidates()
    for value in values:
        store.store(value)


def at_once(write: Callable[[int], None]) -> None:
    """Let several writers work at the same time; an error of one is raised."""
    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(write, writer) for writer in range(_WRITERS)]:
            done.result()
