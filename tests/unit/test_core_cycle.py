"""All jobs as one plan: their order, what they share, and what each leaves to another."""

import json
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import AddTorrent, BuyUpload, DeleteTorrent, ForceStart, Resume, SetPreferences
from harvestmouse.core.cycle import PLANNERS, plan_cycle
from harvestmouse.core.differences import differences, policy_differences
from harvestmouse.core.errors import PlanError
from harvestmouse.core.guarantees import check, g5
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.wire.plan import dump, parse_plan, parts_of, unparse_plan
from tests.support.builders import (
    DAY,
    GIB,
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

EAGER = policy(reconcile={"force_start": True})
ALL = ["monitor", "janitor", "spend", "reconcile", "rescue", "grab"]


def stuck(number: int) -> Any:
    """Return a torrent that never started."""
    return download(number, added_on=NOW - 2 * DAY)


def busy(**changes: Any) -> Snapshot:
    """Return a world in which every job that acts has something to do."""
    torrents = (stuck(1), torrent(2, state="queuedUP", seeding_time=HOUR), torrent(3))
    account = profile(uploaded_bytes=15 * GIB, bonus_points=60_000.0)
    queue = preferences(max_active_uploads=3)
    return snapshot(
        **{"profile": account, "torrents": torrents, "preferences": queue, "searches": (page(result()),), **changes}
    )


def part(plan: Plan, job: str) -> Plan:
    """Return the plan of one job."""
    (found,) = (one for one in plan.parts if one.job == job)
    return found


class TestOrder:
    """The jobs decide, and act, in one order."""

    def test_every_job_has_its_part(self) -> None:
        """Monitor looks first, grab takes on last."""
        assert [one.job for one in plan_cycle(busy(), SEED).parts] == ALL

    def test_the_actions_are_those_of_the_jobs_in_order(self) -> None:
        """Make room, buy, set the queue, start what owes, add."""
        kinds = [type(action) for action in plan_cycle(busy(), EAGER).actions]
        assert kinds == [DeleteTorrent, BuyUpload, SetPreferences, ForceStart, AddTorrent]

    def test_decisions_advice_figures_and_policy_are_those_of_the_jobs(self) -> None:
        """Figures and policy under the name of the job."""
        plan = plan_cycle(busy(), SEED)
        assert plan.decisions == tuple(decision for one in plan.parts for decision in one.decisions)
        assert plan.advice == tuple(sentence for one in plan.parts for sentence in one.advice)
        assert plan.advice
        assert plan.figures["janitor"] == part(plan, "janitor").figures
        assert plan.policy["grab"]["per_run"] == 5
        assert plan.counts["delete"]["never_started"] == plan.counts["pick"]["selected"] == 1

    def test_the_counts_of_a_verdict_are_those_of_all_jobs(self) -> None:
        """Janitor, reconcile and rescue all keep."""
        kept = plan_cycle(busy(), SEED).counts["keep"]
        assert (kept["hnr_window"], kept["as_wanted"], kept["owed_queued"], kept["active"]) == (1, 4, 1, 1)

    def test_every_job_can_be_run_and_so_can_all(self) -> None:
        """By name."""
        assert set(PLANNERS) == {*JOBS, "cycle"}


class TestHalfAWorld:
    """What a job needs and nobody told skips that job alone."""

    def test_without_the_site_the_client_s_jobs_go_on(self) -> None:
        """Spend and grab wait."""
        plan = plan_cycle(busy(profile=None, searches=None), EAGER)
        skips = {one.job: one.skip.reason for one in plan.parts if one.skip is not None}
        assert skips == {"spend": Reason.PROFILE_UNKNOWN, "grab": Reason.PROFILE_UNKNOWN}
        assert [type(action) for action in plan.actions] == [DeleteTorrent, SetPreferences, ForceStart]
        assert plan.skip is None
        assert not plan.complete

    def test_without_the_client_spend_goes_on(self) -> None:
        """All others wait."""
        plan = plan_cycle(busy(torrents=None, preferences=None, free_space_bytes=None, connection=None), SEED)
        skips = {one.job: one.skip.reason for one in plan.parts if one.skip is not None}
        assert skips == dict.fromkeys(("monitor", "janitor", "reconcile", "rescue", "grab"), Reason.CLIENT_UNKNOWN)
        assert [type(action) for action in plan.actions] == [BuyUpload]

    def test_the_reason_of_a_job_is_the_job_s(self) -> None:
        """An account of class Mouse is cleaned up and lifted, but not fed."""
        plan = plan_cycle(busy(profile=mouse(bonus_points=60_000.0)), SEED)
        assert [one.job for one in plan.parts if one.skip is not None] == ["grab"]
        assert [type(action) for action in plan.actions] == [DeleteTorrent, BuyUpload, SetPreferences]


class TestPlaces:
    """Places that the janitor frees are for grab in the same run."""

    @pytest.mark.parametrize(("going", "most", "picks"), [(2, 3, 2), (1, 3, 1), (0, 3, 0), (3, 3, 3), (2, 4, 3)])
    def test_as_many_are_added_as_places_are_free_then(self, going: int, most: int, picks: int) -> None:
        """Of three torrents some go, and five results are on offer."""
        torrents = [stuck(number) if number < going else torrent(number) for number in range(3)]
        offered = page(*(result(number, leechers=number) for number in range(1001, 1006)))
        seen, wanted = snapshot(torrents=torrents, searches=(offered,)), policy(grab={"max_torrents": most})
        plan = plan_cycle(seen, wanted)
        assert part(plan, "grab").count(Verdict.PICK) == picks
        assert part(plan, "janitor").count(Verdict.DELETE) == going
        assert check(plan, seen, wanted) == ()

    def test_a_full_client_is_full_no_more(self) -> None:
        """Alone, grab is skipped."""
        seen, wanted = busy(torrents=(stuck(1),)), policy(grab={"max_torrents": 1})
        alone = JOBS["grab"](seen, wanted).skip
        assert alone is not None
        assert alone.reason is Reason.CLIENT_FULL
        assert part(plan_cycle(seen, wanted), "grab").skip is None

    def test_one_more_than_that_breaks_the_guarantee(self) -> None:
        """Two torrents, one of them deleted, and two added where two may be."""
        seen = busy(torrents=(stuck(1), torrent(2)), searches=(page(result(1001), result(1002)),))
        plan = plan_cycle(seen, policy(grab={"max_torrents": 3}))
        assert list(g5(plan, seen, policy(grab={"max_torrents": 3}))) == []
        assert [one.detail for one in g5(plan, seen, policy(grab={"max_torrents": 2}))] == [
            "2 picks would make 3 torrents"
        ]

    def test_a_deletion_outside_the_category_frees_none(self) -> None:
        """Nor does one of a torrent that the client does not list."""
        seen, wanted = busy(torrents=(torrent(1), stuck(2))), policy(grab={"max_torrents": 2})
        plan = plan_cycle(seen, wanted)
        assert list(g5(plan, seen, wanted)) == []
        elsewhere = evolve(seen, torrents=(torrent(1), torrent(3), evolve(stuck(2), category="other")))
        assert len(list(g5(plan, elsewhere, wanted))) == 1
        assert len(list(g5(plan, evolve(seen, torrents=(torrent(1), torrent(3))), wanted))) == 1

    def test_what_is_deleted_is_not_fetched_again(self) -> None:
        """Its name still bars it: in the same run it would be a second snatch."""
        seen = busy(torrents=(evolve(stuck(1), name="Title 1001"),), searches=(page(result(1001)),))
        (decision,) = part(plan_cycle(seen, SEED), "grab").decisions
        assert decision.reason is Reason.ALREADY_IN_CLIENT

    def test_freed_space_is_not_counted(self) -> None:
        """The client tells of it once it is there."""
        reserve = SEED.grab.disk_reserve
        seen = busy(torrents=(torrent(1, seeding_time=20 * DAY, size_bytes=GIB),), free_space_bytes=reserve + 1)
        grabbed = part(plan_cycle(seen, SEED), "grab")
        assert [one.reason for one in grabbed.decisions] == [Reason.OVER_BUDGET]


class TestAccount:
    """Ratio, class and unsatisfied torrents are as the site has told them."""

    def test_a_purchase_does_not_open_grab_in_the_same_run(self) -> None:
        """At 1.0 and with 50 GiB bought the ratio would be far over the floor."""
        seen = busy(profile=profile(uploaded_bytes=10 * GIB, bonus_points=60_000.0))
        plan = plan_cycle(seen, SEED)
        skip = part(plan, "grab").skip
        assert skip is not None
        assert skip.reason is Reason.LOW_RATIO
        assert [type(action) for action in part(plan, "spend").actions] == [BuyUpload]

    def test_a_deletion_makes_no_unsatisfied_room(self) -> None:
        """The site counts what was snatched."""
        seen = busy(profile=profile(unsat_count=40, unsat_limit=50))
        skip = part(plan_cycle(seen, SEED), "grab").skip
        assert skip is not None
        assert skip.reason is Reason.UNSATISFIED_LIMIT


class TestStarting:
    """What owes seed time and rests is started by rescue, the most urgent first, and by nobody else."""

    def test_reconcile_leaves_it_to_rescue(self) -> None:
        """Alone it would start it as well."""
        seen = busy()
        plan = plan_cycle(seen, EAGER)
        assert any(isinstance(action, ForceStart | Resume) for action in JOBS["reconcile"](seen, EAGER).actions)
        assert [type(action) for action in part(plan, "reconcile").actions] == [SetPreferences]
        assert [type(action) for action in part(plan, "rescue").actions] == [ForceStart]
        assert hash_of(2) not in {one.subject for one in part(plan, "reconcile").decisions}
        assert not part(plan, "reconcile").advice

    def test_where_it_may_not_be_started_it_is_reported_once(self) -> None:
        """By rescue."""
        plan = plan_cycle(busy(), SEED)
        assert sum("queued or stopped" in sentence for sentence in plan.advice) == 1


class TestForm:
    """The JSON form has every row once, with its job, and reads back."""

    @pytest.mark.parametrize("wanted", [SEED, EAGER])
    def test_reads_back(self, wanted: Policy) -> None:
        """As an equal plan."""
        plan = plan_cycle(busy(), wanted)
        assert parse_plan(json.loads(dump(unparse_plan(plan)))) == plan

    def test_has_the_keys_of_every_plan_and_its_parts(self) -> None:
        """Parts have what is theirs alone; the rows stand above, once."""
        plan = plan_cycle(busy(), EAGER)
        form = unparse_plan(plan)
        assert list(form)[:-1] == list(unparse_plan(plan.parts[0]))
        assert list(form)[-1] == "parts"
        assert [one["job"] for one in form["parts"]] == ALL
        assert list(form["parts"][0]) == ["job", "complete", "skip", "counts", "figures", "advice", "policy"]
        assert [row["job"] for row in form["actions"]] == ["janitor", "spend", "reconcile", "rescue", "grab"]
        assert len(form["decisions"]) == len(plan.decisions)

    def test_its_parts_are_the_forms_of_the_single_jobs(self) -> None:
        """So that whoever reads those can read these."""
        plan = plan_cycle(busy(), EAGER)
        assert parts_of(unparse_plan(plan)) == [unparse_plan(one) for one in plan.parts]
        alone = unparse_plan(plan.parts[0])
        assert parts_of(alone) == [alone]

    @pytest.mark.parametrize(
        "parts",
        [[], [{}], [{"job": "cycle"}], [{"job": "laundry"}], "janitor", [["janitor"]], [{"job": ["janitor"]}]],
    )
    def test_what_is_no_part_is_refused(self, parts: object) -> None:
        """With words."""
        form = {**json.loads(dump(unparse_plan(plan_cycle(busy(), SEED)))), "parts": parts}
        with pytest.raises(PlanError):
            parse_plan(form)


class TestDifferences:
    """Two plans of a cycle are compared job by job."""

    def form(self, plan: Plan) -> dict[str, Any]:
        """Return the plan as it would be read from a recording."""
        document: dict[str, Any] = json.loads(dump(unparse_plan(plan)))
        return document

    def test_the_same_plan_differs_in_nothing(self) -> None:
        """Though a torrent may have a decision of more than one job."""
        form = self.form(plan_cycle(busy(), EAGER))
        assert differences(form, form) == policy_differences(form, form) == ()

    def test_what_differs_is_told_of_its_job(self) -> None:
        """Rescue starts what it had left; reconcile's policy and its own are others."""
        was, now = (self.form(plan_cycle(busy(), wanted)) for wanted in (SEED, EAGER))
        assert {(one.what, one.subject) for one in differences(was, now)} == {("decision", hash_of(2))}
        assert {one.subject for one in policy_differences(was, now)} == {"reconcile.force_start", "rescue.force_start"}

    def test_a_job_that_the_earlier_version_did_not_have_is_no_difference(self) -> None:
        """As with anything that it did not tell."""
        was = now = self.form(plan_cycle(busy(), EAGER))
        was = {**was, "parts": [one for one in was["parts"] if one["job"] != "rescue"]}
        assert differences(was, now) == ()
