"""What a line of a crontab says: at which minutes, and on which days."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

from attrs import frozen

from harvestmouse.core.units import counted

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = 5
# They have every date, and leap days two and three times.
_DAYS = range(date(2024, 1, 1).toordinal(), date(2033, 1, 1).toordinal())


class CrontabError(ValueError):
    """A line is none of a crontab; the text says what is wrong, and how to write it."""


@frozen(kw_only=True)
class Crontab:
    """One line.

    Attributes:
        weekdays: 0 is Sunday.
        either: A day of the month is enough, and so is a weekday: cron's rule where both are limited.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool


def parse(line: str) -> Crontab:
    """Read a line.

    Raises:
        CrontabError: It is none, or names a time that never comes.
    """
    fields = line.casefold().split()
    if len(fields) != _FIELDS:
        raise CrontabError(
            f"it has {counted(len(fields), 'field')}, not 5; write it as '*/30 * * * *', or '' for never"
        )
    minutes, hours, days, months, weekdays = fields
    read = Crontab(
        minutes=_values("minute", minutes, 0, 59),
        hours=_values("hour", hours, 0, 23),
        days=_values("day of the month", days, 1, 31),
        months=_values("month", months, 1, 12, _MONTHS),
        # As in cron, 7 is Sunday too.
        weekdays=tuple(sorted({day % 7 for day in _values("weekday", weekdays, 0, 7, WEEKDAYS)})),
        either=not days.startswith("*") and not weekdays.startswith("*"),
    )
    if not read.either and min(read.days) > max(_LONGEST[month - 1] for month in read.months):
        raise CrontabError("there is no such day; write days that its months have")
    return read


@cache
def longest_wait(line: str) -> timedelta | None:
    """Return the longest time between two runs of a line; ``None`` where it names one day in nine years.

    Raises:
        CrontabError: It is none of a crontab.
    """
    when = parse(line)
    minutes = sorted(60 * hour + minute for hour in when.hours for minute in when.minutes)
    days = [day for day in _DAYS if _falls_on(when, date.fromordinal(day))]
    between = [later - earlier for earlier, later in pairwise(days)]
    if not between:
        return None
    overnight = max(between) * 24 * 60 - minutes[-1] + minutes[0]
    return timedelta(minutes=max(overnight, *(later - earlier for earlier, later in pairwise(minutes)), 0))


def _falls_on(when: Crontab, day: date) -> bool:
    # Sunday is 7 there.
    of_month, of_week = day.day in when.days, day.isoweekday() % 7 in when.weekdays
    return day.month in when.months and (of_month or of_week if when.either else of_month and of_week)


def _values(name: str, text: str, lowest: int, highest: int, names: Sequence[str] = ()) -> tuple[int, ...]:
    try:
        return tuple(sorted({value for part in text.split(",") for value in _part(part, lowest, highest, names)}))
    except ValueError:
        remedy = f"write numbers from {lowest} to {highest}, as in '*', '*/2', '{lowest}-{lowest + 3}' or '{lowest},3'"
        raise CrontabError(f"{name} {text!r} cannot be read; {remedy}") from None


def _part(text: str, lowest: int, highest: int, names: Sequence[str]) -> Iterator[int]:
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        start, end = lowest, highest
    else:
        start = _number(first, lowest, names)
        end = _number(last, lowest, names) if dash else start
    # Of one value there are no steps.
    if not lowest <= start <= end <= highest or (slash and not (dash or span == "*")):
        raise ValueError(text)
    by = _number(step, 0, ()) if slash else 1
    yield from range(start, end + 1, by)


def _number(text: str, lowest: int, names: Sequence[str]) -> int:
    if text in names:
        return names.index(text) + lowest
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
