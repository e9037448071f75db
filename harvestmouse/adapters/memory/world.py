"""All there is: an account, a catalogue with its swarms, a client, and the clock that moves them.

Everything is counted in whole bytes, seconds and points, and nothing is drawn: the same calls make the same world.
"""

from functools import lru_cache

from attrs import Factory, define, evolve

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.memory.account import PRICE_PER_GIB, Snatch, credited, reclassed
from harvestmouse.adapters.memory.queue import DOWNLOADING, SEEDING, queued_states
from harvestmouse.adapters.memory.session import Session
from harvestmouse.adapters.memory.swarm import Swarm, Tracker, serves
from harvestmouse.core.model import Preferences, Profile, SearchResult, Torrent, TrackerMessage
from harvestmouse.core.units import GIB, HOUR, MIB, MINUTE

PREFERENCES = Preferences(
    queueing_enabled=True,
    max_active_downloads=3,
    max_active_uploads=3,
    max_active_torrents=5,
    dont_count_slow_torrents=False,
)
# The secret part of every torrent file's announce address.
PASSKEY = "5d41402abc4b2a76b9719d911017c592"
# The site counts and pays every hour, so longer spans are walked in such steps.
_STEP_SECONDS = HOUR
# How long the site does not show a snatch yet.
SNATCH_LAG_SECONDS = 15 * MINUTE
DOWNLOAD_BYTES_PER_SECOND = MIB
# For a satisfied torrent that is seeded. There is no public formula; a large account has been seen to earn 1 413 an
# hour.
POINTS_PER_HOUR = 1
_CHECKING = frozenset({"checkingUP", "checkingDL", "checkingResumeData", "moving"})


