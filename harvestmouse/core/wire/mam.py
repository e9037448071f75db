"""Read the site's bodies: the profile, a page of search results, a purchase's reply, a download's refusal."""

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from harvestmouse.core.model import AccountClass, Malformed, Profile, SearchPage, SearchResult
from harvestmouse.core.units import DAY, HOUR, MINUTE
from harvestmouse.core.wire.coerce import (
    as_count,
    as_flag,
    as_float,
    as_int,
    as_names,
    as_object,
    as_size,
    as_text,
    as_time,
    digest,
)
from harvestmouse.core.wire.redact import keep_result

_CLASSES = {one.value.casefold(): one for one in AccountClass}

# A download refused over the unsatisfied limit says how long the site will go on refusing.
_FREEZE = re.compile(r"past unsatisfied limit", re.IGNORECASE)
_FREEZE_SPAN = re.compile(
    r"time till download allowed:\s*(?:([0-9]{1,3})d\s*)?([0-9]{1,2}):([0-9]{2}):([0-9]{2})", re.IGNORECASE
)
# Each of them makes a torrent free for somebody.
_FREE_FLAGS = ("free", "personal_freeleech", "vip", "fl_vip")
_FREEZE_DEFAULT, _FREEZE_MOST = DAY, 7 * DAY


@frozen(kw_only=True)
class PurchaseReply:
    """What the site said to a purchase.

    Attributes:
        success: ``True`` or ``False`` where the site says so; ``None`` where the reply cannot be read.
        bonus_points: The balance after it.
        error: The site's words where it refused.
    """

    success: bool | None
    bonus_points: float | None = None
    error: str | None = None


def parse_profile(body: object) -> Profile | None:
    """Read ``jsonLoad.php``; ``None`` where the body is no signed-in profile.

    The breakdown of torrents stands under ``snatch_summary``, and stood at the top level until September 2026.
    """
    top = as_object(body)
    if not as_text(top.get("username")):
        return None
    blocks = top.get("snatch_summary")
    summary = blocks if isinstance(blocks, dict) else top
    unsat = as_object(summary.get("unsat"))
    name, vip_end = as_text(top.get("classname")), top.get("vip_until")
    return Profile(
        account_class=None if name is None else _CLASSES.get(name.strip().casefold()),
        class_name=None if name is None else name.strip(),
        uploaded_bytes=as_count(top.get("uploaded_bytes")),
        downloaded_bytes=as_count(top.get("downloaded_bytes")),
        bonus_points=as_float(top.get("seedbonus")),
        vip_until=as_time(vip_end),
        vip_unreadable=as_time(vip_end) is None if vip_end else None,
        unsat_count=as_count(unsat.get("count")),
        unsat_limit=as_count(unsat.get("limit")),
        hit_and_run_count=_sum_counts(summary, "inactHnr", "seedHnr"),
        wedges=as_count(top.get("wedges")),
    )


def parse_search(body: object, now: int) -> SearchPage | None:
    """Read ``loadSearchJSONbasic.php``; ``None`` where the body is no page of results.

    Past the last result the site says ``{"error": "Nothing returned, out of N"}``, which is an empty page.

    Args:
        body: The decoded body.
        now: Unix seconds, for the end of a torrent's time as VIP.
    """
    top = as_object(body)
    rows = top.get("data")
    error = as_text(top.get("error"))
    if error is not None and error.strip().casefold().startswith("nothing returned"):
        total = re.search(r"out of ([0-9,]{1,12})", error, re.IGNORECASE | re.ASCII)
        return SearchPage(found=0 if total is None else as_int(total[1]))
    if not isinstance(rows, list):
        return None
    parsed = [parse_result(row, now) for row in rows]
    found = as_count(top.get("found", top.get("total_found")))
    return SearchPage(
        results=tuple(one for one in parsed if isinstance(one, SearchResult)),
        malformed=tuple(one for one in parsed if isinstance(one, Malformed)),
        found=found,
    )


