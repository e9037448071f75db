"""What can be configured: every key, its kind, its default and what it means."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import Attribute, field, fields, frozen

from harvestmouse.adapters.secret import Secret, masked, may_carry_cookie, password_in
from harvestmouse.core.errors import PolicyError
from harvestmouse.core.policy import (
    AddressPolicy,
    CleanupPolicy,
    ClientPolicy,
    GrabPolicy,
    MonitorPolicy,
    Policy,
    ReconcilePolicy,
    RescuePolicy,
    SpendPolicy,
)
from harvestmouse.core.units import MIB


def _web(_: Any, attribute: "Attribute[Any]", value: str) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise PolicyError(
            f"{attribute.name} = {masked(value)!r} is no web address; write it as 'https://host' or 'http://host:port'"
        )


def _site(instance: Any, attribute: "Attribute[Any]", value: str) -> None:
    _web(instance, attribute, value)
    if not may_carry_cookie(value):
        raise PolicyError(f"{attribute.name} = {masked(value)!r} would send the cookie in plain text; use https")


def _cookie(_: Any, attribute: "Attribute[Any]", value: Secret) -> None:
    text = value.reveal()
    if text.startswith(("mam_id=", '"', "'")):
        raise PolicyError(f"{attribute.name} is to be the bare value: without 'mam_id=' before it, and without quotes")
    if not all("!" <= character <= "~" and character != ";" for character in text):
        raise PolicyError(f"{attribute.name} holds white space or other characters that no cookie has; copy it again")


def _span(seconds: float) -> Any:
    return field(default=timedelta(seconds=seconds), validator=_not_negative)


def _not_negative(_: Any, attribute: "Attribute[Any]", value: timedelta) -> None:
    if value < timedelta(0):
        raise PolicyError(f"{attribute.name} is negative")


def _at_least_one(_: Any, attribute: "Attribute[Any]", value: int) -> None:
    if value < 1:
        raise PolicyError(f"{attribute.name} = {value} is too low; at least 1")


def _limit(seconds: float) -> Any:
    return field(default=timedelta(seconds=seconds), validator=_positive)


def _positive(_: Any, attribute: "Attribute[Any]", value: timedelta) -> None:
    if value <= timedelta(0):
        raise PolicyError(f"{attribute.name} must be above 0")


@frozen(kw_only=True)
class GeneralSettings:
    """Keys at the top of the file.

    Attributes:
        preset: Figures to start from: seed or field.
        apply: Act; without it every job only says what it would do.
        state_dir: Where cookie, ledger, journal and lock are kept.
        lock_wait: How long to wait for another run that uses the site's session.
        deadline: How long a run may take in all.
    """

    preset: str = "seed"
    apply: bool = False
    state_dir: Path = Path("/data")
    lock_wait: timedelta = _span(60)
    deadline: timedelta = _limit(600)


@frozen(kw_only=True)
class MamSettings:
    """The site.

    Attributes:
        mam_id: The session's cookie, from Preferences -> Security; better set as MAM_ID or MAM_ID_FILE.
        base_url: The site.
        tracker_url: The tracker's host, which has the address API.
        request_spacing: Time between two requests.
        connect_timeout: Time limit for a connection.
        read_timeout: Time limit for an answer.
        adapter: Which adapter talks to the site.
        user_torrents: Ask the site's own list of unsatisfied torrents, which its API pages do not name: see compliance.
    """

    mam_id: Secret = field(factory=lambda: Secret(""), validator=_cookie)
    base_url: str = field(default="https://www.myanonamouse.net", validator=_site)
    tracker_url: str = field(default="https://t.myanonamouse.net", validator=_site)
    request_spacing: timedelta = _span(3)
    connect_timeout: timedelta = _limit(10)
    read_timeout: timedelta = _limit(30)
    adapter: str = "mam"
    user_torrents: bool = False


def _client_name(_: Any, attribute: "Attribute[Any]", value: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9_-]*", value, re.ASCII) is None:
        raise PolicyError(f"{attribute.name} = {value!r} may have letters, digits, - and _ only")


@frozen(kw_only=True)
class QbittorrentSettings:
    """The torrent client, or one of several.

    Attributes:
        name: What the client is called; needed where there are several.
        url: The address of the Web UI, or of Transmission's daemon.
        username: User name; empty where the client lets this address in without a login.
        password: Password.
        api_key: API key of qBittorrent 5.2 and later, in place of user name and password.
        adapter: Which adapter talks to the client: qbittorrent, transmission, or that of another package.
    """

    name: str = field(default="", validator=_client_name)
    url: str = field(default="http://127.0.0.1:8080", validator=_web)
    username: str = ""
    password: Secret = field(factory=lambda: Secret(""))
    api_key: Secret = field(factory=lambda: Secret(""))
    adapter: str = "qbittorrent"


@frozen(kw_only=True)
class MetricsSettings:
    """Where figures go.

    Attributes:
        pushgateway_url: A Prometheus Pushgateway; empty for none.
        textfile: A file for node_exporter's textfile collector; empty for none.
    """

    pushgateway_url: str = ""
    textfile: str = ""


@frozen(kw_only=True)
class NotifySettings:
    """Who is told what needs a person.

    Attributes:
        urls: Addresses as Apprise writes them, separated by white space; empty for none.
    """

    urls: Secret = field(factory=lambda: Secret(""))


@frozen(kw_only=True)
class RecordingSettings:
    """What is kept of every run, in state_dir/recordings.

    Attributes:
        enabled: Record.
        dry_runs: Record dry runs too.
        keep_days: For how many days.
        max_count: How many recordings; those of earlier days are counted once a day.
        max_size: How much in all; likewise.
    """

    enabled: bool = True
    dry_runs: bool = True
    keep_days: int = field(default=90, validator=_at_least_one)
    max_count: int = field(default=50_000, validator=_at_least_one)
    max_size: int = field(default=500 * MIB, metadata={"size": True})


def _crontab(_: Any, attribute: "Attribute[Any]", value: str) -> None:
    if value in ("", attribute.default):
        return
    from harvestmouse.runners.serve.crontab import CrontabError, parse  # noqa: PLC0415 - few runs have lines of their own

    try:
        parse(value)
    except CrontabError as error:
        raise PolicyError(f"{attribute.name} = {value!r} is no line of a crontab: {error}") from None


def _line(default: str) -> Any:
    return field(default=default, validator=_crontab)


def host_and_port(text: str) -> tuple[str, int]:
    """Take an address to listen on apart.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(f"//{text}")
    if parts.port is None or not parts.hostname or parts.netloc != text or parts.username is not None:
        raise ValueError(text)
    return parts.hostname, parts.port


