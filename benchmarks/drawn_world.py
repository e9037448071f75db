"""A year drawn from a seed: titles and who wants them, and what goes wrong with the site, the tracker and the address.

Everything is drawn before the year begins, so that whatever manages the account meets the same days.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from random import Random

from attrs import define, evolve, field, frozen

from harvestmouse.adapters.errors import ItemError
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.memory.account import NEW_SECONDS, UNSAT_LIMITS, credited
from harvestmouse.adapters.memory.swarm import UNKNOWN_PASSKEY, Swarm
from harvestmouse.adapters.memory.world import identity_of
from harvestmouse.core.model import AccountClass, SearchResult
from harvestmouse.core.units import DAY, GIB, HOUR, MIB
from harvestmouse.runners.demo import incident

# How many titles are free at a time: about so many new ones a day, each free for so long. The site has 1 070 to 1 320.
NEW_A_DAY = (15, 35)
FREE_DAYS = 48
# A crowd is gone after so long; what is left is the few who want an old title.
_BURST_SECONDS = 8 * DAY
_AUDIOBOOKS = 0.6
# Those who want a new title: its logarithm's mean and deviation.
_CROWD = (0.7, 0.9)
_REMOVED_SHARE = 0.02
_REFRESH_SECONDS = 4 * HOUR
_BY_HAND_BP = 500

Span = tuple[int, int]


@frozen(kw_only=True)
class Title:
    """A freeleech title and its life.

    Attributes:
        born_at: Unix seconds.
        crowd: Those who want it when it is new.
        half_life: Of the crowd, seconds.
        seeders: Those who have it when it is new.
        settled: Those who have it in the end.
        later: Those who want it once the crowd has gone.
        removed_at: When the site removes it, unix seconds; 0 for never.
    """

    id: int
    size_bytes: int
    born_at: int
    crowd: int
    half_life: int
    seeders: int
    settled: int
    later: int
    removed_at: int
    result: SearchResult = field(init=False)
    identity: str = field(init=False)

    @result.default
    def _result(self) -> SearchResult:
        return SearchResult(
            id=self.id,
            title=f"Volume {self.id}",
            size_bytes=self.size_bytes,
            seeders=self.seeders,
            leechers=self.crowd,
            free=True,
        )

    @identity.default
    def _identity(self) -> str:
        return identity_of(self.result)

    def swarm(self, now: int) -> Swarm:
        """Return its swarm; whoever has got it seeds it, until as many do as do in the end."""
        left = 0.5 ** (max(0, now - self.born_at) / self.half_life)
        waiting = round(self.crowd * left)
        return Swarm(
            size_bytes=self.size_bytes,
            seeders=min(self.settled, self.seeders + self.crowd - waiting),
            leechers=max(waiting, self.later),
            since=now,
            registered=not 0 < self.removed_at <= now,
        )


@frozen(kw_only=True)
class Fate:
    """What happens in the year, whatever anybody does about it.

    Attributes:
        joined_at: Since when the account is a member.
        titles: By birth.
        tracker_away: When the tracker does not answer.
        site_away: When the site does not.
        session_lost: When the cookie is dead, until the operator has seen it and made a new one.
        restarts: When the client starts anew and is seen while it still checks: one weekly start in ten.
        moves: When the address changes, and when the operator would have registered the new one by hand.
        wage: Points a day from elsewhere than these torrents.
    """

    joined_at: int
    titles: tuple[Title, ...]
    tracker_away: tuple[Span, ...]
    site_away: tuple[Span, ...]
    session_lost: tuple[Span, ...]
    restarts: tuple[int, ...]
    moves: tuple[Span, ...]
    wage: int


def draw(seed: int, start: int, days: int) -> Fate:
    """Draw a year; the same seed, start and length draw the same."""
    luck = Random(seed)  # noqa: S311 - a simulation
    return Fate(
        joined_at=start - luck.randint(5, 60) * DAY,
        wage=luck.randint(10, 100),
        titles=tuple(_titles(luck, start, days)),
        tracker_away=_spans(luck, start, days, every=12, hours=(1, 12)),
        site_away=_spans(luck, start, days, every=10, hours=(1, 10)),
        session_lost=_spans(luck, start, days, every=60, hours=(6, 7 * 24)),
        restarts=tuple(begin for begin, _ in _spans(luck, start, days, every=70, hours=(1, 1))),
        moves=_spans(luck, start, days, every=20, hours=(6, 6 * 24)),
    )


def _titles(luck: Random, start: int, days: int) -> Iterator[Title]:
    number = 1_000_000
    for day in range(-FREE_DAYS, days):
        for born in sorted(luck.randrange(DAY) for _ in range(luck.randint(*NEW_A_DAY))):
            number += 1
            at = start + day * DAY + born
            seeders = min(90, max(2, round(luck.lognormvariate(3.3, 0.7))))
            yield Title(
                id=number,
                size_bytes=_size(luck),
                born_at=at,
                crowd=min(120, round(luck.lognormvariate(*_CROWD))),
                half_life=luck.randint(6, 60) * HOUR,
                seeders=seeders,
                settled=luck.randint(max(100, seeders), 700),
                later=luck.choice((0, 0, 0, 0, 1, 1, 2)),
                removed_at=at + luck.randint(1, 30) * DAY if luck.random() < _REMOVED_SHARE else 0,
            )


def _size(luck: Random) -> int:
    """Draw an audiobook of about 150 MiB, or an e-book of about 5."""
    audiobook = luck.random() < _AUDIOBOOKS
    size: int = MIB + round(luck.lognormvariate(5.0 if audiobook else 1.5, 1.2) * MIB)
    return size


def _spans(luck: Random, start: int, days: int, *, every: int, hours: Span) -> tuple[Span, ...]:
    """Draw events about so many days apart that last so many hours."""
    spans, at = [], start + 2 * DAY
    while (at := at + round(luck.expovariate(1 / (every * DAY)))) < start + days * DAY:
        spans.append((at, at + luck.randint(*hours) * HOUR))
        at = spans[-1][1]
    return tuple(spans)


@define
class Course:
    """The world of one year, and what moves it besides its own clock.

    Attributes:
        by_hand: Whether the operator buys 1 GiB in the web store on the first day.
    """

    seed: int
    days: int
    by_hand: bool
    world: World = field(init=False)
    fate: Fate = field(init=False)
    start: int = field(init=False)
    bought_bytes: int = 0
    _titles: dict[str, Title] = field(factory=dict, init=False)
    _coming: list[Title] = field(init=False)
    _events: list[tuple[int, str]] = field(init=False)
    _refreshed_at: int = 0

    def __attrs_post_init__(self) -> None:
        """Take the account of the seed document into a year of its own."""
        world = incident()
        self.start = world.now
        self.fate = draw(self.seed, self.start, self.days)
        age = world.now - self.fate.joined_at
        limit = UNSAT_LIMITS[AccountClass.MOUSE if age < NEW_SECONDS else AccountClass.USER]
        world.joined_at = self.fate.joined_at
        world.profile = evolve(world.profile, unsat_count=0, unsat_limit=limit)
        world.catalogue = []
        world.free_space_bytes = 400 * GIB
        world.registered = (world.now - DAY, world.egress)
        self.world = world
        self._coming = sorted(self.fate.titles, key=lambda one: one.born_at, reverse=True)
        self._events = sorted(
            [(at, "restart") for at in self.fate.restarts]
            + [(at, "move") for at, _ in self.fate.moves]
            + [(at, "register") for _, at in self.fate.moves]
            + [(self.start + day * DAY, "wage") for day in range(1, self.days) if not self.by_hand]
            + [(self.start + 10 * HOUR, "buy")] * self.by_hand,
            reverse=True,
        )
        self.refresh()

    def pass_time(self, seconds: int) -> None:
        """Let time pass, and bring about what is due."""
        self.world.tracker.away = _within(self.world.now, self.fate.tracker_away)
        self._refuse()
        self.world.pass_time(seconds)
        while self._events and self._events[-1][0] <= self.world.now:
            self._happen(self._events.pop()[1])
        self._outgrow()
        if self.world.now >= self._refreshed_at + _REFRESH_SECONDS:
            self.refresh()

    def site_error(self) -> str | None:
        """Return what keeps anybody from the site now, if anything does."""
        if _within(self.world.now, self.fate.session_lost):
            return "session"
        return "site" if _within(self.world.now, self.fate.site_away) else None

    def refresh(self) -> None:
        """Show the titles there are now, each with the swarm it has now."""
        world, now = self.world, self.world.now
        self._refreshed_at = now
        while self._coming and self._coming[-1].born_at <= now:
            title = self._coming.pop()
            self._titles[title.identity] = title
            world.catalogue.append(title.result)
            world.swarms[title.identity] = title.swarm(now)
        for identity, title in list(self._titles.items()):
            if 0 < title.removed_at <= now:
                # The site counts nothing of what it has removed.
                world.snatches.pop(identity, None)
            over = now > title.born_at + FREE_DAYS * DAY or 0 < title.removed_at <= now
            if identity in world.torrents or now < title.born_at + _BURST_SECONDS + _REFRESH_SECONDS:
                world.swarms[identity] = title.swarm(now)
            elif over:
                del self._titles[identity], world.swarms[identity]
        world.catalogue[:] = [one for one in world.catalogue if self._is_offered(one, now)]

    def _is_offered(self, result: SearchResult, now: int) -> bool:
        title = self._titles.get(identity_of(result))
        return title is not None and now <= title.born_at + FREE_DAYS * DAY and not 0 < title.removed_at <= now

    def _happen(self, event: str) -> None:
        world = self.world
        if event == "restart":
            MemoryClient(world).restart()
        elif event == "move":
            world.egress = f"redacted-{world.now % 1_000_000:06d}"
            world.addresses = frozenset({world.egress})
            self._refuse()
        elif event == "register":
            with suppress(ItemError):
                MemorySite(world).register_address()
        elif event == "wage":
            world.profile = credited(world.profile, points=self.fate.wage)
        else:
            points = world.profile.bonus_points or 0.0
            self.bought_bytes += GIB
            world.profile = evolve(credited(world.profile, uploaded=GIB), bonus_points=points - _BY_HAND_BP)

    def _refuse(self) -> None:
        known = (self.world.registered or (0, ""))[1]
        self.world.tracker.refusal = "" if known == self.world.egress else UNKNOWN_PASSKEY

    def _outgrow(self) -> None:
        """Give a member of four weeks the limit of its class, which the site does without a change of class."""
        profile, age = self.world.profile, self.world.now - self.fate.joined_at
        if age >= NEW_SECONDS and profile.account_class is not None:
            limit = UNSAT_LIMITS[profile.account_class]
            if limit != profile.unsat_limit:
                self.world.profile = evolve(profile, unsat_limit=limit)


def _within(now: int, spans: Iterable[Span]) -> bool:
    return any(begin <= now < end for begin, end in spans)
