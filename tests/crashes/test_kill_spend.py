"""Spending is killed at every point between two side effects: never a second purchase, never a forgotten one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from harvestmouse.adapters.state.journal import Journal
from tests.support.crash_world import (
    Kill,
    Runner,
    Scene,
    damage,
    environment_of,
    kills_of,
    may_have_lost_cookie,
    poor_account,
)
from tests.support.mam_server import MamServer, Quirks

LAG = timedelta(minutes=1)


@contextmanager
def spending(directory: Path, runner: Runner) -> Iterator[Scene]:
    """Open a new site that shows figures a minute late, and an empty state directory."""
    scenes: list[Scene] = []
    site = MamServer(
        account=poor_account(),
        quirks=Quirks(balance_lag=LAG),
        clock=lambda: time.time() + (scenes[0].later if scenes else 0),
    )
    with site:
        scene = Scene(site, directory / "state", runner, environment_of(site, None, directory))
        scenes.append(scene)
        yield scene


def outlive(scene: Scene, kill: Kill) -> tuple[list[str], bool]:
    """Kill one run and let others follow; return what is wrong, and whether the session was lost."""
    dead = scene.run("spend", kill)
    wrong = [] if dead.was_killed else [f"it lived: {dead.code} {dead.err}"]
    wrong += damage(scene.state_dir, torn_lines=1) if scene.state_dir.exists() else []
    lost = scene.cookie != scene.site.cookie
    if lost and not may_have_lost_cookie(dead, kill):
        wrong.append("the cookie on disk is not the current one")
    if lost:
        refused = scene.run("spend")
        if refused.code != 3 or "The cookie may be mistyped, expired" not in refused.complaint:
            wrong.append(f"a lost session ends with {refused.code}: {refused.err}")
        scene.renew_cookie()
    for later in (0, 61, 200):
        scene.later = later
        done = scene.run("spend")
        if done.code:
            wrong.append(f"{later} s later: {done.code} {done.err}")
        if scene.purchases > 1:
            wrong.append(f"{later} s later: {scene.purchases} purchases")
    return wrong + final(scene), lost


def final(scene: Scene) -> list[str]:
    """Return what is wrong once all is settled."""
    wrong = [] if scene.purchases == 1 else [f"{scene.purchases} purchases in the end"]
    if Journal(scene.state_dir / "purchases.jsonl").pending() is not None:
        wrong.append("a purchase is pending for ever")
    if scene.cookie != scene.site.cookie:
        wrong.append("the cookie on disk is not the current one in the end")
    return wrong


def test_a_killed_spender_never_buys_twice(tmp_path: Path, runner: Runner) -> None:
    """At every point: one purchase in the end, none pending, and the session lost only where it must be."""
    with spending(tmp_path / "whole", runner) as scene:
        whole = scene.run("spend")
        assert (whole.code, scene.purchases) == (0, 1)
    wrong, lost = {}, []
    for number, kill in enumerate(kills_of(whole.effects)):
        with spending(tmp_path / str(number), runner) as scene:
            problems, has_lost = outlive(scene, kill)
        lost += [kill] if has_lost else []
        if problems:
            wrong[f"{kill.when} {kill.nth} {kill.effect}"] = problems
    print(f"spend: {number + 1} kills at {len(whole.effects)} effects, {len(lost)} lost sessions")  # noqa: T201
    assert wrong == {}
    # The test reaches the points where a session must be lost: after each of two requests at least.
    assert len(lost) >= 2
