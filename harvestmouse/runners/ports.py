"""Wire the adapters a run needs, each only when it is first asked for."""

from __future__ import annotations

import logging
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from harvestmouse.adapters.traffic import Traffic
from harvestmouse.runners.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harvestmouse.adapters.errors import AdapterError
    from harvestmouse.adapters.interface import Client, Site
    from harvestmouse.adapters.state.journal import Journal
    from harvestmouse.adapters.state.ledger import Ledger
    from harvestmouse.adapters.state.memory import Memory
    from harvestmouse.adapters.state.refusals import Refusals
    from harvestmouse.adapters.tape import Tape
    from harvestmouse.core.model import Profile, Snapshot
    from harvestmouse.runners.settings import Settings

log = logging.getLogger("harvestmouse")


def _seconds() -> int:
    return int(time.time())


@define(slots=False)
class Ports:
    """Everything outside that one run may use.

    Attributes:
        settings: The configuration.
        clock: Unix seconds.
        run_id: Names the run in its log lines and its outcome.
        tape: Takes what the services send; ``None`` where nobody keeps it.
        traffic: What was asked of the site and the client.
        profile: The account as it was last read; ``None`` before.
        snapshot: What the run decided from; ``None`` before.
        lost: The services that failed and are asked no more, by their names in `harvestmouse.adapters.traffic`, each
            with its error; under an empty name what ends the whole run.
    """

    settings: Settings
    clock: Callable[[], int] = _seconds
    run_id: str = ""
    tape: Tape | None = None
    traffic: Traffic = field(factory=Traffic, init=False)
    profile: Profile | None = field(default=None, init=False)
    snapshot: Snapshot | None = field(default=None, init=False)
    lost: dict[str, AdapterError] = field(factory=dict, init=False)

    def read_profile(self) -> Profile:
        """Read the account, and keep it for the run's figures, which it reaches even if the run fails later."""
        self.profile = self.site.profile()
        return self.profile

    @cached_property
    def site(self) -> Site:
        """Return the site, over its session."""
        site: Site = _adapter("site", self.settings.mam.adapter, {"mam": self._open_mam})(self.settings)
        return site

    @cached_property
    def client(self) -> Client:
        """Return the torrent client, or several as one."""
        if not self.settings.other_clients:
            return self._open_client(self.settings, self.tape)
        from harvestmouse.adapters.several import SeveralClients  # noqa: PLC0415 - most have one

        clients: dict[str, Client] = {}
        tapes: dict[str, Tape] = {}
        for one in self.settings.clients:
            if self.tape is not None:
                tapes[one.name] = self.tape.of_client(one.name)
            alone = evolve(self.settings, qbittorrent=one, other_clients=())
            clients[one.name] = self._open_client(alone, tapes.get(one.name))
        return SeveralClients(clients)

    def _open_client(self, settings: Settings, tape: Tape | None) -> Client:
        built_in = {
            "qbittorrent": partial(self._open_qbittorrent, tape=tape),
            "transmission": partial(self._open_transmission, tape=tape),
        }
        client: Client = _adapter("client", settings.qbittorrent.adapter, built_in)(settings)
        return client

    def ask_ahead(self, job: str) -> None:
        """Let the client make its list while the run loads what it will do with it, where the client knows how."""
        category = self.settings.policy.client.category
        first = {"janitor": category, "rescue": category, "monitor": None}
        if job in first and (ask_ahead := getattr(self.client, "ask_ahead", None)) is not None:
            ask_ahead(first[job])

    @cached_property
    def ledger(self) -> Ledger:
        """Return the ledger of grabbed ids."""
        from harvestmouse.adapters.state import ledger  # noqa: PLC0415 - as below, few jobs need it

        return ledger.Ledger(self.settings.general.state_dir / ledger.NAME)

    @cached_property
    def journal(self) -> Journal:
        """Return the purchase journal."""
        from harvestmouse.adapters.state import journal  # noqa: PLC0415

        return journal.Journal(self.settings.general.state_dir / journal.NAME)

    @cached_property
    def memory(self) -> Memory:
        """Return what earlier runs left."""
        from harvestmouse.adapters.state.memory import Memory  # noqa: PLC0415

        return Memory(self.settings.general.state_dir)

    def close(self) -> None:
        """Let go of everything that was opened."""
        for name in ("site", "client"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def _open_mam(self, settings: Settings) -> Site:
        from harvestmouse.adapters.mam import Limits, MamSession, MamSite  # noqa: PLC0415 - the janitor never needs it
        from harvestmouse.adapters.state import cookie  # noqa: PLC0415

        mam = settings.mam
        limits = Limits(
            spacing=mam.request_spacing.total_seconds(),
            connect=mam.connect_timeout.total_seconds(),
            read=mam.read_timeout.total_seconds(),
        )
        state_dir = settings.general.state_dir
        store = cookie.CookieStore(state_dir / cookie.NAME, mam.mam_id)
        refused = open_refusals(settings)
        session = MamSession(mam.base_url, store, limits, log.info, refused, self.traffic, tracker_url=mam.tracker_url)
        return MamSite(session, self.tape)

    def _open_qbittorrent(self, settings: Settings, tape: Tape | None) -> Client:
        from harvestmouse.adapters.qbittorrent import QbittorrentClient  # noqa: PLC0415 - spend never needs it

        chosen = settings.qbittorrent
        return QbittorrentClient(
            url=chosen.url,
            username=chosen.username,
            password=chosen.password,
            api_key=chosen.api_key,
            traffic=self.traffic,
            tape=tape,
        )

    def _open_transmission(self, settings: Settings, tape: Tape | None) -> Client:
        try:
            from harvestmouse.adapters.transmission import TransmissionClient  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigError(
                "[qbittorrent] adapter = 'transmission' needs its library: pip install 'harvestmouse[transmission]'"
            ) from None
        chosen = settings.qbittorrent
        return TransmissionClient(
            url=chosen.url,
            username=chosen.username,
            password=chosen.password,
            category=settings.policy.client.category,
            traffic=self.traffic,
            tape=tape,
        )


def _adapter(kind: str, name: str, built_in: Mapping[str, Callable[[Settings], Any]]) -> Callable[[Settings], Any]:
    """Find an adapter by name: the built-in one, or a third party's behind an entry point."""
    if name in built_in:
        return built_in[name]
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and few need it

    group = f"harvestmouse.{kind}s"
    found = [point for point in entry_points(group=group) if point.name == name]
    if not found:
        known = sorted({*built_in, *(point.name for point in entry_points(group=group))})
        section = {"site": "mam", "client": "qbittorrent"}[kind]
        raise ConfigError(f"[{section}] adapter = {name!r} is no known {kind} adapter; known are {', '.join(known)}")
    opener: Callable[[Settings], Any] = found[0].load()
    return opener


def open_refusals(settings: Settings) -> Refusals:
    """Return what is remembered of refused sessions."""
    from harvestmouse.adapters.state import refusals  # noqa: PLC0415
    from harvestmouse.adapters.state.cookie import fingerprint  # noqa: PLC0415

    secret = settings.mam.mam_id.reveal().strip()
    return refusals.Refusals(settings.general.state_dir / refusals.NAME, fingerprint(secret) if secret else "")
