"""What a run did: the plan, how each action ended, and the exit code that sums it up."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

from attrs import field, frozen

from harvestmouse.core.actions import Action
from harvestmouse.core.guarantees import Violation
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.wire.plan import unparse_plan


class Exit(IntEnum):
    """The exit codes of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SESSION_REFUSED = 3
    UNAVAILABLE = 4
    BLOCKED = 5
    LOCKED = 6


class Status(StrEnum):
    """How an action ended."""

    DONE = "done"
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"


@frozen
class Outcome:
    """How one action ended, and why where it is not done."""

    action: Action
    status: Status
    why: str | None = None


@frozen(kw_only=True)
class Report:
    """One run.

    Attributes:
        apply: Whether the run was to act.
        violations: Guarantees the plan would have broken; then nothing was done.
        error: What ended the run early, in words.
        error_code: The exit code that goes with it.
        error_state: What it told about the account; empty where nothing.
        run_id: What its log lines carry too.
        plan_age_seconds: From the snapshot to the end of carrying out; ``None`` where nothing was to be carried out.
        parts: Of each job that the plan joins; none where it is of one job.
    """

    plan: Plan
    apply: bool
    outcomes: tuple[Outcome, ...] = ()
    violations: tuple[Violation, ...] = ()
    error: str | None = None
    error_code: Exit = field(default=Exit.FAILED)
    error_state: str = ""
    run_id: str = ""
    plan_age_seconds: float | None = None
    parts: "tuple[Report, ...]" = field()

    @parts.default
    def _parts(self) -> "tuple[Report, ...]":
        return tuple(Report(plan=one, apply=self.apply, violations=self.violations) for one in self.plan.parts)

    @classmethod
    def joined(cls, plan: Plan, parts: "tuple[Report, ...]") -> "Report":
        """Return the reports of a plan's parts as one: its error is the gravest, in the words of all."""
        failed = sorted((part for part in parts if part.error), key=lambda part: _GRAVITY.index(part.error_code))
        return cls(
            plan=plan,
            apply=parts[0].apply,
            outcomes=tuple(outcome for part in parts for outcome in part.outcomes),
            error="; ".join(dict.fromkeys(part.error or "" for part in failed)) or None,
            error_code=failed[0].error_code if failed else Exit.FAILED,
            error_state=next((part.error_state for part in failed if part.error_state), ""),
            parts=parts,
        )

    @property
    def jobs(self) -> "tuple[Report, ...]":
        """Return the reports of single jobs: its parts, or itself."""
        return self.parts or (self,)

    @property
    def exit_code(self) -> Exit:
        """Return the exit code: the gravest thing that happened."""
        blocked = self.plan.skip is not None and self.plan.skip.reason in _SAFETY_STOPS
        if self.violations or blocked:
            return Exit.BLOCKED
        if self.parts:
            return min((part.exit_code for part in self.parts), key=_GRAVITY.index)
        if self.error is not None:
            return self.error_code
        failed = any(outcome.status is Status.FAILED for outcome in self.outcomes)
        return Exit.FAILED if failed else Exit.DONE

    def count(self, status: Status) -> int:
        """Count the actions that ended so."""
        return sum(outcome.status is status for outcome in self.outcomes)

    def unparse(self) -> dict[str, Any]:
        """Return the JSON form: the plan's, with its outcome."""
        return {**unparse_plan(self.plan), "outcome": self._outcome()}

    def _outcome(self) -> Mapping[str, Any]:
        outcome: dict[str, Any] = {
            "run": self.run_id or None,
            "mode": "apply" if self.apply else "dry_run",
            "exit_code": int(self.exit_code),
            "actions": [
                {"action": one.action.kind, "subject": subject(one.action), "status": one.status, "why": one.why}
                for one in self.outcomes
            ],
            "violations": [
                {"guarantee": one.guarantee, "subject": one.subject, "detail": one.detail} for one in self.violations
            ],
            "error": self.error,
        }
        if self.parts:
            outcome["actions"] = [
                {"job": part.plan.job, **row}
                for part in self.parts
                for row in part._outcome()["actions"]  # noqa: SLF001 - its own class
            ]
            outcome["parts"] = [
                {"job": part.plan.job, "exit_code": int(part.exit_code), "error": part.error} for part in self.parts
            ]
        return outcome


# The exit codes that a report can have, the gravest first.
_GRAVITY = (Exit.BLOCKED, Exit.SESSION_REFUSED, Exit.USAGE, Exit.UNAVAILABLE, Exit.FAILED, Exit.DONE)

# A listing that cannot be believed stops the job like a broken guarantee does.
_SAFETY_STOPS = frozenset({Reason.EMPTY_LISTING, Reason.SHRUNKEN_LISTING})


def subject(action: Action) -> str:
    """Name what an action is about: an info-hash, a torrent id, or what is bought or written, and in which client."""
    client = getattr(action, "client", None)
    kind = action.kind if client is None else f"{client}/{action.kind}"
    return str(getattr(action, "hash", None) or getattr(action, "id", None) or kind)
