"""Look at everything a run needs, and say what is wrong with it and what to do; nothing is changed.

The site is asked for the profile and for this host's address, the client for its torrents and preferences. As after
any answer of the site, a cookie that it renews is kept.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from shutil import disk_usage
from typing import Any

from attrs import asdict, define, field, frozen

from harvestmouse.adapters.errors import AdapterError, DeadlineExceeded, LockHeld, StateError
from harvestmouse.adapters.interface import Listing, Setup
from harvestmouse.adapters.state import cookie, journal, ledger
from harvestmouse.adapters.state.lock import locked
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.address import is_shared
from harvestmouse.core.errors import HarvestmouseError
from harvestmouse.core.guards import profile_guard
from harvestmouse.core.model import Connection, Snapshot
from harvestmouse.core.plan import Verdict
from harvestmouse.core.policy import ClientPolicy
from harvestmouse.core.reconcile import owed_slots, plan_reconcile
from harvestmouse.core.units import MIB, counted, format_size, format_span
from harvestmouse.core.wire.coerce import as_float, as_object
from harvestmouse.core.wire.snapshot import parse_memory
from harvestmouse.runners import logs
from harvestmouse.runners.clients import one_client, preferences_of, there
from harvestmouse.runners.commands import begin, load_settings
from harvestmouse.runners.interrupt import deadline
from harvestmouse.runners.ports import Ports, open_refusals
from harvestmouse.runners.report import Exit
from harvestmouse.runners.settings import Settings, secrets_of
from harvestmouse.runners.words import clean, table

JOB = "doctor"
FORMAT = "harvestmouse-doctor/1"

# A clock that is further off than this, in seconds, makes ages and freezes wrong enough to matter.
_MOST_SKEW = 120
# The state directory takes a recording of every run.
_LEAST_STATE_BYTES = 100 * MIB
_GATEWAY_SECONDS = 10


class Result(StrEnum):
    """How a check came out."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"


@frozen
class Finding:
    """What one check found.

    Attributes:
        remedy: What to do about it; empty where nothing has to be done.
    """

    check: str
    result: Result
    detail: str
    remedy: str = ""


