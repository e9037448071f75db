"""The qBittorrent adapter against answers that real clients give rarely: errors, nonsense, silence."""

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import define, field

from harvestmouse.adapters.errors import AdapterError, ClientRefused, ClientUnavailable, ClientUnclear, DeadlineExceeded
from harvestmouse.adapters.interface import Listing, Setup
from harvestmouse.adapters.qbittorrent import QbittorrentClient, client
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.traffic import CLIENT, ENDPOINTS, Result
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Connection
from harvestmouse.runners.interrupt import deadline
from tests.support.builders import GIB, hash_of, raw_torrent, raw_tracker, torrent

Answers = dict[str, list[tuple[int, bytes]]]
WANTED = AddTorrent(
    id=7,
    title="Cheese",
    score=1,
    size_bytes=GIB,
    seeders=1,
    leechers=1,
    category="mam-farming",
    save_path="/data",
    tags=(),
)
CHANGES: dict[str, Callable[[QbittorrentClient], object]] = {
    "torrents/delete": lambda one: one.delete([hash_of(1)], delete_files=True),
    "app/setPreferences": lambda one: one.set_preferences({"queueing_enabled": True}),
    "torrents/setForceStart": lambda one: one.force_start([hash_of(1)]),
    "torrents/resume": lambda one: one.resume([hash_of(1)]),
    "torrents/reannounce": lambda one: one.reannounce([hash_of(1)]),
    "torrents/add": lambda one: one.add(b"d4:infod4:name1:aee", hash_of(1), WANTED),
}
CALLS: dict[str, Callable[[QbittorrentClient], object]] = {
    "torrents/info": lambda one: one.torrents("mam-farming"),
    "sync/maindata": lambda one: one.everything(),
    "app/preferences": lambda one: one.preferences(),
    "torrents/trackers": lambda one: one.with_messages([torrent(messages=None)]),
    "app/webapiVersion": lambda one: one.torrents("mam-farming"),
    **{method: CHANGES[method] for method in ("torrents/delete", "app/setPreferences")},
}


