"""A run's figures go out once, at its end; nothing that happens on the way changes the end."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from attrs import define, field

from harvestmouse.adapters import metrics
from harvestmouse.adapters.errors import DeadlineExceeded, SessionInvalid, StateError, Terminated
from harvestmouse.adapters.metrics import Group, MetricsUnavailable, Publisher
from harvestmouse.runners import measure, publish
from harvestmouse.runners.config import load_metrics
from harvestmouse.runners.publish import published
from harvestmouse.runners.settings import MetricsSettings
from tests.support.builders import profile
from tests.support.world import Stage, world_of

SOMEWHERE = MetricsSettings(pushgateway_url="http://127.0.0.1:9")


@define
class Board:
    """Notes what is published, after doing what the test says."""

    before: Callable[[], object] = list
    seen: list[tuple[Group, ...]] = field(factory=list)

    def publish(self, groups: Iterable[Group]) -> None:
        self.before()
        self.seen.append(tuple(groups))

    def value(self, name: str) -> float:
        """Return the one figure of this name."""
        ((found,),) = ([one for group in groups for one in group.samples if one.name == name] for groups in self.seen)
        return found.value


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Publisher]:
    """Whatever a test puts in here is what is configured."""
    publishers: list[Publisher] = []
    monkeypatch.setattr(metrics, "publishers_for", lambda *_: publishers)
    return publishers


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING, "harvestmouse"):
        yield


class TestOnce:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (SessionInvalid("x"), 3),
            (DeadlineExceeded("x"), 1),
            (Terminated("x"), 1),
            (StateError("x"), 1),
            (ValueError("x"), 1),
            (KeyboardInterrupt(), 130),
            (SystemExit(7), 1),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_an_error_is_published_and_goes_on(self, opened: list[Publisher], error: BaseException, code: int) -> None:
        """The same object, and one publication."""
        board = Board()
        opened.append(board)
        with pytest.raises(type(error)) as raised, published("spend", apply=True, metrics=lambda: SOMEWHERE):
            raise error
        assert raised.value is error
        assert board.value("harvestmouse_exit_code") == code

    def test_a_good_end_is_published_once(self, opened: list[Publisher], tmp_path: Path) -> None:
        """With the profile that was read, and how long it took."""
        board, stage = Board(), Stage(world_of(), tmp_path)
        opened.append(board)
        with published("spend", apply=False, metrics=lambda: SOMEWHERE) as run:
            run.ports = stage.ports()
            run.ports.profile = profile(bonus_points=77.0)
            run.report = stage.run("spend")
            time.sleep(0.05)
        assert board.value("mam_bp_balance") == 77
        assert 0.05 <= board.value("harvestmouse_run_duration_seconds") < 5

    def test_nothing_is_measured_where_nothing_is_configured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run without metrics does not pay for them."""
        monkeypatch.setattr(publish, "_ending", lambda *_: pytest.fail("measured"))
        with published("spend", apply=False, metrics=MetricsSettings):
            pass


class TestTrouble:
    """Each is one warning; the next place is served, and the run ends as it did."""

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (MetricsUnavailable("cannot send the figures: refused"), "cannot send the figures: refused"),
            (RuntimeError("http://mouse:cheese@host"), "cannot send the figures: RuntimeError"),
        ],
        ids=["ours", "a library's"],
    )
    def test_a_place_that_fails_does_not_stop_the_next(
        self, opened: list[Publisher], caplog: pytest.LogCaptureFixture, error: Exception, words: str
    ) -> None:
        """A library's words may hold the address."""

        def fail() -> None:
            raise error

        after = Board()
        opened.extend([Board(fail), after])
        with published("spend", apply=False, metrics=lambda: SOMEWHERE):
            pass
        assert len(after.seen) == 1
        assert [record.getMessage().startswith(words) for record in caplog.records] == [True]
        assert "cheese" not in caplog.text

    def test_a_place_that_hangs_is_left(
        self, opened: list[Publisher], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A gateway that trickles its answer does not hold the job's next run back."""
        monkeypatch.setattr(publish, "_MOST_SECONDS", 0.1)
        after = Board()
        opened.extend([Board(lambda: time.sleep(10)), after])
        begun = time.monotonic()
        with published("spend", apply=False, metrics=lambda: SOMEWHERE):
            pass
        assert time.monotonic() - begun < 5
        assert len(after.seen) == 1
        assert "no end after" in caplog.text

    def test_being_told_to_end_waits_for_the_last_word(self, opened: list[Publisher]) -> None:
        """SIGTERM while figures are sent does not cut them short, nor change how the run ended."""
        board = Board(lambda: os.kill(os.getpid(), signal.SIGTERM))
        opened.append(board)
        with published("spend", apply=False, metrics=lambda: SOMEWHERE):
            pass
        assert len(board.seen) == 1

    def test_a_damaged_file_of_an_earlier_run_hides_nothing(self, opened: list[Publisher], tmp_path: Path) -> None:
        """What it held is unknown; the run is seen all the same (incident I13)."""
        board, stage = Board(), Stage(world_of(), tmp_path)
        opened.append(board)
        (tmp_path / "account.json").write_text('{"balances": 5}')
        with published("spend", apply=False, metrics=lambda: SOMEWHERE) as run:
            run.ports = stage.ports()
        assert board.value("harvestmouse_exit_code") == 0

    def test_a_run_that_cannot_be_measured_ends_as_it_did(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A mistake of ours in the figures is no reason to fail."""

        def fail(_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(measure, "measure", fail)
        with published("spend", apply=False, metrics=lambda: SOMEWHERE):
            pass
        assert "cannot measure the run: ZeroDivisionError" in caplog.text


class TestMetricsAlone:
    """Where figures go can be read from a configuration that is wrong elsewhere."""

    def test_flags_win_over_the_environment_and_that_over_the_file(self, tmp_path: Path) -> None:
        """As in a configuration that is right."""
        file = tmp_path / "harvestmouse.toml"
        file.write_text('nonsense = 5\n[metrics]\npushgateway_url = "http://file"\ntextfile = "/file.prom"\nx = 1\n')
        variable = {"HARVESTMOUSE_METRICS_PUSHGATEWAY_URL": "http://variable", "HARVESTMOUSE_NONSENSE": "1"}
        assert load_metrics({}, str(file), ()) == MetricsSettings(pushgateway_url="http://file", textfile="/file.prom")
        assert load_metrics(variable, str(file), ("grab.per_run", "metrics.y=5")).pushgateway_url == "http://variable"
        flag = ("metrics.pushgateway_url = http://flag",)
        assert load_metrics({**variable, "HARVESTMOUSE_CONFIG": str(file)}, None, flag) == MetricsSettings(
            pushgateway_url="http://flag", textfile="/file.prom"
        )

    @pytest.mark.parametrize(
        "content", [b"[metrics", b"\xff\xfe", b"metrics = 5", b"[metrics]\ntextfile = 5", b"a = " + b"[" * 5000, b""]
    )
    def test_what_cannot_be_read_counts_as_not_given(self, tmp_path: Path, content: bytes) -> None:
        """It must not hide what is wrong with the configuration."""
        file = tmp_path / "harvestmouse.toml"
        file.write_bytes(content)
        assert load_metrics({}, str(file), ()) == MetricsSettings()
        assert load_metrics({}, str(tmp_path / "none.toml"), ()) == MetricsSettings()
