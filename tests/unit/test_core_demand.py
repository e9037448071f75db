"""Learning from picks: which of them count and for how much, and what is suggested from planted demand."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.compare import Run
from harvestmouse.core.demand import Bound, Bucket, Demand, Fates, Findings, Pick, Verdict, judge, learn
from harvestmouse.core.policy import FIELD, GrabPolicy
from tests.support.builders import DAY, GIB, HOUR, MIB, NOW, download, entry, hash_of, page, result, snapshot

TODAY = FIELD.grab
Upload = Callable[[int, int, Random], float]


def run(job: str, day: float = 0, /, **changes: Any) -> Run:
    """Return a run so many days after the first."""
    facts = {name: changes.pop(name) for name in ("added", "scores") if name in changes}
    return Run(job=job, snapshot=snapshot(taken_at=NOW + int(day * DAY), **changes), **facts)


def grabbed(day: float = 0, /, **facts: Any) -> Run:
    """Return the run that took number 1, a GiB large, with these facts."""
    shown = result(1, **({"size_bytes": GIB} | facts))
    return run("grab", day, searches=(page(result(2), shown),), added={1: None}, scores={1: 7.5})


def seen(day: float, uploaded: int | None = None, *, added: float = 0, number: int = 1) -> Run:
    """Return a look at the client: with what the pick has uploaded, in MiB, or without the pick."""
    held = download(number, added_on=NOW + int(added * DAY), size_bytes=GIB, uploaded_bytes=(uploaded or 0) * MIB)
    took = [entry(1, info_hash=hash_of(1)), entry(2, info_hash=hash_of(2))]
    return run("janitor", day, torrents=() if uploaded is None else (held,), ledger=took)


def followed(*runs: Run) -> Demand:
    """Return what a history tells."""
    return learn(runs, TODAY)


def mib(demand: Demand) -> float | None:
    """Return the mean upload of the picks, MiB for a GiB a day."""
    value = demand.findings.all.per_gib.value
    return None if value is None else value / MIB


def planted(seed: int, upload: Upload, count: int = 400) -> list[Pick]:
    """Return picks, one an hour, whose upload for a GiB is what *upload* says of leechers and seeders."""
    random, picks = Random(seed), []
    for number in range(count):
        leechers, seeders, size = random.randint(1, 60), random.randint(0, 200), random.randint(51, 1024) * MIB
        per_gib = upload(leechers, seeders, random) * MIB
        shown = result(number, leechers=leechers, seeders=seeders, size_bytes=size)
        at = NOW + number * HOUR
        picks.append(Pick(at=at, result=shown, score=0.0, per_gib=per_gib, per_torrent=per_gib * size / GIB))
    return picks


def steps(low: int, high: int, out: float, rest: float) -> list[Pick]:
    """Return picks of 5 leechers and of 30 in turn, so many a half of each, that upload so much in MiB."""
    half = [*[(5, out)] * low, *[(30, rest)] * high]
    return [
        Pick(at=NOW + at, result=result(at, leechers=leechers), score=0.0, per_gib=worth * MIB, per_torrent=worth * MIB)
        for at, (leechers, worth) in enumerate([*half, *half])
    ]


def bound(findings: Findings, key: str) -> Bound:
    """Return what is said of one bound."""
    (found,) = (one for one in findings.bounds if one.key == key)
    return found


def verdicts(findings: Findings) -> set[Verdict]:
    """Return all that is said of the bounds and the ranking."""
    return {findings.ranking.verdict, *(one.verdict for one in findings.bounds)}


def noise(_: int, __: int, random: Random) -> float:
    """Return an upload that depends on nothing: half of all picks nothing, a few very much."""
    return random.choice([0, 1]) * random.lognormvariate(0, 1.5)


class TestFollowing:
    """What a pick uploaded over its first 72 hours."""

    def test_its_last_look_within_them_counts(self) -> None:
        """At 72 hours to the second, for the days it is old; what comes later is another matter."""
        demand = followed(grabbed(), seen(1, 10), seen(3, 90), seen(3.1, 500), seen(9, 900))
        assert mib(demand) == pytest.approx(30)
        assert demand.fates == Fates(added=1, measured=1, gone=0, young=0, unseen=0)
        assert (demand.first_at, demand.last_at, demand.runs) == (NOW, NOW + 9 * DAY, {"grab": 1, "janitor": 4})

    def test_a_torrent_counts_by_its_size_and_by_itself(self) -> None:
        """The same for a GiB, half for a torrent of half of one."""
        half = download(1, added_on=NOW, size_bytes=GIB // 2, uploaded_bytes=60 * MIB)
        took = [entry(1, info_hash=hash_of(1))]
        demand = followed(grabbed(), run("janitor", 3, torrents=[half], ledger=took))
        assert mib(demand) == pytest.approx(40)
        assert demand.findings.all.per_torrent.value == pytest.approx(20 * MIB)

    def test_one_that_goes_counts_with_what_it_had_uploaded(self) -> None:
        """Over all of the 72 hours: it will not upload more."""
        demand = followed(grabbed(), seen(1, 30), seen(2), seen(3))
        assert mib(demand) == pytest.approx(10)
        assert demand.fates == Fates(added=1, measured=1, gone=1, young=0, unseen=0)

    def test_one_that_may_have_gone_later_counts_for_as_long_as_it_was_seen(self) -> None:
        """Nobody looked between the second day and the ninth."""
        demand = followed(grabbed(), seen(2, 30), seen(9))
        assert mib(demand) == pytest.approx(15)
        assert demand.fates.gone == 0

    def test_a_run_that_did_not_ask_the_client_saw_nothing(self) -> None:
        """It is no look at which the torrent was missing, nor the end of its 72 hours."""
        blind = run("spend", 2.5, torrents=None)
        assert mib(followed(grabbed(), seen(2, 30), blind, seen(9))) == pytest.approx(15)
        assert followed(grabbed(), seen(2, 30), run("spend", 9, torrents=None)).fates.young == 1

    def test_a_listing_that_misses_it_once_is_not_its_end(self) -> None:
        """A client that starts lists nothing for a while."""
        demand = followed(grabbed(), seen(1, 30), seen(1.5), seen(2, 60), seen(3, 90))
        assert mib(demand) == pytest.approx(30)
        assert demand.fates.gone == 0

    @pytest.mark.parametrize(("last", "young"), [(2.999, 1), (3, 0)])
    def test_a_young_one_is_left_out_even_if_it_is_gone(self, last: float, young: int) -> None:
        """Otherwise the newest picks would be those that failed."""
        for end in (seen(last, 30), seen(last)):
            demand = followed(grabbed(), seen(1, 30), end)
            assert demand.fates == Fates(added=1, measured=1 - young, gone=demand.fates.gone, young=young, unseen=0)
            assert demand.fates.gone == (not young and end.snapshot.torrents == ())

    @pytest.mark.parametrize(("first", "unseen"), [(0.9, 1), (1, 0)])
    def test_a_look_at_its_first_hours_says_too_little(self, first: float, unseen: int) -> None:
        """A day is the least."""
        demand = followed(grabbed(), seen(first, 30), seen(9, 90))
        assert demand.fates == Fates(added=1, measured=1 - unseen, gone=0, young=0, unseen=unseen)

    def test_a_pick_that_the_ledger_does_not_lead_to_is_not_followed(self) -> None:
        """It is unknown, and no zero."""
        unnamed = evolve(seen(3, 90), snapshot=evolve(seen(3, 90).snapshot, ledger=(entry(1),)))
        assert followed(grabbed(), unnamed).fates == Fates(added=1, measured=0, gone=0, young=0, unseen=1)
        assert followed(grabbed(), seen(3)).fates.unseen == 1
        assert followed(grabbed()).fates.young == 1

    def test_a_pick_that_no_search_shows_is_not_measured(self) -> None:
        """Nothing is known of it that could be set against its upload."""
        blind = run("grab", searches=None, added={1: None}, scores={1: 7.5})
        assert followed(blind, seen(3, 90)).fates == Fates(added=1, measured=0, gone=0, young=0, unseen=1)

    @pytest.mark.parametrize(("added", "measured"), [(1, 1), (-1, 1), (1.01, 0), (-1.01, 0)])
    def test_the_torrent_was_added_within_a_day_of_the_pick(self, added: float, measured: int) -> None:
        """Clocks may differ; what somebody added by hand another time is no pick."""
        demand = followed(grabbed(), seen(added + 3, 90, added=added), seen(9))
        assert demand.fates.measured == measured

    def test_a_second_try_is_a_pick_of_its_own(self) -> None:
        """The first was gone after a day without upload, the second is the one of the tenth day."""
        first, second = grabbed(leechers=5), grabbed(10, leechers=9)
        demand = followed(first, seen(1, 0), seen(2), second, seen(13, 90, added=10))
        low, high = demand.findings.features["leechers"]
        assert (low.worth.per_gib.value, high.low) == (0, 9)
        assert high.worth.per_gib.value == pytest.approx(30 * MIB)
        assert demand.fates == Fates(added=2, measured=2, gone=1, young=0, unseen=0)

    def test_of_two_torrents_the_one_added_next_to_the_pick_is_it(self) -> None:
        """The other was added again by hand, not a day later."""
        demand = followed(grabbed(), seen(1, 30), seen(3, 90), seen(3.2, 640, added=0.9), seen(9))
        assert mib(demand) == pytest.approx(30)

    def test_a_pick_is_as_old_as_the_site_had_it_then(self) -> None:
        """Two days, and nothing; a time that is still to come by the site's clock is no age below zero."""

        def ages(first: int, second: int) -> tuple[Bucket, ...]:
            one, two = evolve(grabbed(), added={1: first}), evolve(grabbed(10), added={1: second})
            return followed(one, seen(3, 90), two, seen(13, 30, added=10)).findings.features["age_seconds"]

        (same,) = ages(NOW, NOW + 11 * DAY)
        assert same.worth.per_gib.count == 2
        young, old = ages(NOW - 2 * DAY, NOW + 10 * DAY)
        assert (young.high, old.low) == (2 * DAY, 2 * DAY)
        assert young.worth.per_gib.value == pytest.approx(10 * MIB)

    def test_what_was_only_wanted_is_no_pick(self) -> None:
        """A dry run, or an addition that failed."""
        wanted = evolve(grabbed(), added={})
        assert followed(wanted, seen(3, 90)).fates == Fates(added=0, measured=0, gone=0, young=0, unseen=0)

    def test_nothing_is_known_of_an_empty_history(self) -> None:
        """Nor is anything suggested."""
        demand = followed()
        assert (demand.first_at, demand.fates.added, demand.findings.suggested) == (None, 0, {})