@define
class World:
    """The whole world; only `pass_time` moves it, and whoever changes it by hand.

    Attributes:
        now: Unix seconds.
        profile: The account. Its counts of unsatisfied torrents and hit-and-runs are those of torrents that are not
            in *snatches*, which are added to them.
        catalogue: What is on offer, as it was when it was put there.
        torrents: The client's torrents by info-hash, as it shows them.
        tracker: What announces are answered.
        swarms: By info-hash; a torrent without one has the swarm that its own figures tell.
        snatches: What the site has counted, by info-hash.
        said: What each torrent's tracker last answered, by info-hash.
        joined_at: Since when the account is a member, unix seconds.
        frozen_until: Until when the site refuses downloads, unix seconds.
        egress: The word for the address that the site sees whoever asks at.
        addresses: The words for those that the client is seen at.
        registered: The word for the address that the tracker knows, and since when.
        old_figures: Until when the profile shows the account as it was before a purchase, and that account.
        lost_points: What the site's cap has swallowed.
    """

    now: int
    profile: Profile
    catalogue: list[SearchResult] = Factory(list)
    torrents: dict[str, Torrent] = Factory(dict)
    preferences: Preferences = PREFERENCES
    free_space_bytes: int = 200 * GIB
    tracker: Tracker = Factory(Tracker)
    swarms: dict[str, Swarm] = Factory(dict)
    snatches: dict[str, Snatch] = Factory(dict)
    said: dict[str, TrackerMessage] = Factory(dict)
    session: Session = Factory(Session)
    price_per_gib: int = PRICE_PER_GIB
    joined_at: int = 0
    frozen_until: int = 0
    old_figures: tuple[int, Profile] | None = None
    egress: str = "redacted-000001"
    addresses: frozenset[str] = frozenset({"redacted-000001"})
    registered: tuple[int, str] | None = None
    lost_points: int = 0
    _unpaid_seconds: int = 0

    def pass_time(self, seconds: int) -> None:
        """Let time pass: the client queues, downloads and seeds, the tracker counts, the site pays and classes."""
        end = self.now + seconds
        while self.now < end:
            self._step(min(_STEP_SECONDS, end - self.now))

    def swarm_of(self, torrent: Torrent) -> Swarm:
        """Return a torrent's swarm."""
        swarm = self.swarms.get(torrent.hash)
        if swarm is None:
            size, seeders = torrent.size_bytes or 0, torrent.seeders or 0
            swarm = Swarm(size_bytes=size, seeders=seeders, leechers=0, since=self.now)
        return swarm

    def announce(self, torrent: Torrent) -> TrackerMessage:
        """Announce a torrent, and return what its tracker answers."""
        answer = self.tracker.answer(self.swarm_of(torrent), self.profile.account_class)
        self.said[torrent.hash] = answer
        return answer

    def shown_profile(self) -> Profile:
        """Return the account as the site shows it now, with the counts and figures that lag behind the truth."""
        profile = self.profile
        if self.old_figures is not None and self.now < self.old_figures[0]:
            old = self.old_figures[1]
            profile = evolve(
                profile, uploaded_bytes=old.uploaded_bytes, bonus_points=old.bonus_points, vip_until=old.vip_until
            )
        runs = sum(one.is_hit_and_run(self.now) for one in self.snatches.values())
        return evolve(
            profile,
            unsat_count=None if profile.unsat_count is None else self.unsatisfied(SNATCH_LAG_SECONDS),
            hit_and_run_count=None if profile.hit_and_run_count is None else profile.hit_and_run_count + runs,
        )

    def unsatisfied(self, lag_seconds: int = 0) -> int:
        """Count the torrents that were snatched and not yet seeded, those of the last *lag_seconds* left out."""
        latest = self.now - lag_seconds
        own = sum(one.at <= latest and not one.is_satisfied for one in self.snatches.values())
        return (self.profile.unsat_count or 0) + own

    def shown(self, result: SearchResult) -> SearchResult:
        """Return an offer as the search shows it now."""
        identity = identity_of(result)
        swarm, snatch = self.swarms.get(identity), self.snatches.get(identity)
        snatched = snatch is not None and snatch.at + SNATCH_LAG_SECONDS <= self.now
        free = result.free or result.personal_freeleech or result.vip or result.fl_vip
        return evolve(
            result,
            seeders=result.seeders if swarm is None else swarm.seeders,
            leechers=result.leechers if swarm is None else swarm.leechers_at(self.now),
            snatched=result.snatched or snatched,
            takes_wedge=not free,
        )

    def spend_wedge(self, result: SearchResult) -> None:
        """Make an offer free for this account, for one of its wedges where it has one."""
        held = self.profile.wedges or 0
        if held > 0:
            self.profile = evolve(self.profile, wedges=held - 1)
            freed = evolve(result, personal_freeleech=True)
            self.catalogue[:] = [freed if one.id == result.id else one for one in self.catalogue]

    def _step(self, seconds: int) -> None:
        self._open_swarms()
        self._queue()
        seeding = 0
        for identity in sorted(self.torrents):
            seeding += self._run(self.torrents[identity], seconds)
        self.now += seconds
        self.snatches = {key: one for key, one in self.snatches.items() if not one.is_forgotten(self.now)}
        points, self._unpaid_seconds = divmod(self._unpaid_seconds + seeding * seconds, HOUR // POINTS_PER_HOUR)
        balance = self.profile.bonus_points
        self.profile = credited(self.profile, points=points)
        if balance is not None:
            self.lost_points += points - int((self.profile.bonus_points or 0) - balance)
        self.profile = reclassed(self.profile, self.now, self.now - self.joined_at)

    def _open_swarms(self) -> None:
        for result in self.catalogue:
            identity = identity_of(result)
            if identity not in self.swarms:
                self.swarms[identity] = Swarm(
                    size_bytes=result.size_bytes, seeders=result.seeders, leechers=result.leechers, since=self.now
                )

    def _queue(self) -> None:
        """Let the client end its checks, and give its slots to those whose turn it is."""
        for identity, torrent in self.torrents.items():
            if torrent.state in _CHECKING:
                self.torrents[identity] = _checked(torrent)
        for identity, state in queued_states(self.torrents.values(), self.preferences, self._moves).items():
            if self.torrents[identity].state != state:
                self.torrents[identity] = evolve(self.torrents[identity], state=state)

    def _moves(self, torrent: Torrent) -> bool:
        swarm = self.swarm_of(torrent)
        if not serves(self.tracker.answer(swarm, self.profile.account_class)):
            return False
        return swarm.leechers_at(self.now) > 0 if is_whole(torrent) else swarm.seeders > 0

    def _run(self, torrent: Torrent, seconds: int) -> int:
        """Announce a running torrent and move its bytes; return whether points come in for it."""
        if torrent.state not in SEEDING | DOWNLOADING:
            return 0
        swarm, answer = self.swarm_of(torrent), self.announce(torrent)
        snatch = self._announced(torrent) if serves(answer) else None
        if torrent.state in SEEDING:
            return self._seed(torrent, swarm, snatch, seconds)
        if snatch is not None and swarm.seeders:
            self._download(torrent, snatch, seconds)
        return 0

    def _announced(self, torrent: Torrent) -> Snatch:
        """Return the site's record of a torrent; one with a past before this world has been seen all along."""
        snatch = self.snatches.get(torrent.hash)
        if snatch is None:
            snatch = Snatch(
                at=self.now if not torrent.seeding_time else torrent.added_on or self.now,
                free=self._is_free(torrent.hash),
                completed_at=torrent.completion_on or 0,
                seeded=torrent.seeding_time or 0,
            )
            self.snatches[torrent.hash] = snatch
        snatch.heard_at = self.now
        return snatch

    def _is_free(self, identity: str) -> bool:
        offers = (one for one in self.catalogue if identity_of(one) == identity)
        return all(one.is_free_for(self.profile.account_class) for one in offers)

    def _seed(self, torrent: Torrent, swarm: Swarm, snatch: Snatch | None, seconds: int) -> int:
        # The client's clock goes on whatever the tracker says; the site's does not.
        uploaded = 0 if snatch is None else swarm.upload(self.now, seconds)
        self.torrents[torrent.hash] = evolve(
            torrent,
            seeding_time=(torrent.seeding_time or 0) + seconds,
            uploaded_bytes=(torrent.uploaded_bytes or 0) + uploaded,
            seeders=swarm.seeders,
        )
        if snatch is None:
            return 0
        earns = snatch.is_satisfied
        snatch.seeded += seconds
        if uploaded:
            self.profile = credited(self.profile, uploaded=uploaded)
        return earns

    def _download(self, torrent: Torrent, snatch: Snatch, seconds: int) -> None:
        size, there = torrent.size_bytes or 0, torrent.downloaded_bytes or 0
        arrived = max(0, min(DOWNLOAD_BYTES_PER_SECOND * seconds, size - there, self.free_space_bytes))
        self.free_space_bytes -= arrived
        there += arrived
        left, progress = max(0, size - there), there / size if size else 1.0
        torrent = evolve(torrent, downloaded_bytes=there, left_bytes=left, progress=progress)
        if not snatch.free:
            self.profile = credited(self.profile, downloaded=arrived)
        if there >= size:
            done = self.now + seconds
            snatch.completed_at = done
            torrent = evolve(
                torrent, completion_on=done, state="forcedUP" if torrent.state == "forcedDL" else "stalledUP"
            )
        elif arrived == 0:
            torrent = evolve(torrent, state="error")
        self.torrents[torrent.hash] = torrent


def is_whole(torrent: Torrent) -> bool:
    """Whether its data is complete on the disk, whatever the client shows while it checks."""
    return (torrent.completion_on or 0) > 0 or (torrent.progress or 0) >= 1


def held_bytes(torrent: Torrent) -> int:
    """Return how much of the disk it uses."""
    if torrent.state == "missingFiles":
        return 0
    return (torrent.size_bytes if is_whole(torrent) else torrent.downloaded_bytes) or 0


def _checked(torrent: Torrent) -> Torrent:
    if is_whole(torrent):
        return evolve(torrent, state="stalledUP", progress=1.0)
    return evolve(torrent, state="stalledDL", progress=(torrent.downloaded_bytes or 0) / (torrent.size_bytes or 1))


@lru_cache(maxsize=4096)
def _make_file(torrent_id: int, size_bytes: int) -> tuple[bytes, str]:
    name, announce = str(torrent_id).encode(), f"https://t.myanonamouse.net/tracker.php/{PASSKEY}/announce".encode()
    content = b"d8:announce%d:%s4:infod6:lengthi%de4:name%d:%see" % (
        len(announce),
        announce,
        size_bytes,
        len(name),
        name,
    )
    return content, info_hash(content)


def torrent_file_of(result: SearchResult) -> bytes:
    """Make the torrent file of an offer; nobody downloads from its announce address."""
    return _make_file(result.id, result.size_bytes)[0]


def identity_of(result: SearchResult) -> str:
    """Return the info-hash of an offer."""
    return _make_file(result.id, result.size_bytes)[1]
