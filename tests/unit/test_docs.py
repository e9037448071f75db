"""The words keep up with the program: tables, outputs, figures, error texts, examples and links."""

import ast
import json
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields

from harvestmouse import core
from harvestmouse.adapters.errors import ACCOUNT_STATES
from harvestmouse.adapters.mam.session import Endpoint
from harvestmouse.adapters.memory import MemoryClient, World
from harvestmouse.adapters.metrics.catalogue import CATALOGUE
from harvestmouse.core.actions import ACTIONS
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.guarantees import GUARANTEES
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import GUARDS, OUTCOMES, Plan, Reason, Verdict
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.wire.snapshot import parse_snapshot
from harvestmouse.runners.config import explain, load
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Exit, Report
from harvestmouse.runners.run import run
from harvestmouse.runners.settings import KEYS, SECTIONS
from scripts.refresh_docs import EXAMPLE, ROOT, pages, refresh

DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")

every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
every_job = pytest.mark.parametrize("job", JOBS)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def section(page: Path, title: str) -> str:
    """Return what stands under a heading of the second level."""
    return re.split(r"^## ", page.read_text(encoding="utf-8").split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of every table, without its head."""
    found = re.findall(r"^(?:\|.*\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split(" | ")] for row in one.splitlines()[2:]] for one in found]


def decisions(job: str) -> list[list[list[str]]]:
    """Return the tables of a job's section: its guards, which may be none, and then its rules."""
    found = tables(section(DOCS / "decisions.md", job))
    return found if GUARDS[job] else [[], *found]


def codes(text: str) -> list[str]:
    """Return what stands in code spans."""
    return _CODE.findall(text)


@cache
def example() -> Snapshot:
    return parse_snapshot(json.loads(EXAMPLE.read_text(encoding="utf-8")))


def plan_of(job: str) -> Plan:
    return JOBS[job](example(), Policy())


class TestGenerated:
    """What the program can say by itself is not typed by hand."""

    @every_page
    def test_is_fresh(self, page: Path) -> None:
        """Every generated part is what the program says now."""
        text = page.read_text(encoding="utf-8")
        assert refresh(text) == text, "run: make refresh-docs"

    def test_every_section_of_the_configuration_has_its_table(self) -> None:
        """No section can be added without its keys being documented."""
        text = (DOCS / "configuration.md").read_text(encoding="utf-8")
        assert re.findall(r"generated: configuration (\S+)", text) == [name or "''" for name in SECTIONS]
        assert all(f"| `{name}` |" in text for _, name in KEYS)

    def test_every_metric_is_listed(self) -> None:
        """Whatever a run publishes can be looked up, and every value of the states too."""
        text = (DOCS / "metrics.md").read_text(encoding="utf-8")
        assert {row[0].strip("`") for row in tables(text)[0]} == set(CATALOGUE)
        assert set(ACCOUNT_STATES) <= set(codes(text))


class TestDecisions:
    """The page of decisions has every rule, in order."""

    @every_job
    def test_names_every_guard_in_order(self, job: str) -> None:
        """The first that holds decides, so the order is part of the rule."""
        guards = decisions(job)[0]
        assert [codes(row[1])[0] for row in guards] == [reason.value for reason in GUARDS[job]]

    @every_job
    def test_names_every_reason_of_an_item_once(self, job: str) -> None:
        """Whatever a plan says can be looked up."""
        rules = decisions(job)[1:]
        named = [codes(row[1])[0] for table in rules for row in table]
        assert sorted(named) == sorted({one.value for reasons in OUTCOMES[job].values() for one in reasons})

    @pytest.mark.parametrize("job", sorted(JOBS.keys() - {"grab"}))
    def test_gives_each_reason_its_verdicts(self, job: str) -> None:
        """What is said to be kept is not deleted; all but one of grab's reasons reject, so it has no such column."""
        for table in decisions(job)[1:]:
            for _, reason, said, *_ in table:
                verdicts = {
                    verdict for verdict, reasons in OUTCOMES[job].items() if Reason(codes(reason)[0]) in reasons
                }
                assert {Verdict(word) for word in re.split(r", or ", said)} == verdicts

    def test_has_the_rejections_in_the_order_in_which_they_apply(self) -> None:
        """The table of rejections is the code's list of rules."""
        numbered = [row for row in decisions("grab")[1] if row[0]]
        assert [codes(row[1])[0] for row in numbered] == [one.value for one in OUTCOMES["grab"][Verdict.REJECT]]

    @every_job
    def test_the_example_is_worth_showing(self, job: str) -> None:
        """The example snapshot gets through every guard and is allowed to act."""
        report = Report(plan=plan_of(job), apply=False)
        assert report.plan.skip is None
        assert report.plan.actions or job in ("monitor", "rescue", "address")
        assert report.exit_code is Exit.DONE


class TestFigures:
    """A figure in the text is the figure in the code."""

    @every_page
    def test_settings_in_prose_are_the_defaults(self, page: Path) -> None:
        """Whoever changes a default finds the sentences that name it."""
        defaults = {f"{name} = {shown}" for (_, name), (_, shown, _) in zip(KEYS, explain(load({})), strict=True)}
        names = {name for _, name in KEYS}
        for span in codes(prose(page)):
            name, equals, _ = span.partition(" = ")
            if equals and name in names and "…" not in span:
                assert span in defaults

    @every_page
    def test_variables_and_commands_exist(self, page: Path) -> None:
        """No page names a variable that a run would refuse."""
        known = {f"HARVESTMOUSE_{place}_{name}".replace("__", "_").upper() for place, name in KEYS}
        known |= {"HARVESTMOUSE_CONFIG", "HARVESTMOUSE_LOG_LEVEL", "HARVESTMOUSE_LOG_FORMAT", "HARVESTMOUSE_"}
        # One of several clients has its name in its variables.
        known.add("HARVESTMOUSE_QBITTORRENT_SEEDBOX_PASSWORD")
        named = set(re.findall(r"\bHARVESTMOUSE_[A-Z_]*", page.read_text(encoding="utf-8")))
        assert {name.removesuffix("_FILE") for name in named} <= known

    @pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "quick-start.md"], ids=lambda page: page.name)
    def test_the_sample_configuration_can_be_used(self, page: Path, tmp_path: Path) -> None:
        """What a newcomer copies is accepted."""
        for kind, body in _FENCE.findall(page.read_text(encoding="utf-8")):
            if kind == "toml":
                (tmp_path / "config.toml").write_text(body)
                assert load({}, str(tmp_path / "config.toml")).general.apply is False

    def test_exit_codes_are_all_explained(self) -> None:
        """A script can rely on the table; 130 is the shell's."""
        listed = [int(row[0]) for row in tables(section(DOCS / "commands.md", "Exit codes"))[0]]
        assert listed == [*sorted(Exit), 130]

    def test_every_guarantee_is_named_once(self) -> None:
        """G1 to G12, those that are checked on every plan first."""
        checked, held = (
            [row[0].strip("*") for row in table] for table in tables((DOCS / "guarantees.md").read_text("utf-8"))
        )
        assert [name for name in checked if name != "limit"] == list(GUARANTEES)
        numbered = [*GUARANTEES, *held]
        assert sorted(numbered, key=lambda name: int(name[1:])) == [f"G{number}" for number in range(1, 13)]


