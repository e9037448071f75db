"""A plan's JSON form is the published one, and reads back."""

import json
from typing import Any

import pytest

from harvestmouse.core.actions import AddTorrent, RegisterAddress, SetPreferences
from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.errors import PlanError
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Connection
from harvestmouse.core.plan import Plan, Reason, Skip
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.plan import FORMAT, dump, parse_plan, unparse_action, unparse_plan
from tests.support.builders import (
    DAY,
    HOUR,
    NOW,
    download,
    hash_of,
    mouse,
    page,
    policy,
    preferences,
    profile,
    result,
    snapshot,
    torrent,
)

BUSY = snapshot(
    profile=profile(uploaded_bytes=0, bonus_points=30000.0),
    searches=(page(result(), result(7, seeders=99)),),
    torrents=(torrent(1, state="stoppedUP", seeding_time=HOUR), download(2, added_on=NOW - 2 * DAY), torrent(3)),
    preferences=preferences(max_active_uploads=3),
    site_address="here",
    connection=Connection(addresses=frozenset({"here"})),
)
EAGER = policy(reconcile={"force_start": True}, grab={"ratio_floor": 0}, address={"register_address": True})


def document(**changes: object) -> dict[str, Any]:
    """Return the least document that is a plan."""
    return {"format": FORMAT, "job": "grab", "decided_at": NOW, **changes}


def test_the_form_has_the_published_keys() -> None:
    """One form for all jobs, deletions explained by name and reason."""
    form = unparse_plan(plan_cleanup(snapshot(torrents=(download(added_on=NOW - 2 * DAY),)), SEED))
    assert list(form) == [
        "format",
        "job",
        "decided_at",
        "complete",
        "skip",
        "actions",
        "decisions",
        "counts",
        "figures",
        "advice",
        "policy",
    ]
    assert form["actions"] == [
        {
            "action": "delete_torrent",
            "hash": hash_of(1),
            "name": "Torrent 1",
            "reason": "never_started",
            "delete_files": True,
        }
    ]
    assert form["counts"]["delete"]["never_started"] == 1
    assert form["decisions"][0]["facts"]["age_seconds"] == 2 * DAY


def test_a_skip_is_told_with_its_detail() -> None:
    """And the actions are empty."""
    form = unparse_plan(plan_grab(snapshot(profile=mouse()), SEED))
    assert form["skip"] == {"reason": "mouse_class", "detail": "class=Mouse ratio=0.00"}
    assert (form["actions"], form["decisions"]) == ([], [])


@pytest.mark.parametrize("job", sorted(JOBS))
def test_every_job_s_plan_reads_back_from_its_text(job: str) -> None:
    """Nothing is lost on the way, and the text is the same again."""
    made = JOBS[job](BUSY, EAGER)
    text = dump(unparse_plan(made))
    assert made.actions or job == "monitor"
    assert dump(unparse_plan(parse_plan(json.loads(text)))) == text


def test_a_skipped_plan_reads_back() -> None:
    """Equal to what was written."""
    made = Plan(job="grab", decided_at=NOW, skip=Skip(reason=Reason.MOUSE_CLASS, detail="x"), complete=False)
    assert parse_plan(json.loads(dump(unparse_plan(made)))) == made


def test_actions_without_figures_and_with_many_are_written_alike() -> None:
    """The kind stands under `action`."""
    assert unparse_action(RegisterAddress()) == {"action": "register_address"}
    changes = {"max_active_uploads": {"from": 3, "to": 150, "reason": "wanted"}}
    assert unparse_action(SetPreferences(changes=changes)) == {"action": "set_preferences", "changes": changes}


def test_tags_read_back_as_they_were() -> None:
    """A list in JSON is a tuple in the action."""
    made = plan_grab(snapshot(searches=(page(result()),)), SEED)
    (action,) = parse_plan(json.loads(dump(unparse_plan(made)))).actions
    assert isinstance(action, AddTorrent)
    assert action == made.actions[0]


def test_the_outcome_beside_a_plan_is_passed_over() -> None:
    """A run writes it into the same document."""
    assert parse_plan(document(outcome=[{"action": "x"}], counts={})) == Plan(job="grab", decided_at=NOW)


KEPT = {"subject": "x", "decision": "keep", "reason": "active"}


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (None, "expected a plan"),
        ([], "expected a plan"),
        ({"format": "harvestmouse-plan/2", "job": "grab"}, "found 'harvestmouse-plan/2'$"),
        ({"format": FORMAT}, "job"),
        ({"format": FORMAT, "job": "grab"}, "decided_at"),
        (document(decided_at="soon"), "^not a plan: ValueError "),
        (document(actions=[{"action": "format_disk"}]), "no known kind"),
        (document(actions=[{}]), "no known kind"),
        (document(actions=[5]), "expected an object"),
        (document(actions=5), "expected a list, found 5$"),
        (document(skip={"reason": "mood"}), "^invalid value.*; required field missing"),
        (document(decisions=[{**KEPT, "facts": [["a", 1]]}]), "facts"),
        (document(actions=[{"action": "delete_torrent"}]), "hash"),
        (document(actions=[{"action": "register_address", "extra": 1}]), "extra"),
        (document(decisions=[{"subject": "x", "decision": "sell", "reason": "active", "facts": {}}]), "decision"),
        (document(decisions=[{"subject": "x", "decision": "keep", "reason": "mood", "facts": {}}]), "reason"),
        (document(skip={"reason": "mouse_class"}), "detail"),
        (document(figures=[]), "expected an object"),
    ],
)
def test_what_is_no_plan_is_an_error_that_says_so(broken: object, text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(PlanError, match=text):
        parse_plan(broken)


def test_a_time_without_end_is_an_error_too() -> None:
    """JSON readers take 1e999 for infinity."""
    with pytest.raises(PlanError):
        parse_plan(json.loads('{"format": "harvestmouse-plan/1", "job": "grab", "decided_at": 1e999}'))


def test_a_plan_of_an_unknown_job_is_an_error() -> None:
    """Its reasons could not be counted."""
    with pytest.raises(PlanError):
        parse_plan(document(job="mine_bitcoin"))


def test_a_decision_the_job_cannot_make_is_an_error() -> None:
    """Grab deletes nothing."""
    decision = {"subject": "x", "decision": "delete", "reason": "active", "facts": {}}
    with pytest.raises(PlanError):
        parse_plan(document(decisions=[decision]))


def test_advice_that_is_no_list_is_an_error() -> None:
    """Sentences, not letters."""
    with pytest.raises(PlanError):
        parse_plan(document(advice="abc"))


def test_text_has_no_numbers_that_are_none() -> None:
    """A plan that would not be JSON is not written."""
    with pytest.raises(ValueError, match="JSON compliant"):
        dump({"figures": float("inf")})
