"""State that is kept in memory, behind the same interfaces as the files: it lasts as long as its object."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from attrs import define, field

from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import DELETED, Cookie
from harvestmouse.core.model import LedgerEntry
from harvestmouse.core.spend import Purchase

_MOST_BALANCES = 120


@define
class MemoryCookies:
    """Cookies; see `harvestmouse.adapters.interface.Cookies`.

    Attributes:
        operator: The secret the operator configured; a change of it goes before what was kept.
    """

    operator: Secret = field(factory=lambda: Secret(""))
    _kept: Secret = field(factory=lambda: Secret(""), init=False)
    _descends_from: Secret = field(factory=lambda: Secret(""), init=False)

    def candidates(self) -> list[Cookie]:
        """Return the one cookie to try, if there is any."""
        configured = Secret(self.operator.reveal().strip())
        if configured and configured != self._descends_from:
            self._descends_from, self._kept = configured, Secret("")
        if self._kept:
            return [Cookie(value=self._kept, source="memory")]
        return [Cookie(value=configured, source="MAM_ID")] if configured else []

    def store(self, value: str) -> None:
        """Keep a cookie the site has just set; the word that ends a session is never kept."""
        value = value.strip()
        if value and value != DELETED:
            self._kept = Secret(value)


@define
class MemoryLedger:
    """A ledger; see `harvestmouse.adapters.interface.Ledger`."""

    _entries: list[LedgerEntry] = field(factory=list, init=False)

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return all entries, oldest first."""
        return tuple(self._entries)

    def append(self, entry: LedgerEntry) -> None:
        """Add one entry."""
        self._entries.append(entry)

    def ids(self) -> dict[str, int]:
        """Return the site's ids by info-hash, each as the newest entry about it has it."""
        return {entry.info_hash: entry.id for entry in self._entries if entry.info_hash}


@define
class MemoryJournal:
    """A purchase journal; see `harvestmouse.adapters.interface.Journal`."""

    _pending: Purchase | None = field(default=None, init=False)
    _closed_at: int | None = field(default=None, init=False)

    def open(self, purchase: Purchase) -> None:
        """Note a purchase before it is asked for."""
        self._pending = purchase

    def close(self, at: int, outcome: str) -> None:  # noqa: ARG002 - nobody asks a journal for an outcome
        """Note that the last purchase's fate is known."""
        self._pending, self._closed_at = None, at

    def pending(self) -> Purchase | None:
        """Return the purchase whose fate is unknown, if there is one."""
        return self._pending

    def last_closed(self) -> int | None:
        """Return when the last purchase was closed, in unix seconds."""
        return self._closed_at


@define
class MemoryFacts:
    """What a run leaves for the next; see `harvestmouse.adapters.interface.Memory`."""

    _account: dict[str, Any] = field(factory=dict, init=False)
    _listing: dict[str, Any] = field(factory=dict, init=False)
    _told: dict[str, Any] = field(factory=dict, init=False)
    _clock: dict[str, Any] = field(factory=dict, init=False)

    def account(self) -> dict[str, Any]:
        """Return what is remembered of the account."""
        return deepcopy(self._account)

    def remember_account(self, **facts: Any) -> None:
        """Change some facts about the account; a fact that is ``None`` is forgotten."""
        known = {**self._account, **facts}
        self._account = {key: value for key, value in known.items() if value is not None}

    def remember_balance(self, at: int, points: float) -> None:
        """Add a balance to the history from which income is estimated."""
        balances = [*self._account.get("balances", []), [at, points]]
        self.remember_account(balances=balances[-_MOST_BALANCES:])

    def listing(self) -> dict[str, Any]:
        """Return what is remembered of the torrent list."""
        return deepcopy(self._listing)

    def remember_listing(self, count: int, clients: Mapping[str, int] | None = None) -> None:
        """Remember how many managed torrents there are after a run, and in each of several clients."""
        self._listing = {"remembered_count": count, **({"clients": dict(clients)} if clients else {})}

    def told(self) -> dict[str, Any]:
        """Return what the operator has been told."""
        return deepcopy(self._told)

    def remember_told(self, facts: Mapping[str, Any]) -> None:
        """Replace what the operator has been told."""
        self._told = deepcopy(dict(facts))

    def tracker_clock(self) -> dict[str, Any]:
        """Return what is remembered of the torrents' seeding."""
        return deepcopy(self._clock)

    def remember_tracker_clock(self, record: Mapping[str, Any]) -> None:
        """Replace what is remembered of the torrents' seeding."""
        self._clock = deepcopy(dict(record))
