"""The tracker's clock against a tracker that counts by itself, while torrents rest, are refused and go on."""

from collections.abc import Callable, Sequence
from itertools import cycle

from attrs import define, evolve
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.clock import advance, corrected, shown
from harvestmouse.core.model import Snapshot, Torrent, TrackerClock, TrackerMessage
from harvestmouse.core.policy import SEED, Policy
from tests.property import strategies as my
from tests.support.builders import DAY, HOUR, MINUTE, NOW, OWED, TRACKER, hash_of, message, policy, torrent

SITE = 72 * HOUR
WORKS = (TrackerMessage(host=TRACKER, status=2, text=""),)
GONE = (message("Unregistered torrent"),)
# What a torrent may be doing, whether the client's clock goes on, and whether the tracker's does.
WAYS = (
    ("stalledUP", WORKS, True, True),
    ("uploading", WORKS, True, True),
    ("stalledUP", GONE, True, False),
    ("forcedUP", (message("Connection refused"),), True, False),
    ("queuedUP", WORKS, False, False),
    ("stoppedUP", WORKS, False, False),
    ("checkingUP", (), False, False),
)
ways = st.sampled_from([*WAYS[:1] * 4, *WAYS])
Way = tuple[str, tuple[TrackerMessage, ...], bool, bool]
# Stretches of one way in minutes, much shorter and much longer than the time between two looks.
lives = st.lists(st.tuples(ways, st.sampled_from([5, 20, 55, 6 * 60, 26 * 60, 80 * 60])), min_size=1, max_size=8)
# Minutes between two looks; at times there was none for a day.
regular = st.lists(st.integers(15, 60), min_size=8, max_size=40)
patchy = st.lists(st.sampled_from([1, 15, 30, 60, 61, 300, 2000]), min_size=3, max_size=30)


@define
class Life:
    """One torrent's life, over and over again, and what either side has counted of it."""

    stretches: Sequence[tuple[Way, int]]
    minute: int = 0

    def way(self) -> Way:
        left = self.minute % sum(length for _, length in self.stretches)
        for way, length in self.stretches:
            if left < length:
                return way
            left -= length
        raise AssertionError(left)

    def client(self) -> int:
        """Return the seconds on the client's clock."""
        return self._counted(lambda way: way[2])

    def tracker(self) -> int:
        """Return the seconds that the tracker has seen."""
        return self._counted(lambda way: way[3])

    def _counted(self, goes_on: Callable[[Way], bool]) -> int:
        rounds, left = divmod(self.minute, sum(length for _, length in self.stretches))
        minutes = rounds * sum(length for way, length in self.stretches if goes_on(way))
        for way, length in self.stretches:
            minutes += min(left, length) if goes_on(way) else 0
            left -= min(left, length)
        return minutes * MINUTE

    def torrent(self) -> Torrent:
        state, messages, _, _ = self.way()
        return torrent(
            1, state=state, messages=messages, seeding_time=self.client(), seeders=9, added_on=NOW - 90 * DAY
        )


@define
class Watch:
    """Somebody who looks at a life now and then.

    Attributes:
        hidden: Seconds of pauses between two looks that both saw it announce; nobody can know of them.
    """

    life: Life
    clock: TrackerClock | None = None
    hidden: int = 0

    def look(self, minutes: int = 0) -> None:
        """Let time pass, and look."""
        saw, before = self.life.way()[3], self.life.tracker()
        self.life.minute += minutes
        if saw and self.life.way()[3]:
            self.hidden += minutes * MINUTE - (self.life.tracker() - before)
        self.clock = advance(self.clock, [self.life.torrent()], SEED, self.now)

    def hear_the_site(self) -> None:
        """Let the site tell what its tracker has counted; what was hidden no longer is."""
        told = {hash_of(1): self.life.tracker()}
        self.clock = corrected(self.clock or {}, [self.life.torrent()], told, SEED, self.now)
        self.hidden = 0

    @property
    def now(self) -> int:
        return NOW + self.life.minute * MINUTE

    @property
    def counted(self) -> int:
        return (self.clock or {})[hash_of(1)].seconds


def watched(stretches: Sequence[tuple[Way, int]], minutes: Sequence[int]) -> Watch:
    """Return who has looked at a life at its beginning and after each of these times."""
    watch = Watch(Life(stretches))
    for step in (0, *minutes):
        watch.look(step)
    return watch


class TestTruth:
    """What is counted has been seen, but for the pauses between two looks that nobody can know of."""

    # Looked at just before each pause and just after it.
    @example([(WAYS[0], 25), (WAYS[4], 5)], [30] * 40)
    @given(lives, st.one_of(regular, patchy))
    def test_no_more_is_counted_than_the_tracker_has_seen(
        self, stretches: list[tuple[Way, int]], minutes: list[int]
    ) -> None:
        """However long nobody looks, since a gap counts an hour at most."""
        watch = watched(stretches, minutes)
        seen = watch.life.tracker()
        event("behind" if watch.counted < seen else "ahead" if watch.counted > seen else "exact")
        assert watch.counted <= seen + watch.hidden

    @given(regular)
    def test_what_announces_all_the_time_is_counted_whole(self, minutes: list[int]) -> None:
        """As long as somebody looks every hour."""
        assert watched([(WAYS[0], 60)], minutes).counted == sum(minutes) * MINUTE

    @given(lives, regular)
    def test_one_look_fewer_counts_no_more_than_the_time_around_it(
        self, stretches: list[tuple[Way, int]], minutes: list[int]
    ) -> None:
        """A look that finds it at rest takes the time on both sides; without that look it may count, and no more."""
        whole = watched(stretches, minutes)
        fewer = watched(stretches, [minutes[0] + minutes[1], *minutes[2:]])
        event("the same" if whole.counted == fewer.counted else "other")
        assert fewer.counted <= whole.counted + (minutes[0] + minutes[1]) * MINUTE


