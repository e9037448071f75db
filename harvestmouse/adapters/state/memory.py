"""What a run leaves for the next: small facts about the account and about the torrent list."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from harvestmouse.adapters.state.files import read_text, replace_text

ACCOUNT, LISTING, TOLD, CLOCK = "account.json", "listing.json", "told.json", "tracker_clock.json"
# A month of spend runs every six hours.
_MOST_BALANCES = 120


@frozen
class Memory:
    """Keep small files: jobs under the lock write one, the janitor another, notifications the third.

    The fourth is the tracker's clock, which every job writes that lists torrents.
    """

    state_dir: Path

    def account(self) -> dict[str, Any]:
        """Return what is remembered of the account, as the snapshot's ``memory`` has it."""
        return _load(self.state_dir / ACCOUNT)

    def remember_account(self, **facts: Any) -> None:
        """Change some facts about the account; a fact that is ``None`` is forgotten."""
        known = {**self.account(), **facts}
        text = json.dumps({key: value for key, value in known.items() if value is not None})
        replace_text(self.state_dir / ACCOUNT, text + "\n")

    def remember_balance(self, at: int, points: float) -> None:
        """Add a balance to the history from which income is estimated."""
        balances = self.account().get("balances")
        kept = balances if isinstance(balances, list) else []
        self.remember_account(balances=[*kept, [at, points]][-_MOST_BALANCES:])

    def listing(self) -> dict[str, Any]:
        """Return what is remembered of the torrent list."""
        return _load(self.state_dir / LISTING)

    def remember_listing(self, count: int, clients: Mapping[str, int] | None = None) -> None:
        """Remember how many managed torrents there are after a run, and in each of several clients."""
        facts = {"remembered_count": count, **({"clients": dict(clients)} if clients else {})}
        replace_text(self.state_dir / LISTING, json.dumps(facts) + "\n")

    def told(self) -> dict[str, Any]:
        """Return what the operator has been told."""
        return _load(self.state_dir / TOLD)

    def remember_told(self, facts: Mapping[str, Any]) -> None:
        """Replace what the operator has been told."""
        replace_text(self.state_dir / TOLD, json.dumps(facts) + "\n")

    def tracker_clock(self) -> dict[str, Any]:
        """Return what is remembered of the torrents' seeding."""
        return _load(self.state_dir / CLOCK)

    def remember_tracker_clock(self, record: Mapping[str, Any]) -> None:
        """Replace what is remembered of the torrents' seeding."""
        replace_text(self.state_dir / CLOCK, json.dumps(record) + "\n")


def _load(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(read_text(path) or "{}")
    except (ValueError, RecursionError):
        # It only makes decisions more careful; a damaged file is as good as none, and is replaced.
        return {}
    return facts if isinstance(facts, dict) else {}
