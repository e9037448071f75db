"""Situations from the field, one file each: what was seen, why it matters, and what must be decided.

A file has ``why`` (prose), ``job``, ``preset``, ``policy`` (figures as the configuration writes them), ``snapshot``
(a snapshot document) and ``expect`` (only what matters). Two shorthands keep the documents short: a list may hold
``{"repeat": 466, "from": 1, "row": {...}}``, in whose words ``{n}`` and ``{hash}`` stand for the row's number and the
info-hash made of it; and a time may be written ``"@-5d"``, which is so long before the snapshot was taken.
In ``expect``, ``#7`` stands for the info-hash made of 7, and words of ``advice`` have to be found in it.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields

from harvestmouse.core import PRESETS, Plan, Policy, check, parse_snapshot
from harvestmouse.core.cycle import PLANNERS
from harvestmouse.core.units import parse_duration, parse_size
from harvestmouse.core.wire.plan import dump, parse_plan, unparse_plan

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


def named(text: str, number: int) -> str:
    """Write a row's number and info-hash into one of its words."""
    return text.replace("{n}", str(number)).replace("{hash}", f"{number:040x}")


def numbered(value: Any, number: int) -> Any:
    """Write a row's number and info-hash into all of its words."""
    if isinstance(value, dict):
        return {named(key, number): numbered(one, number) for key, one in value.items()}
    if isinstance(value, list):
        return [numbered(one, number) for one in value]
    return named(value, number) if isinstance(value, str) else value


def expanded(value: Any, now: int) -> Any:
    """Write out the shorthands of a case."""
    if isinstance(value, dict):
        return {key: expanded(one, now) for key, one in value.items()}
    if isinstance(value, list):
        return [one for item in value for one in rows(item, now)]
    if isinstance(value, str) and value.startswith("@-"):
        return now - int(parse_duration(value[2:]).total_seconds())
    return value


def rows(item: Any, now: int) -> list[Any]:
    """Write out one item of a list, which may be a template."""
    if isinstance(item, dict) and "repeat" in item:
        first = item["from"]
        return [expanded(numbered(item["row"], number), now) for number in range(first, first + item["repeat"])]
    return [expanded(item, now)]


def read_policy(case: dict[str, Any]) -> Policy:
    """Return the preset with the case's figures."""
    policy = PRESETS[case["preset"]]
    for name, figures in case.get("policy", {}).items():
        section = getattr(policy, name)
        read = {attribute.name: attribute for attribute in fields(type(section))}
        values = {key: figure(getattr(section, key), read[key].metadata, value) for key, value in figures.items()}
        policy = evolve(policy, **{name: evolve(section, **values)})
    return policy


def figure(default: object, metadata: Any, value: Any) -> Any:
    """Read a figure the way the configuration writes it."""
    if isinstance(default, timedelta):
        return parse_duration(value)
    return parse_size(value) if metadata.get("size") and isinstance(value, str) else value


def contains(found: Any, expected: Any) -> bool:
    """Tell whether everything expected is found; what is not mentioned does not matter."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and contains(found[key], one) for key, one in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(contains, found, expected))
    return bool(found == expected)


def subject(name: str) -> str:
    """Return the info-hash that ``#7`` stands for, or the name itself."""
    return f"{int(name[1:]):040x}" if name.startswith("#") else name


def compare(plan: Plan, expect: dict[str, Any]) -> None:
    """Compare a plan's JSON form with what the case mentions."""
    form = json.loads(dump(unparse_plan(plan)))
    decisions = {one["subject"]: [one["decision"], one["reason"]] for one in form["decisions"]}
    whole = ("skip", "actions", "counts", "figures", "complete", "parts")
    assert set(expect) <= {*whole, "decisions", "undecided", "advice"}
    for key in whole:
        if key in expect:
            assert contains(form[key], expect[key]), f"{key}: {form[key]}"
    for name, expected in expect.get("decisions", {}).items():
        assert decisions.get(subject(name)) == expected, name
    for name in expect.get("undecided", []):
        assert subject(name) not in decisions
    for words in expect.get("advice", []):
        assert any(words in sentence for sentence in plan.advice), plan.advice


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_case(path: Path) -> None:
    """The situation is decided as the file says, no guarantee is broken, and the plan reads back."""
    case = json.loads(path.read_text(encoding="utf-8"))
    policy = read_policy(case)
    snapshot = parse_snapshot(expanded(case["snapshot"], case["snapshot"]["taken_at"]))
    plan = PLANNERS[case["job"]](snapshot, policy)
    compare(plan, case["expect"])
    assert check(plan, snapshot, policy) == ()
    form = dump(unparse_plan(plan))
    assert dump(unparse_plan(parse_plan(json.loads(form)))) == form


def test_there_are_cases_and_each_says_why() -> None:
    """A folder that silently went empty would make every case pass."""
    assert len(CASES) >= 12
    for path in CASES:
        assert len(json.loads(path.read_text(encoding="utf-8"))["why"]) > 40, path.stem
