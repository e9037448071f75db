"""What everything that publishes figures promises."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Protocol

import pytest

from harvestmouse.adapters.metrics import Group, MetricsUnavailable, Publisher, Sample

_PASSWORD = "gorgonzola"  # noqa: S105 - it opens nothing
_OF_THE_PLACE = frozenset({"job", "instance"})

RATIO, BALANCE, COOKIE = "mam_ratio", "mam_bp_balance", "mam_farming_cookie_expired"
DELETED, LAST_RUN = "mam_janitor_deleted_per_run", "harvestmouse_last_run_timestamp_seconds"


class Series(Protocol):
    """One figure as Prometheus gets it."""

    @property
    def name(self) -> str:
        """Return the metric's name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Return its labels."""

    @property
    def value(self) -> float:
        """Return the figure."""


class MetricsStage(Protocol):
    """A place without figures, and the means to look at it.

    A method that this kind of place has no use for calls `harvestmouse.testing.cannot`.
    """

    def open(self) -> Publisher:
        """Open the place as a new run does; what was published earlier is there."""

    def scrape(self) -> Iterable[Series]:
        """Return every figure that Prometheus would get; a label that is empty is none."""

    def away(self, password: str) -> Publisher:
        """Return a publisher for a place that is not there, with a password in its address."""


class MetricsPromises:
    """What `harvestmouse.adapters.metrics.Publisher` promises; needs a fixture ``stage``, a `MetricsStage`."""

    def test_every_figure_of_a_run_is_shown_with_its_labels(self, stage: MetricsStage) -> None:
        """One series of a metric does not replace another."""
        stage.open().publish([janitor(never_started=466, stalled_old=3), account(1.5)])
        assert shown(stage, DELETED) == {("never_started",): 466.0, ("stalled_old",): 3.0}
        assert shown(stage, RATIO) == {(): 1.5}

    @pytest.mark.parametrize("value", [0.0, -1.0, 0.1, 1e15 + 1, inf])
    def test_a_figure_is_shown_as_it_is(self, stage: MetricsStage, value: float) -> None:
        """Zero is a figure, and a ratio with nothing downloaded is infinite."""
        stage.open().publish([account(value)])
        assert shown(stage, RATIO) == {(): value}

    def test_the_next_run_replaces_the_figures(self, stage: MetricsStage) -> None:
        """There is one figure of each series, the newest."""
        stage.open().publish([account(1.5)])
        stage.open().publish([account(1.75)])
        assert shown(stage, RATIO) == {(): 1.75}

    def test_what_vanished_vanishes_after_a_whole_run(self, stage: MetricsStage) -> None:
        """A label or a metric that a whole run does not have would otherwise be shown for ever."""
        stage.open().publish([janitor(never_started=466, stalled_old=3)])
        stage.open().publish([janitor(stalled_old=1)])
        assert shown(stage, DELETED) == {("stalled_old",): 1.0}
        stage.open().publish([janitor()])
        assert shown(stage, DELETED) == {}

    def test_a_failed_run_leaves_the_figures_that_it_does_not_have(self, stage: MetricsStage) -> None:
        """A run whose session is refused knows nothing about the ratio, and says what it knows."""
        stage.open().publish([account(1.5)])
        stage.open().publish([Group(name="account", samples=(Sample(COOKIE, 1),), whole=False)])
        assert shown(stage, RATIO) == {(): 1.5}
        assert shown(stage, COOKIE) == {(): 1.0}

    def test_a_failed_run_replaces_the_figures_that_it_has(self, stage: MetricsStage) -> None:
        """All series of a metric it names, and no other metric's."""
        stage.open().publish([janitor(never_started=466, stalled_old=3), account(1.5)])
        stage.open().publish([janitor(whole=False, stalled_old=1)])
        assert shown(stage, DELETED) == {("stalled_old",): 1.0}
        assert shown(stage, RATIO) == {(): 1.5}

    def test_a_run_leaves_the_figures_of_others(self, stage: MetricsStage) -> None:
        """A whole run is whole for its own groups."""
        stage.open().publish([account(1.5)])
        stage.open().publish([janitor(stalled_old=1)])
        assert shown(stage, RATIO) == {(): 1.5}
        assert shown(stage, DELETED) == {("stalled_old",): 1.0}

    def test_jobs_are_told_apart(self, stage: MetricsStage) -> None:
        """What every job tells is shown once for each, under the label ``job``."""
        for number, job in enumerate(("grab", "janitor")):
            stage.open().publish([Group(name=job, samples=(Sample(LAST_RUN, 100 + number),), whole=True)])
        told = {one.labels.get("job"): one.value for one in stage.scrape() if one.name == LAST_RUN}
        assert told == {"harvestmouse_grab": 100.0, "harvestmouse_janitor": 101.0}

    def test_nothing_published_changes_nothing(self, stage: MetricsStage) -> None:
        """A run without groups leaves everything."""
        stage.open().publish([account(1.5)])
        stage.open().publish([])
        assert shown(stage, RATIO) == {(): 1.5}

    def test_jobs_that_end_together_lose_nothing(self, stage: MetricsStage) -> None:
        """Whatever is read, changed and written is so by one at a time."""
        jobs = ("grab", "janitor", "spend", "reconcile", "monitor")
        groups = [Group(name=job, samples=(Sample(LAST_RUN, 100),), whole=True) for job in jobs]
        with ThreadPoolExecutor(len(jobs)) as pool:
            for done in [pool.submit(stage.open().publish, [group]) for group in groups]:
                done.result()
        assert {one.labels.get("job") for one in stage.scrape()} == {f"harvestmouse_{job}" for job in jobs}

    def test_a_place_that_is_not_there_is_told_without_its_password(self, stage: MetricsStage) -> None:
        """The run goes on with an error of ours, and the log does not learn the password."""
        publisher = stage.away(_PASSWORD)
        with pytest.raises(MetricsUnavailable) as raised:
            publisher.publish([account(1.5)])
        assert _PASSWORD not in f"{raised.value} {raised.value!r} {publisher!r}"


def account(ratio: float) -> Group:
    """Return the account's figures of a run that went well."""
    return Group(name="account", samples=(Sample(RATIO, ratio), Sample(BALANCE, 500)), whole=True)


def janitor(*, whole: bool = True, **deleted: float) -> Group:
    """Return the janitor's figures, by reason."""
    samples = tuple(Sample(DELETED, count, {"reason": reason}) for reason, count in deleted.items())
    return Group(name="janitor", samples=samples, whole=whole)


def shown(stage: MetricsStage, name: str) -> dict[tuple[str, ...], float]:
    """Return the figures of a metric by the values of its own labels."""
    found: dict[tuple[str, ...], float] = {}
    for one in stage.scrape():
        own = tuple(value for label, value in sorted(one.labels.items()) if label not in _OF_THE_PLACE)
        if one.name == name:
            assert own not in found, f"{name} with {own} is shown twice"
            found[own] = one.value
    return found
