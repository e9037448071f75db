import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from harvestmouse.adapters.bencode import info_hash
from harvestmouse.testing import ClientPromises, ClientStage, cannot, torrent_file
from harvestmouse.testing.client import CATEGORY, REFUSAL, SIZE_BYTES
from notebook_client import NotebookClient

PREFERENCES = {
    "queueing_enabled": True,
    "max_active_downloads": 3,
    "max_active_uploads": 3,
    "max_active_torrents": 5,
    "dont_count_slow_torrents": False,
}


class NotebookStage:
    """A notebook, and what its owner can do with a pencil."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "notebook.json"
        self.client = NotebookClient(self.path)
        self.save_path = str(folder)
        self.slots = True
        self.path.write_text(json.dumps({"torrents": {}, "preferences": PREFERENCES}))

    @property
    def now(self) -> int:
        return int(time.time())

    @property
    def free_space_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def file_of(self, name: str) -> bytes:
        return torrent_file(name, SIZE_BYTES)

    def put(
        self,
        name: str,
        *,
        category: str = CATEGORY,
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        identity = info_hash(self.file_of(name))
        running = "stalled" if self.slots else "queued"
        self.note(
            identity,
            name=name,
            category=category,
            tags=list(tags),
            state=("stopped" if stopped else running) + ("UP" if whole else "DL"),
            added_on=self.now - 3600,
            completion_on=self.now - 1800 if whole else 0,
            seeding_time=1800 if whole else 0,
            progress=1.0 if whole else 0.0,
            size_bytes=SIZE_BYTES,
            downloaded_bytes=SIZE_BYTES if whole else 0,
            uploaded_bytes=0,
            seeders=1,
        )
        return identity

    def refuse(self, identity: str) -> None:
        self.note(identity, refusal=REFUSAL)

    def accept(self, identity: str) -> None:
        """Do nothing: nobody refuses a note for long."""

    def close_slots(self) -> None:
        self.slots = False

    def away(self) -> NotebookClient:
        return NotebookClient(self.folder / "nowhere.json")

    def garbled(self) -> NotebookClient:
        self.put("mine")
        self.note("a row without a name")
        return self.client

    def muddled(self) -> NotebookClient:
        self.path.write_text("<html>Welcome</html>")
        return self.client

    def locked_out(self, password: str) -> NotebookClient:
        cannot("a notebook has no password")

    def note(self, identity: str, **facts: object) -> None:
        notes = json.loads(self.path.read_text())
        notes["torrents"].setdefault(identity, {}).update(facts)
        self.path.write_text(json.dumps(notes))


class TestNotebookClient(ClientPromises):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> ClientStage:
        return NotebookStage(tmp_path)
