"""Parsing is total: any JSON value, any text and any bytes give a value or one of this project's errors."""

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, evolve
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.adapters.state.memory import Memory
from harvestmouse.core.errors import HarvestmouseError, PlanError, SnapshotError, UnitError
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import LedgerEntry, Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.spend import Purchase
from harvestmouse.core.units import (
    exact_duration,
    exact_size,
    format_size,
    format_span,
    parse_duration,
    parse_size,
)
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, parse_plan, unparse_plan
from harvestmouse.core.wire.snapshot import parse_entry, parse_memory
from tests.property import strategies as my
from tests.property.parsers import BYTES, CONFIG_KEYS, FORMS, TEXTS, TOTAL, config_value, files
from tests.support.builders import NOW

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
near_units = st.from_regex(r"[0-9,. ]{1,40}[kmgtp]?i?b?|([0-9.]{1,12} ?[smhdw] ?){1,3}")
# What lies near the forms that the files have: words of theirs, and whatever between.
_WORDS = [
    "123 2026-04-19T11:40:00Z grabbed -\n",
    "123\n",
    "descends-from: 0123456789abcdef\n",
    '{"open": {"at": 1, "cost_bp": 1, "balance_before": 2.0, "uploaded_before": 3}}\n',
    '{"closed": {"at": 1, "outcome": "happened"}}\n',
    '{"balances": [[1, 2.0]], "remembered_count": 3}',
    '{"purpose": "grab", "pid": 1, "host": "h", "since": 1}',
    "[grab]\nratio_floor = 1\n",
    "d8:announce3:url4:infod4:name1:aee",
    "[{},{}]",
]
near_files = st.lists(st.one_of(st.sampled_from(_WORDS), any_text), max_size=4).map("".join)
any_bytes = st.one_of(st.binary(max_size=60), near_files.map(lambda text: text.encode("utf-8", "surrogatepass")))


def parts_replaced(draw: st.DrawFn, value: Any, share: int) -> Any:
    """Return *value* with about one in *share* of its parts replaced by any JSON value."""
    if not draw(st.integers(0, share)):
        return draw(my.json_values)
    if isinstance(value, dict):
        return {key: parts_replaced(draw, one, share) for key, one in value.items()}
    if isinstance(value, list):
        return [parts_replaced(draw, one, share) for one in value]
    return value


@st.composite
def spoilt_snapshots(draw: st.DrawFn) -> Any:
    """Draw a snapshot document of which some parts are anything at all."""
    document = draw(my.raw_snapshots())
    return {key: parts_replaced(draw, value, 25) for key, value in document.items() if key != "format"} | {
        "format": document["format"]
    }


