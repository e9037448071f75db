"""The command that compares policies: what it reads, what it says, and what it says cannot be told."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.compare import Comparison, Run, compare
from harvestmouse.core.errors import RecordingError
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.policy import FIELD, SEED, Policy
from harvestmouse.core.wire.plan import unparse_plan
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.compare import policies_of, run_compare, runs_of
from harvestmouse.runners.compare_words import describe, verdict
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.history import paths_of
from tests.support.builders import (
    DAY,
    GIB,
    MIB,
    NOW,
    download,
    entry,
    hash_of,
    page,
    policy,
    raw_preferences,
    raw_profile,
    raw_result,
    raw_search,
    raw_snapshot,
    raw_torrent,
    result,
    snapshot,
    torrent,
)
from tests.support.world import harvestmouse

PRESETS = {"seed": SEED, "field": FIELD}
OPTIONS = {"pairs": (), "preset": None, "config": None}
# 139 results with 100 to 700 seeders, as the site has them, and one with 40.
CATALOGUE = [*(raw_result(2000 + one, seeders=100 + one * 600 // 138) for one in range(139)), raw_result(9, seeders=40)]


def search(*rows: object) -> dict[str, Any]:
    """Return the site's part of a snapshot with these results."""
    return {"profile": raw_profile(), "searches": [raw_search(*rows)]}


def client(*rows: object, free: int = 99 * GIB) -> dict[str, Any]:
    """Return the client's part of a snapshot with these torrents."""
    preferences = raw_preferences()
    return {"webapi_version": "2.8.19", "torrents": list(rows), "preferences": preferences, "free_space_bytes": free}


def write(folder: Path, name: str, job: str, day: int = 0, made_with: Policy = FIELD, **changes: Any) -> Path:
    """Write a recording, so many days after the first."""
    body = raw_snapshot(taken_at=NOW + day * DAY, **changes)
    plan = unparse_plan(JOBS[job](parse_snapshot(body), made_with))
    ended = [{"action": one["action"], "subject": "", "status": "done", "why": None} for one in plan["actions"]]
    whole = {"format": "harvestmouse-recording/1", "version": "0.1.0", "run": "0a", "snapshot": body}
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({**whole, "plan": {**plan, "outcome": {"actions": ended}}}).encode()))
    return path


def read_back(folder: Path) -> tuple[list[Run], list[str]]:
    """Return the runs of a folder, and what could not be read."""
    unread: list[str] = []
    return list(runs_of(paths_of([str(folder)]), unread)), unread


def said(policies: dict[str, Policy], *runs: Run) -> list[str]:
    """Return the verdict on a history."""
    return verdict(compare(runs, policies))


def about(sentences: Iterable[str], word: str) -> list[str]:
    """Return the sentences with a word."""
    return [one for one in sentences if word in one]


def run(job: str, day: float = 0, /, **changes: Any) -> Run:
    """Return a run so many days after the first."""
    return Run(job=job, snapshot=snapshot(taken_at=NOW + int(day * DAY), **changes))


