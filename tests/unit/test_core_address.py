"""Whether the site is told the client's address."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import RegisterAddress
from harvestmouse.core.address import plan_address
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Connection, Snapshot
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.policy import SEED, AddressPolicy, Policy
from harvestmouse.core.wire.plan import parse_plan, unparse_plan
from harvestmouse.core.wire.redact import keep_egress, keep_ip, keep_transfer
from harvestmouse.core.wire.snapshot import parse_snapshot, unparse_memory

NOW = 1_800_000_000
ON = evolve(SEED, address=AddressPolicy(register_address=True))


def seen(own: str | None = "here", client: frozenset[str] | None = frozenset({"here"}), **more: Any) -> Snapshot:
    connection = None if client is None else Connection(addresses=client)
    return Snapshot(taken_at=NOW, site_address=own, connection=connection, **more)


def reason(plan: Plan) -> Reason:
    (decision,) = plan.decisions
    return decision.reason


def test_a_new_address_is_registered() -> None:
    plan = plan_address(seen(), ON)
    assert plan.actions == (RegisterAddress(),)
    assert reason(plan) is Reason.ADDRESS_CHANGED
    assert check(plan, seen(), ON) == ()
    assert parse_plan(unparse_plan(plan)) == plan


def test_it_is_off_unless_the_operator_wants_it() -> None:
    plan = plan_address(seen(), SEED)
    assert (plan.actions, reason(plan)) == ((), Reason.ADDRESS_OFF)


@pytest.mark.parametrize(
    "snapshot",
    [seen(own=None), seen(client=None), seen(client=frozenset()), Snapshot(taken_at=NOW)],
    ids=["site silent", "no connection", "client silent", "nothing known"],
)
def test_an_unknown_address_is_not_registered(snapshot: Snapshot) -> None:
    plan = plan_address(snapshot, ON)
    assert (plan.actions, reason(plan), plan.complete) == ((), Reason.ADDRESS_UNKNOWN, False)
    assert "5.1" in plan.advice[0]


def test_another_host_than_the_clients_registers_nothing() -> None:
    plan = plan_address(seen(client=frozenset({"there", "elsewhere"})), ON)
    assert (plan.actions, reason(plan)) == ((), Reason.ADDRESS_ELSEWHERE)
    assert "network namespace" in plan.advice[0]


def test_a_client_with_two_addresses_shares_either() -> None:
    assert plan_address(seen(client=frozenset({"there", "here"})), ON).actions == (RegisterAddress(),)


@pytest.mark.parametrize(
    ("at", "address", "expected"),
    [
        (NOW - 90_000, "here", Reason.ADDRESS_REGISTERED),
        (NOW - 10, "here", Reason.ADDRESS_REGISTERED),
        (NOW - 3599, "there", Reason.ADDRESS_TOO_RECENT),
        (NOW - 3600, "there", Reason.ADDRESS_CHANGED),
        (NOW + 60, "there", Reason.ADDRESS_TOO_RECENT),
    ],
)
def test_a_change_waits_for_the_sites_hour(at: int, address: str, expected: Reason) -> None:
    plan = plan_address(seen(registered=(at, address)), ON)
    assert reason(plan) is expected
    assert bool(plan.actions) == (expected is Reason.ADDRESS_CHANGED)
    assert plan.decisions[0].facts["registered_seconds_ago"] == NOW - at


@pytest.mark.parametrize(
    ("snapshot", "policy", "said"),
    [
        (seen(), SEED, "off"),
        (seen(client=frozenset({"there"})), ON, "leave by"),
        (seen(own=None, client=frozenset()), ON, "leave by"),
        (seen(client=None), ON, "leave by"),
        (seen(registered=(NOW - 3599, "there")), ON, "an hour"),
    ],
)
def test_the_choke_point_refuses_what_the_decision_would_not_do(snapshot: Snapshot, policy: Policy, said: str) -> None:
    forced = Plan(job="address", decided_at=NOW, actions=(RegisterAddress(),))
    (violation,) = check(forced, snapshot, policy)
    assert (violation.guarantee, violation.subject) == ("limit", "register_address")
    assert said in violation.detail


class TestBodies:
    def test_an_address_is_only_ever_a_word(self) -> None:
        word = keep_ip(" 192.0.2.7 ")
        assert word is not None
        assert word.startswith("redacted-")
        assert "192" not in word
        assert keep_ip("192.0.2.7") == word == keep_ip(word)
        assert keep_ip("2001:DB8::1") == keep_ip("2001:db8::1") != word

    @pytest.mark.parametrize("nothing", [None, "", "  ", {}, []])
    def test_no_address_is_no_word(self, nothing: object) -> None:
        assert keep_ip(nothing) is None

    def test_a_snapshot_reads_what_a_recording_keeps(self) -> None:
        egress = {"ip": "192.0.2.7", "ASN": 64500, "AS": "Somebody", "time": NOW}
        transfer = {
            "connection_status": "connected",
            "last_external_address_v4": "192.0.2.7",
            "last_external_address_v6": "",
        }
        raw = {"format": "harvestmouse-snapshot/1", "taken_at": NOW,
               "mam": {"address": egress}, "qbittorrent": {"transfer": transfer}}  # fmt: skip
        kept = {**raw, "mam": {"address": keep_egress(egress)}, "qbittorrent": {"transfer": keep_transfer(transfer)}}
        assert "192.0.2" not in str(kept)
        assert "Somebody" not in str(kept)
        assert parse_snapshot(raw) == parse_snapshot(kept)
        assert plan_address(parse_snapshot(raw), ON).actions == (RegisterAddress(),)

    @pytest.mark.parametrize("body", [None, "192.0.2.7", 5, []])
    def test_what_is_no_object_has_no_address(self, body: object) -> None:
        assert keep_egress(body) is None
        assert keep_transfer(body) == body

    def test_what_was_registered_is_remembered(self) -> None:
        snapshot = seen(registered=(NOW - 5, "redacted-0a0b0c"))
        raw = {"format": "harvestmouse-snapshot/1", "taken_at": NOW, "memory": unparse_memory(snapshot)}
        assert parse_snapshot(raw).registered == (NOW - 5, "redacted-0a0b0c")

    @pytest.mark.parametrize("damage", [None, 5, [], [1], ["x", "y"], [NOW, None], [NOW, "a", "b"]])
    def test_a_damaged_memory_is_as_good_as_none(self, damage: object) -> None:
        raw = {"format": "harvestmouse-snapshot/1", "taken_at": NOW, "memory": {"registered": damage}}
        assert parse_snapshot(raw).registered is None
