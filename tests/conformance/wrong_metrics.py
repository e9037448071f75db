"""Publishers that break one promise each, made from the registry."""

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from time import sleep
from typing import Any

from attrs import define, evolve, field

from harvestmouse.adapters.metrics import Group, MetricsUnavailable, Publisher, Sample
from harvestmouse.adapters.metrics.registry import Registry
from tests.conformance.metrics_stages import RegistryStage


class Away:
    """A place that is not there."""

    def __init__(self, text: str) -> None:
        self._text = text

    def publish(self, groups: Iterable[Group]) -> None:
        """Fail."""
        raise MetricsUnavailable(f"cannot send the figures: {self._text}")


@define
class Stage(RegistryStage):
    """Figures in memory, with another publisher before them."""

    change: Callable[[Registry], Any] = lambda registry: registry
    absent: Callable[[str], Publisher] = field(default=lambda _: Away("no connection"))

    def open(self) -> Any:
        return self.change(self.registry)

    def away(self, password: str) -> Publisher:
        return self.absent(password)


@define
class Changing:
    """Publishes other groups than it is given."""

    registry: Registry
    change: Callable[[Group], Group]

    def publish(self, groups: Iterable[Group]) -> None:
        self.registry.publish([self.change(group) for group in groups])


def changing(change: Callable[[Group], Group]) -> Callable[[], Stage]:
    """Make a stage whose publisher changes every group."""
    return lambda: Stage(change=lambda registry: Changing(registry, change))


def lacking(wanted: Callable[[Sample], bool]) -> Callable[[], Stage]:
    """Make a stage whose publisher passes some figures by."""
    return changing(lambda group: evolve(group, samples=tuple(one for one in group.samples if wanted(one))))


def _one_of_each(group: Group) -> Group:
    return evolve(group, samples=tuple({one.name: one for one in group.samples}.values()))


@define
class Appending:
    """Keeps whatever was there."""

    registry: Registry

    def publish(self, groups: Iterable[Group]) -> None:
        for group in groups:
            named = {(one.name, *one.labels.values()) for one in group.samples}
            old = self.registry.held.get(group.name, ())
            kept = tuple(one for one in old if (one.name, *one.labels.values()) not in named)
            self.registry.publish([evolve(group, samples=kept + group.samples, whole=True)])


@define
class Stubborn:
    """Keeps the first figure."""

    registry: Registry

    def publish(self, groups: Iterable[Group]) -> None:
        self.registry.publish([group for group in groups if group.name not in self.registry.held])


@define
class Alone:
    """Forgets whatever it is not told."""

    registry: Registry

    def publish(self, groups: Iterable[Group]) -> None:
        self.registry.held = {}
        self.registry.publish(groups)


@define
class Racing:
    """Reads, and writes a moment later."""

    registry: Registry

    def publish(self, groups: Iterable[Group]) -> None:
        held = dict(self.registry.held)
        sleep(0.05)
        self.registry.held = held | {group.name: group.samples for group in groups}


# What is wrong, by the promise it breaks.
WRONG: Mapping[str, Callable[[], Stage]] = {
    "test_every_figure_of_a_run_is_shown_with_its_labels": changing(_one_of_each),
    "test_a_figure_is_shown_as_it_is": lacking(lambda one: isfinite(one.value)),
    "test_the_next_run_replaces_the_figures": lambda: Stage(change=Stubborn),
    "test_what_vanished_vanishes_after_a_whole_run": lambda: Stage(change=Appending),
    "test_a_failed_run_leaves_the_figures_that_it_does_not_have": changing(lambda group: evolve(group, whole=True)),
    "test_a_failed_run_replaces_the_figures_that_it_has": lambda: Stage(change=Appending),
    "test_a_run_leaves_the_figures_of_others": lambda: Stage(change=Alone),
    "test_jobs_are_told_apart": lambda: Stage(registry=Registry(labelled=False)),
    "test_nothing_published_changes_nothing": lambda: Stage(change=Alone),
    "test_jobs_that_end_together_lose_nothing": lambda: Stage(change=Racing),
    "test_a_place_that_is_not_there_is_told_without_its_password": lambda: Stage(
        absent=lambda password: Away(f"no connection to http://mouse:{password}@127.0.0.1:9")
    ),
}
