"""The JSON form of explanations."""

from collections.abc import Iterable
from math import isfinite
from typing import Any

from attrs import asdict

from harvestmouse.core.explain.model import Condition, Explanation, Flip, Step

FORMAT = "harvestmouse-explanation/1"


def unparse_explanations(explanations: Iterable[Explanation]) -> dict[str, Any]:
    """Return one document of all of them."""
    return {"format": FORMAT, "explanations": [unparse_explanation(one) for one in explanations]}


def unparse_explanation(explanation: Explanation) -> dict[str, Any]:
    """Return the JSON form of one."""
    return {
        "job": explanation.job,
        "subject": explanation.subject,
        "name": explanation.name,
        "decided_at": explanation.decided_at,
        "skip": None if explanation.skip is None else asdict(explanation.skip),
        "decision": None if explanation.decision is None else asdict(explanation.decision),
        "steps": [_step(step) for step in explanation.steps],
        "flips": [_flip(flip) for flip in explanation.flips],
        "depends": list(explanation.depends),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "reason": step.reason,
        "asks": step.asks,
        "outcome": step.outcome,
        "any_of": step.any_of,
        "conditions": [_condition(one) for one in step.conditions],
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "name": condition.name,
        "value": _plain(condition.value),
        "relation": condition.relation,
        "threshold": _plain(condition.threshold),
        "met": condition.met,
    }


def _flip(flip: Flip) -> dict[str, Any]:
    return {
        "change": flip.change,
        "amount": flip.amount,
        "to": _plain(flip.to),
        "decision": flip.verdict,
        "reason": flip.reason,
        "note": flip.note,
        "about_seconds": flip.about_seconds,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        # JSON has no infinity: a ratio with nothing downloaded is written as the site does.
        return "∞" if value > 0 else "-∞"
    return list(value) if isinstance(value, tuple) else value