@st.composite
def plan_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the JSON form of a real plan."""
    document = draw(my.raw_snapshots())
    plan = JOBS[draw(st.sampled_from(sorted(JOBS)))](parse_snapshot(document), draw(my.policies()))
    read: dict[str, Any] = json.loads(dump(unparse_plan(plan)))
    return read


@st.composite
def spoilt_plans(draw: st.DrawFn) -> Any:
    """Draw a plan's JSON form of which some parts are anything at all."""
    document = draw(plan_documents())
    spoilt = parts_replaced(draw, {key: value for key, value in document.items() if key != "format"}, 25)
    return {**spoilt, "format": document["format"]} if isinstance(spoilt, dict) else spoilt


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that all examples share; each writes its files anew."""
    return tmp_path_factory.mktemp("state")


class TestTotality:
    """Whatever arrives, a reader returns the value, tells that it is unknown, or raises one of the project's errors."""

    @given(my.json_values)
    def test_every_reader_of_a_body_is_total(self, body: object) -> None:
        """None of them raises anything."""
        for read in TOTAL.values():
            read(body)

    @given(my.json_values)
    def test_every_reader_of_a_document_is_total(self, document: object) -> None:
        """What it cannot read it refuses."""
        for read in FORMS.values():
            with suppress(HarvestmouseError):
                read(document)

    @given(st.one_of(any_text, near_units, near_files))
    def test_every_reader_of_text_is_total(self, text: str) -> None:
        """Units, answers of the site, the command line, the environment."""
        for read in TEXTS.values():
            try:
                read(text)
            except HarvestmouseError as error:
                event(f"refused: {type(error).__name__}")

    @given(any_bytes)
    def test_every_reader_of_bytes_is_total(self, content: bytes) -> None:
        """Torrent files and listings that arrive in pieces."""
        for read in BYTES.values():
            with suppress(HarvestmouseError):
                read(content)

    @given(content=any_bytes)
    def test_every_file_is_read_or_refused(self, directory: Path, content: bytes) -> None:
        """Cookie, ledger, journal, memory, refusals, lock and configuration."""
        for name, read in files(directory).items():
            try:
                read(content)
            except HarvestmouseError:
                event(f"refused: {name}")

    @given(st.sampled_from(CONFIG_KEYS), st.one_of(my.json_values, any_text, near_units))
    def test_every_value_of_every_key_is_loaded_or_refused(self, key: tuple[str, str], value: Any) -> None:
        """Of any kind, however large or long."""
        try:
            config_value(key, value)
        except HarvestmouseError:
            event("refused")

    @given(spoilt_snapshots(), my.policies())
    def test_a_spoilt_snapshot_is_refused_or_planned_from(self, document: Any, policy: Policy) -> None:
        """Every job makes a plan that can be written from whatever can be read."""
        try:
            seen = parse_snapshot(document)
        except SnapshotError:
            event("refused")
            return
        assert isinstance(seen, Snapshot)
        event("read")
        for decide in JOBS.values():
            dump(unparse_plan(decide(seen, policy)))

    @given(my.json_values)
    def test_a_document_of_another_format_is_no_snapshot(self, document: object) -> None:
        """Whatever else it has."""
        with pytest.raises(SnapshotError):
            parse_snapshot(document if not isinstance(document, dict) else {**document, "format": "another"})

    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": 1, "skip": []})
    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": 1, "decisions": ["x"]})
    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": float("inf")})
    @given(spoilt_plans())
    def test_a_spoilt_plan_is_read_or_refused(self, document: Any) -> None:
        """And whatever is read is counted in full; the examples raised other errors once."""
        try:
            plan = parse_plan(document)
        except PlanError:
            event("refused")
            return
        assert sum(sum(counts.values()) for counts in plan.counts.values()) == len(plan.decisions)

    def test_every_refusal_is_one_of_the_project_s_errors(self) -> None:
        """A caller needs one except clause."""
        assert all(issubclass(kind, HarvestmouseError) for kind in (SnapshotError, PlanError, UnitError))


