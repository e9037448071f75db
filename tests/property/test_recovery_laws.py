"""A way back is told for whatever is seen, keeps to the plans of the jobs, and comes true where it is walked."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve, field, frozen
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.memory.account import credited
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import AccountClass, Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.recovery import State, Step, Way, Who, find_way
from harvestmouse.core.wire.plan import dump
from harvestmouse.core.wire.recovery import unparse_way
from harvestmouse.runners.config import load
from harvestmouse.runners.demo import incident
from harvestmouse.runners.fetch import fetch_everything
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.recover_words import describe
from harvestmouse.runners.report import Report
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import Settings
from tests.property import strategies as my
from tests.support.builders import GIB, HOUR, torrent


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Snapshot, Policy]:
    """Draw a whole account: the site's part of one world and the client's of another."""
    site, wanted = draw(my.WORLDS["spend"])
    client, _ = draw(st.one_of(my.WORLDS["janitor"], my.WORLDS["reconcile"]))
    freeze = draw(st.sampled_from([None, None, site.taken_at + HOUR, site.taken_at - HOUR]))
    seen = evolve(
        site,
        torrents=client.torrents,
        malformed_torrents=client.malformed_torrents,
        preferences=client.preferences,
        remembered_count=client.remembered_count,
        download_freeze_until=freeze,
    )
    return seen, wanted


class TestWay:
    """What holds of every way."""

    @given(accounts())
    def test_whatever_is_seen_has_a_way_in_the_order_of_time(self, world: tuple[Snapshot, Policy]) -> None:
        """Nothing lies in the past, and an account that is well is told nothing to do."""
        seen, wanted = world
        found = find_way(seen, wanted)
        event(found.states[0].value)
        times = [step.at for step in found.steps]
        dated = [at for at in times if at is not None]
        assert dated == sorted(dated)
        assert all(at >= seen.taken_at for at in dated)
        assert None not in times[: len(dated)]
        assert (State.WELL in found.states) <= (found.states == (State.WELL,) and not found.steps)

    @given(accounts())
    def test_there_are_words_for_all_of_it(self, world: tuple[Snapshot, Policy]) -> None:
        """Every sentence, in text without control characters and in JSON without NaN."""
        found = find_way(*world)
        text = describe(found)
        assert all(character.isprintable() or character == "\n" for character in text)
        flat = " ".join(text.split())
        for step in found.steps:
            assert " ".join(step.what.split()) in flat
        assert dump(unparse_way(found))

    @given(accounts())
    def test_the_order_of_what_is_seen_does_not_matter(self, world: tuple[Snapshot, Policy]) -> None:
        """The same way, step by step."""
        seen, wanted = world
        mixed = None if seen.torrents is None else tuple(reversed(seen.torrents))
        assert find_way(evolve(seen, torrents=mixed), wanted) == find_way(seen, wanted)

    @given(accounts())
    def test_a_purchase_is_paid_for_and_gives_the_ratio_that_is_told(self, world: tuple[Snapshot, Policy]) -> None:
        """By hand at the store's price; by the jobs what spend itself plans, if it is now."""
        seen, wanted = world
        profile = seen.profile
        for step in find_way(seen, wanted).steps:
            if "ratio_after" not in step.figures or profile is None:
                continue
            assert step.figures["cost_bp"] == step.figures["gib"] * wanted.spend.price_per_gib
            if step.at == seen.taken_at:
                event(f"now: {step.who.value}")
                bought = (profile.uploaded_bytes or 0) + step.figures["gib"] * GIB
                assert step.figures["ratio_after"] == pytest.approx(bought / (profile.downloaded_bytes or 1))
                assert step.figures["cost_bp"] <= (profile.bonus_points or 0)
                if step.who is Who.JOBS:
                    (action,) = JOBS["spend"](seen, wanted).actions
                    assert getattr(action, "gib", None) == step.figures["gib"]


