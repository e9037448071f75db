"""Connections to the client: bodies of every kind, whatever pieces they arrive in, and nothing taken for one."""

from contextlib import closing
from http.client import HTTPException
from socket import socketpair

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harvestmouse.adapters.qbittorrent.connection import FAILURES, Connection, connection_to, reason
from tests.support.qbittorrent import wait_for
from tests.support.raw_server import serving

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
KINDS = {"length": LENGTH, "chunked": CHUNKED, "to the end": TO_THE_END}


def connect(url: str) -> Connection:
    return connection_to(url, 5, 5, None)


def told(line: Connection) -> tuple[int, bytes]:
    """Return status and body; of what is no answer 0 and the reason."""
    try:
        answer = line.answer()
        return answer.status, b"".join(answer.body)
    except FAILURES as error:
        return 0, reason(error).encode()


def ask(line: Connection) -> bytes:
    line.ask("GET", "a/b", {})
    return line.answer().read()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_body_is_read_in_any_pieces(kind: str, size: int) -> None:
    """Of a told length, in chunks, or to the end of the connection."""
    text = KINDS[kind]
    with serving([text[at : at + size] for at in range(0, len(text), size)]) as server:
        line = connect(server.url)
        assert ask(line) == b"hello"
        line.close()


@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_a_connection_is_kept(kind: str) -> None:
    """Two questions, one connection."""
    with serving([KINDS[kind]], [KINDS[kind]]) as server:
        line = connect(server.url)
        assert [ask(line), ask(line)] == [b"hello"] * 2
        assert server.opened == 1
        line.close()


@pytest.mark.parametrize(
    "text",
    [
        TO_THE_END,
        LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0"),
        LENGTH.replace(b"X: y", b"connection: Close"),
        LENGTH,
    ],
)
def test_a_connection_that_was_not_kept_is_opened_anew(text: bytes) -> None:
    """Whether the other side said so or not."""
    with serving([text], [text], keeps=False) as server:
        line = connect(server.url)
        assert ask(line) == b"hello"
        wait_for(lambda: not line.is_open, "its end")
        assert ask(line) == b"hello"
        assert server.opened == 2
        line.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "the answer was cut short"),
        (b"HTTP/1.1 200 OK\r\nContent-", "the answer was cut short"),
        (LENGTH[:-1], "the answer was cut short"),
        (CHUNKED[:-30], "the answer was cut short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "the answer was cut short"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "the answer is no HTTP"),
        (b"x" * 200_000, "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "the answer is no HTTP"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(text: bytes, told: str) -> None:
    """Cut anywhere, or of another protocol, in words that tell which."""
    with serving([text]) as server:
        line = connect(server.url)
        with pytest.raises((HTTPException, ConnectionResetError)) as raised:
            ask(line)
        assert isinstance(raised.value, ConnectionResetError) or reason(raised.value) == told
        line.close()


def test_a_request_says_where_it_goes() -> None:
    """The path of a proxy before the client, and the length of what is posted."""
    with serving([LENGTH]) as server:
        line = connect(server.url.replace("//", "//mouse:c%40t@") + "/my%20qbt/é/")
        line.ask("POST", "torrents/add", {"X-A": "b"}, b"body")
        assert line.answer().read() == b"hello"
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        assert first == "POST /my%20qbt/%C3%A9/api/v2/torrents/add HTTP/1.1"
        place = server.url.removeprefix("http://")
        assert lines == [f"Host: {place}", "Accept-Encoding: identity", "Content-Length: 4", "X-A: b"]
        assert body in (b"", b"body")
        line.close()


def test_cookies_are_told_apart_from_headers() -> None:
    """Each by its name, without what the server says of them."""
    text = b"HTTP/1.1 204 No\r\nSet-Cookie: SID=a=b; HttpOnly; path=/\r\nset-cookie: other=2\r\n\r\n"
    with serving([text]) as server:
        line = connect(server.url)
        line.ask("GET", "a", {})
        answer = line.answer()
        assert (answer.status, answer.cookies, b"".join(answer.body)) == (204, {"SID": "a=b", "other": "2"}, b"")
        line.close()


@given(
    st.lists(
        st.sampled_from(
            [LENGTH, CHUNKED, TO_THE_END, b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n"]
        )
        | st.sampled_from([b"Content-Length: ", b"5", b"-1", b"fffffffffffffffff", b"\xb2", b";", b"hello"])
        | st.binary(max_size=20),
        max_size=8,
    ).map(b"".join)
)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
def test_whatever_arrives_is_an_answer_or_a_failure(text: bytes) -> None:
    """Nothing else gets out, and an answer is no more than what arrived."""
    ours, theirs = socketpair()
    with closing(ours), theirs:
        theirs.sendall(text)
        theirs.shutdown(1)
        line = connect("http://127.0.0.1:1")
        line.sock = ours
        status, body = told(line)
    if status:
        assert 100 <= status <= 999
        assert body in text or b"chunked" in text.lower()
    else:
        assert body in (b"the answer was cut short", b"the answer is no HTTP")


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://mäuse..example:1"])
def test_what_cannot_be_connected_to_is_found_out_by_the_first_request(url: str) -> None:
    """A port that there is not, and a name that cannot be one."""
    with pytest.raises(FAILURES):
        connect(url).ask("GET", "a", {})
