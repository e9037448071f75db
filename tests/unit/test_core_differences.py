"""Two plans are compared item by item, in their JSON form."""

import json
from copy import deepcopy
from typing import Any

import pytest

from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.differences import Difference, differences, policy_differences
from harvestmouse.core.errors import PlanError
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED
from harvestmouse.core.reconcile import plan_reconcile
from harvestmouse.core.spend import plan_spend
from harvestmouse.core.wire.plan import dump, unparse_plan
from tests.support.builders import (
    DAY,
    GIB,
    NOW,
    download,
    hash_of,
    mouse,
    page,
    preferences,
    profile,
    result,
    snapshot,
    torrent,
)

Form = dict[str, Any]


def form_of(plan: Plan) -> Form:
    """Return a plan as it is read back from a file."""
    form: Form = json.loads(dump(unparse_plan(plan)))
    return form


@pytest.fixture
def cleanup() -> Form:
    """One torrent goes, one stays."""
    return form_of(plan_cleanup(snapshot(torrents=(download(1, added_on=NOW - 2 * DAY), torrent(2))), SEED))


@pytest.fixture
def grab() -> Form:
    """Two picks and a rejection."""
    seen = snapshot(searches=(page(result(1001), result(1002, leechers=9), result(1003, seeders=99)),))
    return form_of(plan_grab(seen, SEED))


def whats(found: tuple[Difference, ...]) -> list[tuple[str, str]]:
    """Return what differs, in order."""
    return [(one.what, one.subject) for one in found]


@pytest.mark.parametrize("job", JOBS)
def test_a_plan_is_the_same_as_itself(job: str) -> None:
    """Whatever the job, with something in it."""
    seen = snapshot(torrents=(torrent(1),), searches=(page(result()),), profile=profile(uploaded_bytes=GIB))
    form = form_of(JOBS[job](seen, SEED))
    assert differences(deepcopy(form), form) == ()
    assert policy_differences(deepcopy(form), form) == ()


def test_a_skip_is_compared_by_its_reason(grab: Form) -> None:
    """With the details of both sides; other words for the same reason are no difference."""
    skipped = form_of(plan_grab(snapshot(profile=mouse()), SEED))
    first, *rest = differences(skipped, grab)
    assert (first.what, first.subject, first.was, first.now) == ("skip", "grab", "mouse_class", None)
    assert first.why == f"was: {skipped['skip']['detail']}"
    assert {(one.what, one.was) for one in rest} >= {("decision", None)}
    back = differences(grab, skipped)[0]
    assert (back.was, back.now, back.why) == (None, "mouse_class", f"is: {skipped['skip']['detail']}")
    reworded = deepcopy(skipped)
    reworded["skip"]["detail"] = "other words"
    assert differences(reworded, skipped) == ()


def test_both_details_stand_where_one_guard_took_anothers_place() -> None:
    """In the order of the sides."""
    skipped = form_of(plan_grab(snapshot(profile=mouse()), SEED))
    other = {**skipped, "skip": {"reason": "low_ratio", "detail": "ratio=0.1"}}
    (one,) = differences(other, skipped)
    assert (one.was, one.now) == ("low_ratio", "mouse_class")
    assert one.why == f"was: ratio=0.1; is: {skipped['skip']['detail']}"


def test_a_source_that_was_missing_is_a_difference(cleanup: Form) -> None:
    """Decisions that need it were held."""
    (one,) = differences({**cleanup, "complete": False}, cleanup)
    assert (one.what, one.subject, one.was, one.now) == ("complete", "janitor", False, True)


