"""The command that learns from picks: what it says, what it says cannot be told, and what it writes."""

import gzip
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from attrs import evolve

from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.demand import Demand, Fates, Findings, Pick, judge
from harvestmouse.core.errors import RecordingError
from harvestmouse.core.model import AccountClass, Preferences, SearchResult
from harvestmouse.core.policy import SEED, GrabPolicy
from harvestmouse.runners.config import ConfigError, load
from harvestmouse.runners.learn import run_learn
from harvestmouse.runners.learn_words import describe, fragment, told, untold
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.recorder import keep
from harvestmouse.runners.run import run
from tests.support.builders import DAY, GIB, HOUR, MIB, NOW, profile, result
from tests.support.world import harvestmouse, settings_of, world_of

TODAY = SEED.grab
OPTIONS = {"pairs": (), "preset": None, "config": None}
Printed = pytest.CaptureFixture[str]
# Each run takes what a run finds: one that two want, and three that forty to sixty want.
RUNS, WANTED = 40, (2, 40, 50, 60)


def offers(number: int) -> list[SearchResult]:
    """Return what is new on the site at one run."""
    return [result(100 + 4 * number + at, leechers=count, size_bytes=100 * MIB) for at, count in enumerate(WANTED)]


def recorded(world: World, folder: Path, job: str, number: int) -> None:
    """Run a job that acts, and keep it."""
    tape = Tape()
    ports = Ports(settings_of(folder), lambda: world.now, run_id=f"{number:08x}", tape=tape)
    ports.client, ports.site = MemoryClient(world, tape=tape), MemorySite(world, tape=tape)
    keep(run(job, ports, apply=True), ports)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return recordings of the embedded world: grabs over ten hours, and the janitor's looks at the client after."""
    folder = tmp_path_factory.mktemp("history")
    account = profile(account_class=AccountClass.VIP, class_name="VIP", unsat_limit=1000, unsat_count=0)
    world = world_of(account=account, preferences=Preferences(queueing_enabled=False))
    for number in range(RUNS):
        world.catalogue = offers(number)
        recorded(world, folder, "grab", number)
        world.pass_time(HOUR // 4)
    # It is a grab that reads the ledger, and with it what the last one took.
    world.catalogue = []
    recorded(world, folder, "grab", RUNS)
    for number in range(RUNS + 1, RUNS + 10):
        world.pass_time(DAY // 2)
        recorded(world, folder, "janitor", number)
    return folder / "recordings"


def of(picks: list[Pick], policy: GrabPolicy = TODAY) -> Demand:
    """Return what is learnt from picks, and two that cannot be followed."""
    count = len(picks)
    fates = Fates(added=count + 3, measured=count, gone=1, young=1, unseen=2)
    last = NOW + 9 * DAY
    return Demand(first_at=NOW, last_at=last, runs={"grab": 9}, fates=fates, findings=judge(picks, policy))


def picks_of(count: int, worth: Callable[[SearchResult], float]) -> list[Pick]:
    """Return picks of all sorts of leechers, seeders and sizes that upload so many MiB a day for a GiB."""
    random, found = Random(1), []
    for at in range(count):
        leechers, seeders, size = random.randint(1, 60), random.randint(0, 50), random.randint(60, 1000) * MIB
        one = result(at, leechers=leechers, seeders=seeders, size_bytes=size)
        found.append(Pick(at=NOW + at, result=one, score=9, per_gib=worth(one) * MIB, per_torrent=worth(one) * MIB))
    return found


def about(sentences: list[str], word: str) -> str:
    """Return the one sentence with a word."""
    (found,) = (one for one in sentences if word in one)
    return found


def checked(text: str, folder: Path) -> GrabPolicy:
    """Return the policy that a configuration file of this text gives."""
    path = folder / "suggested.toml"
    path.write_text(text)
    return load({}, str(path)).policy.grab


class TestCommand:
    """The whole of it, over recordings of the embedded world."""

    def test_finds_what_the_world_was_made_with(self, history: Path, tmp_path: Path) -> None:
        """What two people want is not worth a place; the suggestion is a configuration, and nothing has applied it."""
        own, output = tmp_path / "own.toml", tmp_path / "suggested.toml"
        own.write_text("[grab]\nper_run = 4\n")
        ended = harvestmouse("--config", str(own), "learn", str(history), "-o", str(output))
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "picks that were added  160" in ended.stdout
        assert "grab.leecher_floor = 1 could become 3. Of 160 picks, 40 had fewer leechers than 3" in ended.stdout
        assert "(selection bias)" in ended.stdout
        assert tomllib.loads(output.read_text())["grab"]["leecher_floor"] == 3
        assert "leecher_floor = 3  # was 1" in ended.stdout
        accepted = harvestmouse("--config", str(output), "config", "check")
        assert accepted.returncode == 0, accepted.stderr
        assert own.read_text() == "[grab]\nper_run = 4\n"

    def test_the_order_of_recordings_does_not_matter(self, history: Path, capsys: Printed) -> None:
        """Folders, files and patterns, forwards and backwards."""
        days = sorted(path for path in history.iterdir() if path.is_dir())
        files = sorted(history.rglob("*.json.gz"), key=lambda path: path.name[::-1])
        ways: list[list[Path | str]] = [
            [history],
            [*days[::-1]],
            [f"{history}/*/*-janitor-*", f"{history}/*/*-grab-*"],
            [*files, history],
        ]
        said = []
        for words in ways:
            assert run_learn(OPTIONS, [str(word) for word in words]) == 0
            said.append(capsys.readouterr().out)
        assert len(set(said)) == 1

    def test_json_has_everything(self, history: Path, capsys: Printed) -> None:
        """Figures, sentences and the file's text."""
        run_learn(OPTIONS, [str(history)], as_json=True)
        whole = json.loads(capsys.readouterr().out)
        assert whole["format"] == "harvestmouse-demand/1"
        assert whole["fates"] == {"added": 160, "measured": 160, "gone": 0, "young": 0, "unseen": 0}
        assert whole["runs"] == {"grab": 41, "janitor": 9}
        assert whole["findings"]["suggested"]["leecher_floor"] == 3
        low, *_, high = whole["findings"]["features"]["leechers"]
        assert (low["worth"]["per_gib"]["count"], high["worth"]["per_gib"]["count"]) == (40, 40)
        # Two leechers share what eleven seeders upload; the first quarter of an hour goes into the download.
        assert 0.99 < low["worth"]["per_gib"]["value"] / (2 * GIB / 11) < 1
        assert whole["told"]
        assert whole["untold"]
        assert tomllib.loads(whole["toml"])["grab"] == whole["findings"]["suggested"]
        assert whole["unread"] == []

    def test_a_dry_run_picked_nothing(self, history: Path, tmp_path: Path, capsys: Printed) -> None:
        """What was only wanted has uploaded nothing, and that says nothing."""
        for path in history.rglob("*-grab-*"):
            whole = json.loads(gzip.decompress(path.read_bytes()))
            for one in whole["plan"]["outcome"]["actions"]:
                one |= {"status": "not_attempted", "why": "dry run"}
            (tmp_path / path.name.removesuffix(".gz")).write_text(json.dumps(whole))
        run_learn(OPTIONS, [str(tmp_path), f"{history}/*/*-janitor-*"], as_json=True)
        assert json.loads(capsys.readouterr().out)["fates"]["added"] == 0

    def test_the_age_is_told_where_the_site_told_it(self, history: Path, tmp_path: Path, capsys: Printed) -> None:
        """As the searches have it."""
        for path in history.rglob("*-grab-*"):
            whole = json.loads(gzip.decompress(path.read_bytes()))
            for row in whole["snapshot"]["mam"]["searches"][0]["data"]:
                row["added"] = "2026-04-18 11:40:00"
            (tmp_path / path.name.removesuffix(".gz")).write_text(json.dumps(whole))
        run_learn(OPTIONS, [str(tmp_path), f"{history}/*/*-janitor-*"], as_json=True)
        buckets = json.loads(capsys.readouterr().out)["findings"]["features"]["age_seconds"]
        assert sum(one["worth"]["per_gib"]["count"] for one in buckets) == 160
        assert DAY <= buckets[1]["low"] < DAY + RUNS * HOUR // 4

    def test_a_file_that_exists_is_left_alone(self, history: Path, tmp_path: Path) -> None:
        """It may be the configuration."""
        output = tmp_path / "mine.toml"
        output.write_text("mine")
        with pytest.raises(ConfigError, match=r"mine\.toml exists already; it was left alone"):
            run_learn(OPTIONS, [str(history)], output=str(output))
        assert output.read_text() == "mine"
        with pytest.raises(ConfigError, match=r"cannot write .*: No such file or directory"):
            run_learn(OPTIONS, [str(history)], output=str(tmp_path / "none" / "it.toml"))

    def test_without_a_suggestion_no_file_is_written(self, history: Path, tmp_path: Path, capsys: Printed) -> None:
        """And it is said."""
        output = tmp_path / "suggested.toml"
        assert run_learn(OPTIONS, [f"{history}/*/*-janitor-*"], output=str(output)) == 0
        printed = capsys.readouterr()
        assert printed.err == f"harvestmouse: nothing is suggested, so {output} was not written\n"
        assert printed.out.endswith("\nNothing is suggested.\n")
        assert not output.exists()

    def test_nothing_to_read_is_an_error(self, tmp_path: Path, history: Path, capsys: Printed) -> None:
        """It says what is wrong with the first; one among others is only told."""
        (tmp_path / "1.json").write_text("{}")
        with pytest.raises(RecordingError, match=r"1\.json: expected a recording"):
            run_learn(OPTIONS, [str(tmp_path)])
        run_learn(OPTIONS, [str(tmp_path), str(history)])
        assert "Recordings that could not be read: 1. The first: " in capsys.readouterr().out


class TestWords:
    """What is said of picks."""

    def test_a_floor_is_said_with_what_it_would_leave_out(self) -> None:
        """How many picks, what part of the upload, and how sure it is."""
        demand = of(picks_of(400, lambda one: 100 if one.leechers > 12 else 1))
        floor = next(one for one in demand.findings.bounds if one.key == "leecher_floor")
        assert floor.left_out is not None
        count = floor.left_out.per_gib.count
        share = f"{count / (100 * (400 - count)):.1%}"
        sentence = about(told(demand, TODAY), "could become")
        assert sentence.startswith(
            f"grab.leecher_floor = 1 could become {floor.suggested}. Of 400 picks, {count} had "
            f"fewer leechers than {floor.suggested}, and brought {share} of the upload. They uploaded 1 MiB (1 MiB to "
            "1 MiB) a day for a GiB, the others "
        )
        assert "Nothing supports a narrower bound than grab.seeder_ceiling = 50 (tried " in about(
            told(demand, TODAY), "Nothing supports a narrower"
        )
        assert f"left out {count} of 400 picks, with {share} of their upload." in about(told(demand, TODAY), "together")

    def test_weights_are_said_with_both_halves(self) -> None:
        """The one they were chosen for, and the test."""
        demand = of(picks_of(400, lambda one: 100 - one.seeders))
        sentence = about(told(demand, TODAY), "would rank better")
        assert sentence.startswith(
            "A score of 3 for a leecher and 30 off for a seeder would rank better than today's 3 for a leecher and 0.5 "
            "off for a seeder. It was chosen for the older half of the picks, where Kendall's tau rises by "
        )
        same = of(picks_of(400, lambda one: 200 + 3 * one.leechers - one.seeders / 2), evolve(TODAY, seeder_weight=0.6))
        assert "Nothing supports other weights than today's" in about(told(same, TODAY), "weights")
        best = evolve(TODAY, seeder_weight=0.6)
        right = of(picks_of(400, lambda one: 200 + 3 * one.leechers - 0.6 * one.seeders), best)
        assert about(told(right, best), "weights") == (
            "No other weights rank the older half of the picks better than today's 3 for a leecher and 0.6 off for a "
            "seeder."
        )

    def test_a_score_that_says_nothing_is_said_to(self) -> None:
        """An interval with 0 in it is a draw."""
        random = Random(2)
        demand = of(picks_of(400, lambda _: random.random()))
        assert "cannot be told" in about(told(demand, TODAY), "Whether the score puts first")
        right = of(picks_of(400, lambda one: one.leechers))
        assert "of cases, where a draw would have 50%" in about(told(right, TODAY), "Of two picks")

    def test_nothing_beyond_a_bound_means_nothing_is_known_of_it(self) -> None:
        """The sentence names each such bound, and what would tell."""
        demand = of(picks_of(30, lambda _: 1))
        assert about(untold(demand, TODAY), "should be wider") == (
            "Whether grab.leecher_floor = 1, grab.seeder_ceiling = 50, grab.min_size = 50 MiB, grab.max_size = 1 GiB "
            "should be wider: no pick that was measured had fewer leechers than 1 or more seeders than 50 or less than "
            "50 MiB or more than 1 GiB. Only recordings made with a wider bound can tell."
        )
        narrow = evolve(TODAY, leecher_floor=0, seeder_ceiling=0)
        assert (
            "picks of another policy had more seeders than 0, and uploaded 1 MiB (1 MiB to 1 MiB) a day for"
            in about(untold(of(picks_of(30, lambda _: 1), narrow), narrow), "seeder_ceiling = 0 should be wider")
        )

    def test_too_few_picks_are_counted(self) -> None:
        """With how many it takes."""
        sentences = untold(of(picks_of(30, lambda one: one.leechers)), TODAY)
        assert "it takes 20 picks on either side of a value" in about(sentences, "a higher grab.leecher_floor")
        assert about(sentences, "other weights").endswith(
            "it takes 200 picks that differ in upload, and of 30 picks that were measured 30 are within today's bounds."
        )
        assert about(sentences, "do not show it") == "What 2 of 33 picks uploaded: the recordings do not show it."
        assert "age on the site" in about(sentences, "do not tell it")

    def test_the_table_has_every_feature(self) -> None:
        """With the number of picks, and the interval where there are enough."""
        text = describe(of([*picks_of(8, lambda one: one.leechers), *picks_of(1, lambda _: 4)]), TODAY)
        rows = {line[:30].split("  ")[0].strip(): line for line in text.splitlines() if "MiB" in line}
        firsts = ("all", "leechers below", "seeders below", "leechers for a seeder", "size below", "score 0 to 50")
        for first in (*firsts, "free by a wedge yes"):
            assert any(name.startswith(first) for name in rows), first
        assert "too few" in next(line for name, line in rows.items() if name.startswith("leechers below"))

    def test_empty_recordings_have_little_to_say(self) -> None:
        """And no error."""
        text = describe(of([]), TODAY)
        assert "Nothing is suggested." in text
        assert "all                     0      -          -" in text


class TestFragment:
    """The suggested figures as a part of a configuration."""

    def test_there_is_none_without_a_suggestion(self) -> None:
        """Not even an empty one."""
        assert fragment(of(picks_of(30, lambda one: one.leechers)), TODAY) is None

    def test_figures_that_belong_together_are_all_there(self, tmp_path: Path) -> None:
        """So that it is a policy whatever it stands beside: here the preset's largest size is below the smallest."""
        large = evolve(TODAY, min_size=0, max_size=4 * GIB)
        picks = [
            evolve(
                one, result=evolve(one.result, size_bytes=(1 + at % 2) * GIB + 1), per_gib=at % 2, per_torrent=at % 2
            )
            for at, one in enumerate(picks_of(100, lambda _: 1))
        ]
        text = fragment(of(picks, large), large)
        assert text is not None
        found = checked(text, tmp_path)
        assert (found.min_size, found.max_size) == (GIB + MIB, 4 * GIB)
        assert 'min_size = "1025 MiB"  # was 0 B' in text
        assert 'max_size = "4 GiB"  # as it is' in text

    @pytest.mark.parametrize("weight", [1e-300, 0.1, 1e300])
    def test_weights_are_numbers_that_are_read_back(self, weight: float, tmp_path: Path) -> None:
        """However small or large."""
        policy = evolve(TODAY, leecher_weight=weight, seeder_weight=0.0, wedge_bonus=0.0)
        demand = of(picks_of(400, lambda one: 100 - one.seeders), policy)
        text = fragment(demand, policy)
        assert text is not None
        found = checked(text, tmp_path)
        findings: Findings = demand.findings
        assert found.seeder_weight == findings.suggested["seeder_weight"] > 0
        assert found.leecher_weight == weight
