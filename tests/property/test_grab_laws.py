"""When nothing is grabbed, what may be picked, and that results are decided as the written rules say."""

from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import Any

from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import LedgerEntry, SearchPage, SearchResult, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.search import next_query
from tests.property import strategies as my
from tests.support.builders import decided, page, policy, skipped, snapshot

worlds = my.WORLDS["grab"]
open_worlds = my.grab_worlds(unique=True)


def picks(plan: Plan) -> list[AddTorrent]:
    """Return the plan's actions, which are additions all of them."""
    chosen = [action for action in plan.actions if isinstance(action, AddTorrent)]
    assert len(chosen) == len(plan.actions)
    event(f"{len(chosen)} picks")
    return chosen


def offers(seen: Snapshot) -> list[SearchResult]:
    """Return every row of every page."""
    return [result for one in seen.searches or () for result in one.results]


def own_count(seen: Snapshot) -> int | None:
    """Return the unsatisfied torrents: the site's count, and own grabs that it cannot know yet."""
    if seen.profile is None or seen.profile.unsat_count is None:
        return None
    lines = [line for line in seen.ledger or () if line.outcome in ("grabbed", "adding")]
    fresh = {line.id for line in lines if line.at is not None and seen.taken_at - line.at < 1800}
    held = {one.hash: one for one in seen.torrents or ()}
    quiet = {line.id for line in lines if line.info_hash in held and unheard(held[line.info_hash], seen.taken_at)}
    return seen.profile.unsat_count + len(fresh | quiet)


def unheard(one: Torrent, now: int) -> bool:
    """Whether nothing shows that a torrent announced half an hour ago: not its end, its seeding nor its data."""
    whole = one.completion_on is not None and one.completion_on > 0 and now - one.completion_on >= 1800
    seeded = one.seeding_time is not None and one.seeding_time >= 1800
    some = (one.progress or 0) > 0 or (one.downloaded_bytes or 0) > 0 or one.has_completed is True
    resting = one.state in ("stalledDL", "queuedDL", "pausedDL", "stoppedDL")
    return not (whole or seeded or (some and resting))


def most_unsatisfied(seen: Snapshot) -> int | None:
    """Return the limit of the account, or what its class has at the least."""
    account = seen.profile
    if account is None:
        return None
    if account.unsat_limit is not None:
        return account.unsat_limit
    return {"User": 20, "Power User": 100, "VIP": 150, "Elite VIP": 200}.get(str(account.account_class))


def places_taken(seen: Snapshot) -> int:
    """Count what is in the category, or may be for all that is known."""
    categories = [one.category for one in seen.torrents or ()] + [row.category for row in seen.malformed_torrents]
    return len([category for category in categories if category in ("mam-farming", None)])


def words(name: str) -> list[str]:
    """Return the words of a name, without case and punctuation."""
    return "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()


def refused(guarantee: str, seen: Snapshot, wanted: Policy, *, use_wedge: bool = False) -> set[str]:
    """Return the results for which the check refuses a plan that adds everything."""
    adds = tuple(
        AddTorrent(
            id=row.id,
            title=row.title,
            score=0.0,
            size_bytes=row.size_bytes,
            seeders=row.seeders,
            leechers=row.leechers,
            category="mam-farming",
            save_path="/",
            tags=(),
            use_wedge=use_wedge,
        )
        for row in offers(seen)
    )
    plan = Plan(job="grab", decided_at=seen.taken_at, actions=adds)
    found = {one.subject for one in check(plan, seen, wanted) if one.guarantee == guarantee}
    event(f"{min(len(found), 2)} or more refused")
    return found


def to_come(seen: Snapshot) -> int:
    """Return what all downloads under way will still write."""
    total = 0
    for one in seen.torrents or ():
        if one.left_bytes is not None:
            total += one.left_bytes
        elif one.progress is None or one.progress < 1:
            assert one.size_bytes is not None
            total += one.size_bytes
    return total


def whole_size(seen: Snapshot) -> int:
    """Return how large what is in the category, or may be, is when it is whole."""
    return sum(one.size_bytes or 0 for one in seen.torrents or () if one.category in ("mam-farming", None))


def wedges_to_spend(seen: Snapshot, wanted: Policy) -> int:
    """Return how many wedges a run may spend."""
    if not wanted.grab.wedges or seen.profile is None or seen.profile.wedges is None:
        return 0
    return max(0, min(seen.profile.wedges - wanted.grab.wedge_reserve, wanted.grab.wedges_per_run))