class TestCompliance:
    """Staff can judge the program by its page."""

    def test_every_address_that_is_ever_asked_is_named(self) -> None:
        """And no other."""
        requested = tables(section(DOCS / "compliance.md", "What is requested"))[0]
        assert {codes(row[0])[0] for row in requested} == {one.value for one in Endpoint}


class TestArchitecture:
    """The page that follows a torrent names what there is."""

    names = re.findall(r"`((?:core|adapters|runners)\.[\w.]+)`", (DOCS / "architecture.md").read_text(encoding="utf-8"))

    @pytest.mark.parametrize("name", names)
    def test_names_what_there_is(self, name: str) -> None:
        """Whoever renames a function finds the sentence about it."""
        assert callable(pkgutil.resolve_name(f"harvestmouse.{name}"))

    def test_there_are_names(self) -> None:
        """The test above has something to look at."""
        assert len(self.names) > 30


class TestFormats:
    """The page of formats has every field that is read or written."""

    page = DOCS / "formats.md"

    @pytest.mark.parametrize("module", ["mam", "qbittorrent", "snapshot"])
    def test_names_every_field_that_is_read(self, module: str) -> None:
        """Whoever makes a snapshot by hand knows what is looked at."""
        source = (ROOT / "harvestmouse" / "core" / "wire" / f"{module}.py").read_text(encoding="utf-8")
        read = set(re.findall(r'\bget\(\s*"(\w+)"', source)) | set(re.findall(r'_part\(\w+, "(\w+)"', source))
        known = {word for code in codes(self.page.read_text("utf-8")) for word in re.findall(r"\w+", code)}
        replies = {"success"}  # of purchases, which are in no snapshot
        preferences = {one.name for one in fields(type(SEED.reconcile))}
        assert read - known - replies - preferences == set()

    def test_lists_the_keys_of_a_plan(self) -> None:
        """Top level and outcome, in the order in which they are written."""
        document = Report(plan=plan_of("spend"), apply=False).unparse()
        whole, _, _, outcome = tables(section(self.page, "Plans"))
        assert [codes(row[0])[0] for row in whole] == list(document)
        assert [codes(row[0])[0] for row in outcome] == list(document["outcome"])

    def test_lists_the_fields_of_every_action(self) -> None:
        """In the order in which they are written."""
        listed = {codes(row[0])[0]: codes(row[1]) for row in tables(section(self.page, "Plans"))[2]}
        expected = {kind: [one.name for one in fields(action)] for kind, action in ACTIONS.items()}
        assert {kind: [name for name in names if "{" not in name] for kind, names in listed.items()} == expected

    @every_job
    def test_lists_facts_and_figures(self, job: str) -> None:
        """Whatever stands in a plan can be looked up."""
        row = next(row for row in tables(section(self.page, "Plans"))[1] if row[0] == job)
        plan = plan_of(job)
        assert {fact for one in plan.decisions for fact in one.facts} <= set(codes(row[1]))
        assert list(plan.figures) == codes(row[2])


