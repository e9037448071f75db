"""Notifications, through whatever service the operator's addresses name."""

from harvestmouse.adapters.errors import AdapterError
from harvestmouse.adapters.secret import Secret
from harvestmouse.core.units import counted


class NotifyUnavailable(AdapterError):
    """A notification could not be sent; it is tried again by the next run, and nothing else depends on it."""

    advice = "The run itself is not affected"


def send(addresses: Secret, title: str, text: str) -> int:
    """Send one notification, and return how many of the addresses did not take it.

    Args:
        addresses: Apprise's addresses, separated by white space; they hold tokens and passwords.
        title: A few words.
        text: A sentence or two.

    Raises:
        NotifyUnavailable: Apprise is not installed, or no address took the notification.
    """
    try:
        import apprise  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise NotifyUnavailable("[notify] needs Apprise: pip install 'harvestmouse[notify]'") from None
    # What it logs can name an address.
    apprise.logger.disabled = True
    services = [apprise.Apprise.instantiate(address) for address in addresses.reveal().split()]
    taken = [service is not None and service.notify(title=title, body=text) for service in services]
    if not any(taken):
        tried = counted(len(taken), "address", "addresses")
        raise NotifyUnavailable(f"of {tried} in [notify] urls none took the notification")
    return taken.count(False)
