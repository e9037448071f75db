"""Figures for Prometheus: what there is to say, and where it is published.

Importing this imports nothing of ``prometheus_client``; a run without metrics never needs it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from attrs import field, frozen

from harvestmouse.adapters.errors import AdapterError
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Metric


class MetricsUnavailable(AdapterError):
    """The figures could not be sent; nothing else depends on them."""

    advice = "The run itself is not affected"


@frozen
class Sample:
    """One figure of a metric of the catalogue.

    Raises:
        ValueError: The catalogue has no such metric, or other labels for it.
    """

    name: str
    value: float = field(converter=float)
    labels: Mapping[str, str] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        """Refuse what the documentation does not list."""
        if self.name not in CATALOGUE or set(self.labels) != set(self.metric.labels):
            raise ValueError(f"{self.name} with labels {sorted(self.labels)} is not in the catalogue")

    @property
    def metric(self) -> Metric:
        """Return the metric it is a figure of."""
        return CATALOGUE[self.name]


@frozen(kw_only=True)
class Group:
    """Figures that are told together: those of one job, or the account's.

    Attributes:
        name: A job, or ``account``.
        whole: They are all there is of the group; otherwise metrics not named keep the figures they had.
    """

    name: str
    samples: tuple[Sample, ...]
    whole: bool


class Publisher(Protocol):
    """Somewhere figures can be seen."""

    def publish(self, groups: Iterable[Group]) -> None:
        """Replace the figures of these groups, and leave those of others alone; raise `MetricsUnavailable`."""


def publishers_for(gateway: str, textfile: str, warn: Callable[[str], None]) -> list[Publisher]:
    """Open what is configured.

    Args:
        gateway: A Pushgateway's address; empty for none.
        textfile: A file for node_exporter; empty for none.
        warn: Told what is worth a warning.
    """
    found: list[Publisher] = []
    if gateway:
        from harvestmouse.adapters.metrics.gateway import Pushgateway  # noqa: PLC0415 - as is the next

        found.append(Pushgateway(gateway))
    if textfile:
        from harvestmouse.adapters.metrics.textfile import Textfile  # noqa: PLC0415

        found.append(Textfile(textfile, warn))
    return found
