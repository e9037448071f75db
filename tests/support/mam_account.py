"""The account, its session, and the switches of the stand-in for the site."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, TypeAlias

from tests.support.torrents import GIB

Clock: TypeAlias = Callable[[], float]
"""Tells the unix time."""

REGISTRATION_SPACING = timedelta(hours=1)


class ManualClock:
    """A clock that moves only when a test says so."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the unix time."""
        return self.now

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span.total_seconds()


@dataclass(kw_only=True)
class Account:
    """What the site knows of the account.

    Attributes:
        classname: None leaves the field out of the profile.
        seedbonus: The balance, as exact as the shop tells it.
        unsat_limit: None leaves the field out of the profile, and never freezes downloads.
        tells_unsat: Whether the profile has the block of unsatisfied torrents at all.
        counts: How many torrents the other blocks of the breakdown have, by the block's name.
    """

    uid: int = 123456
    username: str = "testmouse"
    classname: str | None = "Power User"
    uploaded_bytes: int = 30 * GIB
    downloaded_bytes: int = 10 * GIB
    seedbonus: float = 30_000.5
    wedges: int = 3
    vip_until: datetime | None = None
    unsat_count: int = 2
    unsat_limit: int | None = 100
    tells_unsat: bool = True
    inact_hnr: int = 0
    seed_hnr: int = 0
    connectable: str = "yes"
    counts: dict[str, int] = field(default_factory=lambda: {"sSat": 10, "seedUnsat": 2})


@dataclass(frozen=True, kw_only=True)
class Egress:
    """The address and network from which the site sees its caller."""

    ip: str = "192.0.2.7"
    asn: int = 64496
    organisation: str = "Example Network"


@dataclass(kw_only=True)
class Quirks:
    """What differs between accounts, reports and times; a test may switch any of it while the server runs.

    Attributes:
        old_profile: The breakdown stands at the top of the profile, as before September 2026.
        ratio_digits: Digits after the point of the profile's ratio.
        infinite_ratio: What stands for the ratio when nothing was downloaded.
        unsat_lag: How long the profile does not count a snatch yet.
        flag_lag: How long the search does not show `my_snatched` and `personal_freeleech` yet.
        balance_lag: How long the profile shows the figures from before a purchase.
        rotation: Whether a retired cookie is refused at once, after `grace`, or cookies never change.
        deletes_cookie: Whether a refusal tells the client to delete its cookie.
        one_page: The list of the account's torrents is the same whichever page of it is asked for.
        automatic_wedge: The account's preference to spend a wedge on every download.
    """

    old_profile: bool = False
    ratio_digits: int = 1
    infinite_ratio: str = "∞"
    unsat_lag: timedelta = timedelta()
    flag_lag: timedelta = timedelta()
    balance_lag: timedelta = timedelta()
    rotation: Literal["strict", "grace", "off"] = "strict"
    grace: timedelta = timedelta(minutes=5)
    deletes_cookie: bool = True
    cookie_domain: str | None = None
    cookie_secure: bool = False
    one_page: bool = False
    automatic_wedge: bool = False


class Verdict(StrEnum):
    """What the site makes of a cookie."""

    CURRENT = "current"
    GRACE = "grace"
    RETIRED = "retired"
    WRONG = "wrong"
    NONE = "none"
    ELSEWHERE = "elsewhere"

    @property
    def admitted(self) -> bool:
        """Whether the caller is signed in."""
        return self in (Verdict.CURRENT, Verdict.GRACE)


class Session:
    """The one session of the account, and the cookie that proves it.

    Attributes:
        cookie: The value that is valid now.
        retired_presented: How often a value came that had been replaced before.
        disabled: The account is disabled: every cookie is refused like a dead one.
        locked_elsewhere: The session is bound to another network ("ASN") or address ("IP") than the caller's.
        may_register: The session was created with the right to set the seedbox address.
    """

    def __init__(self, quirks: Quirks, clock: Clock) -> None:
        self._quirks = quirks
        self._clock = clock
        self._made = 0
        self._retired: dict[str, float] = {}
        self.retired_presented = 0
        self.disabled = False
        self.locked_elsewhere: Literal["ASN", "IP"] | None = None
        self.may_register = True
        self.cookie = self._make()
        # The first session is an old one, so that it may register an address at once.
        self.last_registration = clock() - REGISTRATION_SPACING.total_seconds()

    def _make(self) -> str:
        self._made += 1
        digest = hashlib.sha256(b"cookie %d" % self._made).hexdigest()
        return f"{digest[:20]}%3D,{digest[20:40]}%2B{digest[40:60]}=="

    def mint(self) -> str:
        """Begin a new session as its owner does on the site's pages; all older cookies are dead."""
        self._retired.clear()
        self.cookie = self._make()
        self.last_registration = self._clock()
        return self.cookie

    def judge(self, value: str | None) -> Verdict:
        """Say whether a request with this cookie, taken verbatim, is signed in."""
        if not value:
            return Verdict.NONE
        retired_at = self._retired.get(value)
        self.retired_presented += retired_at is not None
        if self.disabled or (retired_at is None and value != self.cookie):
            return Verdict.WRONG
        if retired_at is not None and not self._is_in_grace(retired_at):
            return Verdict.RETIRED
        if self.locked_elsewhere:
            return Verdict.ELSEWHERE
        return Verdict.CURRENT if retired_at is None else Verdict.GRACE

    def _is_in_grace(self, retired_at: float) -> bool:
        return self._quirks.rotation == "grace" and self._clock() < retired_at + self._quirks.grace.total_seconds()

    def rotate(self, verdict: Verdict) -> str | None:
        """Replace the cookie after a request, and return what the client is told."""
        if not verdict.admitted or self._quirks.rotation == "off":
            return None
        if verdict is Verdict.CURRENT:
            self._retired[self.cookie] = self._clock()
            self.cookie = self._make()
        return self.cookie