def _address(_: Any, attribute: "Attribute[Any]", value: str) -> None:
    try:
        host_and_port(value)
    except ValueError:
        raise PolicyError(
            f"{attribute.name} = {value!r} is no address to listen on; write it as '127.0.0.1:9798' or '[::1]:9798'"
        ) from None


@frozen(kw_only=True)
class ServeSettings:
    """When `serve` starts each job, as a crontab has it (minute, hour, day, month, weekday), and where its page is.

    Attributes:
        listen: Address and port of the page, the figures and the checks of health.
        grab: When to grab; empty for never.
        janitor: When to run janitor; empty for never.
        spend: When to run spend; empty for never.
        reconcile: When to run reconcile; empty for never.
        monitor: When to run monitor; empty for never.
        rescue: When to run rescue; empty for never.
        cycle: When to do all jobs in one run, in place of the others; empty for never.
        address: When to look whether the client's address has changed; empty for never.
        jitter: Start up to this much after the minute, by chance.
        misfire_grace: Start up to this much late, such as after a pause of the machine; what is later is left out.
    """

    listen: str = field(default="127.0.0.1:9798", validator=_address)
    grab: str = _line("*/30 * * * *")
    janitor: str = _line("10-59/15 * * * *")
    spend: str = _line("20 */6 * * *")
    reconcile: str = _line("13-59/15 * * * *")
    monitor: str = _line("2-59/5 * * * *")
    rescue: str = _line("")
    cycle: str = _line("")
    address: str = _line("")
    jitter: timedelta = _span(60)
    misfire_grace: timedelta = _limit(300)


@frozen(kw_only=True)
class Settings:
    """The whole configuration, and where each value comes from.

    Attributes:
        qbittorrent: The torrent client; of several, the first.
        other_clients: The rest of them.
        sources: (section, key) to the source in words; absent for a default of the preset.
    """

    general: GeneralSettings
    mam: MamSettings
    qbittorrent: QbittorrentSettings
    metrics: MetricsSettings
    notify: NotifySettings
    recordings: RecordingSettings
    serve: ServeSettings
    policy: Policy
    sources: Mapping[tuple[str, str], str]
    other_clients: tuple[QbittorrentSettings, ...] = ()

    @property
    def clients(self) -> tuple[QbittorrentSettings, ...]:
        """Return all torrent clients, in the order of the configuration."""
        return self.qbittorrent, *self.other_clients


# Section to the classes whose attributes are its keys.
SECTIONS: Mapping[str, tuple[type[Any], ...]] = {
    "": (GeneralSettings,),
    "mam": (MamSettings, AddressPolicy),
    "qbittorrent": (QbittorrentSettings, ClientPolicy),
    "metrics": (MetricsSettings,),
    "notify": (NotifySettings,),
    "recordings": (RecordingSettings,),
    "grab": (GrabPolicy,),
    "cleanup": (CleanupPolicy,),
    "spend": (SpendPolicy,),
    "reconcile": (ReconcilePolicy,),
    "rescue": (RescuePolicy,),
    "monitor": (MonitorPolicy,),
    "serve": (ServeSettings,),
}

KEYS: Mapping[tuple[str, str], "Attribute[Any]"] = {
    (section, attribute.name): attribute
    for section, classes in SECTIONS.items()
    for one in classes
    for attribute in fields(one)
}


def secrets_of(settings: Settings) -> tuple[Secret, ...]:
    """Return what no log line may show."""
    addresses = (*(one.url for one in settings.clients), settings.metrics.pushgateway_url)
    services = (Secret(one) for one in settings.notify.urls.reveal().split())
    keys = (key for one in settings.clients for key in (one.password, one.api_key))
    return settings.mam.mam_id, *keys, *map(password_in, addresses), *services


def title(section: str, name: str) -> str:
    """Name a key the way the file has it: ``[grab] ratio_floor``."""
    return f"[{section}] {name}" if section else name


def meaning(section: str, name: str) -> str:
    """Return what a key means, from its class's docstring."""
    for one in SECTIONS[section]:
        for line in (one.__doc__ or "").splitlines():
            if line.strip().startswith(f"{name}: "):
                return line.strip().removeprefix(f"{name}: ").rstrip(".")
    return ""
