"""What is not known is never a reason to act."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from attrs import evolve
from hypothesis import event, given, note
from hypothesis import strategies as st

from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.guarantees import g7
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.wire import parse_snapshot
from tests.property import strategies as my
from tests.property.plans import acted_on, due
from tests.support.builders import (
    DAY,
    NOW,
    download,
    message,
    policy,
    raw_profile,
    raw_result,
    raw_search,
    raw_snapshot,
    raw_torrent,
    snapshot,
    torrent,
)

PARTS = ("profile", "searches", "torrents", "preferences", "connection", "free_space_bytes", "ledger")
TORRENT_FACTS = """
    category tags state added_on completion_on seeding_time progress downloaded_bytes uploaded_bytes seeders
    size_bytes tracker_host
""".split()  # noqa: SIM905 - a list of words reads best as words
PROFILE_FACTS = "account_class uploaded_bytes downloaded_bytes unsat_count unsat_limit hit_and_run_count".split()  # noqa: SIM905
# Facts whose absence is a fact itself.
LEFT_IN = {
    "memory": "what no run has left behind has not happened, as on the first run",
    "ledger": "a line without an outcome or a time is one of the old format",
    "trackers": "what nobody asked a tracker cannot keep a torrent; the runner asks for all that can",
    "webapi_version": "goes with the trackers' words",
}


def without(snapshot: Snapshot, **facts: Any) -> Snapshot:
    """Return the snapshot with these parts of it replaced."""
    return evolve(snapshot, **facts)


def adds_nothing(less: Plan, more: Plan) -> bool:
    """Tell whether the plan made with less knowledge does no more, and finds nothing more due.

    Where a limit held something back, the place that an unknown torrent leaves goes to the next.
    """
    if due(more) <= acted_on(more) and list(g7(less, more)):
        return False
    return due(less) <= due(more) and acted_on(less) - due(more) <= acted_on(more)


def facts_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every named fact in a document; rows of a list are no facts, they are there or not."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in LEFT_IN:
                yield (*path, key)
                yield from facts_of(inner, (*path, key))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from facts_of(inner, (*path, place))


@st.composite
def forgotten(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a snapshot document, and the same with one fact taken out."""
    document = draw(my.raw_snapshots())
    places = [place for place in facts_of(document) if place[0] in ("mam", "qbittorrent")]
    place = draw(st.sampled_from(places))
    note(f"without {place}")
    event(f"without {place[-1]}")
    less = deepcopy(document)
    holder: Any = less
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return less, document


class TestG7:
    """G7: Less knowledge never means more action: removing a fact from a snapshot never adds an action."""

    @given(my.snapshots(), my.policies(), st.sampled_from(PARTS), st.sampled_from(sorted(JOBS)))
    def test_a_missing_part_adds_no_action(self, seen: Snapshot, wanted: Policy, part: str, job: str) -> None:
        """Whichever part, whichever job."""
        more = JOBS[job](seen, wanted)
        less = JOBS[job](without(seen, **{part: None}), wanted)
        event(f"{job}: {'acts' if more.actions else 'rests'}")
        assert list(g7(less, more)) == []

    @given(forgotten(), my.policies())
    def test_a_fact_missing_from_what_a_service_sends_adds_no_action(
        self, documents: tuple[dict[str, Any], dict[str, Any]], wanted: Policy
    ) -> None:
        """Any key of the profile, a result, a torrent, the preferences; with `require_unsat` on, as by default."""
        strict = evolve(wanted, grab=evolve(wanted.grab, require_unsat=True))
        less, more = (parse_snapshot(one) for one in documents)
        for decide in JOBS.values():
            assert adds_nothing(decide(less, strict), decide(more, strict))

    @given(my.WORLDS["janitor"], st.integers(0, 8), st.sampled_from(TORRENT_FACTS))
    def test_a_missing_fact_deletes_no_torrent_that_would_have_stayed(
        self, world: tuple[Snapshot, Policy], place: int, fact: str
    ) -> None:
        """Neither the one it is missing of nor another, unless that was due and waited for a place."""
        seen, wanted = world
        if not seen.torrents:
            return
        number = place % len(seen.torrents)
        unknown: dict[str, Any] = {fact: None}
        vague = [evolve(one, **unknown) if at == number else one for at, one in enumerate(seen.torrents)]
        before = plan_cleanup(seen, wanted)
        after = plan_cleanup(evolve(seen, torrents=vague), wanted)
        event(f"{fact}: {'acts' if before.actions else 'rests'}")
        assert adds_nothing(after, before)

    @given(my.grab_worlds(unique=True), st.sampled_from(PROFILE_FACTS))
    def test_a_missing_figure_of_the_profile_picks_nothing_more(
        self, world: tuple[Snapshot, Policy], fact: str
    ) -> None:
        """With `require_unsat` on, as it is by default, and a limit that the site gives the class."""
        seen, wanted = world
        strict = evolve(wanted, grab=evolve(wanted.grab, require_unsat=True))
        assert seen.profile is not None
        less = without(seen, profile=evolve(seen.profile, **{fact: None}))
        assert list(g7(plan_grab(less, strict), plan_grab(seen, strict))) == []

    @given(my.WORLDS["spend"], st.sampled_from(("uploaded_bytes", "downloaded_bytes", "bonus_points")))
    def test_a_missing_figure_of_the_profile_buys_nothing(self, world: tuple[Snapshot, Policy], fact: str) -> None:
        """Neither credit nor VIP."""
        seen, wanted = world
        if seen.profile is not None:
            less = without(seen, profile=evolve(seen.profile, **{fact: None}))
            assert JOBS["spend"](less, wanted).actions == ()

    def test_the_predicate_tells_a_plan_that_does_more(self) -> None:
        """One deletion more, another torrent's deletion, and another amount of credit."""
        one, two = (plan_cleanup(snapshot(torrents=[gone(number)]), SEED) for number in (1, 2))
        both = evolve(one, actions=(*one.actions, *two.actions))
        assert [violation.guarantee for violation in g7(both, one)] == ["G7"]
        assert len(list(g7(two, one))) == 1
        assert list(g7(one, both)) == []


