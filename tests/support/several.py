"""Several embedded clients, each in a world of its own, any of which can be away."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from harvestmouse.adapters.errors import ClientUnavailable
from harvestmouse.adapters.interface import Client
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.several import SeveralClients
from harvestmouse.adapters.tape import Tape
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import QbittorrentSettings
from tests.support.world import settings_of


@define
class Switched:
    """A client that can be switched off.

    Attributes:
        fails: The calls that get no answer; ``*`` for all of them.
    """

    client: Client
    fails: set[str] = field(factory=set)

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self.client, name)

        def answer(*args: Any, **kwargs: Any) -> Any:
            if self.fails & {name, "*"} and name != "close":
                raise ClientUnavailable("no answer")
            return call(*args, **kwargs)

        return answer


@define
class Clients:
    """Worlds by their clients' names, one account (the first world's), and runs over all of them.

    Attributes:
        fails: By a client's name, the calls of it that get no answer.
    """

    worlds: Mapping[str, World]
    state_dir: Path
    fails: dict[str, set[str]] = field(factory=dict)
    tape: Tape | None = None
    ports: Ports | None = None

    def client(self) -> SeveralClients:
        """Return the clients as one, as a run has them: nothing is known of them yet."""
        clients: dict[str, Client] = {}
        for name, world in self.worlds.items():
            tape = None if self.tape is None else self.tape.of_client(name)
            clients[name] = Switched(MemoryClient(world, tape=tape), self.fails.get(name, set()))
        return SeveralClients(clients)

    def wired(self, **pairs: Any) -> Ports:
        """Wire the ports of one run."""
        names = list(self.worlds)
        settings = settings_of(self.state_dir, qbittorrent__name=names[0], **pairs)
        settings = evolve(settings, other_clients=tuple(QbittorrentSettings(name=name) for name in names[1:]))
        first = self.worlds[names[0]]
        self.ports = ports = Ports(settings, lambda: first.now, tape=self.tape)
        ports.client = self.client()
        ports.site = MemorySite(first, tape=self.tape)
        return ports

    def run(self, job: str, *, apply: bool = False, **pairs: Any) -> Report:
        """Run a job."""
        return run(job, self.wired(**pairs), apply=apply)
