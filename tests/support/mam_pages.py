"""What each endpoint of the stand-in for the site answers, and how it reads what it is asked."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from tests.support.mam_account import Verdict
from tests.support.mam_faults import JSON, LOGIN_PAGE, Reply
from tests.support.mam_world import RefusedError, World

NOT_SIGNED_IN = "Error, you are not signed in <br />"

Page: TypeAlias = Callable[["Call"], Reply]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One line of the server's log; the cookie is there only by what the site made of it.

    Attributes:
        path: As it was asked for, what follows the script's name included.
        endpoint: The path up to the script's name.
        body: The parsed form or JSON; the text where the body is neither; None without a body.
    """

    method: str
    path: str
    endpoint: str
    query: dict[str, list[str]]
    body: object
    user_agent: str | None
    cookie: Verdict


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it came in."""

    method: str
    target: str
    content_type: str = ""
    raw_body: bytes = b""
    user_agent: str | None = None
    cookie: str | None = field(default=None, repr=False)

    @cached_property
    def path(self) -> str:
        """The path, as it was asked for."""
        return urlsplit(self.target).path

    @cached_property
    def endpoint(self) -> str:
        """The path up to the script's name."""
        return re.sub(r"(\.php)/.*$", r"\1", self.path)

    @property
    def rest(self) -> str:
        """What follows the script's name in the path."""
        return self.path[len(self.endpoint) :].strip("/")

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The query, in order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query, of which the last word on each name counts."""
        return dict(self.pairs)

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """The parsed body, or None where it is not what its content type says."""
        text = self.raw_body.decode("utf-8", "replace")
        match self.content_type.partition(";")[0].strip().lower():
            case "application/json":
                return _json_object(text)
            case "application/x-www-form-urlencoded" if not text.lstrip().startswith("{"):
                return nested(parse_qsl(text, keep_blank_values=True))
            case "" if not text:
                return {}
        return None

    def logged(self, verdict: Verdict) -> Request:
        """Make the line of the log."""
        text = self.raw_body.decode("utf-8", "replace")
        return Request(
            method=self.method,
            path=self.path,
            endpoint=self.endpoint,
            query=parse_qs(urlsplit(self.target).query, keep_blank_values=True),
            body=None if not text else text if self.body is None else self.body,
            user_agent=self.user_agent,
            cookie=verdict,
        )


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read form keys such as `tor[cat][]` as the site's language does; a list becomes a numbered mapping."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        head, _, tail = key.partition("[")
        names = [head, *re.findall(r"\[?([^\[\]]*)\]", tail)]
        place = root
        for name, _next in pairwise(names):
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[names[-1] or str(len(place))] = value
    return root


def json_reply(body: object, *, status: int = 200, indent: int | None = None) -> Reply:
    """Answer with JSON."""
    return Reply(status=status, body=json.dumps(body, indent=indent).encode(), content_type=JSON)


class Pages:
    """The site's endpoints over a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._signed_in: Mapping[str, Page] = {
            "/jsonLoad.php": self._profile,
            "/tor/js/loadSearchJSONbasic.php": self._search,
            "/tor/download.php": self._download,
            "/json/bonusBuy.php": lambda call: json_reply(world.buy(call.query)),
            "/json/loadUserDetailsTorrents.php": lambda call: json_reply(world.user_torrents(call.query)),
            "/json/checkCookie.php": lambda _: json_reply({"Success": True}),
        }

    def reply(self, call: Call, verdict: Verdict) -> Reply:
        """Answer a request whose cookie was judged."""
        if call.method == "POST" and not call.endpoint.startswith("/tor/js/"):
            return Reply(status=405)
        match call.endpoint:
            case "/login.php":
                return Reply(body=LOGIN_PAGE.encode())
            case "/json/jsonIp.php":
                return json_reply(self._world.where() | {"time": int(self._world.clock())})
            case "/json/dynamicSeedbox.php":
                return self._register(verdict)
        page = self._signed_in.get(call.endpoint)
        if page is None:
            return Reply(status=404, body=b"<html><body>404 Not Found</body></html>")
        return page(call) if verdict.admitted else self._refusal(call, verdict)

    def _refusal(self, call: Call, verdict: Verdict) -> Reply:
        if verdict is Verdict.NONE and call.endpoint == "/tor/download.php" and call.rest:
            text = f"ip {self._world.egress.ip} does not match account, and no auth cookie provided"
            return Reply(status=401, body=text.encode())
        reason = "Invalid/missing cookie"
        if verdict is Verdict.ELSEWHERE:
            reason = f"Invalid session - {self._world.session.locked_elsewhere} mismatch"
        return Reply(status=403, body=(NOT_SIGNED_IN + reason).encode())

    def _profile(self, call: Call) -> Reply:
        return json_reply(self._world.profile(call.query.keys()), indent=4 if "pretty" in call.query else None)

    def _search(self, call: Call) -> Reply:
        """Search by the query of a GET, or the body of a POST, which is ignored where its type is wrong."""
        root = nested(call.pairs) if call.method == "GET" else call.body
        return Reply() if root is None else json_reply(self._world.search(root))

    def _download(self, call: Call) -> Reply:
        try:
            torrent = self._world.torrent(call.rest or call.query.get("tid", ""))
            body = self._world.download(torrent, wedge=call.query.get("fl", "0") != "0")
        except RefusedError as refusal:
            return Reply(status=refusal.status, body=refusal.text.encode())
        name = quote(f"[M] {torrent.title}.torrent", safe=" []")
        headers = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Reply(body=body, content_type="application/x-bittorrent", headers=headers)

    def _register(self, verdict: Verdict) -> Reply:
        status, message = self._world.register_address(verdict)
        body = {"Success": status == 200, "msg": message} | self._world.where()
        return json_reply(body, status=status)
