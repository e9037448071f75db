"""A plan counts its decisions, and every reason explains itself in one place."""

import pytest

from harvestmouse.core.actions import ACTIONS
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import GUARDS, MAX_AGE_SECONDS, OUTCOMES, Decision, Plan, Reason, Verdict
from tests.support.builders import NOW

MADE = Plan(
    job="janitor",
    decided_at=NOW,
    decisions=(
        Decision("a", Verdict.DELETE, Reason.NEVER_STARTED),
        Decision("b", Verdict.DELETE, Reason.NEVER_STARTED),
        Decision("c", Verdict.KEEP, Reason.ACTIVE),
    ),
)


def test_counts_have_every_reason_of_the_job_with_zero_where_nothing_happened() -> None:
    """A metric that is missing cannot be told from one that is zero."""
    assert MADE.counts == {
        "delete": {
            "unregistered": 0,
            "never_started": 2,
            "stalled_old": 0,
            "graceful_retire": 0,
            "zero_demand": 0,
            "satisfied_redundant": 0,
        },
        "keep": {
            "protected": 0,
            "transient_state": 0,
            "client_error": 0,
            "unknown": 0,
            "hnr_window": 0,
            "recovery_hold": 0,
            "account_event": 0,
            "partial_download": 0,
            "deletion_limit": 0,
            "active": 1,
            "malformed": 0,
        },
    }


def test_decisions_are_counted_by_verdict_and_reason() -> None:
    """With no reason named, all of the verdict's count."""
    assert MADE.count(Verdict.DELETE) == 2
    assert MADE.count(Verdict.DELETE, [Reason.UNREGISTERED]) == 0
    assert MADE.count(Verdict.KEEP, [Reason.ACTIVE, Reason.UNKNOWN]) == 1


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained_in_a_sentence(reason: Reason) -> None:
    """It starts with a capital, goes on in small letters and ends with a full stop."""
    assert reason.sentence[0].isupper()
    assert not reason.sentence.isupper()
    assert reason.sentence.endswith(".")
    assert reason.value == reason.name.lower()


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_belongs_to_a_job(reason: Reason) -> None:
    """As a guard or as an outcome."""
    given = {one for reasons in GUARDS.values() for one in reasons}
    given |= {one for verdicts in OUTCOMES.values() for reasons in verdicts.values() for one in reasons}
    assert reason in given


def test_every_job_has_its_guards_and_outcomes() -> None:
    """Metrics are made from these tables."""
    jobs = {"grab", "janitor", "spend", "reconcile", "monitor", "rescue", "address"}
    assert set(GUARDS) == set(OUTCOMES) == set(JOBS) == jobs


def test_the_actions_are_the_published_ones() -> None:
    """Under the names of the plan's JSON form."""
    assert set(ACTIONS) == {
        "add_torrent",
        "delete_torrent",
        "buy_upload",
        "buy_vip",
        "set_preferences",
        "force_start",
        "resume",
        "reannounce",
        "register_address",
    }


def test_a_plan_ages_within_ten_minutes() -> None:
    """An executor declines an older one."""
    assert MAX_AGE_SECONDS == 600
