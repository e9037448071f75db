"""Learn from recordings what picks uploaded, and suggest figures of the policy; nothing is applied."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict

from harvestmouse.core.demand import learn
from harvestmouse.core.errors import RecordingError
from harvestmouse.core.wire.plan import dump
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.compare import runs_of
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.history import paths_of
from harvestmouse.runners.learn_words import describe, fragment, told, untold
from harvestmouse.runners.report import Exit

FORMAT = "harvestmouse-demand/1"


def run_learn(
    options: Mapping[str, Any], words: Iterable[str], *, output: str | None = None, as_json: bool = False
) -> int:
    """Print what the picks in the recordings that *words* name tell of demand.

    Args:
        options: The global ones.
        words: Files, folders and patterns.
        output: A new file for the suggested figures; without any it is not written.
        as_json: Print as JSON.

    Raises:
        ConfigError: *output* exists already, or cannot be written.
        RecordingError: There is no recording that can be read.
    """
    policy = load_settings(options).policy.grab
    if output is not None and Path(output).exists():
        raise ConfigError(f"{output} exists already; it was left alone")
    unread: list[str] = []
    demand = learn(runs_of(paths_of(words), unread), policy)
    if not demand.runs:
        raise RecordingError(unread[0])
    suggestion = fragment(demand, policy)
    if as_json:
        whole = {"format": FORMAT, **asdict(demand), "unread": unread}
        sentences = {"told": told(demand, policy), "untold": untold(demand, policy, unread)}
        print(dump({**whole, **sentences, "toml": suggestion}))  # noqa: T201 - it is the result
    else:
        print(describe(demand, policy, unread))  # noqa: T201
    if output is not None:
        _write(output, suggestion)
    return Exit.DONE


def _write(output: str, suggestion: str | None) -> None:
    if suggestion is None:
        print(f"harvestmouse: nothing is suggested, so {output} was not written", file=sys.stderr)  # noqa: T201
        return
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(suggestion)
    except OSError as error:
        raise ConfigError(f"cannot write {output}: {error.strerror}") from None
