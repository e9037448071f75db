"""What the operator is told: the causes that need a person, each once a day."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.guarantees import Violation
from harvestmouse.core.plan import Plan, Reason, Skip
from harvestmouse.runners.notices import Ending, Told, news
from harvestmouse.runners.report import Outcome, Report, Status
from tests.support.builders import DAY, NOW

CREDIT = BuyUpload(gib=50, cost_bp=25_000)


def ending(*bought: BuyUpload | BuyVip, status: Status = Status.DONE, job: str = "spend", **facts: Any) -> Ending:
    """Return a run that ended well, with these purchases."""
    names = ("violations", "error", "error_code")
    report = {name: facts.pop(name) for name in names if name in facts and name != "error"}
    plan = Plan(job=job, decided_at=NOW, skip=facts.pop("skip", None), figures=facts.pop("figures", {}))
    outcomes = tuple(Outcome(one, status) for one in bought)
    return Ending(job=job, report=Report(plan=plan, apply=True, outcomes=outcomes, **report), **facts)


def causes(run: Ending, told: Told | None = None, now: int = NOW) -> list[str]:
    """Return what is told of it."""
    return [notice.cause for notice in news(run, told or Told(), now)[0]]


def test_an_ordinary_run_tells_nothing() -> None:
    """Nor does one that never learned how the account is."""
    assert causes(ending(state="ok", figures={"class": "User", "hit_and_run_count": 0})) == []
    assert causes(Ending(job="janitor")) == []


class TestStates:
    """Changes of the account's state are told, in both directions."""

    def test_a_refused_session_is_told_with_its_advice(self) -> None:
        """In the words of the error."""
        run = Ending(job="grab", state="session_invalid", error="403. Log in with a browser")
        (notice,), known = news(run, Told(), NOW)
        assert (notice.cause, notice.text) == ("state session_invalid", "403. Log in with a browser")
        assert known.state == "session_invalid"

    def test_the_same_state_is_not_told_again(self) -> None:
        """Not even days later."""
        run = Ending(job="grab", state="session_invalid", error="403")
        known = news(run, Told(), NOW)[1]
        assert causes(run, known, NOW + 5 * DAY) == []

    def test_recovery_is_told(self) -> None:
        """By the first run that the site answers; one that did not ask leaves the state as it is."""
        ill = Told(state="site_down")
        assert causes(ending(state="ok"), ill) == ["state ok"]
        assert news(ending(job="janitor"), ill, NOW) == ([], ill)

    def test_a_state_that_comes_and_goes_is_told_once_a_day(self) -> None:
        """Up and down ten times."""
        told, count = Told(), 0
        for hour in range(20):
            state = "site_down" if hour % 2 else "ok"
            notices, told = news(Ending(job="grab", state=state), told, NOW + hour * 3600)
            count += len(notices)
        assert count == 2


class TestClass:
    """A changed class is told."""

    @pytest.mark.parametrize(
        ("before", "now", "told"),
        [("", "User", []), ("", "Mouse", ["class Mouse"]), ("User", "Mouse", ["class Mouse"]),
         ("Mouse", "User", ["class User"]), ("User", "User", [])],
    )  # fmt: skip
    def test_what_it_was_and_is(self, before: str, now: str, told: list[str]) -> None:
        """The first sight of a class is no change, unless it is Mouse."""
        assert causes(ending(figures={"class": now}), Told(class_name=before)) == told


class TestPurchases:
    """What was spent is told."""

    def test_amount_and_price_are_said(self) -> None:
        """Of all purchases of the run."""
        (notice,), _ = news(ending(CREDIT, BuyVip(weeks=4, cost_bp=5000)), Told(), NOW)
        assert notice.text == "Bought 50 GiB of upload credit for 25000 BP; Bought 4 weeks of VIP for 5000 BP"

    @pytest.mark.parametrize("status", [Status.FAILED, Status.NOT_ATTEMPTED])
    def test_a_purchase_that_did_not_happen_is_not(self, status: Status) -> None:
        """A dry run's neither."""
        assert causes(ending(CREDIT, status=status)) == []


class TestSafety:
    """A plan that was refused, and a listing that was not believed, are told for each job."""

    def test_a_broken_guarantee_is_named(self) -> None:
        """With what was measured."""
        run = ending(job="janitor", violations=(Violation("G1", "abc", "seeded 5 s of 6 s"),))
        (notice,), _ = news(run, Told(), NOW)
        assert (notice.cause, notice.text) == ("blocked janitor", "G1 abc: seeded 5 s of 6 s")

    def test_an_empty_listing_is_told(self) -> None:
        """An ordinary skip is not."""
        empty = ending(job="janitor", skip=Skip(reason=Reason.EMPTY_LISTING, detail="no torrent"))
        assert causes(empty) == ["blocked janitor"]
        assert causes(ending(job="grab", skip=Skip(reason=Reason.MOUSE_CLASS, detail="class=Mouse"))) == []

    def test_hit_and_runs_are_told_every_day(self) -> None:
        """They do not go by themselves."""
        run = ending(job="grab", figures={"hit_and_run_count": 3})
        notices, known = news(run, Told(), NOW)
        assert notices[0].title == "3 hit-and-runs on the account"
        assert causes(run, known, NOW + DAY - 1) == []
        assert causes(run, known, NOW + DAY) == ["hit-and-run"]


class TestMemory:
    """What was told is kept, and no longer than it is of use."""

    def test_it_is_read_back(self) -> None:
        """Whatever was in it."""
        told = Told(state="site_down", class_name="User", at={"purchase": NOW})
        assert Told.parse(told.unparse()) == told

    @pytest.mark.parametrize("facts", [{}, {"state": 1, "class": None, "at": []}, {"at": {"purchase": "x"}}])
    def test_what_is_damaged_counts_as_never_told(self, facts: dict[str, Any]) -> None:
        """Something is told once more."""
        assert Told.parse(facts) == Told()

    def test_old_causes_are_forgotten(self) -> None:
        """After a day they do not matter."""
        told = Told(at={"purchase": NOW - DAY, "hit-and-run": NOW - DAY + 1})
        assert news(ending(), told, NOW)[1] == evolve(told, at={"hit-and-run": NOW - DAY + 1})
