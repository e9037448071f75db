"""Connections to the Web API by the standard library: a larger one takes longer to load than most clients to list."""

import re
from collections.abc import Iterator, Mapping
from http.client import (
    NO_CONTENT,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
    LineTooLong,
    RemoteDisconnected,
)
from select import select
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from ssl import SSLContext

_CHUNK = 1 << 17
_MOST_LINE = 1 << 16
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
# What goes wrong on a connection.
FAILURES = (OSError, HTTPException)


class Answer(HTTPResponse):
    """The library's answer, without its parser of e-mail for the headers.

    That takes as long as the rest of a small answer, and older clients are asked a question a torrent. Status, body and
    connection are the library's work.

    Attributes:
        cookies: Those that it sets, by name.
    """

    cookies: dict[str, str]

    @property
    def body(self) -> Iterator[bytes]:
        """Read its body while it arrives."""
        while chunk := self.read(_CHUNK):
            yield chunk
        # Where this much is asked for, the library does not tell the end of the connection from the end of the body.
        if self.length:
            raise IncompleteRead(b"", self.length)

    def begin(self) -> None:
        """Read status and headers."""
        version, self.status, self.reason = self._read_status()  # type: ignore[attr-defined]
        self.version = 10 if version == "HTTP/1.0" else 11
        headers, self.cookies = dict[str, str](), {}
        while line := self.fp.readline(_MOST_LINE + 1).decode("latin-1"):
            if len(line) > _MOST_LINE:
                raise LineTooLong("header line")
            name, colon, value = line.partition(":")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].strip().partition("=")
                self.cookies[cookie] = content
            elif colon:
                headers[name.lower()] = value.strip()
            elif not line.strip():
                break
        else:
            raise IncompleteRead(b"")
        self.headers = self.msg = headers  # type: ignore[assignment]
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = "0" if self.status == NO_CONTENT else headers.get("content-length", "")
        self.length = int(length) if _LENGTH.fullmatch(length) and not self.chunked else None
        # With neither the end of the connection is the end of the answer.
        ends = self.length is None and not self.chunked
        self.will_close = ends or self._check_close()  # type: ignore[attr-defined]


class Connection(HTTPConnection):
    """A connection that is opened when it is first used, and anew where the other side did not keep it.

    Attributes:
        base: The path before every target.
        read: Seconds to wait for the next part of an answer.
    """

    response_class = Answer
    base: str
    read: float

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent on it: before one nothing is due but the connection's end."""
        return self.sock is not None and not self.is_answered

    @property
    def is_answered(self) -> bool:
        """Whether something is there to be read, or the other side has ended it."""
        return bool(select([self.sock], [], [], 0)[0])

    def connect(self) -> None:
        """Connect, which has a time limit of its own."""
        super().connect()
        self.sock.settimeout(self.read)

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """Send one request.

        Args:
            method: ``GET`` or ``POST``.
            target: The API's method and query, such as ``torrents/trackers?hash=...``.
            headers: Headers of the session and of the body.
            body: What is posted.
        """
        if not self.is_open:
            self.close()
        try:
            self.request(method, self.base + target, body, headers)
        except ValueError:
            # The library's text shows the header that it cannot send, which may be a secret.
            raise ConnectionError from None

    def answer(self) -> Answer:
        """Return the answer to the last request, whose body is still to be read."""
        answer = self.getresponse()
        assert isinstance(answer, Answer)
        return answer


class _SecureConnection(Connection, HTTPSConnection):
    """One over TLS."""


def connection_to(url: str, connect: float, read: float, tls: "SSLContext | None") -> Connection:
    """Return a connection to the client.

    Args:
        url: The client's base address.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next part of an answer.
        tls: What certificates are accepted, where the address asks for TLS.
    """
    parts = urlsplit(url)
    try:
        place = parts.hostname or "", parts.port
    except ValueError:
        # No such port can be connected to.
        place = "", 0
    line = Connection(*place, connect) if tls is None else _SecureConnection(*place, timeout=connect, context=tls)
    line.base, line.read = f"{quote(parts.path.rstrip('/'), safe='/%')}/api/v2/", read
    return line


def reason(error: Exception) -> str:
    """Say why there was no answer."""
    if isinstance(error, TimeoutError):
        return "no answer within the time limit"
    if isinstance(error, RemoteDisconnected | IncompleteRead):
        return "the answer was cut short"
    return "the answer is no HTTP" if isinstance(error, HTTPException) else "no connection"
