"""What the janitor may never delete, and that it decides as its written rules say."""

from collections import Counter

from attrs import evolve
from hypothesis import event, given

from harvestmouse.core.actions import DeleteTorrent
from harvestmouse.core.cleanup import next_messages, plan_cleanup
from harvestmouse.core.guarantees import check
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from tests.property import strategies as my
from tests.support.builders import decided, skipped

DAY = 86400
PHRASES = ("unregistered", "torrent not found", "info hash not authorized", "not registered")
# Words of all versions from 4.1 to 5.3 for states in which a torrent is left to itself.
AT_REST = """
    uploading stalledUP queuedUP forcedUP pausedUP stoppedUP
    downloading stalledDL queuedDL forcedDL pausedDL stoppedDL metaDL forcedMetaDL
""".split()  # noqa: SIM905 - a list of words reads best as words

worlds = my.WORLDS["janitor"]


def deleted(plan: Plan, snapshot: Snapshot) -> list[Torrent]:
    """Return the torrents that the plan would delete."""
    gone = {action.hash for action in plan.actions if isinstance(action, DeleteTorrent)}
    event(f"{min(len(gone), 3)} or more deletions")
    return [torrent for torrent in snapshot.torrents or () if torrent.hash in gone]


def refused(guarantee: str, snapshot: Snapshot, policy: Policy) -> set[str]:
    """Return the torrents for which the check refuses a plan that deletes everything."""
    gone = tuple(DeleteTorrent(hash=one.hash, name="", reason="") for one in snapshot.torrents or ())
    plan = Plan(job="janitor", decided_at=snapshot.taken_at, actions=gone)
    found = {one.subject for one in check(plan, snapshot, policy) if one.guarantee == guarantee}
    event(f"{min(len(found), 2)} or more refused")
    return found


