"""Sizes in bytes, durations and counts, as people and the site write them."""

import re
from datetime import timedelta
from math import ceil

from harvestmouse.core.errors import UnitError

KIB, MIB, GIB, TIB, PIB = (1024**power for power in range(1, 6))
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800

# The site writes binary units under both spellings, so "MB" is read as "MiB".
_SIZE_UNITS = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": GIB, "t": TIB, "p": PIB}
_SIZE = re.compile(
    r"([0-9][0-9,]{0,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})\s*(?:([kmgtp]?)i?b)?", re.IGNORECASE | re.ASCII
)
_DURATION_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?\s*[smhdw]\s*)+", re.IGNORECASE | re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)\s*([smhdw])", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Read a size such as ``"1,002.9 MiB"``, ``"50 MiB"`` or ``"1024"`` into bytes.

    Args:
        text: A number with an optional binary unit; commas separate thousands.

    Raises:
        UnitError: The text is no size.
    """
    from decimal import Decimal  # noqa: PLC0415 - most runs read no size

    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{text!r} is no size; write it as '50 MiB' or '1 GiB'")
    number = Decimal(match[1].replace(",", ""))
    return int(number * _SIZE_UNITS[(match[2] or "").lower()])


def format_size(size: int) -> str:
    """Write bytes in the largest binary unit that shows them well, such as ``"1.5 GiB"``."""
    sign, rest = ("-", -size) if size < 0 else ("", size)
    for unit, factor in (("PiB", PIB), ("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if rest >= factor:
            return f"{sign}{rest / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{sign}{rest} B"


def exact_size(size: int) -> str:
    """Write bytes in the largest unit that divides them, so that `parse_size` gives them back."""
    for unit, factor in (("PiB", PIB), ("TiB", TIB), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``"72h"``, ``"3d"``, ``"1d 12h"`` or ``"30s"``.

    Raises:
        UnitError: The text is no duration.
    """
    from decimal import Decimal  # noqa: PLC0415 - nor a duration

    stripped = text.strip()
    if _DURATION.fullmatch(stripped) is None:
        raise UnitError(f"{text!r} is no duration; write it as '72h', '3d' or '30s'")
    parts: list[tuple[str, str]] = _DURATION_PART.findall(stripped)
    seconds = sum((Decimal(number) * _DURATION_UNITS[unit.lower()] for number, unit in parts), Decimal(0))
    try:
        return timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise UnitError(f"{text!r} is a longer duration than there is time") from None


def exact_duration(duration: timedelta) -> str:
    """Write a duration so that `parse_duration` gives it back: ``"72h"``, ``"14d"``, ``"1.5s"``."""
    seconds, rest = divmod(duration // timedelta(microseconds=1), 1_000_000)
    # Three days stay hours, as the site's rule has them; longer spans read better in days.
    for unit, factor, least in (("d", DAY, 4 * DAY), ("h", HOUR, HOUR), ("m", MINUTE, MINUTE)):
        if seconds >= least and seconds % factor == 0 and not rest:
            return f"{seconds // factor}{unit}"
    return f"{seconds}.{rest:06}".rstrip("0").rstrip(".") + "s"


def format_span(seconds: float) -> str:
    """Write a number of seconds for people, in its two largest units: ``"14 h 20 min"``."""
    left = max(0, ceil(seconds))
    parts: list[str] = []
    for unit, factor in (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", 1)):
        count, left = divmod(left, factor)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun, and the verb where it follows: ``"1 torrent owes"``, ``"2 torrents owe"``.

    Args:
        count: How many.
        one: What follows the count 1.
        many: What follows any other; the one with an "s" where it is left out.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"
