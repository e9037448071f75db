"""Several torrent clients behind one port: what all of them hold, and each action where its torrent is.

They are asked one after the other. One that fails is asked no more in the same run; the others go on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from attrs import define, field

from harvestmouse.adapters.errors import AdapterError, AlreadyInClient, ItemError
from harvestmouse.adapters.interface import Client, Listing
from harvestmouse.adapters.traffic import CLIENT
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import ClientQueue, Preferences, Torrent
from harvestmouse.core.union import joined, united

T = TypeVar("T")


@define
class SeveralClients:
    """Clients by name, in the order of the configuration; see `harvestmouse.adapters.interface.Client`.

    Listings tell of those that answer, and name the others. Anything that is asked or done about certain torrents
    raises where the client that holds them fails; the error has the client's name. Additions go to the first client
    that answered when they were listed, whose free space is the one that is told.

    Attributes:
        lost: The clients that failed, each with its error.
    """

    clients: Mapping[str, Client]
    lost: dict[str, AdapterError] = field(factory=dict, init=False)
    _holders: dict[str, set[str]] = field(factory=dict, init=False)
    _adds_to: str | None = field(default=None, init=False)

    def torrents(self, category: str) -> Listing:
        """List the torrents of one category."""
        return self._list(lambda client: client.torrents(category))

    def everything(self) -> Listing:
        """List the torrents of every category, with the free space of the client that additions go to."""
        return self._list(lambda client: client.everything())

    def overview(self) -> Listing:
        """List the torrents of every category, with the connections as one."""
        return self._list(lambda client: client.overview())

    def look(self, hashes: Iterable[str]) -> Listing:
        """List these torrents afresh where they are held; all clients are asked for those that nobody has listed."""
        wanted, told = list(hashes), dict[str, Listing]()
        for name in self.clients:
            own = [one for one in wanted if name in self._holders.get(one, self.clients)]
            if own:
                with self.asking(name) as client:
                    told[name] = client.look(own)
        return self._united(told)

    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        """Return the torrents with what their trackers say."""
        known = {torrent.hash: torrent for torrent in torrents}
        for name, own in self._by_holder(known).items():
            with self.asking(name) as client:
                known |= {one.hash: one for one in client.with_messages([known[one] for one in own])}
        return tuple(known.values())

    def preferences(self) -> Preferences:
        """Read the queueing preferences of the first client that answers; `queues` has those of each."""
        return self.queues()[0].preferences

    def queues(self) -> tuple[ClientQueue, ...]:
        """Read the queueing preferences of every client that answers."""
        told = self._each(lambda client: client.preferences())
        return tuple(ClientQueue(name, preferences) for name, preferences in told.items())

    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Add a torrent to the first client that answered; one that any client has is not added."""
        if self.look([info_hash]).torrents:
            raise AlreadyInClient(f"torrent {wanted.id}: a client has it already")
        name = self._adds_to or next(iter(self.clients))
        with self.asking(name) as client:
            client.add(torrent_file, info_hash, wanted)
        self._holders[info_hash] = {name}

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Delete torrents."""
        self._act(hashes, lambda client, own: client.delete(own, delete_files=delete_files))

    def set_preferences(self, values: Mapping[str, Any]) -> None:
        """Write preferences, these keys only, to every client."""
        for name in self.clients:
            with self.asking(name) as client:
                client.set_preferences(values)

    def force_start(self, hashes: Iterable[str]) -> None:
        """Start queued torrents past the queue."""
        self._act(hashes, lambda client, own: client.force_start(own))

    def resume(self, hashes: Iterable[str]) -> None:
        """Start stopped torrents."""
        self._act(hashes, lambda client, own: client.resume(own))

    def reannounce(self, hashes: Iterable[str]) -> None:
        """Announce torrents to their trackers now."""
        self._act(hashes, lambda client, own: client.reannounce(own))

    @contextmanager
    def asking(self, name: str) -> Iterator[Client]:
        """Ask one client; an error of its own is kept, with its name, and raised again for whatever comes after."""
        if name in self.lost:
            raise self.lost[name]
        try:
            yield self.clients[name]
        except AdapterError as error:
            if error.service == CLIENT:
                error.client = name
                error.args = (f"client {name}: {error.args[0]}", *error.args[1:])
                self.lost[name] = error
            raise

    def close(self) -> None:
        """End the sessions; one that fails there keeps no other open."""
        failed = []
        for client in self.clients.values():
            try:
                client.close()
            except AdapterError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _each(self, ask: Callable[[Client], T]) -> dict[str, T]:
        """Ask every client that has not failed, and leave out those that do; raise where none is left."""
        told: dict[str, T] = {}
        for name in self.clients:
            try:
                with self.asking(name) as client:
                    told[name] = ask(client)
            except AdapterError as error:
                if error.client != name:
                    raise
        if not told:
            # As with a single client, that is the end of whatever needs one.
            first = next(iter(self.lost.values()))
            first.client = None
            raise first
        return told

    def _list(self, ask: Callable[[Client], Listing]) -> Listing:
        told = self._each(ask)
        self._holders.clear()
        self._adds_to = next(iter(told))
        for name, listing in told.items():
            for one in (*(torrent.hash for torrent in listing.torrents), *(row.subject for row in listing.malformed)):
                self._holders.setdefault(one, set()).add(name)
        return self._united(told)

    def _united(self, told: Mapping[str, Listing]) -> Listing:
        torrents, malformed = united({name: (one.torrents, one.malformed) for name, one in told.items()})
        first = next(iter(told.values()), Listing(torrents=()))
        connections = [told[name].connection if name in told else None for name in self.clients]
        return Listing(
            torrents=torrents,
            malformed=malformed,
            free_space_bytes=first.free_space_bytes,
            connection=joined(connections),
            missing=dict(self.lost),
        )

    def _by_holder(self, hashes: Iterable[str]) -> dict[str, list[str]]:
        """Return the torrents by the client that holds them; ask for those that nobody has listed.

        Raises:
            ItemError: Two clients hold one.
        """
        wanted = list(hashes)
        unlisted = [one for one in wanted if one not in self._holders]
        for torrent in self.look(unlisted).torrents if unlisted else ():
            self._holders[torrent.hash] = {torrent.client or ""}
        held: dict[str, list[str]] = {}
        for one in wanted:
            names = self._holders.get(one, set())
            if len(names) > 1:
                raise ItemError(f"torrent {one}: two clients hold it, {' and '.join(sorted(names))}")
            for name in names:
                held.setdefault(name, []).append(one)
        return held

    def _act(self, hashes: Iterable[str], act: Callable[[Client, list[str]], None]) -> None:
        for name, own in self._by_holder(hashes).items():
            with self.asking(name) as client:
                act(client, own)
