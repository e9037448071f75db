"""A last line cut at any byte, as by a power failure: it never frees, buys or bars anything by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.core.model import LedgerEntry, LedgerOutcome
from harvestmouse.core.policy import PRESETS
from harvestmouse.core.sift import is_barred
from harvestmouse.core.spend import Purchase

NOW = 1_795_000_000
HASH = "a" * 40
PURCHASE = Purchase(at=NOW, cost_bp=25_000, gib=50, balance_before=90_000.0, uploaded_before=16)


def cuts(path: Path, before: str) -> Iterator[str]:
    """Cut what was added to a file at every byte, its end of line included; yield the cut part."""
    whole = path.read_text()
    for length in range(1, len(whole) - len(before)):
        path.write_text(whole[: len(before) + length])
        yield whole[len(before) : len(before) + length]


def barred(ledger: Ledger, torrent_id: int) -> bool:
    """Whether the ledger forbids to take a torrent."""
    entries = [entry for entry in ledger.entries() if entry.id == torrent_id]
    return is_barred(entries, PRESETS["seed"].grab, NOW + 10)


@pytest.mark.parametrize("outcome", [LedgerOutcome.GRABBED, LedgerOutcome.NEVER_STARTED, LedgerOutcome.RETIRED])
@pytest.mark.parametrize("closed", [False, True])
def test_a_torn_line_frees_no_torrent(tmp_path: Path, outcome: LedgerOutcome, closed: bool) -> None:
    """What a run had begun stays barred wherever the line of its end is cut, also once a next line has closed it."""
    ledger = Ledger(tmp_path / "grabbed_ids.txt")
    ledger.append(LedgerEntry(id=1003, at=NOW, outcome=LedgerOutcome.ADDING))
    before = ledger.path.read_text()
    ledger.append(LedgerEntry(id=1003, at=NOW + 1, outcome=outcome, info_hash=HASH))
    for part in cuts(ledger.path, before):
        if closed:
            ledger.append(LedgerEntry(id=5, at=NOW + 2, outcome=LedgerOutcome.ADDING))
            assert ledger.entries()[-1].id == 5, part
        assert barred(ledger, 1003), part


def test_a_torn_line_bars_no_other_torrent(tmp_path: Path) -> None:
    """The beginning of an id is not taken for another one's line of the old format."""
    ledger = Ledger(tmp_path / "grabbed_ids.txt")
    ledger.append(LedgerEntry(id=5, at=NOW, outcome=LedgerOutcome.ADDING))
    before = ledger.path.read_text()
    ledger.append(LedgerEntry(id=1003, at=NOW, outcome=LedgerOutcome.ADDING))
    for _ in cuts(ledger.path, before):
        assert {entry.id for entry in ledger.entries()} <= {5, 1003}


def test_a_torn_note_of_a_purchase_is_none(tmp_path: Path) -> None:
    """It was torn before anything was asked for, so nothing is pending, and the next note can be read."""
    journal = Journal(tmp_path / "purchases.jsonl")
    journal.close(NOW, "done")
    before = journal.path.read_text()
    journal.open(PURCHASE)
    whole = len(journal.path.read_text()) - len(before) - 1
    for part in cuts(journal.path, before):
        # Without its end of line alone it is whole, and counts.
        assert journal.pending() == (PURCHASE if len(part) == whole else None), part
        journal.open(PURCHASE)
        assert journal.pending() == PURCHASE, part


def test_a_torn_end_of_a_purchase_leaves_it_open(tmp_path: Path) -> None:
    """A later run settles it from the profile; it is never taken for another purchase's end."""
    journal = Journal(tmp_path / "purchases.jsonl")
    journal.open(PURCHASE)
    before = journal.path.read_text()
    journal.close(NOW, "done")
    whole = len(journal.path.read_text()) - len(before) - 1
    for part in cuts(journal.path, before):
        assert journal.pending() == (None if len(part) == whole else PURCHASE), part


def test_an_opening_of_another_version_stops_purchases(tmp_path: Path) -> None:
    """A note that is whole and cannot be understood is no absent one."""
    journal = Journal(tmp_path / "purchases.jsonl")
    journal.path.write_text('{"open": {"at": 1}}\n')
    with pytest.raises(StateError):
        journal.pending()