class TestDecisions:
    def test_another_verdict_is_told_with_both_reasons_and_the_facts(self, cleanup: Form) -> None:
        """The action that follows from it is not told again."""
        was = deepcopy(cleanup)
        row = next(row for row in was["decisions"] if row["decision"] == "delete")
        row |= {"decision": "keep", "reason": "active"}
        was["actions"] = []
        (one,) = differences(was, cleanup)
        assert (one.what, one.subject, one.name) == ("decision", hash_of(1), "Torrent 1")
        assert one.was == {"decision": "keep", "reason": "active"}
        assert one.now == {"decision": "delete", "reason": "never_started"}
        was_said, is_said, facts = one.why.split("; ")
        assert was_said == "was: No rule wants it gone"
        assert is_said == "is: Nothing was downloaded in all the time since it was added"
        assert facts.startswith("state stalledDL, age_seconds 172800, ")
        assert "Torrent 1" not in facts

    def test_facts_that_differ_are_the_ones_that_matter(self, cleanup: Form) -> None:
        """The others are left out."""
        was = deepcopy(cleanup)
        row = next(row for row in was["decisions"] if row["decision"] == "delete")
        row |= {"reason": "stalled_old"}
        row["facts"]["age_seconds"] = 5
        assert differences(was, cleanup)[0].why.endswith("; age_seconds 5 -> 172800")

    def test_another_reason_for_the_same_verdict_is_a_difference(self, cleanup: Form) -> None:
        """Also where the reason is one that this version has not."""
        was = deepcopy(cleanup)
        row = next(row for row in was["decisions"] if row["decision"] == "keep")
        row["reason"] = "of_another_age"
        (one,) = differences(was, cleanup)
        assert one.was == {"decision": "keep", "reason": "of_another_age"}
        assert one.why.startswith("was: of_another_age; is: No rule wants it gone; ")

    def test_items_that_are_on_one_side_only(self, cleanup: Form) -> None:
        """Gone, or new."""
        fewer = deepcopy(cleanup)
        gone = fewer["decisions"].pop()
        (one,) = differences(cleanup, fewer)
        assert (one.subject, one.was, one.now) == (gone["subject"], {"decision": "keep", "reason": "active"}, None)
        assert one.why.startswith("there is no decision any more; was: No rule wants it gone; state stalledUP, ")
        assert "->" not in one.why
        (one,) = differences(fewer, cleanup)
        assert (one.was, one.now, one.name) == (None, {"decision": "keep", "reason": "active"}, "Torrent 2")
        assert one.why.startswith("there was no decision; is: No rule wants it gone; ")

    def test_facts_alone(self, cleanup: Form) -> None:
        """Only those that differ; one that is new is told by later versions only, and no difference."""
        was = deepcopy(cleanup)
        facts = next(row for row in was["decisions"] if row["decision"] == "keep")["facts"]
        facts["seeders"] += 1
        facts["of_old"] = True
        del facts["age_seconds"]
        (one,) = differences(was, cleanup)
        assert (one.what, one.subject, one.name) == ("facts", hash_of(2), "Torrent 2")
        assert (one.was, one.now) == ({"seeders": 4, "of_old": True}, {"seeders": 3, "of_old": None})

    def test_a_decision_without_facts_has_no_empty_words(self) -> None:
        """As those about preferences of an unknown client."""
        plan: Form = {"format": "harvestmouse-plan/1", "job": "janitor", "skip": None, "complete": True, "policy": {},
                      "actions": [], "figures": {},
                "decisions": [{"subject": "a", "decision": "keep", "reason": "active", "facts": {}}]}  # fmt: skip
        was = deepcopy(plan)
        was["decisions"][0]["reason"] = "unknown"
        (one,) = differences(was, plan)
        assert one.why == "was: A fact the rules need is missing or absurd; is: No rule wants it gone"
        assert one.name is None

    def test_floats_are_compared_exactly(self, grab: Form) -> None:
        """The smallest change is one."""
        was = deepcopy(grab)
        facts = next(row for row in was["decisions"] if row["subject"] == "1002")["facts"]
        facts["score"] += 1e-12
        assert ("facts", "1002") in whats(differences(was, grab))


