"""A finite model of one account: class, ratio, points, slots and the torrents in the client, a day a step.

The decisions are the real ones: each part of a state is written out as a snapshot, the jobs plan on it, and `after`
says what their actions leave. Then the world moves, and wherever it is free to choose, every choice is followed:
whether a download starts, stalls or completes, whether anybody wants it, whether the site removes it. So a bound
found here holds for the worst luck there is.

The figures are coarse, so that every state can be visited: one or two places in the client, upload credit in steps
of 25 GiB up to the target of 100, points in steps of 12 500 above the reserve.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations_with_replacement, product

from attrs import evolve, field, frozen

from harvestmouse.core.after import after
from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import AccountClass, Profile, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.units import GIB
from tests.support.builders import DAY, NOW, download, message, page, preferences, result, snapshot, torrent

DOWNLOADED = 50 * GIB
CREDIT_STEP, MOST_CREDIT = 25 * GIB, 4
POINTS_STEP, MOST_POINTS, RESERVE = 12_500, 7, 500
UPLOADS = 150

# What a torrent is, and for how many days at most that is told apart; the last day stands for all that follow.
# Downloads count from when they were added, the others the days they have seeded.
KINDS: Mapping[str, int] = {
    "queued": 2,
    "partial": 4,
    "wanted": 15,
    "plentiful": 15,
    "unwanted": 15,
    "recovering": 15,
    "removed": 15,
    "checking": 0,
}
SEEDING = ("wanted", "plentiful", "unwanted")
FRESH = ("queued", 0)
RECOVERY_DAYS = 7

Kind = tuple[str, int]
Kinds = tuple[Kind, ...]
Job = Callable[[Snapshot, Policy], Plan]


class Broken(AssertionError):
    """A plan of the model breaks a guarantee, or deletes for a reason that is not true."""


class Deadlock(AssertionError):
    """From some state the world can keep the account from its goal for ever."""


@frozen
class Account:
    """What the site keeps: class Mouse or not, upload credit and points in steps."""

    mouse: bool
    credit: int
    points: int

    def written(self) -> Profile:
        """Write it out as the site shows it."""
        kind = AccountClass.MOUSE if self.mouse else AccountClass.USER
        return Profile(
            account_class=kind,
            class_name=kind.value,
            uploaded_bytes=self.credit * CREDIT_STEP,
            downloaded_bytes=DOWNLOADED,
            bonus_points=float(RESERVE + self.points * POINTS_STEP),
            unsat_count=0,
            unsat_limit=50,
            hit_and_run_count=0,
        )


ACCOUNTS = tuple(
    Account(mouse, credit, points)
    for mouse, credit, points in product((True, False), range(MOST_CREDIT + 1), range(MOST_POINTS + 1))
)


@frozen
class Client:
    """What the client has.

    Attributes:
        seeds: Whether its queue lets what has completed seed.
        torrents: In the order of their kinds.
    """

    seeds: bool
    torrents: Kinds

    def written(self) -> Snapshot:
        """Write it out as a snapshot."""
        uploads = UPLOADS if self.seeds else 0
        return snapshot(
            torrents=tuple(written(number, kind, seeds=self.seeds) for number, kind in enumerate(self.torrents)),
            preferences=preferences(max_active_uploads=uploads, max_active_torrents=uploads + 20),
        )


@cache
def written(number: int, kind: Kind, *, seeds: bool) -> Torrent:
    """Write a torrent out as a client shows it."""
    name, days = kind
    added = NOW - days * DAY
    if name == "queued":
        return download(number, added_on=added, state="queuedDL")
    if name == "partial":
        return download(number, added_on=added, progress=0.4, downloaded_bytes=GIB)
    if name == "checking":
        # It has completed and owes nothing, but for the time being shows neither.
        return torrent(number, state="checkingUP", progress=0.0, downloaded_bytes=0, uploaded_bytes=0, added_on=1)
    return torrent(
        number,
        state="stalledUP" if seeds else "queuedUP",
        added_on=added - DAY,
        seeding_time=days * DAY,
        uploaded_bytes=0 if name in ("unwanted", "recovering") else GIB,
        seeders=100 if name in ("plentiful", "recovering") else 2,
        tags=frozenset({"Recovery"} if name == "recovering" else ()),
        messages=(message("torrent not registered with this tracker"),) if name == "removed" else (),
    )


def clients(places: int) -> Iterator[Client]:
    """Yield every client with so many places."""
    kinds = sorted((name, days) for name, most in KINDS.items() for days in range(most + 1))
    for count in range(places + 1):
        for torrents in combinations_with_replacement(kinds, count):
            yield from (Client(seeds, torrents) for seeds in (True, False))


@frozen
class State:
    """One day, before the jobs run."""

    account: Account
    client: Client


@frozen
class Model:
    """The jobs of one regime, over all states.

    Attributes:
        income: Steps of points a day.
        places: How many torrents the client may hold.
        jobs: What runs; a job that is missing does not.
        offers: How many free torrents that fit the site has each day.
        checked: Whether every plan is held against the guarantees; the old scripts' plans break them.
    """

    income: int = 1
    places: int = 1
    jobs: Mapping[str, Job] = field(factory=lambda: dict(JOBS))
    offers: int = 2
    checked: bool = True
    _next: dict[object, object] = field(factory=dict, repr=False)

    @property
    def policy(self) -> Policy:
        """The default preset, for a client of this size."""
        return evolve(SEED, grab=evolve(SEED.grab, max_torrents=self.places))

    def following(self, state: State) -> list[State]:
        """Return every day that can come after this one."""
        account, cleaned, grabbed = self.today(state)
        torrents = tuple(sorted((*cleaned.torrents, *grabbed)))
        moved = moves(Client(cleaned.seeds, torrents), served=not account.mouse)
        return [State(account, Client(cleaned.seeds, one)) for one in moved]

    def today(self, state: State) -> tuple[Account, Client, Kinds]:
        """Run the jobs: what becomes of the account and the client, and what is grabbed."""
        account, client = self._account_after(state.account), self._client_after(state.client)
        # The class follows the ratio on the next day, so a grab still sees today's.
        seen = evolve(account, mouse=state.account.mouse)
        return account, client, (FRESH,) * self._grabs(seen, len(client.torrents))

    def _account_after(self, account: Account) -> Account:
        """Spend, then earn."""
        if account not in self._next:
            seen = snapshot(profile=account.written())
            profile = after(seen, self._planned("spend", seen)).profile
            assert profile is not None
            assert profile.bonus_points is not None
            credit = min((profile.uploaded_bytes or 0) // CREDIT_STEP, MOST_CREDIT)
            points = int(profile.bonus_points - RESERVE) // POINTS_STEP + self.income
            self._next[account] = Account(credit * CREDIT_STEP < DOWNLOADED, credit, min(points, MOST_POINTS))
        made = self._next[account]
        assert isinstance(made, Account)
        return made

    def _client_after(self, client: Client) -> Client:
        """Clean up, then set the queue right."""
        if client not in self._next:
            seen = client.written()
            cleaned = after(seen, self._planned("janitor", seen, client.torrents))
            left = {one.hash for one in cleaned.torrents or ()}
            kept = tuple(
                kind for one, kind in zip(seen.torrents or (), client.torrents, strict=True) if one.hash in left
            )
            queue = after(cleaned, self._planned("reconcile", cleaned)).preferences
            assert queue is not None
            self._next[client] = Client((queue.max_active_uploads or 0) >= self.places, kept)
        made = self._next[client]
        assert isinstance(made, Client)
        return made

    def _grabs(self, account: Account, held: int) -> int:
        key = (account.mouse, account.credit, held)
        if key not in self._next:
            seen = snapshot(
                profile=account.written(),
                torrents=tuple(torrent(number) for number in range(held)),
                searches=(page(*(result(1001 + number) for number in range(self.offers))),),
            )
            self._next[key] = len(self._planned("grab", seen).actions)
        made = self._next[key]
        assert isinstance(made, int)
        return made

    def _planned(self, job: str, seen: Snapshot, torrents: Kinds = ()) -> Plan:
        """Let a job plan, and hold its plan against the guarantees and the truth."""
        if job not in self.jobs:
            return Plan(job=job, decided_at=NOW)
        plan = self.jobs[job](seen, self.policy)
        if self.checked:
            hold(plan, seen, self.policy, torrents)
        return plan


def hold(plan: Plan, seen: Snapshot, policy: Policy, torrents: Kinds = ()) -> None:
    """Raise `Broken` where a plan breaks a guarantee, or deletes for a reason that is not true of these torrents."""
    for violation in check(plan, seen, policy):
        raise Broken(f"{violation.guarantee}: {violation}")
    if not torrents:
        return
    truth = {one.hash: kind for one, kind in zip(seen.torrents or (), torrents, strict=True)}
    for action in plan.actions:
        name, days = truth[getattr(action, "hash", "")]
        if getattr(action, "reason", None) == "unregistered" and name != "removed":
            raise Broken(f"truth: gone as unregistered, but the site has it: {name} {days}")
        if name == "recovering" and days < RECOVERY_DAYS:
            raise Broken(f"truth: a hit-and-run is left unrepaired after {days} days")


@cache
def moves(client: Client, *, served: bool) -> tuple[Kinds, ...]:
    """Return what the torrents can be a day later, for every choice of the swarm and the site."""
    choices = (_choices(kind, served=served, seeds=client.seeds) for kind in client.torrents)
    return tuple({tuple(sorted(chosen)) for chosen in product(*choices)})


def _choices(kind: Kind, *, served: bool, seeds: bool) -> list[Kind]:
    name, days = kind
    older = min(days + 1, KINDS[name])
    if name == "checking":
        return [(one, 5) for one in SEEDING]
    if name in ("queued", "partial"):
        # The tracker gives an account in class Mouse no peers; nothing starts and nothing goes on.
        arriving = [(one, 0) for one in SEEDING] if served else []
        stalling = [("partial", min(days + 1, KINDS["partial"]))] if served else []
        return [(name, older), *stalling, *arriving]
    # The client's clock goes on whatever the tracker says, unless its queue holds the torrent back.
    seeded = older if seeds else days
    removed = [("removed", seeded)] if name in SEEDING else []
    return [(name, seeded), *removed]


Goal = Callable[[Model, State], bool]


def may_grab(model: Model, state: State) -> bool:
    """Whether the grabber takes something today."""
    return bool(model.today(state)[2])


def left_mouse(_: Model, state: State) -> bool:
    """Whether the account is out of class Mouse."""
    return not state.account.mouse


def is_empty(_: Model, state: State) -> bool:
    """Whether nothing is left in the client."""
    return not state.client.torrents


def states(model: Model) -> Iterator[State]:
    """Yield every state there is."""
    return (State(account, client) for client in clients(model.places) for account in ACCOUNTS)


def longest_wait(model: Model, goal: Goal, starts: Iterable[State] | None = None) -> tuple[int, int]:
    """Return how many days the world can keep an account from *goal* at most, and how many states were seen.

    Args:
        starts: Where to begin; every state where nothing is given.

    Raises:
        Deadlock: It can for ever; the message shows the days that come again and again.
    """
    waits: dict[State, int] = {}
    for start in states(model) if starts is None else starts:
        if start not in waits:
            _visit(start, model, goal, waits)
    return max(waits.values()), len(waits)


def _visit(start: State, model: Model, goal: Goal, waits: dict[State, int]) -> None:
    """Follow what can come after *start*, deepest first, until every wait on the way is known."""
    path: dict[State, list[State]] = {}
    ahead = [start]
    while ahead:
        state = ahead[-1]
        if state in waits:
            ahead.pop()
        elif goal(model, state):
            waits[state] = 0
        elif state in path:
            waits[state] = 1 + max(waits[one] for one in path.pop(state))
        else:
            path[state] = model.following(state)
            unknown = [one for one in path[state] if one not in waits]
            if any(one in path for one in unknown):
                raise Deadlock(_again(path, unknown))
            ahead += unknown


def _again(path: Mapping[State, object], unknown: Iterable[State]) -> str:
    first = next(one for one in unknown if one in path)
    days = list(path)[list(path).index(first) :]
    return "these days come again and again:\n" + "\n".join(str(day) for day in days)
