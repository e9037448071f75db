"""A client that only takes notes: its torrents stand in a JSON file, and nothing is ever downloaded."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from harvestmouse.adapters.bencode import is_torrent
from harvestmouse.adapters.errors import AlreadyInClient, ClientUnavailable, ClientUnclear, NotATorrent
from harvestmouse.adapters.interface import Client, Listing
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Connection, Malformed, Preferences, Torrent, TrackerMessage
from harvestmouse.runners.settings import Settings

FACTS = ("category", "state", "added_on", "completion_on", "seeding_time", "progress", "size_bytes",
         "downloaded_bytes", "uploaded_bytes", "seeders")  # fmt: skip


@frozen
class NotebookClient:
    path: Path

    def torrents(self, category: str) -> Listing:
        return self._list(lambda torrent: torrent.category == category)

    def everything(self) -> Listing:
        return evolve(self._list(lambda _: True), free_space_bytes=shutil.disk_usage(self.path.parent).free)

    def overview(self) -> Listing:
        return evolve(self.everything(), connection=Connection(status="disconnected"))

    def look(self, hashes: Iterable[str]) -> Listing:
        wanted = set(hashes)
        return self._list(lambda torrent: torrent.hash in wanted)

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        rows = self._read()["torrents"]
        return tuple(
            one if one.messages is not None else evolve(one, messages=messages(rows.get(one.hash, {})))
            for one in torrents
        )

    def preferences(self) -> Preferences:
        return Preferences(**self._read()["preferences"])

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        notes = self._read()
        if info_hash in notes["torrents"]:
            raise AlreadyInClient(f"torrent {wanted.id}: it is in the notebook already")
        if not is_torrent(torrent_file):
            raise NotATorrent(f"torrent {wanted.id}: this is no torrent file")
        notes["torrents"][info_hash] = {
            "name": wanted.title,
            "category": wanted.category,
            "tags": list(wanted.tags),
            "state": "stalledDL",
            "added_on": int(time.time()),
            "completion_on": 0,
            "seeding_time": 0,
            "progress": 0.0,
            "size_bytes": wanted.size_bytes,
            "downloaded_bytes": 0,
            "uploaded_bytes": 0,
            "seeders": wanted.seeders,
        }
        self._write(notes)

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        notes, gone = self._read(), set(hashes)
        notes["torrents"] = {key: row for key, row in notes["torrents"].items() if key not in gone}
        self._write(notes)

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        notes = self._read()
        notes["preferences"] |= values
        self._write(notes)

    def force_start(self, hashes: Iterable[str]) -> None:
        self._start(hashes, "forced")

    def resume(self, hashes: Iterable[str]) -> None:
        self._start(hashes, "stalled")

    def reannounce(self, hashes: Iterable[str]) -> None:
        notes = self._read()
        for key in set(hashes) & set(notes["torrents"]):
            notes["torrents"][key].pop("refusal", None)
        self._write(notes)

    def close(self) -> None:
        pass

    def _list(self, wanted: Callable[[Torrent], bool]) -> Listing:
        read = [read_row(key, row) for key, row in self._read()["torrents"].items()]
        return Listing(
            torrents=tuple(one for one in read if isinstance(one, Torrent) and wanted(one)),
            malformed=tuple(one for one in read if isinstance(one, Malformed)),
        )

    def _start(self, hashes: Iterable[str], how: str) -> None:
        notes = self._read()
        for key in set(hashes) & set(notes["torrents"]):
            row = notes["torrents"][key]
            row["state"] = how + ("UP" if row["progress"] == 1 else "DL")
        self._write(notes)

    def _read(self) -> dict[str, Any]:
        try:
            notes = json.loads(self.path.read_text(encoding="utf-8"))
            return {"torrents": dict(notes["torrents"]), "preferences": dict(notes["preferences"])}
        except OSError as error:
            raise ClientUnavailable(f"the notebook {self.path}: {error.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise ClientUnclear(f"the notebook {self.path} holds something else") from None

    def _write(self, notes: Mapping[str, Any]) -> None:
        self.path.write_text(json.dumps(notes), encoding="utf-8")


def read_row(key: str, row: Any) -> Torrent | Malformed:
    """Read one torrent; a fact that does not stand there is unknown."""
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        return Malformed(subject=key, problem="the row has no name")
    tags = None if row.get("tags") is None else frozenset(row["tags"])
    return Torrent(hash=key, name=row["name"], tags=tags, **{fact: row.get(fact) for fact in FACTS})


def messages(row: Mapping[str, Any]) -> tuple[TrackerMessage, ...]:
    """Return what a torrent's tracker says; status 4 is "not working"."""
    refusal = row.get("refusal")
    return (TrackerMessage(host="tracker.example.org", status=4, text=refusal),) if refusal else ()


def open_client(settings: Settings) -> Client:
    return NotebookClient(settings.general.state_dir / "notebook.json")
