"""Fuzz every reader of something that comes from outside, guided by coverage.

Run ``python -m tests.property.fuzz_parsers -max_total_time=600`` where atheris is installed. Whatever is no error of
the project stops it, with the input.
"""

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris  # type: ignore[import-untyped] # installed for long runs only

with atheris.instrument_imports(include=["harvestmouse"]):
    from harvestmouse.core.actions import ACTIONS
    from harvestmouse.core.errors import HarvestmouseError
    from harvestmouse.core.jobs import JOBS
    from harvestmouse.core.plan import Reason, Verdict
    from tests.property import strategies as my
    from tests.property.parsers import BYTES, CONFIG_KEYS, FORMS, TEXTS, TOTAL, config_value, decoded, files

_DEEPEST = 4
_FORMATS = ("harvestmouse-snapshot/1", "harvestmouse-plan/1")
_WORDS = [*my.KEYS, *_FORMATS, *JOBS, *ACTIONS, *Reason, *Verdict, "1,002.9 MiB", "2026-04-19 11:40:00", "0" * 40]


def value(source: Any, depth: int = 0) -> Any:
    """Build a JSON value."""
    kind = source.ConsumeIntInRange(0, 8 if depth < _DEEPEST else 6)
    if kind == 7:
        return [value(source, depth + 1) for _ in range(source.ConsumeIntInRange(0, 4))]
    if kind == 8:
        return {word(source): value(source, depth + 1) for _ in range(source.ConsumeIntInRange(0, 6))}
    make: tuple[Callable[[], object], ...] = (
        lambda: None,
        source.ConsumeBool,
        lambda: source.ConsumeInt(4),
        lambda: source.ConsumeInt(12),
        source.ConsumeFloat,
        lambda: word(source),
        lambda: 1_776_598_800,
    )
    return make[kind]()


def word(source: Any) -> str:
    """Build a text, mostly one that the services use."""
    if source.ConsumeIntInRange(0, 3):
        return str(_WORDS[source.ConsumeIntInRange(0, len(_WORDS) - 1)])
    return str(source.ConsumeUnicode(source.ConsumeIntInRange(0, 30)))


def document(source: Any) -> Any:
    """Build a JSON object of a known format, or any JSON value."""
    shape = source.ConsumeIntInRange(0, 2)
    if shape == 0:
        return value(source)
    form = _FORMATS[shape - 1]
    parts = "mam qbittorrent ledger memory job actions decisions skip figures advice policy".split()  # noqa: SIM905
    known = {"format": form, "taken_at": 1_776_598_800, "decided_at": 1_776_598_800, "job": "grab"}
    return known | {parts[source.ConsumeIntInRange(0, 10)]: value(source) for _ in range(3)}


def targets(directory: Path) -> list[Callable[[Any], object]]:
    """Return what can be fuzzed, each from a source of data."""
    texts = [lambda source, read=read: read(source.ConsumeUnicode(400)) for read in TEXTS.values()]
    values = [lambda source, read=read: read(value(source)) for read in TOTAL.values()]
    forms = [lambda source, read=read: read(document(source)) for read in FORMS.values()]
    raw = {**BYTES, **files(directory)}.values()
    blobs = [lambda source, read=read: read(source.ConsumeBytes(2000)) for read in raw]
    bodies = [lambda source, read=read: read(decoded(source.ConsumeBytes(2000))) for read in FORMS.values()]

    def configured(source: Any) -> object:
        key = CONFIG_KEYS[source.ConsumeIntInRange(0, len(CONFIG_KEYS) - 1)]
        return config_value(key, value(source))

    return [*texts, *values, *forms, *blobs, *bodies, configured]


def main() -> None:
    """Fuzz until the time is up, or something is found."""
    with tempfile.TemporaryDirectory() as directory:
        every = targets(Path(directory))

        def test_one_input(data: bytes) -> None:
            source = atheris.FuzzedDataProvider(data)
            target = every[source.ConsumeIntInRange(0, len(every) - 1)]
            with suppress(HarvestmouseError):
                target(source)

        atheris.Setup(sys.argv, test_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