class TestTroubleshooting:
    """Errors are found by their text."""

    headings = re.findall(r"^### `(.*)`$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)

    @pytest.mark.parametrize("heading", headings)
    def test_headings_are_what_the_program_says(self, heading: str) -> None:
        """Each piece of a heading between what varies stands in the code."""
        texts = "\n".join(strings())
        for piece in re.split(r"…|\b403\b|=Mouse", heading):
            assert piece.strip(" ;,:") in texts

    def test_there_are_headings(self) -> None:
        """The test above has something to look at."""
        assert len(self.headings) > 30


class TestExamples:
    """Code in the documentation runs."""

    @pytest.mark.parametrize("page", ["README.md", "docs/library.md", "docs/adapters.md"])
    def test_python_runs_from_top_to_bottom(
        self, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each page is one session beside the example snapshot."""
        (tmp_path / "snapshot.json").write_bytes(EXAMPLE.read_bytes())
        monkeypatch.chdir(tmp_path)
        namespace = run_python(ROOT / page)
        assert "plan" in namespace or "open_site" in namespace
        assert page == "docs/adapters.md" or "graceful_retire" in capsys.readouterr().out

    def test_the_adapter_of_the_page_on_adapters_works(self, tmp_path: Path) -> None:
        """A grab over a folder of saved answers picks what the same answers in a snapshot give."""
        answers = json.loads(EXAMPLE.read_text(encoding="utf-8"))["mam"]
        (tmp_path / "answers").mkdir()
        (tmp_path / "answers" / "profile.json").write_text(json.dumps(answers["profile"]))
        (tmp_path / "answers" / "search.json").write_text(json.dumps(answers["searches"][0]))
        settings = load({"HARVESTMOUSE_STATE_DIR": str(tmp_path)})
        snapshot = example()
        assert snapshot.profile is not None
        world = World(now=snapshot.taken_at, profile=evolve(snapshot.profile), free_space_bytes=120 << 30)
        world.torrents = {torrent.hash: torrent for torrent in snapshot.torrents or ()}
        ports = Ports(settings, lambda: world.now)
        ports.site = run_python(DOCS / "adapters.md")["open_site"](settings)
        ports.client = MemoryClient(world)
        assert run("grab", ports, apply=False).plan.actions == plan_of("grab").actions

    def test_every_job_can_be_imported_as_the_page_says(self) -> None:
        """From the core itself, by the name that stands on the page, and no job is left out."""
        named = {name for name in codes((DOCS / "library.md").read_text(encoding="utf-8")) if name.startswith("plan_")}
        assert {getattr(core, name) for name in named} == {*PLANNERS.values()}


class TestLinks:
    """Nothing points nowhere."""

    @pytest.mark.parametrize(
        "page", [*pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda page: page.name
    )
    def test_linked_files_and_headings_exist(self, page: Path) -> None:
        """The site's own build checks the pages of the site; this checks the rest too."""
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            linked = (page.parent / name).resolve() if name else page
            assert linked.is_file(), target
            assert not anchor or anchor in anchors(linked), target

    def test_every_page_is_in_the_menu(self) -> None:
        """A page that nobody finds is no page."""
        menu = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
        assert sorted(menu) == [page.name for page in sorted(DOCS.glob("*.md"))]


def run_python(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other, and return the names they leave."""
    namespace: dict[str, Any] = {"__name__": "example"}
    for kind, body in _FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            exec(compile(body, page.name, "exec"), namespace)
    return namespace


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site's generator makes them."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


@cache
def strings() -> tuple[str, ...]:
    """Return every string in the program's code, f-strings piece by piece."""
    found: list[str] = []
    for path in sorted((ROOT / "harvestmouse").rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return tuple(found)
