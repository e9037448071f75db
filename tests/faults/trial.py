"""One trial: a faulty run in a fresh world, clean runs behind it, and the words for what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from attrs import define, field, frozen

from harvestmouse.adapters.qbittorrent import client as adapter
from harvestmouse.core.errors import HarvestmouseError
from harvestmouse.runners import carry_out, config
from harvestmouse.runners.interrupt import deadline
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report, Status
from harvestmouse.runners.run import run
from tests.faults.scenes import ReconcileScene, Scene, SpendScene, Stock, open_scene
from tests.support.fault_proxy import LISTING, ClientFault, FaultProxy
from tests.support.fault_proxy import Kind as ClientKind
from tests.support.mam_server import Fault

_ALLOWED = (0, 1, 3, 4, 5)
_RUN_SECONDS = 20.0
_SHORT, _LISTED, _LOOK = 0.25, 0.4, 0.05
NO_FAULT = "n/a"

# What can go wrong with a request to the site; `after` is set to the request's place.
SITE_FAULTS: Mapping[str, Fault] = {
    "503": Fault("status"),
    "503 for good": Fault("status", times=None),
    "429": Fault("status", status=429, retry_after=120),
    "403": Fault("status", status=403),
    "404": Fault("status", status=404),
    "500": Fault("status", status=500),
    "500, yet done": Fault("status", status=500, happens=True),
    "maintenance": Fault("maintenance"),
    "login page": Fault("login_page"),
    "redirect": Fault("redirect"),
    "empty": Fault("empty"),
    "wrong JSON": Fault("wrong_type"),
    "half": Fault("truncated"),
    "cut in body": Fault("cut_body"),
    "cut before": Fault("cut"),
    "cut, yet done": Fault("cut", happens=True, cookie="lost"),
    "hang before": Fault("hang", seconds=5),
    "hang, yet done": Fault("hang", happens=True, cookie="lost", seconds=5),
    "trickle": Fault("trickle", seconds=0.05),
    "no new cookie": Fault("unrotated"),
}

# What can go wrong with a request to the client.
CLIENT_FAULTS: Mapping[str, ClientKind] = {
    "refused": "refuse",
    "gone for good": "gone",
    "hang": "hang",
    "answer lost": "lost",
    "trickle": "trickle",
    "cut in body": "cut",
    "403": "403",
    "404": "404",
    "500": "500",
    "HTML": "html",
    "empty": "empty",
    "wrong JSON": "wrong_json",
    "stale": "stale",
    "restarted": "restart",
}

_ALL_WELL = ("0", "0 after a retry")
_SLOW = {"hang before", "hang, yet done", "trickle", "hang"}


@frozen
class Ended:
    """How a run ended: its exit code, and the one line that says why."""

    code: int
    line: str = ""
    crash: str = ""


@define
class Outcome:
    """What came of a trial: the table's cell, and everything that must not be."""

    cell: str = ""
    first: Ended = field(factory=lambda: Ended(0))
    violations: list[str] = field(factory=list)


@define
class Bench:
    """Where the trials of one job are made.

    Attributes:
        secrets: What a run is told to log in to the client.
        site_steps: The site's requests of a clean run, as the table names them.
        client_steps: The client's requests of a clean run.
    """

    job: str
    directory: Path
    stock: Stock | None
    proxy: FaultProxy | None
    secrets: dict[str, str] = field(factory=dict)
    site_steps: list[str] = field(factory=list)
    client_steps: list[str] = field(factory=list)
    _trials: int = 0

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        """Make a fresh world."""
        self._trials += 1
        with open_scene(self.job, self.directory / str(self._trials), self.stock, self.proxy) as scene:
            scene.environment |= self.secrets
            yield scene

    def record(self) -> None:
        """Make a clean run, and note its requests."""
        with self.scene() as scene:
            if self.proxy is not None:
                self.proxy.names = {**self.proxy.names, **scene.expected()}
            if isinstance(scene, ReconcileScene):
                type(scene).before = scene.client.get("app/preferences").json()
            self.begin(None)
            ended = run_job(scene)
            assert (ended.code, scene.done(), list(scene.wrongs())) == (0, scene.total, []), ended
            self.site_steps = [request.endpoint for request in scene.site.requests]
            self.client_steps = [] if self.proxy is None else _in_order(self.proxy.steps)

    def begin(self, fault: ClientFault | None) -> None:
        """Let a run of its own begin at the proxy."""
        if self.proxy is not None:
            self.proxy.begin(fault)

    def try_site(self, place: int, title: str) -> Outcome:
        """Let one request to the site go wrong."""
        fault = replace(SITE_FAULTS[title], after=place)
        with self.scene() as scene:
            scene.site.faults.add(fault)
            self.begin(None)
            first = run_job(scene, slow=title in _SLOW)
            scene.site.faults.clear()
            asked = [(one.path, one.query, one.body) for one in scene.site.requests[place : place + 2]]
            again = len(asked) == 2 and asked[0] == asked[1]
            return self._settle(scene, first, repeated=again, may_lose=fault.cookie == "lost")

    def try_client(self, place: int, title: str) -> Outcome:
        """Let one request to the client go wrong."""
        proxy, step = self.proxy, self.client_steps[place]
        assert proxy is not None
        kind = CLIENT_FAULTS[title]
        if kind == "stale" and not step.startswith(LISTING):
            return Outcome(NO_FAULT)
        seconds = 0.02 if kind == "trickle" else 5.0
        occurrence = self.client_steps[: place + 1].count(step)
        with self.scene() as scene:
            self.begin(ClientFault(kind=kind, step=step, occurrence=occurrence, seconds=seconds))
            first = run_job(scene, slow=title == "hang")
            hit, repeated = proxy.hit, proxy.repeated and kind != "trickle"
            outcome = self._settle(scene, first, repeated=repeated, may_lose=False)
        # Behind an older listing the run has every reason to leave a torrent alone.
        if outcome.cell.startswith("0,") and kind != "stale":
            outcome.violations.append("exit code 0, but not everything was done")
        if not hit:
            outcome.violations.append("the fault was never met")
        return outcome

    def _settle(self, scene: Scene, first: Ended, *, repeated: bool, may_lose: bool) -> Outcome:
        """Make the clean runs, and say what came of it all."""
        outcome = Outcome(_said(scene, first, repeated=repeated), first)
        outcome.violations += [*_wrong_end(scene, first), *scene.wrongs()]
        told = []
        for later in scene.later:
            self.begin(None)
            ended = run_job(scene, later=later)
            if ended.code == 3 and may_lose:
                told.append("3 until a new cookie")
                scene.environment["MAM_ID"] = scene.site.mint_cookie()
                ended = run_job(scene, later=later)
            outcome.violations += [*_wrong_end(scene, ended), *scene.wrongs(), *scene.ended_wrong()]
            if ended.code:
                outcome.violations.append(f"the clean run ended with {ended.code}: {ended.line}")
            told.append(_state(scene))
        outcome.violations += scene.left_open()
        if told[-1] != "done" or outcome.cell not in _ALL_WELL:
            told = [one for number, one in enumerate(told) if one not in told[:number]]
            outcome.cell = f"{outcome.cell}; then {', then '.join(told)}"
        return outcome


