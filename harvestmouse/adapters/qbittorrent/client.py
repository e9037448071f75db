"""qBittorrent 4.1 to 5.x over its Web API.

What reads an answer is loaded while the client makes it, so that the first question is sent early.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from harvestmouse.adapters.errors import AlreadyInClient, ItemError
from harvestmouse.adapters.interface import Listing, Setup
from harvestmouse.adapters.qbittorrent.messages import fetch_messages
from harvestmouse.adapters.qbittorrent.session import FAILS, ErrorStatus, Session, read_object
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.tape import Tape
from harvestmouse.adapters.traffic import CLIENT, Result, Traffic
from harvestmouse.core import wire
from harvestmouse.core.wire.coerce import as_int
from harvestmouse.core.wire.version import Version, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from harvestmouse.adapters.qbittorrent.changes import Changes
    from harvestmouse.core.actions import AddTorrent
    from harvestmouse.core.model import Preferences, Torrent

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
# How many torrents one request may name; bodies and addresses stay small.
_BATCH = 100
_LISTED_SECONDS, _SPACE_SECONDS, _POLL_SECONDS = 10.0, 3.0, 0.1
_CONFLICT, _NO_TORRENT = 409, 415
_LIST, _STATE = "torrents/info", "sync/maindata"


@define
class QbittorrentClient:
    """One qBittorrent; see `harvestmouse.adapters.interface.Client`.

    With neither user name nor API key the client must let this address in without a login.

    Attributes:
        url: The Web UI's address, such as ``http://127.0.0.1:8080``.
        traffic: Counts the requests.
        tape: Takes what the client sends, where the run is recorded.
    """

    url: str
    username: str = ""
    password: Secret = field(factory=lambda: Secret(""))
    api_key: Secret = field(factory=lambda: Secret(""))
    traffic: Traffic = field(factory=Traffic)
    tape: Tape | None = None
    _connected: Session | None = field(default=None, init=False)
    _version: Version | None = field(default=None, init=False)
    _changes: Changes | None = field(default=None, init=False)

    def ask_ahead(self, category: str | None) -> None:
        """Ask for what is wanted next: `torrents` of a category, or all with `overview` or `everything`."""
        if category is None:
            self._session.ask_ahead(_STATE, rid="0")
        else:
            self._session.ask_ahead(_LIST, includeTrackers="true", **_of_category(category))

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category, filtered by the client."""
        listing = self._list(_of_category(category), taped=True)
        if "+" not in category:
            return listing
        return Listing(
            torrents=tuple(one for one in listing.torrents if one.category == category),
            malformed=tuple(row for row in listing.malformed if row.category in (category, None)),
        )

    def everything(self) -> Listing:
        """List all torrents with the free space, which only ``sync/maindata`` tells."""
        body, listing = self._state()
        if listing.free_space_bytes == 0:
            return evolve(listing, free_space_bytes=self._ask_space_again(as_int(body.get("rid")) or 0))
        return listing

    def overview(self) -> Listing:
        """List all torrents with the connection, in one request."""
        return self._state()[1]

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents afresh, a hundred a request."""
        parts = [self._list({"hashes": "|".join(batch)}) for batch in _batches(list(hashes))]
        return Listing(
            torrents=tuple(torrent for part in parts for torrent in part.torrents),
            malformed=tuple(row for part in parts for row in part.malformed),
        )

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Add what the trackers say; from 5.1 on the listing has brought it already."""
        known, parse = tuple(torrents), wire.parse_messages
        unheard = {torrent.hash: torrent for torrent in known if torrent.messages is None}
        heard, result = {}, Result.NO_ANSWER
        try:
            for info_hash, body in fetch_messages(self._session, list(unheard)):
                # The client is at work on the next answer: nothing is left to be done for thousands at the end.
                heard[info_hash] = unheard[info_hash].with_messages(parse(body, self._version))
                if self.tape is not None:
                    self.tape.keep_trackers(info_hash, body)
            result = Result.OK
        finally:
            self.traffic.count(CLIENT, "torrents/trackers", result, len(unheard) if result is Result.OK else 1)
        return tuple(heard.get(torrent.hash, torrent) for torrent in known)

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""
        body = self._session.get("app/preferences", read_object)
        if self.tape is not None:
            self.tape.keep_preferences(body)
        preferences = wire.parse_preferences(body)
        assert preferences is not None  # only another shape of body has none
        return preferences

    def setup(self) -> Setup:
        """Read how it is set up: not what a run decides from, but what a person wants to know."""
        from harvestmouse.adapters.qbittorrent.setup import read_setup  # noqa: PLC0415 - no job needs it

        return read_setup(self._session)

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent, and wait until the client lists it: it says "Ok." before it has looked."""
        if self.look([info_hash]).torrents:
            raise AlreadyInClient(f"torrent {wanted.id}: the client has it already")
        try:
            with self._changing("torrents/add") as api:
                reply = api.torrents_add(
                    torrent_files={f"{wanted.id}.torrent": torrent_file},
                    category=wanted.category,
                    tags=wanted.tags,
                    save_path=wanted.save_path,
                    # A path of our own rules out the client's automatic one.
                    use_auto_torrent_management=False,
                )
        except ErrorStatus as error:
            if error.status == _CONFLICT:
                raise AlreadyInClient(f"torrent {wanted.id}: the client has it already") from None
            if error.status == _NO_TORRENT:
                raise ItemError(f"torrent {wanted.id}: the client says this is no torrent file") from None
            raise
        if reply == FAILS or not self._wait_listed(info_hash):
            raise ItemError(f"torrent {wanted.id}: the client did not take it")

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents, a hundred a request; the client says the same of unknown ones."""
        self._each("torrents/delete", hashes, lambda api, batch: api.torrents_delete(
            delete_files=delete_files, torrent_hashes=batch
        ))  # fmt: skip

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences, these keys only."""
        with self._changing("app/setPreferences") as api:
            api.app_set_preferences(prefs=dict(values))

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start queued torrents past the queue."""
        self._each("torrents/setForceStart", hashes, lambda api, batch: api.torrents_set_force_start(
            enable=True, torrent_hashes=batch
        ))  # fmt: skip

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents; the library knows which of two names the version has for it."""
        self._each("torrents/resume", hashes, lambda api, batch: api.torrents_resume(torrent_hashes=batch))

    def reannounce(self, hashes: Iterable[str]) -> None:
        """Announce torrents to their trackers now."""
        self._each("torrents/reannounce", hashes, lambda api, batch: api.torrents_reannounce(torrent_hashes=batch))

    def close(self) -> None:
        """End the session, which would otherwise stay in the client's memory for an hour."""
        if self._connected is not None:
            changes, self._changes = self._changes, None
            session, self._connected = self._connected, None
            if changes is not None:
                changes.close()
            session.close()

    @property
    def _session(self) -> Session:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _changing(self, endpoint: str) -> AbstractContextManager[Changes]:
        """Lend what sends changes; its library is loaded for the first of them."""
        session = self._session
        if self._changes is None:
            from harvestmouse.adapters.qbittorrent.changes import Changes  # noqa: PLC0415

            self._changes = Changes(session, self._version)
        return self._changes.at(endpoint)

    def _connect(self) -> Session:
        """Open the session; the first request is the version, which newer features depend on."""
        session = Session(
            self.url,
            self.username,
            self.password,
            self.api_key,
            _CONNECT_SECONDS,
            _READ_SECONDS,
            self.traffic,
        )
        try:
            session.open()
            version = session.get("app/webapiVersion", lambda chunks: b"".join(chunks).decode("latin-1"))
        except BaseException:
            session.close()
            raise
        self._version = parse_version(version)
        if self.tape is not None:
            self.tape.version = version
        return session

    def _list(self, query: Mapping[str, str], *, taped: bool = False) -> Listing:
        """List torrents, with tracker messages where the version lists them; older ones ignore the wish."""
        from harvestmouse.adapters.qbittorrent.listing import iter_objects, read_listing  # noqa: PLC0415

        def read(chunks: Iterable[bytes]) -> Listing:
            rows = iter_objects(chunks)
            return read_listing(self.tape.through(rows) if taped and self.tape is not None else rows, self._version)

        return self._session.get(_LIST, read, includeTrackers="true", **query)

    def _state(self) -> tuple[Mapping[str, Any], Listing]:
        from harvestmouse.adapters.qbittorrent.listing import read_listing  # noqa: PLC0415

        body = self._maindata(0)
        whole: Iterator[object] = (
            {**row, "hash": identity} if isinstance(row, dict) else row for identity, row in body["torrents"].items()
        )
        if self.tape is not None:
            self.tape.keep_transfer(body["server_state"])
            whole = self.tape.through(whole)
        listing = read_listing(whole, self._version)
        return body, evolve(
            listing,
            free_space_bytes=wire.parse_free_space(body),
            connection=wire.parse_connection(body["server_state"]),
        )

    def _maindata(self, rid: int) -> dict[str, Any]:
        return self._session.get(_STATE, _read_state if rid == 0 else read_object, rid=str(rid))

    def _ask_space_again(self, rid: int) -> int:
        """Ask until the client has looked: in a new session it says 0 at first."""
        deadline = time.monotonic() + _SPACE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            body = self._maindata(rid)
            rid = as_int(body.get("rid")) or 0
            free = wire.parse_free_space(body)
            if free:
                return free
        return 0

    def _wait_listed(self, info_hash: str) -> bool:
        deadline = time.monotonic() + _LISTED_SECONDS
        while not self.look([info_hash]).torrents:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _each(self, endpoint: str, hashes: Iterable[str], call: Callable[[Changes, list[str]], object]) -> None:
        for batch in _batches(list(hashes)):
            with self._changing(endpoint) as api:
                call(api, batch)


def _of_category(category: str) -> dict[str, str]:
    # The client reads a plus sign in an address as a space, however it is written, and would find nothing.
    return {} if "+" in category else {"category": category}


def _batches(hashes: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), _BATCH):
        yield list(hashes[start : start + _BATCH])


def _read_state(chunks: Iterable[bytes]) -> dict[str, Any]:
    body = read_object(chunks)
    body.setdefault("torrents", {})
    if not isinstance(body["torrents"], dict) or "server_state" not in body:
        raise ValueError("no state of a client")
    return body
