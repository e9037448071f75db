"""What the crash tests run against: runs that can be killed, a small site, a small client, and what must hold."""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from attrs import define, field, frozen

from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.state.ledger import Ledger
from tests.support.mam_faults import Fault, Reply
from tests.support.mam_pages import Call
from tests.support.mam_server import Account, CatalogueTorrent, MamServer
from tests.support.qbittorrent import QBittorrent, wait_for
from tests.support.torrents import GIB, MIB

LONG = os.environ.get("TEST_LONG") == "1"
DAY_SECONDS = 24 * 3600
DOWNLOAD, SHOP = "/tor/download.php", "/json/bonusBuy.php"
PURCHASE_BP = 25_000
POINTS = 90_000.5

_CHECKOUT = Path(__file__).resolve().parents[2]
_KILLED = -9
_LEDGER_LINE = re.compile(r"\d+ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [a-z_]+ ([0-9a-f]{40}|-)")
_COOKIE_FILE = re.compile(r"\S{40,}\n(descends-from: [0-9a-f]{16}\n)?")


@frozen
class Kill:
    """Where a run is killed: before, after or in the middle of the nth of its effects of one name."""

    effect: str
    nth: int
    when: Literal["before", "half", "after"]

    @property
    def may_be_missed(self) -> bool:
        """Whether the effect is a question that is asked until the client gives the answer."""
        return self.nth > 1 and self.effect.endswith(("torrents/info", "sync/maindata"))


@frozen
class Run:
    """How a run ended, and what it did to the outside, in order."""

    code: int
    pid: int
    out: str
    err: str
    effects: tuple[str, ...]

    @property
    def was_killed(self) -> bool:
        """Whether it died at its point."""
        return self.code == _KILLED

    @property
    def complaint(self) -> str:
        """The one line of an error; empty where there are none or several, or a traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("harvestmouse: ")]
        return lines[0] if len(lines) == 1 and "Traceback" not in self.err else ""

    @property
    def document(self) -> dict[str, Any]:
        """The plan with its outcome, as it was printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document