class TestReading:
    """What a recording tells."""

    def test_a_run_has_what_the_recorded_plan_wanted_and_did(self, tmp_path: Path) -> None:
        """The score of its picks, its category, the bounds of its search."""
        write(tmp_path, "1.json.gz", "grab", mam=search(raw_result(7)), qbittorrent=client(free=GIB))
        write(tmp_path, "2.json.gz", "grab", 1, mam=search(raw_result(7)), qbittorrent=client())
        (held, took), unread = read_back(tmp_path)
        assert not unread
        assert (held.job, held.category, held.scores, held.bought) == ("grab", "mam-farming", {}, False)
        assert held.bounds == {"seeder_ceiling": 200, "max_size": GIB, "leecher_floor": 1, "min_size": 50 * MIB}
        assert (took.scores, took.bought) == ({7: 210.0}, False)
        assert took.snapshot.taken_at == NOW + DAY

    def test_a_purchase_counts_where_it_was_made(self, tmp_path: Path) -> None:
        """One that failed, or that a dry run wanted, was not."""
        poor = {"profile": raw_profile(uploaded_bytes=GIB, seedbonus=30_000), "searches": None}
        path = write(tmp_path, "1.json.gz", "spend", mam=poor)
        assert read_back(tmp_path)[0][0].bought is True
        document = json.loads(gzip.decompress(path.read_bytes()))
        document["plan"]["outcome"]["actions"][0]["status"] = "failed"
        path.write_text(json.dumps(document))
        assert read_back(tmp_path)[0][0].bought is False
        document["plan"]["outcome"] = None
        path.write_text(json.dumps(document))
        assert read_back(tmp_path)[0][0].bought is False

    def test_a_pick_counts_where_it_was_added(self, tmp_path: Path) -> None:
        """With when the site got it, where the search tells; one that failed was not added."""
        rows = raw_result(7, added="2026-04-19 11:40:00"), raw_result(8), raw_result(9)
        path = write(tmp_path, "1.json.gz", "grab", mam=search(*rows), qbittorrent=client())
        document = json.loads(gzip.decompress(path.read_bytes()))
        ends = {"7": "done", "8": "done", "9": "failed"}
        document["plan"]["outcome"]["actions"] = [
            {"action": "add_torrent", "subject": id_, "status": status, "why": None} for id_, status in ends.items()
        ]
        path.write_text(json.dumps(document))
        assert read_back(tmp_path)[0][0].added == {7: 1_776_598_800, 8: None}

    def test_what_cannot_be_read_is_told_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        """A torn file, a job of another version, a plan that is none."""
        write(tmp_path, "1.json.gz", "monitor")
        torn = write(tmp_path, "2.json.gz", "monitor")
        torn.write_bytes(torn.read_bytes()[:-20])
        for name, plan in (("3.json", {"job": "dream"}), ("4.json", {"job": "grab", "policy": {"min_size": "much"}})):
            whole = {"format": "harvestmouse-recording/1", "snapshot": raw_snapshot(), "plan": plan}
            (tmp_path / name).write_text(json.dumps(whole))
        runs, unread = read_back(tmp_path)
        assert [one.job for one in runs] == ["monitor"]
        assert [one.split(": ")[0] for one in unread] == [
            str(tmp_path / f"{n}") for n in ("2.json.gz", "3.json", "4.json")
        ]
        assert "no job 'dream'" in unread[1]
        assert "'much' is no size" in unread[2]

    def test_runs_come_in_the_order_of_time(self, tmp_path: Path) -> None:
        """Whatever their files are called: later is what is told of earlier."""
        for day, name in enumerate(("b", "c", "a")):
            write(tmp_path, f"{name}.json.gz", "monitor", day)
        assert [one.snapshot.taken_at for one in read_back(tmp_path)[0]] == [NOW, NOW + DAY, NOW + 2 * DAY]

    def test_a_time_that_is_none_is_told(self, tmp_path: Path) -> None:
        """It has no place in the history."""
        whole = {"format": "harvestmouse-recording/1", "plan": {"job": "grab"}}
        (tmp_path / "1.json").write_text(json.dumps({**whole, "snapshot": raw_snapshot(taken_at="noon")}))
        runs, (told,) = read_back(tmp_path)
        assert not runs
        assert "noon" in told


