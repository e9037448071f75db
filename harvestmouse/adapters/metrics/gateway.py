"""Push figures to a Prometheus Pushgateway: one request a group, which replaces all that has to go (incident I14)."""

from collections.abc import Callable, Iterable
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from attrs import field, frozen
from prometheus_client import push_to_gateway, pushadd_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler

from harvestmouse.adapters.metrics import Group, MetricsUnavailable
from harvestmouse.adapters.metrics.registry import Registry, label_of

_TIMEOUT_SECONDS = 10


@frozen
class Pushgateway:
    """A Pushgateway; see `harvestmouse.adapters.metrics.Publisher`.

    Attributes:
        address: Where it is; user name and password in it are sent as HTTP has them, and never shown.
    """

    address: str = field(repr=False)

    def publish(self, groups: Iterable[Group]) -> None:
        """Push each group: whole ones replace what the gateway has of them, others metric by metric."""
        for group in groups:
            push = push_to_gateway if group.whole else pushadd_to_gateway
            registry = Registry({group.name: group.samples}, labelled=False)
            try:
                bare, handler = _parted(self.address)
                push(bare, label_of(group.name), registry, timeout=_TIMEOUT_SECONDS, handler=handler)
            except (HTTPException, OSError, ValueError) as error:
                # Their texts may quote the address.
                reason = getattr(error, "reason", None) or type(error).__name__
                raise MetricsUnavailable(f"cannot send the figures: {reason}") from None


def is_ready(address: str, seconds: float) -> bool:
    """Return whether a gateway answers that it can take figures."""
    try:
        bare, handler = _parted(address)
        handler(f"{bare.rstrip('/')}/-/ready", "GET", seconds, [], b"")()
    except (HTTPException, OSError, ValueError):
        return False
    return True


def _parted(address: str) -> tuple[str, Callable[..., Callable[[], None]]]:
    """Take user name and password out of an address, and return it with what sends them."""
    parts = urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return address, default_handler
    name, _, password = (unquote(part) for part in login.partition(":"))
    handler: Any = partial(basic_auth_handler, username=name, password=password)
    return urlunsplit(parts._replace(netloc=host)), handler
