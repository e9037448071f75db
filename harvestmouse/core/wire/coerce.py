"""Read values as services write them: numbers in strings, flags in six spellings, text that is a number.

Every function here is total: whatever it is given, it returns the value or ``None`` for *unknown*.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from harvestmouse.core.errors import UnitError
from harvestmouse.core.units import parse_size

_INTEGER = re.compile(r"[+-]?[0-9][0-9,]{0,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9][0-9,]{0,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no"})
# Beyond this no count, size or time of a service is possible.
_MOST = 2**63


def as_int(value: object) -> int | None:
    """Read a whole number: ``5``, ``5.0``, ``"5"`` or ``"1,002"``."""
    # Nearly every value is one; a listing of thousands of torrents passes here.
    if type(value) is int and -_MOST < value < _MOST:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < _MOST else None
    if isinstance(value, float):
        return int(value) if isfinite(value) and value == int(value) and abs(value) < _MOST else None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return as_int(int(value.replace(",", "")))
    return None


def as_float(value: object) -> float | None:
    """Read a finite number: ``5``, ``5.25`` or ``"1,002.5"``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value.replace(",", ""))
    return float(value) if isinstance(value, int | float) and abs(value) < _MOST else None


def as_count(value: object) -> int | None:
    """Read a whole number that is not negative."""
    number = as_int(value)
    return None if number is None or number < 0 else number


def as_flag(value: object) -> bool | None:
    """Read a flag: ``1``, ``"1"``, ``true``, ``"true"``, ``"yes"`` and their opposites."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return None if value not in (0, 1) else bool(value)
    if isinstance(value, str):
        word = value.strip().casefold()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def as_text(value: object) -> str | None:
    """Read text; a title such as ``1984`` arrives as a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and as_float(value) is not None:
        return str(value)
    return None


def as_size(value: object) -> int | None:
    """Read a size in bytes: a number, ``"1,002.9 MiB"`` or ``"1024"``."""
    if not isinstance(value, str):
        return as_count(value)
    try:
        return as_count(parse_size(value))
    except UnitError:
        return None


def as_time(value: object) -> int | None:
    """Read a time in unix seconds: a number, or ``"YYYY-MM-DD HH:MM:SS"``, which the site means as UTC."""
    number = as_int(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        return int(datetime.strptime(value.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def as_names(value: object) -> tuple[str, ...]:
    """Read names from a JSON object inside a string, as in ``author_info``; anything else is no name."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    names = (as_text(name) for name in as_object(value).values())
    return tuple(name for name in names if name)


def as_object(value: object) -> Mapping[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def digest(row: object) -> str:
    """Name a row that has no identity of its own by its content, the same wherever it stands in a listing."""
    from hashlib import sha256  # noqa: PLC0415 - few rows need it, and it takes long to load

    text = json.dumps(row, sort_keys=True, default=repr)
    return "row:" + sha256(text.encode()).hexdigest()[:16]