@define
class Stub:
    """A client that answers as told: by method, each answer once and the last for ever.

    Attributes:
        asked: The methods, in order.
        heard: The headers, in order.
        silent: Methods that get no answer.
        closes: Whether every answer ends its connection, as some proxies do.
    """

    answers: Answers = field(factory=dict)
    asked: list[str] = field(factory=list)
    heard: list[Message] = field(factory=list)
    silent: set[str] = field(factory=set)
    closes: bool = False
    closing: Event = field(factory=Event)
    server: ThreadingHTTPServer | None = None

    def answer(self, method: str) -> tuple[int, bytes]:
        self.asked.append(method)
        queued = self.answers.get(method, [(200, _USUAL.get(method, b""))])
        return queued.pop(0) if len(queued) > 1 else queued[0]

    def says(self, method: str, body: object, status: int = 200) -> None:
        """Queue an answer; whatever is not bytes becomes JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(method, []).append((status, content))


_USUAL = {"app/webapiVersion": b"2.8.19", "torrents/info": b"[]", "torrents/trackers": b"[]"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client may go before it has read all."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            method = urlsplit(self.path).path.removeprefix("/api/v2/")
            status, body = stub.answer(method)
            stub.heard.append(self.headers)
            if method in stub.silent:
                self.close_connection = True
                stub.closing.wait(5)
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if method == "auth/login" and body != b"Fails.":
                self.send_header("Set-Cookie", f"SID=session{stub.asked.count(method)}; HttpOnly; path=/")
            if status == 302:
                self.send_header("Location", "/api/v2/elsewhere")
            if stub.closes:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class chose the name
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        stub.server = server
        stub.answers["url"] = [(0, f"http://127.0.0.1:{server.server_port}".encode())]
        yield stub
        stub.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def adapter(stub: Stub) -> Iterator[QbittorrentClient]:
    opened = QbittorrentClient(url=stub.answers["url"][0][1].decode())
    yield opened
    opened.close()


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    ("status", "kind"), [(403, ClientRefused), (401, ClientRefused), (500, ClientUnavailable), (503, ClientUnavailable)]
)
def test_an_error_status_has_its_own_error(
    stub: Stub, adapter: QbittorrentClient, method: str, status: int, kind: type[AdapterError]
) -> None:
    """A refusal and a broken client are told apart, and the place is named."""
    stub.says(method, b"<html>no</html>", status)
    with pytest.raises(AdapterError) as raised:
        CALLS[method](adapter)
    assert raised.value.exit_code == 4
    if status != 401 and method != "torrents/trackers":
        assert isinstance(raised.value, kind)


@pytest.mark.parametrize("body", [b"5", b'"x"', b"null", b"[5]", b"{}"])
def test_nonsense_is_never_an_empty_client(stub: Stub, adapter: QbittorrentClient, body: bytes) -> None:
    """An answer without a word about torrents or the server is no empty client."""
    stub.says("sync/maindata", body)
    with pytest.raises(ClientUnclear):
        adapter.everything()


def test_a_client_tells_how_it_is_set_up(stub: Stub, adapter: QbittorrentClient) -> None:
    """Older versions end a path with a slash; a category may have no path of its own, or be no object at all."""
    stub.says("app/version", b"v4.5.2")
    stub.says("app/defaultSavePath", "/dépôt/".encode())
    stub.says("torrents/categories", {"farm": {"name": "farm", "savePath": "/farm"}, "films": {"savePath": ""}, "x": 1})
    assert adapter.setup() == Setup(
        version="v4.5.2", save_path="/dépôt/", categories={"farm": "/farm", "films": "", "x": ""}
    )


@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (500, b""), (200, b""), (200, b"<p>\n</p>"), (200, b"\xff"), (200, b"a" * 4097)]
)
def test_a_setup_that_is_not_told_is_unknown(stub: Stub, adapter: QbittorrentClient, status: int, body: bytes) -> None:
    """An older version, or a page in place of an answer."""
    for method in ("app/version", "app/defaultSavePath", "torrents/categories"):
        stub.says(method, body, status)
    assert adapter.setup() == Setup()


@pytest.mark.parametrize("method", ["torrents/info", "sync/maindata", "app/preferences", "torrents/trackers"])
@pytest.mark.parametrize("body", [b"", b"<html>Log in</html>", b"Fails.", b'{"a":', b"[" * 100_000])
def test_nonsense_is_never_a_short_list(stub: Stub, adapter: QbittorrentClient, method: str, body: bytes) -> None:
    """An answer that cannot be read is an error, not an empty client."""
    stub.says(method, body)
    with pytest.raises(ClientUnclear):
        CALLS[method](adapter)


def test_a_truncated_list_is_an_error(stub: Stub, adapter: QbittorrentClient) -> None:
    """Half of the torrents are not all of them."""
    whole = json.dumps([raw_torrent(1), raw_torrent(2)]).encode()
    stub.says("torrents/info", whole[:-20])
    with pytest.raises(ClientUnclear, match="ends too early"):
        adapter.torrents("mam-farming")


def test_a_malformed_row_leaves_the_others(stub: Stub, adapter: QbittorrentClient) -> None:
    """A row without identity is told apart from those that can be used."""
    stub.says("torrents/info", [raw_torrent(1), {"name": "nameless"}])
    listing = adapter.torrents("mam-farming")
    assert [one.hash for one in listing.torrents] == [hash_of(1)]
    assert [one.problem for one in listing.malformed] == ["the row has no info-hash"]


@pytest.mark.parametrize("method", CALLS)
def test_silence_ends_within_the_time_limit(
    stub: Stub, adapter: QbittorrentClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hangs holds no run."""
    monkeypatch.setattr(client, "_READ_SECONDS", 0.2)
    stub.silent.add(method)
    with pytest.raises(ClientUnavailable, match=r"time limit|TimeoutError"):
        CALLS[method](adapter)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:99999"])
def test_nobody_there_is_told(url: str) -> None:
    """A port on which nobody listens, or can, is named as such, with advice."""
    adapter = QbittorrentClient(url=url)
    with pytest.raises(ClientUnavailable, match="Is it running"):
        adapter.torrents("mam-farming")
    adapter.close()


def test_a_wrong_password_is_told(stub: Stub) -> None:
    """A refused login names user name and password, and shows neither."""
    stub.says("auth/login", b"Fails.")
    url = stub.answers["url"][0][1].decode()
    adapter = QbittorrentClient(url=url, username="mouse", password=Secret("cheese"))
    with pytest.raises(ClientRefused, match="user name and password") as raised:
        adapter.torrents("mam-farming")
    adapter.close()
    assert "cheese" not in str(raised.value) + repr(adapter)
    assert stub.asked.count("auth/login") == 1


