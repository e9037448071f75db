"""Play a year of one account, and the same year under the scripts that are replaced.

    python -m benchmarks.account [--days 365] [--points-days 120] [--seeds 5] [--jobs cycle|single]
        [--workers 1] [-o docs/simulation.md]

runs the real runners over the embedded world, once with 1 GiB bought by hand on the first day and once without, and
tells what became of the account. A seed always gives the same year. With *-o* it puts the tables into a page, between
their marks, and the picture among the page's pictures.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from math import inf
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from attrs import define, field, frozen

from benchmarks.drawn_world import FREE_DAYS, Course
from benchmarks.old_scripts import SLOTS_AFTER, OldScripts, run_all
from harvestmouse.adapters.errors import AdapterError, GuaranteeBroken, SessionInvalid, SiteUnavailable
from harvestmouse.adapters.memory import MemoryClient, MemorySite
from harvestmouse.adapters.memory.state import MemoryFacts, MemoryJournal
from harvestmouse.core.model import AccountClass, LedgerEntry
from harvestmouse.core.units import DAY, GIB, HOUR
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Exit
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import Settings

BEFORE, AFTER, PLAIN, FULL = "scripts, before", "scripts, repaired", "harvestmouse", "harvestmouse, all on"
SYSTEMS = (BEFORE, AFTER, PLAIN, FULL)
# What may be switched on, under the figures that were measured on the live site.
SWITCHES: Mapping[tuple[str, str], Any] = {
    ("", "preset"): "field",
    ("mam", "register_address"): True,
    ("spend", "vip"): True,
    ("spend", "overflow"): True,
    ("reconcile", "force_start"): True,
    ("rescue", "reannounce"): True,
}
# Everything runs so often, in place of every 15 or 30 minutes; what has a pace of its own keeps that.
EVERY, SPEND_EVERY = 2 * HOUR, 6 * HOUR
SINGLE = {"janitor": EVERY, "spend": SPEND_EVERY, "reconcile": DAY, "address": EVERY, "rescue": EVERY, "grab": EVERY}
VARIANTS = {True: "1 GiB bought by hand on the first day", False: "Nothing bought by hand"}


@frozen(kw_only=True)
class Played:
    """What became of the account.

    Attributes:
        left_mouse_days: When it first left class Mouse; ``None`` where it never did.
        mouse_days: Spent in class Mouse in all.
        earned_gib: Uploaded by seeding.
        bought_gib: Bought with points.
        freezes: How often the site refused downloads because of the unsatisfied limit.
        balance: Points in the end.
        lost_points: Swallowed by the site's cap.
        owed_deletions: Deleted torrents that still owed seed time on the site's clock.
        violations: Plans that a guarantee stopped.
        site_a_day: Requests.
        client_a_day: Requests, of a client that lists tracker messages with its torrents.
        torrent_days: In the client, in all.
        daily: (uploaded by seeding in GiB, hit-and-runs so far) at the end of every day.
        seconds: The simulation took.
    """

    seed: int
    system: str
    by_hand: bool
    left_mouse_days: float | None
    mouse_days: float
    ratio: float
    account_class: str
    earned_gib: float
    bought_gib: int
    hit_and_runs: int
    freezes: int
    balance: int
    lost_points: int
    owed_deletions: int
    violations: int
    site_a_day: float
    client_a_day: float
    torrent_days: float
    daily: tuple[tuple[float, int], ...]
    seconds: float


@define
class Counted:
    """An adapter, with a count of what is asked of it.

    Attributes:
        error: What every request ends with now, if anything.
    """

    inner: Any
    error: Callable[[], AdapterError | None] = lambda: None
    requests: int = 0

    def __getattr__(self, name: str) -> Any:
        """Count what is one request to the real service."""
        if name not in ("close", "with_messages"):
            self.requests += 1
            error = self.error()
            if error is not None:
                raise error
        return getattr(self.inner, name)


@define
class RecentLedger:
    """A ledger that is quick to read after months, since what it says of titles that are offered no more is dropped."""

    _entries: list[LedgerEntry] = field(factory=list, init=False)

    def entries(self) -> tuple[LedgerEntry, ...]:
        """Return what was noted since any title on offer was new."""
        return tuple(self._entries)

    def append(self, entry: LedgerEntry) -> None:
        """Add one entry."""
        self._entries.append(entry)
        while (self._entries[0].at or 0) < (entry.at or 0) - FREE_DAYS * DAY:
            del self._entries[0]

    def ids(self) -> dict[str, int]:
        """Return the site's ids by info-hash."""
        return {one.info_hash: one.id for one in self._entries if one.info_hash}


