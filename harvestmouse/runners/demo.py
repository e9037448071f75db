"""The incident that this program was made for, told with the real engine in an embedded world."""

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.core.model import AccountClass, Profile, SearchResult, Torrent
from harvestmouse.core.units import DAY, GIB, HOUR, MIB
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.run import run
from harvestmouse.runners.words import describe

# The morning of the recovery.
_NOW = 1_776_598_800
_SHOWN = 5
_STUCK, _ACTIVE = 466, 35
_DOWNLOADED = int(715.55 * MIB)
_TITLES = (
    "The Hidden Almanac",
    "A Field Guide to Getting Home",
    "Letters from the Weather Station",
    "The Cartographer's Apprentice",
    "Nine Bridges",
    "Salt and Lantern Light",
    "The Clockmaker's Ledger",
    "An Orchard in Winter",
)

Say = Callable[[str], None]


def demonstrate(say: Say) -> None:
    """Play four acts: the guard, the janitor, the spender, the recovery."""
    with tempfile.TemporaryDirectory(prefix="harvestmouse-demo-") as folder:
        world = incident()
        stage = _Stage(world, Path(folder), say)
        stage.title("The account is in class Mouse: 501 torrents, 715.55 MiB down, nothing up, 24 551 BP")
        stage.play("grab", "Act 1. The grabber asks whether it may. It may not, and sends no search request:")
        stage.play("janitor", "Act 2. The janitor says what it would delete:")
        stage.play("janitor", "... does it:", apply=True)
        stage.play("janitor", "... and on its next run finds nothing more:", apply=True)
        stage.play("spend", "Act 3. The spender explains why it buys nothing, and what would help:")
        recover(world)
        say("Somebody buys 1 GiB by hand in the web store, for 500 BP. The site lifts the account to class User.\n")
        stage.play("grab", "Act 4. Now the grabber takes what will upload:", apply=True)
        say("Nothing above touched a network. With the real site and client every job is a dry run without --apply.")


def incident() -> World:
    """Return the account of the seed document, as it was found."""
    torrents = [_torrent(number, stuck=number < _STUCK) for number in range(_STUCK + _ACTIVE)]
    profile = Profile(
        account_class=AccountClass.MOUSE,
        class_name="Mouse",
        uploaded_bytes=0,
        downloaded_bytes=_DOWNLOADED,
        bonus_points=24_551.0,
        unsat_count=9,
        unsat_limit=20,
        hit_and_run_count=0,
    )
    return World(
        now=_NOW,
        profile=profile,
        torrents={torrent.hash: torrent for torrent in torrents},
        catalogue=[_result(number, title) for number, title in enumerate(_TITLES)],
    )


def recover(world: World) -> None:
    """Let the operator buy 1 GiB by hand, which an automated buyer cannot."""
    world.pass_time(HOUR)
    world.profile = evolve(
        world.profile,
        account_class=AccountClass.USER,
        class_name="User",
        uploaded_bytes=GIB,
        bonus_points=24_051.0,
        unsat_limit=50,
    )


class _Stage:
    def __init__(self, world: World, folder: Path, say: Say) -> None:
        flags = {("", "state_dir"): Given(str(folder), "demo")}
        self._settings = load({}, None, flags)
        self._world = world
        self._say = say
        logging.getLogger("harvestmouse").setLevel(logging.ERROR)

    def title(self, text: str) -> None:
        self._say(f"{text}\n{'=' * len(text)}\n")

    def play(self, job: str, caption: str, *, apply: bool = False) -> None:
        ports = Ports(self._settings, lambda: self._world.now)
        ports.site = MemorySite(self._world)
        ports.client = MemoryClient(self._world)
        report = run(job, ports, apply=apply)
        self._say(f"{caption}\n\n{describe(report, _SHOWN)}\n")


def _torrent(number: int, *, stuck: bool) -> Torrent:
    size = (60 + number * 7 % 900) * MIB
    return Torrent(
        hash=f"{number * 0x9E3779B97F4A7C15 % (1 << 160):040x}",
        name=f"{_TITLES[number % len(_TITLES)]}, volume {number // len(_TITLES) + 1}",
        category="mam-farming",
        tags=frozenset({"mam", "freeleech"}),
        state="queuedDL" if stuck else "downloading",
        added_on=_NOW - 5 * DAY + number * 60,
        completion_on=0,
        seeding_time=0,
        progress=0.0 if stuck else 0.04,
        size_bytes=size,
        downloaded_bytes=0 if stuck else _DOWNLOADED // _ACTIVE,
        uploaded_bytes=0,
        seeders=12,
    )


def _result(number: int, title: str) -> SearchResult:
    return SearchResult(
        id=880_000 + number,
        title=title,
        size_bytes=(120 + number * 85) * MIB,
        seeders=8 + number * 7,
        leechers=9 - number if number < len(_TITLES) - 1 else 1,
        free=number % 2 == 0,
        personal_freeleech=number % 2 == 1,
    )
