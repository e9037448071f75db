"""End a run in good order: by a deadline of its own, and by SIGTERM between two actions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harvestmouse.adapters.errors import AdapterError, DeadlineExceeded, Terminated


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise `DeadlineExceeded` wherever the run is when its time is up, a server that trickles bytes included.

    Args:
        seconds: The time for the whole block; 0 for no limit.
    """

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"the run was not done within {seconds:g} s")

    earlier = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


class StopSignal:
    """Remember SIGTERM, and raise where the run can end.

    While nothing is being changed the signal ends the run at once; while actions are carried out it waits for
    the next point between two of them, so that none is left half done.
    """

    def __init__(self) -> None:
        self._told = False
        self._acting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGTERM for the length of a ``with`` block."""
        earlier = signal.signal(signal.SIGTERM, self._take)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, earlier)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Hold the signal back for the length of a ``with`` block, but for `between_actions`."""
        self.between_actions()
        self._acting = True
        try:
            yield
        finally:
            self._acting = False

    def between_actions(self) -> None:
        """End the run here if it was told to end."""
        if self._told:
            raise _terminated()

    def _take(self, _signal: int, _frame: FrameType | None) -> None:
        self._told = True
        if not self._acting:
            raise _terminated()


def _terminated() -> AdapterError:
    return Terminated("the run was told to end (SIGTERM)")