class TestFeatures:
    """What was known of a pick when it was taken."""

    def test_are_those_of_the_run_that_took_it(self) -> None:
        """What a later search shows of it is not what it was picked for."""
        first = evolve(grabbed(leechers=9, seeders=18, size_bytes=GIB), added={1: NOW - 2 * DAY})
        later = run("grab", 1, searches=(page(result(1, leechers=50, seeders=1)),))
        features = followed(first, later, seen(3, 90)).findings.features
        only = {name: buckets for name, buckets in features.items() if name not in ("score", "free_by_wedge")}
        assert [(name, len(buckets)) for name, buckets in only.items()] == [
            (name, 1) for name in ("leechers", "seeders", "leechers_per_seeder", "size_bytes", "age_seconds")
        ]
        (score,) = features["score"]
        (free,) = features["free_by_wedge"]
        assert (score.low, score.high, free.low, free.high) == (0, 50, 1, None)

    def values(self, name: str, *picks: Pick) -> list[tuple[float | None, float | None, int]]:
        """Return the limits of a feature's buckets, and how many picks are in each."""
        found: tuple[Bucket, ...] = judge(picks, TODAY).features[name]
        return [(one.low, one.high, one.worth.per_gib.count) for one in found]

    def picks(self, **facts: list[Any]) -> list[Pick]:
        """Return picks with each of these values in turn."""
        ((name, values),) = facts.items()
        blank = Pick(at=NOW, result=result(1), score=0.0, per_gib=1.0, per_torrent=1.0)
        if name in ("score", "age_seconds"):
            return [evolve(blank, **{name: value}) for value in values]
        return [evolve(blank, result=result(at, **{name: value})) for at, value in enumerate(values)]

    def test_are_put_together_by_quarters(self) -> None:
        """Eight picks, two in each."""
        picks = self.picks(leechers=[8, 1, 2, 3, 4, 5, 6, 7])
        assert self.values("leechers", *picks) == [(None, 3, 2), (3, 5, 2), (5, 7, 2), (7, None, 2)]

    def test_equal_values_stay_together(self) -> None:
        """A quarter that begins with the smallest would leave nothing below it."""
        assert self.values("seeders", *self.picks(seeders=[4, 4, 4, 9])) == [(None, 9, 3), (9, None, 1)]
        assert self.values("seeders", *self.picks(seeders=[4, 4])) == [(None, None, 2)]

    def test_without_seeders_the_leechers_stand_alone(self) -> None:
        """There is no share of nothing."""
        picks = [evolve(one, result=evolve(one.result, leechers=6)) for one in self.picks(seeders=[0, 1, 2, 3])]
        assert self.values("leechers_per_seeder", *picks) == [(None, 3, 1), (3, 6, 1), (6, None, 2)]

    def test_scores_go_by_the_steps_of_a_comparison(self) -> None:
        """So that both can be read side by side."""
        picks = self.picks(score=[-1.0, 0.0, 49.9, 50.0, 200.0])
        assert self.values("score", *picks) == [(None, 0, 1), (0, 50, 2), (50, 100, 1), (200, None, 1)]

    def test_a_wedge_has_two_sides(self) -> None:
        """However few picks one of them has."""
        picks = self.picks(free=[True] * 9 + [False])
        assert self.values("free_by_wedge", *picks) == [(None, 1, 1), (1, None, 9)]

    def test_an_age_that_is_not_told_is_left_out(self) -> None:
        """Unknown is not zero."""
        assert self.values("age_seconds", *self.picks(age_seconds=[None, 60])) == [(None, None, 1)]
        assert self.values("age_seconds", *self.picks(age_seconds=[None])) == []


