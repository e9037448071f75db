"""Decide a recorded history again under several policies, and say how they differ."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from attrs import asdict, evolve

from harvestmouse.core.compare import CEILINGS, FLOORS, SCORE_STEPS, Run, compare
from harvestmouse.core.errors import RecordingError
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import PRESETS, Policy
from harvestmouse.core.units import parse_size
from harvestmouse.core.wire.coerce import as_count, as_object, as_time
from harvestmouse.core.wire.plan import dump, parts_of
from harvestmouse.runners import config
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.compare_words import describe, verdict
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.history import Recording, paths_of, read
from harvestmouse.runners.report import Exit, Status

FORMAT = "harvestmouse-comparison/1"
_FEWEST = 2


def run_compare(
    options: Mapping[str, Any], words: Iterable[str], *, policies: Iterable[str], as_json: bool = False
) -> int:
    """Print what several policies make of the recordings that *words* name.

    Raises:
        ConfigError: There are fewer than two policies, or one is unknown.
        RecordingError: There is no recording that can be read.
    """
    wanted = policies_of(policies, load_settings(options).policy)
    unread: list[str] = []
    comparison = compare(runs_of(paths_of(words), unread), wanted)
    if not comparison.runs:
        raise RecordingError(unread[0])
    sentences = verdict(comparison, unread)
    if as_json:
        whole = {"format": FORMAT, "score_steps": SCORE_STEPS, **asdict(comparison), "unread": unread}
        print(dump({**whole, "verdict": sentences}))  # noqa: T201 - it is the result
    else:
        print(describe(comparison, sentences))  # noqa: T201
    return Exit.DONE


def policies_of(names: Iterable[str], own: Policy) -> dict[str, Policy]:
    """Return the policies by name: presets, in the operator's own category, and configuration files.

    Raises:
        ConfigError: There are fewer than two, or one is unknown; the text names the nearest preset.
    """
    policies = {name: _policy(name, own) for name in names}
    if len(policies) < _FEWEST:
        raise ConfigError(f"name two policies or more: --policy NAME, of {', '.join(PRESETS)}, or --policy FILE")
    return policies


def _policy(name: str, own: Policy) -> Policy:
    if name in PRESETS:
        return evolve(PRESETS[name], client=own.client, monitor=own.monitor, address=own.address)
    if not _may_be_file(name):
        (near,) = get_close_matches(name, PRESETS, 1, 0.0)
        raise ConfigError(f"policy {name!r} is neither a preset nor a file; the nearest preset is {near}")
    return config.load({}, name).policy


def _may_be_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:
        return True  # to read it says why it cannot be


def runs_of(paths: Iterable[Path], unread: list[str]) -> Iterator[Run]:
    """Read recordings one by one, in the order of time.

    Args:
        paths: In any order: each is read once more to know its time, since to keep them all would take too much room.
        unread: Gets a sentence about each that cannot be used.
    """
    times: dict[Path, int] = {}
    for path in paths:
        with _told(path, unread):
            times[path] = read(path).taken_at
    for path in sorted(times, key=times.__getitem__):
        with _told(path, unread):
            yield from _runs(read(path))


@contextmanager
def _told(path: Path, unread: list[str]) -> Iterator[None]:
    try:
        yield
    except RecordingError as error:
        unread.append(str(error))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        unread.append(f"{path}: {type(error).__name__} {error}")


def _runs(recording: Recording) -> list[Run]:
    """Return what was recorded as runs of single jobs."""
    snapshot, plans = recording.snapshot(), parts_of(recording.plan)
    return [_run(recording, plan, snapshot, in_cycle="parts" in recording.plan) for plan in plans]


def _run(recording: Recording, plan: Mapping[str, Any], snapshot: Snapshot, *, in_cycle: bool) -> Run:
    if plan["job"] not in JOBS:
        raise RecordingError(f"{recording.path}: this version has no job {plan['job']!r}")
    figures = plan.get("policy") or {}
    actions, ended = plan.get("actions") or (), (plan.get("outcome") or {}).get("actions") or ()
    return Run(
        job=plan["job"],
        snapshot=snapshot,
        in_cycle=in_cycle,
        category=figures.get("category"),
        bounds={key: parse_size(str(figures[key])) for key in (*CEILINGS, *FLOORS) if key in figures},
        scores={int(one["id"]): float(one["score"]) for one in actions if one["action"] == "add_torrent"},
        bought=any(one["action"].startswith("buy_") and one["status"] == Status.DONE for one in ended),
        added=_added(recording.body, ended),
    )


def _added(body: Mapping[str, Any], ended: Iterable[Mapping[str, Any]]) -> dict[int, int | None]:
    """Return the ids that were added, each with when the site got it: the searches say it, and decisions do not ask."""
    added = [one["subject"] for one in ended if one["action"] == "add_torrent" and one["status"] == Status.DONE]
    ids = {id_ for subject in added if (id_ := as_count(subject)) is not None}
    pages = as_object(body.get("mam")).get("searches") if ids else ()
    rows = [as_object(row) for page in pages or () for row in as_object(page).get("data") or ()]
    told = {as_count(row.get("id")): as_time(row.get("added")) for row in rows}
    return {id_: told.get(id_) for id_ in ids}
