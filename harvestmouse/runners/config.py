"""Read the configuration: flags over environment over file over preset, every value with its source."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

from attrs import Attribute, evolve, fields, frozen

from harvestmouse.adapters.secret import MASK, Secret, masked
from harvestmouse.core.errors import HarvestmouseError, UnitError
from harvestmouse.core.policy import PRESETS, AddressPolicy, ClientPolicy, Policy, show
from harvestmouse.core.units import parse_duration, parse_size
from harvestmouse.runners.settings import (
    KEYS,
    GeneralSettings,
    MamSettings,
    MetricsSettings,
    NotifySettings,
    QbittorrentSettings,
    RecordingSettings,
    ServeSettings,
    Settings,
    meaning,
    title,
)

PREFIX = "HARVESTMOUSE_"
# Variables that are no keys of the file.
_CONFIG, _LOG_LEVEL, _LOG_FORMAT = "HARVESTMOUSE_CONFIG", "HARVESTMOUSE_LOG_LEVEL", "HARVESTMOUSE_LOG_FORMAT"
_NO_KEYS = frozenset({_CONFIG, _LOG_LEVEL, _LOG_FORMAT})
# Kubernetes sets these for a Service that happens to be called harvestmouse.
_KUBERNETES = re.compile(r"HARVESTMOUSE_(SERVICE_(HOST|PORT).*|PORT(_.*)?)")
_FEW = 9
# The section of which there may be several tables.
CLIENTS = "qbittorrent"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class ConfigError(HarvestmouseError):
    """The configuration cannot be used; exit code 2."""


@frozen
class Given:
    """A value as it was written, and where."""

    value: Any
    source: str


Values = dict[tuple[str, str], Given]


def load(
    environment: Mapping[str, str], file: str | None = None, flags: Mapping[tuple[str, str], Given] | None = None
) -> Settings:
    """Read the whole configuration.

    Args:
        environment: The process's environment.
        file: A TOML file; ``HARVESTMOUSE_CONFIG`` names it where the flag does not.
        flags: Values of the command line.

    Raises:
        ConfigError: A key is unknown, a value is of the wrong kind or out of range; the text names both and the source.
    """
    path = file or environment.get(_CONFIG) or None
    filed = from_file(Path(path)) if path else {}
    given: Values = {**filed, **from_environment(environment, clients_in(filed)), **(flags or {})}
    preset = str(given["", "preset"].value) if ("", "preset") in given else "seed"
    if preset not in PRESETS:
        raise ConfigError(f"preset = {preset!r} is unknown; {_nearest(preset, PRESETS)}{_from(given, '', 'preset')}")
    settings = _assemble(given, PRESETS[preset])
    if dry_run_forced(environment):
        settings = evolve(settings, general=evolve(settings.general, apply=False))
    return settings


def load_metrics(environment: Mapping[str, str], file: str | None, pairs: Iterable[str]) -> MetricsSettings:
    """Read ``[metrics]`` alone, so that a run which ends for the rest of its configuration is seen all the same.

    What cannot be read counts as not given.
    """
    import tomllib  # noqa: PLC0415 - as in `from_file`

    path, document = file or environment.get(_CONFIG), dict[str, Any]()
    with suppress(OSError, ValueError, RecursionError):
        document = tomllib.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    section = document.get("metrics")
    values = dict(section) if isinstance(section, dict) else {}
    flags = {name.strip(): value.strip() for name, _, value in (pair.partition("=") for pair in pairs)}
    for name in (attribute.name for attribute in fields(MetricsSettings)):
        values[name] = flags.get(f"metrics.{name}") or environment.get(_variable("metrics", name)) or values.get(name)
    return MetricsSettings(**{name: value for name, value in values.items() if isinstance(value, str)})


def dry_run_forced(environment: Mapping[str, str]) -> bool:
    """Whether ``DRY_RUN`` is on, which wins over everything that says to act.

    Raises:
        ConfigError: It is neither on nor off; guessing would be dangerous.
    """
    word = environment.get("DRY_RUN", "").strip()
    try:
        return bool(word) and _flag(word)
    except UnitError as error:
        raise ConfigError(f"DRY_RUN: {error}") from None


def from_file(path: Path) -> Values:
    """Read a TOML file; a key it does not know is refused, with the nearest one it does."""
    import tomllib  # noqa: PLC0415 - only a run with a file pays for it

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is no TOML file: {error}") from None
    sections = {section for section, _ in KEYS}
    values: Values = {}
    for name, value in document.items():
        if name == CLIENTS and isinstance(value, list):
            values |= _tables(value, path)
        elif isinstance(value, dict):
            if name not in sections:
                raise ConfigError(f"{path}: unknown section [{name}]; {_nearest(name, sections - {''})}")
            values |= {_known(name, key, str(path)): Given(one, str(path)) for key, one in value.items()}
        else:
            values[_known("", name, str(path))] = Given(value, str(path))
    return values


def clients_in(values: Values) -> dict[str, str]:
    """Return the sections of several clients by their names, in the order of the file; none where there is one."""
    others = dict.fromkeys(section for section, _ in values if section.startswith(f"{CLIENTS}."))
    if not others:
        return {}
    return {values[CLIENTS, "name"].value: CLIENTS} | {one.removeprefix(f"{CLIENTS}."): one for one in others}


def _tables(tables: list[Any], path: Path) -> Values:
    """Read ``[[qbittorrent]]``: the first is the section itself, each other one a section with its name."""
    values: Values = {}
    sections: dict[str, str] = {}
    for number, table in enumerate(tables, 1):
        place = f"{path}: [[{CLIENTS}]] number {number}"
        if not isinstance(table, dict):
            raise ConfigError(f"{place} is no table")
        name = table.get("name", "")
        if len(tables) > 1 and (not isinstance(name, str) or not name):
            raise ConfigError(f"{place} has no name; give each of several clients one, such as name = 'home'")
        twin = next((one for one in sections if _folded(one) == _folded(name)), None)
        if twin is not None:
            raise ConfigError(f"{place}: name = {name!r} is taken by {twin!r}; upper and lower case, - and _ are alike")
        sections[name] = CLIENTS if number == 1 else f"{CLIENTS}.{name}"
        for key, one in table.items():
            _known(CLIENTS, key, str(path))
            values[sections[name], key] = Given(one, str(path))
    return values


def _folded(name: object) -> str:
    return str(name).upper().replace("-", "_")


def from_environment(environment: Mapping[str, str], clients: Mapping[str, str] | None = None) -> Values:
    """Read ``HARVESTMOUSE_*``, ``MAM_ID`` and their ``_FILE`` forms; an empty variable counts as unset.

    Args:
        environment: The process's environment.
        clients: What `clients_in` says of the file; each of several clients has variables with its name in them,
            which go before those without.
    """
    names = {_variable(section, name): (section, name) for section, name in KEYS} | {"MAM_ID": ("mam", "mam_id")}
    named = {
        _variable(f"{CLIENTS}_{_folded(client)}", key.name): (section, key.name)
        for client, section in (clients or {}).items()
        for key in fields(QbittorrentSettings)
        if key.name != "name"
    }
    names |= named
    values: Values = {}
    for variable in sorted(environment, key=lambda one: (one.removesuffix("_FILE") in named, one)):
        text, key = environment[variable], names.get(variable)
        if key is None and variable.endswith("_FILE"):
            key = names.get(variable.removesuffix("_FILE"))
            if key is not None and KEYS[key[0].partition(".")[0], key[1]].type is Secret and text:
                values[key] = Given(_secret_file(variable, text), variable)
                continue
            key = None
        if key is not None and text.strip():
            values[key] = Given(text, variable)
        elif key is None and variable.startswith(PREFIX) and not _is_foreign(variable):
            raise ConfigError(f"unknown variable {variable}; {_nearest(variable, names)}")
    return values


def from_flags(pairs: Iterable[str]) -> Values:
    """Read ``section.key=value`` pairs of the command line."""
    values: Values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        section, _, key = name.strip().rpartition(".")
        if not equals:
            raise ConfigError(f"--set {pair!r}: write it as section.key=value, such as grab.ratio_floor=0.5")
        known = _known(section, key, "--set")
        if KEYS[known].type is Secret:
            raise ConfigError(
                f"--set {name.strip()}: everybody on this machine can read a command line; use a variable"
            )
        values[known] = Given(value.strip(), f"--set {name.strip()}")
    return values


def explain(settings: Settings) -> list[tuple[str, str, str]]:
    """Return every key with its value, secrets masked, and its source."""
    rows = []
    for (section, name), attribute in KEYS.items():
        value = _current(settings, section, name)
        shown = show(value, is_size=bool(attribute.metadata.get("size")))
        if isinstance(value, Secret):
            shown = MASK if value else ""
        elif isinstance(value, str):
            shown = masked(value)
        base = f"preset {settings.general.preset}" if section and hasattr(settings.policy, section) else "default"
        source = settings.sources.get((section, name), base)
        rows.append((title(section, name), _toml(shown), source))
    return rows + [row for one in settings.other_clients for row in _client_rows(one, settings.sources)]


def _client_rows(client: QbittorrentSettings, sources: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str, str]]:
    """Yield the keys of a client after the first."""
    section = f"{CLIENTS}.{client.name}"
    for attribute in fields(QbittorrentSettings):
        value = getattr(client, attribute.name)
        shown = (MASK if value else "") if isinstance(value, Secret) else masked(value)
        yield title(section, attribute.name), _toml(shown), sources.get((section, attribute.name), "default")


def sample() -> str:
    """Return a commented configuration file with every key at its default."""
    lines = ["# Configuration of harvestmouse. Every key is shown with its default; uncomment what you change.", ""]
    section = ""
    defaults = load({})
    for (place, name), attribute in KEYS.items():
        if place != section:
            section = place
            lines += ["", f"[{section}]"]
        value = _current(defaults, place, name)
        shown = "" if isinstance(value, Secret) else show(value, is_size=bool(attribute.metadata.get("size")))
        lines.append(f"# {name} = {_toml(shown)}".ljust(50) + f"  # {meaning(place, name)}")
    return "\n".join(lines) + "\n"


def _assemble(given: Values, base: Policy) -> Settings:
    own = {
        "client": _build(ClientPolicy, base.client, "qbittorrent", given),
        "grab": _build(type(base.grab), base.grab, "grab", given),
        "cleanup": _build(type(base.cleanup), base.cleanup, "cleanup", given),
        "spend": _build(type(base.spend), base.spend, "spend", given),
        "reconcile": _build(type(base.reconcile), base.reconcile, "reconcile", given),
        "rescue": _build(type(base.rescue), base.rescue, "rescue", given),
        "monitor": _build(type(base.monitor), base.monitor, "monitor", given),
        "address": _build(AddressPolicy, base.address, "mam", given),
    }
    return Settings(
        general=_build(GeneralSettings, GeneralSettings(), "", given),
        mam=_build(MamSettings, MamSettings(), "mam", given),
        qbittorrent=_build(QbittorrentSettings, QbittorrentSettings(), "qbittorrent", given),
        metrics=_build(MetricsSettings, MetricsSettings(), "metrics", given),
        notify=_build(NotifySettings, NotifySettings(), "notify", given),
        recordings=_build(RecordingSettings, RecordingSettings(), "recordings", given),
        serve=_build(ServeSettings, ServeSettings(), "serve", given),
        policy=Policy(**own),
        other_clients=tuple(_other_clients(given, own["client"])),
        sources={key: one.source for key, one in given.items()},
    )


def _other_clients(given: Values, policy: ClientPolicy) -> Iterator[QbittorrentSettings]:
    """Yield the clients after the first; what is no part of a connection is the same for all of them.

    Raises:
        ConfigError: One says otherwise.
    """
    for section in list(clients_in(given).values())[1:]:
        own = _build(ClientPolicy, policy, section, given)
        for key in fields(ClientPolicy):
            value, first = show(getattr(own, key.name)), show(getattr(policy, key.name))
            if value != first:
                raise ConfigError(
                    f"{title(section, key.name)} = {value!r} differs from {first!r} of the first client; it is the "
                    f"same for all, so leave it out here{_from(given, section, key.name)}"
                )
        yield _build(QbittorrentSettings, QbittorrentSettings(), section, given)


def _build(kind: type[Any], base: Any, section: str, given: Values) -> Any:
    """Change a section's defaults, one key at a time so that an error names its key and source."""
    wanted = {}
    for attribute in fields(kind):
        one = given.get((section, attribute.name))
        if one is not None:
            wanted[attribute.name] = _convert(one, attribute, title(section, attribute.name))
    try:
        return evolve(base, **wanted)
    except HarvestmouseError as error:
        name = str(error).split(" ", 1)[0]
        prefix = f"[{section}] " if section else ""
        raise ConfigError(f"{prefix}{error}{_from(given, section, name)}") from None


