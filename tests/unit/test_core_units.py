"""Sizes and durations are read as people and the site write them, and written so that they read back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.core.errors import UnitError
from harvestmouse.core.units import (
    counted,
    exact_duration,
    exact_size,
    format_size,
    format_span,
    parse_duration,
    parse_size,
)

KIB, MIB, GIB, TIB, PIB = 1024, 1 << 20, 1 << 30, 1 << 40, 1 << 50


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1 B", 1),
        ("332.5 KiB", 340480),
        ("50 MiB", 50 * MIB),
        ("50MB", 50 * MIB),
        ("1 GiB", GIB),
        ("1gb", GIB),
        ("1,", 1),
        ("  2 tib ", 2 * TIB),
        ("1,002.9 MiB", 1051616870),
        ("1,234,567", 1234567),
        (".5 KiB", 512),
        ("0.00 KiB", 0),
        ("1 PiB", 1 << 50),
    ],
)
def test_a_size_is_read_in_binary_units(text: str, size: int) -> None:
    """Both spellings of a unit are binary, and commas only separate thousands."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", " ", "MiB", "1g", "-1", "-1 MiB", "1 EiB", "1 M i B", "1.2.3", "∞", "٣ MiB", "1e3"]
)
def test_what_is_no_size_is_an_error_that_says_so(text: str) -> None:
    """The error names the text, and shows how a size is written."""
    with pytest.raises(UnitError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (KIB, "1 KiB"),
        (MIB - 1, "1024 KiB"),
        (MIB, "1 MiB"),
        (GIB + GIB // 2, "1.5 GiB"),
        (715 * MIB, "715 MiB"),
        (-GIB, "-1 GiB"),
        (TIB, "1 TiB"),
        (PIB, "1 PiB"),
        (20 * PIB, "20 PiB"),
    ],
)
def test_a_size_is_written_in_the_largest_unit_it_reaches(size: int, text: str) -> None:
    """People see at most two decimals, and no trailing zeros."""
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1000, "1000 B"),
        (KIB, "1 KiB"),
        (50 * MIB, "50 MiB"),
        (GIB, "1 GiB"),
        (TIB, "1 TiB"),
        (3 * PIB, "3 PiB"),
    ],
)
def test_an_exact_size_uses_the_largest_unit_that_divides_it(size: int, text: str) -> None:
    """The configuration file shows sizes without rounding."""
    assert exact_size(size) == text


@given(st.integers(0, 2**63 - 1))
def test_an_exact_size_reads_back(size: int) -> None:
    """Reading what was written gives the same number of bytes."""
    assert parse_size(exact_size(size)) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("1.5s", 1.5),
        ("90m", 5400),
        ("72h", 259200),
        ("3d", 259200),
        ("2w", 1209600),
        ("1d 12h", 129600),
        ("1D12H", 129600),
        (" 1 d 1 s ", 86401),
    ],
)
def test_a_duration_is_a_sum_of_parts_with_units(text: str, seconds: float) -> None:
    """Units may be of either case, and parts may stand apart."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "72", "h", "-3d", "3 years", "1h-", "3dd", "999999999w"])
def test_what_is_no_duration_is_an_error_that_says_so(text: str) -> None:
    """A bare number has no unit, and a span beyond all calendars is none."""
    with pytest.raises(UnitError, match=r"duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=30), "30s"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=100), "100s"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=24), "24h"),
        (timedelta(days=3), "72h"),
        (timedelta(days=4) - timedelta(hours=1), "95h"),
        (timedelta(days=4), "4d"),
        (timedelta(days=14), "14d"),
    ],
)
def test_a_duration_is_written_as_the_configuration_has_it(duration: timedelta, text: str) -> None:
    """Up to three days stay hours, as the site's rule has them."""
    assert exact_duration(duration) == text


@given(st.timedeltas(timedelta(0), timedelta(days=11_000)))
def test_an_exact_duration_reads_back(duration: timedelta) -> None:
    """Reading what was written gives the same duration, to the microsecond."""
    assert parse_duration(exact_duration(duration)) == duration


def test_a_very_long_duration_reads_back() -> None:
    """A span of decades with odd seconds reads back too."""
    duration = timedelta(days=12_000, seconds=1)
    assert parse_duration(exact_duration(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (51600, "14 h 20 min"),
        (86400, "1 d"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    """Waiting times are rounded up, and never negative."""
    assert format_span(seconds) == text


@pytest.mark.parametrize(
    ("count", "torrents", "owe"),
    [
        (0, "0 torrents", "0 torrents owe"),
        (1, "1 torrent", "1 torrent owes"),
        (2, "2 torrents", "2 torrents owe"),
        (21, "21 torrents", "21 torrents owe"),
    ],
)
def test_a_count_agrees_with_its_noun(count: int, torrents: str, owe: str) -> None:
    """And with the verb, where it follows."""
    assert counted(count, "torrent") == torrents
    assert counted(count, "torrent owes", "torrents owe") == owe
