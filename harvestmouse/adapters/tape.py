"""What the services sent in one run, as it may be kept, for a recording of the run."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from harvestmouse.core.wire.redact import (
    keep_egress,
    keep_preferences,
    keep_profile,
    keep_search,
    keep_torrent,
    keep_trackers,
    keep_transfer,
)

# Fast, and within a third of the best that is to be had.
LEVEL = 1
_GZIP = 16 + zlib.MAX_WBITS
_AT_ONCE = 256


def packer() -> Any:
    """Return a compressor of one member of a gzip file."""
    return zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)


@define
class Packed:
    """Rows of a JSON list, compressed as they arrive: ten thousand of them take less than a megabyte.

    Attributes:
        forbidden: Words that may not be in them.
    """

    forbidden: tuple[str, ...] = ()
    _tainted: bool = False
    _waiting: list[object] = field(factory=list)
    _parts: list[bytes] = field(factory=list)
    _packer: Any = field(factory=packer)
    _begun: bool = False

    def add(self, row: object) -> None:
        """Add one row."""
        self._waiting.append(row)
        if len(self._waiting) == _AT_ONCE:
            self._pack()

    @property
    def tainted(self) -> bool:
        """Whether a forbidden word is in any of them."""
        self._pack()
        return self._tainted

    def finish(self) -> bytes:
        """Return the rows as one gzip member, without the list's brackets; nothing can be added afterwards."""
        self._pack()
        return b"".join([*self._parts, self._packer.flush()])

    def _pack(self) -> None:
        if not self._waiting:
            return
        from harvestmouse.adapters.jsontext import encode  # noqa: PLC0415 - a question to the client need not wait for it

        # One text of many rows takes a third of the time of many texts.
        text = (b"," if self._begun else b"") + encode(self._waiting)[1:-1]
        # What came from the environment may be no text.
        words = (word.encode("utf-8", "surrogatepass") for word in self.forbidden if word)
        self._tainted = self._tainted or any(word in text for word in words)
        self._parts.append(self._packer.compress(text))
        self._waiting.clear()
        self._begun = True


@define
class Tape:
    """The bodies that one run decides from; what was not asked for is ``None``.

    Adapters put in what they receive; what may not be kept is left out here, so that no part of it waits in memory.
    Once the run has decided, the tape is stopped, and takes nothing more.

    Attributes:
        forbidden: Words that may not be in any of them.
        version: The client's Web API version.
        clients: What each of several clients sends, by name; then nothing of a client is in the tape itself.
    """

    forbidden: tuple[str, ...] = ()
    version: str | None = None
    profile: object = None
    egress: object = None
    searches: list[object] | None = None
    seed_times: dict[str, int] | None = None
    torrents: Packed | None = None
    trackers: dict[str, object] = field(factory=dict)
    preferences: object = None
    transfer: object = None
    clients: "dict[str, Tape]" = field(factory=dict)
    _stopped: bool = False

    def stop(self) -> None:
        """Take nothing more."""
        for tape in (self, *self.clients.values()):
            tape._stopped = True  # noqa: SLF001 - its own class

    def of_client(self, name: str) -> "Tape":
        """Return the tape of one of several clients."""
        return self.clients.setdefault(name, Tape(self.forbidden))

    def drop(self, *names: str) -> None:
        """Forget bodies that are not decided from after all, by the names of the attributes."""
        for tape in (self, *self.clients.values()):
            for name in names:
                setattr(tape, name, {} if name == "trackers" else None)

    def keep_profile(self, body: object) -> None:
        """Take the profile."""
        if not self._stopped:
            self.profile = keep_profile(body)

    def keep_egress(self, body: object) -> None:
        """Take what the site says of this host's address."""
        if not self._stopped:
            self.egress = keep_egress(body)

    def keep_search(self, body: object) -> None:
        """Take one page of results."""
        if not self._stopped:
            self.searches = [*(self.searches or ()), keep_search(body)]

    def keep_seed_times(self, times: Mapping[int, int]) -> None:
        """Take what the site has counted of the account's unsatisfied torrents, in seconds by its ids."""
        if not self._stopped:
            self.seed_times = {str(one): seconds for one, seconds in times.items()}

    def through(self, rows: Iterable[object]) -> Iterator[object]:
        """Yield the rows of a listing, and take each on its way."""
        if self._stopped:
            yield from rows
            return
        self.torrents = Packed(self.forbidden)
        for row in rows:
            self.torrents.add(keep_torrent(row))
            yield row

    @property
    def tainted(self) -> bool:
        """Whether a forbidden word is in a listing."""
        listings = (tape.torrents for tape in (self, *self.clients.values()))
        return any(one is not None and one.tainted for one in listings)

    def rows(self) -> list[object] | None:
        """Return the listing; nothing more can be taken of it afterwards."""
        if self.torrents is None:
            return None
        from harvestmouse.adapters.jsontext import decode  # noqa: PLC0415 - few runs need it

        rows: list[object] = decode(f"[{zlib.decompress(self.torrents.finish(), _GZIP).decode()}]")
        return rows

    def keep_trackers(self, info_hash: str, rows: object) -> None:
        """Take what the trackers of one torrent say."""
        if not self._stopped:
            self.trackers[info_hash] = keep_trackers(rows)

    def keep_preferences(self, body: object) -> None:
        """Take the client's preferences."""
        if not self._stopped:
            self.preferences = keep_preferences(body)

    def keep_transfer(self, body: object) -> None:
        """Take the client's connection."""
        if not self._stopped:
            self.transfer = keep_transfer(body)
