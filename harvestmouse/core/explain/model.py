"""What an explanation is made of: the rules in their order, and what would have to change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from attrs import frozen

from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict


class Outcome(StrEnum):
    """How one rule came out."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_REACHED = "not reached"
    UNKNOWN = "unknown"


def _shares(value: Iterable[object], wanted: Iterable[object]) -> bool:
    return not set(value).isdisjoint(wanted)


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "is": eq,
    "is not": ne,
    "one of": lambda value, wanted: value in wanted,
    "none of": lambda value, wanted: value not in wanted,
    "has": _shares,
}


@frozen
class Condition:
    """One thing that a rule asks.

    Attributes:
        name: Carries the unit, as names of facts do.
        value: What was found; ``None`` where it is unknown.
        relation: ``<``, ``<=``, ``>``, ``>=``, ``is``, ``is not``, ``one of``, ``none of``, ``has`` (any of the
            threshold's), ``missing``, or ``not surely``, which an unknown value meets too.
        threshold: What the value is compared with; ``None`` where that is unknown, or there is none.
    """

    name: str
    value: Any
    relation: str
    threshold: Any = None

    @property
    def met(self) -> bool | None:
        """Whether it is so; ``None`` where value or threshold is unknown."""
        if self.relation == "missing":
            return self.value is None
        if self.relation == "not surely":
            return bool(self.value != self.threshold)
        if self.value is None or self.threshold is None:
            return None
        return _TESTS[self.relation](self.value, self.threshold)


@frozen
class Rule:
    """A reason, and what has to be so for it.

    Attributes:
        any_of: Whether one of the conditions is enough.
    """

    reason: Reason
    conditions: tuple[Condition, ...] = ()
    any_of: bool = False


@frozen
class Step:
    """One rule of a decision, and how it came out.

    Attributes:
        asks: The rule in words.
        any_of: Whether one of the conditions is enough; otherwise all have to be met.
    """

    reason: Reason
    asks: str
    outcome: Outcome
    conditions: tuple[Condition, ...]
    any_of: bool


@frozen(kw_only=True)
class Flip:
    """A change that would bring another verdict or reason, everything else as it is.

    Attributes:
        change: What would have to change, such as ``seeders`` or ``time_seconds``.
        amount: By how much, at the least; ``None`` where it is no matter of more or less.
        to: What it would be then.
        verdict: What would be decided then; ``None`` where a job would be skipped, or run.
        reason: Why; ``None`` where no guard would end the job.
        note: What the claim rests on, or what would follow.
        about_seconds: When that may be so, at the recent pace; an estimate.
    """

    change: str
    amount: int | None = None
    to: Any = None
    verdict: Verdict | None = None
    reason: Reason | None = None
    note: str = ""
    about_seconds: float | None = None


@frozen(kw_only=True)
class Explanation:
    """Why something was decided as it was, and the distance to another verdict.

    Attributes:
        subject: As in the plan; the job's name where the job itself is explained.
        name: The torrent's or result's name.
        skip: The plan's; then nothing was decided about any one subject.
        decision: The plan's.
        steps: The rules, in the order in which they decide.
        flips: What would have to change; each is exact, the rest being equal.
        depends: What else the verdict hangs on, where no figure can be given honestly.
    """

    job: str
    subject: str
    decided_at: int
    name: str | None = None
    skip: Skip | None = None
    decision: Decision | None = None
    steps: tuple[Step, ...] = ()
    flips: tuple[Flip, ...] = ()
    depends: tuple[str, ...] = ()


def steps_to(rules: Sequence[Rule], *found: Reason | None) -> tuple[Step, ...]:
    """Return the rules with how each came out, where the first one whose reason was *found* decided.

    The outcome is read from the plan and never decided again: a rule before the one that decided does not hold,
    and one after it was not reached. A second reason found is that of a rule that looks at what others decided.
    """
    reached = next((at for at, rule in enumerate(rules) if rule.reason in found), len(rules))
    return tuple(
        Step(rule.reason, rule.reason.sentence, _outcome(rule, found, at > reached), rule.conditions, rule.any_of)
        for at, rule in enumerate(rules)
    )


def _outcome(rule: Rule, found: Sequence[Reason | None], beyond: bool) -> Outcome:  # noqa: FBT001
    if rule.reason in found:
        return Outcome.HOLDS
    if beyond:
        return Outcome.NOT_REACHED
    met = [one.met for one in rule.conditions]
    refuted = False in met and not rule.any_of
    return Outcome.UNKNOWN if None in met and not refuted else Outcome.DOES_NOT_HOLD


def decision_about(plan: Plan, subject: str) -> Decision | None:
    """Return the plan's decision about one subject."""
    return next((one for one in plan.decisions if one.subject == subject), None)
