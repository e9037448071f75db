"""Connections to the Web API.

They speak as much HTTP/1.1 as it takes to ask one question after the other: the standard library's take as long to load
as most clients to list, and half of the time of a small answer, of which older clients have one a torrent.
"""

import re
from collections.abc import Iterator, Mapping
from select import select
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from attrs import define, field

if TYPE_CHECKING:
    from ssl import SSLContext

_AT_ONCE = 1 << 16
_MOST_HEAD = 1 << 16
_NO_CONTENT = 204
_STATUS = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: .*)?", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")


class BadAnswer(Exception):
    """What comes is no HTTP."""


class CutShort(BadAnswer):
    """The connection ended before the answer did."""


# What goes wrong on a connection.
FAILURES = (OSError, BadAnswer)


@define
class Answer:
    """One answer.

    Attributes:
        cookies: Those that it sets, by name.
        body: The pieces of its body, read while they arrive.
    """

    status: int
    cookies: dict[str, str]
    body: Iterator[bytes]

    def read(self) -> bytes:
        """Return what is left of the body; then the connection can be asked again."""
        return b"".join(self.body)


@define
class Connection:
    """A connection that is opened when it is first used, and anew where the other side did not keep it.

    Attributes:
        place: What requests call the other side: its host, and the port where it is not the usual one.
        base: The path before every target.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next part of an answer.
        tls: What certificates are accepted, where the address asks for TLS.
    """

    host: str
    port: int
    place: str
    base: str
    connect: float
    read: float
    tls: "SSLContext | None"
    _sock: socket | None = field(default=None, init=False)
    # What has arrived and was not read yet.
    _rest: bytes = field(default=b"", init=False)

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent on it: before one nothing is due but the connection's end."""
        return self._sock is not None and not (self._rest or select([self._sock], [], [], 0)[0])

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """Send one request.

        Args:
            method: ``GET`` or ``POST``.
            target: The API's method and query, such as ``torrents/trackers?hash=...``.
            headers: Headers of the session and of the body.
            body: What is posted.
        """
        length = {} if body is None else {"Content-Length": str(len(body))}
        sent = {"Host": self.place, "Accept-Encoding": "identity", **length, **headers}
        lines = [f"{method} {self.base}{target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        try:
            head = "\r\n".join((*lines, "", "")).encode("latin-1")
        except UnicodeEncodeError:
            # The error's text shows what cannot be sent, which may be a secret.
            raise ConnectionError from None
        if len(head.splitlines()) != len(lines) + 1:
            # What has lines of its own would be more than a header.
            raise ConnectionError
        if not self.is_open:
            self._open()
        assert self._sock is not None
        self._sock.sendall(head + (body or b""))

    def answer(self) -> Answer:
        """Return the answer to the last request, whose body is still to be read."""
        first, *lines = self._head().split("\r\n")
        status = _STATUS.fullmatch(first)
        if status is None:
            raise BadAnswer
        headers, cookies = dict[str, str](), dict[str, str]()
        for line in lines:
            name, _, value = line.partition(":")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].strip().partition("=")
                cookies[cookie] = content
            else:
                headers[name.lower()] = value.strip()
        code, connection = int(status[2]), headers.get("connection", "").lower()
        kept = "close" not in connection and (status[1] == "1" or "keep-alive" in connection)
        return Answer(code, cookies, self._body(code, headers, kept=kept))

    def close(self) -> None:
        """End the connection; the next request opens another."""
        sock, self._sock, self._rest = self._sock, None, b""
        if sock is not None:
            sock.close()

    def _open(self) -> None:
        self.close()
        # As bytes it does not go through the codec for international names, which takes a while to load.
        sock = create_connection((self.host.encode(), self.port), self.connect)  # type: ignore[arg-type]
        self._sock = sock
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if self.tls is not None:
            self._sock = sock = self.tls.wrap_socket(sock, server_hostname=self.host)
        sock.settimeout(self.read)

    def _head(self) -> str:
        """Read up to the empty line before a body."""
        end = -1
        while end < 0:
            if not self._rest.startswith(b"HTTP/"[: len(self._rest)]) or len(self._rest) > _MOST_HEAD:
                raise BadAnswer
            self._more()
            end = self._rest.find(b"\r\n\r\n")
        head, self._rest = self._rest[:end], self._rest[end + 4 :]
        return head.decode("latin-1")

    def _body(self, status: int, headers: Mapping[str, str], *, kept: bool) -> Iterator[bytes]:
        length = "0" if status == _NO_CONTENT else headers.get("content-length", "")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        elif _LENGTH.fullmatch(length):
            yield from self._exactly(int(length))
        else:
            # With neither, the end of the connection is the end of the answer.
            kept = False
            yield from self._all()
        if not kept:
            self.close()

    def _chunks(self) -> Iterator[bytes]:
        while size := self._size():
            yield from self._exactly(size)
            self._line()
        while self._line():
            pass

    def _size(self) -> int:
        size = _SIZE.fullmatch(self._line())
        if size is None:
            raise BadAnswer
        return int(size[1], 16)

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            if len(self._rest) > _MOST_HEAD:
                raise BadAnswer
            self._more()
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count:
            if not self._rest:
                self._more()
            piece, self._rest = self._rest[:count], self._rest[count:]
            count -= len(piece)
            yield piece

    def _all(self) -> Iterator[bytes]:
        while piece := self._rest or self._receive():
            self._rest = b""
            yield piece

    def _more(self) -> None:
        piece = self._receive()
        if not piece:
            raise CutShort
        self._rest += piece

    def _receive(self) -> bytes:
        if self._sock is None:
            raise CutShort
        return self._sock.recv(_AT_ONCE)


def connection_to(url: str, connect: float, read: float, tls: "SSLContext | None") -> Connection:
    """Return a connection to the client.

    Args:
        url: The client's base address.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next part of an answer.
        tls: What certificates are accepted, where the address asks for TLS.
    """
    parts = urlsplit(url)
    usual = 80 if tls is None else 443
    try:
        name, port = parts.hostname or "", parts.port or usual
        host = name if name.isascii() else name.encode("idna").decode()
    except ValueError:
        # There is no such name or port to connect to.
        host, port = "", 0
    place = f"[{host}]" if ":" in host else host
    base = f"{quote(parts.path.rstrip('/'), safe='/%')}/api/v2/"
    return Connection(host, port, place if port == usual else f"{place}:{port}", base, connect, read, tls)


def reason(error: Exception) -> str:
    """Say why there was no answer."""
    if isinstance(error, TimeoutError):
        return "no answer within the time limit"
    if isinstance(error, CutShort):
        return "the answer was cut short"
    return "the answer is no HTTP" if isinstance(error, BadAnswer) else "no connection"
