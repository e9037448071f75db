"""Transmission 3.00 and later over its RPC."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import transmission_rpc
from attrs import define, evolve, field
from transmission_rpc.constants import RpcMethod

from harvestmouse.adapters.errors import AlreadyInClient, ClientRefused, ClientUnavailable, ClientUnclear, ItemError
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.tape import Tape
from harvestmouse.adapters.traffic import CLIENT, Result, Traffic
from harvestmouse.adapters.transmission.words import (
    FIELDS,
    preference_words,
    session_arguments,
    torrent_words,
    transfer_words,
)
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Preferences, Torrent
from harvestmouse.core.wire import parse_connection, parse_preferences, parse_torrents
from harvestmouse.core.wire.coerce import as_count

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_PATH = "/transmission/rpc"
_PORTS = {"http": 80, "https": 443}
_UNAUTHORISED = 401
# The library logs what it sends and receives; a logger of nobody's, at this level, writes none of it.
_SILENT = logging.Logger("transmission", logging.CRITICAL)  # noqa: LOG001 - it is to have no handlers
# The library trusts what it reads; what it stumbles over is an answer of another shape.
_STUMBLES = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class _Api(transmission_rpc.Client):
    """The library's client, with its requests counted; it asks for the session as it is made."""

    def __init__(self, traffic: Traffic, **options: Any) -> None:
        self.traffic = traffic
        super().__init__(**options, logger=_SILENT)

    def rows(self, hashes: list[str] | None) -> Any:
        """Return the rows of ``torrent-get`` as they are; the library would refuse all of them because of one."""
        return self._request(RpcMethod.TorrentGet, {"fields": list(FIELDS)}, hashes)["torrents"]

    def close(self) -> None:
        """Close the connections."""
        self._http_session.close()

    def _request(self, method: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        result = Result.OK
        try:
            return super()._request(method, *args, **kwargs)
        except BaseException as error:
            result = _result(error)
            raise
        finally:
            self.traffic.count(CLIENT, str(getattr(method, "value", method)), result)


@define
class TransmissionClient:
    """One Transmission; see `harvestmouse.adapters.interface.Client`.

    A category is a label. What Transmission tells is said in qBittorrent's words by `transmission.words`, and goes the
    same way from there, on tape as well.

    Attributes:
        url: The daemon's address, such as ``http://127.0.0.1:9091``; with a path where that is another than usual.
        category: The label that is a torrent's category wherever it stands among others; otherwise the first one is.
        traffic: Counts the requests.
        tape: Takes what the client tells, where the run is recorded.
    """

    url: str
    username: str = ""
    password: Secret = field(factory=lambda: Secret(""))
    category: str = ""
    traffic: Traffic = field(factory=Traffic)
    tape: Tape | None = None
    _connected: _Api | None = field(default=None, init=False)

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category; the client lists all of them."""
        kept = (one for one in self._rows() if not isinstance(one, dict) or one["category"] in (category, None))
        listing = _listing(self._taped(kept))
        return evolve(listing, torrents=tuple(one for one in listing.torrents if one.category == category))

    def everything(self) -> Listing:
        """List all torrents, with the free space of the client's own download directory."""
        listing = _listing(self._taped(self._rows()))
        return evolve(listing, free_space_bytes=as_count(self._session().get("download-dir-free-space")))

    def overview(self) -> Listing:
        """List all torrents, with the speeds; how the client is connected it does not tell."""
        listing = _listing(self._taped(self._rows()))
        with self._translated("session-stats") as api:
            words = transfer_words(api.session_stats().fields)
        if self.tape is not None:
            self.tape.keep_transfer(words)
        return evolve(listing, connection=parse_connection(words))

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents afresh, in one request."""
        wanted = list(hashes)
        return _listing(self._rows(wanted)) if wanted else Listing(torrents=())

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Add what the trackers say, which every listing has brought already."""
        known = tuple(torrents)
        heard = {
            one.hash: one.messages for one in self.look(one.hash for one in known if one.messages is None).torrents
        }
        return tuple(torrent.with_messages(heard.get(torrent.hash)) for torrent in known)

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""
        words = preference_words(self._session())
        if self.tape is not None:
            self.tape.keep_preferences(words)
        return parse_preferences(words) or Preferences()

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent, and start it once it has its category.

        Transmission 3.00 takes labels only afterwards. A run that is cut short in between leaves a torrent that is
        stopped and in no category.
        """
        if self.look([info_hash]).torrents:
            raise AlreadyInClient(f"torrent {wanted.id}: the client has it already")
        labels = list(dict.fromkeys((wanted.category, *wanted.tags)))
        with self._translated("torrent-add") as api, _refusal(f"torrent {wanted.id}: the client did not take it"):
            api.add_torrent(torrent_file, download_dir=wanted.save_path, paused=True, labels=labels)
        try:
            self._label(info_hash, labels, f"torrent {wanted.id}: the client does not keep its category and tags")
        except ItemError:
            self.delete([info_hash], delete_files=False)
            raise
        self.resume([info_hash])

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents; the client says the same of unknown ones."""
        self._each("torrent-remove", hashes, lambda api, wanted: api.remove_torrent(wanted, delete_data=delete_files))

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences, these keys only; raise `ItemError` for one that the client does not have."""
        known = preference_words({})
        missing = sorted(key for key in values if key not in known)
        if missing:
            raise ItemError(f"Transmission has nothing like {', '.join(missing)}")
        arguments = session_arguments(self._session(), values)
        with self._translated("session-set") as api:
            api.set_session(**arguments)

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start queued torrents past the queue."""
        self._each("torrent-start-now", hashes, lambda api, wanted: api.start_torrent_now(wanted))

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents."""
        self._each("torrent-start", hashes, lambda api, wanted: api.start_torrent(wanted))

    def reannounce(self, hashes: Iterable[str]) -> None:
        """Announce torrents to their trackers, as soon as these let them: the client keeps their least interval."""
        self._each("torrent-reannounce", hashes, lambda api, wanted: api.reannounce_torrent(wanted))

    def close(self) -> None:
        """Let go of connections; there is no session to end."""
        if self._connected is not None:
            api, self._connected = self._connected, None
            api.close()

    def _rows(self, hashes: list[str] | None = None) -> list[Any]:
        with self._translated("torrent-get") as api:
            rows = api.rows(hashes)
        if not isinstance(rows, list):
            raise ClientUnclear(f"{self._at('torrent-get')}: the answer is no list of torrents")
        return [torrent_words(row, self.category) for row in rows]

    def _taped(self, rows: Iterable[object]) -> Iterable[object]:
        return rows if self.tape is None else self.tape.through(rows)

    def _session(self) -> Mapping[str, Any]:
        with self._translated("session-get") as api:
            return api.get_session().fields

    def _label(self, info_hash: str, labels: list[str], failed: str) -> None:
        """Give a torrent its labels, and see that it has them: of some the client keeps another word."""
        with self._translated("torrent-set") as api, _refusal(failed):
            api.change_torrent(info_hash, labels=labels)
        kept = {label for one in self.look([info_hash]).torrents for label in (one.category, *(one.tags or ()))}
        if kept != set(labels):
            raise ItemError(failed)

    def _each(self, place: str, hashes: Iterable[str], call: Callable[[_Api, list[int | str]], None]) -> None:
        wanted: list[int | str] = [*hashes]
        # The client takes no hashes for all of them.
        if wanted:
            with self._translated(place) as api:
                call(api, wanted)

    def _at(self, method: str) -> str:
        """Name the place of an error; user name and password in the address are left out."""
        parts = urlsplit(self.url)
        return f"Transmission at {parts.scheme}://{parts.netloc.rpartition('@')[2]}, {method}"

    def _connect(self) -> _Api:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return _Api(
            self.traffic,
            protocol=parts.scheme,
            host=f"[{host}]" if ":" in host else host,
            port=parts.port or _PORTS[parts.scheme],
            path=parts.path if parts.path.strip("/") else _PATH,
            username=self.username or unquote(parts.username or ""),
            password=self.password.reveal() or unquote(parts.password or ""),
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
        )

    @contextmanager
    def _translated(self, method: str) -> Iterator[_Api]:
        """Turn the libraries' errors into ours; their texts may carry addresses, ours carry the place."""
        place = self._at(method)
        try:
            if self._connected is None:
                self._connected = self._connect()
            yield self._connected
        except transmission_rpc.TransmissionAuthError as error:
            status = getattr(error.original, "status_code", None)
            if status == _UNAUTHORISED:
                raise ClientRefused(f"{place}: the client refuses user name and password") from None
            raise ClientRefused(f"{place}: the client answers {status}") from None
        except transmission_rpc.TransmissionTimeoutError:
            raise ClientUnavailable(f"{place}: no answer within the time limit") from None
        except (transmission_rpc.TransmissionConnectError, requests.RequestException):
            raise ClientUnavailable(f"{place}: no connection") from None
        except (transmission_rpc.TransmissionError, *_STUMBLES):
            raise ClientUnclear(f"{place}: the answer cannot be read") from None


@contextmanager
def _refusal(failed: str) -> Iterator[None]:
    """Turn the client's refusal of one torrent into an error about it."""
    try:
        yield
    except transmission_rpc.TransmissionError as error:
        if isinstance(error.response, dict) and "result" in error.response:
            raise ItemError(failed) from None
        raise


def _listing(rows: Iterable[object]) -> Listing:
    torrents, malformed = parse_torrents(rows)
    return Listing(torrents=tuple(torrents), malformed=tuple(malformed))


def _result(error: BaseException) -> Result:
    if isinstance(error, transmission_rpc.TransmissionAuthError):
        return Result.REFUSED
    if isinstance(error, transmission_rpc.TransmissionConnectError):
        return Result.NO_ANSWER
    return Result.FAILED if isinstance(error, (transmission_rpc.TransmissionError, *_STUMBLES)) else Result.NO_ANSWER