class TestPolicies:
    """What --policy takes."""

    def test_a_preset_manages_the_operators_category(self) -> None:
        """Otherwise it would find no torrent at all, and delete none."""
        own = policy(client={"category": "books"}, monitor={"labels": ("books=mam",)}, cleanup={"recovery_tag": "mine"})
        found = policies_of(["field", "seed"], own)
        assert list(found) == ["field", "seed"]
        assert found["field"] == evolve(FIELD, client=own.client, monitor=own.monitor)

    def test_a_file_stands_for_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the environment says."""
        monkeypatch.setenv("HARVESTMOUSE_GRAB_RATIO_FLOOR", "0.9")
        file = tmp_path / "mine.toml"
        file.write_text('preset = "field"\n[grab]\nseeder_ceiling = 120\n')
        found = policies_of(["seed", str(file)], policy(client={"category": "books"}))
        assert found[str(file)] == policy(FIELD, grab={"seeder_ceiling": 120})

    @pytest.mark.parametrize("names", [[], ["seed"], ["seed", "seed"]])
    def test_two_are_needed(self, names: list[str]) -> None:
        """One alone is compared with nothing."""
        with pytest.raises(ConfigError, match="name two policies or more: --policy NAME, of seed, field"):
            policies_of(names, SEED)

    @pytest.mark.parametrize(("word", "near"), [("feild", "field"), ("Seed", "seed"), ("sead.toml", "seed")])
    def test_an_unknown_one_is_told_the_nearest_preset(self, word: str, near: str) -> None:
        """It may be a file that is not there, too."""
        with pytest.raises(ConfigError, match=f"'{word}' is neither a preset nor a file; the nearest preset is {near}"):
            policies_of(["seed", word], SEED)

    def test_a_file_that_cannot_be_looked_at_says_why(self) -> None:
        with pytest.raises(ConfigError, match=r"cannot read the configuration file x+: File name too long"):
            policies_of(["seed", "x" * 300], SEED)


class TestVerdict:
    """What is said in words."""

    def test_a_rule_that_refuses_nearly_all_is_named_with_its_figures(self) -> None:
        """The seed's ceiling in a well-seeded catalogue."""
        found = [result(2000 + one, seeders=100 + one * 600 // 138) for one in range(139)]
        sentences = said(PRESETS, run("grab", searches=(page(*found, result(9, seeders=40)),)))
        assert sentences[0] == (
            "One rule refuses nearly everything under seed, and all but decides what is picked. "
            "seed refuses 139 of 140 results looked at (99.3 %) as oversupplied with grab.seeder_ceiling = 50; "
            "field refuses 115 of 140 results looked at (82.1 %) as oversupplied with grab.seeder_ceiling = 200."
        )
        assert sentences[1] == "A large difference in picks: seed 1, field 5."

    @pytest.mark.parametrize(("wide", "expected"), [(2, 0), (3, 1)])
    def test_where_both_refuse_nearly_all_the_times_as_much_count(self, wide: int, expected: int) -> None:
        """One result of a hundred is left by one policy, and two or three by the other."""
        found = [result(one, seeders=300) for one in range(100 - wide)]
        some = [result(200 + one, seeders=40 if one == 0 else 150) for one in range(wide)]
        assert len(about(said(PRESETS, run("grab", searches=(page(*found, *some),))), "One rule")) == expected

    def test_what_the_account_has_says_nothing_of_a_rule(self) -> None:
        """A catalogue of which most was taken before is refused for that under any policy."""
        found = [result(one, seeders=100) for one in range(1, 11)]
        had = [result(one, snatched=True) for one in range(20, 60)]
        (sentence,) = about(said(PRESETS, run("grab", searches=(page(*found, *had),))), "One rule")
        assert "seed refuses 10 of 10 results looked at that the account had not taken before (100.0 %)" in sentence

    @pytest.mark.parametrize(("crowded", "expected"), [(8, 0), (9, 1)])
    def test_nearly_all_is_nine_in_ten(self, crowded: int, expected: int) -> None:
        """Of ten results at least."""
        found = [result(one, seeders=100 if one <= crowded else 10) for one in range(1, 11)]
        assert len(about(said(PRESETS, run("grab", searches=(page(*found),))), "One rule")) == expected
        assert not about(said(PRESETS, run("grab", searches=(page(*found[:9]),))), "One rule")

    def test_a_rule_that_refuses_as_much_under_all_makes_no_difference(self) -> None:
        """Both ceilings are far below."""
        found = [result(one, seeders=900) for one in range(1, 21)]
        assert not about(said(PRESETS, run("grab", searches=(page(*found),))), "One rule")

    def test_deletions_are_set_against_what_was_wanted_later(self) -> None:
        """Six of eight upload on, and a ninth is not seen again."""
        eager = policy(cleanup={"satisfied_seeder_floor": 2})
        old = [torrent(number, seeders=3) for number in range(1, 10)]
        later = [torrent(number, uploaded_bytes=(50 + (number < 7)) * MIB) for number in range(1, 9)]
        policies = {"seed": SEED, "eager": eager}
        sentences = said(policies, run("janitor", torrents=old), run("monitor", 1, torrents=later))
        (told,) = about(sentences, "later demand")
        assert told == (
            "Of 9 torrents that eager deletes, the history shows 8 later on: 6 of those met a later demand (75 %, 95 % "
            "interval 41 to 93 %); nothing can be told of the other 1."
        )
        assert "A large difference in deletions: seed 0, eager 9." in sentences

    def test_few_deletions_have_no_interval(self) -> None:
        """Of one, nothing can be told but itself; of those that are not seen again, nothing at all."""
        old = torrent(1, seeders=9)
        told = said(PRESETS, run("janitor", torrents=[old]), run("monitor", 1, torrents=[old]))
        (sentence,) = about(told, "that field deletes")
        assert sentence == (
            "Of 1 torrent that field deletes, the history shows 1 later on: 0 of those met a later demand (too few "
            "for an interval)."
        )
        (sentence,) = about(said(PRESETS, run("janitor", torrents=[old])), "field deletes")
        assert sentence == (
            "No later recording shows what field deletes (1 torrent), so whether it would have met a "
            "demand cannot be told."
        )

    def test_intervals_that_lie_apart_are_told(self) -> None:
        """One policy deletes twenty that are wanted, the other twenty that are not."""
        busy = [torrent(one, seeders=9, tags=frozenset({"busy"})) for one in range(1, 21)]
        idle = [torrent(one, seeders=9, tags=frozenset({"idle"})) for one in range(21, 41)]
        later = [torrent(one, uploaded_bytes=51 * MIB) for one in range(1, 21)]
        policies = {name: policy(cleanup={"protect_tags": (name,)}) for name in ("busy", "idle")}
        runs = run("janitor", torrents=[*busy, *idle]), run("monitor", 1, torrents=[*later, *idle])
        assert about(said(policies, *runs), "lie apart") == [
            "idle deletes more of what is still wanted than busy: the intervals lie apart."
        ]

    def picks(self, *, seconds: int) -> list[str]:
        """Return what is said of two policies' picks, of which one's upload a tenth, or so many as told."""
        few = [result(one, seeders=10, leechers=9) for one in range(1, 6)]
        many = [result(one, seeders=100, leechers=99) for one in range(11, 16)]
        took = [entry(one, info_hash=hash_of(one)) for one in (*range(1, 6), *range(11, 11 + seconds))]
        seen = [
            download(one, added_on=NOW, size_bytes=GIB, uploaded_bytes=(one % 10 + (one > 9) * 100) * MIB)
            for one in (*range(1, 6), *range(11, 11 + seconds))
        ]
        runs = run("grab", searches=(page(*few, *many),)), run("monitor", 1, torrents=seen, ledger=took)
        return about(said(PRESETS, *runs), "upload")

    def test_realised_uploads_that_lie_apart_are_told(self) -> None:
        """Five against five: 1 to 5 MiB and 101 to 105 a day."""
        told = "Picks of field uploaded more a GiB a day than those of seed: the intervals lie apart."
        assert told in self.picks(seconds=5)

    def test_too_few_uploads_tell_nothing(self) -> None:
        """Four of a policy's picks are no five."""
        assert self.picks(seconds=4)[0] == (
            "Whether the picks of seed or field upload more cannot be told: the history took and showed 5 of 5 and 4 "
            "of 5, and it takes 5 of each."
        )

    def test_the_same_picks_cannot_be_told_apart(self) -> None:
        """Their intervals are the same."""
        found = [result(one) for one in range(1, 6)]
        took = [entry(one, info_hash=hash_of(one)) for one in range(1, 6)]
        seen = [download(one, added_on=NOW, size_bytes=GIB, uploaded_bytes=one * MIB) for one in range(1, 6)]
        runs = run("grab", searches=(page(*found),)), run("monitor", 1, torrents=seen, ledger=took)
        (told,) = about(said(PRESETS, *runs), "upload more")
        assert told.endswith("showed 5 of 5 and 5 of 5, and the intervals overlap.")

    def test_what_the_recordings_lack_is_told(self) -> None:
        """Jobs without any, runs that asked for less, other categories, what could not be read."""
        narrow = evolve(run("grab"), bounds={"seeder_ceiling": 50}, category="books")
        sentences = verdict(compare([narrow, run("janitor", 1, torrents=None)], PRESETS), ["x.json: is torn"])
        assert about(sentences, "spend") == ["There is no recording of spend, so nothing can be told of it."]
        (told,) = about(sentences, "asked the site")
        assert told == (
            "1 of 1 search asked the site for less than field would, by seeder_ceiling: what else it would have "
            "picked cannot be told."
        )
        (told,) = about(sentences, "lack")
        assert told == (
            "In 1 of 1 recording of janitor something is lacking that is needed under seed and field: the run did not "
            "ask for it, or got no answer."
        )
        assert len(about(sentences, "another category")) == 2
        assert about(sentences, "read") == ["Recordings that could not be read: 1. The first: x.json: is torn."]
        assert about(sentences, "The history is") == [
            "The history is 1 d long and has 1 of grab, 1 of janitor; it says nothing of other times."
        ]
        assert len(about(sentences, "another policy would have led to another one")) == 1
        assert sentences[-1] == "Nothing is known of results that no search showed."

    def test_policies_of_the_same_figures_are_told(self) -> None:
        """A difference could not come from them."""
        assert "The policies have the same figures." in said({"seed": SEED, "mine": policy()}, run("monitor"))

    @pytest.mark.parametrize(
        ("few", "many", "large"), [(0, 3, True), (3, 6, True), (3, 5, False), (4, 7, False), (1, 2, False)]
    )
    def test_a_large_difference_is_twice_and_three_more(self, few: int, many: int, large: bool) -> None:
        """Either alone is small."""
        policies = {f"{one} a run": policy(grab={"per_run": one}) for one in (few, many)}
        sentences = said(policies, run("grab", searches=(page(*(result(one) for one in range(1, 9))),)))
        told = f"A large difference in picks: {few} a run {few}, {many} a run {many}."
        assert (told in sentences) is large
        assert any("differences in picks are small" in one for one in sentences) is not large

    def test_what_there_is_no_doubt_about_is_not_said(self) -> None:
        """No picks, no other category, no equal policies."""
        sentences = said(PRESETS, evolve(run("janitor"), category="mam-farming"))
        assert not [one for one in sentences if "Whether" in one or "category" in one or "same figures" in one]

    def test_small_differences_are_not_made_much_of(self) -> None:
        """One deletion more or less."""
        partial = download(1, added_on=NOW - 4 * DAY, progress=0.5, downloaded_bytes=MIB)
        sentences = said(PRESETS, run("janitor", torrents=[partial]))
        assert "The differences in deletions are small; another history may turn them round." in sentences


class TestTables:
    """What stands side by side."""

    def lines(self, comparison: Comparison) -> dict[str, list[str]]:
        """Return the cells of every row by its first."""
        rows = describe(comparison, []).split("\n\nVerdict")[0].splitlines()
        cells = ([cell for cell in row.split("  ") if cell] for row in rows)
        return {first.strip(): [one.strip() for one in rest] for first, *rest in (row for row in cells if row)}

    def test_have_a_column_a_policy(self) -> None:
        """With what each refuses, deletes and buys."""
        found = [result(one, seeders=100) for one in range(1, 4)]
        old = [torrent(1, seeders=9), download(2, added_on=NOW - 4 * DAY, progress=0.5, downloaded_bytes=MIB)]
        poor = snapshot().profile
        assert poor is not None
        poor = evolve(poor, uploaded_bytes=7 * GIB, bonus_points=30_000.0)
        runs = [
            run("grab", searches=(page(*found),)),
            run("grab", 1, profile=poor),
            run("janitor", 1, torrents=old),
            run("spend", 1, profile=poor),
        ]
        rows = self.lines(compare(runs, PRESETS))
        assert rows["grab.seeder_ceiling"] == ["50", "200"]
        assert rows["cleanup.keep_partials"] == ["false", "true"]
        assert "grab.max_size" not in rows
        assert rows["grab runs"] == ["2", "2"]
        assert rows["skipped: low_ratio"] == ["1", "0"]
        assert rows["oversupplied"] == ["3 (100.0 %)", "0 (0.0 %)"]
        assert rows["picks"] == ["0", "3"]
        assert rows["disk at most"] == ["0 B", "300 MiB"]
        assert rows["deletions"] == ["2", "1"]
        assert rows["stalled_old"] == ["1", "0"]
        assert rows["freed"] == ["200 MiB", "100 MiB"]
        assert rows["not seen later"] == ["2", "1"]
        assert rows["purchases"] == ["1", "1"]
        assert rows["points"] == ["25000 BP", "25000 BP"]

    def test_uploads_stand_beside_those_of_the_recorded_plans(self) -> None:
        """By score, with their interval, and without where there are too few."""
        found = [result(one) for one in range(1, 6)]
        took = [entry(one, info_hash=hash_of(one)) for one in range(1, 6)]
        seen = [download(one, added_on=NOW, size_bytes=GIB, uploaded_bytes=one * 1000 * MIB) for one in range(1, 6)]
        first = evolve(run("grab", searches=(page(*found),)), scores={1: 30.0, 2: 40.0})
        rows = self.lines(compare([first, run("monitor", 1, torrents=seen, ledger=took)], PRESETS))
        five = "2.93 GiB of 5, 1.01 GiB to 4.85 GiB"
        assert rows["all picks"] == ["1.46 GiB of 2, too few", five, five]
        assert rows["score 0 to 50"] == ["1.46 GiB of 2, too few", "-", "-"]
        assert rows["score 200 and more"] == ["-", five, five]
        assert "score 50 to 100" not in rows


class TestCommand:
    """The whole of it."""

    def test_presets_on_a_well_seeded_catalogue(self, tmp_path: Path) -> None:
        """The incident, from recordings on disk to the sentence that names it."""
        for day in range(2):
            write(tmp_path, f"{day}.json.gz", "grab", day, mam=search(*CATALOGUE), qbittorrent=client())
        ended = harvestmouse("compare", str(tmp_path), "--policy", "seed", "--policy", "field")
        assert ended.returncode == 0, ended.stderr
        assert "seed refuses 278 of 280 results looked at (99.3 %) as oversupplied" in ended.stdout
        assert "field refuses 230 of 280" in ended.stdout

    def test_json_has_everything(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Figures by policy, what differs between them, and the verdict."""
        row = raw_torrent(1, state="stalledDL", progress=0.5, downloaded=MIB, completion_on=-1, seeding_time=0)
        write(tmp_path, "1.json.gz", "janitor", qbittorrent=client(row))
        (tmp_path / "2.json").write_text("{}")
        assert run_compare(OPTIONS, [str(tmp_path)], policies=("seed", "field"), as_json=True) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["format"] == "harvestmouse-comparison/1"
        assert told["runs"] == {"janitor": 1}
        assert told["differences"]["cleanup.keep_partials"] == {"seed": False, "field": True}
        seed, field = told["results"]
        assert (seed["name"], seed["deletions"], seed["later"]["unseen"]) == ("seed", {"stalled_old": 1}, 1)
        assert (field["name"], field["deletions"]) == ("field", {})
        assert len(told["score_steps"]) + 1 == len(seed["upload"]["by_score"])
        assert len(told["unread"]) == 1
        assert told["verdict"][-1] == "Nothing is known of results that no search showed."

    def test_nothing_to_read_is_an_error(self, tmp_path: Path) -> None:
        """It says what is wrong with the first."""
        (tmp_path / "1.json").write_text("{}")
        with pytest.raises(RecordingError, match=r"1\.json: expected a recording"):
            run_compare(OPTIONS, [str(tmp_path)], policies=("seed", "field"))
        with pytest.raises(RecordingError, match="there is no recording"):
            run_compare(OPTIONS, [str(tmp_path / "none")], policies=("seed", "field"))