class TestG1:
    """G1: No plan deletes a torrent that has ever completed and has seeded less than 72 h + margin."""

    @given(worlds)
    def test_whatever_shows_a_sign_of_completion_has_seeded_in_full(self, world: tuple[Snapshot, Policy]) -> None:
        """Progress, time of completion and seeding time are signs, each of them alone."""
        snapshot, policy = world
        margin = policy.cleanup.seed_time_margin.total_seconds()
        for torrent in deleted(plan_cleanup(snapshot, policy), snapshot):
            seeded = torrent.seeding_time
            assert seeded is not None
            if torrent.progress == 1 or torrent.completion_on or seeded:
                assert seeded >= 72 * 3600 + margin

    @given(worlds)
    def test_what_cannot_be_told_to_have_never_completed_stays(self, world: tuple[Snapshot, Policy]) -> None:
        """All three signs are known of every torrent that goes."""
        snapshot, policy = world
        for torrent in deleted(plan_cleanup(snapshot, policy), snapshot):
            assert None not in (torrent.progress, torrent.completion_on, torrent.seeding_time)

    @given(worlds)
    def test_a_plan_that_deletes_everything_is_refused_for_what_owes_seed_time(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """And for what may owe for all that is known."""
        snapshot, policy = world
        owing = set()
        for one in snapshot.torrents or ():
            signs = (one.progress, one.completion_on, one.seeding_time)
            never = None not in signs and one.progress != 1 and max((one.progress or 0) - 1, *signs[1:]) <= 0  # type: ignore[type-var,operator]
            clocks = (one.seeding_time, one.tracker_seconds)
            seeded = -1 if one.seeding_time is None else min(clock for clock in clocks if clock is not None)
            if not never and seeded < 72 * 3600 + policy.cleanup.seed_time_margin.total_seconds():
                owing.add(one.hash)
        assert refused("G1", snapshot, policy) == owing


class TestG2:
    """G2: No plan acts on a torrent outside the managed category, or protected by a tag."""

    @given(worlds)
    def test_only_torrents_of_the_category_go(self, world: tuple[Snapshot, Policy]) -> None:
        """And only they are decided on."""
        snapshot, policy = world
        plan = plan_cleanup(snapshot, policy)
        assert all(torrent.category == "mam-farming" for torrent in deleted(plan, snapshot))
        listed = [torrent.hash for torrent in snapshot.torrents or () if torrent.category == "mam-farming"]
        rows = [row.subject for row in snapshot.malformed_torrents]
        assert Counter(one.subject for one in plan.decisions) == ({} if plan.skip else Counter(listed + rows))

    @given(worlds)
    def test_no_protected_torrent_goes(self, world: tuple[Snapshot, Policy]) -> None:
        """Tags are compared without case, and unknown tags may protect."""
        snapshot, policy = world
        protecting = [tag.lower() for tag in policy.cleanup.protect_tags]
        for torrent in deleted(plan_cleanup(snapshot, policy), snapshot):
            assert torrent.tags is not None
            assert not [tag for tag in torrent.tags if tag.lower() in protecting]

    @given(worlds)
    def test_a_plan_that_deletes_everything_is_refused_for_what_is_not_its_own(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """Other categories, protecting tags, and tags that are unknown."""
        snapshot, policy = world
        protecting = {tag.lower() for tag in policy.cleanup.protect_tags}
        foreign = {one.hash for one in snapshot.torrents or () if one.category != "mam-farming"}
        kept = {
            one.hash
            for one in snapshot.torrents or ()
            if one.tags is None or {t.lower() for t in one.tags} & protecting
        }
        assert refused("G2", snapshot, policy) == foreign | kept


class TestG3:
    """G3: No plan deletes on a transient or unknown state."""

    @given(worlds)
    def test_every_torrent_that_goes_was_at_rest(self, world: tuple[Snapshot, Policy]) -> None:
        """Not checking, moving, in error, or in a state whose name is new."""
        snapshot, policy = world
        assert all(torrent.state in AT_REST for torrent in deleted(plan_cleanup(snapshot, policy), snapshot))

    @given(worlds)
    def test_a_plan_that_deletes_everything_is_refused_for_what_is_not_at_rest(
        self, world: tuple[Snapshot, Policy]
    ) -> None:
        """Words of newer clients included."""
        snapshot, policy = world
        busy = {one.hash for one in snapshot.torrents or () if one.state not in AT_REST}
        assert refused("G3", snapshot, policy) == busy


class TestBlastRadius:
    """Deletions of torrents that hold data are capped per run; an empty or suddenly shrunken list stops the job."""

    @given(worlds)
    def test_no_run_deletes_more_data_than_its_share(self, world: tuple[Snapshot, Policy]) -> None:
        """A torrent holds data if it has completed, or shows progress or a downloaded byte."""
        snapshot, policy = world
        gone = deleted(plan_cleanup(snapshot, policy), snapshot)
        holding = [one for one in gone if one.progress or one.downloaded_bytes or one.completion_on or one.seeding_time]
        assert len(holding) <= policy.cleanup.max_data_deletions

    @given(worlds)
    def test_a_plan_of_the_janitor_passes_its_own_checks(self, world: tuple[Snapshot, Policy]) -> None:
        """The guarantees are checked again before anything is done."""
        snapshot, policy = world
        assert check(plan_cleanup(snapshot, policy), snapshot, policy) == ()


def says_unregistered(torrent: Torrent) -> str | None:
    """Return what a real tracker said of a torrent that it does not know, or nothing."""
    for message in torrent.messages or ():
        wanted = 5 if message.reports_tracker_errors else 4
        said = " ".join(message.text.lower().split())
        for phrase in PHRASES:
            at = said.find(phrase)
            around = said[at - 1 : at] + said[at + len(phrase) : at + len(phrase) + 1]
            alone = not any(letter.isalnum() or letter == "_" for letter in around)
            if at >= 0 and alone and message.status == wanted:
                return said
    return None


def kept_whatever_the_trackers_say(torrent: Torrent, policy: Policy, now: int) -> str | None:
    """Transcribe rules 1 to 3."""
    rules = policy.cleanup
    tags = [tag.lower() for tag in torrent.tags or ()]
    counts = [torrent.seeding_time, torrent.downloaded_bytes, torrent.uploaded_bytes, torrent.seeders]
    known = None not in (
        *counts,
        torrent.tags,
        torrent.state,
        torrent.added_on,
        torrent.completion_on,
        torrent.progress,
    )
    if set(tags) & {tag.lower() for tag in rules.protect_tags}:
        return "protected"
    if torrent.state is not None and torrent.state not in [*AT_REST, "error", "missingFiles"]:
        return "transient_state"
    if torrent.state in ("error", "missingFiles"):
        return "client_error"
    if not known or min(counts) < 0 or not 0 <= (torrent.progress or 0) <= 1:  # type: ignore[type-var,operator]
        return "unknown"
    if not 1 <= (torrent.added_on or 0) <= now:
        return "unknown"
    seeding = torrent.seeding_time or 0
    completed = torrent.progress == 1 or bool(torrent.completion_on) or seeding > 0
    if completed and seeding < (rules.seed_time + rules.seed_time_margin).total_seconds():
        return "hnr_window"
    if rules.recovery_tag.lower() in tags and seeding < rules.recovery_hold.total_seconds():
        return "recovery_hold"
    return None


def due(torrent: Torrent, policy: Policy, now: int) -> str:
    """Transcribe rules 5 to 7 for a torrent of which every fact is known."""
    rules = policy.cleanup
    age, seeding = now - (torrent.added_on or 0), torrent.seeding_time or 0
    started = torrent.downloaded_bytes != 0
    if not (torrent.progress == 1 or torrent.completion_on or seeding):
        if age > rules.never_started_age.total_seconds() and not started:
            return "never_started"
        if torrent.state == "stalledDL" and age > rules.stalled_age.total_seconds():
            return "partial_download" if rules.keep_partials and torrent.progress else "stalled_old"
        return "active"
    if seeding > rules.graceful_seed_time.total_seconds():
        return "graceful_retire"
    if torrent.uploaded_bytes == 0 and age > rules.zero_demand_age.total_seconds():
        return "zero_demand"
    if seeding > rules.satisfied_seed_time.total_seconds() and (torrent.seeders or 0) > rules.satisfied_seeder_floor:
        return "satisfied_redundant"
    return "active"


def speaks_of_the_account(text: str, torrents: list[Torrent], policy: Policy, now: int) -> bool:
    """Tell whether three torrents or more, and more than half of all or of those the rule reaches, say the same.

    What a tag or a missing fact keeps from the rule is not reached, but says it all the same.
    """
    early = [kept_whatever_the_trackers_say(torrent, policy, now) for torrent in torrents]
    saying = [why for torrent, why in zip(torrents, early, strict=True) if says_unregistered(torrent) == text]
    heard = len([why for why in saying if why in (None, "protected", "unknown")])
    return max(len(saying) >= 3 and len(saying) / len(torrents), heard >= 3 and heard / max(1, early.count(None))) > 0.5


def allowance(torrents: list[Torrent], policy: Policy) -> int:
    """Transcribe how many torrents with data may go: half of them, but always a few, and never above the ceiling."""
    signs = [(one.progress, one.downloaded_bytes, one.completion_on, one.seeding_time) for one in torrents]
    holding = sum(any((sign or 0) > 0 for sign in some) for some in signs)
    return min(policy.cleanup.max_data_deletions, max(policy.cleanup.always_allowed, holding // 2))


def expected(snapshot: Snapshot, policy: Policy) -> dict[str, str]:
    """Transcribe section 5.2 of the design as a whole, without its guards."""
    now, reasons = snapshot.taken_at, {}
    mine = sorted((t for t in snapshot.torrents or () if t.category == "mam-farming"), key=lambda t: t.hash)
    allowed = allowance(mine, policy)
    for torrent in mine:
        reason = kept_whatever_the_trackers_say(torrent, policy, now)
        text = says_unregistered(torrent)
        if reason is None and text is not None:
            reason = "account_event" if speaks_of_the_account(text, mine, policy, now) else "unregistered"
        reason = reason or due(torrent, policy, now)
        holds = torrent.progress or torrent.downloaded_bytes or torrent.completion_on or torrent.seeding_time
        if reason in DELETING and holds:
            reason, allowed = (reason, allowed - 1) if allowed > 0 else ("deletion_limit", 0)
        reasons[torrent.hash] = reason
    return reasons


DELETING = ("unregistered", "never_started", "stalled_old", "graceful_retire", "zero_demand", "satisfied_redundant")


class TestRules:
    """Order of rules, the first that holds decides."""

    @given(worlds)
    def test_every_torrent_is_decided_as_the_written_rules_say(self, world: tuple[Snapshot, Policy]) -> None:
        """Against a transcription of the rules that shares nothing with the code."""
        snapshot, policy = world
        plan = plan_cleanup(snapshot, policy)
        if plan.skip is not None:
            event(f"skipped: {skipped(plan)}")
            return
        reasons = expected(snapshot, policy)
        for reason in set(reasons.values()):
            event(f"reason: {reason}")
        rows = {row.subject: ("keep", "malformed") for row in snapshot.malformed_torrents}
        wanted = {subject: ("delete" if why in DELETING else "keep", why) for subject, why in reasons.items()}
        assert decided(plan) == wanted | rows
        gone = [action.hash for action in plan.actions if isinstance(action, DeleteTorrent)]
        assert gone == [subject for subject, why in reasons.items() if why in DELETING]

    @given(worlds)
    def test_the_job_is_skipped_exactly_where_the_listing_is_doubted(self, world: tuple[Snapshot, Policy]) -> None:
        """Missing, empty, or without more than half (and more than ten) of what the last run left."""
        snapshot, policy = world
        reason = None
        before = snapshot.remembered_count
        if snapshot.torrents is None:
            reason = "client_unknown"
        elif not snapshot.torrents and not snapshot.malformed_torrents and before != 0:
            reason = "empty_listing"
        elif before is not None:
            missing = before - sum(torrent.category == "mam-farming" for torrent in snapshot.torrents)
            if missing > 10 and missing > before / 2:
                reason = "shrunken_listing"
        assert skipped(plan_cleanup(snapshot, policy)) == reason


class TestMessages:
    """Tracker messages are asked for only where a rule can use them."""

    @given(worlds)
    def test_asking_for_few_messages_decides_like_asking_for_all(self, world: tuple[Snapshot, Policy]) -> None:
        """Starting from none, and asking until nothing more is wanted.

        The trackers of torrents that an earlier rule keeps are silent here: nobody asks for their words.
        """
        seen, policy = world
        if seen.torrents is None:
            return
        silent = {one.hash for one in seen.torrents if kept_whatever_the_trackers_say(one, policy, seen.taken_at)}
        told = {one.hash: () if one.hash in silent else one.messages or () for one in seen.torrents}
        whole = evolve(seen, torrents=[evolve(one, messages=told[one.hash]) for one in seen.torrents])
        seen = evolve(seen, torrents=[evolve(one, messages=None) for one in seen.torrents])
        asked = 0
        while wanted := next_messages(seen.managed("mam-farming"), policy.cleanup, seen.taken_at):
            asked += len(wanted)
            assert asked <= len(told)
            names = {one.hash for one in wanted}
            parts = [one.with_messages(told[one.hash] if one.hash in names else None) for one in seen.torrents or ()]
            seen = evolve(seen, torrents=parts)
        event("asked for some only" if asked < len(told) - len(silent) else "asked for all")
        assert decided(plan_cleanup(seen, policy)) == decided(plan_cleanup(whole, policy))
        assert plan_cleanup(seen, policy).complete is plan_cleanup(whole, policy).complete