class Runner:
    """Runs of the command line, one at a time, each in a process of its own; to use in a `with` statement."""

    def __init__(self) -> None:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self._environment = {**kept, "PYTHONPATH": str(_CHECKOUT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_runner"],
            cwd=_CHECKOUT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __call__(
        self,
        *words: str,
        environment: Mapping[str, str],
        kill: Kill | None = None,
        later: float = 0,
        largest_file: int = 0,
        user: int = 0,
    ) -> Run:
        """Run the command line; so many seconds from now, with a limit on files, as another user."""
        order = {
            "words": words,
            "environment": dict(environment),
            "last": kill.effect if kill else "",
            "nth": kill.nth if kill else 0,
            "when": kill.when if kill else "",
            "later": later,
            "largest_file": largest_file,
            "user": user,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Run(**{**answer, "effects": tuple(answer["effects"])})


def kills_of(effects: Iterable[str]) -> Iterator[Kill]:
    """Yield every point before and after each effect, and in the middle of those that have one."""
    seen: Counter[str] = Counter()
    for effect in effects:
        seen[effect] += 1
        yield Kill(effect, seen[effect], "before")
        if effect.startswith(("append", "send")):
            yield Kill(effect, seen[effect], "half")
        yield Kill(effect, seen[effect], "after")


def books(count: int, first: int = 1001) -> list[CatalogueTorrent]:
    """Return free torrents that fit, each with more demand than the one before."""
    return [
        CatalogueTorrent(id=first + number, title=f"Book {number}", size_bytes=60 * MIB, leechers=1 + number, free=1)
        for number in range(count)
    ]


def poor_account() -> Account:
    """Return an account 4 GiB short of ratio 2, with points for three purchases where one is enough."""
    return Account(uploaded_bytes=16 * GIB, downloaded_bytes=10 * GIB, seedbonus=POINTS)


@define
class Scene:
    """A site, a state directory, and runs over both.

    Attributes:
        environment: All that a run is told.
        later: How many seconds from now the runs are.
    """

    site: MamServer
    state_dir: Path
    runner: Runner
    environment: dict[str, str]
    later: float = 0
    runs: Counter[str] = field(factory=Counter)

    def run(self, job: str, kill: Kill | None = None, **how: Any) -> Run:
        """Run an applied job, and wait until the site has done what it was asked."""
        self.runs["killed" if kill else "clean"] += 1
        done = self.runner(
            job, "--apply", "--json", environment=self.environment, kill=kill, **{"later": self.later, **how}
        )
        quiesce(self.site)
        return done

    @property
    def cookie(self) -> str:
        """The cookie that the next run would use first."""
        store = CookieStore(self.state_dir / "mam_id", Secret(self.environment["MAM_ID"]))
        return store.candidates()[0].value.reveal()

    @property
    def ledger(self) -> Ledger:
        """The ledger of grabbed ids."""
        return Ledger(self.state_dir / "grabbed_ids.txt")

    @property
    def downloads(self) -> Counter[str]:
        """How often each torrent file was fetched."""
        return Counter(one.query["tid"][0] for one in self.site.requests if one.endpoint == DOWNLOAD)

    @property
    def purchases(self) -> float:
        """How many purchases of the smallest tier the account has paid for."""
        return (POINTS - self.site.account.seedbonus) / PURCHASE_BP

    def renew_cookie(self) -> None:
        """Begin a new session, as the operator does when told that the old one is refused."""
        self.environment["MAM_ID"] = self.site.mint_cookie()


def environment_of(site: MamServer, client: QBittorrent | None, directory: Path) -> dict[str, str]:
    """Return what a run is told: no waiting anywhere, two picks a run."""
    environment = {
        "MAM_ID": site.cookie,
        "HARVESTMOUSE_STATE_DIR": str(directory / "state"),
        "HARVESTMOUSE_MAM_BASE_URL": site.url,
        "HARVESTMOUSE_MAM_TRACKER_URL": site.url,
        "HARVESTMOUSE_MAM_REQUEST_SPACING": "0s",
        "HARVESTMOUSE_MAM_READ_TIMEOUT": "20s",
        "HARVESTMOUSE_LOCK_WAIT": "0s",
        "HARVESTMOUSE_GRAB_DISK_RESERVE": "1 MiB",
        "HARVESTMOUSE_GRAB_PER_RUN": "2",
        "HARVESTMOUSE_CLEANUP_PROTECT_TAGS": "keep",
        "HARVESTMOUSE_QBITTORRENT_SAVE_PATH": str(directory / "farm"),
    }
    if client is not None:
        environment["HARVESTMOUSE_QBITTORRENT_URL"] = client.url
    return environment


def empty(client: QBittorrent, kept: Iterable[str] = ()) -> None:
    """Take every torrent but these out of a client."""
    others = sorted(set(client.torrents()) - set(kept))
    if others:
        client.post("torrents/delete", hashes="|".join(others), deleteFiles="true")
        wait_for(lambda: not set(others) & set(client.torrents()), "torrents to go")


def quiesce(site: MamServer) -> None:
    """Wait until the site has answered, or dropped, all that killed runs have asked."""
    listener = site._listener
    assert listener is not None
    # A killed run's last request may not be accepted yet; connections are, in the order in which they came.
    with socket.create_connection(listener.server_address) as last:  # type: ignore[arg-type]
        last.shutdown(socket.SHUT_WR)
        last.recv(1)
    wait_for(lambda: not listener._open, "the site to come to rest")


def when_asked(site: MamServer, endpoint: str, nth: int, do: Callable[[], None]) -> None:
    """Do something as soon as the nth request to an endpoint arrives, before it is answered."""
    answer = site.answer

    def answer_after(call: Call) -> tuple[Reply, Fault | None]:
        if call.endpoint == endpoint and site.count(endpoint) == nth - 1:
            do()
        return answer(call)

    site.answer = answer_after  # type: ignore[method-assign]


def may_have_lost_cookie(run: Run, kill: Kill) -> bool:
    """Whether a run died between a request to the site and the replacement of the cookie on disk."""
    asked = False
    last = len(run.effects)
    for number, effect in enumerate(run.effects, 1):
        happened = number < last or kill.when == "after"
        if effect.startswith("send") and "/api/v2/" not in effect:
            asked = asked or happened or kill.when == "half"
        if effect == "replace mam_id" and happened:
            asked = False
    return asked


def damage(state_dir: Path, *, torn_lines: int) -> list[str]:
    """Return what is wrong with the files of a state directory; the last line of each log may be torn."""
    found: list[str] = []
    for path in sorted(state_dir.iterdir()):
        if path.name.startswith(".") or path.name == "lock":
            continue
        if path.is_dir():
            recordings = {one: gzip.decompress(one.read_bytes()) for one in path.rglob("[!.]*.gz")}
            found += [f"{one}: no recording" for one, content in recordings.items() if not _is_json(content)]
            continue
        found += [f"{path.name}: {line!r}" for line in _bad_lines(path)][torn_lines:]
    return found


def _bad_lines(path: Path) -> list[str]:
    text = path.read_text()
    if path.name == "grabbed_ids.txt":
        return [line for line in text.splitlines() if not _LEDGER_LINE.fullmatch(line)]
    if path.name == "mam_id":
        return [] if _COOKIE_FILE.fullmatch(text) else [text]
    if path.name == "purchases.jsonl":
        return [line for line in text.splitlines() if not _is_json(line)]
    return [] if _is_json(text) else [text]


def _is_json(text: str | bytes) -> bool:
    with suppress(ValueError):
        return isinstance(json.loads(text), dict)
    return False
