"""Every reader of something that comes from outside, by what it reads: for the laws of parsing and for the fuzzer."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harvestmouse.adapters.bencode import info_hash, is_torrent
from harvestmouse.adapters.mam.classify import not_json, page_error, read_json, refusal
from harvestmouse.adapters.qbittorrent.listing import iter_objects
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state import lock
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.memory import ACCOUNT, LISTING, Memory
from harvestmouse.adapters.state.refusals import Refusals
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.policy import SEED
from harvestmouse.core.units import parse_duration, parse_size
from harvestmouse.core.wire import (
    parse_connection,
    parse_free_space,
    parse_freeze,
    parse_messages,
    parse_preferences,
    parse_profile,
    parse_purchase,
    parse_search,
    parse_snapshot,
    parse_torrents,
    parse_version,
)
from harvestmouse.core.wire.coerce import (
    as_count,
    as_flag,
    as_float,
    as_int,
    as_names,
    as_object,
    as_size,
    as_text,
    as_time,
    digest,
)
from harvestmouse.core.wire.mam import parse_result, parse_seed_times
from harvestmouse.core.wire.plan import dump, parse_plan, unparse_plan
from harvestmouse.core.wire.qbittorrent import parse_tags, parse_torrent
from harvestmouse.core.wire.snapshot import parse_entry, parse_memory
from harvestmouse.runners.config import Given, from_environment, from_file, from_flags, load
from harvestmouse.runners.settings import KEYS
from tests.support.builders import NOW

Reader = Callable[[Any], object]


def _rows(body: object) -> list[object]:
    return body if isinstance(body, list) else [body]


def _planned(document: object) -> list[str]:
    """Read a snapshot, and write the plan of every job for it."""
    seen = parse_snapshot(document)
    return [dump(unparse_plan(decide(seen, SEED))) for decide in JOBS.values()]


def _listed(body: bytes) -> list[object]:
    """Read a listing that arrives in pieces; its errors are those that the adapter turns into one of the project's."""
    try:
        return list(iter_objects([body[:7], body[7:]]))
    except (ValueError, RecursionError):
        return []


# Of any JSON value these return a value, or tell that it is unknown.
TOTAL: Mapping[str, Reader] = {
    "as_int": as_int,
    "as_float": as_float,
    "as_count": as_count,
    "as_flag": as_flag,
    "as_text": as_text,
    "as_size": as_size,
    "as_time": as_time,
    "as_names": as_names,
    "as_object": as_object,
    "digest": digest,
    "parse_profile": parse_profile,
    "parse_search": lambda body: parse_search(body, NOW),
    "parse_result": lambda body: parse_result(body, NOW),
    "parse_seed_times": parse_seed_times,
    "parse_purchase": parse_purchase,
    "parse_version": parse_version,
    "parse_torrents": lambda body: parse_torrents(_rows(body), {"x": body}),
    "parse_torrent": parse_torrent,
    "parse_tags": parse_tags,
    "parse_messages": lambda body: parse_messages(_rows(body)),
    "parse_preferences": parse_preferences,
    "parse_connection": parse_connection,
    "parse_free_space": parse_free_space,
    "parse_entry": parse_entry,
}
# Of any JSON value these return a value, or raise one of the project's errors.
FORMS: Mapping[str, Reader] = {
    "parse_snapshot": _planned,
    "parse_plan": lambda document: parse_plan(document).counts,
    "parse_memory": lambda body: parse_memory(as_object(body)),
}
# The same of any text.
TEXTS: Mapping[str, Reader] = {
    "parse_size": parse_size,
    "parse_duration": parse_duration,
    "parse_freeze": parse_freeze,
    "read_json": lambda text: read_json("profile", text),
    "not_json": lambda text: not_json("profile", text),
    "page_error": lambda text: page_error("profile", text),
    "refusal 200": lambda text: refusal("x", 200, text, text),
    "refusal 302": lambda text: refusal("x", 302, text, text),
    "refusal 403": lambda text: refusal("x", 403, text, text),
    "from_flags": lambda text: from_flags([text, f"grab.{text}", f"grab.ratio_floor={text}"]),
    "from_environment": lambda text: from_environment({"MAM_ID": text, "HARVESTMOUSE_GRAB_PER_RUN": text, text: text}),
}
# The same of any bytes.
BYTES: Mapping[str, Reader] = {
    "info_hash": info_hash,
    "is_torrent": is_torrent,
    "iter_objects": _listed,
}


def config_value(key: tuple[str, str], value: object) -> object:
    """Load a configuration that has one value from a file."""
    return load({}, None, {key: Given(value, "a test")})


def files(directory: Path) -> Mapping[str, Callable[[bytes], object]]:
    """Return what reads the files of a state directory and the configuration, each from its bytes."""
    memory, path = Memory(directory), directory / "file"
    refusals = Refusals(path, "fingerprint")
    readers: Mapping[str, tuple[Path, Callable[[], object]]] = {
        "cookie": (path, CookieStore(path, Secret("operator")).candidates),
        "ledger": (path, lambda: (Ledger(path).entries(), Ledger(path).ids())),
        "journal": (path, lambda: (Journal(path).last_closed(), Journal(path).pending())),
        "account": (directory / ACCOUNT, lambda: parse_memory(memory.account())),
        "listing": (directory / LISTING, lambda: parse_memory(memory.listing())),
        "refusals": (path, refusals.check),
        "lock": (path, lambda: lock._who(path)),
        "configuration": (path, lambda: from_file(path)),
    }

    def reader(place: Path, read: Callable[[], object]) -> Callable[[bytes], object]:
        def written_and_read(content: bytes) -> object:
            place.write_bytes(content)
            return read()

        return written_and_read

    return {name: reader(place, read) for name, (place, read) in readers.items()}


def decoded(body: bytes) -> object:
    """Return the JSON value in the bytes as the adapters decode it, or the text where they hold none."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


CONFIG_KEYS = sorted(KEYS)
