"""Requests to the site over one session: allow-list, spacing, time limits, the rotating cookie.

The cookie is kept after every response, before its body is read and before the next request goes out.
"""

import random
import re
import time
from collections.abc import Callable, Mapping
from enum import Enum
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol

import requests
import urllib3
from attrs import define, field, frozen

from harvestmouse import __version__
from harvestmouse.adapters.errors import (
    AdapterError,
    MissingCookie,
    RateLimited,
    RemoteUnavailable,
    SessionInvalid,
    SessionRefused,
    SiteUnavailable,
    UnexpectedBody,
)
from harvestmouse.adapters.mam.classify import not_json, refusal
from harvestmouse.adapters.state.cookie import Cookie
from harvestmouse.adapters.state.refusals import Refusals
from harvestmouse.adapters.traffic import SITE, Result, Traffic
from harvestmouse.core.wire.coerce import as_float

USER_AGENT = f"harvestmouse/{__version__}"
_MAM_ID = re.compile(r"^\s*mam_id=([^;]*)")
_MAX_AGE = re.compile(r";\s*max-age=([0-9]{1,9})\s*(?:;|$)", re.ASCII | re.IGNORECASE)
_READ_TRIES = 3
# A site that asks for more patience than this, in seconds, gets it by way of the next run.
_LONGEST_WAIT = 60.0
_MOST_BYTES = 32 << 20
_CHUNK = 1 << 16


class Endpoint(Enum):
    """The only places of the site that are ever asked: no login, no pages for people, no vault."""

    PROFILE = "/jsonLoad.php"
    SEARCH = "/tor/js/loadSearchJSONbasic.php"
    DOWNLOAD = "/tor/download.php"
    BUY = "/json/bonusBuy.php/"
    ADDRESS = "/json/jsonIp.php"
    REGISTER = "/json/dynamicSeedbox.php"
    USER_TORRENTS = "/json/loadUserDetailsTorrents.php"


# What the tracker's host answers, and what anybody may ask.
_OF_TRACKER = frozenset({Endpoint.ADDRESS, Endpoint.REGISTER})
_PUBLIC = frozenset({Endpoint.ADDRESS})
# What the site may refuse an API session by itself: that says nothing about the session.
_EXTRA = frozenset({Endpoint.USER_TORRENTS})


class Cookies(Protocol):
    """Where cookies come from and go to."""

    def candidates(self) -> list[Cookie]:
        """Return the cookies to try, best first."""

    def store(self, value: str) -> None:
        """Keep a cookie the site has just set."""


@frozen(kw_only=True)
class Limits:
    """Time limits of one request and the space between two, in seconds."""

    spacing: float = 3.0
    connect: float = 10.0
    read: float = 30.0


@frozen
class Answer:
    """A status and a body."""

    status: int
    content: bytes
    location: str = ""
    retry_after: float | None = None

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.content.decode("utf-8", errors="replace")