class TestRoundTrip:
    """Every form that is written reads back to what was written."""

    @given(plan_documents())
    def test_a_plan_s_text_reads_back_to_the_same_text(self, document: dict[str, Any]) -> None:
        """For plans of every job, skipped ones too."""
        event(f"{document['job']}: {len(document['actions'])} actions")
        assert dump(unparse_plan(parse_plan(document))) == dump(document)

    @given(my.raw_snapshots())
    def test_a_snapshot_s_text_reads_back_to_the_same_snapshot(self, document: dict[str, Any]) -> None:
        """Its bodies are the services' own, so that what is written is what was read."""
        assert parse_snapshot(json.loads(json.dumps(document))) == parse_snapshot(document)

    @given(my.ledgers)
    def test_ledger_entries_of_a_snapshot_read_back(self, lines: tuple[LedgerEntry, ...]) -> None:
        """As objects, and the old form as bare ids."""
        assert tuple(parse_entry(asdict(line)) for line in lines) == lines
        assert [parse_entry(line.id) for line in lines] == [LedgerEntry(id=line.id) for line in lines]

    @settings(max_examples=settings().max_examples // 3)
    @given(lines=st.lists(my.entries, max_size=5))
    def test_ledger_lines_read_back(self, directory: Path, lines: list[LedgerEntry]) -> None:
        """In their order, with what is unknown of them."""
        ledger = Ledger(directory / "ledger")
        ledger.path.unlink(missing_ok=True)
        words = [evolve(line, outcome=str(line.outcome).replace(" ", "_")) for line in lines]
        for line in words:
            ledger.append(line)
        assert ledger.entries() == tuple(words)

    @settings(max_examples=settings().max_examples // 3)
    @given(
        st.builds(
            Purchase,
            at=st.integers(0, NOW),
            cost_bp=st.integers(1, 10**6),
            gib=st.integers(0, 500),
            weeks=st.integers(0, 12),
            balance_before=st.floats(0, 10**6),
            uploaded_before=st.integers(0, 2**60),
            vip_until_before=st.one_of(st.none(), st.integers(0, 2 * NOW)),
        ),
        st.booleans(),
    )
    def test_an_open_purchase_reads_back_until_it_is_closed(
        self, directory: Path, purchase: Purchase, closed: bool
    ) -> None:
        """And then the journal tells when that was."""
        journal = Journal(directory / "journal")
        journal.path.unlink(missing_ok=True)
        journal.open(purchase)
        assert journal.pending() == purchase
        if closed:
            journal.close(purchase.at + 1, "happened")
            assert journal.pending() is None
            assert journal.last_closed() == purchase.at + 1

    @settings(max_examples=settings().max_examples // 3)
    @given(
        st.lists(st.tuples(st.integers(1, NOW), st.floats(0, 10**5)), max_size=4),
        st.one_of(st.none(), st.integers(1, 2 * NOW)),
        st.booleans(),
        st.integers(0, 10**6),
    )
    def test_what_is_remembered_reads_back(
        self, directory: Path, balances: list[tuple[int, float]], freeze: int | None, paused: bool, count: int
    ) -> None:
        """Of the account and of the listing."""
        memory = Memory(directory / "memory")
        memory.remember_account(balances=None, download_freeze_until=freeze, unsatisfied_paused=paused)
        for at, points in balances:
            memory.remember_balance(at, points)
        memory.remember_listing(count)
        read = parse_memory(memory.account())
        assert read["balances"] == tuple(balances)
        assert (read["download_freeze_until"], read["unsatisfied_paused"]) == (freeze, paused)
        assert parse_memory(memory.listing())["remembered_count"] == count

    @given(st.integers(0, 2**62), st.timedeltas(timedelta(0), timedelta(days=10**5)))
    def test_sizes_and_durations_read_back(self, size: int, span: timedelta) -> None:
        """As the configuration has them; those for people are only near."""
        assert parse_size(exact_size(size)) == size
        assert parse_duration(exact_duration(span)) == span
        assert abs(parse_size(format_size(size)) - size) <= size / 100
        assert format_span(span.total_seconds())


class TestOddities:
    """Values that have been seen to raise something else; each is for a reader to refuse."""

    def test_a_huge_whole_number_is_refused_as_a_ratio(self) -> None:
        """As TOML lets it be written."""
        _refused(("grab", "ratio_floor"), 10**400)

    def test_the_home_of_an_unknown_user_is_refused_as_a_directory(self) -> None:
        """One that is not there."""
        _refused(("", "state_dir"), "~nobody-at-all/state")

    def test_an_address_with_a_stray_bracket_is_refused(self) -> None:
        """As in half an IPv6 address."""
        _refused(("mam", "base_url"), "https://[half")

    @pytest.mark.parametrize("name", ["refusals", "lock", "configuration"])
    def test_a_file_of_brackets_without_end_is_read_or_refused(self, directory: Path, name: str) -> None:
        """Deeper than Python's reader goes."""
        with suppress(HarvestmouseError):
            files(directory)[name](b"a = " * (name == "configuration") + b"[" * 100_000)

    def test_a_lock_s_holder_of_an_impossible_time_is_another_run(self, directory: Path) -> None:
        """It only says who to wait for."""
        facts = {"purpose": "grab", "pid": 1, "host": "here", "since": 10**400}
        files(directory)["lock"](json.dumps(facts).encode())


def _refused(key: tuple[str, str], value: object) -> None:
    with pytest.raises(HarvestmouseError):
        config_value(key, value)
