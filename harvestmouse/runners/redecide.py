"""Decide recordings again, with the code and policy of today, many of them by several processes."""

import gzip
import json
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from harvestmouse.adapters.recordings import packed
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.differences import Difference, differences, policy_differences
from harvestmouse.core.errors import HarvestmouseError, RecordingError
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.plan import dump, unparse_plan
from harvestmouse.runners import history
from harvestmouse.runners.documents import DocumentError, write_document

# Starting processes takes longer than deciding a few dozen recordings.
MANY = 48
_CHUNK = 8


@frozen(kw_only=True)
class Replayed:
    """One recording, decided again.

    Attributes:
        job: Empty where the recording could not be read.
        version: The version of the program that made it.
        policy: Figures that were others; by themselves no difference.
        error: Why it could not be decided again.
        updated: Whether the plan of today was written into it.
    """

    path: Path
    job: str = ""
    version: str = ""
    differences: tuple[Difference, ...] = ()
    policy: tuple[Difference, ...] = ()
    error: str | None = None
    updated: bool = False

    @property
    def result(self) -> str:
        """Return ``error``, ``updated``, ``differs`` or ``same``."""
        if self.error is not None:
            return "error"
        if self.updated:
            return "updated"
        return "differs" if self.differences else "same"


def decided_again(
    paths: Sequence[Path], policy: Policy, *, update: bool = False, workers: int | None = None
) -> Iterator[Replayed]:
    """Yield each recording, decided again, in the order given; many of them by several processes.

    Args:
        paths: The recordings.
        policy: What is wanted now.
        update: Write the plan of today into recordings whose plan is another.
        workers: How many processes; by default as many as there are processors.
    """
    if len(paths) <= MANY:
        yield from (decide_again(path, policy, update=update) for path in paths)
        return
    from concurrent.futures import Future, ProcessPoolExecutor  # noqa: PLC0415 - few need it

    workers = workers or os.cpu_count() or 1
    waiting: deque[Future[list[Replayed]]] = deque()
    pool = ProcessPoolExecutor(workers, initializer=_leave_signals_to_parent)
    try:
        for start in range(0, len(paths), _CHUNK):
            waiting.append(pool.submit(_decide_all, paths[start : start + _CHUNK], policy, update=update))
            # Bounded: what has been decided but not printed waits in memory.
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        # Whoever stops asking does not wait for what nobody will read.
        pool.shutdown(cancel_futures=True)


def decide_again(path: Path, policy: Policy, *, update: bool = False) -> Replayed:
    """Decide one recording again."""
    try:
        return _compared(history.read(path), policy, update=update)
    except HarvestmouseError as error:
        return Replayed(path=path, error=str(error))
    except Exception as error:  # noqa: BLE001 - that the code fails on what it once decided is a finding as well
        return Replayed(path=path, error=f"{path}: the code fails on it: {type(error).__name__}: {error}")


def _compared(recording: history.Recording, policy: Policy, *, update: bool) -> Replayed:
    job = recording.job
    if job not in PLANNERS:
        raise RecordingError(f"{recording.path}: the job {job!r} is none that this version knows")
    now: dict[str, Any] = json.loads(dump(unparse_plan(PLANNERS[job](recording.snapshot(), policy))))
    try:
        found = differences(recording.plan, now)
    except HarvestmouseError as error:
        raise RecordingError(f"{recording.path}: plan: {error}") from None
    replayed = Replayed(
        path=recording.path,
        job=job,
        version=recording.version,
        differences=found,
        policy=policy_differences(recording.plan, now),
    )
    was = {key: value for key, value in recording.plan.items() if key != "outcome"}
    if not update or was == now:
        return replayed
    _rewrite(recording.path, now)
    return evolve(replayed, updated=True)


def _decide_all(paths: Iterable[Path], policy: Policy, *, update: bool) -> list[Replayed]:
    return [decide_again(path, policy, update=update) for path in paths]


def _leave_signals_to_parent() -> None:
    # An interrupt from the keyboard reaches every process; the parent ends the others in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _rewrite(path: Path, plan: Mapping[str, Any]) -> None:
    """Put another plan into a recording; its outcome, its snapshot and whether it is compressed stay.

    Raises:
        RecordingError: It cannot be written; the old content is still there.
    """
    try:
        content = path.read_bytes()
        is_packed = content[:2] == b"\x1f\x8b"
        document = json.loads(gzip.decompress(content) if is_packed else content)
        outcome = {"outcome": document["plan"]["outcome"]} if "outcome" in document["plan"] else {}
        document["plan"] = {**plan, **outcome}
        text = json.dumps(document, separators=(",", ":"))
        write_document(path, packed(text) if is_packed else text.encode(), path.stat().st_mode & 0o777)
    except DocumentError as error:
        raise RecordingError(f"{path}: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror or error}") from None
