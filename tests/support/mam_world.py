"""The rules between account, catalogue and shop behind the stand-in for the site; no HTTP.

What the objects hold is the truth; where the site lags behind the truth, only what it *shows* lags.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from tests.support.mam_account import REGISTRATION_SPACING, Account, Clock, Egress, Quirks, Session, Verdict
from tests.support.mam_catalogue import (
    CatalogueTorrent,
    Flag,
    dl_hash,
    is_on,
    search,
    size_text,
    spelled_like,
    torrent_file,
)
from tests.support.torrents import GIB, MIB

PRICE_PER_GIB = 500
SMALLEST_UPLOAD_GIB = 50
PRICE_PER_VIP_WEEK = 1250
PRICE_OF_WEDGES = 50_000
VIP_AHEAD = timedelta(days=90)
WEEK = timedelta(weeks=1)
SEED_TIME = timedelta(hours=72)
ROWS_A_PAGE = 250
FREEZE = timedelta(days=1, hours=2, minutes=4, seconds=2)

_BLOCK_NAMES = {
    "leeching": "Leeching Torrents",
    "sSat": "Seeding - Satisfied",
    "seedUnsat": "Seeding - Not Yet Satisfied",
    "inactUnsat": "Not Seeding - Not Yet Satisfied",
    "inactSat": "Not Seeding - Satisfied",
    "upAct": "Seeding -  Uploads",
    "upInact": "Not Seeding - Uploads",
    "inactHnr": "Not Seeding - H&R - Not Yet Satisfied",
    "seedHnr": "Seeding - H&R - Not Yet Satisfied",
    "unsat": "Unsatisfied",
}
_MEAN_SIZE = 200 * MIB


class RefusedError(Exception):
    """The site does not do what was asked, and answers with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class ShopError(Exception):
    """The shop says no, with this text."""


