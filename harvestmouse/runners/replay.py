"""Say what of recorded runs would be decided otherwise today: to people, as JSON, as JUnit."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
from attrs import define, field, frozen

from harvestmouse.core.errors import RecordingError
from harvestmouse.core.units import counted
from harvestmouse.core.wire.plan import dump
from harvestmouse.runners import history
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.interrupt import StopSignal
from harvestmouse.runners.redecide import MANY, Replayed, decided_again
from harvestmouse.runners.report import Exit
from harvestmouse.runners.words import clean

FORMAT = "harvestmouse-replay/1"

_SHOWN_ITEMS = 10


def replay(options: Mapping[str, Any], words: Sequence[str], *, as_json: bool, junit: str | None, update: bool) -> int:
    """Decide recordings again and print what differs; ``1`` where something does, or could not be decided.

    Raises:
        RecordingError: Words name nothing, or the JUnit file cannot be written.
        Terminated: It was told to end.
    """
    policy = load_settings(options).policy
    paths = history.paths_of(words)
    words_of: _Json | _Text = _Json() if as_json else _Text()
    suite = ET.Element("testsuite", name="harvestmouse replay")
    counts: Counter[str] = Counter()
    stop = StopSignal()
    # SIGTERM would leave the processes that decide behind, and raised anywhere it could catch the pool holding a lock.
    with stop.listening(), stop.acting(), _progress(len(paths)) as bar:
        for one in decided_again(paths, policy, update=update):
            stop.between_actions()
            counts[one.result] += 1
            bar.show(words_of.one(one))
            bar.advance()
            if junit is not None:
                suite.append(_case(one))
    print(words_of.end(counts))  # noqa: T201 - it is the result
    if junit is not None:
        _write_junit(Path(junit), suite, counts)
    return Exit.FAILED if counts["differs"] or counts["error"] else Exit.DONE


@frozen
class _Bar:
    """What is printed while a bar may be shown: stdout has the result, stderr the bar.

    Attributes:
        bar: The library's; ``None`` where there is none.
    """

    bar: Any = None

    def show(self, text: str) -> None:
        """Print a part of the result."""
        if text and self.bar is not None and sys.stdout.isatty():
            # Both are on one terminal: the bar leaves its line, and is drawn again below.
            click.echo("\r\033[K", err=True, nl=False)
        print(text, end="", flush=self.bar is not None)  # noqa: T201

    def advance(self) -> None:
        """Count one more."""
        if self.bar is not None:
            self.bar.update(1)


@contextmanager
def _progress(length: int) -> Iterator[_Bar]:
    """Show a bar on a terminal while there is long work."""
    if length <= MANY or not sys.stderr.isatty():
        yield _Bar()
        return
    with click.progressbar(length=length, label="Replaying", file=sys.stderr) as bar:
        yield _Bar(bar)


@define
class _Json:
    """The result as one JSON object, written as it comes."""

    _start: str = f'{{"format": "{FORMAT}", "recordings": ['

    def one(self, one: Replayed) -> str:
        text, self._start = f"{self._start}{dump(_unparse(one))}", ", "
        return text

    def end(self, counts: Mapping[str, int]) -> str:
        return f'], "counts": {dump({key: counts[key] for key in ("same", "differs", "updated", "error")})}}}'


@define
class _Text:
    """The result for people: what differs, and a summary."""

    _policy: Counter[str] = field(factory=Counter)

    def one(self, one: Replayed) -> str:
        self._policy.update(
            f"the policy differs in {figure.subject} of {one.job}: was {_side(figure.was)}, is {_side(figure.now)}"
            for figure in one.policy
        )
        return "".join(f"{line}\n" for line in _lines(one))

    def end(self, counts: Mapping[str, int]) -> str:
        lines = [f"{line} ({counted(count, 'recording')})" for line, count in self._policy.items()]
        total = sum(counts.values())
        words = (
            ("same", "the same"),
            ("differs", "differs" if counts["differs"] == 1 else "differ"),
            ("updated", "updated"),
            ("error", "could not be read"),
        )
        parts = [f"{counts[key]} {word}" for key, word in words if counts[key]]
        return "\n".join([*lines, f"replayed {counted(total, 'recording')}: {', '.join(parts)}"])


def _unparse(one: Replayed) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "job": one.job or None,
        "version": one.version or None,
        "result": one.result,
        "differences": [
            {"subject": it.subject, "name": it.name, "what": it.what, "was": it.was, "is": it.now, "why": it.why}
            for it in one.differences
        ],
        "policy": [{"figure": it.subject, "was": it.was, "is": it.now} for it in one.policy],
        "error": one.error,
    }


def _lines(one: Replayed) -> Iterator[str]:
    if one.result == "same":
        return
    if one.error is not None:
        yield clean(one.error)
        return
    yield clean(f"{one.path}: {_headline(one)}")
    yield from (f"  {line}" for line in _items(one))


def _headline(one: Replayed) -> str:
    count = len(one.differences)
    updated = "updated, " if one.updated else ""
    return f"{updated}{counted(count, 'difference')} ({one.job}, made by {one.version})"


def _items(one: Replayed) -> Iterator[str]:
    for it in one.differences[:_SHOWN_ITEMS]:
        name = f' "{it.name}"' if it.name else ""
        yield clean(f"{it.what} {it.subject}{name}: was {_side(it.was)}, is {_side(it.now)}")
        if it.why:
            yield clean(f"  {it.why}")
    if len(one.differences) > _SHOWN_ITEMS:
        yield f"... and {len(one.differences) - _SHOWN_ITEMS} more; --json shows all"


def _side(value: Any) -> str:
    """Write one side of a difference."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        verdict = value.keys() == {"decision", "reason"}
        return " ".join(value.values()) if verdict else ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return value if isinstance(value, str) else dump(value)


def _case(one: Replayed) -> ET.Element:
    """Return one recording as a case of JUnit."""
    case = ET.Element("testcase", classname=one.job or "recording", name=clean(str(one.path)))
    if one.error is not None:
        ET.SubElement(case, "error", message=clean(one.error))
    elif one.result == "differs":
        ET.SubElement(case, "failure", message=clean(_headline(one))).text = "\n".join(_items(one))
    return case


def _write_junit(path: Path, suite: ET.Element, counts: Mapping[str, int]) -> None:
    suite.attrib |= {
        "tests": str(sum(counts.values())),
        "failures": str(counts["differs"]),
        "errors": str(counts["error"]),
    }
    try:
        ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror or error}") from None