@define
class Doctor:
    """The checks of one visit, and what the later ones need of the earlier.

    Attributes:
        exit_code: That of the first check that failed.
    """

    ports: Ports
    tape: Tape
    exit_code: Exit = Exit.DONE
    findings: list[Finding] = field(factory=list)
    _site_address: str | None = field(default=None, init=False)
    _connection: Connection | None = field(default=None, init=False)

    @property
    def settings(self) -> Settings:
        """Return the configuration."""
        return self.ports.settings

    def visit(self) -> None:
        """Make every check; one that fails spoils no other."""
        checks: Mapping[str, Callable[[], Iterator[Finding]]] = {
            "configuration": self._configuration,
            "state directory": self._state,
            "site": self._site,
            "client": self._client,
            "address": self._address,
            "clock": self._clock,
            "metrics": self._metrics,
            "notifications": self._notifications,
        }
        for name, check in checks.items():
            with self._noted(name):
                self.findings.extend(check())

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        """Make an error a finding, with its advice as the remedy."""
        try:
            yield
        except DeadlineExceeded:
            raise
        except LockHeld as error:
            self.findings.append(Finding(name, Result.WARN, error.args[0], "Try again when that run is over."))
        except HarvestmouseError as error:
            self._failed(name, error)

    def _failed(self, name: str, error: HarvestmouseError) -> None:
        advice = error.advice if isinstance(error, AdapterError) else ""
        self.findings.append(Finding(name, Result.FAIL, str(error.args[0]), advice))
        if self.exit_code is Exit.DONE:
            self.exit_code = Exit(getattr(error, "exit_code", Exit.USAGE))

    def _answered(self, check: str) -> bool:
        return any((one.check, one.result) == (check, Result.PASS) for one in self.findings)

    def _configuration(self) -> Iterator[Finding]:
        general = self.settings.general
        mode = "acts" if general.apply else "dry runs"
        yield Finding("configuration", Result.PASS, f"it can be used: preset {general.preset}, {mode} by default")

    def _state(self) -> Iterator[Finding]:
        name, place = "state directory", self.settings.general.state_dir
        yield _directory(name, place)
        yield from _private(place / cookie.NAME)
        known = len({one.id for one in self.ports.ledger.entries()})
        yield Finding(name, Result.PASS, f"{ledger.NAME} tells of {counted(known, 'torrent')}")
        if self.ports.journal.pending() is not None:
            yield Finding(
                name,
                Result.WARN,
                f"{journal.NAME} has a purchase whose end is unknown",
                "Run harvestmouse spend: it settles it from the profile.",
            )

    def _site(self) -> Iterator[Finding]:
        general = self.settings.general
        open_refusals(self.settings).check()
        with locked(general.state_dir, JOB, general.lock_wait.total_seconds()):
            profile = self.ports.read_profile()
            self._site_address = self.ports.site.address()
        ratio = "unknown" if profile.ratio is None else f"{profile.ratio:.2f}"
        yield Finding("site", Result.PASS, f"signed in: class {clean(str(profile.class_name))}, ratio {ratio}")
        memory = parse_memory(self.ports.memory.account())
        skip = profile_guard(Snapshot(taken_at=self.ports.clock(), profile=profile, **memory), self.settings.policy)
        if skip is not None:
            detail = f"grab would be skipped: {skip.reason.value} - {clean(skip.detail)}"
            yield Finding("site", Result.WARN, detail, "harvestmouse recover lays out the way back.")

    def _client(self) -> Iterator[Finding]:
        listing, queues = self.ports.client.overview(), preferences_of(self.ports)
        self._connection = listing.connection
        for name, error in listing.missing.items():
            self._failed(f"client {name}", error)
        category = self.settings.policy.client.category
        managed = sum(one.category == category for one in listing.torrents)
        held = f"{managed} of {counted(len(listing.torrents), 'torrent')} in {category}"
        setups = self._setups(listing)
        yield Finding("client", Result.PASS, f"{self._answering(setups)}; {held}")
        for one, setup in setups.items():
            yield from _set_up(f"client {one}: " if one else "", setup, self.settings.policy.client)
        lacking = [
            one for one in setups.values() if one and one.categories is not None and category not in one.categories
        ]
        if not managed and listing.torrents and not lacking:
            yield Finding("client", Result.WARN, f"no torrent is in the category {category}",
                          "Is category in [qbittorrent] right? Before the first grab it is.")  # fmt: skip
        status = None if listing.connection is None else listing.connection.status
        if status not in (None, "connected"):
            yield Finding("client", Result.WARN, f"its connection is {clean(status)}",
                          "Peers cannot reach it: forward its port, or look at the VPN.")  # fmt: skip
        yield from self._queue(listing, there(queues, listing))

    def _setups(self, listing: Listing) -> dict[str | None, Setup | None]:
        """Ask each client that is there how it is set up; not every adapter can."""
        settings, told = self.settings, dict[str | None, Setup | None]()
        names = [one.name for one in settings.clients] if settings.other_clients else [None]
        for name in names:
            if name not in listing.missing:
                told[name] = Setup()
                with self._noted("client"), one_client(self.ports, name) as client:
                    ask = getattr(client, "setup", None)
                    told[name] = None if ask is None else ask()
        return told

    def _answering(self, setups: Mapping[str | None, Setup | None]) -> str:
        def one(name: str | None, setup: Setup | None) -> str:
            tape = self.tape if name is None else self.tape.of_client(name)
            version = "version unknown" if setup is None or setup.version is None else setup.version
            return f"{name or 'it'} answers ({version}, Web API {tape.version or 'unknown'})"

        return ", ".join(one(name, setup) for name, setup in setups.items())

    def _queue(self, listing: Listing, queues: Mapping[str, Any]) -> Iterator[Finding]:
        snapshot = Snapshot(taken_at=self.ports.clock(), torrents=listing.torrents,
                            malformed_torrents=listing.malformed, **queues)  # fmt: skip
        plan, owed = plan_reconcile(snapshot, self.settings.policy), owed_slots(snapshot, self.settings.policy)
        wrong = [one.subject for one in plan.decisions if one.decision is Verdict.CHANGE]
        if wrong:
            detail = f"torrents that owe seed time: {owed}; the queue differs from the policy in {', '.join(wrong)}"
            yield Finding("client", Result.WARN, detail, "harvestmouse reconcile --apply sets it.")
        else:
            yield Finding("client", Result.PASS, f"the queue has slots for what owes seed time, torrents: {owed}")

    def _address(self) -> Iterator[Finding]:
        shared = is_shared(
            Snapshot(taken_at=self.ports.clock(), site_address=self._site_address, connection=self._connection)
        )
        if shared is None:
            # A client need not tell its address; one that does not answer has told nothing.
            result = Result.PASS if self._answered("site") and self._answered("client") else Result.WARN
            yield Finding("address", result, "whether the client leaves by this host's address cannot be told")
        elif shared:
            yield Finding("address", Result.PASS, "the client leaves by the address that the site sees this host at")
        else:
            wanted = self.settings.policy.address.register_address
            remedy = (
                "Nothing is registered from here: run harvestmouse where the client's traffic leaves."
                if wanted
                else "The tracker must know the client's address: register it on the site if announces are refused."
            )
            yield Finding("address", Result.WARN, "the client leaves by another address than this host", remedy)

    def _clock(self) -> Iterator[Finding]:
        told = as_float(as_object(self.tape.egress).get("time"))
        if told is None:
            result = Result.PASS if self._answered("site") else Result.WARN
            yield Finding("clock", result, "the site did not tell the time")
            return
        skew = time.time() - told
        if abs(skew) <= _MOST_SKEW:
            yield Finding("clock", Result.PASS, "it agrees with the site's")
        else:
            way = "ahead of" if skew > 0 else "behind"
            detail = f"it is {format_span(abs(skew))} {way} the site's"
            yield Finding("clock", Result.WARN, detail, "Set it by NTP: ages and freezes are reckoned with it.")

    def _metrics(self) -> Iterator[Finding]:
        where = self.settings.metrics
        if where.pushgateway_url:
            yield _gateway(where.pushgateway_url)
        if where.textfile:
            yield _directory("metrics", Path(where.textfile).parent)
        if not where.pushgateway_url and not where.textfile:
            yield Finding("metrics", Result.PASS, "none are published")

    def _notifications(self) -> Iterator[Finding]:
        count = len(self.settings.notify.urls.reveal().split())
        if not count:
            yield Finding("notifications", Result.PASS, "nobody is notified")
            return
        try:
            import apprise  # noqa: F401, PLC0415 - an extra, and slow to import
        except ImportError:
            yield Finding("notifications", Result.FAIL, "Apprise is not installed",
                          "pip install 'harvestmouse[notify]'")  # fmt: skip
        else:
            told = counted(count, "address is", "addresses are")
            yield Finding("notifications", Result.PASS, f"{told} told what needs a person")