def test_messages_are_asked_for_where_they_are_not_listed(stub: Stub, adapter: QbittorrentClient) -> None:
    """Every torrent without messages costs one request, and one that is gone keeps none."""
    stub.says("torrents/trackers", [raw_tracker("Unregistered torrent")])
    known, unknown = torrent(1), torrent(2, messages=None)
    first, second = adapter.with_messages([known, unknown])
    assert first == known
    assert second.messages is not None
    assert second.messages[0].host == "t.myanonamouse.net"
    assert stub.asked.count("torrents/trackers") == 1


def test_messages_of_a_torrent_that_is_gone_stay_unknown(stub: Stub, adapter: QbittorrentClient) -> None:
    """Status 404 is one torrent's, and no error."""
    stub.says("torrents/trackers", b"Not Found", 404)
    assert adapter.with_messages([torrent(messages=None)])[0].messages is None


def test_messages_are_all_there_over_several_connections(stub: Stub, adapter: QbittorrentClient) -> None:
    """Fifty torrents share four connections, and none is forgotten."""
    stub.says("torrents/trackers", [raw_tracker("no")])
    told = adapter.with_messages([torrent(number, messages=None) for number in range(50)])
    assert [one.hash for one in told] == [hash_of(number) for number in range(50)]
    assert all(one.messages for one in told)


@pytest.mark.parametrize("cores", [1, 2, None])
def test_messages_of_a_slow_client_are_waited_for_asleep(
    stub: Stub, adapter: QbittorrentClient, monkeypatch: pytest.MonkeyPatch, cores: int | None
) -> None:
    """To look for an answer without going to sleep helps where it is near; elsewhere a processor would run hot."""
    looks: list[object] = []

    def look(*args: object) -> tuple[list[object], ...]:
        looks.append(args)
        return [], [], []

    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr("harvestmouse.adapters.qbittorrent.connection.select", look)
    told = adapter.with_messages([torrent(number, messages=None) for number in range(80)])
    assert [one.messages for one in told] == [()] * 80
    # Before a question there is one look at its connection; before the first fifty answers there are more.
    assert len(looks) // 100 == (50 * 200 // 100 if cores == 2 else 0)


def test_messages_come_through_a_proxy_that_keeps_no_connection(stub: Stub, adapter: QbittorrentClient) -> None:
    """Many run the client behind a proxy, which may end a connection after any answer."""
    stub.closes = True
    stub.says("torrents/trackers", [raw_tracker("no")])
    told = adapter.with_messages([torrent(number, messages=None) for number in range(10)])
    assert all(one.messages for one in told)


def test_many_hashes_are_cut_into_requests(stub: Stub, adapter: QbittorrentClient) -> None:
    """A hundred a request, and none where there is nothing to do."""
    adapter.delete([hash_of(number) for number in range(250)], delete_files=True)
    assert stub.asked.count("torrents/delete") == 3
    adapter.delete([], delete_files=True)
    adapter.look([])
    assert stub.asked.count("torrents/delete") == 3
    assert "torrents/info" not in stub.asked


def test_free_space_of_zero_is_asked_for_again(stub: Stub, adapter: QbittorrentClient) -> None:
    """The first answer of a new session may come before the client has looked at its disk."""
    stub.says("sync/maindata", {"torrents": {}, "server_state": {"free_space_on_disk": 0}})
    stub.says("sync/maindata", {"torrents": {}, "server_state": {"free_space_on_disk": GIB}})
    assert adapter.everything().free_space_bytes == GIB


@pytest.mark.parametrize("state", [{}, {"free_space_on_disk": -1}, {"free_space_on_disk": "much"}])
def test_free_space_that_is_not_told_is_unknown(stub: Stub, adapter: QbittorrentClient, state: object) -> None:
    """Unknown is ``None``, never zero."""
    stub.says("sync/maindata", {"torrents": {}, "server_state": state})
    assert adapter.everything().free_space_bytes is None


def test_every_request_is_counted_by_endpoint_and_result(stub: Stub, adapter: QbittorrentClient) -> None:
    """What the client was asked and what was counted are the same, whichever way a request is sent."""
    stub.says("sync/maindata", {"torrents": {}, "server_state": {"free_space_on_disk": 5}})
    stub.says("app/preferences", {})
    for call in CALLS.values():
        call(adapter)
    counted = {endpoint: number for (_, endpoint, result), number in adapter.traffic.requests.items() if result == "ok"}
    assert counted == {method: stub.asked.count(method) for method in stub.asked}
    assert {service for service, _, _ in adapter.traffic.requests} == {"client"}
    assert {endpoint for _, endpoint, _ in adapter.traffic.requests} <= set(ENDPOINTS["client"])