class TestPlanted:
    """What is suggested where it is known what upload depends on."""

    def test_demand_by_leechers_alone_is_found(self) -> None:
        """A floor, and fewer points off for a seeder; nothing else, in 19 of 20 histories at least."""
        found = [judge(planted(seed, lambda leechers, _, random: random.expovariate(1) * leechers), TODAY)
                 for seed in range(20)]  # fmt: skip
        assert sum("leecher_floor" in one.suggested for one in found) >= 16
        assert not any({"seeder_ceiling", "min_size", "max_size"} & one.suggested.keys() for one in found)
        weights = [one.suggested for one in found if "seeder_weight" in one.suggested]
        assert weights
        assert all(one["leecher_weight"] == 3.0 and one["seeder_weight"] < 0.5 for one in weights)
        floors = [one.suggested["leecher_floor"] for one in found if "leecher_floor" in one.suggested]
        # The lowest tenth to the lowest half of 1 to 60 leechers.
        assert all(3 <= floor <= 33 for floor in floors)

    def test_demand_by_seeders_alone_is_found(self) -> None:
        """They take more points off than today; a floor of leechers would do nothing."""
        found = [judge(planted(seed, lambda _, seeders, random: random.expovariate(1) / (1 + seeders)), TODAY)
                 for seed in range(20)]  # fmt: skip
        assert sum("seeder_weight" in one.suggested for one in found) >= 17
        assert all(one.suggested.get("seeder_weight", 3.0) >= 0.6 for one in found)
        assert not any({"leecher_floor", "min_size", "max_size"} & one.suggested.keys() for one in found)

    def test_where_nothing_matters_nothing_is_suggested(self) -> None:
        """In 95 of 100 histories at least, with uploads as uneven as real ones."""
        found = [judge(planted(seed, noise, 240), TODAY) for seed in range(100)]
        assert sum(not one.suggested for one in found) >= 95
        # And it is not for want of picks.
        assert {verdict for one in found for verdict in verdicts(one)} == {Verdict.NO_DIFFERENCE}

    def test_what_only_the_older_half_says_is_not_suggested(self) -> None:
        """The newer half had no part in choosing it, and is the test."""

        def turning(leechers: int, seeders: int, random: Random) -> float:
            return leechers if next(turn) < 200 else noise(leechers, seeders, random)

        turn = iter(range(400))
        findings = judge(planted(1, turning), TODAY)
        assert findings.suggested == {}
        assert findings.ranking.older_gain.low is not None
        assert findings.ranking.older_gain.low > 0.05
        assert bound(findings, "leecher_floor").verdict is Verdict.NO_DIFFERENCE

    def test_older_and_newer_go_by_time(self) -> None:
        """Ids are the site's, and say nothing of when something was taken."""
        picks = planted(1, lambda leechers, _, __: leechers)
        turned = [evolve(one, result=evolve(one.result, id=1000 - one.result.id)) for one in picks]
        assert judge(turned, TODAY) == judge(picks, TODAY)

    def test_few_picks_say_nothing(self) -> None:
        """However strongly they differ."""
        findings = judge(planted(1, lambda leechers, _, __: leechers, 70), TODAY)
        assert findings.suggested == {}
        assert verdicts(findings) == {Verdict.TOO_FEW}

    def test_picks_outside_todays_bounds_have_no_say(self) -> None:
        """They were taken under another policy; how many there are is told, and what they uploaded."""
        picks = planted(1, lambda leechers, _, __: leechers)
        findings = judge(picks, evolve(TODAY, seeder_ceiling=50))
        within = [one for one in picks if one.result.seeders <= 50]
        assert findings.inside == len(within)
        outside = bound(findings, "seeder_ceiling").outside.per_gib
        assert outside.count == len(picks) - len(within)
        rest = [one.per_gib for one in picks if one.result.seeders > 50]
        assert outside.value == pytest.approx(sum(rest) / len(rest))
        assert findings.all.per_gib.count == len(picks)


