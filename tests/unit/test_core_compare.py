"""Comparing policies: what each makes of a history, counted by hand."""

from datetime import timedelta
from typing import Any

import pytest

from harvestmouse.core.compare import Comparison, Result, Run, compare
from harvestmouse.core.estimate import Estimate, mean_of, share_of
from harvestmouse.core.model import AccountClass, SearchResult
from harvestmouse.core.policy import FIELD, SEED, Policy
from tests.support.builders import (
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    download,
    entry,
    hash_of,
    message,
    mouse,
    page,
    policy,
    profile,
    result,
    snapshot,
    torrent,
)

PRESETS = {"seed": SEED, "field": FIELD}
# Lets a torrent go after five days of seeding, where the presets wait for fourteen.
EAGER = policy(cleanup={"graceful_seed_time": timedelta(days=5)})


def run(job: str, day: float = 0, /, **changes: Any) -> Run:
    """Return a run so many days after the first."""
    facts = {name: changes.pop(name) for name in ("category", "bounds", "scores", "bought") if name in changes}
    return Run(job=job, snapshot=snapshot(taken_at=NOW + int(day * DAY), **changes), **facts)


def under(comparison: Comparison, name: str) -> Result:
    """Return what a comparison says of one policy."""
    (found,) = (one for one in comparison.results if one.name == name)
    return found


def only(made: Policy, *runs: Run) -> Result:
    """Return what a history is under one policy."""
    return under(compare(runs, {"it": made}), "it")


def catalogue() -> list[SearchResult]:
    """Return a well-seeded catalogue: 139 results with 100 to 700 seeders, and one with 40."""
    crowded = [result(2000 + number, seeders=100 + number * 600 // 138) for number in range(139)]
    return [*crowded, result(1999, seeders=40)]


class TestGrab:
    """What is picked and refused."""

    def test_a_ceiling_of_50_seeders_refuses_a_well_seeded_catalogue(self) -> None:
        """The field's ceiling of 200 leaves 25 of 140, of which a run takes five."""
        both = compare([run("grab", searches=(page(*catalogue()),))], PRESETS)
        seed, field = under(both, "seed"), under(both, "field")
        assert (seed.results, seed.rejections, seed.picks) == (140, {"oversupplied": 139}, 1)
        assert field.results == 140
        assert field.rejections == {"oversupplied": 115, "not_selected": 20}
        assert field.picks == 5
        assert both.differences["grab.seeder_ceiling"] == {"seed": 50, "field": 200}

    def test_the_same_pick_counts_once(self) -> None:
        """History does not take it because another policy would; what is looked at counts each time."""
        seen = only(SEED, *(run("grab", day, searches=(page(result(1), result(2)),)) for day in range(3)))
        assert (seen.results, seen.picks) == (6, 2)
        assert seen.peak_bytes == 200 * MIB

    def test_skips_are_counted_by_job_and_reason(self) -> None:
        """A Mouse may not grab under any policy, a ratio of 0.7 only under one."""
        poor = profile(uploaded_bytes=7 * GIB, downloaded_bytes=10 * GIB)
        runs = [run("grab", profile=mouse()), run("grab", 1, profile=poor), run("grab", 2, profile=poor)]
        both = compare(runs, PRESETS)
        assert under(both, "seed").skips == {"grab": {"mouse_class": 1, "low_ratio": 2}}
        assert under(both, "field").skips == {"grab": {"mouse_class": 1}}
        assert under(both, "field").incomplete == {}

    def test_a_run_that_never_searched_is_incomplete_for_who_would_have(self) -> None:
        """The recorded run was held by its ratio, and did not ask."""
        poor = profile(uploaded_bytes=7 * GIB, downloaded_bytes=10 * GIB)
        both = compare([run("grab", profile=poor, searches=None), run("grab", 1)], PRESETS)
        assert under(both, "seed").incomplete == {}
        assert under(both, "field").incomplete == {"grab": 1}
        assert both.searches == 1

    def test_a_skip_for_what_nobody_asked_is_incomplete_too(self) -> None:
        """Without these answers no policy could have done anything."""
        seen = only(SEED, run("grab", torrents=None), run("grab", 1, ledger=None))
        assert seen.incomplete == {"grab": 2}
        assert seen.skips == {"grab": {"client_unknown": 1, "ledger_unknown": 1}}

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"seeder_ceiling": 199}, {"seeder_ceiling": 1}),
            ({"max_size": 999 * MIB}, {"max_size": 1}),
            ({"leecher_floor": 2}, {"leecher_floor": 1}),
            ({"min_size": 51 * MIB}, {"min_size": 1}),
            ({"seeder_ceiling": 201, "max_size": 2 * GIB, "leecher_floor": 0, "min_size": 49 * MIB}, {}),
        ],
    )
    def test_a_search_for_less_than_a_policy_would_take_is_told(
        self, changes: dict[str, int], expected: dict[str, int]
    ) -> None:
        """The site filters: what lies beyond was never seen. A search for more, or for the same, hides nothing."""
        same = {"seeder_ceiling": 200, "max_size": GIB, "leecher_floor": 1, "min_size": 50 * MIB}
        assert only(FIELD, run("grab", bounds=same | changes)).narrower == expected
        assert only(FIELD, run("grab", bounds=same)).narrower == {}
        assert only(FIELD, run("grab", bounds=same | changes, searches=None)).narrower == {}

    def test_a_pick_leaves_the_disk_when_the_policy_deletes_it(self) -> None:
        """The ledger tells which torrent it became."""
        took = entry(1, info_hash=hash_of(7))
        old = torrent(7, seeding_time=6 * DAY)
        runs = [
            run("grab", searches=(page(result(1, size_bytes=300 * MIB)),)),
            run("janitor", 7, torrents=(old,), ledger=(took,)),
            run("grab", 8, searches=(page(result(2, size_bytes=200 * MIB)),)),
        ]
        assert only(EAGER, *runs).peak_bytes == 300 * MIB
        assert only(SEED, *runs).peak_bytes == 500 * MIB

    def test_another_category_is_told(self) -> None:
        """Its torrents are nobody's to touch, so that a zero would mean nothing."""
        runs = [run("janitor", category="books"), run("janitor", 1, category="mam-farming"), run("janitor", 2)]
        assert only(SEED, *runs).foreign == 1


