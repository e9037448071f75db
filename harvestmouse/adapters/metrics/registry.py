"""Hold the figures of every group at once, as a textfile and ``/metrics`` show them.

There, unlike at a Pushgateway, nothing but the figures themselves says which job they are of: the metrics that every
job has carry the label ``job``, with the value that the group has at a Pushgateway.
"""

from collections.abc import Iterable, Iterator, Mapping
from threading import Lock

from attrs import define, field
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from harvestmouse.adapters.metrics import Group, Sample
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner

Held = Mapping[str, tuple[Sample, ...]]


def label_of(group: str) -> str:
    """Return the value of the label ``job`` that stands for a group."""
    return f"harvestmouse_{group}"


def merge(held: Held, groups: Iterable[Group]) -> Held:
    """Replace the figures of some groups, whole or metric by metric."""
    merged = dict(held)
    for group in groups:
        named = {sample.name for sample in group.samples}
        kept = () if group.whole else tuple(one for one in merged.get(group.name, ()) if one.name not in named)
        merged[group.name] = kept + group.samples
    return merged


@define(eq=False)
class Registry(Collector):
    """Figures in memory; see `harvestmouse.adapters.metrics.Publisher`.

    It is a collector of ``prometheus_client``, whose servers and registries take it as it is.

    Attributes:
        labelled: Tell the jobs apart by the label ``job``; at a Pushgateway the group does.
    """

    held: Held = field(factory=dict)
    labelled: bool = field(default=True, kw_only=True)
    _lock: Lock = field(factory=Lock, init=False)

    def publish(self, groups: Iterable[Group]) -> None:
        """Replace the figures of these groups."""
        with self._lock:
            self.held = merge(self.held, groups)

    def collect(self) -> Iterator[Family]:
        """Yield the metrics that have figures, in the catalogue's order."""
        found: dict[str, Family] = {}
        for group, samples in sorted(self.held.items()):
            for sample in samples:
                metric = sample.metric
                family = found.setdefault(metric.name, Family(metric.name, metric.help, metric.type))
                job = {"job": label_of(group)} if self.labelled and metric.owner is Owner.RUN else {}
                family.add_sample(metric.name, {**job, **sample.labels}, sample.value)
        yield from (found[name] for name in CATALOGUE if name in found)