@frozen
class Life:
    """The embedded world with the real jobs in it, an hour a step, and points that come in."""

    world: World
    settings: Settings
    income: int = 100
    reports: list[tuple[int, Report]] = field(factory=list)

    def ports(self) -> Ports:
        """Open the world."""
        ports = Ports(self.settings, lambda: self.world.now)
        ports.client, ports.site = MemoryClient(self.world), MemorySite(self.world)
        return ports

    def hour(self, *jobs: str, apply: bool) -> None:
        """Let jobs run, then an hour pass."""
        for job in jobs:
            self.reports.append((self.world.now, run(job, self.ports(), apply=apply)))
        self.world.pass_time(HOUR)
        self.world.profile = credited(self.world.profile, points=self.income)

    def until(self, at: int) -> Iterator[None]:
        """Let the jobs act on their schedules, step by step."""
        start = self.world.now
        while self.world.now < at:
            spends = ("spend",) if (self.world.now - start) % (6 * HOUR) == 0 else ()
            self.hour(*spends, "grab", "janitor", "reconcile", apply=True)
            yield

    def way(self) -> Way:
        """Ask what is asked live."""
        return find_way(fetch_everything(self.ports(), self.settings.policy), self.settings.policy)

    def done(self, kind: str) -> list[int]:
        """Return when actions of this kind were done."""
        return [at for at, one in self.reports for each in one.outcomes if each.action.kind == kind]


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Return the seed's incident, after ten hours in which the jobs only looked; two torrents of it owe seed time."""
    log = logging.getLogger("harvestmouse")
    level = log.level
    log.setLevel(logging.CRITICAL)
    world = incident()
    owing = [torrent(number, seeding_time=number * HOUR, completion_on=world.now - HOUR) for number in (1, 2)]
    world.profile = evolve(world.profile, bonus_points=23_551.0)
    world.torrents |= {one.hash: one for one in owing}
    lived = Life(world, load({"HARVESTMOUSE_STATE_DIR": str(tmp_path)}))
    for _ in range(10):
        lived.hour("grab", apply=False)
    yield lived
    log.setLevel(level)


def told(way: Way, who: Who, words: str) -> Step:
    """Return the one step of somebody that says these words."""
    (step,) = (one for one in way.steps if one.who is who and words in one.what)
    return step


class TestIncident:
    """The seed's account recovers by the dates that its way tells."""

    def test_with_a_purchase_by_hand(self, life: Life) -> None:
        """1 GiB for 500 points, and the account is out within the hour, the backlog gone, the queue set right."""
        way = life.way()
        assert way.states[0] is State.MOUSE
        buys = told(way, Who.PERSON, "web store")
        assert (buys.at, buys.figures["gib"], buys.figures["cost_bp"]) == (life.world.now, 1.0, 500)
        assert way.figures["balance_bp"] == 24_551.0
        life.world.profile = evolve(credited(life.world.profile, uploaded=GIB), bonus_points=24_051.0)
        life.reports.clear()
        for _ in life.until(told(way, Who.WAIT, "serves it again").at or 0):
            pass
        assert life.world.profile.account_class is not AccountClass.MOUSE
        assert life.world.profile.ratio == pytest.approx(buys.figures["ratio_after"])
        assert len(life.done("delete_torrent")) >= told(way, Who.JOBS, "as never started").figures["torrents"] == 466
        assert life.world.preferences.max_active_uploads == 150
        assert run("grab", life.ports(), apply=False).plan.skip is None
        life.world.pass_time((told(way, Who.WAIT, "All that owes").at or 0) - life.world.now)
        owed = [life.world.snatches[torrent(number).hash] for number in (1, 2)]
        assert all(one.is_satisfied for one in owed)

    def test_with_nothing_but_the_jobs(self, life: Life) -> None:
        """50 GiB as soon as the points for it are there: in the first run of spend after the time that is told."""
        way = life.way()
        assert way.figures["income_bp_per_hour"] == 100.0
        buys = told(way, Who.JOBS, "buys")
        at = buys.at or 0
        assert at == life.world.now + int(9.49 * HOUR)
        life.reports.clear()
        for _ in life.until(at + 7 * HOUR):
            pass
        (bought,) = life.done("buy_upload")
        assert at <= bought < at + 6 * HOUR
        assert life.world.profile.account_class is not AccountClass.MOUSE
        assert life.world.profile.ratio == pytest.approx(buys.figures["ratio_after"], rel=0.01)

    def test_no_sooner_than_is_told(self, life: Life) -> None:
        """Until then it stays in class Mouse, and nothing is bought."""
        way = life.way()
        life.reports.clear()
        for _ in life.until((told(way, Who.JOBS, "buys").at or 0) - HOUR):
            assert life.world.profile.class_name == "Mouse"
        assert life.done("buy_upload") == []
        assert life.done("add_torrent") == []
