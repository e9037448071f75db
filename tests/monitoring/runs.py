"""Runs of the command line, good and bad ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import frozen

from tests.support.rig import Rig


@frozen(kw_only=True)
class Ran:
    """A run that is over, as its caller saw it.

    Attributes:
        document: The plan with its outcome; empty where there was none.
    """

    job: str
    code: int
    document: dict[str, Any]
    errors: str
    started: float
    ended: float


def ran(job: str, command: Callable[[], subprocess.CompletedProcess[str]]) -> Ran:
    """Run a command, and look at the clock before and after."""
    started = time.time()
    done = command()
    document = json.loads(done.stdout) if done.stdout else {}
    return Ran(job=job, code=done.returncode, document=document, errors=done.stderr, started=started, ended=time.time())


def go(rig: Rig, job: str, *words: str, **environment: str) -> Ran:
    """Run a job by the command line."""
    return ran(job, lambda: rig.command(job, "--json", *words, **environment))


def at_once(jobs: Iterable[str], run: Callable[[str], Ran]) -> list[Ran]:
    """Run jobs side by side, each over a site and a state directory of its own, to save time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(run, jobs))


def applied(job: str) -> tuple[str, ...]:
    """Return the words that let a job act; the monitor never does."""
    return () if job == "monitor" else ("--apply",)


def blocked(rig: Rig, job: str) -> Ran:
    """Run a job whose plan the check of the guarantees finds fault with, which no plan of the program's gives it."""
    program = """\
import sys
from harvestmouse.core.guarantees import Violation
from harvestmouse.runners import cli, run
run.check = lambda *_: (Violation("G1", "everything", "broken on purpose"),)
sys.argv[0] = "harvestmouse"
cli.main()
"""
    own = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return ran(
        job,
        lambda: subprocess.run(
            [sys.executable, "-c", program, job, "--json", *applied(job)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**own, **rig.environment},
        ),
    )


def renew(rig: Rig) -> None:
    """Begin a session of which the run does not know."""
    rig.site.mint_cookie()


def lock_elsewhere(rig: Rig) -> None:
    """Bind the session to another network."""
    rig.site.lock_session("ASN")


def disable(rig: Rig) -> None:
    """Disable the account, and try a new cookie after the refusal."""
    rig.site.disable_account()
    assert go(rig, "grab").code == 3
    rig.environment["MAM_ID"] = rig.site.mint_cookie()
