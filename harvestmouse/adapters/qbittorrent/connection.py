"""HTTP/1.1 as far as the client's Web API speaks it, over one kept connection.

Written by hand because of what it saves: a general HTTP library takes longer to load than a client with five hundred
torrents takes to list them, and longer for a request than the client takes to answer it.
"""

import socket
from base64 import b64encode
from collections.abc import Iterator, Mapping
from select import select
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import frozen

_CHUNK = 1 << 17
# Far more than any head of an answer.
_MOST_HEAD = 1 << 16
_NO_CONTENT = 204


class BadAnswer(ConnectionError):
    """What arrived is no answer of HTTP/1.1, or only a part of one."""


@frozen
class Answer:
    """An answer whose body is read while it arrives.

    Attributes:
        headers: By their names in lower case.
        cookies: Those that it sets, by name.
        chunks: The body.
    """

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    chunks: Iterator[bytes]

    def read(self) -> bytes:
        """Read the whole body."""
        return b"".join(self.chunks)


class Connection:
    """One connection to the Web API, opened when it is first used, and anew where the other side did not keep it.

    Args:
        url: The client's base address; a user name and password in it are for a proxy before the client.
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next part of an answer.

    All methods raise ``OSError``.
    """

    def __init__(self, url: str, connect: float, read: float) -> None:
        self._socket: socket.socket | None = None
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        try:
            self._host, self._port = parts.hostname or "", parts.port or (443 if self._tls else 80)
        except ValueError:
            # No such port can be connected to.
            self._host, self._port = "", 0
        self._timeouts = connect, read
        self._base = f"{parts.path.rstrip('/')}/api/v2/"
        login, _, place = parts.netloc.rpartition("@")
        self._head = f" HTTP/1.1\r\nHost: {place}\r\n"
        if login:
            self._head += f"Authorization: Basic {b64encode(unquote(login).encode()).decode()}\r\n"
        self._buffer = b""
        self._busy = False

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send one request.

        Args:
            method: ``GET`` or ``POST``.
            target: The API's method and query, such as ``torrents/trackers?hash=...``.
            headers: Headers of the session and of the body.
            body: What is posted.
        """
        if self._busy or (self._socket is not None and self._has_ended(self._socket)):
            self.close()
        if self._socket is None:
            self._socket = self._open()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        self._busy = True
        self._socket.sendall(f"{method} {self._base}{target}{self._head}{lines}{length}\r\n".encode() + body)

    def receive(self) -> Answer:
        """Read the head of the answer to the last request."""
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        protocol, _, rest = first.partition(" ")
        if not protocol.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise BadAnswer("the answer is no HTTP")
        # The older protocol keeps no connection unless it says so.
        headers, cookies = dict[str, str](connection="close" if protocol == "HTTP/1.0" else ""), dict[str, str]()
        for line in lines:
            name, _, value = line.partition(":")
            name = name.lower()
            if name == "set-cookie":
                cookie, _, content = value.partition(";")[0].strip().partition("=")
                cookies[cookie] = content
            else:
                headers[name] = value.strip()
        return Answer(int(rest[:3]), headers, cookies, self._body(int(rest[:3]), headers))

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer, self._busy = None, b"", False

    def __del__(self) -> None:
        self.close()

    def _open(self) -> socket.socket:
        connect, read = self._timeouts
        opened = socket.create_connection((self._host, self._port), connect)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            import ssl  # noqa: PLC0415 - most clients are asked in plain HTTP, in their own network

            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=self._host)
        opened.settimeout(read)
        return opened

    @staticmethod
    def _has_ended(kept: socket.socket) -> bool:
        """Whether the other side has closed a connection on which nothing is due."""
        return bool(select([kept], [], [], 0)[0])

    def _body(self, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._pieces()
        elif "content-length" in headers or status == _NO_CONTENT:
            yield from self._exactly(_number(headers.get("content-length", "0"), 10))
        else:
            # The end of the connection is the end of the answer.
            yield from self._rest()
        self._busy = False
        if headers["connection"].lower() == "close":
            self.close()

    def _pieces(self) -> Iterator[bytes]:
        while size := _number(self._until(b"\r\n").partition(b";")[0].decode("latin-1"), 16):
            yield from self._exactly(size)
            self._until(b"\r\n")
        while self._until(b"\r\n"):
            """What follows the last piece is of no use."""

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            chunk = self._buffer[:size] or self._more(min(size, _CHUNK))
            self._buffer = self._buffer[size:]
            size -= len(chunk)
            yield chunk

    def _rest(self) -> Iterator[bytes]:
        yield self._buffer
        assert self._socket is not None
        while chunk := self._socket.recv(_CHUNK):
            yield chunk
        self.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > _MOST_HEAD:
                raise BadAnswer("the answer is no HTTP")
            self._buffer += self._more(_CHUNK)
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _more(self, most: int) -> bytes:
        content: Any = self._socket.recv(most) if self._socket is not None else b""
        if not content:
            raise BadAnswer("the answer was cut short")
        return bytes(content)


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise BadAnswer("the answer is no HTTP") from None