def diagnose(options: Mapping[str, Any], *, as_json: bool) -> int:
    """Check configuration, state directory, site, client, address, clock, metrics and notifications.

    Returns:
        The exit code: that of the first check that failed, or 0.
    """
    run_id = begin(JOB, options, "error")
    try:
        settings = load_settings(options)
    except HarvestmouseError as error:
        # Nothing else can be looked at without it.
        found = [Finding("configuration", Result.FAIL, str(error), "Correct it; harvestmouse config check tries it.")]
        return _print(found, Exit.USAGE, as_json=as_json)
    tape = Tape()
    logs.hide(secrets_of(settings))
    ports = Ports(settings, run_id=run_id, tape=tape)
    doctor = Doctor(ports, tape)
    try:
        with deadline(settings.general.deadline.total_seconds()):
            doctor.visit()
    finally:
        ports.close()
    failed = any(one.result is Result.FAIL for one in doctor.findings)
    return _print(doctor.findings, doctor.exit_code or (Exit.FAILED if failed else Exit.DONE), as_json=as_json)


def _print(found: list[Finding], code: Exit, *, as_json: bool) -> int:
    if as_json:
        document = {"format": FORMAT, "exit_code": code, "findings": [asdict(one) for one in found]}
        print(json.dumps(document))  # noqa: T201 - it is the result
    else:
        print(_shown(found))  # noqa: T201
    return code


def resume(options: Mapping[str, Any]) -> int:
    """Forget that the site must not be asked."""
    cleared = open_refusals(load_settings(options)).clear()
    print("The site may be asked again." if cleared else "Nothing was held back.")  # noqa: T201 - the result
    return Exit.DONE


def _directory(name: str, place: Path) -> Finding:
    """Look whether a directory can be written, without writing to it; what is not there yet must be creatable."""
    there = next((one for one in (place, *place.absolute().parents) if one.exists()), Path("/"))
    if not there.is_dir():
        raise StateError(f"{there} is no directory")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StateError(f"{there} cannot be written")
    free = disk_usage(there).free
    if free < _LEAST_STATE_BYTES:
        return Finding(name, Result.WARN, f"{place} has {format_size(free)} left",
                       "Make room, or lower max_size in [recordings].")  # fmt: skip
    detail = f"{place} can be written" if there == place else f"{place} is not there yet, and can be made"
    return Finding(name, Result.PASS, detail)


