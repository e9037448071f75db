"""A stand-in for the site: a loopback HTTP server over an account and a catalogue of its own.

`python -m tests.support.mam_server --port 0` serves a sample by hand until it is told to stop.
"""

import argparse
import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Literal, Self

from tests.support.mam_account import Account, Clock, Egress, ManualClock, Quirks, Session, Verdict
from tests.support.mam_catalogue import CatalogueTorrent, sample_catalogue
from tests.support.mam_faults import Fault, FaultQueue, Reply
from tests.support.mam_pages import Call, Pages, Request
from tests.support.mam_world import World

__all__ = [
    "Account",
    "CatalogueTorrent",
    "Egress",
    "Fault",
    "MamServer",
    "ManualClock",
    "Quirks",
    "Request",
    "Verdict",
    "sample_catalogue",
]

COOKIE_SECONDS = 15 * 24 * 3600
TRACKER_URL = "http://127.0.0.1:9/tracker.php"
PASSKEY = "0123456789abcdef0123456789abcdef"


class MamServer:
    """The site on a loopback port, from `start` (or `with`) to `close`.

    Attributes:
        account: The truth about the account; change it at will.
        catalogue: The torrents there are.
        session: The session and its cookie; it can be minted anew, disabled, or locked elsewhere.
        world: All of that, and what happened.
        quirks: The switches.
        faults: What goes wrong next.
        requests: What was asked, in order.
        lock: Held while a request is answered; hold it to change several things at once.
    """

    def __init__(  # noqa: PLR0913 - each has a default, and a test names the few it needs
        self,
        *,
        account: Account | None = None,
        catalogue: Iterable[CatalogueTorrent] = (),
        quirks: Quirks | None = None,
        clock: Clock = time.time,
        tracker_url: str = TRACKER_URL,
        passkey: str = PASSKEY,
        port: int = 0,
    ) -> None:
        self.quirks = quirks or Quirks()
        self.world = World(
            account=account or Account(),
            catalogue=list(catalogue),
            quirks=self.quirks,
            clock=clock,
            tracker_url=tracker_url,
            passkey=passkey,
        )
        self.lock = threading.RLock()
        self.faults = FaultQueue(self.lock)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._pages = Pages(self.world)
        self._port = port
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def account(self) -> Account:
        """The truth about the account."""
        return self.world.account

    @property
    def catalogue(self) -> list[CatalogueTorrent]:
        """The torrents there are."""
        return self.world.catalogue

    @property
    def session(self) -> Session:
        """The session and its cookie."""
        return self.world.session

    @property
    def cookie(self) -> str:
        """The cookie value that is valid now."""
        return self.session.cookie

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        assert self._listener is not None, "the server was not started"
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def count(self, endpoint: str) -> int:
        """Count the requests to an endpoint."""
        with self.lock:
            return sum(request.endpoint == endpoint for request in self.requests)

    def mint_cookie(self) -> str:
        """Begin a new session, as its owner does by hand, and return its cookie."""
        with self.lock:
            return self.session.mint()

    def disable_account(self) -> None:
        """Refuse every cookie from now on."""
        with self.lock:
            self.session.disabled = True

    def lock_session(self, kind: Literal["ASN", "IP"] | None) -> None:
        """Bind the session to another network or address than the caller's, or to neither."""
        with self.lock:
            self.session.locked_elsewhere = kind

    def start(self) -> Self:
        """Listen and answer in the background."""
        self._listener = _Listener(self, self._port)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="mam-server")
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop, with all connections and hanging answers; an error inside the server is raised here."""
        if self._listener is None or self._thread is None:
            return
        listener, self._listener = self._listener, None
        self.closing.set()
        listener.shutdown()
        self._thread.join()
        listener.hang_up()
        listener.server_close()
        for crash in listener.crashes:
            raise crash

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(self, call: Call) -> tuple[Reply, Fault | None]:
        """Decide on a reply, with its cookie and the way in which it is spoilt."""
        with self.lock:
            verdict = self.session.judge(call.cookie)
            self.requests.append(call.logged(verdict))
            fault = self.faults.take(call.endpoint)
            if fault is None:
                return self._with_cookie(self._pages.reply(call, verdict), verdict), None
            reply = fault.spoil(self._pages.reply(call, verdict) if fault.reaches_site else Reply())
            if fault.cookie_fate == "rotated":
                reply = self._with_cookie(reply, verdict)
            elif fault.cookie_fate == "lost":
                self.session.rotate(verdict)
            return reply, fault

    def _with_cookie(self, reply: Reply, verdict: Verdict) -> Reply:
        """Tell the client its next cookie, or that it has none any more."""
        fresh = self.session.rotate(verdict)
        cookies: tuple[str, ...] = ()
        if fresh is not None:
            cookies = (self._set_cookie("mam_id", fresh), self._set_cookie("uid", str(self.account.uid)))
        elif verdict in (Verdict.WRONG, Verdict.RETIRED, Verdict.NONE) and reply.status in (401, 403):
            deleted = "deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"
            cookies = (self._set_cookie("mam_id", deleted, 0),) if self.quirks.deletes_cookie else ()
        return replace(reply, headers=reply.headers + tuple(("Set-Cookie", cookie) for cookie in cookies))

    def _set_cookie(self, name: str, value: str, seconds: int = COOKIE_SECONDS) -> str:
        domain = f"domain={self.quirks.cookie_domain}; " if self.quirks.cookie_domain else ""
        secure = "secure; " if self.quirks.cookie_secure else ""
        return f"{name}={value}; Max-Age={seconds}; path=/; {domain}{secure}SameSite=Lax"


class _Listener(ThreadingHTTPServer):
    """The socket, its threads, and the connections that are open."""

    daemon_threads = False  # so that closing waits for every answer's end
    request_queue_size = 64

    def __init__(self, site: MamServer, port: int) -> None:
        self.site = site
        self.crashes: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server what the loopback address is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every connection, so that no thread waits for a client."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep errors for `close`; a client that went away is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and sends replies, with what is to go wrong on the way."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def version_string(self) -> str:
        return "nginx"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing; the server keeps its own log."""

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length", "0")
        call = Call(
            method=self.command,
            target=self.path,
            content_type=self.headers.get("Content-Type", ""),
            raw_body=self.rfile.read(int(length)) if length.isdigit() else b"",
            user_agent=self.headers.get("User-Agent"),
            cookie=self._cookie(),
        )
        reply, fault = self.server.site.answer(call)
        if fault is not None and fault.kind in ("hang", "cut"):
            self.close_connection = True
            self.server.site.closing.wait(fault.seconds if fault.kind == "hang" else 0)
            return
        self._send_head(reply)
        self._send_body(reply.body, fault)

    def do_POST(self) -> None:
        self.do_GET()

    def _cookie(self) -> str | None:
        """Find the session's cookie, verbatim."""
        for part in "; ".join(self.headers.get_all("Cookie", [])).split(";"):
            name, _, value = part.strip().partition("=")
            if name == "mam_id":
                return value
        return None

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, body: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "cut_body":
            self.close_connection = True
            body = body[: len(body) // 2]
        pause = fault.seconds if fault is not None and fault.kind == "trickle" else 0.0
        step = 1 if pause else max(len(body), 1)
        for start in range(0, len(body), step):
            if pause and self.server.site.closing.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(body[start : start + step])


def main() -> None:
    """Serve a sample until a signal comes."""
    parser = argparse.ArgumentParser(description="Serve a stand-in for the site on the loopback address.")
    parser.add_argument("--port", type=int, default=0)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with MamServer(catalogue=sample_catalogue(300), port=parser.parse_args().port) as server:
        sys.stdout.write(f"{server.url}\nmam_id={server.cookie}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
