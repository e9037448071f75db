"""What a line of a crontab means, held against another reader of crontabs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from harvestmouse.runners.config import ConfigError, Given, load
from harvestmouse.runners.serve.crontab import Crontab, CrontabError, longest_wait, parse
from harvestmouse.runners.settings import ServeSettings, host_and_port

START = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


def starts(line: Crontab) -> Iterator[datetime]:
    """Yield every minute of a line after START, by asking minute after minute of the days that it names."""
    day = START.replace(hour=0, minute=0)
    while True:
        weekday = day.isoweekday() % 7
        found = (day.day in line.days, weekday in line.weekdays)
        if day.month in line.months and (any(found) if line.either else all(found)):
            times = (day.replace(hour=hour, minute=minute) for hour in line.hours for minute in line.minutes)
            yield from (time for time in times if time > START)
        day += timedelta(days=1)


def span(lowest: int, highest: int) -> st.SearchStrategy[str]:
    number = st.integers(lowest, highest)
    # The other reader takes 5-5/10 for 5/10.
    two = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    step = st.integers(1, 9)
    return st.one_of(
        st.just("*"),
        step.map("*/{}".format),
        number.map(str),
        two.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(two, step).map(lambda one: f"{one[0][0]}-{one[0][1]}/{one[1]}"),
        st.lists(number.map(str), min_size=1, max_size=3).map(",".join),
    )


LINES = st.tuples(span(0, 59), span(0, 23), span(1, 28), span(1, 12), span(0, 7)).map(" ".join)


class TestMeaning:
    """What operators know of cron holds here."""

    @given(LINES)
    @settings(deadline=None)
    def test_is_that_of_cron(self, line: str) -> None:
        """The rule for two limited kinds of days is the one that readers get wrong."""
        expected = islice(CronSim(line, START), 5)
        assert list(islice(starts(parse(line)), 5)) == list(expected)

    def test_names_are_numbers(self) -> None:
        """In either case."""
        assert parse("0 0 * JAN,mar-may sun,Fri") == parse("0 0 * 1,3-5 0,5")

    @pytest.mark.parametrize("sunday", ["0", "7", "sun"])
    def test_sunday_has_two_numbers(self, sunday: str) -> None:
        assert parse(f"0 0 * * {sunday}").weekdays == (0,)

    def test_a_day_that_a_leap_year_has_is_a_day(self) -> None:
        assert parse("0 0 29 2 *").days == (29,)


class TestErrors:
    """A wrong line ends the start, not some night's run."""

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("* * * *", "4 fields, not 5"),
            ("@hourly", "1 field, not 5"),
            ("60 * * * *", "minute '60'"),
            ("* 24 * * *", "hour '24'"),
            ("* * 0 * *", "day of the month '0'"),
            ("* * * 13 *", "month '13'"),
            ("* * * * 8", "weekday '8'"),
            ("9-5 * * * *", "minute '9-5'"),
            ("*/0 * * * *", "minute '*/0'"),
            ("5/10 * * * *", "minute '5/10'"),
            ("1,,2 * * * *", "minute '1,,2'"),
            ("-5 * * * *", "minute '-5'"),
            ("² * * * *", "minute '²'"),
            ("mon * * * *", "minute 'mon'"),
            ("0 0 31 2,4 *", "no such day"),
        ],
    )
    def test_say_what_is_wrong(self, line: str, words: str) -> None:
        with pytest.raises(CrontabError) as error:
            parse(line)
        assert words in str(error.value)
        assert "write" in str(error.value)

    def test_of_the_configuration_name_key_value_and_source(self) -> None:
        wrong = {("serve", "grab"): Given("every hour", "harvestmouse.toml")}
        with pytest.raises(ConfigError, match=r"\[serve\] grab = 'every hour' is no line.*\(from harvestmouse.toml\)"):
            load({}, None, wrong)

    def test_an_empty_line_is_never(self) -> None:
        assert load({"HARVESTMOUSE_SERVE_GRAB": ""}, None, {("serve", "grab"): Given("", "x")}).serve.grab == ""


class TestLongestWait:
    """How long a job can have to wait for its next run, by its schedule."""

    @pytest.mark.parametrize(
        ("line", "wait"),
        [
            ("* * * * *", timedelta(minutes=1)),
            ("*/15 * * * *", timedelta(minutes=15)),
            ("*/40 * * * *", timedelta(minutes=40)),
            ("20 */6 * * *", timedelta(hours=6)),
            ("0 3 * * *", timedelta(days=1)),
            ("0 8-20 * * *", timedelta(hours=12)),
            ("30 9,17 * * 1-5", timedelta(days=2, hours=16)),
            ("0 0 1 * *", timedelta(days=31)),
            ("0 0 1 * mon", timedelta(days=7)),
            ("0 0 29 2 *", timedelta(days=4 * 365 + 1)),
        ],
    )
    def test_is_that_of_the_calendar(self, line: str, wait: timedelta) -> None:
        assert longest_wait(line) == wait

    @pytest.mark.parametrize("line", ["*/7 5-9 * * *", "13 2,3 1-9 * 2", "5 4 */2 * 0"])
    def test_is_the_longest_between_the_times_of_four_years(self, line: str) -> None:
        times = takewhile(lambda time: time.year < 2031, CronSim(line, START))
        assert longest_wait(line) == max(later - earlier for earlier, later in pairwise(times))


class TestListen:
    """Where the page is."""

    @pytest.mark.parametrize(
        ("text", "address"),
        [("127.0.0.1:9798", ("127.0.0.1", 9798)), ("[::1]:0", ("::1", 0)), ("localhost:80", ("localhost", 80))],
    )
    def test_is_a_host_and_a_port(self, text: str, address: tuple[str, int]) -> None:
        assert host_and_port(text) == address

    @pytest.mark.parametrize(
        "text", ["", "9798", ":9798", "localhost", "localhost:", "a:99999", "a:x", "http://a:1", "a:1/b", "u@a:1"]
    )
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(ConfigError, match=r"\[serve\] listen = .* is no address to listen on; write it as"):
            load({}, None, {("serve", "listen"): Given(text, "the test")})

    def test_is_loopback_by_default(self) -> None:
        assert host_and_port(ServeSettings().listen)[0] == "127.0.0.1"