@pytest.mark.parametrize("method", ["torrents/info", "app/preferences"])
@pytest.mark.parametrize(
    ("status", "result"), [(401, Result.REFUSED), (403, Result.REFUSED), (404, Result.FAILED), (500, Result.FAILED)]
)
def test_a_failed_request_is_counted_as_what_it_is(
    stub: Stub, adapter: QbittorrentClient, method: str, status: int, result: Result
) -> None:
    """A refusal is told from an error."""
    stub.says(method, b"no", status)
    with pytest.raises(AdapterError):
        CALLS[method](adapter)
    assert {one for _, endpoint, one in adapter.traffic.requests if endpoint == method} == {result}


def test_an_answer_that_cannot_be_read_is_counted_as_failed(stub: Stub, adapter: QbittorrentClient) -> None:
    """A page in place of JSON is no answer that helps."""
    stub.says("app/preferences", b"<html>welcome</html>")
    with pytest.raises(ClientUnclear):
        adapter.preferences()
    assert adapter.traffic.requests["client", "app/preferences", Result.FAILED] == 1


def test_a_login_refused_with_status_200_is_counted_as_refused(stub: Stub) -> None:
    """Older versions write "Fails." under a status that says otherwise."""
    stub.says("auth/login", b"Fails.")
    adapter = QbittorrentClient(url=stub.answers["url"][0][1].decode(), username="mouse", password=Secret("cheese"))
    with pytest.raises(ClientRefused):
        adapter.preferences()
    assert adapter.traffic.requests == {("client", "auth/login", Result.REFUSED): 1}


def test_a_request_without_an_answer_is_counted() -> None:
    """A client that is not there was asked all the same."""
    adapter = QbittorrentClient(url="http://127.0.0.1:9")
    with pytest.raises(ClientUnavailable):
        adapter.preferences()
    assert adapter.traffic.requests["client", "app/webapiVersion", Result.NO_ANSWER] >= 1


def test_an_overview_is_one_request(stub: Stub, adapter: QbittorrentClient) -> None:
    """Torrents of every category with the connection, and nobody waits for the free space."""
    row = {key: value for key, value in raw_torrent(1).items() if key != "hash"}
    server = {"connection_status": "connected", "dht_nodes": 2, "dl_info_speed": 3, "up_info_speed": 4}
    stub.says("sync/maindata", {"torrents": {hash_of(1): row}, "server_state": {**server, "free_space_on_disk": 0}})
    listing = adapter.overview()
    assert stub.asked == ["app/webapiVersion", "sync/maindata"]
    assert [one.hash for one in listing.torrents] == [hash_of(1)]
    assert listing.connection == Connection(status="connected", dht_nodes=2, download_speed=3, upload_speed=4)


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("status", [302, 404, 502])
def test_a_change_that_fails_is_not_sent_again(
    stub: Stub, adapter: QbittorrentClient, method: str, status: int
) -> None:
    """Nor somewhere else; the error has the status and the place, and nothing of the answer."""
    stub.says(method, b"secret", status)
    with pytest.raises(ClientUnavailable, match=rf"http://127[^/]+, {method}: the client answers {status}\.") as raised:
        CHANGES[method](adapter)
    assert "secret" not in str(raised.value)
    assert stub.asked.count(method) == 1
    assert "elsewhere" not in stub.asked
    assert adapter.traffic.requests["client", method, Result.FAILED] == 1