def _convert(given: Given, attribute: "Attribute[Any]", name: str) -> Any:
    try:
        return _read(given.value, attribute)
    except UnitError as error:
        raise ConfigError(f"{name}: {error} (from {given.source})") from None
    except (TypeError, ValueError, OverflowError):
        shown = MASK if attribute.type is Secret else repr(given.value)
        raise ConfigError(f"{name} = {shown} is no {_kind(attribute)} (from {given.source})") from None


def _read(value: Any, attribute: "Attribute[Any]") -> Any:
    kind: Any = attribute.type
    if attribute.metadata.get("size"):
        return parse_size(value) if isinstance(value, str) else _plain(value, int)
    if get_origin(kind) is tuple:
        return _list(value, get_args(kind)[0])
    if kind is bool:
        return value if isinstance(value, bool) else _flag(_plain(value, str))
    if kind is timedelta:
        return parse_duration(_plain(value, str))
    if kind is Secret:
        return Secret(_plain(value, str).strip())
    if kind is Path:
        return _path(_plain(value, str))
    if kind is str:
        return _plain(value, str)
    return _number(value, kind)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UnitError(str(error)) from None


def _number(value: Any, kind: type[Any]) -> Any:
    if isinstance(value, str):
        return kind(value.strip())
    return float(_plain(value, (int, float))) if kind is float else _plain(value, int)