class TestDeletions:
    """What is deleted, and whether it would have been wanted."""

    def test_a_torrent_counts_once_with_its_first_reason(self) -> None:
        """The history keeps it, so that it is due in every run."""
        dead = download(1, added_on=NOW - 2 * DAY)
        gone = torrent(1, added_on=NOW - 2 * DAY, messages=(message("Unregistered torrent"),))
        seen = only(SEED, run("janitor", torrents=(dead, download(2))), run("janitor", 1, torrents=(gone,)))
        assert seen.deletions == {"never_started": 1}
        assert seen.freed_bytes == 0

    def test_a_torrent_that_two_policies_delete_counts_under_both(self) -> None:
        """Each with its own reason."""
        one = torrent(1, seeding_time=6 * DAY, seeders=9)
        both = compare([run("janitor", torrents=(one,))], {"seed": SEED, "eager": EAGER})
        assert under(both, "seed").deletions == {"satisfied_redundant": 1}
        assert under(both, "eager").deletions == {"graceful_retire": 1}
        assert under(both, "seed").freed_bytes == 100 * MIB

    def test_later_uploads_are_a_later_demand(self) -> None:
        """One uploads on, one is idle, one is not seen again, one has lost its place to another of the same hash."""
        old = [torrent(number, seeding_time=6 * DAY, uploaded_bytes=10 * MIB) for number in (1, 2, 3, 4)]
        runs = [
            run("janitor", torrents=old),
            run("monitor", 1, torrents=(torrent(1, uploaded_bytes=25 * MIB), torrent(2, uploaded_bytes=10 * MIB))),
            run("spend", 2, torrents=(torrent(1, uploaded_bytes=40 * MIB),)),
            run("janitor", 3, torrents=(torrent(4, added_on=NOW + DAY, uploaded_bytes=90 * MIB),)),
        ]
        later = only(EAGER, *runs).later
        assert (later.uploading, later.idle, later.unseen) == (1, 1, 2)
        assert later.uploaded_bytes == 30 * MIB
        assert later.share == share_of(1, 2)
        assert only(SEED, *runs).deletions == {}
        assert only(SEED, *runs).later.share == Estimate(count=0, value=None)

    def test_what_was_uploaded_before_is_no_later_demand(self) -> None:
        """Neither is a figure that has fallen, which is some fault of the client's."""
        old = torrent(1, seeding_time=6 * DAY, uploaded_bytes=10 * GIB)
        fallen = torrent(1, uploaded_bytes=GIB)
        seen = only(EAGER, run("janitor", torrents=(old,)), run("janitor", 1, torrents=(fallen,)))
        assert (seen.later.uploading, seen.later.idle, seen.later.uploaded_bytes) == (0, 1, 0)

    def test_unknown_uploads_tell_nothing(self) -> None:
        """Unknown is not zero."""
        old = torrent(1, seeding_time=6 * DAY)
        unknown = torrent(1, uploaded_bytes=None)
        seen = only(EAGER, run("janitor", torrents=(old,)), run("janitor", 1, torrents=(unknown,)))
        assert (seen.later.idle, seen.later.unseen) == (0, 1)