@pytest.mark.parametrize("method", CHANGES)
def test_a_change_without_an_answer_is_not_sent_again(
    stub: Stub, adapter: QbittorrentClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether it happened."""
    monkeypatch.setattr(client, "_READ_SECONDS", 0.2)
    stub.silent.add(method)
    with pytest.raises(ClientUnavailable, match=f"{method}: no answer within the time limit"):
        CHANGES[method](adapter)
    assert stub.asked.count(method) == 1
    assert adapter.traffic.requests["client", method, Result.NO_ANSWER] == 1


@pytest.mark.parametrize("method", ["torrents/add", "torrents/delete"])
def test_a_run_can_end_within_a_change(stub: Stub, adapter: QbittorrentClient, method: str) -> None:
    """The library takes what it does not know for a lost connection; the run's end gets past it."""
    adapter.look([hash_of(1)])
    stub.silent.add(method)
    with pytest.raises(DeadlineExceeded), deadline(0.3):
        CHANGES[method](adapter)
    assert stub.asked.count(method) == 1


def test_changes_belong_to_the_session(stub: Stub) -> None:
    """One login, one session for questions and changes, one logout."""
    adapter = QbittorrentClient(url=stub.answers["url"][0][1].decode(), username="mouse", password=Secret("cheese"))
    adapter.torrents("mam-farming")
    CHANGES["torrents/delete"](adapter)
    adapter.torrents("mam-farming")
    adapter.close()
    assert stub.asked == [
        "auth/login", "app/webapiVersion", "torrents/info", "torrents/delete", "torrents/info", "auth/logout",
    ]  # fmt: skip
    assert [headers["Cookie"] for headers in stub.heard] == [None] + ["SID=session1"] * 5


def test_a_change_after_a_restart_logs_in_once_more(stub: Stub) -> None:
    """A refused change has not happened, and is sent again in the new session, which the questions share."""
    stub.says("torrents/delete", b"Forbidden", 403)
    stub.says("torrents/delete", b"")
    adapter = QbittorrentClient(url=stub.answers["url"][0][1].decode(), username="mouse", password=Secret("cheese"))
    CHANGES["torrents/delete"](adapter)
    adapter.torrents("mam-farming")
    adapter.close()
    assert stub.asked == [
        "auth/login", "app/webapiVersion", "torrents/delete", "auth/login", "torrents/delete", "torrents/info",
        "auth/logout",
    ]  # fmt: skip
    assert [headers["Cookie"] for headers in stub.heard[3:]] == [None] + ["SID=session2"] * 3


@pytest.mark.parametrize(
    ("method", "version"), [("torrents/resume", b"2.8.19"), ("torrents/resume", b"2.10.4"), ("torrents/start", b"2.11")]
)
def test_starting_has_the_name_of_the_version(
    stub: Stub, adapter: QbittorrentClient, method: str, version: bytes
) -> None:
    """And nobody asks for the version again."""
    stub.says("app/webapiVersion", version)
    adapter.resume([hash_of(1)])
    assert stub.asked == ["app/webapiVersion", method]


@pytest.mark.parametrize("change", [False, True])
def test_the_login_in_the_address_is_for_a_proxy_before_the_client(stub: Stub, change: bool) -> None:
    """Questions and changes have it alike, and it is in no error."""
    url = stub.answers["url"][0][1].decode().replace("//", "//mouse:c%40t@")
    adapter = QbittorrentClient(url=url)
    stub.says("torrents/delete", b"no", 401)
    stub.says("torrents/info", b"no", 401)
    with pytest.raises(ClientRefused) as raised:
        CALLS["torrents/delete" if change else "torrents/info"](adapter)
    adapter.close()
    assert {headers["Authorization"] for headers in stub.heard} == {"Basic bW91c2U6Y0B0"}
    assert "mouse" not in str(raised.value)


def test_a_key_signs_questions_and_changes(stub: Stub) -> None:
    """There is no session to open or to end."""
    adapter = QbittorrentClient(url=stub.answers["url"][0][1].decode(), api_key=Secret("qbt_key"))
    CHANGES["torrents/delete"](adapter)
    adapter.close()
    assert stub.asked == ["app/webapiVersion", "torrents/delete"]
    assert {headers["Authorization"] for headers in stub.heard} == {"Bearer qbt_key"}


def test_changes_go_the_way_of_the_questions(
    stub: Stub, adapter: QbittorrentClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the environment says of proxies and logins is for other programs."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login cat password claw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("QBITTORRENTAPI_API_KEY", "another")
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    CHANGES["torrents/delete"](adapter)
    assert stub.asked == ["app/webapiVersion", "torrents/delete"]
    assert stub.heard[1]["Authorization"] is None


@pytest.mark.parametrize("method", ["torrents/info", "torrents/trackers", "torrents/delete"])
def test_a_certificate_is_accepted_where_the_system_accepts_it(
    stub: Stub, method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By questions and changes alike, and by neither where nobody vouches for it."""
    if which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=client", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    assert stub.server is not None
    stub.server.socket = context.wrap_socket(stub.server.socket, server_side=True)
    url = stub.answers["url"][0][1].decode().replace("http:", "https:")
    refused = QbittorrentClient(url=url)
    with pytest.raises(ClientUnavailable, match="no connection"):
        CALLS[method](refused)
    refused.close()
    assert stub.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    accepted = QbittorrentClient(url=url)
    CALLS[method](accepted)
    accepted.close()
    assert stub.asked == ["app/webapiVersion", method]


def test_a_version_that_was_not_told_is_asked_for_again(stub: Stub, adapter: QbittorrentClient) -> None:
    """What a change is called depends on it."""
    stub.says("app/webapiVersion", b"<html>")
    stub.says("app/webapiVersion", b"2.11.2")
    adapter.resume([hash_of(1)])
    assert stub.asked == ["app/webapiVersion"] * 2 + ["torrents/start"]


def test_without_a_version_nothing_is_changed(stub: Stub, adapter: QbittorrentClient) -> None:
    """What the library cannot read is an error of ours."""
    stub.says("app/webapiVersion", b"<html>")
    with pytest.raises(ClientUnclear, match="torrents/resume: the answer cannot be read"):
        adapter.resume([hash_of(1)])
    assert set(stub.asked) == {"app/webapiVersion"}


def test_a_key_that_cannot_be_sent_is_in_no_error(stub: Stub) -> None:
    """Such as one with the end of a line in it."""
    adapter = QbittorrentClient(url=stub.answers["url"][0][1].decode(), api_key=Secret("qbt\nkey"))
    with pytest.raises(ClientUnavailable) as raised:
        adapter.torrents("mam-farming")
    adapter.close()
    assert "qbt" not in str(raised.value).replace("[qbittorrent]", "")
    assert stub.asked == []


AHEAD: dict[str | None, Callable[[QbittorrentClient], Listing]] = {
    "mam-farming": lambda one: one.torrents("mam-farming"),
    "a+b": lambda one: one.torrents("a+b"),
    None: lambda one: one.overview(),
}


@pytest.mark.parametrize("category", AHEAD)
@pytest.mark.parametrize("closes", [False, True])
def test_what_is_asked_ahead_is_asked_once(
    stub: Stub, adapter: QbittorrentClient, category: str | None, closes: bool
) -> None:
    """The list is the same, whenever it was asked for."""
    row = raw_torrent(1, category=category or "mam-farming")
    stub.closes = closes
    stub.says("torrents/info", [row])
    stub.says("sync/maindata", {"server_state": {}, "torrents": {hash_of(1): row}})
    adapter.ask_ahead(category)
    assert [one.hash for one in AHEAD[category](adapter).torrents] == [hash_of(1)]
    assert stub.asked == ["app/webapiVersion", "sync/maindata" if category is None else "torrents/info"]


def test_another_question_than_the_one_asked_ahead_has_its_own_answer(stub: Stub, adapter: QbittorrentClient) -> None:
    """What arrives for the other is left behind."""
    stub.says("torrents/info", [raw_torrent(1)])
    stub.says("app/preferences", {"max_active_uploads": 7})
    adapter.ask_ahead("mam-farming")
    assert adapter.preferences().max_active_uploads == 7
    assert [one.hash for one in adapter.torrents("mam-farming").torrents] == [hash_of(1)]


@pytest.mark.parametrize("status", [403, 500])
def test_an_error_of_what_is_asked_ahead_is_that_of_the_question(stub: Stub, status: int) -> None:
    """It is asked once more where any question is: by a session that has ended, and by a client in trouble."""
    stub.says("torrents/info", b"", status)
    stub.says("torrents/info", [raw_torrent(1)])
    adapter = QbittorrentClient(stub.answers["url"][0][1].decode(), "mouse", Secret("cheese"))
    adapter.ask_ahead("mam-farming")
    assert [one.hash for one in adapter.torrents("mam-farming").torrents] == [hash_of(1)]
    assert stub.asked.count("torrents/info") == 2
    assert stub.asked.count("auth/login") == (2 if status == 403 else 1)
    assert adapter.traffic.requests[CLIENT, "torrents/info", Result.OK] == 1
    adapter.close()


def test_a_client_that_goes_away_before_it_is_asked_ahead_is_told_of_by_the_question(stub: Stub) -> None:
    """Asking ahead fails no run; what comes of it is found out when the answer is wanted."""
    adapter = QbittorrentClient(stub.answers["url"][0][1].decode())
    stub.closes = True
    adapter.torrents("mam-farming")
    assert stub.server is not None
    stub.server.socket.close()
    adapter.ask_ahead("mam-farming")
    with pytest.raises(ClientUnavailable, match="torrents/info: no connection"):
        adapter.torrents("mam-farming")
