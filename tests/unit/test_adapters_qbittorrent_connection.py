"""HTTP by hand: bodies of every kind, whatever pieces they arrive in, and nothing that is taken for one."""

import base64

import pytest

from harvestmouse.adapters.qbittorrent.connection import BadAnswer, Connection
from tests.support.qbittorrent import wait_for
from tests.support.raw_server import serving

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
KINDS = {"length": LENGTH, "chunked": CHUNKED, "to the end": TO_THE_END}


def ask(line: Connection, target: str = "a/b") -> bytes:
    line.send("GET", target, {})
    return line.receive().read()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_body_is_read_in_any_pieces(kind: str, size: int) -> None:
    """Of a told length, in chunks, or to the end of the connection."""
    text = KINDS[kind]
    with serving([text[at : at + size] for at in range(0, len(text), size)]) as server:
        line = Connection(server.url, 5, 5)
        assert ask(line) == b"hello"
        line.close()


@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_a_connection_is_kept(kind: str) -> None:
    """Two questions, one connection."""
    with serving([KINDS[kind]], [KINDS[kind]]) as server:
        line = Connection(server.url, 5, 5)
        assert [ask(line), ask(line)] == [b"hello"] * 2
        assert server.opened == 1
        line.close()


@pytest.mark.parametrize(
    "text",
    [
        TO_THE_END,
        LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0"),
        LENGTH.replace(b"X: y", b"Connection: close"),
        LENGTH,
    ],
)
def test_a_connection_that_was_not_kept_is_opened_anew(text: bytes) -> None:
    """Whether the other side said so or not."""
    with serving([text], [text], keeps=False) as server:
        line = Connection(server.url, 5, 5)
        assert ask(line) == b"hello"
        wait_for(lambda: line._socket is None or line._has_ended(line._socket), "the end of the connection")
        assert ask(line) == b"hello"
        assert server.opened == 2
        line.close()


def test_an_answer_nobody_read_is_not_taken_for_the_next() -> None:
    """What is left of it goes with its connection."""
    with serving([LENGTH], [LENGTH.replace(b"hello", b"world")], keeps=False) as server:
        line = Connection(server.url, 5, 5)
        line.send("GET", "a", {})
        assert line.receive().status == 200
        assert ask(line) == b"world"
        line.close()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        LENGTH[:-1],
        CHUNKED[:-30],
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"x" * 200_000,
    ],
)
def test_what_is_no_whole_answer_is_an_error(text: bytes) -> None:
    """Cut anywhere, or of another protocol."""
    with serving([text]) as server:
        line = Connection(server.url, 5, 5)
        with pytest.raises((BadAnswer, ConnectionResetError)):
            ask(line)
        line.close()


def test_a_request_says_where_it_goes() -> None:
    """The path of a proxy before the client, its login, and the length of what is posted."""
    with serving([LENGTH]) as server:
        line = Connection(server.url.replace("//", "//mouse:c%40t@") + "/qbt/", 5, 5)
        line.send("POST", "torrents/add", {"X-A": "b"}, b"body")
        assert line.receive().headers["x"] == "y"
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        assert first == "POST /qbt/api/v2/torrents/add HTTP/1.1"
        basic = base64.b64encode(b"mouse:c@t").decode()
        place = server.url.removeprefix("http://")
        assert lines == [f"Host: {place}", f"Authorization: Basic {basic}", "X-A: b", "Content-Length: 4"]
        assert body in (b"", b"body")
        line.close()


def test_cookies_are_told_apart_from_headers() -> None:
    """Each by its name, without what the server says of them."""
    text = b"HTTP/1.1 204 No\r\nSet-Cookie: SID=a=b; HttpOnly; path=/\r\nSet-Cookie: other=2\r\n\r\n"
    with serving([text]) as server:
        line = Connection(server.url, 5, 5)
        line.send("GET", "a", {})
        answer = line.receive()
        assert (answer.status, answer.cookies, answer.read()) == (204, {"SID": "a=b", "other": "2"}, b"")
        line.close()
