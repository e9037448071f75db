"""A torrent's swarm, and what its tracker answers to those who announce."""

from functools import cache

from attrs import define, frozen

from harvestmouse.core.model import AccountClass, TrackerMessage
from harvestmouse.core.units import DAY

HOST = "t.myanonamouse.net"
MOUSE = "User currently mouse rank, you need to get your ratio up!"
UNREGISTERED = "Torrent not registered with this tracker"
UNKNOWN_PASSKEY = "Unrecognized host/PassKey. (192.0.2.7) See https://s.mrd.ninja/upmm"

# Demand halves in so long, and whoever wants a torrent has it a day later. With these figures 36 torrents of 300 MiB
# with 50 seeders and 5 leechers at first, kept for two weeks, upload 363 MiB a day, which is what 36 torrents on the
# site were once measured to do.
HALF_LIFE_SECONDS = 3 * DAY
_WORKING, _NOT_WORKING = 2, 4


@frozen(kw_only=True)
class Swarm:
    """The others that have a torrent, and those that want it.

    Attributes:
        seeders: Those that have it, without our client.
        leechers: Those that wanted it at *since*.
        since: Unix seconds.
        registered: Whether the tracker still knows the torrent.
    """

    size_bytes: int
    seeders: int
    leechers: int
    since: int
    registered: bool = True

    def leechers_at(self, now: int) -> int:
        """Return how many want it now."""
        return self.leechers >> max(0, now - self.since) // HALF_LIFE_SECONDS

    def upload(self, now: int, seconds: int) -> int:
        """Return the bytes that one more seeder uploads in so many seconds: its share of what is wanted."""
        return self.leechers_at(now) * self.size_bytes * seconds // (DAY * (self.seeders + 1))


@define
class Tracker:
    """The site's tracker.

    Attributes:
        away: It gives no answer.
        refusal: What it answers to whatever this account announces.
    """

    away: bool = False
    refusal: str = ""

    def answer(self, swarm: Swarm, account_class: AccountClass | None) -> TrackerMessage:
        """Return what the client shows after an announce; only a working tracker gives peers and counts anything."""
        if self.away:
            return _message(_NOT_WORKING, "Connection refused")
        refusal = self.refusal
        if not swarm.registered:
            refusal = refusal or UNREGISTERED
        elif account_class is AccountClass.MOUSE:
            refusal = refusal or MOUSE
        return _message(_NOT_WORKING if refusal else _WORKING, refusal)


def serves(answer: TrackerMessage) -> bool:
    """Whether the announce was taken."""
    return answer.status == _WORKING


@cache
def _message(status: int, text: str) -> TrackerMessage:
    return TrackerMessage(host=HOST, status=status, text=text)
