"""One session with the Web API: logged in where need be, its cookie kept, every request counted, none sent twice."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from attrs import define, field

from harvestmouse.adapters.errors import ClientRefused, ClientUnavailable, ClientUnclear, RemoteUnavailable
from harvestmouse.adapters.qbittorrent.connection import Answer, BadAnswer, Connection
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.traffic import CLIENT, Result, Traffic

LOGIN, LOGOUT = "auth/login", "auth/logout"
_NO_ANSWER_OF_THE_API, _UNAUTHORISED, _FORBIDDEN, _SERVER_ERROR = 300, 401, 403, 500
# How older versions refuse a login, or a torrent, under status 200.
FAILS = b"Fails."

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
    _line: Connection = field(init=False)
    _cookies: dict[str, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._line = self.connection()

    def connection(self) -> Connection:
        """Return one more connection to the client."""
        return Connection(self.url, self.connect, self.read)

    def headers(self) -> dict[str, str]:
        """Return the headers that make a request part of this session."""
        headers = {}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key.reveal()}"
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
        form = {"username": self.username, "password": self.password.reveal()}
        with self._counted(LOGIN) as ended:
            answer = self._exchange("POST", LOGIN, _form(form))
            if answer.status == _UNAUTHORISED or answer.read().strip() == FAILS:
                ended.append(Result.REFUSED)
                raise ClientRefused(f"{self.place(LOGIN)}: the client refuses user name and password")
            self._accept(LOGIN, answer, ended)

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

    def post(self, endpoint: str, form: Mapping[str, str], file: tuple[str, bytes] | None = None) -> bytes:
        """Ask for a change.

        Args:
            endpoint: The API's method.
            form: What is asked.
            file: The name and the content of a torrent file.
        """
        with self._counted(endpoint) as ended:
            content = self._ask("POST", endpoint, _form(form) if file is None else _parts(form, *file), ended).read()
            if content.strip() == FAILS:
                ended.append(Result.FAILED)
            return content

    def close(self) -> None:
        """Log out, so that the session does not stay in the client's memory for an hour."""
        if self._cookies:
            with suppress(RemoteUnavailable):
                self.post(LOGOUT, {})
            self._cookies.clear()
        self._line.close()

    def _get(self, endpoint: str, read: Callable[[Iterator[bytes]], T], query: Mapping[str, str]) -> T:
        with self._counted(endpoint) as ended:
            answer = self._ask("GET", _target(endpoint, query), ({}, b""), ended)
            body = read(answer.chunks)
            # A connection is of use again once nothing of the last answer is left on it.
            answer.read()
            return body

    def _ask(self, method: str, target: str, body: tuple[Mapping[str, str], bytes], ended: list[Result]) -> Answer:
        """Ask; a client that was restarted since the login is logged in to, and asked, once more."""
        endpoint = target.partition("?")[0]
        answer = self._exchange(method, target, body)
        if answer.status == _FORBIDDEN and self.username and not self.api_key and endpoint != LOGOUT:
            ended.append(Result.REFUSED)
            self._cookies.clear()
            self.open()
            self.traffic.count(CLIENT, endpoint, ended.pop())
            answer = self._exchange(method, target, body)
        self._accept(endpoint, answer, ended)
        return answer

    def _exchange(self, method: str, target: str, body: tuple[Mapping[str, str], bytes]) -> Answer:
        headers, content = body
        self._line.send(method, target, {**self.headers(), **headers}, content)
        answer = self._line.receive()
        self._cookies.update(answer.cookies)
        return answer

    def _accept(self, endpoint: str, answer: Answer, ended: list[Result]) -> None:
        if answer.status in (_UNAUTHORISED, _FORBIDDEN):
            ended.append(Result.REFUSED)
            raise ClientRefused(f"{self.place(endpoint)}: the client answers {answer.status}")
        if answer.status >= _NO_ANSWER_OF_THE_API:
            ended.append(Result.FAILED)
            raise ErrorStatus(f"{self.place(endpoint)}: the client answers {answer.status}", answer.status)

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
        except OSError as error:
            self._line.close()
            raise ClientUnavailable(f"{self.place(endpoint)}: {reason(error)}") from None
        except (ValueError, RecursionError) as error:
            ended.append(Result.FAILED)
            raise ClientUnclear(f"{self.place(endpoint)}: the answer cannot be read ({error})") from None
        finally:
            self.traffic.count(CLIENT, endpoint, ended[-1])


def reason(error: OSError) -> str:
    """Say why there was no answer."""
    if isinstance(error, BadAnswer):
        return str(error)
    return "no answer within the time limit" if isinstance(error, TimeoutError) else "no connection"


def read_object(chunks: Iterable[bytes]) -> dict[str, Any]:
    """Read a JSON object; raise ``ValueError`` for anything else."""
    body = json.loads(b"".join(chunks))
    if not isinstance(body, dict):
        raise ValueError("no object")  # noqa: TRY004 - as for any other text that cannot be read
    return body


def _target(endpoint: str, query: Mapping[str, str]) -> str:
    # The client reads a plus sign as a space, however a space is written.
    return f"{endpoint}?{urlencode(query, quote_via=quote)}" if query else endpoint


def _form(values: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(values).encode()


def _parts(values: Mapping[str, str], name: str, content: bytes) -> tuple[dict[str, str], bytes]:
    """Write a form with a torrent file in it."""
    mark = os.urandom(16).hex()
    start = f"--{mark}\r\nContent-Disposition: form-data; name="
    texts = "".join(f'{start}"{key}"\r\n\r\n{value}\r\n' for key, value in values.items())
    file = f'{start}"torrents"; filename="{name}"\r\nContent-Type: application/x-bittorrent\r\n\r\n'
    body = b"".join((texts.encode(), file.encode(), content, f"\r\n--{mark}--\r\n".encode()))
    return {"Content-Type": f"multipart/form-data; boundary={mark}"}, body
