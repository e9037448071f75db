# ruff: noqa: INP001 - a part of render_panels.py
"""Eight days of the embedded world, from the seed's incident to a farm that grows, as figures over time.

The jobs are the real ones, on their schedules; only the site, the client and the clock are not.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import define, evolve, field

from harvestmouse.adapters.errors import AdapterError, SiteMaintenance
from harvestmouse.adapters.interface import Site
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.memory.account import PRICE_PER_GIB
from harvestmouse.adapters.metrics.registry import Registry, label_of
from harvestmouse.core.income import income_per_hour
from harvestmouse.core.model import Profile, SearchResult
from harvestmouse.core.units import DAY, GIB, HOUR, MIB, MINUTE
from harvestmouse.core.wire.snapshot import parse_memory
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.demo import incident
from harvestmouse.runners.measure import Ending, measure
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import Settings

TICK = 5 * MINUTE
# Its end is no moment at which a job runs.
LENGTH = 7 * DAY + 21 * HOUR + 25 * MINUTE
# How often each job runs, in seconds; at the same minute they run in this order.
SCHEDULE = {
    "spend": 6 * HOUR,
    "grab": 30 * MINUTE,
    "janitor": 15 * MINUTE,
    "reconcile": 15 * MINUTE,
    "monitor": 15 * MINUTE,
}
# What happens, in seconds from the start.
JANITOR_APPLIES, RECONCILE_APPLIES, BOUGHT_BY_HAND = 6 * HOUR, 7 * HOUR, 10 * HOUR
MAINTENANCE = range(3 * DAY + 2 * HOUR, 3 * DAY + 5 * HOUR)
_NEW_A_DAY = 24

Line = tuple[str, Mapping[str, str], float, int]
"""A figure: name, labels, value, unix seconds."""


class ClosedSite(MemorySite):
    """The site during maintenance."""

    def profile(self) -> Profile:
        """Answer as the real one does."""
        raise SiteMaintenance("the site shows a page for people")


@define
class Week:
    """The world, what runs in it, and its figures.

    Attributes:
        start: Unix seconds.
    """

    world: World
    settings: Settings
    registry: Registry = field(factory=Registry)
    start: int = 0

    @property
    def passed(self) -> int:
        """Seconds since the start."""
        return self.world.now - self.start

    def lines(self) -> Iterator[Line]:
        """Play the week, and yield every figure at every tick."""
        self.start = self.world.now
        while self.passed <= LENGTH:
            self._happen()
            for job, interval in SCHEDULE.items():
                if self.passed % interval == 0:
                    self._run(job)
            yield from self._figures()
            self.world.pass_time(TICK)

    def _happen(self) -> None:
        if self.passed % DAY == 0:
            self.world.catalogue.extend(_offers(self.passed // DAY))
        if self.passed == BOUGHT_BY_HAND:
            self.world.profile = _bought_by_hand(self.world.profile)

    def _run(self, job: str) -> None:
        ports = Ports(self.settings, lambda: self.world.now)
        ports.client, ports.site = MemoryClient(self.world), self._site()
        applies = {"janitor": self.passed >= JANITOR_APPLIES, "reconcile": self.passed >= RECONCILE_APPLIES}
        apply = applies.get(job, job != "monitor")
        report: Report | None = None
        try:
            report = run(job, ports, apply=apply)
            code, state = int(report.exit_code), report.error_state
        except AdapterError as error:
            code, state = error.exit_code, error.state
        ending = Ending(
            job=job,
            apply=apply,
            exit_code=code,
            at=self.world.now,
            seconds=2.0,
            report=report,
            state=state,
            profile=ports.profile,
            income=income_per_hour(parse_memory(ports.memory.account())["balances"]),
            session_expires_at=self.world.now + 15 * DAY,
        )
        self.registry.publish(measure(ending))

    def _site(self) -> Site:
        return ClosedSite(self.world) if self.passed in MAINTENANCE else MemorySite(self.world)

    def _figures(self) -> Iterable[Line]:
        """Yield the figures with the labels that a Pushgateway gives them."""
        for group, samples in self.registry.held.items():
            for sample in samples:
                yield sample.name, {"job": label_of(group), **sample.labels}, sample.value, self.world.now


def play(directory: Path) -> Week:
    """Set the week up, with its state in *directory*."""
    logging.getLogger("harvestmouse").setLevel(logging.CRITICAL)
    given = {("", "state_dir"): Given(str(directory), "the week")}
    return Week(incident(), load({}, None, given))


def _bought_by_hand(profile: Profile) -> Profile:
    """Return the account after somebody has bought 1 GiB in the web store."""
    uploaded, points = profile.uploaded_bytes or 0, profile.bonus_points or 0
    return evolve(profile, uploaded_bytes=uploaded + GIB, bonus_points=points - PRICE_PER_GIB)


def _offers(day: int) -> Iterator[SearchResult]:
    """Yield what is new on the site on a day: most of it free and wanted, some of it seeded by very many."""
    for number in range(_NEW_A_DAY):
        yield SearchResult(
            id=900_000 + day * _NEW_A_DAY + number,
            title=f"Book {number + 1} of day {day + 1}",
            size_bytes=(90 + (number * 53 + day * 31) % 800) * MIB,
            seeders=4 + number * 2,
            leechers=4 + (number * 7 + day) % 12,
            free=True,
        )
