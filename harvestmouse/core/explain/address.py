"""Why the client's address was registered or not, and when that would change."""

from collections.abc import Iterator

from harvestmouse.core.address import JOB, LEAST_SECONDS, is_shared
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Rule, steps_to
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.policy import Policy

_YES, _NO = True, False


def no_guards(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:  # noqa: ARG001 - one shape for all
    """Return nothing: no guard ends this job."""
    return ()


def explain_address(plan: Plan, snapshot: Snapshot, policy: Policy) -> Iterator[Explanation]:
    """Explain the one decision of *plan*."""
    (decision,) = plan.decisions
    yield Explanation(
        job=JOB,
        subject=decision.subject,
        decided_at=plan.decided_at,
        decision=decision,
        steps=steps_to(_rules(snapshot, policy), decision.reason),
        flips=tuple(_flips(snapshot, decision.reason)),
    )


def _rules(snapshot: Snapshot, policy: Policy) -> tuple[Rule, ...]:
    at, address = snapshot.registered or (None, None)
    shared = is_shared(snapshot)
    client = snapshot.connection is not None and bool(snapshot.connection.addresses)
    told = (
        Condition("site_tells", snapshot.site_address is not None, "is", _NO),
        Condition("client_tells", client, "is", _NO),
    )
    known = address == snapshot.site_address
    age = None if at is None else snapshot.taken_at - at
    return (
        Rule(Reason.ADDRESS_OFF, (Condition("register_address", policy.address.register_address, "is", _NO),)),
        Rule(Reason.ADDRESS_UNKNOWN, told, any_of=True),
        Rule(Reason.ADDRESS_ELSEWHERE, (Condition("same_address", shared, "is", _NO),)),
        Rule(Reason.ADDRESS_REGISTERED, (Condition("last_registered_is_this", known, "is", _YES),)),
        Rule(
            Reason.ADDRESS_TOO_RECENT,
            (
                Condition("registered_before", at is not None, "is", _YES),
                Condition("registered_seconds_ago", age, "<", LEAST_SECONDS),
            ),
        ),
        Rule(Reason.ADDRESS_CHANGED),
    )


def _flips(snapshot: Snapshot, reason: Reason) -> Iterator[Flip]:
    if reason is Reason.ADDRESS_TOO_RECENT and snapshot.registered is not None:
        left = snapshot.registered[0] + LEAST_SECONDS - snapshot.taken_at
        yield Flip(
            change="time_seconds",
            amount=left,
            to=snapshot.registered[0] + LEAST_SECONDS,
            verdict=Verdict.REGISTER,
            reason=Reason.ADDRESS_CHANGED,
        )
