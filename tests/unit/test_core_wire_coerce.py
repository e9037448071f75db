"""Values are read in every spelling the services use, and anything else is unknown."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from harvestmouse.core.wire.coerce import (
    as_count,
    as_flag,
    as_float,
    as_int,
    as_object,
    as_size,
    as_text,
    as_time,
    digest,
)

NAN, INF = float("nan"), float("inf")
Reader = Callable[[object], Any]

_READ: list[tuple[Reader, object, object]] = [
    (as_int, 5, 5),
    (as_int, -5, -5),
    (as_int, 5.0, 5),
    (as_int, "5", 5),
    (as_int, " 5 ", 5),
    (as_int, "-5", -5),
    (as_int, "1,002", 1002),
    (as_int, 2**63 - 1, 2**63 - 1),
    (as_float, 5, 5.0),
    (as_float, 5.25, 5.25),
    (as_float, "1,002.5", 1002.5),
    (as_float, "1e3", 1000.0),
    (as_count, 0, 0),
    (as_count, "7", 7),
    (as_flag, 0, False),
    (as_flag, 1, True),
    (as_flag, 1.0, True),
    (as_flag, "0", False),
    (as_flag, "1", True),
    (as_flag, " 1 ", True),
    (as_flag, True, True),
    (as_flag, False, False),
    (as_flag, "true", True),
    (as_flag, "False", False),
    (as_flag, "yes", True),
    (as_flag, "no", False),
    (as_text, "It", "It"),
    (as_text, "", ""),
    (as_text, 1984, "1984"),
    (as_text, 19.84, "19.84"),
    (as_size, 1024, 1024),
    (as_size, "1024", 1024),
    (as_size, "1,002.9 MiB", 1051616870),
    (as_size, "332.5 KiB", 340480),
    (as_size, "0.00 KiB", 0),
    (as_time, 1776598800, 1776598800),
    (as_time, "1776598800", 1776598800),
    (as_time, "2026-04-19 11:40:00", 1776598800),
    (as_time, "1970-01-01 00:00:00", 0),
    (as_object, {"a": 1}, {"a": 1}),
]

_UNKNOWN: list[Any] = [
    (as_int, True),
    (as_int, 5.5),
    (as_int, NAN),
    (as_int, INF),
    (as_int, 2**63),
    (as_int, float(2**63)),
    (as_int, 1e300),
    (as_int, "5.0"),
    (as_int, ""),
    (as_int, "∞"),
    (as_int, "٣"),
    (as_int, None),
    (as_int, [5]),
    (as_float, False),
    (as_float, "∞"),
    (as_float, "Inf."),
    (as_float, "nan"),
    (as_float, NAN),
    (as_float, INF),
    (as_float, "1e999"),
    (as_float, 2**63),
    (as_float, 2.0**63),
    (as_float, "1e30"),
    (as_float, -1e30),
    (as_float, 10**400),
    (as_float, None),
    (as_count, -1),
    (as_count, "-1"),
    (as_flag, 2),
    (as_flag, -1),
    (as_flag, NAN),
    (as_flag, "2"),
    (as_flag, ""),
    (as_flag, None),
    (as_flag, []),
    (as_text, None),
    (as_text, True),
    (as_text, INF),
    pytest.param(as_text, 10**5000, id="a number of 5001 digits"),
    (as_text, {}),
    (as_size, -1),
    (as_size, "-1 MiB"),
    (as_size, "big"),
    (as_size, ""),
    (as_size, True),
    (as_size, 9e30),
    (as_size, "99999999 PiB"),
    (as_time, "yesterday"),
    (as_time, "2026-13-01 00:00:00"),
    (as_time, "0000-00-00 00:00:00"),
    (as_time, 1.5),
    (as_time, None),
]


@pytest.mark.parametrize(("read", "value", "expected"), _READ)
def test_every_spelling_in_use_is_read(read: Reader, value: object, expected: object) -> None:
    """Thousands separators, numbers in text, six spellings of a flag, titles that are numbers."""
    found = read(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("read", "value"), _UNKNOWN)
def test_anything_else_is_unknown(read: Reader, value: object) -> None:
    """Unknown is never zero, and never an error."""
    assert read(value) is None


@pytest.mark.parametrize("value", [None, [], "{}", 5, True])
def test_what_is_no_object_is_an_empty_one(value: object) -> None:
    """So that a look-up in it finds nothing."""
    assert as_object(value) == {}


def test_a_digest_names_a_row_by_its_content() -> None:
    """The order of keys does not matter; any other difference does."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest(None).startswith("row:")
    assert re.fullmatch("row:[0-9a-f]{16}", digest({"a": 1}))


def test_even_what_json_cannot_hold_has_a_digest() -> None:
    """Every function here is total."""
    assert digest({"a": {1}}) != digest({"a": {2}})


def test_a_time_in_words_is_utc_wherever_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site means UTC, whatever the machine's zone is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert as_time("2026-04-19 11:40:00") == 1776598800
    finally:
        monkeypatch.undo()
        time.tzset()
