"""Send figures to Prometheus: one registry and one push a run, or a textfile."""

from collections.abc import Iterable, Mapping
from http.client import HTTPException

from attrs import field, frozen
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, pushadd_to_gateway, write_to_textfile

from harvestmouse.adapters.errors import AdapterError

_TIMEOUT_SECONDS = 10


class MetricsUnavailable(AdapterError):
    """The figures could not be sent; nothing else depends on them."""

    advice = "The run itself is not affected"


@frozen
class Sample:
    """One figure.

    Attributes:
        meaning: Its HELP text.
    """

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(factory=dict)


def registry_of(samples: Iterable[Sample]) -> CollectorRegistry:
    """Put samples into a registry of their own."""
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for sample in samples:
        if sample.name not in gauges:
            gauges[sample.name] = Gauge(sample.name, sample.meaning, list(sample.labels), registry=registry)
        gauge = gauges[sample.name]
        (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
    return registry


def publish(samples: Iterable[Sample], job: str, *, gateway: str, textfile: str, whole: bool) -> None:
    """Send the figures of one run.

    Args:
        samples: All of them.
        job: The job's name; each job is a group of its own at the gateway.
        gateway: The Pushgateway's address; empty for none.
        textfile: The file for node_exporter; empty for none.
        whole: Replace the job's group; otherwise only the series of these names, so that a run that
            failed leaves the figures of the last good one.

    Raises:
        MetricsUnavailable: They could not be sent.
    """
    registry = registry_of(samples)
    try:
        if gateway:
            push = push_to_gateway if whole else pushadd_to_gateway
            push(gateway, job=f"harvestmouse_{job}", registry=registry, timeout=_TIMEOUT_SECONDS)
        if textfile and whole:
            write_to_textfile(textfile, registry)
    except HTTPException as error:
        # Its text may quote the address, which may hold a password.
        raise MetricsUnavailable(f"cannot send the figures: {type(error).__name__}") from None
    except (OSError, ValueError) as error:
        raise MetricsUnavailable(f"cannot send the figures: {getattr(error, 'reason', None) or error}") from None
