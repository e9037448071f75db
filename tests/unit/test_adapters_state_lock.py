"""One run at a time uses the site's session: the lock says who holds it, and is freed however its holder ends."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harvestmouse.adapters.errors import LockHeld, StateError
from harvestmouse.adapters.state.lock import locked

_HOLDER = """
import sys, time
from pathlib import Path
from harvestmouse.adapters.state.lock import locked
with locked(Path(sys.argv[1]), "grab", 5):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(state_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Let another process hold the lock, until its standard input ends."""
    command = [sys.executable, "-c", _HOLDER, str(state_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_another_process_is_named(tmp_path: Path) -> None:
    """The second process gives up after its wait limit, and says who holds the lock."""
    with other_process(tmp_path) as process:
        started = time.monotonic()
        words = rf"^grab \(process {process.pid} on .+, for 0 min\) holds"
        with pytest.raises(LockHeld, match=words) as raised, locked(tmp_path, "spend", 0.2):
            pytest.fail("two processes hold the lock")
        assert 0.2 <= time.monotonic() - started < 2
    assert raised.value.exit_code == 6


def test_a_killed_process_frees_it(tmp_path: Path) -> None:
    """No cleaning up is needed after a crash, though the dead holder's name still lies there."""
    with other_process(tmp_path) as process:
        process.kill()
        process.wait()
        assert (tmp_path / "lock.holder").exists()
        with locked(tmp_path, "spend", 2):
            assert json.loads((tmp_path / "lock.holder").read_text())["purpose"] == "spend"


def test_the_second_goes_on_when_the_first_ends(tmp_path: Path) -> None:
    """Waiting is worth it."""
    with other_process(tmp_path) as process:
        process.communicate("")
        with locked(tmp_path, "spend", 2):
            pass


def test_nothing_is_left_but_the_empty_lock(tmp_path: Path) -> None:
    """Behind the block nobody is named, also after an error."""
    with pytest.raises(KeyError), locked(tmp_path / "state", "grab", 0):
        raise KeyError
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["lock"]
    with locked(tmp_path / "state", "grab", 0):
        pass


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"since": "x"}'])
def test_a_holder_nobody_can_read_is_another_run(tmp_path: Path, content: str) -> None:
    """Without a readable name the error still says what is wrong."""
    with other_process(tmp_path):
        (tmp_path / "lock.holder").write_text(content)
        with pytest.raises(LockHeld, match=r"^another run holds the lock"), locked(tmp_path, "spend", 0):
            pass


def test_a_directory_that_cannot_be_made_is_an_error() -> None:
    """A lock that cannot be taken for want of a directory is not a lock that is held."""
    with pytest.raises(StateError, match="cannot lock"), locked(Path("/proc/harvestmouse"), "grab", 0):
        pass
