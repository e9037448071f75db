"""A real transmission-daemon on loopback, with torrents of any age, and something that answers in its place."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, ClassVar, Self

import requests

from tests.support.qbittorrent import (
    Ages,
    ClientFailedError,
    Login,
    MissingComponentError,
    _environment,
    _free_ports,
    wait_for,
)
from tests.support.torrents import decode, encode, info_hash_of, write_content
from tests.support.tracker import Tracker

STOPPED, CHECK_WAIT, CHECK, DOWNLOAD_WAIT, DOWNLOAD, SEED_WAIT, SEED = range(7)
USUAL = {
    "download-queue-enabled": True,
    "download-queue-size": 5,
    "seed-queue-enabled": False,
    "seed-queue-size": 10,
    "queue-stalled-enabled": True,
}
"""How the queues are set before a test sets them."""

SESSION: Mapping[str, Any] = {"version": "3.00", "rpc-version": 16, "download-dir-free-space": 5 << 30, **USUAL}
"""What an impostor says of itself."""

_SESSION_ID = "X-Transmission-Session-Id"
_CONFLICT, _UNAUTHORISED = 409, 401
_FIELDS = ("hashString", "name", "labels", "status", "doneDate", "percentDone", "downloadDir", "trackerStats")


class Transmission:
    """A daemon to use in a `with` statement, on loopback only, with its configuration in `directory`.

    Attributes:
        url: Where it listens; the same after every restart.
        version: What the running daemon calls itself, like "3.00".
        downloads: Where torrents are saved unless a test says otherwise.
        login: The user name and password it asks for, or None.
    """

    def __init__(self, directory: Path, binary: Path, *, login: Login | None = None) -> None:
        self.directory = directory
        self.downloads = directory / "downloads"
        self.login = login
        self.version = ""
        self._binary = binary
        self._port, peer_port = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        self.downloads.mkdir(parents=True)
        (directory / "settings.json").write_text(json.dumps(_settings(self._port, peer_port, self.downloads, login)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the daemon and wait until it lists its torrents: it answers before it has read them."""
        self._session = requests.Session()
        self._session.trust_env = False
        if self.login is not None:
            self._session.auth = (self.login.username, self.login.password)
        with (self.directory / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), "--foreground", "--config-dir", str(self.directory)],
                env=_environment(self.directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(self._answers, "Transmission to answer")
            self.version = self.ask("session-get")["version"].split()[0]
            known = sum(1 for _ in (self.directory / "resume").glob("*.resume"))
            wait_for(lambda: len(self.torrents()) == known, "Transmission to list its torrents")
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout: float = 20) -> None:
        """Ask the daemon to end, which writes what it knows, and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """End the daemon at once; one that has ended is no error."""
        self._session.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Make one request, and return its arguments."""
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        # As UTF-8: it reads no pairs of surrogates, as which JSON writes an emoji in ASCII.
        content = json.dumps({"method": method, "arguments": names}, ensure_ascii=False).encode()
        response = self._session.post(f"{self.url}/transmission/rpc", data=content, timeout=30)
        if response.status_code == _CONFLICT:
            self._session.headers[_SESSION_ID] = response.headers[_SESSION_ID]
            response = self._session.post(f"{self.url}/transmission/rpc", data=content, timeout=30)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        if answer["result"] != "success":
            raise ClientFailedError(f"Transmission refused {method}: {answer['result']}")
        told: dict[str, Any] = answer["arguments"]
        return told

    def torrents(self) -> dict[str, dict[str, Any]]:
        """Return every torrent as the daemon tells it, by info-hash."""
        rows = self.ask("torrent-get", fields=_FIELDS)["torrents"]
        return {row["hashString"]: row for row in rows}

    def torrent(self, info_hash: str) -> dict[str, Any]:
        """Return one torrent as the daemon tells it."""
        return self.torrents()[info_hash]

    def add(  # noqa: PLR0913 - these are what a user of a client chooses
        self,
        torrent: bytes,
        *,
        labels: Iterable[str] = (),
        save_path: Path | None = None,
        paused: bool = False,
        complete: bool = False,
        settle: bool = True,
    ) -> str:
        """Add a torrent, complete with its (sparse) content or with nothing yet, and return its hash."""
        directory = save_path or self.downloads
        if complete:
            write_content(torrent, directory)
        metainfo = b64encode(torrent).decode()
        self.ask("torrent-add", metainfo=metainfo, download_dir=str(directory), paused=paused)
        info_hash = info_hash_of(torrent)
        self.ask("torrent-set", ids=[info_hash], labels=list(labels))
        if settle:
            self.wait_for_status(info_hash, STOPPED, DOWNLOAD_WAIT, DOWNLOAD, SEED_WAIT, SEED)
        return info_hash

    def wait_for_status(self, info_hash: str, *statuses: int) -> dict[str, Any]:
        """Wait until the torrent has one of the statuses, and return it."""

        def has_status() -> dict[str, Any] | None:
            row = self.torrent(info_hash)
            return row if row["status"] in statuses else None

        return wait_for(has_status, f"torrent {info_hash} to have status {statuses}")

    def wait_for_announce(self, info_hash: str, result: str = "Success") -> dict[str, Any]:
        """Wait until the torrent's first tracker has last said something, and return what the daemon knows of it."""

        def has_said() -> dict[str, Any] | None:
            row: dict[str, Any] = self.torrent(info_hash)["trackerStats"][0]
            return row if row["lastAnnounceResult"] == result else None

        return wait_for(has_said, f"the tracker of {info_hash} to say {result!r}")

    def hear_refusal(self, tracker: Tracker, info_hash: str, text: str) -> None:
        """Let the tracker refuse a torrent from now on, and wait until the daemon has heard it.

        It announces at once only what is started, after it has told the tracker that it was stopped.
        """
        self.wait_for_announce(info_hash)
        announces = tracker.announces(info_hash)
        self.ask("torrent-stop", ids=[info_hash])
        wait_for(lambda: tracker.announces(info_hash) > announces, "the tracker to hear of the stop")
        self.wait_for_status(info_hash, STOPPED)
        tracker.refusals[info_hash] = text
        self.ask("torrent-start", ids=[info_hash])
        self.wait_for_announce(info_hash, text)

    def age(self, ages: Mapping[str, Ages]) -> None:
        """Stop the daemon, rewrite what its resume files claim, and start it again."""
        self.stop()
        try:
            for info_hash, claims in ages.items():
                path = self.directory / "resume" / f"{info_hash}.resume"
                path.write_bytes(encode(decode(path.read_bytes()) | _resume_fields(claims, time.time())))
        finally:
            self.start()

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            log = (self.directory / "output.log").read_text(errors="replace")
            raise ClientFailedError(f"{self._binary} ended at once:\n{log}")
        try:
            self.ask("session-get")
        except (requests.ConnectionError, requests.Timeout):
            return False
        return True