class TestPurchases:
    """What would have been bought."""

    RICH = profile(uploaded_bytes=10 * GIB, downloaded_bytes=10 * GIB, bonus_points=30_000.0)
    FINE = profile(uploaded_bytes=30 * GIB)

    def test_a_purchase_that_goes_on_being_wanted_counts_once(self) -> None:
        """Had it been made in the first run, the others would not want it."""
        seen = only(SEED, *(run("spend", day, profile=self.RICH) for day in range(4)))
        assert (seen.purchases, seen.points) == (1, 25_000)

    def test_a_run_that_wants_nothing_ends_it(self) -> None:
        """To want it again is another purchase."""
        accounts = [self.RICH, self.FINE, self.RICH]
        seen = only(SEED, *(run("spend", day, profile=one) for day, one in enumerate(accounts)))
        assert (seen.purchases, seen.points) == (2, 50_000)

    def test_a_purchase_of_the_history_ends_it(self) -> None:
        """It was made, and the next one is another."""
        seen = only(SEED, run("spend", profile=self.RICH, bought=True), run("spend", 1, profile=self.RICH))
        assert seen.purchases == 2

    def test_another_kind_of_purchase_is_another_one(self) -> None:
        """Four weeks of VIP at 1,250 BP, and then credit for a deficit."""
        power = {"account_class": AccountClass.POWER_USER, "bonus_points": 30_000.0}
        fine = profile(uploaded_bytes=30 * GIB, vip_until=NOW + 60 * DAY, **power)
        runs = run("spend", profile=fine), run("spend", 1, profile=profile(uploaded_bytes=10 * GIB, **power))
        seen = only(policy(spend={"vip": True}), *runs)
        assert (seen.purchases, seen.points) == (2, 5_000 + 25_000)

    def test_a_skipped_run_ends_nothing(self) -> None:
        """It did not know what it wanted."""
        accounts = [self.RICH, None, self.RICH]
        seen = only(SEED, *(run("spend", day, profile=one) for day, one in enumerate(accounts)))
        assert seen.purchases == 1
        assert seen.incomplete == {"spend": 1}