class TestBounds:
    """When a bound may move."""

    @pytest.mark.parametrize(("low", "verdict"), [(19, Verdict.TOO_FEW), (20, Verdict.MOVE)])
    def test_twenty_picks_on_either_side_in_either_half(self, low: int, verdict: Verdict) -> None:
        """One less, and it cannot be told."""
        findings = judge(steps(low, 40, 1, 100), TODAY)
        assert bound(findings, "leecher_floor").verdict is verdict
        few_above = judge(steps(20, low, 1, 100), TODAY)
        assert bound(few_above, "leecher_floor").verdict is verdict

    @pytest.mark.parametrize(("out", "verdict"), [(49.9, Verdict.MOVE), (50, Verdict.NO_DIFFERENCE)])
    def test_what_is_left_out_uploads_less_than_half(self, out: float, verdict: Verdict) -> None:
        """Here every pick uploads the same, and an interval is a point."""
        found = bound(judge(steps(30, 30, out, 100), TODAY), "leecher_floor")
        assert found.verdict is verdict
        assert found.tried == (6,)

    def test_it_says_what_it_would_leave_out(self) -> None:
        """Sixty of 120 picks, with one part in 101 of the upload; of 7 to 29 leechers nothing is known."""
        findings = judge(steps(30, 30, 1, 100), TODAY)
        found = bound(findings, "leecher_floor")
        assert findings.suggested == {"leecher_floor": 6}
        assert found.suggested == 6
        assert found.left_out is not None
        assert found.kept is not None
        assert (found.left_out.per_gib.count, found.left_out.per_gib.value) == (60, MIB)
        assert (found.kept.per_gib.count, found.kept.per_gib.value) == (60, 100 * MIB)
        assert found.share == pytest.approx(1 / 101)
        assert findings.left_out == 60
        assert findings.share == found.share

    def test_both_measures_have_to_agree(self) -> None:
        """What uploads little for a GiB may be much for a torrent."""
        picks = [evolve(one, per_torrent=MIB) for one in steps(30, 30, 1, 100)]
        assert bound(judge(picks, TODAY), "leecher_floor").verdict is Verdict.NO_DIFFERENCE

    def test_the_gentlest_move_is_taken(self) -> None:
        """Of all floors that would leave out what uploads nothing, the lowest."""
        picks = planted(3, lambda leechers, _, random: random.expovariate(1) * (leechers > 30))
        found = bound(judge(picks, TODAY), "leecher_floor")
        tenth = sorted(one.result.leechers for one in picks[:200])[20]
        assert found.suggested == found.tried[-1]
        assert found.tried[0] >= tenth
        out = [one for one in picks if one.result.leechers < (found.suggested or 0)]
        assert 40 <= len(out) <= 120

    def test_a_ceiling_moves_down(self) -> None:
        """To just below the fewest seeders of those that it leaves out."""
        picks = planted(2, lambda _, seeders, random: random.expovariate(1) * (seeders <= 100))
        found = bound(judge(picks, TODAY), "seeder_ceiling")
        assert found.verdict is Verdict.MOVE
        assert 100 <= (found.suggested or 0) < 190

    def test_sizes_are_whole_mib_and_come_together(self) -> None:
        """So that the figures alone are a policy, whatever stands beside them."""
        shown = [(700 * MIB + 5, 1), (300 * MIB - 5, 100)] * 60
        picks = [
            Pick(at=NOW + at, result=result(at, size_bytes=size), score=0, per_gib=worth, per_torrent=worth)
            for at, (size, worth) in enumerate(shown)
        ]
        wide = evolve(TODAY, min_size=0, max_size=2 * GIB)
        assert judge(picks, wide).suggested == {"min_size": 0, "max_size": 700 * MIB}
        turned = [evolve(one, per_gib=101 - one.per_gib, per_torrent=101 - one.per_gib) for one in picks]
        assert judge(turned, wide).suggested == {"min_size": 300 * MIB, "max_size": 2 * GIB}
        # What is no narrower than today's is no move.
        assert judge(turned, evolve(wide, min_size=300 * MIB)).suggested == {}