class TestActions:
    def test_a_field_that_differs(self, grab: Form) -> None:
        """Only it, with the kind of action."""
        was = deepcopy(grab)
        was["actions"][1]["category"] = "books"
        (one,) = differences(was, grab)
        assert (one.what, one.subject, one.name) == ("action", "1001", "Title 1001")
        assert one.was == {"action": "add_torrent", "category": "books"}
        assert one.now == {"action": "add_torrent", "category": "mam-farming"}

    def test_a_field_that_is_new_is_none(self, grab: Form) -> None:
        """The older plan did not have it."""
        was = deepcopy(grab)
        del was["actions"][0]["tags"]
        assert differences(was, grab) == ()
        was["actions"][1]["tags"] = []
        assert whats(differences(was, grab)) == [("action", "1001")]

    def test_one_that_is_on_one_side_only(self, grab: Form) -> None:
        """Though the decision is the same."""
        was = deepcopy(grab)
        lost = was["actions"].pop()
        (one,) = differences(was, grab)
        assert (one.what, one.subject, one.was, one.now) == ("action", str(lost["id"]), None, lost)
        (one,) = differences(grab, was)
        assert (one.was, one.now, one.name) == (lost, None, lost["title"])

    def test_one_without_fields(self, grab: Form) -> None:
        """Such as asking the site to register the address."""
        was = {**grab, "actions": [*grab["actions"], {"action": "register_address"}]}
        for sides, seen in (((was, grab), ({"action": "register_address"}, None)),
                            ((grab, was), (None, {"action": "register_address"}))):  # fmt: skip
            (one,) = differences(*sides)
            assert (one.subject, one.was, one.now) == ("register_address", *seen)

    def test_their_order(self, grab: Form) -> None:
        """The best is added first."""
        was = deepcopy(grab)
        was["actions"].reverse()
        (one,) = differences(was, grab)
        assert (one.what, one.subject) == ("order", "actions")
        assert one.was == ["add_torrent 1001", "add_torrent 1002"]
        assert one.now == ["add_torrent 1002", "add_torrent 1001"]

    @pytest.mark.parametrize("kind", ["upload", "vip"])
    def test_purchases_go_with_their_decision(self, kind: str) -> None:
        """A purchase that was held is one difference."""
        now = form_of(plan_spend(snapshot(), SEED))
        now["decisions"] = [{"subject": kind, "decision": "buy", "reason": "deficit", "facts": {}}]
        now["actions"] = [{"action": f"buy_{kind}", "cost_bp": 5000}]
        was = {**now, "actions": [], "decisions": [{**now["decisions"][0], "decision": "hold"}]}
        assert whats(differences(was, now)) == [("decision", kind)]

    def test_each_preference_is_one(self) -> None:
        """Though they are written in one request."""
        seen = snapshot(preferences=preferences(max_active_uploads=4, max_active_downloads=3))
        now = form_of(plan_reconcile(seen, SEED))
        was = deepcopy(now)
        was["actions"][0]["changes"]["max_active_uploads"]["to"] = 9
        (one,) = differences(was, now)
        assert (one.what, one.subject) == ("action", "max_active_uploads")
        assert (one.was, one.now) == (
            {"action": "set_preferences", "to": 9},
            {"action": "set_preferences", "to": 150},
        )
        was["actions"].insert(0, {"action": "register_address"})
        assert [one.subject for one in differences(was, now)] == ["register_address", "max_active_uploads"]


def test_figures_are_compared_to_the_innermost() -> None:
    """By the place of each; new ones are no difference, lost ones are."""
    seen = snapshot(torrents=(torrent(1), torrent(2)))
    now = form_of(JOBS["monitor"](seen, SEED))
    was = deepcopy(now)
    was["figures"]["trackers"]["mam"]["torrents"] = 1
    was["figures"]["lost"] = "word"
    del was["figures"]["malformed_torrents"]
    found = differences(was, now)
    assert [(one.what, one.subject, one.was, one.now) for one in found] == [
        ("figure", "trackers.mam.torrents", 1, 2),
        ("figure", "lost", "word", None),
    ]
    assert {(one.why, one.name) for one in found} == {("", None)}


def test_advice_is_for_people(cleanup: Form) -> None:
    """Other sentences are no difference."""
    assert differences({**cleanup, "advice": ["Eat more cheese."]}, cleanup) == ()


def test_the_policy_is_told_apart(cleanup: Form) -> None:
    """Figures that the older plan does not have are not compared."""
    was = deepcopy(cleanup)
    was["policy"]["satisfied_seeder_floor"] = 7
    del was["policy"]["always_allowed"]
    assert differences(was, cleanup) == ()
    (one,) = policy_differences(was, cleanup)
    assert (one.what, one.subject, one.was, one.now) == ("policy", "satisfied_seeder_floor", 7, 5)
    del was["policy"]
    assert policy_differences(was, cleanup) == ()


@pytest.mark.parametrize(
    ("was", "found"),
    [(None, "None"), ([7], r"\[7\]"), ({}, "None"), ({"format": "harvestmouse-plan/2"}, "'.*-plan/2'")],
)
def test_an_unknown_format_is_an_error(cleanup: Form, was: object, found: str) -> None:
    """That names what was expected."""
    with pytest.raises(PlanError, match=f'^expected a plan with format "harvestmouse-plan/1", found {found}$'):
        differences(was, cleanup)


@pytest.mark.parametrize(
    "part",
    [{"decisions": [{"subject": "a"}]}, {"decisions": "abc"}, {"actions": [{}]}, {"actions": 5}, {"figures": []},
     {"skip": "mouse"}],
)  # fmt: skip
def test_what_is_no_plan_is_an_error(cleanup: Form, part: Form) -> None:
    """One of this project's."""
    with pytest.raises(PlanError, match=r"^not a plan: (Attribute|Key|Type)Error "):
        differences({**cleanup, **part}, cleanup)
