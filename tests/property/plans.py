"""What laws ask of plans."""

from harvestmouse.core.plan import Plan, Reason, Verdict

# Held back for room only; what speaks of the account may be due as well.
_ROOM = (Reason.NOT_SELECTED, Reason.OVER_BUDGET, Reason.DELETION_LIMIT, Reason.ACCOUNT_EVENT, Reason.RESCUE_LIMIT)


def due(plan: Plan) -> set[str]:
    """Return the subjects that the rules would act on if there were room for all."""
    acting = (Verdict.PICK, Verdict.DELETE, Verdict.FORCE_START, Verdict.RESUME, Verdict.REANNOUNCE)
    return {one.subject for one in plan.decisions if one.decision in acting or one.reason in _ROOM}


def acted_on(plan: Plan) -> set[str]:
    """Return the info-hashes and ids that the plan adds, deletes or starts."""
    return {str(getattr(action, "hash", getattr(action, "id", ""))) for action in plan.actions} - {""}
