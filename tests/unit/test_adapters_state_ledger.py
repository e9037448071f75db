"""The ledger of grabbed ids, the purchase journal, and the small memory files."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.memory import Memory
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from harvestmouse.core.spend import Purchase
from tests.support.builders import NOW, hash_of


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "grabbed_ids.txt")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "purchases.jsonl")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def purchase(**changes: object) -> Purchase:
    facts = {"at": NOW, "cost_bp": 25_000, "gib": 50, "balance_before": 30_000.5, "uploaded_before": 7}
    return Purchase(**(facts | changes))  # type: ignore[arg-type]


class TestLedger:
    def test_no_file_is_no_entry(self, ledger: Ledger) -> None:
        """A first run remembers nothing."""
        assert ledger.entries() == ()

    @pytest.mark.parametrize("outcome", LedgerOutcome)
    @pytest.mark.parametrize("info_hash", [None, hash_of(7)])
    def test_an_entry_reads_back(self, ledger: Ledger, outcome: LedgerOutcome, info_hash: str | None) -> None:
        """Id, time, outcome and info-hash survive."""
        entry = LedgerEntry(id=1001, at=NOW, outcome=outcome, info_hash=info_hash)
        ledger.append(entry)
        assert ledger.entries() == (entry,)

    def test_lines_are_for_people_too(self, ledger: Ledger) -> None:
        """The time is written as one reads it."""
        ledger.append(LedgerEntry(id=1001, at=NOW, outcome=LedgerOutcome.FAILED))
        assert ledger.path.read_text() == "1001 2026-04-19T11:40:00Z failed -\n"

    def test_the_old_format_is_bare_ids(self, ledger: Ledger) -> None:
        """Ids of the old scripts count as grabbed at an unknown time, and stay as they are."""
        old = "880001\n880002\r\n\n  880003  \n"
        ledger.path.write_text(old)
        ledger.append(LedgerEntry(id=880004, at=NOW))
        assert [one.id for one in ledger.entries()] == [880001, 880002, 880003, 880004]
        assert {(one.at, one.outcome) for one in ledger.entries()[:3]} == {(None, "grabbed")}
        assert ledger.path.read_text().startswith(old.replace("\r\n", "\n"))

    @pytest.mark.parametrize("torn", ["1002 2026-04-", "1002 2026-04-19T11:40:00Z", "1002 2026-04-19T11:40:00Z gra-"])
    def test_a_torn_last_line_harms_no_other(self, ledger: Ledger, torn: str) -> None:
        """A crash in the middle of a line loses that line, and the next append is whole."""
        ledger.append(LedgerEntry(id=1001, at=NOW))
        with ledger.path.open("a") as file:
            file.write(torn)
        ledger.append(LedgerEntry(id=1003, at=NOW))
        assert [one.id for one in ledger.entries()] == [1001, 1003]

    def test_a_word_of_another_version_is_kept(self, ledger: Ledger) -> None:
        """An outcome that this version does not know bars the id like a grab."""
        ledger.path.write_text(f"1001 2026-04-19T11:40:00Z adopted {hash_of(1)}\n")
        assert ledger.entries() == (LedgerEntry(id=1001, at=NOW, outcome="adopted", info_hash=hash_of(1)),)

    def test_an_unreadable_time_is_unknown(self, ledger: Ledger) -> None:
        """The id counts, whatever its time says."""
        ledger.path.write_text("1001 yesterday grabbed -\n")
        assert ledger.entries() == (LedgerEntry(id=1001),)

    def test_finds_ids_by_info_hash(self, ledger: Ledger) -> None:
        """The newest line about an info-hash names its id."""
        ledger.append(LedgerEntry(id=1, at=NOW, info_hash=hash_of(7)))
        ledger.append(LedgerEntry(id=2, at=NOW, info_hash=hash_of(7)))
        assert ledger.ids() == {hash_of(7): 2}

    @given(st.binary(max_size=200) | st.from_regex(rb"([0-9]+ [0-9TZ:-]+ [a-z_]+( [0-9a-f-]+)?\n)*").map(bytes))
    def test_any_content_can_be_read(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        """No content of the file ends a run."""
        ledger = Ledger(tmp_path_factory.getbasetemp() / "any_ledger.txt")
        ledger.path.write_bytes(content)
        assert all(isinstance(entry.id, int) for entry in ledger.entries())


class TestJournal:
    def test_an_opened_purchase_is_pending(self, journal: Journal) -> None:
        """What was noted before the request is there until its fate is."""
        assert journal.pending() is None
        journal.open(purchase())
        assert journal.pending() == purchase()

    def test_a_closed_one_is_not(self, journal: Journal) -> None:
        """Whatever the fate was, nothing waits any more; the next one waits again."""
        journal.open(purchase())
        journal.close(NOW, "done")
        assert journal.pending() is None
        journal.open(purchase(gib=0, weeks=4, vip_until_before=NOW))
        assert journal.pending() == purchase(gib=0, weeks=4, vip_until_before=NOW)

    def test_a_torn_close_leaves_it_pending(self, journal: Journal) -> None:
        """A crash while the fate was noted lets a later run settle it."""
        journal.open(purchase())
        with journal.path.open("a") as file:
            file.write('{"closed": {"at": 17')
        assert journal.pending() == purchase()
        journal.close(NOW, "happened")
        assert journal.pending() is None

    @pytest.mark.parametrize("noise", ["[]", '"open"', "5", "null", "{}", "[" * 100_000])
    def test_noise_settles_nothing(self, journal: Journal, noise: str) -> None:
        """Only a line that says closed closes."""
        journal.open(purchase())
        with journal.path.open("a") as file:
            file.write(noise + "\n")
        assert journal.pending() == purchase()

    @pytest.mark.parametrize("opened", ['{"at": 5}', "[]", "5", '{"at": 5, "cost_bp": 1, "unheard_of": 1}'])
    def test_a_purchase_nobody_can_read_is_an_error(self, journal: Journal, opened: str) -> None:
        """A purchase of another version is not forgotten: it might have happened."""
        journal.path.write_text(f'{{"open": {opened}}}\n')
        with pytest.raises(StateError, match="nothing more is bought"):
            journal.pending()
        journal.close(NOW, "done")
        assert journal.pending() is None


class TestMemory:
    def test_facts_are_remembered_and_forgotten(self, memory: Memory) -> None:
        """A fact stays until it changes; ``None`` takes it away."""
        memory.remember_account(download_freeze_until=5, unsatisfied_paused=True)
        memory.remember_account(unsatisfied_paused=None)
        assert memory.account() == {"download_freeze_until": 5}

    def test_balances_are_kept_for_a_while(self, memory: Memory) -> None:
        """The newest 120 balances are kept, oldest first."""
        for number in range(130):
            memory.remember_balance(number, float(number))
        balances = memory.account()["balances"]
        assert (len(balances), balances[0], balances[-1]) == (120, [10, 10.0], [129, 129.0])

    def test_the_listing_has_a_file_of_its_own(self, memory: Memory) -> None:
        """The janitor runs without the lock, so it writes nothing that the others write."""
        memory.remember_listing(35)
        assert memory.listing() == {"remembered_count": 35}
        assert memory.account() == {}

    @pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00", '{"balances": 5}', "[" * 100_000])
    def test_a_damaged_file_is_as_good_as_none(self, memory: Memory, content: str) -> None:
        """Damage makes a run no worse than a first run, and is repaired."""
        (memory.state_dir / "account.json").write_text(content)
        assert isinstance(memory.account(), dict)
        memory.remember_balance(NOW, 5.0)
        assert json.loads((memory.state_dir / "account.json").read_text()) == {"balances": [[NOW, 5.0]]}