def _private(path: Path) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"cannot look at {path}: {error.strerror}") from None
    if mode & 0o077:
        yield Finding("state directory", Result.WARN, f"others can read {path}", f"chmod 600 {path}")


def _set_up(who: str, setup: Setup | None, wanted: ClientPolicy) -> Iterator[Finding]:
    """Hold how a client is set up against what is wanted of it; *who* names one of several."""
    if setup is None:
        detail = f"{who}its version, categories and save path are unknown: its adapter does not tell them"
        yield Finding("client", Result.PASS, detail)
        return
    facts = {"version": setup.version, "categories": setup.categories, "default save path": setup.save_path}
    unknown = [name for name, value in facts.items() if value is None]
    if unknown:
        yield Finding("client", Result.WARN, f"{who}it does not tell its {', '.join(unknown)}",
                      "Older versions tell less; a proxy before the client may let too little through.")  # fmt: skip
    own = "" if setup.categories is None else setup.categories.get(wanted.category, "")
    if own and setup.save_path:
        # A category's path may be relative to it.
        own = str(_kind(setup.save_path)(setup.save_path, own))
    if setup.categories is not None:
        yield _category(who, wanted, own if wanted.category in setup.categories else None)
    yield from _save_path(who, wanted.save_path, [one for one in (own, setup.save_path) if one])


def _category(who: str, wanted: ClientPolicy, path: str | None) -> Finding:
    """Look at the managed category, given its own save path; ``None`` where it is not there."""
    name = wanted.category
    if path is None:
        return Finding("client", Result.WARN, f"{who}it has no category {name}",
                       "Before the first grab that is so: the first torrent makes it."
                       " Otherwise, is category in [qbittorrent] right?")  # fmt: skip
    if not path:
        return Finding("client", Result.PASS, f"{who}it has the category {name}, without a save path of its own")
    if _is_under(path, wanted.save_path) and _is_under(wanted.save_path, path):
        return Finding("client", Result.PASS, f"{who}it has the category {name}, which saves to {path}")
    return Finding("client", Result.WARN, f"{who}the category {name} saves to {path}, and grab to {wanted.save_path}",
                   "Make them the same: automatic torrent management would move torrents to the former.")  # fmt: skip


def _save_path(who: str, path: str, known: list[str]) -> Iterator[Finding]:
    """Look where grabbed torrents are saved, given the places that the client is known to save to."""
    if not (PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()):
        yield Finding("client", Result.WARN, f"{who}the save path {path} is not absolute",
                      "Write save_path in [qbittorrent] in full, as the client sees its disk.")  # fmt: skip
    elif under := next((one for one in known if _is_under(path, one)), None):
        yield Finding("client", Result.PASS, f"{who}the save path {path} lies in {under}, where the client saves")
    elif known:
        yield Finding("client", Result.WARN, f"{who}the save path {path} is not in {known[-1]}, where the client saves",
                      "Can it write there? save_path in [qbittorrent] is as the client sees its disk.")  # fmt: skip


def _is_under(path: str, place: str) -> bool:
    """Say whether a path is a place or lies in it, in the way of the system that the place is on."""
    kind = _kind(place)
    return ".." not in kind(path).parts and kind(path).is_relative_to(kind(place))


def _kind(place: str) -> type[PurePath]:
    return PureWindowsPath if PureWindowsPath(place).drive else PurePosixPath


def _gateway(address: str) -> Finding:
    from harvestmouse.adapters.metrics.gateway import is_ready  # noqa: PLC0415 - few have one

    if is_ready(address, _GATEWAY_SECONDS):
        return Finding("metrics", Result.PASS, "the Pushgateway is ready")
    return Finding("metrics", Result.FAIL, "the Pushgateway does not answer",
                   "Is it running, and is pushgateway_url in [metrics] right?")  # fmt: skip


_MARKS = {Result.PASS: "ok", Result.WARN: "warning", Result.FAIL: "FAILED"}


def _shown(findings: list[Finding]) -> str:
    """Return the findings as a table, with the remedies under it."""
    rows = [(_MARKS[one.result], one.check, clean(one.detail)) for one in findings]
    counts = {one: sum(finding.result is one for finding in findings) for one in Result}
    remedies = [
        f"{_MARKS[one.result]}: {clean(one.detail)}\n  -> {clean(one.remedy)}" for one in findings if one.remedy
    ]
    summary = f"{counts[Result.PASS]} ok, {counted(counts[Result.WARN], 'warning')}, {counts[Result.FAIL]} failed"
    return "\n".join([table(rows), "", *remedies, summary])
