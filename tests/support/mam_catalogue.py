"""The torrents of the stand-in for the site, their files, and what its search finds among them."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from tests.support.torrents import KIB, MIB, make_torrent

Flag: TypeAlias = bool | int | str
"""A yes or no in any of the site's spellings: 0 and 1 as number, as text, or as a JSON boolean."""

HiddenFlags: TypeAlias = Callable[["CatalogueTorrent"], frozenset[str]]
"""Tells which flags of a torrent the search does not show as set yet."""

DEFAULT_PAGE = 20
SMALLEST_PAGE = 5
LARGEST_PAGE = 100


def is_on(flag: Flag | None) -> bool:
    """Tell whether a flag says yes."""
    return flag in (1, "1")


def spelled_like(flag: Flag, *, on: bool) -> Flag:
    """Write yes or no in the spelling that another flag has."""
    if isinstance(flag, bool):
        return on
    return str(int(on)) if isinstance(flag, str) else int(on)


@dataclass(kw_only=True)
class CatalogueTorrent:
    """One torrent of the catalogue.

    Attributes:
        size: The size as the search writes it; made from `size_bytes` where it is None.
        fl_vip: Freeleech, VIP or both; follows from `free` and `vip` where it is None.
        numbers_as_text: Whether the search writes the counts as strings.
        row: Fields of the search's row that are to be exactly this, whatever the rest says.
    """

    id: int
    title: str | int = "A Book"
    size_bytes: int = 500 * MIB
    size: str | None = None
    seeders: int = 20
    leechers: int = 5
    times_completed: int = 100
    numfiles: int = 1
    added: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)
    free: Flag = 0
    vip: Flag = 0
    fl_vip: Flag | None = None
    personal_freeleech: Flag = 0
    my_snatched: Flag = 0
    category: int = 63
    main_cat: int = 14
    language: int = 1
    author_info: str | None = '{"8234": "An Author"}'
    narrator_info: str | None = ""
    series_info: str | None = '{"67": ["A Series", "01-16", 1]}'
    numbers_as_text: bool = False
    row: dict[str, object] = field(default_factory=dict)


def sample_catalogue(count: int) -> list[CatalogueTorrent]:
    """Make torrents whose facts follow from their ids, with each spelling and quirk among them."""
    return [_sample(number) for number in range(1, count + 1)]


def _sample(number: int) -> CatalogueTorrent:
    off: Flag = (0, "0", False)[number % 3]
    return CatalogueTorrent(
        id=700_000 + number,
        title=1984 if number % 50 == 0 else f"Sample Book {number}",
        size_bytes=(number * 7919 % 2000 + 20) * MIB + number,
        seeders=number * 37 % 400,
        leechers=number * 13 % 9,
        times_completed=number * 11,
        added=datetime(2026, 11, 20, tzinfo=UTC) - timedelta(hours=number),
        free=spelled_like(off, on=number % 4 == 0),
        vip=spelled_like(off, on=number % 5 == 0),
        personal_freeleech=off,
        my_snatched=off,
        author_info="{broken" if number % 40 == 0 else '{"8234": "An Author"}',
        numbers_as_text=number % 2 == 0,
    )


def size_text(size_bytes: int, digits: int = 1) -> str:
    """Write a size as the site does: binary units, KiB at least, thousands separated by commas."""
    unit, name = KIB, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size_bytes >= unit * 1024:
            unit, name = unit * 1024, larger
    return f"{size_bytes / unit:,.{digits}f} {name}"


def torrent_file(torrent: CatalogueTorrent, announce: str) -> tuple[bytes, str]:
    """Make the .torrent file, and its info-hash; the same torrent always gives the same."""
    title = str(torrent.title).replace("/", "_")
    return make_torrent(f"{title} [{torrent.id}].epub", torrent.size_bytes, announce)


def dl_hash(torrent: CatalogueTorrent, passkey: str) -> str:
    """Make the secret part of the address from which anybody known to the account may download."""
    return hashlib.sha256(f"{passkey}/{torrent.id}".encode()).hexdigest()


# --- the search -------------------------------------------------------------------------------------------


class SearchError(Exception):
    """The search answers with its `error` key, and this text."""