def _list(value: Any, kind: type[Any]) -> tuple[Any, ...]:
    parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    return tuple(_number(part, int) if kind is int else _plain(part, str) for part in _plain(parts, list))


def _plain(value: Any, kind: type[Any] | tuple[type[Any], ...]) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError
    return value


def _flag(word: str) -> bool:
    folded = word.strip().casefold()
    if folded not in _TRUE | _FALSE:
        raise UnitError(f"{word!r} is neither on (1, true, yes) nor off (0, false, no)")
    return folded in _TRUE


def _kind(attribute: "Attribute[Any]") -> str:
    if attribute.metadata.get("size"):
        return "size; write it as '50 MiB'"
    names: dict[Any, str] = {
        int: "whole number",
        float: "number",
        str: "text",
        timedelta: "duration; write it as '72h'",
    }
    return names.get(attribute.type, "list" if get_origin(attribute.type) is tuple else "usable value")


def _known(section: str, name: str, place: str) -> tuple[str, str]:
    if (section, name) not in KEYS:
        names = [title(*key) for key in KEYS]
        raise ConfigError(f"{place}: unknown key {title(section, name)}; {_nearest(title(section, name), names)}")
    return section, name


def _nearest(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    choices = sorted(known)
    near = get_close_matches(word, choices, 1, 0.5)
    if near:
        return f"did you mean {near[0]}?"
    return "config show lists all keys" if len(choices) > _FEW else "known are " + ", ".join(choices)


def _variable(section: str, name: str) -> str:
    return PREFIX + (f"{section}_{name}" if section else name).upper()


def _is_foreign(variable: str) -> bool:
    return variable in _NO_KEYS or _KUBERNETES.fullmatch(variable) is not None


def _secret_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable}: cannot read {path}: {getattr(error, 'strerror', 'no text')}") from None


def _from(given: Values, section: str, name: str) -> str:
    one = given.get((section, name))
    return "" if one is None else f" (from {one.source})"


def _current(settings: Settings, section: str, name: str) -> Any:
    for place, policy in (("qbittorrent", settings.policy.client), ("mam", settings.policy.address)):
        if section == place and hasattr(policy, name):
            return getattr(policy, name)
    owner = settings.general if not section else getattr(settings, section, None) or getattr(settings.policy, section)
    return getattr(owner, name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
