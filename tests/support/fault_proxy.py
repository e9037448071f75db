"""A proxy on loopback before a real client's Web API that lets one request of a run go wrong.

Requests are told apart by what they ask for, and counted; a question that is repeated at once, as by polling or by
a retry, is the same step.
"""

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, field, frozen

Kind: TypeAlias = Literal[
    "refuse",
    "gone",
    "hang",
    "lost",
    "trickle",
    "cut",
    "403",
    "404",
    "500",
    "html",
    "empty",
    "wrong_json",
    "stale",
    "restart",
]

LISTING = "torrents/info"
# Without "accept-encoding" the client answers in plain text, which can be cut and rewritten.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding"})
_PAGE = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"
_BEFORE_THE_CLIENT = frozenset({"refuse", "gone", "hang", "403", "404", "500", "html", "empty", "wrong_json"})
_TRICKLES = 8


@frozen(kw_only=True)
class ClientFault:
    """What goes wrong with one request.

    Attributes:
        kind: `refuse` closes the connection before the client is asked, `gone` that and all later ones too;
            `hang` says nothing for a while, and the client is not asked; `lost` asks the client and loses the answer;
            `trickle` sends the answer in small parts, `cut` half of it; `403`, `404`, `500`, `html`, `empty` and
            `wrong_json` are answers of something else than the client; `stale` is an older answer of a listing;
            `restart` starts the client anew in place of asking it.
        step: The request, as the proxy's `steps` name it.
        occurrence: Which of the steps of that name, from 1.
        seconds: How long a `hang` lasts, or the pause before each part of a `trickle`.
    """

    kind: Kind
    step: str
    occurrence: int = 1
    seconds: float = 5.0


@frozen
class Answer:
    """What the client answered."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Question:
    """What the client is asked."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes
    names: Mapping[str, str] = field(factory=dict)

    @property
    def method_name(self) -> str:
        """Return the Web API's name for it, such as torrents/info."""
        return urlsplit(self.target).path.removeprefix("/api/v2/")

    @property
    def step(self) -> str:
        """Name what is asked for, the same in every run."""
        query = parse_qs(urlsplit(self.target).query)
        hashes = "|".join(query.get("hashes", query.get("hash", [])))
        if hashes:
            return f"{self.method_name} of {self.names.get(hashes, 'some')}"
        return self.method_name

    @property
    def polled(self) -> bool:
        """Whether it asks what has changed since the last answer: how often that is asked is a matter of speed."""
        return parse_qs(urlsplit(self.target).query).get("rid", ["0"]) != ["0"]


class FaultProxy:
    """The proxy, to use in a `with` statement.

    Attributes:
        restart: Called where a fault restarts the client.
        names: What torrents are called in the names of steps, by info-hash.
        steps: What was asked since the last `begin`, in order, repetitions left out.
        hit: Whether the fault has happened.
        repeated: Whether the question that went wrong was asked again at once.
    """

    def __init__(self, port: int, restart: Callable[[], None], names: Mapping[str, str]) -> None:
        self.restart = restart
        self.names = names
        self.steps: list[str] = []
        self.hit = False
        self.repeated = False
        self._watching = False
        self._target = port
        self._fault: ClientFault | None = None
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()
        self._release = threading.Event()
        self._listener = _Listener(self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="fault-proxy")

    @property
    def url(self) -> str:
        """The address to give to a run, without a slash at its end."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._release.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        for crash in self._listener.crashes:
            raise crash

    def begin(self, fault: ClientFault | None = None) -> None:
        """Forget the last run, and let this go wrong in the next."""
        with self._lock:
            self._release.set()
            self._release = threading.Event()
            self.steps, self.hit, self.repeated = [], False, False
            self._answers, self._fault = {}, fault

    def take(self, question: Question) -> ClientFault | None:
        """Count the request, and return what goes wrong with it."""
        with self._lock:
            fault, step = self._fault, question.step
            if question.polled:
                return fault if fault is not None and self.hit and fault.kind == "gone" else None
            again = bool(self.steps) and self.steps[-1] == step
            if not again:
                self.steps.append(step)
            if fault is None:
                return None
            if self.hit:
                self._watching &= again
                self.repeated |= self._watching
                return fault if fault.kind == "gone" else None
            if fault.step == step and self.steps.count(step) == fault.occurrence:
                self.hit = self._watching = True
                return fault
            return None

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than the run."""
        self._release.wait(seconds)

    def ask(self, question: Question) -> Answer:
        """Pass a question on to the client, whose address it then names."""
        headers = {name: value for name, value in question.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers |= {"Host": f"127.0.0.1:{self._target}", "Content-Length": str(len(question.content))}
        connection = HTTPConnection("127.0.0.1", self._target, timeout=30)
        with contextlib.closing(connection):
            connection.request(question.method, question.target, question.content, headers)
            response = connection.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return Answer(response.status, response.read(), tuple(kept))

    def answer(self, question: Question, fault: ClientFault | None) -> Answer:
        """Answer as the client does, or as the fault has it; the true answers of listings are remembered."""
        if fault is not None and fault.kind in _BEFORE_THE_CLIENT:
            return _false_answer(fault.kind)
        true = self.ask(question)
        with self._lock:
            older = self._answers.get(question.target)
            self._answers[question.target] = true
        if fault is not None and fault.kind == "stale":
            return older or evolve(true, content=_as_if_just_added(true.content))
        return true


def _false_answer(kind: Kind) -> Answer:
    if kind == "html":
        return Answer(200, _PAGE, (("Content-Type", "text/html"),))
    if kind == "empty":
        return Answer(200, b"")
    if kind == "wrong_json":
        return Answer(200, b'"surprise"', (("Content-Type", "application/json"),))
    return Answer(int(kind), b"No.") if kind.isdigit() else Answer(500, b"")


def _as_if_just_added(content: bytes) -> bytes:
    """Write a listing as it was before anything was loaded."""
    early = {"progress": 0, "downloaded": 0, "completion_on": -1, "seeding_time": 0, "state": "stalledDL"}
    return json.dumps([{**row, **early} for row in json.loads(content)]).encode()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.crashes: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server what the loopback address is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep errors for the end; a run that hung up is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # A run that keeps its connection open does not keep the proxy from stopping.
    timeout = 5
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def do_GET(self) -> None:
        proxy = self.server.proxy
        length = int(self.headers.get("Content-Length", "0"))
        question = Question(self.command, self.path, dict(self.headers), self.rfile.read(length), proxy.names)
        fault = proxy.take(question)
        kind = None if fault is None else fault.kind
        if fault is not None and kind == "hang":
            proxy.wait(fault.seconds)
        if kind == "restart":
            proxy.restart()
        if kind in ("refuse", "gone", "hang", "restart"):
            self.close_connection = True
            return
        answer = proxy.answer(question, fault)
        if kind == "lost":
            self.close_connection = True
            return
        self._send(answer, fault)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer, fault: ClientFault | None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        cut = fault is not None and fault.kind == "cut"
        # With no body to cut, the end of the connection is the answer's end: nobody can ask on it before that.
        if answer.content or not cut:
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        content = answer.content
        if cut:
            self.close_connection = True
            content = content[: len(content) // 2]
        parts = _TRICKLES if fault is not None and fault.kind == "trickle" else 1
        step = max(1, -(-len(content) // parts))
        for start in range(0, len(content), step):
            if parts > 1 and fault is not None:
                self.server.proxy.wait(fault.seconds)
            self.wfile.write(content[start : start + step])