def parse_result(row: object, now: int) -> SearchResult | Malformed:
    """Read one row of a search page; a fact that is missing makes the row malformed, since it would hold any pick."""
    if not isinstance(row, dict):
        return Malformed(subject=digest(keep_result(row)), problem="the row is no JSON object")
    identity = as_count(row.get("id"))
    title = as_text(row.get("title", row.get("name")))
    facts = {
        "id": identity,
        "title": title,
        "size": as_size(row.get("size")),
        "seeders": as_count(row.get("seeders")),
        "leechers": as_count(row.get("leechers")),
        "my_snatched": as_flag(row.get("my_snatched")),
    }
    missing = [name for name, value in facts.items() if value is None]
    if missing:
        subject = digest(keep_result(row)) if identity is None else str(identity)
        return Malformed(subject=subject, problem=f"cannot read {', '.join(missing)}")
    return _result(row, facts, now)


def parse_seed_times(body: object) -> dict[int, int] | None:
    """Read ``loadUserDetailsTorrents.php``: seed time in seconds by the site's id; ``None`` where it is no such list.

    A row that cannot be read is left out; where that is every row, so is the list.
    """
    top = as_object(body)
    rows = top.get("rows")
    if not isinstance(rows, list) or as_flag(top.get("success")) is False:
        return None
    facts = ((as_count(row.get("id")), as_count(row.get("seedtime"))) for row in map(as_object, rows))
    times = {one: seconds for one, seconds in facts if one is not None and seconds is not None}
    return None if rows and not times else times


def parse_purchase(body: object) -> PurchaseReply:
    """Read ``bonusBuy.php``: refusals come with HTTP 200, so only ``success: true`` is a success."""
    top = as_object(body)
    success = top.get("success")
    return PurchaseReply(
        success=success if isinstance(success, bool) else None,
        bonus_points=as_float(top.get("seedbonus")),
        error=as_text(top.get("error")),
    )


def parse_freeze(text: str) -> int | None:
    """Read for how many seconds the site refuses downloads; ``None`` where the text is no such refusal."""
    if _FREEZE.search(text) is None:
        return None
    span = _FREEZE_SPAN.search(text)
    if span is None:
        return _FREEZE_DEFAULT
    days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
    return min(days * DAY + hours * HOUR + minutes * MINUTE + seconds, _FREEZE_MOST)


def _result(row: Mapping[str, Any], facts: Mapping[str, Any], now: int) -> SearchResult:
    lasts = _lasts(row.get("vip_expire"), now)
    return SearchResult(
        id=facts["id"],
        title=facts["title"],
        authors=as_names(row.get("author_info")),
        size_bytes=facts["size"],
        seeders=facts["seeders"],
        leechers=facts["leechers"],
        free=bool(as_flag(row.get("free"))),
        personal_freeleech=bool(as_flag(row.get("personal_freeleech"))),
        vip=bool(as_flag(row.get("vip"))) and lasts,
        fl_vip=bool(as_flag(row.get("fl_vip"))) and lasts,
        snatched=facts["my_snatched"],
        # A flag that is missing may be on, and a wedge on what is free or VIP is lost or refused.
        takes_wedge=all(as_flag(row.get(name)) is False for name in _FREE_FLAGS),
    )


def _lasts(expires: object, now: int) -> bool:
    """Whether a torrent's time as VIP goes on: 0 is for ever, and an end that is not told may be past."""
    return as_int(expires) == 0 or (as_time(expires) or 0) > now


def _sum_counts(summary: Mapping[str, Any], *names: str) -> int | None:
    counts = [as_count(as_object(summary.get(name)).get("count")) for name in names]
    known = [count for count in counts if count is not None]
    # One block that shows hit-and-runs is enough to know of them.
    total = sum(known)
    return total if len(known) == len(counts) or total else None
