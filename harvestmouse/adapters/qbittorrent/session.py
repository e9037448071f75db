"""One session with the Web API: logged in where need be, its cookie kept, each request counted, changes sent once."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from attrs import define, field

from harvestmouse.adapters.errors import ClientRefused, ClientUnavailable, ClientUnclear, RemoteUnavailable
from harvestmouse.adapters.qbittorrent.connection import FAILURES, Answer, Connection, connection_to, reason
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.traffic import CLIENT, Result, Traffic

if TYPE_CHECKING:
    from ssl import SSLContext

LOGIN, LOGOUT = "auth/login", "auth/logout"
_NO_ANSWER_OF_THE_API, _UNAUTHORISED, _FORBIDDEN, _SERVER_ERROR = 300, 401, 403, 500
# How older versions refuse a login, or a torrent, under status 200.
FAILS = "Fails."

T = TypeVar("T")


class ErrorStatus(ClientUnavailable):
    """The client answers with a status that says no, but not to the session.

    Attributes:
        status: It.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@define
class Session:
    """Ask the client.

    With neither user name nor API key the client must let this address in without a login.

    Attributes:
        connect: Seconds to wait for a connection.
        read: Seconds to wait for the next part of an answer.
        traffic: Counts the requests.
    """

    url: str
    username: str
    password: Secret
    api_key: Secret
    connect: float
    read: float
    traffic: Traffic
    _tls: "SSLContext | None" = field(default=None, init=False, repr=False)
    _line: Connection = field(init=False)
    _cookies: dict[str, str] = field(factory=dict, init=False)
    # What was asked ahead, and is not read yet.
    _ahead: str = field(default="", init=False)

    def __attrs_post_init__(self) -> None:
        if urlsplit(self.url).scheme == "https":
            from ssl import create_default_context  # noqa: PLC0415 - in one's own network there is mostly none

            self._tls = create_default_context()
        self._line = self.connection()

    def connection(self) -> Connection:
        """Return one more connection to the client."""
        return connection_to(self.url, self.connect, self.read, self._tls)

    def headers(self) -> dict[str, str]:
        """Return the headers that make a request part of this session."""
        headers = {}
        login = urlsplit(self.url).netloc.rpartition("@")[0]
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key.reveal()}"
        elif login:
            # It is for a proxy before the client.
            headers["Authorization"] = f"Basic {b64encode(unquote(login).encode()).decode()}"
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return headers

    def place(self, endpoint: str) -> str:
        """Name the place of an error; user name and password in the address are left out."""
        parts = urlsplit(self.url)
        return f"qBittorrent at {parts.scheme}://{parts.netloc.rpartition('@')[2]}, {endpoint}"

    def open(self) -> None:
        """Log in, where there is a user name.

        Raises:
            ClientRefused: The client does not accept the login.
        """
        if not self.username or self.api_key:
            return
        form = urlencode({"username": self.username, "password": self.password.reveal()}).encode()
        with self._counted(LOGIN) as ended:
            status, answer = self._send("POST", LOGIN, form)
            if status == _UNAUTHORISED or answer.read().strip() == FAILS.encode():
                ended.append(Result.REFUSED)
                raise ClientRefused(f"{self.place(LOGIN)}: the client refuses user name and password")
            self._accept(LOGIN, status, ended)

    def get(self, endpoint: str, read: Callable[[Iterator[bytes]], T], **query: str) -> T:
        """Ask for a body, and once more where it does not come: a question changes nothing.

        Args:
            endpoint: The API's method.
            read: Reads the body while it arrives; a ``ValueError`` of it is an answer of another shape.
            query: What is asked.
        """
        try:
            return self._get(endpoint, read, query)
        except ClientUnavailable as error:
            if isinstance(error, ErrorStatus) and error.status < _SERVER_ERROR:
                raise
            return self._get(endpoint, read, query)

    def ask_ahead(self, endpoint: str, **query: str) -> None:
        """Send the question that `get` asks next, so that the client works at it while nobody waits for the answer."""
        target = _target(endpoint, query)
        try:
            self._line.ask("GET", target, self.headers())
        except FAILURES:
            # The question itself will tell.
            self._line.close()
        else:
            self._ahead = target

    def change(self, endpoint: str, send: Callable[[], tuple[int, T]]) -> T:
        """Ask for a change, which something else sends with the `headers` of this session.

        Args:
            endpoint: The API's method.
            send: Sends it, and returns the status and the reply; it is called once more after a new login only.
        """
        with self._counted(endpoint) as ended:
            reply = self._ask(endpoint, send, ended)
            if getattr(reply, "text", reply) == FAILS:
                ended.append(Result.FAILED)
            return reply

    def close(self) -> None:
        """Log out, so that the session does not stay in the client's memory for an hour."""
        if self._cookies:
            with suppress(RemoteUnavailable), self._counted(LOGOUT) as ended:
                self._ask(LOGOUT, lambda: self._send("POST", LOGOUT, b""), ended)
            self._cookies.clear()
        self._line.close()

    def _get(self, endpoint: str, read: Callable[[Iterator[bytes]], T], query: Mapping[str, str]) -> T:
        target = _target(endpoint, query)
        with self._counted(endpoint) as ended:
            answer = self._ask(endpoint, lambda: self._send("GET", target), ended)
            body = read(answer.body)
            # A connection is of use again once nothing of the last answer is left on it.
            answer.read()
            return body

    def _ask(self, endpoint: str, send: Callable[[], tuple[int, T]], ended: list[Result]) -> T:
        """Ask; a client that was restarted since the login is logged in to, and asked, once more."""
        status, answer = send()
        if status == _FORBIDDEN and self.username and not self.api_key and endpoint != LOGOUT:
            ended.append(Result.REFUSED)
            self._line.close()
            self._cookies.clear()
            self.open()
            self.traffic.count(CLIENT, endpoint, ended.pop())
            status, answer = send()
        self._accept(endpoint, status, ended)
        return answer

    def _send(self, method: str, target: str, body: bytes | None = None) -> tuple[int, Answer]:
        ahead, self._ahead = self._ahead, ""
        if not ahead or ahead != target:
            if ahead:
                # Another answer is on its way.
                self._line.close()
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            self._line.ask(method, target, {**self.headers(), **kind}, body)
        answer = self._line.answer()
        self._cookies.update(answer.cookies)
        return answer.status, answer

    def _accept(self, endpoint: str, status: int, ended: list[Result]) -> None:
        if status in (_UNAUTHORISED, _FORBIDDEN):
            ended.append(Result.REFUSED)
            raise ClientRefused(f"{self.place(endpoint)}: the client answers {status}")
        if status >= _NO_ANSWER_OF_THE_API:
            ended.append(Result.FAILED)
            raise ErrorStatus(f"{self.place(endpoint)}: the client answers {status}", status)

    @contextmanager
    def _counted(self, endpoint: str) -> Iterator[list[Result]]:
        """Count one request, and turn what goes wrong in it into errors of ours; the last result that is put in holds.

        The texts of other errors may carry addresses; ours carry the place.
        """
        ended: list[Result] = [Result.NO_ANSWER]
        try:
            yield ended
            if ended == [Result.NO_ANSWER]:
                ended.append(Result.OK)
        except FAILURES as error:
            raise ClientUnavailable(f"{self.place(endpoint)}: {reason(error)}") from None
        except (ValueError, RecursionError) as error:
            ended.append(Result.FAILED)
            raise ClientUnclear(f"{self.place(endpoint)}: the answer cannot be read ({error})") from None
        finally:
            if ended[-1] is not Result.OK:
                # What is left of an answer goes with its connection.
                self._line.close()
            self.traffic.count(CLIENT, endpoint, ended[-1])


def _target(endpoint: str, query: Mapping[str, str]) -> str:
    # The client reads a plus sign as a space, however a space is written.
    return f"{endpoint}?{urlencode(query, quote_via=quote)}" if query else endpoint


def read_object(chunks: Iterable[bytes]) -> dict[str, Any]:
    """Read a JSON object; raise ``ValueError`` for anything else."""
    body = json.loads(b"".join(chunks))
    if not isinstance(body, dict):
        raise ValueError("no object")  # noqa: TRY004 - as for any other text that cannot be read
    return body
