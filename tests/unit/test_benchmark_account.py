"""Some weeks of the simulated year: the account recovers and owes nothing, where the old scripts' does not."""

import pytest
from attrs import evolve

from benchmarks import account
from benchmarks.account import AFTER, BEFORE, FULL, PLAIN, Played, play, render
from benchmarks.drawn_world import FREE_DAYS, draw
from harvestmouse.core.units import DAY, MIB
from tests.support.builders import NOW


@pytest.fixture(scope="module")
def weeks() -> dict[str, Played]:
    """Play the same four weeks with everything switched on and with the scripts."""
    return {system: play(1, system, by_hand=True, days=28) for system in (FULL, AFTER)}


def harmed(played: Played) -> dict[str, int]:
    """Return what must be nothing."""
    names = ("hit_and_runs", "owed_deletions", "freezes", "violations", "lost_points")
    return {name: getattr(played, name) for name in names if getattr(played, name)}


def test_the_account_recovers_and_is_not_harmed(weeks: dict[str, Played]) -> None:
    """It leaves class Mouse for good on the day of the purchase by hand, and uploads."""
    played = weeks[FULL]
    assert played.left_mouse_days == played.mouse_days
    assert played.mouse_days < 1
    assert played.account_class != "Mouse"
    assert played.earned_gib > 1
    assert harmed(played) == {}


def test_the_same_weeks_harm_an_account_under_the_scripts(weeks: dict[str, Played]) -> None:
    """They delete on the client's clock: the world has what the year is about."""
    played = weeks[AFTER]
    assert played.mouse_days < 1
    assert played.owed_deletions > 0
    assert played.earned_gib < weeks[FULL].earned_gib


def test_without_the_trackers_clock_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the account from harm is no luck of the world."""
    off = {("cleanup", "tracker_clock"): False, ("cleanup", "seed_time_margin"): "0h"}
    monkeypatch.setattr(account, "SWITCHES", {**account.SWITCHES, **off})
    assert play(1, FULL, by_hand=True, days=28).owed_deletions > 0


def test_points_lift_it_without_a_hand() -> None:
    """As it comes, one job at a time; before the repair the scripts wait for 30 000 points."""
    days = 14
    ours = play(1, PLAIN, by_hand=False, days=days, jobs="single")
    assert ours.left_mouse_days is not None
    assert ours.bought_gib == 50
    assert harmed(ours) == {}
    theirs = play(1, BEFORE, by_hand=False, days=days)
    assert theirs.left_mouse_days is None
    assert theirs.bought_gib == 0


def test_a_seed_is_a_year() -> None:
    """The same every time, and another with another seed."""
    first, again, other = (play(seed, FULL, by_hand=True, days=4) for seed in (3, 3, 4))
    assert evolve(first, seconds=0) == evolve(again, seconds=0)
    assert evolve(first, seconds=0, seed=4) != evolve(other, seconds=0)


def test_titles_are_as_the_site_s() -> None:
    """So many are free at a time, most of them have 100 to 700 seeders, and a crowd only while they are new."""
    titles = draw(1, NOW, 365).titles
    for day in (0, 100, 300):
        now = NOW + day * DAY
        swarms = [one.swarm(now) for one in titles if one.born_at <= now < one.born_at + FREE_DAYS * DAY]
        old = [one.swarm(now) for one in titles if one.born_at < now - 30 * DAY]
        assert 1000 < len(swarms) < 1400
        assert max(swarm.seeders for swarm in swarms) <= 700
        assert max(swarm.leechers for swarm in old) <= 2
    assert min(one.size_bytes for one in titles) > MIB


def test_the_tables_have_a_row_for_everybody(weeks: dict[str, Played]) -> None:
    """A year in which somebody never left class Mouse says so."""
    never = evolve(weeks[AFTER], left_mouse_days=None)
    page = render([weeks[FULL], never]).splitlines()
    assert sum(line.startswith("| 1 | ") for line in page) == 2
    assert any(line.startswith(f"| {AFTER} |") and "| never |" in line for line in page)
