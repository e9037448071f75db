"""What several clients tell as one world, and what each job makes of it."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import SetPreferences
from harvestmouse.core.after import after
from harvestmouse.core.differences import differences
from harvestmouse.core.errors import SnapshotError
from harvestmouse.core.explain.model import Explanation, Outcome
from harvestmouse.core.explain.subjects import explain_job, explain_result, explain_torrent
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.guarantees import check, g9
from harvestmouse.core.model import ClientQueue, Connection, Malformed, Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED
from harvestmouse.core.reconcile import KEYS, plan_reconcile
from harvestmouse.core.union import joined, united
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import parse_plan, unparse_plan
from tests.support.builders import (
    DAY,
    GIB,
    NOW,
    hash_of,
    message,
    page,
    policy,
    preferences,
    raw_preferences,
    raw_torrent,
    result,
    snapshot,
    torrent,
)

GONE = (message("Unregistered torrent"),)


def both(**changes: Any) -> Snapshot:
    """Return what two clients tell, each with a torrent that owes seed time; one of them has seven upload slots."""
    queues = tuple(ClientQueue(name, preferences(max_active_uploads=slots)) for name, slots in (("a", 150), ("b", 7)))
    torrents = [evolve(torrent(number, seeding_time=3600), client=name) for number, name in ((1, "a"), (2, "b"))]
    return snapshot(**{"preferences": None, "queues": queues, "torrents": torrents, **changes})


def shown(explained: Explanation, reason: str) -> dict[str, object]:
    """Return the facts that speak of clients or cannot be used, of the rule that is said to hold."""
    (step,) = [one for one in explained.steps if one.outcome is Outcome.HOLDS]
    assert step.reason == reason
    return {one.name: one.value for one in step.conditions if one.name in ("missing_clients", "unusable_facts")}


class TestUnion:
    def test_what_two_hold_is_malformed(self) -> None:
        """In the category that both name, if they do; a row that one cannot read counts too."""
        listed = {
            "a": ([torrent(1), torrent(2), torrent(3)], [Malformed(subject="x", problem="odd")]),
            "b": ([torrent(1), torrent(2, category="films")], [Malformed(subject=hash_of(3), problem="odd")]),
        }
        torrents, malformed = united(listed)
        assert torrents == ()
        assert {(row.subject, row.problem, row.category, row.client) for row in malformed} == {
            (hash_of(1), "two clients hold it", "mam-farming", None),
            (hash_of(2), "two clients hold it", None, None),
            (hash_of(3), "two clients hold it", None, None),
            ("x", "odd", None, "a"),
        }

    def test_what_two_hold_has_every_name_that_any_gives_it(self) -> None:
        """It may be what is on offer under either, or, where one does not tell, anything."""
        odd = Malformed(subject=hash_of(2), problem="odd")
        listed = {"a": ([torrent(1), torrent(2)], []), "b": ([torrent(1, name="Barn")], [odd])}
        assert [row.names for row in united(listed)[1]] == [
            frozenset({"Torrent 1", "Barn"}), frozenset({"Torrent 2", ""})
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("words", "joint"),
        [
            (("connected", "firewalled"), "firewalled"),
            (("connected", "disconnected"), "disconnected"),
            (("connected", None), "connected"),
            ((None, None), None),
            (("connected", "asleep"), "connected"),
            (("asleep", None), "asleep"),
        ],
    )
    def test_the_worst_word_for_a_connection_holds(self, words: tuple[str | None, ...], joint: str | None) -> None:
        """One that tells none changes nothing."""
        both = joined([Connection(status=word) for word in words])
        assert both is not None
        assert both.status == joint

    def test_figures_are_added_and_unknown_is_not_zero(self) -> None:
        """A client that does not tell adds nothing; where none tells it stays unknown."""
        one = joined([Connection(dht_nodes=3, download_speed=5), Connection(dht_nodes=4), None])
        assert one is not None
        assert (one.dht_nodes, one.download_speed, one.upload_speed) == (7, 5, None)
        assert joined([None, None]) is None

    @pytest.mark.parametrize(
        ("addresses", "shared"),
        [
            (({"x", "y"}, {"x"}), {"x"}),
            (({"x"}, {"y"}), set()),
            (({"x"}, set()), set()),
            (({"x"}, None), set()),
        ],
    )
    def test_an_address_is_that_of_all(self, addresses: tuple[set[str] | None, ...], shared: set[str]) -> None:
        """A client that is away, or does not tell, may leave by any."""
        told = [None if one is None else Connection(addresses=frozenset(one)) for one in addresses]
        one = joined(told)
        assert one is not None
        assert one.addresses == shared


class TestSnapshot:
    def test_reads_each_clients_bodies(self) -> None:
        """Its torrents, preferences and free space; one that is down is named."""
        raw = {
            "format": "harvestmouse-snapshot/1",
            "taken_at": NOW,
            "qbittorrent": [
                {"name": "a", "down": True},
                {"name": "b", "torrents": [raw_torrent(1)], "preferences": raw_preferences(), "free_space_bytes": GIB},
                {"name": "c", "torrents": [raw_torrent(2)], "free_space_bytes": 2 * GIB},
                {"name": "d"},
            ],
        }
        seen = parse_snapshot(raw)
        assert [(one.hash, one.client) for one in seen.torrents or ()] == [(hash_of(1), "b"), (hash_of(2), "c")]
        assert [one.name for one in seen.queues] == ["b"]
        assert (seen.free_space_bytes, seen.preferences, seen.missing_clients) == (GIB, None, ("a", "d"))

    def test_with_no_client_there_knows_nothing(self) -> None:
        """As with a single one."""
        raw = {"format": "harvestmouse-snapshot/1", "taken_at": NOW, "qbittorrent": [{"name": "a", "down": True}]}
        seen = parse_snapshot(raw)
        assert (seen.torrents, seen.queues, seen.missing_clients) == (None, (), ())

    @pytest.mark.parametrize("clients", [[{}], [7], [{"name": "a"}, {"name": "a"}]])
    def test_each_has_a_name_of_its_own(self, clients: list[object]) -> None:
        """Or nobody could tell them apart."""
        with pytest.raises(SnapshotError, match=r"qbittorrent\[\d\]: expected an object with a name of its own"):
            parse_snapshot({"format": "harvestmouse-snapshot/1", "taken_at": NOW, "qbittorrent": clients})

    def test_a_row_of_no_client_takes_a_slot_in_each(self) -> None:
        """Either may hold it."""
        rows = (Malformed(subject="x", problem="two clients hold it"), Malformed(subject="y", problem="", client="b"))
        counted = {
            name: len(one.malformed_torrents) for name, one in both(malformed_torrents=rows).of_each_client().items()
        }
        assert counted == {"a": 1, "b": 2}

    def test_preferences_without_a_list_leave_the_slots_unknown(self) -> None:
        """As with a single client."""
        assert {one.torrents for one in both(torrents=None).of_each_client().values()} == {None}


class TestReconcile:
    def test_names_the_client(self) -> None:
        """In actions, decisions and the JSON form, both ways; a single client has no name anywhere."""
        plan = plan_reconcile(both(), SEED)
        (action,) = plan.actions
        assert isinstance(action, SetPreferences)
        assert (action.client, list(action.changes)) == ("b", ["max_active_uploads"])
        assert [one.subject for one in plan.decisions if "/" in one.subject] == [f"{c}/{k}" for c in "ab" for k in KEYS]
        written = unparse_plan(plan)
        assert written["actions"][0]["client"] == "b"
        assert parse_plan(written).actions == plan.actions
        single = plan_reconcile(snapshot(torrents=[], preferences=preferences(max_active_uploads=7)), SEED)
        assert "client" not in unparse_plan(single)["actions"][0]

    def test_gives_each_the_slots_for_its_own(self) -> None:
        """Five that owe in one client need no slot in the other."""
        owing = [evolve(torrent(number, seeding_time=3600), client="b") for number in range(1, 6)]
        few = policy(reconcile={"max_active_uploads": 3})
        plan = plan_reconcile(both(torrents=owing), few)
        wanted = {
            one.client: one.changes["max_active_uploads"]["to"]
            for one in plan.actions
            if isinstance(one, SetPreferences)
        }
        assert wanted == {"a": 3, "b": 5}
        assert not check(plan, both(torrents=owing), few)

    def test_converges_client_by_client(self) -> None:
        """What is left after it has nothing to write."""
        plan = plan_reconcile(both(), SEED)
        following = plan_reconcile(after(both(), plan), SEED)
        assert not following.actions
        assert not list(g9(plan, following))
        assert list(g9(plan, plan))

    def test_a_plan_without_a_name_is_refused(self) -> None:
        """It would be written to nobody knows whom."""
        changes = {"max_active_uploads": {"from": 7, "to": 150, "reason": "wanted"}}
        plan = Plan(job="reconcile", decided_at=NOW, actions=(SetPreferences(changes=changes),))
        assert [one.guarantee for one in check(plan, both(), SEED)] == ["G10"]

    def test_differs_by_client(self) -> None:
        """A replay tells which."""
        was, now = (unparse_plan(plan_reconcile(one, SEED)) for one in (both(), both(queues=both().queues[:1])))
        assert {one.subject for one in differences(was, now)} == {f"b/{key}" for key in KEYS}

    def test_is_explained_by_client(self) -> None:
        """Each key of each, with what would change it."""
        explained = {one.subject: one for one in explain_job(both(), SEED, "reconcile")}
        assert set(explained) == {"reconcile", *(f"{client}/{key}" for client in "ab" for key in KEYS)}
        one = explained["b/max_active_uploads"]
        assert one.decision is not None
        assert (one.decision.subject, one.decision.decision) == ("b/max_active_uploads", "change")
        assert one.flips


class TestMissing:
    def test_grab_is_held_and_says_for_whom(self) -> None:
        """A plan that picks all the same is refused (G5)."""
        less = both(searches=(page(result()),), missing_clients=("c",))
        plan = plan_grab(less, SEED)
        assert plan.skip is not None
        assert (plan.skip.reason, "the client c is missing" in plan.skip.detail) == ("client_unknown", True)
        picks = plan_grab(evolve(less, missing_clients=()), SEED)
        assert picks.actions
        assert "nobody knows what the client c has" in [one.detail for one in check(picks, less, SEED)]
        assert shown(explain_result(less, SEED, 1001), "client_unknown") == {"missing_clients": ("c",)}

    def test_a_refusal_is_no_verdict_and_says_why(self) -> None:
        """Whether it is on most torrents nobody can tell."""
        refused = evolve(torrent(1, messages=GONE, seeding_time=5 * DAY), client="a")
        rest = [evolve(torrent(number), client="a") for number in range(2, 6)]
        less = both(torrents=[refused, *rest], missing_clients=("b",))
        explained = explain_torrent(less, SEED, refused.hash)
        assert explained.decision is not None
        assert (explained.decision.decision, explained.decision.reason) == ("keep", "unknown")
        assert shown(explained, "unknown") == {"unusable_facts": ("missing_clients",)}
        sure = explain_torrent(evolve(less, missing_clients=()), SEED, refused.hash).decision
        assert sure is not None
        assert sure.reason == "unregistered"

    def test_rescue_announces_no_refused_torrent(self) -> None:
        """That the rest seeds is seen to."""
        refused = evolve(torrent(1, messages=(message("no", status=4),), seeding_time=3600), client="a")
        announcing = policy(rescue={"reannounce": True})
        less = both(torrents=[refused], missing_clients=("b",))
        explained = explain_torrent(less, announcing, refused.hash, "rescue")
        assert explained.decision is not None
        assert (explained.decision.decision, explained.decision.reason) == ("keep", "unknown")
        assert shown(explained, "unknown") == {"unusable_facts": ("missing_clients",)}
        sure = explain_torrent(evolve(less, missing_clients=()), announcing, refused.hash, "rescue").decision
        assert sure is not None
        assert sure.decision == "reannounce"