class TestMissingFacts:
    """G7 where the absence of a fact looks like a harmless value."""

    def test_a_torrent_of_unknown_tags_sends_no_other_away(self) -> None:
        """Three of three that the rule reaches are refused in one breath, which speaks of the account."""
        three = [gone(number) for number in (1, 2, 3)]
        owing = [torrent(number, seeding_time=DAY) for number in range(4, 10)]
        assert janitor_adds_nothing([*three, *owing], [*three[:2], evolve(three[2], tags=None), *owing])

    def test_downloads_of_unknown_progress_do_not_raise_the_share_of_others(self) -> None:
        """Half of four torrents with data may go, however many others are unknown."""
        old = [torrent(number, seeding_time=20 * DAY) for number in (1, 2, 3, 4)]
        young = [download(number) for number in (5, 6)]
        vague = [evolve(one, progress=None) for one in young]
        sharing = policy(cleanup={"always_allowed": 0})
        assert janitor_adds_nothing([*old, *young], [*old, *vague], sharing)

    @pytest.mark.parametrize("fact", ["category", "hash"])
    def test_a_torrent_without_this_fact_still_takes_a_place_in_the_category(self, fact: str) -> None:
        """One torrent in a client that may hold one."""
        assert grab_adds_nothing(fact, policy(grab={"max_torrents": 1}), "Another title")

    @pytest.mark.parametrize("fact", ["name", "hash"])
    def test_a_torrent_without_this_fact_may_still_be_what_is_on_offer(self, fact: str) -> None:
        """The client has it; only its name would tell."""
        assert grab_adds_nothing(fact, SEED, "Title 1001")

    def test_a_result_of_unknown_end_of_vip_is_not_free(self) -> None:
        """It is over in the whole document, so that fetching it costs ratio."""
        row = raw_result(free=0, vip=1, fl_vip=1, vip_expire=NOW - 1)
        whole, less = (
            raw_snapshot(mam={"profile": raw_profile(), "searches": [raw_search(one)]})
            for one in (row, {key: value for key, value in row.items() if key != "vip_expire"})
        )
        plans = [plan_grab(parse_snapshot(one), SEED) for one in (less, whole)]
        assert list(g7(*plans)) == []


def gone(number: int) -> Torrent:
    """Return a torrent that its tracker does not know any more."""
    return torrent(number, messages=(message("unregistered torrent"),))


def janitor_adds_nothing(more: list[Torrent], less: list[Torrent], wanted: Policy = SEED) -> bool:
    """Tell whether the janitor does no more about *less* than about *more*."""
    plans = [plan_cleanup(snapshot(torrents=torrents), wanted) for torrents in (less, more)]
    return list(g7(*plans)) == []


def grab_adds_nothing(fact: str, wanted: Policy, title: str) -> bool:
    """Tell whether nothing more is picked once a fact is missing of the client's only torrent."""
    row = raw_torrent(1, name="Title 1001")
    whole = raw_snapshot(mam={"profile": raw_profile(), "searches": [raw_search(raw_result(title=title))]})
    listed = {**whole["qbittorrent"], "torrents": [row]}
    vague = {**whole["qbittorrent"], "torrents": [{key: value for key, value in row.items() if key != fact}]}
    plans = [plan_grab(parse_snapshot({**whole, "qbittorrent": one}), wanted) for one in (vague, listed)]
    return list(g7(*plans)) == []