@define
class Watch:
    """One system through one year, and what is seen of it."""

    course: Course
    site: Any = field(init=False)
    client: Any = field(init=False)
    left_at: int | None = None
    mouse_seconds: int = 0
    hit_and_runs: set[str] = field(factory=set)
    freezes: int = 0
    owed_deletions: int = 0
    violations: int = 0
    torrent_seconds: int = 0
    daily: list[tuple[float, int]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        """Stand between the system and the world."""
        self.site = Counted(MemorySite(self.course.world), self._site_error)
        self.client = Counted(MemoryClient(self.course.world))

    def _site_error(self) -> AdapterError | None:
        wrong = self.course.site_error()
        errors = {"session": SessionInvalid("the session is lost"), "site": SiteUnavailable("the site is away")}
        return None if wrong is None else errors[wrong]

    def turn(self, work: Callable[[int], None]) -> None:
        """Let the system work, and then the world go on until its next turn."""
        world = self.course.world
        before, frozen_until = set(world.torrents), world.frozen_until
        uploaded = world.profile.uploaded_bytes or 0
        work(world.now - self.course.start)
        self.course.bought_bytes += (world.profile.uploaded_bytes or 0) - uploaded
        self.freezes += world.frozen_until != frozen_until <= world.now
        for identity in before - set(world.torrents):
            snatch = world.snatches.get(identity)
            self.owed_deletions += snatch is not None and snatch.completed_at > 0 and not snatch.is_satisfied
        if world.profile.account_class is AccountClass.MOUSE:
            self.mouse_seconds += EVERY
        elif self.left_at is None:
            self.left_at = world.now
        self.torrent_seconds += EVERY * len(world.torrents)
        self.course.pass_time(EVERY)
        if (world.now - self.course.start) % DAY == 0:
            self._end_day()

    def _end_day(self) -> None:
        world = self.course.world
        self.hit_and_runs |= {key for key, one in world.snatches.items() if one.is_hit_and_run(world.now)}
        self.daily.append((self.earned_gib, len(self.hit_and_runs)))

    @property
    def earned_gib(self) -> float:
        """Return what was uploaded by seeding."""
        uploaded, bought = self.course.world.profile.uploaded_bytes or 0, self.course.bought_bytes
        earned: float = (uploaded - bought) / GIB
        return earned


def play(seed: int, system: str, *, by_hand: bool, days: int, jobs: str = "cycle") -> Played:
    """Play one system through one year."""
    began = time.monotonic()
    watch = Watch(Course(seed, days, by_hand))
    with tempfile.TemporaryDirectory() as folder:
        work = _scripts(watch, seed, system) if system in (BEFORE, AFTER) else _jobs(watch, system, jobs, folder)
        for _ in range(days * DAY // EVERY):
            watch.turn(work)
    world = watch.course.world
    return Played(
        seed=seed,
        system=system,
        by_hand=by_hand,
        left_mouse_days=None if watch.left_at is None else (watch.left_at - watch.course.start) / DAY,
        mouse_days=watch.mouse_seconds / DAY,
        ratio=world.profile.ratio or 0.0,
        account_class=world.profile.class_name or "",
        earned_gib=watch.earned_gib,
        bought_gib=watch.course.bought_bytes // GIB,
        hit_and_runs=len(watch.hit_and_runs),
        freezes=watch.freezes,
        balance=int(world.profile.bonus_points or 0),
        lost_points=world.lost_points,
        owed_deletions=watch.owed_deletions,
        violations=watch.violations,
        site_a_day=watch.site.requests / days,
        client_a_day=watch.client.requests / days,
        torrent_days=watch.torrent_seconds / DAY,
        daily=tuple(watch.daily),
        seconds=time.monotonic() - began,
    )


def _scripts(watch: Watch, seed: int, system: str) -> Callable[[int], None]:
    scripts = OldScripts(repaired=system == AFTER, luck=Random(seed))  # noqa: S311 - a simulation
    if scripts.repaired:
        MemoryClient(watch.course.world).set_preferences(SLOTS_AFTER)

    def work(passed: int) -> None:
        now = watch.course.world.now
        run_all(scripts, watch.site, watch.client, now, spends=passed % SPEND_EVERY == 0)

    return work


def _jobs(watch: Watch, system: str, jobs: str, folder: str) -> Callable[[int], None]:
    settings, state = _settings(system, folder), (RecentLedger(), MemoryJournal(), MemoryFacts())

    def work(passed: int) -> None:
        for job, every in {"cycle": EVERY}.items() if jobs == "cycle" else SINGLE.items():
            if passed % every == 0:
                ports: Any = Ports(settings, lambda: watch.course.world.now)
                ports.site, ports.client = watch.site, watch.client
                ports.ledger, ports.journal, ports.memory = state
                _run(watch, job, ports)

    return work


def _run(watch: Watch, job: str, ports: Ports) -> None:
    try:
        report = run(job, ports, apply=True)
    except AdapterError:
        return
    watch.violations += bool(report.violations) or report.error_code == GuaranteeBroken.exit_code == Exit.BLOCKED


def _settings(system: str, folder: str) -> Settings:
    wishes: Mapping[tuple[str, str], Any] = {
        ("", "state_dir"): folder,
        # The runs are that far apart.
        ("cleanup", "tracker_gap"): f"{EVERY}s",
        **(SWITCHES if system == FULL else {}),
    }
    return load({}, None, {key: Given(value, "the simulation") for key, value in wishes.items()})


def play_all(seeds: Iterable[int], days: Mapping[bool, int], jobs: str = "cycle", workers: int = 1) -> list[Played]:
    """Play every system through the same courses, of so many days with and without the purchase by hand."""
    courses = list(product(VARIANTS, seeds, SYSTEMS))
    with ProcessPoolExecutor(workers) as pool:
        waiting = [
            pool.submit(play, seed, system, by_hand=by_hand, days=days[by_hand], jobs=jobs)
            for by_hand, seed, system in courses
        ]
        return [_told(one.result()) for one in waiting]


def _told(one: Played) -> Played:
    sys.stderr.write(f"{VARIANTS[one.by_hand]}, seed {one.seed}, {one.system}: {one.seconds:.0f} s\n")
    return one


_BEGIN, _END = "<!-- written by benchmarks.account -->", "<!-- end -->"

Column = Callable[[Played], float | None]
COLUMNS: Mapping[str, tuple[Column, str]] = {
    "Days to leave Mouse": (lambda one: one.left_mouse_days, ".1f"),
    "Days in Mouse": (lambda one: one.mouse_days, ".1f"),
    "Ratio": (lambda one: one.ratio, ".1f"),
    "Seeded, GiB": (lambda one: one.earned_gib, ".0f"),
    "Bought, GiB": (lambda one: one.bought_gib, "d"),
    "H&Rs": (lambda one: one.hit_and_runs, "d"),
    "Owed deletions": (lambda one: one.owed_deletions, "d"),
    "Freezes": (lambda one: one.freezes, "d"),
    "Points": (lambda one: one.balance, "d"),
    "Points lost": (lambda one: one.lost_points, "d"),
    "Site a day": (lambda one: one.site_a_day, ".0f"),
    "Client a day": (lambda one: one.client_a_day, ".0f"),
    "Stopped plans": (lambda one: one.violations, "d"),
    "Torrents": (lambda one: one.torrent_days / max(1, len(one.daily)), ".0f"),
}


def _median(group: Sequence[Played], column: Column) -> float | None:
    """Return the middle; never is later than any day, so that it is the middle where most never did."""
    figures = sorted(inf if (figure := column(one)) is None else figure for one in group)
    middle = median(figures)
    return None if middle == inf else middle


def _cell(figure: float | None, form: str) -> str:
    if figure is None:
        return "never"
    return f"{figure:.0f}" if form == "d" else f"{figure:{form}}"


def render(played: Sequence[Played]) -> str:
    """Return the tables: for each variant the medians, and then every seed."""
    lines = []
    for by_hand, words in VARIANTS.items():
        group = [one for one in played if one.by_hand is by_hand]
        if not group:
            continue
        seeds = sorted({one.seed for one in group})
        scope = f"{len(group[0].daily)} days, seeds {seeds[0]} to {seeds[-1]}"
        lines += [f"### {words}: {scope}", "", *_table(_medians(group)), "", *_table(_singles(group)), ""]
    return "\n".join(lines)


def _systems(played: Iterable[Played]) -> list[str]:
    return sorted({one.system for one in played}, key=SYSTEMS.index)


def _medians(group: Sequence[Played]) -> Iterable[tuple[str, ...]]:
    yield "Median", "Class", *COLUMNS
    for system in _systems(group):
        rows = [one for one in group if one.system == system]
        classes = sorted({one.account_class for one in rows})
        yield system, " or ".join(classes), *(_cell(_median(rows, column), form) for column, form in COLUMNS.values())


def _singles(group: Sequence[Played]) -> Iterable[tuple[str, ...]]:
    yield "Seed", "System", "Class", *COLUMNS
    for one in sorted(group, key=lambda one: (one.seed, SYSTEMS.index(one.system))):
        cells = (_cell(column(one), form) for column, form in COLUMNS.values())
        yield str(one.seed), one.system, one.account_class, *cells


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|" + "---|" * (head.count("|") - 1), *body]


def draw(played: Sequence[Played], path: Path) -> None:
    """Draw, of the variant with the purchase by hand, what was uploaded by seeding, and the hit-and-runs."""
    from matplotlib import rcParams  # noqa: PLC0415 - it is large, and only this needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    rcParams["svg.hashsalt"] = "harvestmouse"
    figure = Figure(figsize=(9, 3.5))
    for number, (axes, label) in enumerate(
        zip(figure.subplots(1, 2), ("uploaded by seeding, GiB", "hit-and-runs"), strict=True)
    ):
        for system in _systems(played):
            group = [one.daily for one in played if one.by_hand and one.system == system]
            axes.plot([median(day[number] for day in days) for days in zip(*group, strict=True)], label=system)
        axes.set_xlabel("day")
        axes.set_ylabel(label)
    figure.axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Play, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    # What follows once the account has left class Mouse is what the other course tells.
    parser.add_argument("--points-days", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", choices=("cycle", "single"), default="cycle")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    logging.getLogger("harvestmouse").setLevel(logging.CRITICAL)
    days = {True: options.days, False: options.points_days}
    played = play_all(range(1, options.seeds + 1), days, options.jobs, options.workers)
    page = render(played)
    sys.stdout.write(page)
    if options.output is not None:
        head, rest = options.output.read_text().split(_BEGIN)
        options.output.write_text(f"{head}{_BEGIN}\n\n{page}\n{_END}{rest.split(_END, 1)[1]}")
        draw(played, options.output.parent / "pictures" / f"{options.output.stem}.svg")


if __name__ == "__main__":
    main()
