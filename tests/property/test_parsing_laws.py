"""Parsing is total: any JSON value gives a value or one of this project's errors, nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from harvestmouse.core.errors import HarvestmouseError, PlanError, SnapshotError, UnitError
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.units import parse_duration, parse_size
from harvestmouse.core.wire import (
    parse_free_space,
    parse_freeze,
    parse_messages,
    parse_preferences,
    parse_profile,
    parse_purchase,
    parse_search,
    parse_snapshot,
    parse_torrents,
    parse_version,
)
from harvestmouse.core.wire.coerce import as_count, as_flag, as_float, as_int, as_size, as_text, as_time
from harvestmouse.core.wire.plan import dump, parse_plan, unparse_plan
from tests.property import strategies as my
from tests.support.builders import NOW

READERS: list[Callable[[object], object]] = [
    as_int,
    as_float,
    as_count,
    as_flag,
    as_text,
    as_size,
    as_time,
    parse_free_space,
    parse_preferences,
    parse_profile,
    parse_purchase,
    parse_version,
    lambda body: parse_search(body, NOW),
    lambda body: parse_messages(body if isinstance(body, list) else [body]),
    lambda body: parse_torrents(body if isinstance(body, list) else [body], {"x": body}),
]


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


class TestTotality:
    """Whatever the services send, a reader returns the value, or tells that it is unknown."""

    @given(my.json_values)
    def test_every_reader_of_a_body_is_total(self, body: object) -> None:
        """None of them raises anything."""
        for read in READERS:
            read(body)

    @given(
        st.one_of(
            st.text(st.characters(exclude_categories=()), max_size=20), st.from_regex(r"[0-9,. ]{1,40}[kmg]?i?b?")
        )
    )
    def test_units_are_read_or_refused(self, text: str) -> None:
        """With the one error that says what is wrong."""
        parse_freeze(text)
        for read in (parse_size, parse_duration):
            try:
                read(text)
            except UnitError:
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
    def test_any_json_value_is_a_snapshot_or_refused(self, document: object) -> None:
        """Most are refused."""
        with pytest.raises(SnapshotError):
            parse_snapshot(document if not isinstance(document, dict) else {**document, "format": "another"})

    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": 1, "skip": []})
    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": 1, "decisions": ["x"]})
    @example({"format": "harvestmouse-plan/1", "job": "grab", "decided_at": float("inf")})
    @given(spoilt_plans())
    def test_a_spoilt_plan_is_read_or_refused(self, document: Any) -> None:
        """And whatever is read can be counted."""
        try:
            plan = parse_plan(document)
        except PlanError:
            event("refused")
            return
        assert plan.counts

    def test_every_refusal_is_one_of_the_project_s_errors(self) -> None:
        """A caller needs one except clause."""
        assert all(issubclass(kind, HarvestmouseError) for kind in (SnapshotError, PlanError, UnitError))


class TestRoundTrip:
    """A plan is data: serialisable, and the same when read back."""

    @given(plan_documents())
    def test_a_plan_s_text_reads_back_to_the_same_text(self, document: dict[str, Any]) -> None:
        """For plans of every job, skipped ones too."""
        event(f"{document['job']}: {len(document['actions'])} actions")
        assert dump(unparse_plan(parse_plan(document))) == dump(document)
