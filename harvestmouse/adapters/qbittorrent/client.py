"""qBittorrent 4.1 to 5.x over its Web API."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import qbittorrentapi
import requests
from attrs import define, evolve, field

from harvestmouse.adapters.errors import (
    AdapterError,
    AlreadyInClient,
    ClientRefused,
    ClientUnavailable,
    ClientUnclear,
    ItemError,
)
from harvestmouse.adapters.interface import Listing
from harvestmouse.adapters.qbittorrent.listing import iter_objects
from harvestmouse.adapters.qbittorrent.messages import fetch_messages
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.tape import Tape
from harvestmouse.adapters.traffic import CLIENT, Result, Traffic
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Preferences, Torrent
from harvestmouse.core.wire import parse_connection, parse_free_space, parse_preferences, parse_torrents, parse_version
from harvestmouse.core.wire.coerce import as_int, as_object
from harvestmouse.core.wire.qbittorrent import Version, parse_messages

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_CHUNK = 1 << 17
# How many torrents one request may name; bodies and addresses stay small.
_BATCH = 100
_LISTED_SECONDS, _SPACE_SECONDS, _POLL_SECONDS = 10.0, 3.0, 0.1
_UNAUTHORISED, _FORBIDDEN, _OK, _ERROR = 401, 403, 200, 400


class _Interrupted(qbittorrentapi.APIError):
    """The run ended inside a request; as any other error of ours the library would take it for a lost connection."""

    def __init__(self, error: AdapterError) -> None:
        super().__init__()
        self.error = error


class _ServerError(qbittorrentapi.HTTPError):
    """A status of 500 and above, which the library would answer by asking again."""


class _Api(qbittorrentapi.Client):
    """The library's client without its retries, which would add or delete a second time.

    It also lends its session to the two requests that the library would hold in memory whole or send one by one.
    """

    traffic: Traffic

    def _request(self, http_method: Any, api_namespace: Any, api_method: Any, *args: Any, **kwargs: Any) -> Any:
        """Send one request and count it, and turn what the library would try again into what it raises."""
        endpoint, result = f"{getattr(api_namespace, 'value', api_namespace)}/{api_method}", Result.NO_ANSWER
        try:
            reply = super()._request(http_method, api_namespace, api_method, *args, **kwargs)
            result = _result(_OK, reply, endpoint)
        except qbittorrentapi.HTTPError as error:
            result = _result(error.http_status_code)
            if not isinstance(error, qbittorrentapi.HTTP5XXError):
                raise
            once = _ServerError(str(error))
            once.http_status_code = error.http_status_code
            raise once from None
        except requests.RequestException as error:
            if isinstance(error, qbittorrentapi.APIError):
                raise
            raise qbittorrentapi.APIConnectionError(f"{type(error).__name__}: {error}") from None
        except qbittorrentapi.APIError:
            result = Result.FAILED
            raise
        except AdapterError as error:
            raise _Interrupted(error) from None
        finally:
            self.traffic.count(CLIENT, endpoint, result)
        return reply

    def stream(self, path: str, **params: str) -> requests.Response:
        """Ask for a body that is read while it arrives."""
        # Logging in has already settled the base address.
        url = f"{self.host.rstrip('/')}/api/v2/{path}"
        timeout = (_CONNECT_SECONDS, _READ_SECONDS)
        result = Result.NO_ANSWER
        try:
            response = self._session.get(url, params=params, stream=True, timeout=timeout)
            result = _result(response.status_code)
        finally:
            self.traffic.count(CLIENT, path, result)
        return response

    def session_headers(self) -> dict[str, str]:
        """Return the headers that make a request part of this session."""
        pairs = [f"{cookie.name}={cookie.value}" for cookie in self._session.cookies]
        headers = {"Cookie": "; ".join(pairs)} if pairs else {}
        key = self._session.headers.get("Authorization")
        return headers if key is None else {**headers, "Authorization": str(key)}


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
    _connected: _Api | None = field(default=None, init=False)
    _version: Version | None = field(default=None, init=False)

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category, filtered by the client."""
        if "+" not in category:
            return self._list(kept=True, category=category)
        # The client reads a plus sign in an address as a space, however it is written, and would find nothing.
        listing = self._list(kept=True)
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
        parts = [self._list(hashes="|".join(batch)) for batch in _batches(list(hashes))]
        return Listing(
            torrents=tuple(torrent for part in parts for torrent in part.torrents),
            malformed=tuple(row for part in parts for row in part.malformed),
        )

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Add what the trackers say; from 5.1 on the listing has brought it already."""
        known = tuple(torrents)
        hashes = [torrent.hash for torrent in known if torrent.messages is None]
        headers = self._api.session_headers()
        answers = fetch_messages(self.url, headers, hashes, _READ_SECONDS, self._at("torrents/trackers"))
        heard = {}
        try:
            for info_hash, body in answers:
                heard[info_hash] = parse_messages(body, self._version)
                if self.tape is not None:
                    self.tape.keep_trackers(info_hash, body)
        except BaseException:
            self.traffic.count(CLIENT, "torrents/trackers", Result.NO_ANSWER)
            raise
        self.traffic.count(CLIENT, "torrents/trackers", Result.OK, len(hashes))
        return tuple(torrent.with_messages(heard.get(torrent.hash)) for torrent in known)

    def preferences(self) -> Preferences:
        """Read the queueing preferences."""
        with _translated(self._at("app/preferences")):
            body = self._api.app_preferences(SIMPLE_RESPONSES=True)
            preferences = parse_preferences(body)
        if preferences is None:
            raise ClientUnclear(f"{self._at('app/preferences')}: the answer is no JSON object")
        if self.tape is not None:
            self.tape.keep_preferences(body)
        return preferences

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent, and wait until the client lists it: it says "Ok." before it has looked."""
        if self.look([info_hash]).torrents:
            raise AlreadyInClient(f"torrent {wanted.id}: the client has it already")
        with _translated(self._at("torrents/add")):
            try:
                reply = self._api.torrents_add(
                    torrent_files={f"{wanted.id}.torrent": torrent_file},
                    category=wanted.category,
                    tags=list(wanted.tags),
                    save_path=wanted.save_path,
                    # A path of our own rules out the client's automatic one.
                    use_auto_torrent_management=False,
                )
            except qbittorrentapi.Conflict409Error:
                raise AlreadyInClient(f"torrent {wanted.id}: the client has it already") from None
            except qbittorrentapi.UnsupportedMediaType415Error:
                raise ItemError(f"torrent {wanted.id}: the client says this is no torrent file") from None
        if reply == "Fails." or not self._wait_listed(info_hash):
            raise ItemError(f"torrent {wanted.id}: the client did not take it")

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents, a hundred a request; the client says the same of unknown ones."""
        self._each("torrents/delete", hashes, lambda api, batch: api.torrents_delete(
            delete_files=delete_files, torrent_hashes=batch
        ))  # fmt: skip

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences, these keys only."""
        with _translated(self._at("app/setPreferences")):
            self._api.app_set_preferences(prefs=dict(values))

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
            api, self._connected = self._connected, None
            try:
                if api.session_headers():
                    api.auth_log_out()
            except qbittorrentapi.APIError:
                pass
            finally:
                api._trigger_session_initialization()  # noqa: SLF001 - the library's only way to close its connections

    @property
    def _api(self) -> _Api:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> _Api:
        """Open the session; the first request is the version, which newer features depend on."""
        api = _Api(
            host=self.url,
            username=self.username,
            password=self.password.reveal(),
            api_key=self.api_key.reveal() or None,
            FORCE_SCHEME_FROM_HOST=True,
            DISABLE_LOGGING_DEBUG_OUTPUT=True,
            REQUESTS_ARGS={"timeout": (_CONNECT_SECONDS, _READ_SECONDS)},
        )
        api.traffic = self.traffic
        try:
            with _translated(self._at("auth/login")):
                if self.username and not self.api_key:
                    api.auth_log_in()
                version = api.app_web_api_version()
                self._version = parse_version(version)
                if self.tape is not None:
                    self.tape.version = version
        except BaseException:
            api._trigger_session_initialization()  # noqa: SLF001 - as in close
            raise
        return api

    def _list(self, *, kept: bool = False, **params: str) -> Listing:
        """List torrents, with tracker messages where the version lists them; older ones ignore the wish."""
        api, place = self._api, self._at("torrents/info")
        with _translated(place), self._open_list(api, params) as response:
            if response.status_code != _OK:
                raise _status_error(place, response.status_code)
            rows = _rows(place, response)
            if kept and self.tape is not None:
                rows = self.tape.through(rows)
            torrents, malformed = parse_torrents(rows, None, self._version)
        return Listing(torrents=tuple(torrents), malformed=tuple(malformed))

    def _open_list(self, api: _Api, params: Mapping[str, str]) -> requests.Response:
        """Ask for the list; a client that was restarted since the login is logged in to once more."""
        response = api.stream("torrents/info", includeTrackers="true", **params)
        if response.status_code == _FORBIDDEN and self.username:
            response.close()
            api.auth_log_in()
            response = api.stream("torrents/info", includeTrackers="true", **params)
        return response

    def _state(self) -> tuple[Mapping[str, Any], Listing]:
        body = self._maindata(0)
        rows = body.get("torrents", {})
        if not isinstance(rows, dict) or "server_state" not in body:
            raise ClientUnclear(f"{self._at('sync/maindata')}: the answer is no state of a client")
        whole: Iterator[object] = (
            {**row, "hash": identity} if isinstance(row, dict) else row for identity, row in rows.items()
        )
        if self.tape is not None:
            self.tape.keep_transfer(body["server_state"])
            whole = self.tape.through(whole)
        torrents, malformed = parse_torrents(whole, None, self._version)
        return body, Listing(
            torrents=tuple(torrents),
            malformed=tuple(malformed),
            free_space_bytes=parse_free_space(body),
            connection=parse_connection(body["server_state"]),
        )

    def _maindata(self, rid: int) -> Mapping[str, Any]:
        with _translated(self._at("sync/maindata")):
            return as_object(self._api.sync_maindata(rid=rid, SIMPLE_RESPONSES=True))

    def _ask_space_again(self, rid: int) -> int:
        """Ask until the client has looked: in a new session it says 0 at first."""
        deadline = time.monotonic() + _SPACE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            body = self._maindata(rid)
            rid = as_int(body.get("rid")) or 0
            free = parse_free_space(body)
            if free:
                return free
        return 0

    def _at(self, method: str) -> str:
        """Name the place of an error; user name and password in the address are left out."""
        parts = urlsplit(self.url)
        return f"qBittorrent at {parts.scheme}://{parts.netloc.rpartition('@')[2]}, {method}"

    def _wait_listed(self, info_hash: str) -> bool:
        deadline = time.monotonic() + _LISTED_SECONDS
        while not self.look([info_hash]).torrents:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _each(self, place: str, hashes: Iterable[str], call: Callable[[_Api, list[str]], object]) -> None:
        for batch in _batches(list(hashes)):
            with _translated(self._at(place)):
                call(self._api, batch)


