"""What a run makes of several clients: it decides from those that are there, and says at its end which are not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from harvestmouse.adapters.errors import AdapterError
from harvestmouse.adapters.interface import Client, Listing
from harvestmouse.core.model import Torrent
from harvestmouse.core.wire.coerce import as_count, as_object
from harvestmouse.runners.ports import Ports, log

if TYPE_CHECKING:
    from harvestmouse.adapters.several import SeveralClients

_Rest = ParamSpec("_Rest")
_Told = TypeVar("_Told")


def of_those_there(fetch: Callable[Concatenate[Ports, _Rest], _Told]) -> Callable[Concatenate[Ports, _Rest], _Told]:
    """Ask again where one of several clients fails between two questions: as if it had been away from the start."""

    @wraps(fetch)
    def asked(ports: Ports, /, *args: _Rest.args, **kwargs: _Rest.kwargs) -> _Told:
        for _ in ports.settings.other_clients:
            try:
                return fetch(ports, *args, **kwargs)
            except AdapterError as error:
                if error.client is None:
                    raise
        return fetch(ports, *args, **kwargs)

    return asked


def preferences_of(ports: Ports) -> dict[str, Any]:
    """Return the queueing preferences, as parts of a snapshot."""
    several = _several(ports.client) if ports.settings.other_clients else None
    return {"preferences": ports.client.preferences()} if several is None else {"queues": several.queues()}


def there(preferences: Mapping[str, Any], listing: Listing) -> dict[str, Any]:
    """Leave out the preferences of a client whose torrents are missing: its slots cannot be decided."""
    queues = preferences.get("queues")
    if queues is None:
        return dict(preferences)
    return {"queues": tuple(one for one in queues if one.name not in listing.missing)}


def missing_from(ports: Ports, listing: Listing) -> dict[str, Any]:
    """Return which clients did not answer, as parts of a snapshot; their errors are kept for the end of the run."""
    for name, error in listing.missing.items():
        if lost_client(name) not in ports.lost:
            log.warning("%s", error)
        ports.lost[lost_client(name)] = error
        if ports.tape is not None:
            ports.tape.of_client(name).drop("torrents", "trackers", "preferences", "transfer")
    return {"missing_clients": tuple(listing.missing)}


def lost_client(name: str) -> str:
    """Name one of several clients among the services that a run has lost."""
    return f"client {name}"


def first_missing(lost: Mapping[str, AdapterError]) -> AdapterError | None:
    """Return the error of a client that is away while others are there."""
    return next((error for error in lost.values() if error.client is not None), None)


@contextmanager
def one_client(ports: Ports, name: str | None) -> Iterator[Client]:
    """Ask one of several clients; without a name the only one."""
    if name is None:
        yield ports.client
        return
    with _several(ports.client).asking(name) as client:
        yield client


def remembered(ports: Ports, listing: Listing) -> dict[str, Any]:
    """Return what is remembered of the torrent list; of several clients, what those left that are there now."""
    facts = ports.memory.listing()
    counts = as_object(facts.get("clients"))
    there = [one.name for one in ports.settings.clients if one.name not in listing.missing]
    if not ports.settings.other_clients or not counts:
        return facts
    return {**facts, "remembered_count": sum(as_count(counts.get(name)) or 0 for name in there)}


def left_by(ports: Ports, torrents: Iterable[Torrent], gone: Iterable[str]) -> dict[str, int]:
    """Count what a run leaves in each of several clients; one that is away has what it had. Nothing for a single one.

    Args:
        ports: The outside.
        torrents: The managed torrents before the run.
        gone: The info-hashes that it has deleted.
    """
    if not ports.settings.other_clients:
        return {}
    deleted = set(gone)
    staying = [one.client for one in torrents if one.hash not in deleted]
    before = as_object(ports.memory.listing().get("clients"))
    return {
        name: (as_count(before.get(name)) or 0) if lost_client(name) in ports.lost else staying.count(name)
        for name in (one.name for one in ports.settings.clients)
    }


def answered(ports: Ports) -> dict[str, bool]:
    """Return whether each of several clients answered, by name; nothing where none was asked, or there is one only."""
    if not ports.settings.other_clients or "client" not in vars(ports):
        return {}
    several = _several(ports.client)
    return {name: name not in several.lost for name in several.clients}


def _several(client: Client) -> "SeveralClients":
    from harvestmouse.adapters.several import SeveralClients  # noqa: PLC0415 - most have one

    assert isinstance(client, SeveralClients)  # the configuration names several
    return client
