"""Real qBittorrent clients on loopback, with profiles of their own and torrents of any age."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import cache
from hashlib import pbkdf2_hmac
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

import requests
from attrs import frozen

from tests.support.torrents import decode, encode, info_hash_of, write_content

VERSIONS = ("4.5", "5.1", "5.3")

_CHECKOUT = Path(__file__).resolve().parents[2]
_UNAUTHORISED = 403
_PATIENCE = 3.0

T = TypeVar("T")
Settings = Mapping[str, Mapping[str, str]]
"""What a configuration file says: values by name, by section."""


class MissingComponentError(Exception):
    """A program that the integration tests need is not there; the message says how to get it."""


class ClientFailedError(Exception):
    """A qBittorrent of the tests did not start, stop or answer as it should."""


@frozen(kw_only=True)
class Login:
    """What the Web UI asks for."""

    username: str = "mouse"
    password: str = "harvest-festival"


@frozen(kw_only=True)
class Ages:
    """What a torrent's resume file shall claim; whatever is None stays as it is.

    Attributes:
        added_ago: How long the torrent has been in the client.
        completed_ago: How long it has been complete; only for torrents that are complete.
        seeding_time: The client's own seeding clock.
        active_time: How long it has been running at all.
        uploaded: Bytes, since it was added.
        downloaded: Bytes, since it was added.

    The swarm's size is not among them: every version forgets it when it starts and asks the tracker again.
    """

    added_ago: timedelta | None = None
    completed_ago: timedelta | None = None
    seeding_time: timedelta | None = None
    active_time: timedelta | None = None
    uploaded: int | None = None
    downloaded: int | None = None

    def resume_fields(self, now: float) -> dict[bytes, int]:
        """Translate to the fields of a resume file."""
        fields = {
            b"added_time": _moment(now, self.added_ago),
            b"completed_time": _moment(now, self.completed_ago),
            b"seeding_time": _seconds(self.seeding_time),
            b"finished_time": _seconds(self.seeding_time),
            b"active_time": _seconds(self.active_time),
            b"total_uploaded": self.uploaded,
            b"total_downloaded": self.downloaded,
        }
        return {name: value for name, value in fields.items() if value is not None}


class QBittorrent:
    """A qBittorrent to use in a `with` statement, on loopback only, with its profile in `directory`.

    Attributes:
        url: Where its Web API listens; the same after every restart.
        version: What the running client calls itself, like "4.5.2".
        downloads: Where torrents are saved unless a test says otherwise.
        login: The user name and password it asks for, or None where loopback needs none.

    Whatever `settings` say goes before the configuration that the tests use otherwise.
    """

    def __init__(
        self,
        directory: Path,
        binary: Path | str = "qbittorrent-nox",
        *,
        login: Login | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.directory = directory
        self.downloads = directory / "downloads"
        self.login = login
        self.version = ""
        self._binary = binary
        self._web_port, peer_port = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        self._write_configuration(peer_port, settings or {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._web_port}"

    @property
    def pid(self) -> int:
        """The process that runs; it is another one after a restart."""
        if self._process is None:
            raise ClientFailedError("this qBittorrent is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the client and wait until it answers and has settled all its torrents."""
        self.downloads.mkdir(parents=True, exist_ok=True)
        self._session = requests.Session()
        self._session.trust_env = False
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), f"--profile={self.directory}"],
                env=_environment(self.directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._answers, "qBittorrent to answer")
            self._log_in()
            self.version = self.get("app/version").text.removeprefix("v")
            self.settle()
        except BaseException:
            self.stop()
            raise

    def stop(self, timeout: float = 20) -> None:
        """Ask the client to end, and kill it when it does not; stopping twice does no harm."""
        self._session.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop the client and start it again."""
        self.stop()
        self.start()

    def settle(self) -> None:
        """Wait until every torrent is listed and none is being checked."""
        wait_for(self._has_settled, "qBittorrent to settle its torrents")

    def get(self, method: str, **parameters: str) -> requests.Response:
        """Ask the Web API, with the session's cookie."""
        response = self._session.get(f"{self.url}/api/v2/{method}", params=parameters, timeout=30)
        response.raise_for_status()
        return response

    def post(self, method: str, **data: str) -> requests.Response:
        """Tell the Web API something."""
        response = self._session.post(f"{self.url}/api/v2/{method}", data=data, timeout=30)
        response.raise_for_status()
        return response

    def torrents(self) -> dict[str, dict[str, Any]]:
        """Every torrent as the Web API lists it, by info-hash."""
        return {torrent["hash"]: torrent for torrent in self.get("torrents/info").json()}

    def torrent(self, info_hash: str) -> dict[str, Any]:
        """Return one torrent as the Web API lists it."""
        found: list[dict[str, Any]] = self.get("torrents/info", hashes=info_hash).json()
        if not found:
            raise KeyError(info_hash)
        return found[0]

    def trackers(self, info_hash: str) -> list[dict[str, Any]]:
        """Return a torrent's real trackers, without the rows for DHT, PeX and LSD."""
        rows = self.get("torrents/trackers", hash=info_hash).json()
        return [row for row in rows if not row["url"].startswith("** ")]

    def add(  # noqa: PLR0913 - these are the fields of the form that a client shows
        self,
        torrent: bytes,
        *,
        category: str = "",
        tags: Iterable[str] = (),
        save_path: Path | None = None,
        paused: bool = False,
        complete: bool = False,
        settle: bool = True,
    ) -> str:
        """Add a torrent, complete with its (sparse) content or with nothing yet, and return its hash.

        Settling takes a tenth of a second; who adds many leaves it out and calls `settle` at the end.
        """
        directory = save_path or self.downloads
        if complete:
            write_content(torrent, directory)
        form = _add_form(category, tags, directory, paused=paused, complete=complete)
        files = {"torrents": ("added.torrent", torrent, "application/x-bittorrent")}
        response = self._session.post(f"{self.url}/api/v2/torrents/add", data=form, files=files, timeout=30)
        if not response.ok or response.text == "Fails.":
            raise ClientFailedError(f"qBittorrent refused a torrent: {response.status_code} {response.text}")
        info_hash = info_hash_of(torrent)
        wait_for(lambda: self._is_there(info_hash, settled=settle), f"torrent {info_hash} to be listed")
        return info_hash

    def wait_for_state(self, info_hash: str, *states: str) -> dict[str, Any]:
        """Wait until the torrent is in one of the states, and return it."""

        def in_state() -> dict[str, Any] | None:
            torrent = self.torrent(info_hash)
            return torrent if torrent["state"] in states else None

        return wait_for(in_state, f"torrent {info_hash} to be {' or '.join(states)}")

    def wait_for_tracker(self, info_hash: str, *statuses: int) -> dict[str, Any]:
        """Wait until the torrent's first tracker has one of the statuses, and return its row."""

        nudge_at = time.monotonic() + _PATIENCE

        def in_status() -> dict[str, Any] | None:
            nonlocal nudge_at
            row = self.trackers(info_hash)[0]
            if row["status"] in statuses:
                return row
            # Now and then a client sits on an announce for long; a wish for another one wakes it up.
            if time.monotonic() > nudge_at:
                self.post("torrents/reannounce", hashes=info_hash)
                nudge_at += _PATIENCE
            return None

        return wait_for(in_status, f"the tracker of {info_hash} to have status {statuses}")

    def age(self, ages: Mapping[str, Ages]) -> None:
        """Stop the client, rewrite what its resume files claim, and start it again."""
        self.settle()
        self.stop()
        try:
            for info_hash, claims in ages.items():
                self._rewrite_resume_file(info_hash, claims)
        finally:
            self.start()

    def resume_file(self, info_hash: str) -> Path:
        """Say where the client keeps what it knows about a torrent between two runs."""
        return self._data / "BT_backup" / f"{info_hash}.fastresume"

    @property
    def _data(self) -> Path:
        return self.directory / "qBittorrent" / "data"

    @property
    def _log(self) -> Path:
        return self.directory / "output.log"

    def _rewrite_resume_file(self, info_hash: str, ages: Ages) -> None:
        path = self.resume_file(info_hash)
        resume = decode(path.read_bytes())
        # A torrent that was added paused has no time of completion yet, but its mode tells.
        complete = resume[b"completed_time"] or resume[b"seed_mode"]
        if ages.completed_ago is not None and not complete:
            raise ValueError(f"torrent {info_hash} is not complete, so it cannot have been for a time")
        path.write_bytes(encode(resume | ages.resume_fields(time.time())))

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ClientFailedError(f"{self._binary} ended at once:\n{self._log.read_text(errors='replace')}")
        try:
            response = self._session.get(f"{self.url}/api/v2/app/version", timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            return False
        return response.ok or response.status_code == _UNAUTHORISED

    def _log_in(self) -> None:
        if self.login is None:
            return
        answer = self.post("auth/login", username=self.login.username, password=self.login.password)
        if answer.text == "Fails.":
            raise ClientFailedError("qBittorrent refused the password of its own configuration")

    def _has_settled(self) -> bool:
        torrents = self.torrents()
        expected = sum(1 for _ in (self._data / "BT_backup").glob("*.fastresume"))
        return len(torrents) == expected and not any(map(_is_checking, torrents.values()))

    def _is_there(self, info_hash: str, *, settled: bool) -> bool:
        try:
            torrent = self.torrent(info_hash)
        except KeyError:
            return False
        return not (settled and _is_checking(torrent))

    def _write_configuration(self, peer_port: int, settings: Settings) -> None:
        path = self.directory / "qBittorrent" / "config" / "qBittorrent.conf"
        path.parent.mkdir(parents=True)
        sections = {
            "LegalNotice": {"Accepted": "true"},
            "BitTorrent": _bittorrent_settings(peer_port, self.downloads),
            "Network": {"PortForwardingEnabled": "false"},
            "Preferences": _preferences(self._web_port, self.login),
        }
        for section, wishes in settings.items():
            sections.setdefault(section, {}).update(wishes)
        path.write_text("\n".join(_configuration_lines(sections)), encoding="utf-8")


def find_binary(version: str) -> Path:
    """Find the qbittorrent-nox of a version: the installed one, or one that was unpacked."""
    directory = Path(os.environ.get("TEST_QBITTORRENT_DIR") or _CHECKOUT / ".cache" / "qbittorrent")
    installed = shutil.which("qbittorrent-nox")
    candidates = [Path(installed)] if installed else []
    candidates.append(directory / version / "qbittorrent-nox")
    for candidate in candidates:
        if candidate.exists() and _version_of(candidate).startswith(f"{version}."):
            return candidate
    raise MissingComponentError(
        f"qBittorrent {version} is missing: run scripts/install-qbittorrent {version} {directory}"
    )


def wait_for(probe: Callable[[], T | None], what: str, timeout: float = 15) -> T:
    """Call `probe` until it returns something true, and return that."""
    deadline = time.monotonic() + timeout
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise ClientFailedError(f"waited {timeout:.0f} s in vain for {what}")
        time.sleep(0.02)
    return result


@cache
def _version_of(binary: Path) -> str:
    # It makes directories in its home even for this question.
    with TemporaryDirectory() as home:
        answer = subprocess.run(
            [str(binary), "--version"],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(Path(home)),
        )
    return answer.stdout.strip().rpartition(" v")[2]


def _environment(home: Path) -> dict[str, str]:
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR")
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LC_ALL": "C.UTF-8", **dict.fromkeys(places, str(home))}


def _free_ports(count: int) -> list[int]:
    # Below the range from which the kernel takes ports for outgoing connections: one of those could otherwise
    # get the port of a client that is being restarted. All are taken before one is given back.
    candidates = list(range(20_000, 32_000))
    random.shuffle(candidates)
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < count:
            taken = stack.enter_context(socket())
            with suppress(OSError):
                taken.bind(("127.0.0.1", candidates[-1]))
                ports.append(candidates[-1])
            candidates.pop()
    return ports


def _add_form(category: str, tags: Iterable[str], directory: Path, *, paused: bool, complete: bool) -> dict[str, str]:
    # Two settings were renamed: paused became stopped in 5.0, skip_checking became seedMode in 5.3.
    return {
        "category": category,
        "tags": ",".join(tags),
        "savepath": str(directory),
        "autoTMM": "false",
        **dict.fromkeys(("paused", "stopped"), _word(value=paused)),
        **dict.fromkeys(("skip_checking", "seedMode"), _word(value=complete)),
    }


def _bittorrent_settings(port: int, downloads: Path) -> dict[str, str]:
    return {
        r"Session\Interface": "lo",
        r"Session\InterfaceName": "lo",
        r"Session\InterfaceAddress": "127.0.0.1",
        r"Session\Port": str(port),
        r"Session\DefaultSavePath": str(downloads),
        # The client looks at its torrents this often (in ms), and a test waits for that.
        r"Session\RefreshInterval": "100",
        r"Session\DHTEnabled": "false",
        r"Session\PeXEnabled": "false",
        r"Session\LSDEnabled": "false",
        # The tracker of the tests is on loopback, which this protection is there to forbid.
        r"Session\SSRFMitigation": "false",
        r"Session\MultiConnectionsPerIp": "true",
        r"Session\QueueingSystemEnabled": "false",
    }


def _preferences(port: int, login: Login | None) -> dict[str, str]:
    settings = {
        r"WebUI\Address": "127.0.0.1",
        r"WebUI\Port": str(port),
        r"WebUI\UseUPnP": "false",
        r"WebUI\LocalHostAuth": _word(value=login is not None),
        # Without this the client fetches a database of countries.
        r"Connection\ResolvePeerCountries": "false",
    }
    if login is not None:
        settings[r"WebUI\Username"] = login.username
        settings[r"WebUI\Password_PBKDF2"] = f'"@ByteArray({_password_hash(login.password)})"'
    return settings


def _configuration_lines(sections: Settings) -> Iterable[str]:
    for section, settings in sections.items():
        yield f"[{section}]"
        yield from (f"{name}={value}" for name, value in settings.items())
        yield ""


def _password_hash(password: str) -> str:
    salt = os.urandom(16)
    key = pbkdf2_hmac("sha512", password.encode(), salt, 100_000)
    return f"{b64encode(salt).decode()}:{b64encode(key).decode()}"


def _is_checking(torrent: Mapping[str, Any]) -> bool:
    return str(torrent["state"]).startswith("checking")


def _moment(now: float, ago: timedelta | None) -> int | None:
    return None if ago is None else round(now - ago.total_seconds())


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def _word(*, value: bool) -> str:
    return "true" if value else "false"
