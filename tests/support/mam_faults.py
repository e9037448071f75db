"""What can go wrong between the stand-in for the site and its caller."""

from dataclasses import KW_ONLY, dataclass, replace
from http import HTTPStatus
from threading import RLock
from typing import Literal, TypeAlias

HTML = "text/html; charset=UTF-8"
JSON = "application/json"

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Login | My Anonamouse</title></head><body><form></form></body></html>"
MAINTENANCE_PAGE = "<!DOCTYPE html><html><body><h1>The site is down for maintenance</h1></body></html>"

Kind: TypeAlias = Literal[
    "status",
    "maintenance",
    "login_page",
    "empty",
    "redirect",
    "wrong_type",
    "truncated",
    "trickle",
    "cut_body",
    "unrotated",
    "hang",
    "cut",
]

_NEED_A_REPLY = frozenset({"truncated", "trickle", "cut_body", "unrotated"})
_TELL_THE_COOKIE = frozenset({"truncated", "trickle", "cut_body"})


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One response of the site."""

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a request.

    Attributes:
        kind: `status` answers with `status`, `retry_after`, `body` and `content_type`;
            `maintenance`, `login_page` and `empty` are answers with status 200; `redirect` goes to the login page;
            `wrong_type` is a JSON list; `truncated` is the first half of the true body;
            `trickle` sends the true body byte by byte; `cut_body` closes the connection in the true body;
            `unrotated` is the true answer without a new cookie; `hang` says nothing and then closes;
            `cut` closes at once.
        path: The endpoint that fails, such as "/jsonLoad.php"; empty for any.
        times: How many requests fail; None for all to come.
        after: How many matching requests pass first.
        happens: Whether the site does what was asked before its reply is lost: a purchase, a snatch.
            Of the kinds that spoil the true answer it is true anyway.
        cookie: `rotated` replaces the cookie and tells it, `lost` replaces it and does not, `kept` leaves it.
            Where it is None: kept if nothing happens, if nothing is sent, or if the kind is `unrotated`;
            else rotated.
        seconds: How long a `hang` lasts, or the pause before each byte of a `trickle`.
    """

    kind: Kind
    path: str = ""
    _: KW_ONLY
    times: int | None = 1
    after: int = 0
    happens: bool = False
    cookie: Literal["rotated", "lost", "kept"] | None = None
    status: int = 503
    retry_after: int | str | None = None
    body: str | None = None
    content_type: str = HTML
    seconds: float = 10.0

    @property
    def reaches_site(self) -> bool:
        """Whether the request has its effect."""
        return self.happens or self.kind in _NEED_A_REPLY

    @property
    def cookie_fate(self) -> Literal["rotated", "lost", "kept"]:
        """What becomes of the cookie."""
        if self.cookie is not None:
            return self.cookie
        told = self.kind in _TELL_THE_COOKIE or (self.happens and self.kind not in ("hang", "cut", "unrotated"))
        return "rotated" if told else "kept"

    def spoil(self, true_reply: Reply) -> Reply:
        """Make the reply that is sent instead of the true one."""
        replies = {
            "status": self._status_reply(),
            "maintenance": Reply(body=MAINTENANCE_PAGE.encode()),
            "login_page": Reply(body=LOGIN_PAGE.encode()),
            "empty": Reply(),
            "redirect": Reply(status=302, headers=(("Location", "/login.php"),)),
            "wrong_type": Reply(body=b"[]", content_type=JSON),
            "truncated": replace(true_reply, body=true_reply.body[: len(true_reply.body) // 2]),
        }
        return replies.get(self.kind, true_reply)

    def _status_reply(self) -> Reply:
        title = f"{self.status} {HTTPStatus(self.status).phrase}"
        body = f"<html><body><center><h1>{title}</h1></center></body></html>" if self.body is None else self.body
        headers = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return Reply(status=self.status, body=body.encode(), content_type=self.content_type, headers=headers)


class FaultQueue:
    """The faults to come; each request takes the first that is for it."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._waiting: list[Fault] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, *faults: Fault) -> None:
        """Put faults at the end of the queue."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._waiting.clear()

    def take(self, endpoint: str) -> Fault | None:
        """Return what goes wrong with this request; used faults leave the queue."""
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.path not in ("", endpoint):
                    continue
                if fault.after:
                    self._waiting[index] = replace(fault, after=fault.after - 1)
                    continue
                times = None if fault.times is None else fault.times - 1
                self._waiting[index : index + 1] = () if times == 0 else (replace(fault, times=times),)
                return fault
            return None