def is_free_for_nobody(row: SearchResult) -> bool:
    """Whether every flag is known to be off."""
    return row.takes_wedge and [row.free, row.personal_freeleech, row.vip, row.fl_vip] == [False] * 4


class TestG4:
    """G4: No plan grabs while the class is Mouse or unknown, the ratio is under its floor, or the profile is
    unknown.
    """

    @given(worlds)
    def test_only_an_account_in_good_standing_grabs(self, world: tuple[Snapshot, Policy]) -> None:
        """The ratio is that of the byte counts, without rounding."""
        seen, wanted = world
        if not picks(plan_grab(seen, wanted)):
            return
        account = seen.profile
        assert account is not None
        assert account.account_class in ("User", "Power User", "VIP", "Elite VIP")
        assert account.uploaded_bytes is not None
        assert account.downloaded_bytes is not None
        if account.downloaded_bytes:
            ratio = Fraction(account.uploaded_bytes, account.downloaded_bytes)
            assert ratio > Fraction(wanted.grab.ratio_floor) - Fraction(1, 10**12)

    @given(worlds)
    def test_a_plan_that_adds_everything_is_refused_where_nothing_may_be_grabbed(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """Once for the plan, since it is the account that forbids it."""
        seen, wanted = world
        known = evolve(seen, download_freeze_until=None)
        forbids = skip_reason(known, wanted) in ("profile_unknown", "mouse_class", "low_ratio")
        assert bool(refused("G4", seen, wanted)) is (forbids and offers(seen) != [])


class TestG5:
    """G5: Every pick is free for this account, inside every band, not a duplicate, and within slots, disk and unsat
    headroom.
    """

    @given(worlds)
    def test_every_pick_is_free_for_this_account(self, world: tuple[Snapshot, Policy]) -> None:
        """Whatever row of the search is believed."""
        seen, wanted = world
        vip = seen.profile is not None and seen.profile.account_class in ("VIP", "Elite VIP")
        for pick in picks(plan_grab(seen, wanted)):
            rows = [row for row in offers(seen) if row.id == pick.id]
            assert rows
            for row in rows:
                assert pick.use_wedge or row.free or row.personal_freeleech or (vip and (row.vip or row.fl_vip))

    @given(worlds)
    def test_every_pick_is_inside_every_band(self, world: tuple[Snapshot, Policy]) -> None:
        """Size, leechers and seeders, limits included."""
        seen, wanted = world
        chosen = {pick.id for pick in picks(plan_grab(seen, wanted))}
        for row in offers(seen):
            if row.id in chosen:
                assert wanted.grab.min_size <= row.size_bytes <= wanted.grab.max_size
                assert row.leechers >= wanted.grab.leecher_floor
                assert row.seeders <= wanted.grab.seeder_ceiling

    @given(worlds)
    def test_no_pick_is_a_duplicate(self, world: tuple[Snapshot, Policy]) -> None:
        """By the site's flag, the ledger's last word, the client's whole names, and the plan itself."""
        seen, wanted = world
        chosen = [pick.id for pick in picks(plan_grab(seen, wanted))]
        assert len(set(chosen)) == len(chosen)
        names = [words(name) for some in called(seen) for name in some]
        for row in offers(seen):
            if row.id in chosen:
                assert not row.snatched
                assert words(row.title) == [] or words(row.title) not in names
                last = [line.outcome for line in seen.ledger or () if line.id == row.id][-1:]
                assert last in ([], ["failed"], ["never_started"])

    @given(worlds)
    def test_the_picks_stay_within_slots_disk_and_headroom(self, world: tuple[Snapshot, Policy]) -> None:
        """All of them together."""
        seen, wanted = world
        chosen = picks(plan_grab(seen, wanted))
        if not chosen:
            return
        held = places_taken(seen)
        assert len(chosen) <= wanted.grab.per_run
        assert held + len(chosen) <= wanted.grab.max_torrents
        size = sum(pick.size_bytes for pick in chosen)
        assert seen.free_space_bytes is not None
        assert seen.free_space_bytes - size - to_come(seen) >= wanted.grab.disk_reserve
        if wanted.grab.category_quota:
            assert size + whole_size(seen) <= wanted.grab.category_quota
        used, limit = own_count(seen), most_unsatisfied(seen)
        if used is not None and limit is not None:
            assert used + len(chosen) <= limit - wanted.grab.unsat_reserve
        else:
            assert not wanted.grab.require_unsat

    @given(worlds)
    def test_a_plan_that_adds_everything_is_refused_for_what_is_unfit(self, world: tuple[Snapshot, Policy]) -> None:
        """Not free, outside a band, or had already; where the ledger alone bars for a while, the check does not."""
        seen, wanted = world
        plain = evolve(wanted, grab=evolve(wanted.grab, wedges=False))
        unfit = {row.id: rejection(row, evolve(seen, ledger=()), plain) for row in offers(seen)}
        found = refused("G5", seen, wanted)
        assert {str(number) for number, why in unfit.items() if why is not None} <= found
        repeated = len(set(unfit)) < len(offers(seen))
        assert "actions" in found or not (repeated or len(unfit) > wanted.grab.per_run)

    @given(worlds)
    def test_a_wedge_is_spent_only_on_what_nothing_makes_free(self, world: tuple[Snapshot, Policy]) -> None:
        """Whatever row of the search is believed, and never on what the ledger knows: it may have had one."""
        seen, wanted = world
        for pick in picks(plan_grab(seen, wanted)):
            if pick.use_wedge:
                event("a wedge is spent")
                assert all(is_free_for_nobody(row) for row in offers(seen) if row.id == pick.id)
                assert pick.id not in {line.id for line in seen.ledger or ()}

    @given(worlds)
    def test_wedges_are_spent_within_their_bounds(self, world: tuple[Snapshot, Policy]) -> None:
        """Off by default; so many a run, and never those of the reserve."""
        seen, wanted = world
        spent = sum(pick.use_wedge for pick in picks(plan_grab(seen, wanted)))
        assert spent <= wedges_to_spend(seen, wanted)
        if spent:
            assert wanted.grab.wedges
            assert seen.profile is not None
            assert seen.profile.wedges is not None
            assert seen.profile.wedges - spent >= wanted.grab.wedge_reserve

    @given(worlds)
    def test_wedges_add_picks_and_take_none_away(self, world: tuple[Snapshot, Policy]) -> None:
        """What is free comes first, so that a wedge is spent only where a place would stay empty."""
        seen, wanted = world
        without = evolve(wanted, grab=evolve(wanted.grab, wedges=False))
        free = [pick for pick in picks(plan_grab(seen, wanted)) if not pick.use_wedge]
        assert free == picks(plan_grab(seen, without))

    @given(worlds)
    def test_a_plan_that_spends_a_wedge_on_everything_is_refused_for_what_is_free(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """In any way, for anybody; and once for the plan where there are not so many wedges."""
        seen, wanted = world
        found = refused("G5", seen, wanted, use_wedge=True)
        assert {str(row.id) for row in offers(seen) if not is_free_for_nobody(row)} <= found
        assert "actions" in found or len(offers(seen)) <= wedges_to_spend(seen, wanted)

    @given(worlds)
    def test_a_plan_of_grab_passes_its_own_checks(self, world: tuple[Snapshot, Policy]) -> None:
        """The guarantees are checked again before anything is done."""
        seen, wanted = world
        assert check(plan_grab(seen, wanted), seen, wanted) == ()


def skip_reason(seen: Snapshot, wanted: Policy) -> str | None:
    """Transcribe the guards of section 5.1 in their order."""
    account, rules = seen.profile, wanted.grab
    if account is None or None in (account.account_class, account.uploaded_bytes, account.downloaded_bytes):
        return "profile_unknown"
    used, limit = own_count(seen), most_unsatisfied(seen)
    room = None if used is None or limit is None else limit - used - rules.unsat_reserve
    # After a pause as much again has to be free as the reserve, or half of all that may be used.
    again = 0 if limit is None else min(rules.unsat_reserve, (limit - rules.unsat_reserve) // 2)
    ratio = account.ratio if account.downloaded_bytes else float("inf")
    held = places_taken(seen)
    space = seen.free_space_bytes
    guards = {
        "mouse_class": account.account_class == "Mouse",
        "low_ratio": ratio is not None and ratio < rules.ratio_floor,
        "download_freeze": (seen.download_freeze_until or 0) > seen.taken_at,
        "unsatisfied_limit": room is not None and room <= (again if seen.unsatisfied_paused else 0),
        "unsatisfied_unknown": used is None and rules.require_unsat,
        "hit_and_run": rules.hold_on_hit_and_run and account.hit_and_run_count != 0,
        "client_full": held >= rules.max_torrents,
        "disk_low": space is not None and space - to_come(seen) <= rules.disk_reserve,
        "quota_full": rules.category_quota > 0 and whole_size(seen) >= rules.category_quota,
        "client_unknown": space is None or seen.torrents is None or not all(map(all, called(seen))),
        "ledger_unknown": seen.ledger is None,
    }
    return next((name for name, holds in guards.items() if holds), None)


def called(seen: Snapshot) -> Iterator[Collection[str]]:
    """Yield what each torrent and each row that cannot be read is called; nothing is as good as an empty name."""
    yield from ((one.name,) for one in seen.torrents or ())
    yield from (row.names or ("",) for row in seen.malformed_torrents)


def ledger_bars(lines: list[LedgerEntry], wanted: Policy, now: int) -> bool:
    """Transcribe what the ledger's last word about an id means."""
    if not lines or lines[-1].outcome == "failed":
        return False
    if lines[-1].outcome == "never_started" and lines[-1].at is not None:
        return now - lines[-1].at < wanted.grab.regrab_after.total_seconds()
    return True


def rejection(row: SearchResult, seen: Snapshot, wanted: Policy) -> str | None:
    """Transcribe the rejections of section 5.1 in their order."""
    rules, account = wanted.grab, seen.profile
    vip = account is not None and account.account_class in ("VIP", "Elite VIP")
    lines = [line for line in seen.ledger or () if line.id == row.id]
    listed = [torrent.hash for torrent in seen.torrents or ()]
    names = [words(name) for some in called(seen) for name in some if words(name)]
    freed = wedges_to_spend(seen, wanted) > 0 and is_free_for_nobody(row) and not lines
    if not (row.free or row.personal_freeleech or (vip and (row.vip or row.fl_vip)) or freed):
        return "not_freeleech"
    if row.snatched:
        return "already_snatched"
    if ledger_bars(lines, wanted, seen.taken_at):
        return "already_grabbed"
    if words(row.title) in names or any(line.info_hash in listed for line in lines):
        return "already_in_client"
    bands = {
        "too_small": row.size_bytes < rules.min_size,
        "too_large": row.size_bytes > rules.max_size,
        "no_demand": row.leechers < rules.leecher_floor,
        "oversupplied": row.seeders > rules.seeder_ceiling,
    }
    return next((name for name, holds in bands.items() if holds), None)


def points(row: SearchResult, wanted: Policy) -> tuple[bool, float, int]:
    """Transcribe the order: what is free before what takes a wedge, then the score, of one score the newest id."""
    rules = wanted.grab
    wedge = rules.wedge_bonus if row.free or row.personal_freeleech else 0
    own = wedge + rules.leecher_weight * row.leechers - rules.seeder_weight * row.seeders
    return not is_free_for_nobody(row), own, row.id


def best(rows: list[SearchResult], seen: Snapshot, wanted: Policy) -> dict[str, tuple[str, str]]:
    """Transcribe the choice among the results that nothing refuses."""
    held = places_taken(seen)
    places = min(wanted.grab.per_run, wanted.grab.max_torrents - held)
    space: float = (seen.free_space_bytes or 0) - wanted.grab.disk_reserve - to_come(seen)
    if wanted.grab.category_quota:
        space = min(space, wanted.grab.category_quota - whole_size(seen))
    wedges = wedges_to_spend(seen, wanted)
    used, limit = own_count(seen), most_unsatisfied(seen)
    headroom = 10**9 if used is None or limit is None else limit - wanted.grab.unsat_reserve - used
    chosen: dict[str, tuple[str, str]] = {}
    for row in sorted(rows, key=lambda row: points(row, wanted), reverse=True):
        if places <= 0:
            chosen[str(row.id)] = ("reject", "not_selected")
        elif headroom <= 0 or row.size_bytes > space or (is_free_for_nobody(row) and wedges == 0):
            chosen[str(row.id)] = ("reject", "over_budget")
        else:
            chosen[str(row.id)] = ("pick", "selected")
            places, headroom, space = places - 1, headroom - 1, space - row.size_bytes
            wedges -= is_free_for_nobody(row)
    return chosen


class TestRules:
    """Guards, then rejections, each in its order; then the best within the budgets."""

    @given(worlds)
    def test_the_first_guard_that_holds_is_the_skip_reason(self, world: tuple[Snapshot, Policy]) -> None:
        """Against a transcription of the guards."""
        seen, wanted = world
        plan = plan_grab(seen, wanted)
        event(f"skip: {skipped(plan)}")
        assert skipped(plan) == skip_reason(seen, wanted)

    @given(open_worlds)
    def test_every_result_is_decided_as_the_written_rules_say(self, world: tuple[Snapshot, Policy]) -> None:
        """Against a transcription of the rejections, the score and the budgets."""
        seen, wanted = world
        plan = plan_grab(seen, wanted)
        if plan.skip is not None:
            return
        refused = {row.id: rejection(row, seen, wanted) for row in offers(seen)}
        fit = [row for row in offers(seen) if refused[row.id] is None]
        expected: dict[str, Any] = {str(number): ("reject", why) for number, why in refused.items() if why is not None}
        expected |= best(fit, seen, wanted)
        for _, why in expected.values():
            event(f"reason: {why}")
        assert decided(plan) == expected
        ranked = sorted(fit, key=lambda row: points(row, wanted), reverse=True)
        taken = [row.id for row in ranked if expected[str(row.id)][0] == "pick"]
        assert [pick.id for pick in picks(plan)] == taken

    @given(worlds)
    def test_every_result_is_decided_once_however_often_it_is_seen(self, world: tuple[Snapshot, Policy]) -> None:
        """One decision an id, whatever the pages say of it."""
        seen, wanted = world
        plan = plan_grab(seen, wanted)
        if plan.skip is None:
            broken = {row.subject for one in seen.searches or () for row in one.malformed}
            subjects = [one.subject for one in plan.decisions]
            assert len(subjects) == len(set(subjects))
            assert set(subjects) == {str(row.id) for row in offers(seen)} | broken


class TestSearch:
    """A pure function decides the next query, or that enough was seen (pages are bounded)."""

    @given(st.lists(my.results(), min_size=3, max_size=25, unique_by=lambda row: row.leechers), st.integers(2, 6))
    def test_stopping_early_changes_no_pick(self, rows: list[SearchResult], width: int) -> None:
        """Pages come by demand; what was not fetched would not have been picked."""
        wanted = policy(SEED, grab={"per_run": 2, "max_pages": 50})
        free = [evolve(row, id=number, title=str(number), free=True, snatched=False) for number, row in enumerate(rows)]
        catalogue = sorted(free, key=lambda row: -row.leechers)
        pages: list[SearchPage] = []
        seen = snapshot(searches=())
        while (query := next_query(seen, wanted)) is not None:
            pages.append(page(*catalogue[query.start : query.start + width], found=len(catalogue)))
            seen = snapshot(searches=tuple(pages))
        event("stopped early" if sum(len(one.results) for one in pages) < len(catalogue) else "saw all")
        whole = snapshot(searches=(page(*catalogue),))
        assert picks(plan_grab(seen, wanted)) == picks(plan_grab(whole, wanted))

    @given(st.lists(my.results(), max_size=20, unique_by=lambda row: row.id), st.integers(1, 6), st.integers(1, 3))
    def test_the_newest_are_looked_through_until_the_room_is_filled(
        self, rows: list[SearchResult], width: int, places: int
    ) -> None:
        """Or all was seen; then every request has its reason, and the end has one too."""
        wanted = policy(SEED, grab={"per_run": places, "max_pages": 50, "strategy": "new"})
        catalogue = sorted((evolve(row, free=True) for row in rows), key=lambda row: -row.id)
        pages: list[SearchPage] = []
        seen = snapshot(searches=())
        while (query := next_query(seen, wanted)) is not None:
            assert query.start == sum(len(one.results) for one in pages)
            pages.append(page(*catalogue[query.start : query.start + width], found=len(catalogue)))
            seen = snapshot(searches=tuple(pages))
        plan = plan_grab(seen, wanted)
        whole = sum(len(one.results) for one in pages) == len(catalogue)
        event("saw all" if whole else "stopped early")
        assert whole or len(picks(plan)) == places
        assert len(plan.figures["requests"]) == len(pages)
        assert all(one["why"] for one in plan.figures["requests"])
        assert plan.figures["search_ended"]