class Impostor:
    """Something that answers in the daemon's place, to use in a `with` statement.

    Attributes:
        answers: By method: the arguments of a good answer, a text as the result of a bad one, or bytes as they are.
            To all else it answers with a page.
        after: By method: what to change in the answers once it was asked that.
        statuses: By method: the HTTP status of its answer, where that is not 200.
        silent: The methods to which it does not answer.
        cut: The methods to which its answers end too early.
        asked: What it was asked: methods and arguments, in order.
        paths: Where it was asked.
        logins: User names and passwords it was shown.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {method.replace("_", "-"): answer for method, answer in answers.items()}
        self.after: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, int] = {}
        self.silent: set[str] = set()
        self.cut: set[str] = set()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.paths: set[str] = set()
        self.logins: set[tuple[str, str]] = set()
        self.ending = Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_ImpostorHandler,), {"impostor": self}))
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def times(self, method: str) -> int:
        """Count how often it was asked something."""
        return sum(asked == method for asked, _ in self.asked)

    def content(self, method: str) -> bytes:
        """Return the body of its answer."""
        answer = self.answers.get(method, b"<html>Welcome</html>")
        if isinstance(answer, bytes):
            return answer
        refused = isinstance(answer, str)
        told = {"result": answer, "arguments": {}} if refused else {"result": "success", "arguments": answer}
        return json.dumps(told).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _ImpostorHandler(BaseHTTPRequestHandler):
    impostor: ClassVar[Impostor]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method, impostor = request["method"], self.impostor
        impostor.asked.append((method, request["arguments"]))
        impostor.paths.add(self.path)
        if "Authorization" in self.headers:
            name, _, password = b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
            impostor.logins.add((name, password))
        if method in impostor.silent:
            impostor.ending.wait(5)
            return
        content = impostor.content(method)
        impostor.answers |= impostor.after.get(method, {})
        self.send_response(impostor.statuses.get(method, 200))
        self.send_header("Content-Length", str(len(content) + (method in impostor.cut)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class chose the name
        """Say nothing."""


def raw_row(number: int, **changed: Any) -> dict[str, Any]:
    """Return a row of ``torrent-get``: a whole torrent of the usual category that seeds."""
    tracker = {
        "announce": "https://t.myanonamouse.net/announce.php/passkey0123456789abcdef/announce",
        "hasAnnounced": True,
        "lastAnnounceSucceeded": True,
        "lastAnnounceResult": "Success",
        "seederCount": 7,
    }
    return {
        "hashString": f"{number:040x}",
        "name": f"book {number}",
        "labels": ["mam-farming", "mam"],
        "status": SEED,
        "error": 0,
        "metadataPercentComplete": 1,
        "addedDate": 1_700_000_000,
        "doneDate": 1_700_001_000,
        "secondsSeeding": 5000,
        "percentDone": 1,
        "sizeWhenDone": 1000,
        "leftUntilDone": 0,
        "downloadedEver": 1000,
        "uploadedEver": 2000,
        "rateDownload": 0,
        "rateUpload": 0,
        "trackerStats": [tracker],
        **changed,
    }


def find_binary() -> Path:
    """Find the installed transmission-daemon."""
    installed = shutil.which("transmission-daemon")
    if installed is None:
        raise MissingComponentError("transmission-daemon is missing: run scripts/install-transmission as root")
    return Path(installed)


def _resume_fields(ages: Ages, now: float) -> dict[bytes, int]:
    fields = {
        b"added-date": None if ages.added_ago is None else round(now - ages.added_ago.total_seconds()),
        b"done-date": None if ages.completed_ago is None else round(now - ages.completed_ago.total_seconds()),
        b"seeding-time-seconds": None if ages.seeding_time is None else round(ages.seeding_time.total_seconds()),
        b"uploaded": ages.uploaded,
        b"downloaded": ages.downloaded,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _settings(port: int, peer_port: int, downloads: Path, login: Login | None) -> dict[str, Any]:
    asked = {} if login is None else {"rpc-username": login.username, "rpc-password": login.password}
    return {
        "rpc-bind-address": "127.0.0.1",
        "rpc-port": port,
        "rpc-authentication-required": login is not None,
        **asked,
        "bind-address-ipv4": "127.0.0.1",
        "bind-address-ipv6": "::1",
        "peer-port": peer_port,
        "port-forwarding-enabled": False,
        "dht-enabled": False,
        "pex-enabled": False,
        "lpd-enabled": False,
        "utp-enabled": False,
        "download-dir": str(downloads),
        **USUAL,
    }
