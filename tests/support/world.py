"""Runs against the embedded world or the stand-in site, with a state directory of their own."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from attrs import define

from harvestmouse.adapters.interface import Client, Site
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.memory.account import Snatch
from harvestmouse.adapters.memory.world import identity_of
from harvestmouse.core.model import Profile, SearchResult, Torrent
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import Settings
from tests.support.builders import NOW, preferences, profile


def world_of(
    *,
    account: Profile | None = None,
    torrents: Iterable[Torrent] = (),
    catalogue: Iterable[SearchResult] = (),
    **changes: Any,
) -> World:
    """Return a world with an account in good standing, and what the test says otherwise."""
    return World(
        now=NOW,
        profile=account or profile(),
        torrents={torrent.hash: torrent for torrent in torrents},
        catalogue=list(catalogue),
        preferences=changes.pop("preferences", preferences()),
        **changes,
    )


def snatch_in(world: World, torrent_id: int, seeded: int) -> None:
    """Let the site have counted a torrent on offer, seeded for so many seconds."""
    (offered,) = (one for one in world.catalogue if one.id == torrent_id)
    world.snatches[identity_of(offered)] = Snatch(at=world.now, free=True, completed_at=world.now, seeded=seeded)


def settings_of(state_dir: Path, **pairs: Any) -> Settings:
    """Return a configuration; a pair such as ``grab__per_run=2`` sets one key."""
    given = {("", "state_dir"): Given(str(state_dir), "the test"), ("", "lock_wait"): Given("0s", "the test")}
    for name, value in pairs.items():
        section, _, key = name.rpartition("__")
        given[section, key] = Given(value, "the test")
    return load({}, None, given)


@define
class Stage:
    """One world, one state directory, and runs over both.

    Attributes:
        client: Where it is not the world's own.
        site: Where it is not the world's own.
        report: Of the last run.
    """

    world: World
    state_dir: Path
    client: Client | None = None
    site: Site | None = None
    report: Report | None = None

    def ports(self, **pairs: Any) -> Ports:
        """Wire the ports of one run."""
        ports = Ports(settings_of(self.state_dir, **pairs), lambda: self.world.now)
        ports.client = self.client or MemoryClient(self.world)
        ports.site = self.site or MemorySite(self.world)
        return ports

    def run(self, job: str, *, apply: bool = False, **pairs: Any) -> Report:
        """Run a job, and remember its report."""
        self.report = run(job, self.ports(**pairs), apply=apply)
        return self.report

    def files(self) -> dict[str, str]:
        """Return what stands in the state directory, by file name."""
        return files_in(self.state_dir)


def files_in(directory: Path) -> dict[str, str]:
    """Return the text of every file in a directory, the lock and the recordings apart."""
    if not directory.exists():
        return {}
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and not path.name.startswith("lock")]
    return {path.name: path.read_text() for path in files}


def copy_of(world: World) -> World:
    """Return a world that stays as this one is now."""
    return deepcopy(world)


def harvestmouse(
    *words: str, environment: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a process of its own, with nothing in its environment but what is given."""
    kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_CONFIG")  # the last one has its branches counted too
    own = {key: os.environ[key] for key in kept if key in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "harvestmouse", *words],
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        timeout=timeout,
        env={**own, **(environment or {})},
    )
