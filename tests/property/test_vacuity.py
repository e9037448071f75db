"""The laws are worth what they are tried on: what the strategies draw reaches every rule, often enough."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harvestmouse.core.actions import BuyUpload, BuyVip, SetPreferences
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import GUARDS, OUTCOMES, Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.reconcile import KEYS
from tests.property import strategies as my

EXAMPLES, FLOOR = 1500, 5
# Tiers that the balance, which the site caps at 99 999, can pay for at the site's price.
TIERS = (50, 100)
WEEKS = (4, 8, 12)


def outcomes(plan: Plan) -> list[str]:
    """Name everything that a plan shows to happen."""
    if plan.skip is not None:
        return [f"skip {plan.skip.reason}"]
    named = [f"{one.decision} {one.reason}" for one in plan.decisions]
    for action in plan.actions:
        if isinstance(action, BuyUpload | BuyVip):
            named.append(f"{action.kind} {action.gib if isinstance(action, BuyUpload) else action.weeks}")
        if isinstance(action, SetPreferences):
            named += [f"change of {key}" for key in action.changes]
    return named


def wanted(job: str) -> list[str]:
    """Name everything that can happen in a job, from the catalogue of reasons."""
    every = [f"skip {reason}" for reason in GUARDS[job]]
    every += [f"{verdict} {reason}" for verdict, reasons in OUTCOMES[job].items() for reason in reasons]
    if job == "spend":
        every += [f"buy_upload {gib}" for gib in TIERS] + [f"buy_vip {weeks}" for weeks in WEEKS]
    if job == "reconcile":
        every += [f"change of {key}" for key in KEYS]
    return every + (["rests"] if job == "monitor" else ["acts", "rests"])


def drawn(job: str) -> Counter[str]:
    """Plan from a fixed number of worlds, always the same ones, and count in how many of them each thing happens."""
    counts: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(my.WORLDS[job])
    def count(world: tuple[Snapshot, Policy]) -> None:
        plan = JOBS[job](*world)
        counts.update(set(outcomes(plan)))
        counts["acts" if plan.actions else "rests"] += 1

    count()
    return counts


@pytest.mark.parametrize("job", JOBS)
def test_every_guard_reason_tier_and_key_is_drawn_often_enough(job: str) -> None:
    """A law that never meets a rule says nothing about it."""
    counts = drawn(job)
    for name in wanted(job):
        print(f"{counts[name]:5}  {job}: {name}")  # noqa: T201 - the table is what one wants to see
    assert {name: counts[name] for name in wanted(job) if counts[name] < FLOOR} == {}