def _batches(hashes: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(hashes), _BATCH):
        yield list(hashes[start : start + _BATCH])


def _rows(place: str, response: requests.Response) -> Iterator[object]:
    try:
        yield from iter_objects(response.iter_content(_CHUNK))
    except (ValueError, RecursionError) as error:
        raise ClientUnclear(f"{place}: the answer is no list of torrents ({error})") from None


def _result(status: int, reply: object = None, endpoint: str = "") -> Result:
    if status in (_UNAUTHORISED, _FORBIDDEN):
        return Result.REFUSED
    # Older versions refuse a login, or a torrent, with status 200.
    if getattr(reply, "text", reply) == "Fails.":
        return Result.REFUSED if endpoint == "auth/login" else Result.FAILED
    return Result.OK if status < _ERROR else Result.FAILED


def _status_error(place: str, status: int) -> Exception:
    if status == _FORBIDDEN:
        return ClientRefused(f"{place}: the client answers 403")
    return ClientUnavailable(f"{place}: the client answers {status}")


@contextmanager
def _translated(place: str) -> Iterator[None]:
    """Turn the libraries' errors into ours; their texts may carry addresses, ours carry the place."""
    try:
        yield
    except _Interrupted as interrupted:
        raise interrupted.error from None
    except qbittorrentapi.LoginFailed:
        raise ClientRefused(f"{place}: the client refuses user name and password") from None
    except qbittorrentapi.HTTP403Error:
        raise ClientRefused(f"{place}: the client answers 403") from None
    except qbittorrentapi.HTTPError as error:
        raise ClientUnavailable(f"{place}: the client answers {error.http_status_code}") from None
    except (qbittorrentapi.APIConnectionError, requests.RequestException) as error:
        raise ClientUnavailable(f"{place}: {_reason(error)}") from None
    except (qbittorrentapi.APIError, ValueError, TypeError, KeyError, AttributeError):
        # The library trusts what it reads; what it stumbles over is an answer of another shape.
        raise ClientUnclear(f"{place}: the answer cannot be read") from None


def _reason(error: Exception) -> str:
    return "no answer within the time limit" if "imeout" in f"{type(error).__name__}{error}" else "no connection"