class TestSite:
    """The site's word is the truth, and stands until somebody looks again."""

    @example([(WAYS[0], 25), (WAYS[4], 5)], [30] * 40, [30] * 4)
    @given(lives, patchy, patchy)
    def test_what_was_hidden_before_no_longer_counts(
        self, stretches: list[tuple[Way, int]], before: list[int], after: list[int]
    ) -> None:
        """Nor what was missed; afterwards the looks count as ever."""
        watch = watched(stretches, before)
        ahead, behind = watch.counted > watch.life.tracker(), watch.counted < watch.life.tracker()
        event("ahead" if ahead else "behind" if behind else "exact")
        watch.hear_the_site()
        if hash_of(1) not in (watch.clock or {}):
            assert watch.life.tracker() >= OWED
            return
        assert watch.counted == watch.life.tracker()
        for step in after:
            watch.look(step)
        assert hash_of(1) not in (watch.clock or {}) or watch.counted <= watch.life.tracker() + watch.hidden

    @given(my.WORLDS["janitor"], st.data())
    def test_only_what_it_names_changes(self, world: tuple[Snapshot, Policy], data: st.DataObject) -> None:
        """To its figure, or to the age where that is less; what then owes nothing on either clock is not recorded."""
        seen, wanted = world
        torrents, now = seen.torrents or (), seen.taken_at
        clock = advance(None, torrents, policy(wanted, cleanup={"trust_unseen": False}), now)
        told = {one.hash: data.draw(my.near(0, DAY, 4 * DAY, 60 * DAY)) for one in torrents if data.draw(my.flags)}
        after = corrected(clock, torrents, told, wanted, now)
        assert set(after) <= {one.hash for one in torrents}
        for one in torrents:
            if one.hash not in told or one.category != wanted.client.category or not one.has_completed:
                assert after.get(one.hash) == clock.get(one.hash)
            elif one.hash not in after:
                event("owes nothing")
                owed = wanted.cleanup.seed_time + wanted.cleanup.seed_time_margin
                assert min(told[one.hash], one.seeding_time or 0) >= owed.total_seconds()
            elif one.added_on is not None:
                event("told")
                assert after[one.hash].seconds == max(0, min(told[one.hash], now - one.added_on))


class TestIncident:
    """I5: no torrent goes that the tracker has seen for less than the site's 72 hours."""

    # A month has two thousand looks.
    @settings(max_examples=settings().max_examples // 3)
    @given(lives, st.lists(st.integers(15, 60), min_size=5, max_size=5))
    def test_nothing_goes_that_the_tracker_has_not_seen(
        self, stretches: list[tuple[Way, int]], minutes: list[int]
    ) -> None:
        """Looked at every quarter to full hour for a month; the margin is for pauses that nobody saw."""
        watch = Watch(Life(stretches))
        steps = cycle(minutes)
        watch.look()
        while watch.life.minute < 30 * 24 * 60:
            watch.look(next(steps))
            seen = shown([watch.life.torrent()], watch.clock)
            snapshot = Snapshot(taken_at=watch.now, torrents=seen, tracker_clock=watch.clock)
            if plan_cleanup(snapshot, SEED).actions:
                assert watch.life.client() >= OWED
                if watch.life.way()[1] == GONE:
                    event("gone, as the site has taken it away")
                    return
                event("gone, with hidden pauses" if watch.hidden else "gone")
                assert watch.life.tracker() + watch.hidden >= OWED
                assert watch.life.tracker() >= SITE or watch.hidden > OWED - SITE
                return
        event("kept")


class TestKnowledge:
    """A record only makes the janitor more careful: it is memory, whose absence is no fact of a snapshot."""

    @given(my.WORLDS["janitor"], st.data())
    def test_a_record_sends_nothing_away_that_would_have_stayed(
        self, world: tuple[Snapshot, Policy], data: st.DataObject
    ) -> None:
        """With whatever figures in it."""
        seen, wanted = world
        bare = [evolve(one, tracker_seconds=None) for one in seen.torrents or ()]
        times = my.near(0, 3 * DAY, 4 * DAY, 7 * DAY)
        held = [evolve(one, tracker_seconds=data.draw(times)) if data.draw(my.flags) else one for one in bare]
        roomy = policy(wanted, cleanup={"max_data_deletions": 50, "always_allowed": 50})
        without = plan_cleanup(evolve(seen, torrents=bare), roomy)
        with_record = plan_cleanup(evolve(seen, torrents=held), roomy)
        gone, went = ({getattr(action, "hash", "") for action in plan.actions} for plan in (with_record, without))
        event("holds more" if gone < went else "the same")
        assert gone <= went
