"""The JSON form of plans, both ways."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_origin

from attrs import asdict

from harvestmouse.core.actions import ACTIONS, Action
from harvestmouse.core.errors import PlanError
from harvestmouse.core.plan import Decision, Plan, Skip

if TYPE_CHECKING:
    from cattrs import Converter

FORMAT = "harvestmouse-plan/1"

# What a cycle's plan has once for all of its parts, each row with its job.
_ROWS = ("actions", "decisions")
_SHARED = ("format", "decided_at", *_ROWS)


def unparse_plan(plan: Plan) -> dict[str, Any]:
    """Return the plan's JSON form."""
    parts = [unparse_plan(part) for part in plan.parts]
    form = {
        "format": FORMAT,
        "job": plan.job,
        "decided_at": plan.decided_at,
        "complete": plan.complete,
        "skip": None if plan.skip is None else asdict(plan.skip),
        "actions": _rows(parts, "actions") or [unparse_action(action) for action in plan.actions],
        "decisions": _rows(parts, "decisions") or [_decision(decision) for decision in plan.decisions],
        "counts": plan.counts,
        "figures": plan.figures,
        "advice": list(plan.advice),
        "policy": plan.policy,
    }
    if parts:
        form["parts"] = [{key: value for key, value in part.items() if key not in _SHARED} for part in parts]
    return form


def parts_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON forms of the plans of single jobs that one holds: itself, or the parts of a cycle's.

    The outcome of a run is parted too, where there is one.

    Raises:
        AttributeError, KeyError, TypeError: The document is no plan.
    """
    if "parts" not in document:
        return [dict(document)]
    return [
        {
            **{key: document[key] for key in _SHARED if key not in _ROWS},
            **_object(part),
            **{rows: _rows_of(part["job"], document[rows]) for rows in _ROWS},
            **({"outcome": _outcome_of(part["job"], document["outcome"])} if document.get("outcome") else {}),
        }
        for part in _list(document["parts"])
    ]


def unparse_action(action: Action) -> dict[str, Any]:
    """Return an action's JSON form, with its kind under ``action``."""
    facts = asdict(action)
    if not facts.get("use_wedge", True):
        # As in plans from before there were wedges.
        del facts["use_wedge"]
    if facts.get("client", "") is None:
        # As in plans of one client.
        del facts["client"]
    return {"action": action.kind, **facts}


def parse_plan(document: object) -> Plan:
    """Read a plan's JSON form.

    Raises:
        PlanError: The document is no plan of this format; the text names the place.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise PlanError(f'expected a plan with format "{FORMAT}", found {found!r}')
    from cattrs import BaseValidationError, transform_error  # noqa: PLC0415 - writing a plan does not need it

    try:
        plan = _read(document)
        # Counting looks every verdict and reason up among those that the job can give.
        plan.counts  # noqa: B018
    except BaseValidationError as error:
        raise PlanError("; ".join(transform_error(error))) from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise PlanError(f"not a plan: {type(error).__name__} {error}") from None
    return plan


def dump(document: Mapping[str, Any]) -> str:
    """Write a JSON form as text: one line, ASCII, no NaN."""
    return json.dumps(document, allow_nan=False)


def _rows(parts: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the rows of all parts, each with its job."""
    return [{"job": part["job"], **row} for part in parts for row in part[name]]


def _rows_of(job: str, rows: Any) -> list[dict[str, Any]]:
    """Return the rows of one job, which is not said any more."""
    own = (_object(row) for row in _list(rows))
    return [{key: value for key, value in row.items() if key != "job"} for row in own if row.get("job") == job]


def _outcome_of(job: str, outcome: Any) -> dict[str, Any]:
    whole = _object(outcome)
    own: dict[str, Any] = next((one for one in _list(whole.get("parts", [])) if one["job"] == job), {})
    ends: dict[str, Any] = {key: own[key] for key in ("exit_code", "error") if key in own}
    rest = {key: value for key, value in whole.items() if key != "parts"}
    return {**rest, **ends, "actions": _rows_of(job, whole.get("actions", []))}


def _read(document: Mapping[str, Any]) -> Plan:
    if "parts" in document:
        parts = tuple(_read(part) for part in parts_of(document))
        return Plan.joined(str(document["job"]), int(document["decided_at"]), parts)
    skip = document.get("skip")
    return Plan(
        job=str(document["job"]),
        decided_at=int(document["decided_at"]),
        skip=None if skip is None else _converter().structure(skip, Skip),
        actions=tuple(_action(row) for row in _list(document.get("actions", []))),
        decisions=tuple(_converter().structure(row, Decision) for row in _list(document.get("decisions", []))),
        complete=bool(document.get("complete", True)),
        figures=_object(document.get("figures", {})),
        advice=tuple(str(sentence) for sentence in _list(document.get("advice", []))),
        policy=_object(document.get("policy", {})),
    )


@cache
def _converter() -> "Converter":
    """Make the reader of actions and decisions; facts and changes are JSON objects already."""
    from cattrs import Converter  # noqa: PLC0415

    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(_is_mapping, lambda value, _: _object(value))
    return converter


def _is_mapping(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Mapping


def _action(row: Any) -> Action:
    facts = dict(_object(row))
    kind = ACTIONS.get(str(facts.pop("action", None)))
    if kind is None:
        raise PlanError(f"actions: {row!r} is of no known kind")
    return _converter().structure(facts, kind)


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "subject": decision.subject,
        "decision": decision.decision,
        "reason": decision.reason,
        "facts": decision.facts,
    }


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, found {value!r}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {value!r}")
    return value