def search(
    catalogue: Iterable[CatalogueTorrent],
    root: Mapping[str, object],
    *,
    passkey: str,
    hidden: HiddenFlags,
) -> dict[str, object]:
    """Answer a search whose parameters are given as the site reads them.

    `perpage` counts at the root only. A page number past the end and a search without a match are the same
    error, told apart by its number.
    """
    try:
        tor = _tor(root)
        found = _ordered([t for t in catalogue if _matches(t, root, tor, hidden(t))], tor)
    except SearchError as error:
        return {"error": str(error)}
    perpage = min(max(int(_number(root, "perpage") or DEFAULT_PAGE), SMALLEST_PAGE), LARGEST_PAGE)
    start = max(0, int(_number(tor, "startNumber") or 0))
    page = found[start : start + perpage]
    if not page:
        return {"error": f"Nothing returned, out of {len(found)}"}
    rows = [_row(torrent, root, passkey, hidden(torrent)) for torrent in page]
    return {"perpage": perpage, "start": start, "data": rows, "total": start + len(page), "found": len(found)}


def _tor(root: Mapping[str, object]) -> Mapping[str, object]:
    tor = root.get("tor", {})
    if not isinstance(tor, Mapping):
        raise SearchError("Invalid search parameters")
    if tor.get("searchIn", "torrents") not in ("torrents", ""):
        raise SearchError("Invalid searchIn")
    return tor


def _number(parameters: Mapping[str, object], key: str) -> float | None:
    """Read a parameter as the site's language would: not a number is no number."""
    try:
        number = float(str(parameters.get(key, "")))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _items(value: object) -> list[str]:
    """Read a list parameter, which arrives as a list, as numbered form keys, or as one value."""
    if isinstance(value, Mapping):
        return [str(item) for item in value.values()]
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _matches(
    torrent: CatalogueTorrent,
    root: Mapping[str, object],
    tor: Mapping[str, object],
    hidden: frozenset[str],
) -> bool:
    return all(
        (
            _has_type(torrent, str(tor.get("searchType") or "all")),
            _in_band(torrent.size_bytes, tor, "Size", _number(tor, "unit") or 1),
            _in_band(torrent.seeders, tor, "Seeders"),
            _in_band(torrent.leechers, tor, "Leechers"),
            _in_band(torrent.times_completed, tor, "Snatched"),
            _is_listed(torrent.category, tor, "cat"),
            _is_listed(torrent.main_cat, tor, "main_cat"),
            # An empty list of languages is a list without the torrent's language: nothing is found.
            "browse_lang" not in tor or str(torrent.language) in _items(tor["browse_lang"]),
            "my_snatched" not in root or (is_on(torrent.my_snatched) and "my_snatched" not in hidden),
            tor.get("id", "") in ("", torrent.id, str(torrent.id)),
            _has_text(torrent, str(tor.get("text") or "")),
            _is_between(torrent, tor),
        )
    )


def _has_type(torrent: CatalogueTorrent, search_type: str) -> bool:
    free, vip = is_on(torrent.free), is_on(torrent.vip)
    answers = {
        "all": True,
        "active": torrent.seeders > 0,
        "inactive": torrent.seeders == 0,
        "fl": free,
        "fl-VIP": free or vip,
        "VIP": vip,
        "nVIP": not vip,
    }
    if search_type not in answers:
        raise SearchError("Invalid searchType")
    return answers[search_type]


def _in_band(value: int, tor: Mapping[str, object], name: str, unit: float = 1) -> bool:
    """Compare with a band; a maximum of 0 is none, since that is what the site's own form sends."""
    least, most = _number(tor, f"min{name}") or 0, _number(tor, f"max{name}") or 0
    return value >= least * unit and (not most or value <= most * unit)


def _is_listed(value: int, tor: Mapping[str, object], key: str) -> bool:
    wanted = _items(tor.get(key, [])) or ["0"]
    return "0" in wanted or str(value) in wanted


def _has_text(torrent: CatalogueTorrent, text: str) -> bool:
    where = f"{torrent.title} {torrent.author_info}".casefold()
    return all(word in where for word in re.findall(r"\w+", text.casefold()))


