"""Whatever picks there are: no order matters, few picks suggest nothing, and a suggestion is a policy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.compare import Run
from harvestmouse.core.demand import Demand, Fates, Findings, Pick, judge, learn
from harvestmouse.core.model import SearchResult
from harvestmouse.core.policy import FIELD, SEED, GrabPolicy
from harvestmouse.core.units import DAY, GIB, HOUR, MIB
from harvestmouse.runners.config import load
from harvestmouse.runners.learn_words import describe, fragment
from tests.support.builders import NOW, download, entry, hash_of, page, result, snapshot

LEAST = 20


@st.composite
def policies(draw: st.DrawFn) -> GrabPolicy:
    """Draw a policy whose bounds run through the picks, or beside them."""
    weights = st.sampled_from([3.0, 0.5, 0.0, 1e-9, 1e300])
    return evolve(
        draw(st.sampled_from([SEED, FIELD])).grab,
        min_size=draw(st.sampled_from([0, 50 * MIB, 123_456_789])),
        max_size=draw(st.sampled_from([GIB, 2 * GIB, 987_654_321, 200 * MIB])),
        leecher_floor=draw(st.sampled_from([1, 0, 9])),
        seeder_ceiling=draw(st.sampled_from([1000, 200, 50])),
        leecher_weight=draw(weights),
        seeder_weight=draw(weights),
        wedge_bonus=draw(st.sampled_from([0.0, 200.0])),
    )


@st.composite
def worlds(draw: st.DrawFn, most: int = 280) -> list[Pick]:
    """Draw picks of a demand that depends on one thing, with more or less noise; the rest of it comes from a seed."""
    random = Random(draw(st.integers(0, 1 << 32)))
    count = max(0, most - draw(st.sampled_from([0, 1, most // 4, most // 2, most])))
    by = draw(st.sampled_from(["leechers", "seeders", "size_bytes", "nothing"]))
    turn, noise = draw(st.sampled_from([1, -1])), draw(st.sampled_from([0.0, 0.1, 1.0]))
    picks = []
    for number in range(count):
        shown = offer(random, number)
        rank = {"leechers": shown.leechers / 60, "seeders": shown.seeders / 220, "size_bytes": shown.size_bytes / GIB}
        level = rank.get(by, 0.5) if turn > 0 else 1 - min(1, rank.get(by, 0.5))
        worth = max(0.0, level**3 + noise * random.gauss(0, 1)) * MIB
        at = NOW + random.randrange(40 * DAY)
        picks.append(Pick(at=at, result=shown, score=0.0, per_gib=worth, per_torrent=worth))
    event(f"by {by}")
    return picks


def offer(random: Random, number: int) -> SearchResult:
    """Return any search result."""
    size = random.randrange(50 * MIB, GIB)
    return result(number, leechers=random.randint(1, 60), seeders=random.randint(0, 220), size_bytes=size)


def said(findings: Findings, policy: GrabPolicy, count: int) -> str | None:
    """Return the text of the suggestion; what is printed beside it must not fail."""
    fates = Fates(added=count, measured=count, gone=0, young=0, unseen=0)
    demand = Demand(first_at=NOW, last_at=NOW, runs={"grab": 1}, fates=fates, findings=findings)
    assert describe(demand, policy)
    return fragment(demand, policy)


class TestSuggestions:
    """What may be suggested at all."""

    @given(worlds(), policies())
    def test_are_a_policy_that_takes_no_more_than_todays(self, picks: list[Pick], policy: GrabPolicy) -> None:
        """Read by itself, or beside today's figures; no bound is wider, and nothing but bands and weights changes."""
        findings = judge(picks, policy)
        event("suggests " + (", ".join(sorted(findings.suggested)) or "nothing"))
        text = said(findings, policy, len(picks))
        assert (text is None) is (not findings.suggested)
        after = evolve(policy, **findings.suggested)
        assert after.leecher_floor >= policy.leecher_floor
        assert after.seeder_ceiling <= policy.seeder_ceiling
        assert policy.min_size <= after.min_size <= after.max_size <= policy.max_size
        bands = {"leecher_floor", "seeder_ceiling", "min_size", "max_size"}
        assert findings.suggested.keys() <= bands | {"leecher_weight", "seeder_weight"}
        if text is not None:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "suggested.toml"
                path.write_text(text)
                read = load({}, str(path)).policy.grab
            assert {key: getattr(read, key) for key in findings.suggested} == findings.suggested

    @given(worlds(most=4 * LEAST - 1), policies())
    def test_take_a_least_number_of_picks(self, picks: list[Pick], policy: GrabPolicy) -> None:
        """Twenty on either side of a bound in either half, and two hundred for the weights."""
        assert judge(picks, policy).suggested == {}

    @given(worlds(), policies())
    def test_leave_out_and_keep_enough_picks_to_be_sure(self, picks: list[Pick], policy: GrabPolicy) -> None:
        """Counted again by hand: those of the older and of the newer half that each bound leaves out."""
        findings = judge(picks, policy)
        inside = sorted((one for one in picks if takes(policy, one)), key=lambda one: (one.at, one.result.id))
        assert findings.inside == len(inside)
        for bound in findings.bounds:
            if bound.suggested is not None:
                figure: dict[str, Any] = {bound.key: bound.suggested}
                moved = evolve(policy, **figure)
                for half in (inside[: len(inside) // 2], inside[len(inside) // 2 :]):
                    kept = [one for one in half if takes(moved, one)]
                    out = [one for one in half if not takes(moved, one)]
                    assert min(len(kept), len(out)) >= LEAST
                    assert mean(out) < mean(kept) / 2
        if "seeder_weight" in findings.suggested:
            assert len(inside) >= 200

    @given(worlds(), policies(), st.randoms(use_true_random=False))
    def test_do_not_depend_on_the_order_of_picks(self, picks: list[Pick], policy: GrabPolicy, random: Random) -> None:
        """The same picks are the same evidence."""
        mixed = random.sample(picks, len(picks))
        assert judge(mixed, policy) == judge(picks, policy)


class TestPicks:
    """Which picks count."""

    @given(
        st.dictionaries(st.integers(1, 120), st.sets(st.integers(1, 3)), max_size=9),
        st.integers(1, 300),
    )
    def test_each_has_one_fate(self, looks: Mapping[int, set[int]], blind: int) -> None:
        """Measured, too young or not followed; and a run that saw nothing of the client makes no difference."""
        took = [entry(number, info_hash=hash_of(number)) for number in (1, 2, 3)]
        shown = page(*(result(number) for number in (1, 2, 3, 4)))
        ids = dict.fromkeys((1, 2, 3, 4))
        runs = [Run(job="grab", snapshot=snapshot(taken_at=NOW, searches=(shown,)), added=ids)]
        for hours, numbers in sorted(looks.items()):
            held = [download(one, added_on=NOW, size_bytes=GIB, uploaded_bytes=hours * MIB) for one in numbers]
            runs.append(Run(job="janitor", snapshot=snapshot(taken_at=NOW + hours * HOUR, torrents=held, ledger=took)))
        demand = learn(runs, SEED.grab)
        fates = demand.fates
        event(f"{fates.measured} measured, {fates.gone} gone, {fates.young} young, {fates.unseen} not followed")
        assert fates.added == 4 == fates.measured + fates.young + fates.unseen
        assert fates.gone <= fates.measured == demand.findings.all.per_gib.count
        # One is in no ledger. While the first 72 hours last, none is measured.
        assert fates.measured <= 3
        if max(looks, default=0) < 72:
            assert fates.young == 4
        elif seen := {one for hours, numbers in looks.items() if hours >= 24 for one in numbers if hours <= 72}:
            assert fates.measured >= len(seen)
        other = Run(job="spend", snapshot=snapshot(taken_at=NOW + blind * HOUR, torrents=None))
        again = learn(sorted([*runs, other], key=lambda one: one.snapshot.taken_at), SEED.grab)
        assert (again.fates, again.findings) == (fates, demand.findings)


def takes(policy: GrabPolicy, pick: Pick) -> bool:
    """Whether a policy's bounds would let a pick in."""
    one = pick.result
    fits = policy.min_size <= one.size_bytes <= policy.max_size
    return fits and one.leechers >= policy.leecher_floor and one.seeders <= policy.seeder_ceiling


def mean(picks: Sequence[Pick]) -> float:
    """Return the mean upload for a GiB."""
    return sum(one.per_gib for one in picks) / len(picks)