class TestUpload:
    """What picks uploaded, where the history took them."""

    def history(self, *, scores: dict[int, float]) -> list[Run]:
        """Return a history that took ids 1 to 3 of four on offer, and showed two of them two days."""
        on_offer = [
            result(1, leechers=30, free=False, personal_freeleech=True),  # 285
            result(2, leechers=20, seeders=50),  # 235
            result(3, leechers=1, seeders=0),  # 203
            result(4, leechers=2, seeders=0),  # 206
        ]
        took = [entry(number, info_hash=hash_of(number)) for number in (1, 2, 3)]
        half = {"added_on": NOW, "size_bytes": GIB // 2}
        return [
            run("grab", searches=(page(*on_offer),), scores=scores),
            run("janitor", 0.5, torrents=[download(1, **half, uploaded_bytes=9 * GIB), download(3, **half)]),
            run(
                "grab",
                2,
                ledger=took,
                torrents=[
                    download(1, **half, uploaded_bytes=GIB),
                    download(2, added_on=NOW + DAY, size_bytes=2 * GIB, uploaded_bytes=6 * GIB),
                    download(9, **half, uploaded_bytes=5 * GIB),
                ],
            ),
        ]

    def test_is_by_size_and_day_since_it_was_added(self) -> None:
        """1 GiB of half a GiB in two days is 1 GiB; 6 of 2 in one day is 3; too young, unknown and foreign are out."""
        seen = only(SEED, *self.history(scores={})).upload
        assert seen.all == Estimate(count=2, value=2.0 * GIB)

    def test_is_put_together_by_score(self) -> None:
        """Under each policy by its own scores, for the history by those of the recorded plans."""
        dry = policy(grab={"wedge_bonus": 0.0})
        both = compare(self.history(scores={1: -0.5, 2: 0.0, 3: 199.0}), {"dry": dry, "seed": SEED})
        values = [[one.value for one in found.upload.by_score] for found in both.results]
        assert values[0] == [None, 3.0 * GIB, 1.0 * GIB, None, None]
        assert values[1] == [None, None, None, None, 2.0 * GIB]
        assert [one.value for one in both.upload.by_score] == [1.0 * GIB, 3.0 * GIB, None, None, None]

    def test_the_first_score_counts(self) -> None:
        """What is picked or recorded again later has other figures, and is the same pick."""
        took = [entry(1, info_hash=hash_of(1))]
        runs = [
            run("grab", searches=(page(result(1, leechers=2, seeders=20)),), scores={1: 10.0}),
            run("grab", 1, searches=(page(result(1, leechers=90, seeders=0)),), scores={1: 90.0}),
            run("janitor", 2, torrents=[download(1, added_on=NOW, size_bytes=GIB, uploaded_bytes=GIB)], ledger=took),
        ]
        both = compare(runs, {"dry": policy(grab={"wedge_bonus": 0.0})})
        assert [one.count for one in both.upload.by_score] == [0, 1, 0, 0, 0]
        assert [one.count for one in under(both, "dry").upload.by_score] == [1, 0, 0, 0, 0]

    def test_of_several_tries_the_longest_counts(self) -> None:
        """A torrent that was added again is another one."""
        took = [entry(1, info_hash=hash_of(1))]
        runs = [
            run("grab", searches=(page(result(1)),)),
            run("janitor", 3, torrents=[download(1, added_on=NOW, size_bytes=GIB, uploaded_bytes=6 * GIB)]),
            run("janitor", 5, torrents=[download(1, added_on=NOW + 4 * DAY, size_bytes=GIB, uploaded_bytes=9 * GIB)]),
            run("monitor", 6, ledger=took),
        ]
        assert only(SEED, *runs).upload.all == Estimate(count=1, value=2.0 * GIB)

    def test_a_day_has_to_be_seen(self) -> None:
        """What uploads in the first hours says little of the rest."""
        took = [entry(1, info_hash=hash_of(1))]
        first = run("grab", searches=(page(result(1)),))
        seen = [download(1, added_on=NOW, size_bytes=GIB, uploaded_bytes=GIB)]
        short = run("janitor", (DAY - HOUR) / DAY, torrents=seen, ledger=took)
        assert only(SEED, first, short).upload.all.count == 0
        assert only(SEED, first, run("janitor", 1, torrents=seen, ledger=took)).upload.all.value == GIB


class TestHistory:
    """The history as a whole."""

    def test_jobs_are_counted_and_dated(self) -> None:
        """One without recordings is not there."""
        both = compare([run("grab"), run("janitor", 1), run("grab", 2), run("monitor", 3)], PRESETS)
        assert both.runs == {"grab": 2, "janitor": 1, "monitor": 1}
        assert (both.first_at, both.last_at) == (NOW, NOW + 3 * DAY)
        assert under(both, "seed").purchases == 0

    def test_an_empty_history_is_empty(self) -> None:
        """Nothing is counted, and nothing is divided by nothing."""
        both = compare([], PRESETS)
        assert (both.first_at, both.runs, both.searches) == (None, {}, 0)
        assert under(both, "field").upload.all == Estimate(count=0, value=None)

    def test_only_differing_figures_are_named(self) -> None:
        """Under the names that the configuration has for them."""
        mine = policy(client={"category": "books"})
        assert compare([], {"seed": SEED, "mine": mine}).differences == {
            "qbittorrent.category": {"seed": "mam-farming", "mine": "books"}
        }
        assert compare([], {"seed": SEED, "same": policy()}).differences == {}


class TestEstimates:
    """How far a figure can be trusted."""

    def test_a_mean_has_the_interval_of_the_tables(self) -> None:
        """Of 1 to 5 the deviation is the root of 2.5, and t for four degrees of freedom 2.776."""
        seen = mean_of([5, 1, 4, 2, 3])
        assert (seen.count, seen.value) == (5, 3.0)
        assert seen.low == pytest.approx(1.0370, abs=1e-4)
        assert seen.high == pytest.approx(4.9630, abs=1e-4)

    def test_many_values_keep_the_last_of_the_table(self) -> None:
        """A hundred zeros and hundred twos: deviation 1.0025, by 2.042 over the root of 200."""
        seen = mean_of([0.0, 2.0] * 100)
        assert seen.high == pytest.approx(1 + 2.042 * 1.002509 / 14.142136, abs=1e-5)

    def test_six_values_take_the_second(self) -> None:
        """The table begins with five values."""
        seen = mean_of([10, 20, 30, 40, 50, 60])
        assert seen.high == pytest.approx(35 + 2.571 * 18.708287 / 2.449490, abs=1e-4)

    def test_amounts_are_never_below_zero(self) -> None:
        """Neither is the interval."""
        assert mean_of([0, 0, 0, 0, 100]).low == 0.0

    def test_fewer_than_five_have_no_interval(self) -> None:
        """The figure itself is there."""
        assert mean_of([1, 2, 3, 6]) == Estimate(count=4, value=3.0)
        assert share_of(1, 4) == Estimate(count=4, value=0.25)
        assert share_of(0, 0) == Estimate(count=0, value=None)

    def test_a_share_has_wilsons_interval(self) -> None:
        """A textbook's example: 7 of 10 lie between 0.397 and 0.892; none and all stay within 0 and 1."""
        seen = share_of(7, 10)
        assert (seen.value, seen.low, seen.high) == pytest.approx((0.7, 0.3968, 0.8922), abs=1e-4)
        assert share_of(0, 5).low == 0.0
        assert share_of(0, 5).high == pytest.approx(0.4345, abs=1e-4)
        assert share_of(5, 5).high == pytest.approx(1.0, abs=1e-12)
        assert share_of(5, 5).low == pytest.approx(0.5655, abs=1e-4)

    def test_differ_where_the_intervals_lie_apart(self) -> None:
        """Either way round; to touch is not to lie apart, and without an interval nothing is told."""
        low = Estimate(count=9, value=1.0, low=0.0, high=2.0)
        assert low.differs(Estimate(count=9, value=4.0, low=3.0, high=5.0)) is True
        assert Estimate(count=9, value=4.0, low=3.0, high=5.0).differs(low) is True
        assert low.differs(Estimate(count=9, value=3.0, low=2.0, high=4.0)) is False
        assert Estimate(count=9, value=3.0, low=2.0, high=4.0).differs(low) is False
        assert low.differs(Estimate(count=2, value=9.0)) is None
        assert Estimate(count=2, value=9.0).differs(low) is None