def _is_between(torrent: CatalogueTorrent, tor: Mapping[str, object]) -> bool:
    """Compare with the dates; the start is included, the end is not."""
    start, end = (_moment(str(tor.get(key) or "")) for key in ("startDate", "endDate"))
    return (start is None or torrent.added >= start) and (end is None or torrent.added < end)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isdigit() else _day(text)
    except ValueError as error:
        raise SearchError("Invalid date") from error


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


_SORTS: Mapping[str, Callable[[CatalogueTorrent], str | float]] = {
    "title": lambda torrent: str(torrent.title).casefold(),
    "file": lambda torrent: torrent.numfiles,
    "size": lambda torrent: torrent.size_bytes,
    "seeders": lambda torrent: torrent.seeders,
    "leechers": lambda torrent: torrent.leechers,
    "snatched": lambda torrent: torrent.times_completed,
    "date": lambda torrent: torrent.added.timestamp(),
    "category": lambda torrent: torrent.category,
    "id": lambda torrent: torrent.id,
}


def _ordered(found: list[CatalogueTorrent], tor: Mapping[str, object]) -> list[CatalogueTorrent]:
    """Sort as asked; ties go by id, in the same direction."""
    sort_type = str(tor.get("sortType") or "default")
    if sort_type == "random":
        return sorted(found, key=lambda torrent: hashlib.sha256(b"%d" % torrent.id).digest())
    if sort_type == "default":
        sort_type = "idDesc" if tor.get("text") else "dateDesc"
    match = re.fullmatch("(.+?)(Asc|Desc)", sort_type)
    key = _SORTS.get(match[1]) if match else None
    if match is None or key is None:
        raise SearchError("Invalid sortType")
    return sorted(found, key=lambda torrent: (key(torrent), torrent.id), reverse=match[2] == "Desc")


def _row(
    torrent: CatalogueTorrent, root: Mapping[str, object], passkey: str, hidden: frozenset[str]
) -> dict[str, object]:
    either = spelled_like(torrent.free, on=is_on(torrent.free) or is_on(torrent.vip))
    flags: dict[str, Flag] = {
        "free": torrent.free,
        "vip": torrent.vip,
        "fl_vip": either if torrent.fl_vip is None else torrent.fl_vip,
        "personal_freeleech": torrent.personal_freeleech,
        "my_snatched": torrent.my_snatched,
    }
    shown = {name: spelled_like(flag, on=False) if name in hidden else flag for name, flag in flags.items()}
    row = {"id": torrent.id, **_description(torrent), **_counts(torrent), **shown}
    if "dlLink" in root:
        row["dl"] = dl_hash(torrent, passkey)
    if "description" in root:
        row["description"] = "<p>What it is about.</p>"
    return row | torrent.row


def _counts(torrent: CatalogueTorrent) -> dict[str, object]:
    counts = {
        "seeders": torrent.seeders,
        "leechers": torrent.leechers,
        "times_completed": torrent.times_completed,
        "numfiles": torrent.numfiles,
        "comments": 0,
    }
    return {name: str(count) if torrent.numbers_as_text else count for name, count in counts.items()}


def _description(torrent: CatalogueTorrent) -> dict[str, object]:
    return {
        "title": torrent.title,
        "size": size_text(torrent.size_bytes) if torrent.size is None else torrent.size,
        "added": f"{torrent.added:%Y-%m-%d %H:%M:%S}",
        "author_info": torrent.author_info,
        "narrator_info": torrent.narrator_info,
        "series_info": torrent.series_info,
        "category": torrent.category,
        "catname": "Ebooks - Fantasy",
        "cat": f'<div class="cat{torrent.category}"></div>',
        "main_cat": torrent.main_cat,
        "maincat": 2,
        "mediatype": 2,
        "categories": json.dumps([torrent.category]),
        "vip_expire": 0,
        "language": torrent.language,
        "lang_code": "ENG",
        "filetype": "epub",
        "tags": "",
        "browseflags": 0,
        "bookmarked": None,
        "owner": 4711,
        "owner_name": "An Uploader",
        "isbn": "",
        "w": 0,
    }