@define
class MamSession:
    """One session with the site.

    Attributes:
        base_url: The site; the cookie is sent to it, and to the tracker's host for an address, and nowhere else.
        cookies: Where the cookie is kept.
        announce: Told which cookie is used, in words.
        refusals: Remembers refusals over runs.
        traffic: Counts the requests.
        tracker_url: The tracker's host, where it is another than the site's.
    """

    base_url: str
    cookies: Cookies
    limits: Limits
    announce: Callable[[str], None]
    refusals: Refusals | None = None
    traffic: Traffic = field(factory=Traffic)
    tracker_url: str = field(default="", kw_only=True)
    _http: requests.Session = field(factory=requests.Session, init=False)
    _candidates: list[Cookie] | None = field(default=None, init=False)
    _accepted: bool = field(default=False, init=False)
    _cookie: str = field(default="", init=False, repr=False)
    _last: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Keep requests from storing cookies: the exact string the site sent is kept by hand."""
        self._http.cookies.set_policy(_NoCookies())
        self._http.headers["User-Agent"] = USER_AGENT

    def read(self, endpoint: Endpoint, *, params: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """Ask for something that changes nothing; passing trouble is tried again, twice."""
        for attempt in range(_READ_TRIES):
            try:
                return self._ask(endpoint, params, body)
            except (SiteUnavailable, RateLimited) as error:
                wait = self._pause(attempt, error)
                if attempt == _READ_TRIES - 1 or wait > _LONGEST_WAIT:
                    raise
                time.sleep(wait)
        raise AssertionError  # the loop returns or raises

    def _pause(self, attempt: int, error: SiteUnavailable | RateLimited) -> float:
        """Return how long to wait before the next try: what the site asks for, else longer each time, never alike."""
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        wait = self.limits.spacing * 2**attempt * jitter if error.retry_after is None else error.retry_after
        return max(0.0, wait)

    def once(self, endpoint: Endpoint, *, params: Mapping[str, str] | None = None) -> Answer:
        """Ask for something that may change something: never twice."""
        return self._ask(endpoint, params, None)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _ask(self, endpoint: Endpoint, params: Mapping[str, str] | None, body: Any) -> Answer:
        """Send one request; on a refused first request the other cookie is tried, where there are two."""
        if self._candidates is None:
            if self.refusals is not None:
                self.refusals.check()
            self._candidates = self.cookies.candidates()
            self._next_cookie()
        while True:
            answer, error = self._try(endpoint, params, body)
            if isinstance(error, SessionInvalid) and self._candidates:
                self.announce(f"{endpoint.value}: the cookie was refused")
                self._next_cookie()
                continue
            if isinstance(error, SessionInvalid) and self.refusals is not None and endpoint not in _EXTRA:
                raise self.refusals.note(error)
            if error is not None:
                raise error
            if endpoint not in _PUBLIC and (self._candidates or not self._accepted):
                self._accept()
            return answer

    def _try(
        self, endpoint: Endpoint, params: Mapping[str, str] | None, body: Any
    ) -> tuple[Answer, AdapterError | None]:
        """Send one request, tell what its answer means, and count it."""
        result = Result.NO_ANSWER
        try:
            answer = self._send(endpoint, params, body)
            error = refusal(endpoint.value, answer.status, answer.text, answer.location)
            if error is None and endpoint is not Endpoint.DOWNLOAD:
                error = not_json(endpoint.value, answer.text)
            result = _result(error)
        finally:
            self.traffic.count(SITE, endpoint.name.lower(), result)
        if isinstance(error, RemoteUnavailable):
            error.retry_after = answer.retry_after
        return answer, error

    def _accept(self) -> None:
        """Note that the cookie works: it is not replaced by another candidate, and old refusals are history."""
        self._candidates, self._accepted = [], True
        if self.refusals is not None:
            self.refusals.clear()

    def _next_cookie(self) -> None:
        if not self._candidates:
            raise MissingCookie("there is no cookie for the site: MAM_ID is not set, and the state directory has none")
        cookie = self._candidates.pop(0)
        self._cookie = cookie.value.reveal()
        self.announce(f"using the cookie from {cookie.source}")

    def _send(self, endpoint: Endpoint, params: Mapping[str, str] | None, body: Any) -> Answer:
        self._wait()
        host = (endpoint in _OF_TRACKER and self.tracker_url) or self.base_url
        url = host.rstrip("/") + endpoint.value
        try:
            with self._http.request(
                "GET" if body is None else "POST",
                url,
                params=params,
                json=body,
                headers={} if endpoint in _PUBLIC else {"Cookie": f"mam_id={self._cookie}"},
                timeout=(self.limits.connect, self.limits.read),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._keep_cookie(response)
                content = self._body(endpoint, response)
                headers = response.headers
                wait = as_float(headers.get("Retry-After"))
                return Answer(response.status_code, content, headers.get("Location", ""), wait)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise SiteUnavailable(f"{endpoint.value}: {_reason(error)}") from None
        finally:
            self._last = time.monotonic()

    def _wait(self) -> None:
        if self._last is not None:
            time.sleep(max(0.0, self._last + self.limits.spacing - time.monotonic()))

    def _keep_cookie(self, response: requests.Response) -> None:
        for header in response.raw.headers.getlist("Set-Cookie"):
            match = _MAM_ID.match(header)
            if match is not None and match[1] and match[1] != "deleted":
                self._cookie = match[1]
                self.cookies.store(match[1])
                lifetime = _MAX_AGE.search(header)
                self.traffic.session_seconds = int(lifetime[1]) if lifetime else None

    def _body(self, endpoint: Endpoint, response: requests.Response) -> bytes:
        """Read the body within the read limit as a whole, however slowly it trickles in."""
        deadline = time.monotonic() + self.limits.connect + self.limits.read
        content = bytearray()
        # What has arrived, however little; any other way to read waits until a whole chunk is there.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            content += chunk
            if time.monotonic() > deadline:
                raise SiteUnavailable(f"{endpoint.value}: the answer took longer than {self.limits.read:g} s")
            if len(content) > _MOST_BYTES:
                raise UnexpectedBody(f"{endpoint.value}: the answer is larger than {_MOST_BYTES >> 20} MiB")
        return bytes(content)


class _NoCookies(DefaultCookiePolicy):
    """Neither keep nor send anything by itself."""

    def set_ok(self, cookie: Any, request: Any) -> bool:  # noqa: ARG002 - the standard library's signature
        return False


def _result(error: AdapterError | None) -> Result:
    if error is None:
        return Result.OK
    return Result.REFUSED if isinstance(error, SessionRefused) else Result.FAILED


def _reason(error: Exception) -> str:
    """Say what happened without the address, whose query may hold what is nobody's business."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection within the time limit"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "no answer within the time limit"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS certificate is not accepted"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "the connection was cut in the middle of the answer"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return type(error).__name__