class TestRanking:
    """Whether the score puts first what uploads most."""

    def ranked(self, count: int, worth: Callable[[int, int], float], today: GrabPolicy = TODAY) -> Findings:
        """Return what is found of picks with all sorts of leechers and seeders."""
        return judge(planted(4, lambda leechers, seeders, _: worth(leechers, seeders), count), today)

    def test_a_score_that_is_right_has_a_tau_of_one(self) -> None:
        """And no other weights are better."""
        ranking = self.ranked(400, lambda leechers, seeders: 3 * leechers - 0.5 * seeders + 200).ranking
        assert ranking.today.value is not None
        assert ranking.today.value > 0.99
        assert ranking.verdict is Verdict.NO_DIFFERENCE
        assert self.ranked(400, lambda leechers, seeders: 900 - 3 * leechers + 0.5 * seeders).ranking.today.value == (
            pytest.approx(-ranking.today.value)
        )

    def test_other_weights_are_found_from_weights_of_nothing(self) -> None:
        """Where a leecher counts nothing today, it is to count one."""
        nothing = evolve(TODAY, leecher_weight=0.0, seeder_weight=0.0)
        findings = self.ranked(400, lambda leechers, seeders: 100 + leechers - seeders / 5, nothing)
        assert findings.ranking.today.value == 0
        assert {key: findings.suggested[key] for key in ("leecher_weight", "seeder_weight")} == {
            "leecher_weight": 1.0, "seeder_weight": 0.2,
        }  # fmt: skip

    @pytest.mark.parametrize(("count", "verdict"), [(199, Verdict.TOO_FEW), (200, Verdict.MOVE)])
    def test_it_takes_two_hundred_picks(self, count: int, verdict: Verdict) -> None:
        """Five blocks of twenty in each half."""
        assert self.ranked(count, lambda _, seeders: 200 - seeders).ranking.verdict is verdict

    def test_picks_that_upload_the_same_tell_nothing(self) -> None:
        """As many as there may be."""
        ranking = self.ranked(400, lambda _, __: 7).ranking
        assert (ranking.verdict, ranking.today.count) == (Verdict.TOO_FEW, 0)

    def test_a_small_gain_is_not_worth_a_change(self) -> None:
        """However sure it is: one pair in forty has to be ranked better."""
        nearly = evolve(TODAY, seeder_weight=0.56)
        findings = self.ranked(400, lambda leechers, seeders: 300 + 3 * leechers - 0.6 * seeders, nearly)
        gain = findings.ranking.newer_gain
        assert gain.low is not None
        assert gain.value is not None
        assert 0 < gain.low < gain.value < 0.05
        assert findings.ranking.verdict is Verdict.NO_DIFFERENCE

    def test_a_change_of_demand_with_time_is_no_difference_between_picks(self) -> None:
        """Upload that rises with time, and leechers that rise with it, say nothing of leechers."""
        picks = [
            evolve(one, per_gib=at // 20 * MIB, result=evolve(one.result, leechers=1 + at // 20))
            for at, one in enumerate(planted(5, noise))
        ]
        assert judge(picks, TODAY).ranking.today.count == 0
