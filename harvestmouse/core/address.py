"""Whether to tell the site the client's address, which is where its tracker takes announces from."""

from attrs import evolve

from harvestmouse.core.actions import RegisterAddress
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Decision, Plan, Reason, Verdict
from harvestmouse.core.policy import Policy, figures
from harvestmouse.core.units import HOUR

JOB = "address"
SUBJECT = "client_address"

# The site takes an address once an hour, counted from the last one it took.
LEAST_SECONDS = HOUR


def plan_address(snapshot: Snapshot, policy: Policy) -> Plan:
    """Decide whether to register the address that this host and the client share.

    The site registers the address it is asked from, so that nothing is registered unless the client is known to
    leave by the same one: any other would have the tracker refuse the client.

    Args:
        snapshot: Needs the address that the site sees and the client's own; uses what was registered before.
        policy: Its section ``address``.

    Returns:
        A plan with one decision.
    """
    verdict, reason = _decide(snapshot, policy)
    plan = Plan(
        job=JOB,
        decided_at=snapshot.taken_at,
        complete=reason is not Reason.ADDRESS_UNKNOWN,
        decisions=(Decision(SUBJECT, verdict, reason, _facts(snapshot)),),
        actions=(RegisterAddress(),) if verdict is Verdict.REGISTER else (),
        policy=figures(policy.address),
    )
    sentence = _ADVICE.get(reason)
    return plan if sentence is None else evolve(plan, advice=(sentence,))


def is_shared(snapshot: Snapshot) -> bool | None:
    """Whether the client leaves by the address that the site sees this host at; ``None`` where either is unknown."""
    own, client = snapshot.site_address, snapshot.connection
    if own is None or client is None or not client.addresses:
        return None
    return own in client.addresses


def _decide(snapshot: Snapshot, policy: Policy) -> tuple[Verdict, Reason]:
    if not policy.address.register_address:
        return Verdict.HOLD, Reason.ADDRESS_OFF
    shared = is_shared(snapshot)
    if shared is None:
        return Verdict.HOLD, Reason.ADDRESS_UNKNOWN
    if not shared:
        return Verdict.HOLD, Reason.ADDRESS_ELSEWHERE
    at, address = snapshot.registered or (None, None)
    if address == snapshot.site_address:
        return Verdict.HOLD, Reason.ADDRESS_REGISTERED
    # A time to come is a clock that was put back; the site's hour may not be over.
    if at is not None and snapshot.taken_at < at + LEAST_SECONDS:
        return Verdict.HOLD, Reason.ADDRESS_TOO_RECENT
    return Verdict.REGISTER, Reason.ADDRESS_CHANGED


def _facts(snapshot: Snapshot) -> dict[str, object]:
    at = None if snapshot.registered is None else snapshot.registered[0]
    return {
        "same_address": is_shared(snapshot),
        "site_tells": snapshot.site_address is not None,
        "client_tells": snapshot.connection is not None and bool(snapshot.connection.addresses),
        "registered_seconds_ago": None if at is None else snapshot.taken_at - at,
    }


_ADVICE = {
    Reason.ADDRESS_UNKNOWN: (
        "The address is registered only where both the site and the client tell theirs. qBittorrent does from 5.1 on, "
        "once a peer has told it; with older ones register it by hand on the site."
    ),
    Reason.ADDRESS_ELSEWHERE: (
        "The site sees this host at another address than the client's, so nothing is registered: run harvestmouse "
        "where the client's traffic leaves, in the same network namespace or container network."
    ),
}
