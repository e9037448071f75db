"""Places for state to hold their promises against: files, and memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from attrs import define, field, frozen

from harvestmouse.adapters.memory.state import MemoryCookies
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.testing import cannot

Store = TypeVar("Store")


@frozen
class FileStage(Generic[Store]):
    """A store in one file."""

    path: Path
    opener: Callable[[], Store]

    def open(self) -> Store:
        return self.opener()

    def tear(self, share: float) -> None:
        whole = self.path.read_bytes()
        start = whole.rstrip(b"\n").rfind(b"\n") + 1
        self.path.write_bytes(whole[: start + int(share * (len(whole) - start))])

    def damage(self) -> None:
        self.path.unlink()
        self.path.mkdir()


@frozen
class MemoryStage(Generic[Store]):
    """A store that lasts as long as its object, and is the same to every run."""

    store: Store

    def open(self) -> Store:
        return self.store

    def tear(self, share: float) -> None:
        cannot("nothing in memory outlives a crash")

    def damage(self) -> None:
        cannot("memory can always be read")


@frozen
class FileCookieStage:
    """A cookie in a file."""

    path: Path

    def open(self, operator: str = "") -> CookieStore:
        return CookieStore(self.path, Secret(operator))


@define
class MemoryCookieStage:
    """A cookie in memory."""

    store: MemoryCookies = field(factory=MemoryCookies)

    def open(self, operator: str = "") -> MemoryCookies:
        self.store.operator = Secret(operator)
        return self.store
