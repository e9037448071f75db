"""The promises of everything that keeps state, kept by the files and in memory."""

from pathlib import Path

import pytest

from harvestmouse.adapters import interface
from harvestmouse.adapters.memory.state import MemoryFacts, MemoryJournal, MemoryLedger
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.memory import ACCOUNT, Memory
from harvestmouse.testing import (
    CookiePromises,
    CookieStage,
    JournalPromises,
    LedgerPromises,
    MemoryPromises,
    StoreStage,
)
from tests.conformance.state_stages import FileCookieStage, FileStage, MemoryCookieStage, MemoryStage


class TestCookieFile(CookiePromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> CookieStage:
        return FileCookieStage(tmp_path / "mam_id")


class TestCookiesInMemory(CookiePromises):
    @pytest.fixture
    def stage(self) -> CookieStage:
        return MemoryCookieStage()


class TestLedgerFile(LedgerPromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> StoreStage[interface.Ledger]:
        path = tmp_path / "grabbed_ids.txt"
        return FileStage(path, lambda: Ledger(path))


class TestLedgerInMemory(LedgerPromises):
    @pytest.fixture
    def stage(self) -> StoreStage[interface.Ledger]:
        return MemoryStage(MemoryLedger())


class TestJournalFile(JournalPromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> StoreStage[interface.Journal]:
        path = tmp_path / "purchases.jsonl"
        return FileStage(path, lambda: Journal(path))


class TestJournalInMemory(JournalPromises):
    @pytest.fixture
    def stage(self) -> StoreStage[interface.Journal]:
        return MemoryStage(MemoryJournal())


class TestMemoryFiles(MemoryPromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> StoreStage[interface.Memory]:
        return FileStage(tmp_path / ACCOUNT, lambda: Memory(tmp_path))


class TestMemoryInMemory(MemoryPromises):
    @pytest.fixture
    def stage(self) -> StoreStage[interface.Memory]:
        return MemoryStage(MemoryFacts())
