"""No deadlock: in every state of the account model, with the worst luck in each, and in larger accounts."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from random import Random

import pytest
from attrs import define, evolve, field
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from harvestmouse.core import cleanup, spend
from harvestmouse.core.actions import AddTorrent, BuyUpload, DeleteTorrent
from harvestmouse.core.after import after
from harvestmouse.core.guarantees import g11
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import AccountClass, Snapshot, Torrent
from harvestmouse.core.plan import Plan, Reason
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.units import GIB
from tests.property.account_model import (
    ACCOUNTS,
    Account,
    Broken,
    Client,
    Deadlock,
    Goal,
    Job,
    Kinds,
    Model,
    State,
    hold,
    is_empty,
    left_mouse,
    longest_wait,
    may_grab,
)
from tests.property.rule_removal import with_text, without_reason
from tests.support.builders import (
    DAY,
    HOUR,
    NOW,
    download,
    message,
    mouse,
    page,
    policy,
    preferences,
    result,
    snapshot,
    torrent,
)

# What was found for the default preset, in days; a change that makes a wait longer is seen here.
WAIT_FOR_A_GRAB = 19
WAIT_FOR_AN_EMPTY_CLIENT = 20
NO_TORRENT = Client(seeds=True, torrents=())
INCIDENT = State(Account(mouse=True, credit=0, points=1), Client(seeds=True, torrents=(("queued", 2),)))
# Accounts that can pay for the smallest purchase at once.
ABLE = [State(account, NO_TORRENT) for account in ACCOUNTS if account.mouse and account.points >= 2]


def old_janitor(seen: Snapshot, _: Policy) -> Plan:
    """Clean up as the old script did: by seeding time alone."""
    due = [one for one in seen.torrents or () if (one.seeding_time or 0) > 3 * DAY]
    actions = tuple(DeleteTorrent(hash=one.hash, name=one.name, reason="seeded") for one in due)
    return Plan(job="janitor", decided_at=seen.taken_at, actions=actions)


def old_spender(seen: Snapshot, _: Policy) -> Plan:
    """Buy as the old script did: from 30 000 points on, whatever is needed."""
    enough = seen.profile is not None and (seen.profile.bonus_points or 0) >= 30_000
    return Plan(job="spend", decided_at=seen.taken_at, actions=(BuyUpload(gib=50, cost_bp=25_000),) if enough else ())


def old_grabber(seen: Snapshot, policy: Policy) -> Plan:
    """Grab as the old script did: whatever the class and the ratio, the rarest first, wanted or not."""
    room = policy.grab.max_torrents - len(seen.torrents or ())
    offered = [one for each in seen.searches or () for one in each.results]
    best = sorted(offered, key=lambda one: 1 / (one.seeders + 1), reverse=True)[: max(0, room)]
    actions = tuple(
        AddTorrent(id=one.id, title=one.title, score=1 / (one.seeders + 1), size_bytes=one.size_bytes,
                   seeders=one.seeders, leechers=one.leechers, category="mam-farming", save_path="", tags=())
        for one in best
    )  # fmt: skip
    return Plan(job="grab", decided_at=seen.taken_at, actions=actions)


OLD: Mapping[str, Job] = {"janitor": old_janitor, "spend": old_spender, "grab": old_grabber}


class TestG11:
    """G11: No deadlock: from every reachable state with income > 0 the account leaves Mouse and the backlog drains."""

    @pytest.mark.parametrize(("income", "days"), [(1, 3), (2, 2), (3, 2), (7, 2)])
    def test_every_account_leaves_mouse(self, income: int, days: int) -> None:
        """In the days it takes to earn one purchase, and one for the site to notice."""
        starts = [State(account, NO_TORRENT) for account in ACCOUNTS]
        assert longest_wait(Model(income=income), left_mouse, starts)[0] == days

    @pytest.mark.parametrize(("places", "states"), [(1, 14_400), (2, 655_200)])
    def test_from_every_state_a_grab_is_possible_again(self, places: int, states: int) -> None:
        """Whatever fills the client now, and whatever luck the grabs after it have."""
        assert longest_wait(Model(places=places), may_grab) == (WAIT_FOR_A_GRAB, states)

    def test_from_every_state_the_client_empties(self) -> None:
        """With nothing on offer; no torrent stays for good."""
        assert longest_wait(Model(offers=0), is_empty) == (WAIT_FOR_AN_EMPTY_CLIENT, 14_400)

    def test_an_account_that_can_pay_leaves_mouse_without_income(self) -> None:
        """The purchase follows from need and means, not from a threshold."""
        assert longest_wait(Model(income=0), left_mouse, ABLE)[0] == 1


class TestTheOldScripts:
    """The scripts that are replaced do deadlock in the same model, and so does each part of them by itself."""

    @pytest.mark.parametrize("goal", [left_mouse, may_grab, is_empty])
    def test_in_the_incident_nothing_ever_changes(self, goal: Goal) -> None:
        """Mouse, points short of the threshold, torrents that never start: the next day is the same."""
        with pytest.raises(Deadlock, match=r"mouse=True.*queued") as told:
            longest_wait(Model(income=0, jobs=OLD, checked=False), goal, [INCIDENT])
        assert len(str(told.value).splitlines()) == 2

    def test_with_points_coming_in_they_still_never_grab_again(self) -> None:
        """Out of Mouse in the end, with every place taken for good."""
        with pytest.raises(Deadlock, match=r"mouse=False.*(queued|partial)"):
            longest_wait(Model(jobs=OLD, checked=False), may_grab, [INCIDENT])

    def test_cleanup_on_seeding_time_alone_is_enough_for_that(self) -> None:
        """With all other jobs as they are."""
        with pytest.raises(Deadlock, match=r"mouse=False.*(queued|partial)"):
            longest_wait(Model(jobs={**JOBS, "janitor": old_janitor}, checked=False), may_grab, [INCIDENT])

    def test_the_present_jobs_recover_from_the_incident(self) -> None:
        """In the days it takes to earn one purchase."""
        assert longest_wait(Model(), may_grab, [INCIDENT])[0] <= 4

    def test_a_threshold_locks_in_an_account_that_could_pay(self) -> None:
        """25 500 points are short of 30 000, and while nothing seeds no more come in."""
        with pytest.raises(Deadlock, match="points=2"):
            longest_wait(Model(income=0, jobs={**JOBS, "spend": old_spender}), left_mouse, ABLE)

    def test_grabbing_without_a_guard_is_refused(self) -> None:
        """The check of every plan finds G4 broken."""
        with pytest.raises(Broken, match="G4"):
            longest_wait(Model(jobs={**JOBS, "grab": old_grabber}), may_grab)

    def test_the_old_score_prefers_what_nobody_wants(self) -> None:
        """One rare title without demand, and one that is asked for."""
        offer = snapshot(searches=(page(result(1, seeders=0, leechers=0), result(2, seeders=9, leechers=20)),))
        one = policy(grab={"max_torrents": 1})
        assert [getattr(action, "id", 0) for action in old_grabber(offer, one).actions] == [1]
        assert [getattr(action, "id", 0) for action in JOBS["grab"](offer, one).actions] == [2]


def idle(number: int = 1, **changes: object) -> Torrent:
    """Return a torrent that every rule would let go: old, unwanted, and owing nothing."""
    return torrent(number, uploaded_bytes=0, added_on=NOW - 30 * DAY, seeding_time=20 * DAY, **changes)


# What the model has no room for: torrents that stay for good, many at once, facts that are missing, odd sums.
HAZARDS: list[tuple[Snapshot, Policy, Kinds]] = [
    (snapshot(profile=mouse(bonus_points=25_499.0)), SEED, ()),
    (snapshot(torrents=(idle(tags=frozenset({"Keep"})),)), policy(cleanup={"protect_tags": ("keep",)}), ()),
    (snapshot(torrents=(idle(state="missingFiles"),)), SEED, ()),
    (snapshot(torrents=(idle(state=None),)), SEED, ()),
    (
        snapshot(torrents=tuple(idle(number, messages=(message("unregistered"),)) for number in range(3))),
        SEED,
        (("wanted", 15),) * 3,
    ),
    (snapshot(torrents=tuple(idle(number) for number in range(60))), SEED, ()),
]


def verdict(job: str, changed: Job) -> str:
    """Say what a job without one of its rules comes to: what it breaks, or that it waits as long as before."""
    try:
        for seen, with_policy, truth in HAZARDS:
            hold(changed(seen, with_policy), seen, with_policy, truth)
        jobs = {**JOBS, job: changed}
        grab, _ = longest_wait(Model(jobs=jobs), may_grab)
        longest_wait(Model(jobs=jobs, income=0), left_mouse, ABLE)
        empty, _ = longest_wait(Model(jobs=jobs, offers=0), is_empty)
    except Deadlock:
        return "deadlock"
    except Broken as broken:
        return str(broken).partition(":")[0]
    assert (grab, empty) == (WAIT_FOR_A_GRAB, WAIT_FOR_AN_EMPTY_CLIENT)
    return "redundant"


class TestRules:
    """Taking out any one rule of the janitor or the spender is noticed, or the rule is not needed for G1 to G12."""

    @pytest.mark.parametrize(
        ("reason", "found"),
        [
            (Reason.PROTECTED, "G2"),
            (Reason.TRANSIENT_STATE, "G3"),
            (Reason.CLIENT_ERROR, "G3"),
            (Reason.UNKNOWN, "G3"),
            (Reason.HNR_WINDOW, "G1"),
            (Reason.RECOVERY_HOLD, "truth"),
            (Reason.ACCOUNT_EVENT, "truth"),
            (Reason.DELETION_LIMIT, "limit"),
            (Reason.NEVER_STARTED, "deadlock"),
            (Reason.STALLED_OLD, "deadlock"),
            (Reason.GRACEFUL_RETIRE, "deadlock"),
            # Sooner than graceful_retire would, which takes the same torrents in the end: see the next test.
            (Reason.UNREGISTERED, "redundant"),
            (Reason.ZERO_DEMAND, "redundant"),
            (Reason.SATISFIED_REDUNDANT, "redundant"),
            # Off in the default preset; it keeps more.
            (Reason.PARTIAL_DOWNLOAD, "redundant"),
            # A listing that cannot be believed: without torrents nothing is deleted anyway, and what is missing
            # from a short one is not touched. They stop the job for the operator to look.
            (Reason.CLIENT_UNKNOWN, "redundant"),
            (Reason.EMPTY_LISTING, "redundant"),
            (Reason.SHRUNKEN_LISTING, "redundant"),
        ],
    )
    def test_the_janitor_without_a_rule(self, reason: Reason, found: str) -> None:
        """Each of its rules and guards."""
        assert verdict("janitor", without_reason(cleanup, reason, "plan_cleanup")) == found

    @pytest.mark.parametrize(
        ("reason", "kind", "sooner", "later"),
        [
            (Reason.UNREGISTERED, "removed", 5, 16),
            (Reason.ZERO_DEMAND, "unwanted", 8, 16),
            (Reason.SATISFIED_REDUNDANT, "plentiful", 5, 16),
        ],
    )
    def test_a_rule_that_another_backs_up_frees_its_place_sooner(
        self, reason: Reason, kind: str, sooner: int, later: int
    ) -> None:
        """In days, for a torrent that has just completed."""
        start = [State(ACCOUNTS[-1], Client(seeds=True, torrents=((kind, 0),)))]
        without = {**JOBS, "janitor": without_reason(cleanup, reason, "plan_cleanup")}
        assert longest_wait(Model(offers=0), is_empty, start)[0] == sooner
        assert longest_wait(Model(offers=0, jobs=without), is_empty, start)[0] == later

    @pytest.mark.parametrize(
        ("old", "new", "found"),
        [
            (
                "covering[0] if covering else max(fitting, default=None)",
                "covering[0] if covering else None",
                "deadlock",
            ),
            (
                "tier = choose_tier(need, policy.tiers)",
                "tier = choose_tier(need, policy.tiers) if account.points >= 30_000 else None",
                "deadlock",
            ),
            ("floor(points - policy.reserve)", "floor(points)", "G6"),
            ("sorted(tiers) if tier <= need.affordable_gib]", "sorted(tiers)]", "G6"),
            ("return covering[0] if covering", "return need.needed_gib if covering", "G6"),
            # Larger purchases, or one GiB less, serve the account as well; they only cost more, or come twice.
            ("covering[0] if", "covering[-1] if", "redundant"),
            ("ceil(deficit / GIB) + 1", "ceil(deficit / GIB)", "redundant"),
        ],
    )
    def test_the_spender_without_a_rule(self, old: str, new: str, found: str) -> None:
        """Need, means, tiers and reserve."""
        assert verdict("spend", with_text(spend, old, new, "plan_spend")) == found

    def test_a_purchase_whose_end_is_unknown_bars_the_next(self) -> None:
        """Without that rule the same credit is bought twice."""
        seen = snapshot(profile=mouse(bonus_points=60_000.0), purchase_pending=True)
        rule = "if snapshot.purchase_pending:\n        decisions, action = "
        careless = with_text(spend, rule, rule.replace("snapshot.purchase_pending", "False"), "plan_spend")
        assert JOBS["spend"](seen, SEED).actions == ()
        assert len(careless(seen, SEED).actions) == 1

    def test_the_queue_has_to_be_set_right(self) -> None:
        """Without reconciliation what owes seed time waits for ever where the client lets nothing seed."""
        with pytest.raises(Deadlock, match="seeds=False"):
            longest_wait(Model(jobs={name: job for name, job in JOBS.items() if name != "reconcile"}), may_grab)


@define
class Large:
    """An account in all its figures, with many torrents, over many days.

    Attributes:
        luck: Chooses what the swarm does.
        fortune: How likely a download is to go on, from 0, the worst, to 1.
        points_an_hour: Income.
    """

    luck: Random
    fortune: float
    points_an_hour: int
    seen: Snapshot
    policy: Policy
    history: list[Snapshot] = field(factory=list)
    _ids: Iterator[int] = field(factory=lambda: count(10_000))

    def live(self, days: int) -> None:
        """Run the jobs four times a day, and let the world go on."""
        for _ in range(days * 4):
            for job in ("janitor", "spend", "reconcile", "grab"):
                self._run(job)
            self.history.append(self.seen)
            self._pass_time(6 * HOUR)

    def _run(self, job: str) -> None:
        offers = [result(next(self._ids)) for _ in range(5)] if job == "grab" else []
        self.seen = evolve(self.seen, searches=(page(*offers),))
        plan = JOBS[job](self.seen, self.policy)
        hold(plan, self.seen, self.policy)
        event(f"{job} acts" if plan.actions else f"{job} rests")
        self.seen = after(self.seen, plan)

    def _pass_time(self, seconds: int) -> None:
        profile = self.seen.profile
        assert profile is not None
        ratio, points = profile.ratio, profile.bonus_points
        assert ratio is not None
        assert points is not None
        kind = AccountClass.MOUSE if ratio < 1 else AccountClass.USER
        earned = min(99_999, points + self.points_an_hour * seconds // HOUR)
        served = profile.account_class is not AccountClass.MOUSE
        self.seen = evolve(
            self.seen,
            taken_at=self.seen.taken_at + seconds,
            profile=evolve(profile, account_class=kind, class_name=kind.value, bonus_points=earned),
            torrents=[self._older(one, seconds, served=served) for one in self.seen.torrents or ()],
            free_space_bytes=100 * GIB,
        )

    def _older(self, one: Torrent, seconds: int, *, served: bool) -> Torrent:
        if one.has_completed:
            return evolve(one, seeding_time=(one.seeding_time or 0) + seconds, state="stalledUP")
        if not served or self.luck.random() >= self.fortune:
            return evolve(one, state="stalledDL" if one.progress else "queuedDL")
        if one.progress:
            whole = evolve(one, progress=1.0, completion_on=self.seen.taken_at, state="uploading")
            return evolve(whole, uploaded_bytes=self.luck.choice([0, GIB]), seeders=self.luck.choice([2, 90]))
        return evolve(one, progress=0.5, downloaded_bytes=GIB, state="downloading")


@st.composite
def large_accounts(draw: st.DrawFn) -> Large:
    """Draw an account in class Mouse with a backlog of every age."""
    luck = draw(st.randoms(use_true_random=False))
    downloaded = draw(st.integers(1, 300)) * GIB
    account = mouse(
        downloaded_bytes=downloaded,
        uploaded_bytes=downloaded * draw(st.integers(0, 99)) // 100,
        bonus_points=float(draw(st.integers(0, 99_999))),
    )
    backlog = [
        download(
            number,
            added_on=NOW - luck.randrange(10 * DAY),
            state=luck.choice(["queuedDL", "stalledDL"]),
            **luck.choice([{}, {"progress": 0.3, "downloaded_bytes": GIB}]),
        )
        for number in range(draw(st.integers(0, 150)))
    ]
    return Large(
        luck=luck,
        fortune=draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        points_an_hour=draw(st.integers(20, 1500)),
        seen=snapshot(profile=account, torrents=backlog, preferences=preferences(max_active_uploads=3)),
        policy=policy(grab={"max_torrents": draw(st.integers(20, 150))}),
    )


class TestLargeAccounts:
    """The same claim with exact figures, many torrents and the caps of a run."""

    @given(large_accounts())
    @settings(max_examples=max(10, settings().max_examples // 10))
    def test_mouse_ends_when_the_points_for_it_are_earned(self, account: Large) -> None:
        """At the price of one smallest purchase for every 50 GiB that are missing, and one more."""
        profile = account.seen.profile
        assert profile is not None
        assert profile.bonus_points is not None
        missing = (profile.downloaded_bytes or 0) - (profile.uploaded_bytes or 0)
        cost = 25_000 * (missing // (50 * GIB) + 2) + 500 - profile.bonus_points
        days = max(0, cost) / account.points_an_hour / 24 + 1
        account.live(min(40, int(days) + 3))
        note(f"{days:.1f} days")
        only_account = (evolve(day, torrents=()) for day in account.history)
        assert list(g11(only_account, account.policy, timedelta(days=days))) == []

    @given(large_accounts())
    @settings(max_examples=max(10, settings().max_examples // 10))
    def test_what_never_completes_is_gone_within_four_days(self, account: Large) -> None:
        """Three days of patience, and the runs it takes under the cap of deletions."""
        account.live(12)
        only_client = (evolve(day, profile=None) for day in account.history)
        assert list(g11(only_client, account.policy, timedelta(days=4))) == []