@dataclass(kw_only=True)
class World:
    """An account, a catalogue and the rules between them.

    Attributes:
        egress: From where the site sees its caller; a test may move it.
        registered_ip: The seedbox address that the tracker accepts.
        snatched: The ids of the torrents downloaded, in order, each once.
        seeded: Seconds that the tracker has counted of what was downloaded, by the torrents' ids.
        frozen_at: When downloads were last frozen for going past the limit.
    """

    account: Account
    catalogue: list[CatalogueTorrent]
    quirks: Quirks
    clock: Clock
    tracker_url: str
    passkey: str
    egress: Egress = Egress()
    registered_ip: str | None = None
    snatched: list[int] = field(default_factory=list)
    seeded: dict[int, int] = field(default_factory=dict)
    frozen_at: datetime | None = None
    session: Session = field(init=False)
    _uncounted: list[datetime] = field(default_factory=list)
    _unshown: dict[tuple[int, str], datetime] = field(default_factory=dict)
    _old_figures: tuple[datetime, Account] | None = None

    def __post_init__(self) -> None:
        self.session = Session(self.quirks, self.clock)

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    # --- profile ----------------------------------------------------------------------------------------

    def profile(self, flags: Collection[str]) -> dict[str, object]:
        """Show the account; the parts that a flag asks for come only with the flag, and never with an id."""
        account = self._shown()
        body: dict[str, object] = {
            "classname": account.classname,
            "downloaded": size_text(account.downloaded_bytes, 2),
            "downloaded_bytes": account.downloaded_bytes,
            "ratio": self._ratio(account, self.quirks.ratio_digits),
            "seedbonus": int(account.seedbonus),
            "uid": account.uid,
            "uploaded": size_text(account.uploaded_bytes, 2),
            "uploaded_bytes": account.uploaded_bytes,
            "username": account.username,
            "vip_until": f"{account.vip_until:%Y-%m-%d %H:%M:%S}" if account.vip_until else None,
            "wedges": account.wedges,
        }
        if account.classname is None:
            del body["classname"]
        return body if "id" in flags else body | self._asked_for(account, flags)

    def _asked_for(self, account: Account, flags: Collection[str]) -> dict[str, object]:
        parts: dict[str, object] = {}
        if "notif" in flags:
            parts["notifs"] = dict.fromkeys(("pms", "aboutToDropClient", "tickets", "waiting_tickets", "requests"), 0)
        if "clientStats" in flags:
            parts["clientStats"] = [{"ip": self.egress.ip, "port": 6881, "connectable": account.connectable}]
        if "snatch_summary" in flags and self.quirks.old_profile:
            red = {name: {**block, "red": False} for name, block in self._blocks(account).items()}
            parts |= self._summary(account) | red
            parts |= {"country_code": "nl", "country_name": "Netherlands", "update": int(self.clock())}
        elif "snatch_summary" in flags:
            created = {"created_at": f"{self.now:%Y-%m-%d %H:%M:%S}"}
            parts["snatch_summary"] = self._summary(account) | self._blocks(account) | created
        return parts

    def _summary(self, account: Account) -> dict[str, object]:
        return {
            "connectable": account.connectable,
            "created": int(self.clock()),
            "duplicates": {"count": 0, "name": "Duplicate peer entries"},
            "reseed": {"count": 0, "inactive": 0, "name": "Reseed requests"},
            "ite": {"count": 0, "latest": 0, "name": "Important Tracker Errors"},
            "partial": False,
            "recently_deleted": 0,
            "ipv6_mac": False,
            "v6_connectable": None,
        }

    def _blocks(self, account: Account) -> dict[str, dict[str, object]]:
        special = {"unsat": account.unsat_count, "inactHnr": account.inact_hnr, "seedHnr": account.seed_hnr}
        counts = account.counts | special
        blocks: dict[str, dict[str, object]] = {}
        for key, name in _BLOCK_NAMES.items():
            count = counts.get(key, 0)
            blocks[key] = {"count": count, "name": name, "size": count * _MEAN_SIZE or None}
        if account.unsat_limit is not None:
            blocks["unsat"]["limit"] = account.unsat_limit
        if not account.tells_unsat:
            del blocks["unsat"]
        return blocks

    def _shown(self) -> Account:
        """Copy the account as the site shows it now, lags included."""
        uncounted = sum(due > self.now for due in self._uncounted)
        shown = replace(self.account, unsat_count=max(0, self.account.unsat_count - uncounted))
        if self._old_figures is None or self.now >= self._old_figures[0]:
            return shown
        old = self._old_figures[1]
        return replace(shown, seedbonus=old.seedbonus, uploaded_bytes=old.uploaded_bytes, vip_until=old.vip_until)

    def _ratio(self, account: Account, digits: int) -> float | str:
        if not account.downloaded_bytes:
            return self.quirks.infinite_ratio
        return round(account.uploaded_bytes / account.downloaded_bytes, digits)

    # --- search and download ----------------------------------------------------------------------------

    def search(self, root: Mapping[str, object]) -> dict[str, object]:
        """Answer a search; see `mam_catalogue.search`."""
        return search(self.catalogue, root, passkey=self.passkey, hidden=self._hidden)

    def _hidden(self, torrent: CatalogueTorrent) -> frozenset[str]:
        now = self.now
        return frozenset(name for (id_, name), due in self._unshown.items() if id_ == torrent.id and due > now)

    def user_torrents(self, query: Mapping[str, str]) -> dict[str, object]:
        """List the torrents of one kind that the account has downloaded; of another account none is shown."""
        if query.get("uid") != str(self.account.uid):
            return {"success": False, "rows": []}
        owing = [one for one, seconds in self.seeded.items() if seconds < SEED_TIME.total_seconds()]
        page = 0 if self.quirks.one_page else int(query.get("iteration", "0"))
        listed = owing[page * ROWS_A_PAGE :][:ROWS_A_PAGE] if query.get("type") == "unsat" else []
        return {"success": True, "rows": [self._user_torrent(one) for one in listed]}

    def _user_torrent(self, torrent_id: int) -> dict[str, object]:
        torrent, left = self.torrent(str(torrent_id)), SEED_TIME - timedelta(seconds=self.seeded[torrent_id])
        clock = f"{left.seconds // 3600:02}:{left.seconds // 60 % 60:02}:{left.seconds % 60:02}"
        return {
            "id": str(torrent_id),
            "title": str(torrent.title),
            "size": size_text(torrent.size_bytes, 2),
            "seedtime": str(self.seeded[torrent_id]),
            "STG": f"{left.days}d {clock}" if left.days else clock,
            "free": str(int(is_on(torrent.free))),
            "vip": str(int(is_on(torrent.vip))),
            "finished": "1",
            "uploaderName": "somebody",
        }

    def torrent(self, id_or_dl: str) -> CatalogueTorrent:
        """Find a torrent by its id or by the secret part of its download address."""
        for torrent in self.catalogue:
            if id_or_dl in (str(torrent.id), dl_hash(torrent, self.passkey)):
                return torrent
        raise RefusedError(404, "Torrent not found")

    def info_hash(self, torrent_id: int) -> str:
        """Tell the info-hash that a client finds in the torrent's file."""
        return self._file(self.torrent(str(torrent_id)))[1]

    def _file(self, torrent: CatalogueTorrent) -> tuple[bytes, str]:
        return torrent_file(torrent, f"{self.tracker_url}/{self.passkey}/announce")

    def download(self, torrent: CatalogueTorrent, *, wedge: bool) -> bytes:
        """Hand out a .torrent file, which makes the torrent snatched and unsatisfied.

        A wedge is spent whatever the torrent's flags say, since the site does not look either.
        """
        self._refuse_past_limit(torrent)
        if (wedge or self.quirks.automatic_wedge) and self.account.wedges > 0:
            self.account.wedges -= 1
            torrent.personal_freeleech = self._set(torrent, "personal_freeleech")
        if not is_on(torrent.my_snatched):
            torrent.my_snatched = self._set(torrent, "my_snatched")
            self.snatched.append(torrent.id)
            self.seeded.setdefault(torrent.id, 0)
            self.account.unsat_count += 1
            self._uncounted.append(self.now + self.quirks.unsat_lag)
        return self._file(torrent)[0]

    def _set(self, torrent: CatalogueTorrent, name: Literal["my_snatched", "personal_freeleech"]) -> Flag:
        self._unshown[torrent.id, name] = self.now + self.quirks.flag_lag
        return spelled_like(getattr(torrent, name), on=True)

    def _refuse_past_limit(self, torrent: CatalogueTorrent) -> None:
        """Freeze downloads at the first one past the limit, and refuse all until the freeze is over."""
        account, now = self.account, self.now
        past = account.unsat_limit is not None and account.unsat_count >= account.unsat_limit
        if self.frozen_at is None or now >= self.frozen_at + FREEZE:
            if not past or is_on(torrent.my_snatched):
                return
            self.frozen_at = now
        left = timedelta(seconds=math.ceil((self.frozen_at + FREEZE - now).total_seconds()))
        clock = f"{left.seconds // 3600:02}:{left.seconds // 60 % 60:02}:{left.seconds % 60:02}"
        remaining = f"{left.days}d {clock}" if left.days else clock
        text = f"Attempted to Download Past Unsatisfied limit. Happened: {self.frozen_at:%Y-%m-%d %H:%M:%S}"
        raise RefusedError(200, f"{text} Time Till Download Allowed: {remaining}")

    # --- shop -------------------------------------------------------------------------------------------

    def buy(self, query: Mapping[str, str]) -> dict[str, object]:
        """Sell upload or VIP for points; a refusal is an answer like any other."""
        kind = query.get("spendtype", "")
        try:
            amount = self._sell(kind, query)
        except ShopError as refusal:
            return {"error": str(refusal), "success": False}
        return {"success": True, "type": kind, "amount": int(amount) if amount % 1 == 0 else amount} | self._receipt()

    def _sell(self, kind: str, query: Mapping[str, str]) -> float:
        if kind == "upload":
            return self._buy_upload(query.get("amount", ""))
        if kind == "VIP":
            return self._buy_vip(query.get("duration", ""))
        if kind == "wedges" and self.account.seedbonus < PRICE_OF_WEDGES:
            raise ShopError("Insufficient funds")
        raise ShopError("Not allowed via API")

    def _buy_upload(self, text: str) -> float:
        affordable = self.account.seedbonus // PRICE_PER_GIB
        gib = affordable if text.strip() == "Max Affordable" else _amount(text)
        if gib < SMALLEST_UPLOAD_GIB:
            raise ShopError(
                "Automated spenders are limited to buying at least 50 GB of upload at a time, due to log spam"
            )
        self._pay(gib * PRICE_PER_GIB)
        self.account.uploaded_bytes += int(gib * GIB)
        return gib

    def _buy_vip(self, duration: str) -> float:
        """Add whole or part weeks up to the limit ahead; less than one week is refused."""
        if duration not in ("4", "8", "12", "max"):
            raise ShopError("Invalid duration specified")
        held_until = max(self.account.vip_until or self.now, self.now)
        addable = (self.now + VIP_AHEAD - held_until) / WEEK
        weeks = addable if duration == "max" else min(float(duration), addable)
        if weeks < 1:
            raise ShopError("Min VIP is 1 week purchased for Automated methods")
        self._pay(weeks * PRICE_PER_VIP_WEEK)
        self.account.vip_until = held_until + weeks * WEEK
        return round(weeks, 2)

    def _pay(self, points: float) -> None:
        if points > self.account.seedbonus:
            raise ShopError("Not enough bonus, s1")
        if self._old_figures is None or self.now >= self._old_figures[0]:
            self._old_figures = (self.now + self.quirks.balance_lag, replace(self.account))
        self.account.seedbonus -= points

    def _receipt(self) -> dict[str, object]:
        account = self.account
        return {
            "seedbonus": round(account.seedbonus, 3),
            "uploaded": account.uploaded_bytes,
            "downloaded": account.downloaded_bytes,
            "uploadFancy": size_text(account.uploaded_bytes, 2),
            "downloadFancy": size_text(account.downloaded_bytes, 2),
            "ratio": self._ratio(account, 2),
        }

    # --- addresses --------------------------------------------------------------------------------------

    def where(self) -> dict[str, object]:
        """Tell the caller from where it is seen."""
        return {"ip": self.egress.ip, "ASN": self.egress.asn, "AS": self.egress.organisation}

    def register_address(self, verdict: Verdict) -> tuple[int, str]:
        """Make the caller's address the seedbox's, and return the status and the message."""
        if verdict is Verdict.NONE:
            return 403, "No Session Cookie"
        if verdict is Verdict.ELSEWHERE:
            return 403, f"Invalid session - {self.session.locked_elsewhere} mismatch"
        if not verdict.admitted:
            return 403, "Invalid session - Invalid Cookie"
        if not self.session.may_register:
            return 403, "Incorrect session type - not allowed this function"
        return self._register()

    def _register(self) -> tuple[int, str]:
        """Change the address, an hour after the last change or the session's beginning at the earliest."""
        if self.registered_ip == self.egress.ip:
            return 200, "No change"
        if self.clock() < self.session.last_registration + REGISTRATION_SPACING.total_seconds():
            return 429, "Last change too recent"
        self.session.last_registration = self.clock()
        self.registered_ip = self.egress.ip
        return 200, "Completed"


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        raise ShopError("Invalid amount specified") from None
    if not math.isfinite(amount):
        raise ShopError("Invalid amount specified")
    return amount