def run_job(scene: Scene, *, later: float = 0, slow: bool = False) -> Ended:
    """Run the scene's job, so many seconds from now, and hold it to its exit code and its one line."""
    environment = scene.environment
    if slow:
        environment = environment | {f"HARVESTMOUSE_MAM_{one}_TIMEOUT": f"{_SHORT}s" for one in ("READ", "CONNECT")}
    ports = Ports(config.load(environment))
    clock = ports.clock
    ports.clock = lambda: clock() + round(later)
    with _limits(slow=slow):
        try:
            with deadline(_RUN_SECONDS):
                return _ended(run(scene.job, ports, apply=True))
        except HarvestmouseError as error:
            return Ended(int(getattr(error, "exit_code", 2)), str(error))
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            return Ended(1, crash=f"{type(error).__name__}: {error}")


@contextmanager
def _limits(*, slow: bool) -> Iterator[None]:
    """Lower the client's time limits, those of an answer only where it is slow on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adapter, "_LISTED_SECONDS", _LISTED)
        patch.setattr(carry_out, "_LOOK_SECONDS", _LOOK)
        if slow:
            patch.setattr(adapter, "_CONNECT_SECONDS", _SHORT)
            patch.setattr(adapter, "_READ_SECONDS", _SHORT)
        yield


def _ended(report: Report) -> Ended:
    failed = [one.why or "" for one in report.outcomes if one.status is Status.FAILED]
    skip = "" if report.plan.skip is None else report.plan.skip.detail
    return Ended(int(report.exit_code), report.error or "; ".join(failed[:1]) or skip)


def _wrong_end(scene: Scene, ended: Ended) -> Iterator[str]:
    """Yield what is wrong with the way a run ended."""
    if ended.crash:
        yield f"a traceback: {ended.crash}"
    elif ended.code not in _ALLOWED:
        yield f"exit code {ended.code}: {ended.line}"
    elif ended.code and (not ended.line or "\n" in ended.line):
        yield f"no clear line: {ended.line!r}"
    if "not done within" in ended.line:
        yield f"too slow: {ended.line}"
    if ended.line.startswith("qBittorrent at") and "the site" in ended.line:
        yield "the client is in trouble, and the advice speaks of the site"
    if scene.site.cookie in ended.line or scene.environment["MAM_ID"] in ended.line:
        yield "the line tells the cookie"


def _said(scene: Scene, ended: Ended, *, repeated: bool) -> str:
    """Put the faulty run into words."""
    if ended.crash:
        return "crash"
    state = _state(scene)
    if ended.code == 0 and state == "done":
        return _ALL_WELL[repeated]
    return f"{ended.code}, {state}"


def _state(scene: Scene) -> str:
    """Say how far the job's work has come."""
    if isinstance(scene, SpendScene) and scene.pending():
        return "kept open"
    done = scene.done()
    if done < scene.total and scene.moment:
        time.sleep(scene.moment)
        done = scene.done()
    if done == scene.total:
        return "done"
    return "nothing done" if not done else f"{done} of {scene.total}"


def _in_order(steps: list[str]) -> list[str]:
    """Put the questions for tracker messages, which are asked side by side, into an order of their own."""
    ordered: list[str] = []
    for step in steps:
        at = len(ordered)
        while step.startswith("torrents/trackers") and at and ordered[at - 1] > step and "trackers" in ordered[at - 1]:
            at -= 1
        ordered.insert(at, step)
    return ordered
