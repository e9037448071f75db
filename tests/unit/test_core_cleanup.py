"""The janitor's rules: each at its boundary, each reason at least once, and which comes first where two apply."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve, fields

from harvestmouse.core.actions import DeleteTorrent
from harvestmouse.core.cleanup import next_messages, plan_cleanup
from harvestmouse.core.model import Malformed, Torrent, TrackerMessage
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.trackers import unregistered_texts
from tests.support.builders import (
    CATEGORY,
    DAY,
    GIB,
    HOUR,
    MIB,
    NOW,
    OWED,
    decided,
    decision_on,
    download,
    hash_of,
    message,
    policy,
    skipped,
    snapshot,
    torrent,
)

GONE = (message("Unregistered torrent"),)
KEEPING = policy(cleanup={"protect_tags": ("keep",)})
UNCLOCKED = policy(cleanup={"tracker_clock": False})


def plan(*torrents: Torrent, with_policy: Policy = SEED, **changes: Any) -> Plan:
    """Plan the cleanup of a client that holds these torrents."""
    return plan_cleanup(snapshot(torrents=torrents, **changes), with_policy)


def verdict(one: Torrent, with_policy: Policy = SEED) -> tuple[str, str]:
    """Return what is decided about one torrent, alone in its client."""
    return decided(plan(one, with_policy=with_policy))[one.hash]


class TestKeptFirst:
    """Rule 1: keep `protected`, `transient_state`, `client_error`, `unknown`."""

    @pytest.mark.parametrize("tag", ["keep", "KEEP", "Keep"])
    def test_a_protecting_tag_keeps_whatever_its_case(self, tag: str) -> None:
        """Tags are compared without case, here and for recovery."""
        one = download(tags=frozenset({"mam", tag}), added_on=NOW - 30 * DAY)
        assert verdict(one, KEEPING) == ("keep", "protected")
        assert verdict(one) == ("delete", "never_started")

    @pytest.mark.parametrize(
        "state",
        ["checkingUP", "checkingDL", "checkingResumeData", "moving", "allocating", "unknown", "STALLEDDL", "", "new"],
    )
    def test_a_state_of_the_client_s_own_work_keeps(self, state: str) -> None:
        """Words of newer clients, and other spellings, count as unknown to this version."""
        assert verdict(download(state=state, added_on=NOW - 30 * DAY)) == ("keep", "transient_state")

    @pytest.mark.parametrize("state", ["error", "missingFiles"])
    def test_an_error_of_the_client_keeps(self, state: str) -> None:
        """A disk or mount problem is not a verdict, and the operator is told."""
        made = plan(download(state=state, added_on=NOW - 30 * DAY, messages=GONE))
        assert decision_on(made, 1).reason.value == "client_error"
        assert any("disk and mounts" in sentence for sentence in made.advice)

    @pytest.mark.parametrize(
        "missing",
        [
            {"tags": None},
            {"state": None},
            {"added_on": None},
            {"completion_on": None},
            {"seeding_time": None},
            {"progress": None},
            {"downloaded_bytes": None},
            {"uploaded_bytes": None},
            {"seeders": None},
            {"added_on": NOW + 1},
            {"added_on": 0},
            {"added_on": -1},
            {"seeding_time": -1},
            {"progress": -0.1},
            {"progress": 1.1},
            {"progress": float("nan")},
            {"downloaded_bytes": -1},
            {"uploaded_bytes": -1},
            {"seeders": -1},
        ],
    )
    def test_a_fact_that_is_missing_or_absurd_keeps(self, missing: dict[str, Any]) -> None:
        """An age below zero, a progress above 1 and an unknown tag list are no ground to delete on."""
        retired = torrent(seeding_time=30 * DAY, added_on=NOW - 40 * DAY)
        assert verdict(retired) == ("delete", "graceful_retire")
        facts = {"seeding_time": 30 * DAY, "added_on": NOW - 40 * DAY, **missing}
        assert verdict(torrent(**facts)) == ("keep", "unknown")

    def test_a_torrent_added_this_second_has_an_age(self) -> None:
        """An age of zero is no absurdity."""
        assert verdict(download(added_on=NOW)) == ("keep", "active")


class TestOwedSeedTime:
    """Rule 2: it has completed and seeding time < 72 h + margin (24 h): keep `hnr_window`."""

    def test_one_second_short_is_kept(self) -> None:
        """The bound is 96 hours of the client's clock."""
        assert verdict(torrent(seeding_time=OWED - 1, seeders=9)) == ("keep", "hnr_window")

    def test_seed_time_served_to_the_second_is_enough(self) -> None:
        """At the bound nothing is owed any more, and another rule may delete."""
        assert verdict(torrent(seeding_time=OWED, seeders=9)) == ("delete", "satisfied_redundant")

    @pytest.mark.parametrize(
        "sign",
        [
            {"progress": 1.0},
            {"completion_on": NOW - 9 * DAY},
            {"seeding_time": 1},
        ],
    )
    def test_each_sign_of_completion_is_enough(self, sign: dict[str, Any]) -> None:
        """Progress, time of completion and seeding time each show that it once was whole."""
        assert verdict(download(added_on=NOW - 30 * DAY, **sign)) == ("keep", "hnr_window")
        assert verdict(download(added_on=NOW - 30 * DAY)) == ("delete", "never_started")

    def test_an_unregistered_torrent_that_owes_is_kept(self) -> None:
        """No rule that deletes comes before this one, whatever the tracker says."""
        assert verdict(torrent(seeding_time=OWED - 1, messages=GONE)) == ("keep", "hnr_window")

    def test_a_longer_margin_is_honoured(self) -> None:
        """The margin is policy."""
        longer = policy(cleanup={"seed_time_margin": SEED.cleanup.seed_time_margin * 2})
        assert verdict(torrent(seeding_time=OWED, seeders=9), longer) == ("keep", "hnr_window")


class TestRecovery:
    """Rule 3: keep `recovery_hold`: tagged `recovery`, seeding time < 7 d."""

    @pytest.mark.parametrize("tag", ["recovery", "Recovery", "RECOVERY"])
    def test_one_second_short_of_the_hold_is_kept(self, tag: str) -> None:
        """Tags are compared without case."""
        facts: dict[str, Any] = {"tags": frozenset({tag}), "seeders": 9}
        assert verdict(torrent(seeding_time=7 * DAY - 1, **facts)) == ("keep", "recovery_hold")
        assert verdict(torrent(seeding_time=7 * DAY, **facts)) == ("delete", "satisfied_redundant")

    def test_a_hold_of_a_second_holds_what_has_not_seeded(self) -> None:
        """A download that never completed can be tagged too."""
        brief = policy(cleanup={"recovery_hold": timedelta(seconds=1)})
        held = download(tags=frozenset({"recovery"}), added_on=NOW - 9 * DAY)
        assert verdict(held, brief) == ("keep", "recovery_hold")

    def test_other_tags_hold_nothing(self) -> None:
        """Part of the word is not the tag."""
        one = torrent(tags=frozenset({"recovery2"}), seeders=9)
        assert verdict(one) == ("delete", "satisfied_redundant")


class TestUnregistered:
    """Rule 4: a real tracker says so in its failure text, with status 4, or 5 from qBittorrent 5.2 on."""

    @pytest.mark.parametrize(
        "text",
        [
            "Unregistered torrent",
            "unregistered",
            "Torrent not found",
            "TORRENT  NOT\tFOUND",
            "info hash not authorized with this tracker",
            "Torrent not registered with this tracker",
            "error: unregistered.",
        ],
    )
    def test_each_phrase_of_a_dead_torrent_deletes(self, text: str) -> None:
        """Phrases count in any case and with any spacing."""
        assert verdict(torrent(messages=(message(text),))) == ("delete", "unregistered")

    @pytest.mark.parametrize(
        "text",
        [
            "Not Found",
            "",
            "Internal Server Error",
            "Host not found (authoritative)",
            "Requested download is not authorized for use with this tracker.",
            "User currently mouse rank, you need to get your ratio up!",
            "Unrecognized host/PassKey. (192.0.2.1)",
            "unregisteredness",
            "torrent not foundry",
            "not-registered",
        ],
    )
    def test_other_words_delete_nothing(self, text: str) -> None:
        """A plain HTTP "Not Found" is no verdict on a torrent, nor is a refusal of the account."""
        assert verdict(torrent(messages=(message(text),))) == ("keep", "active")

    @pytest.mark.parametrize(
        ("status", "newer", "found"),
        [
            (4, False, True),
            (5, True, True),
            (4, True, False),
            (5, False, False),
            (2, False, False),
            (2, True, False),
            (3, False, False),
            (1, False, False),
            (0, False, False),
            (6, True, False),
            (None, False, False),
        ],
    )
    def test_only_a_refusal_s_own_status_counts(self, status: int | None, *, newer: bool, found: bool) -> None:
        """Status 2 is a warning, and from 5.2 on status 4 is a tracker that gave no answer."""
        said = message("Unregistered torrent", status=status, reports_tracker_errors=newer)
        assert bool(unregistered_texts(torrent(messages=(said,)))) is found

    def test_a_second_tracker_can_say_it(self) -> None:
        """Every real tracker is listened to."""
        assert verdict(torrent(messages=(message("timed out"), *GONE))) == ("delete", "unregistered")

    def test_without_messages_nobody_says_it(self) -> None:
        """Messages nobody asked for are unknown, and the plan says it is not whole."""
        made = plan(torrent(messages=None))
        assert decided(made) == {hash_of(1): ("keep", "active")}
        assert made.complete is False

    def test_messages_are_asked_for_only_where_a_rule_can_use_them(self) -> None:
        """What an earlier rule keeps needs no request, nor what was asked already."""
        listed = [torrent(1, messages=None), torrent(2, seeding_time=1, messages=None), torrent(3)]
        assert next_messages(listed, UNCLOCKED.cleanup, NOW) == (listed[0],)

    def test_messages_of_what_owes_are_asked_for_the_tracker_s_clock(self) -> None:
        """By either clock, after those that a rule wants; nobody asks what rests, never completed or is settled."""
        listed = [
            torrent(1, seeding_time=OWED - 1, messages=None),
            torrent(2, seeding_time=OWED, tracker_seconds=OWED - 1, messages=None),
            torrent(3, seeding_time=OWED - 1, state="queuedUP", messages=None),
            torrent(4, seeding_time=OWED - 1, messages=()),
            torrent(5, seeding_time=OWED, messages=None),
            torrent(6, seeding_time=7 * DAY - 1, tags=frozenset({"Recovery"}), messages=None),
        ]
        asked = next_messages(listed, SEED.cleanup, NOW)
        assert [int(one.hash, 16) for one in asked] == [2, 5, 1, 6]
        assert plan(torrent(1, seeding_time=1, messages=None)).complete is True

    def test_messages_beyond_the_run_s_share_are_not_asked_for(self) -> None:
        """Four torrents are due and one may go: what the trackers of the others say changes nothing."""
        listed = [torrent(number, seeders=9, messages=None) for number in range(4)]
        listed += [torrent(number, messages=()) for number in range(4, 20)]
        one = policy(cleanup={"max_data_deletions": 1}).cleanup
        assert next_messages(listed, one, NOW) == (listed[0],)
        asked = [torrent(0, seeders=9), *listed[1:]]
        assert next_messages(asked, one, NOW) == ()

    def test_a_torrent_that_is_not_due_takes_no_share(self) -> None:
        """Only its trackers can say that it goes, so they are asked, however many there are."""
        listed = tuple(torrent(number, messages=None) for number in range(120))
        assert next_messages(listed, SEED.cleanup, NOW) == listed

    def test_those_beyond_the_share_are_asked_first_where_an_event_is_in_doubt(self) -> None:
        """One tracker disowned its torrent; the others that are due tell sooner than one that is kept anyway."""
        due = [torrent(number, seeders=9, messages=None) for number in (2, 3)]
        kept = torrent(4, seeding_time=1, messages=None)
        one = policy(cleanup={"max_data_deletions": 1, "tracker_clock": False}).cleanup
        assert next_messages([torrent(1, seeders=9, messages=GONE), *due, kept], one, NOW) == tuple(due)

    def test_what_is_kept_anyway_is_asked_once_a_tracker_disowns_another(self) -> None:
        """It bears witness; what was heard is not asked again."""
        gone, heard, silent = torrent(1, messages=GONE), torrent(2, seeding_time=1), torrent(3, seeding_time=1)
        silent = evolve(silent, messages=None)
        assert next_messages([gone, heard, silent], UNCLOCKED.cleanup, NOW) == (silent,)

    @pytest.mark.parametrize(
        ("disowned", "silent", "asked"), [(1, 0, 11), (1, 2, 9), (1, 3, 7), (1, 9, 1), (1, 10, 0), (0, 2, 9), (0, 3, 7)]
    )
    def test_as_many_are_asked_as_could_still_show_an_event(self, disowned: int, silent: int, asked: int) -> None:
        """Until eleven of twenty can no longer say the same, and an eighth more, which spares a round."""
        heard = [torrent(number, messages=GONE if number < disowned else ()) for number in range(disowned + silent)]
        due = [torrent(number, seeders=9, messages=None) for number in range(disowned + silent, 20)]
        none = policy(cleanup={"max_data_deletions": 0}).cleanup
        assert len(next_messages([*heard, *due], none, NOW)) == asked


class TestAccountEvent:
    """Rule 4: the same text on most torrents at once speaks of the account: keep `account_event`, and advice."""

    def test_the_same_words_on_most_torrents_keep_them_all(self) -> None:
        """Three of five is more than half, and the operator is told what was said."""
        made = plan(*(torrent(number, messages=GONE) for number in (1, 2, 3)), torrent(4), torrent(5))
        assert made.counts["keep"]["account_event"] == 3
        assert made.actions == ()
        assert any('"unregistered torrent"' in sentence for sentence in made.advice)

    def test_half_of_the_torrents_are_not_most(self) -> None:
        """Exactly half is deleted as usual."""
        made = plan(*(torrent(number, messages=GONE) for number in (1, 2, 3)), *(torrent(n) for n in (4, 5, 6)))
        assert made.counts["delete"]["unregistered"] == 3

    def test_two_torrents_can_lose_their_registration_together(self) -> None:
        """Fewer than three torrents are no event, however few there are."""
        made = plan(torrent(1, messages=GONE), torrent(2, messages=GONE))
        assert made.counts["delete"]["unregistered"] == 2

    def test_different_words_are_counted_apart(self) -> None:
        """Most torrents unregistered, but in two different wordings, none of them on most: no event."""
        other = (message("torrent not found"),)
        made = plan(*(torrent(n, messages=GONE) for n in (1, 2)), *(torrent(n, messages=other) for n in (3, 4)))
        assert made.counts["delete"]["unregistered"] == 4

    def test_most_of_those_that_reach_the_rule_is_most_too(self) -> None:
        """Torrents that owe seed time do not hide an event among the rest."""
        owing = (torrent(number, seeding_time=1, messages=()) for number in range(10, 30))
        made = plan(*(torrent(number, messages=GONE) for number in (1, 2, 3)), torrent(4), *owing)
        assert made.counts["keep"]["account_event"] == 3

    def test_torrents_that_owe_seed_time_bear_witness(self) -> None:
        """What they say counts towards an event, though they are kept anyway."""
        owing = (torrent(number, seeding_time=1, messages=GONE) for number in range(10, 13))
        made = plan(torrent(1, messages=GONE), torrent(2), *owing)
        assert decided(made)[hash_of(1)] == ("keep", "account_event")

    def test_asking_only_where_a_rule_can_use_it_overlooks_no_event(self) -> None:
        """What every tracker would say keeps them all; asking for some of them first must delete none."""
        told = [torrent(n, seeding_time=DAY if n > 2 else 5 * DAY, messages=GONE) for n in range(1, 30)]
        assert plan(*told).actions == ()
        listed = [evolve(one, messages=None) for one in told]
        for _ in listed:
            names = {one.hash for one in next_messages(listed, SEED.cleanup, NOW)}
            listed = [one.with_messages(GONE if one.hash in names else None) for one in listed]
        assert next_messages(listed, SEED.cleanup, NOW) == ()
        assert plan(*listed).actions == ()

    def test_the_order_of_a_torrent_s_trackers_does_not_matter(self) -> None:
        """Three torrents share one text; that one of them has a second, earlier refusal changes nothing."""
        both = (message("torrent not found", host="other.example"), *GONE)
        made = plan(torrent(1, messages=both), torrent(2, messages=GONE), torrent(3, messages=GONE))
        assert made.counts["delete"]["unregistered"] == 0

    def test_what_nobody_asked_is_silence(self) -> None:
        """A snapshot may hold the messages of a few torrents only; runs ask for all that could make an event."""
        told = [torrent(number, messages=GONE) for number in (1, 2)]
        made = plan(*told, *(torrent(number, messages=None) for number in range(3, 9)))
        assert made.counts["delete"]["unregistered"] == 2
        assert made.complete is False

    def test_an_event_holds_whom_it_speaks_of_and_nobody_else(self) -> None:
        """What a torrent's own facts say goes on to count where no tracker said a word; G7 ends here, on purpose."""
        old: dict[str, Any] = {"seeding_time": 15 * DAY, "added_on": NOW - 20 * DAY}
        told, silent = torrent(1, messages=GONE, **old), torrent(9, **old)
        made = plan(told, *(torrent(number, messages=GONE, **old) for number in (2, 3, 4)), silent)
        assert decided(made)[hash_of(1)] == ("keep", "account_event")
        assert decided(made)[hash_of(9)] == ("delete", "graceful_retire")


class TestNeverCompleted:
    """Rule 5: `never_started` (age > 24 h and nothing downloaded), `stalled_old` (stalledDL and age > 3 d)."""

    @pytest.mark.parametrize("state", ["stalledDL", "queuedDL", "pausedDL", "stoppedDL", "metaDL", "forcedMetaDL"])
    def test_nothing_downloaded_in_over_a_day_goes(self, state: str) -> None:
        """At exactly 24 hours it stays; a second later it goes, in whatever settled state."""
        assert verdict(download(state=state, added_on=NOW - DAY)) == ("keep", "active")
        assert verdict(download(state=state, added_on=NOW - DAY - 1)) == ("delete", "never_started")

    def test_a_single_byte_is_a_start(self) -> None:
        """Nothing means nothing."""
        one = download(state="downloading", added_on=NOW - 30 * DAY, downloaded_bytes=1, progress=0.001)
        assert verdict(one) == ("keep", "active")

    def test_a_stalled_download_of_over_three_days_goes(self) -> None:
        """At exactly 3 days it stays."""
        facts: dict[str, Any] = {"downloaded_bytes": 1, "progress": 0.5}
        assert verdict(download(added_on=NOW - 3 * DAY, **facts)) == ("keep", "active")
        assert verdict(download(added_on=NOW - 3 * DAY - 1, **facts)) == ("delete", "stalled_old")

    @pytest.mark.parametrize("state", ["downloading", "queuedDL", "pausedDL", "stoppedDL", "forcedDL", "metaDL"])
    def test_only_stalled_downloads_are_stalled(self, state: str) -> None:
        """Every other state leaves a started download alone."""
        one = download(state=state, added_on=NOW - 30 * DAY, downloaded_bytes=1, progress=0.5)
        assert verdict(one) == ("keep", "active")

    def test_partial_downloads_are_kept_where_the_policy_says_so(self) -> None:
        """The site forbids partial downloads; with no progress there is nothing partial about it."""
        keeping = policy(cleanup={"keep_partials": True})
        old: dict[str, Any] = {"added_on": NOW - 3 * DAY - 1, "downloaded_bytes": 1}
        assert verdict(download(progress=0.5, **old), keeping) == ("keep", "partial_download")
        assert verdict(download(progress=0.0, **old), keeping) == ("delete", "stalled_old")
        assert verdict(download(added_on=NOW - 3 * DAY - 1), keeping) == ("delete", "never_started")


class TestHasCompleted:
    """Rule 6: `graceful_retire` (> 14 d), `zero_demand` (uploaded 0, age > 7 d), `satisfied_redundant`."""

    def test_two_weeks_of_seeding_retire(self) -> None:
        """At exactly 14 days it stays."""
        old: dict[str, Any] = {"added_on": NOW - 30 * DAY}
        assert verdict(torrent(seeding_time=14 * DAY, **old)) == ("keep", "active")
        assert verdict(torrent(seeding_time=14 * DAY + 1, **old)) == ("delete", "graceful_retire")

    def test_no_upload_in_over_a_week_goes(self) -> None:
        """At exactly 7 days of age, or with one byte uploaded, it stays."""
        assert verdict(torrent(uploaded_bytes=0, added_on=NOW - 7 * DAY)) == ("keep", "active")
        assert verdict(torrent(uploaded_bytes=0, added_on=NOW - 7 * DAY - 1)) == ("delete", "zero_demand")
        assert verdict(torrent(uploaded_bytes=1, added_on=NOW - 7 * DAY - 1)) == ("keep", "active")

    def test_enough_other_seeders_make_it_redundant(self) -> None:
        """Five seeders are not enough, six are."""
        assert verdict(torrent(seeders=5)) == ("keep", "active")
        assert verdict(torrent(seeders=6)) == ("delete", "satisfied_redundant")

    def test_a_torrent_that_nobody_else_seeds_is_never_redundant(self) -> None:
        """Not even where one other seeder is enough."""
        lenient = policy(cleanup={"satisfied_seeder_floor": 0})
        assert verdict(torrent(seeders=0), lenient) == ("keep", "active")
        assert verdict(torrent(seeders=1), lenient) == ("delete", "satisfied_redundant")

    def test_a_longer_satisfied_time_is_honoured(self) -> None:
        """The bound of redundancy is policy, and strict, like the others."""
        longer = policy(cleanup={"satisfied_seed_time": SEED.cleanup.satisfied_seed_time * 2})
        assert verdict(torrent(seeders=6, seeding_time=6 * DAY), longer) == ("keep", "active")
        assert verdict(torrent(seeders=6, seeding_time=6 * DAY + 1), longer) == ("delete", "satisfied_redundant")


# Each row: facts that two rules both claim, the rule that wins, the rule that loses.
_BOTH: list[tuple[dict[str, Any], str, str]] = [
    ({"tags": frozenset({"keep"}), "state": "moving"}, "protected", "transient_state"),
    ({"tags": frozenset({"keep"}), "seeding_time": 1}, "protected", "hnr_window"),
    ({"state": "moving", "seeders": None}, "transient_state", "unknown"),
    ({"state": "moving", "seeding_time": 1}, "transient_state", "hnr_window"),
    ({"state": "error", "seeders": None}, "client_error", "unknown"),
    ({"state": "missingFiles", "seeding_time": 1}, "client_error", "hnr_window"),
    ({"seeders": None, "seeding_time": 1}, "unknown", "hnr_window"),
    ({"tags": frozenset({"recovery"}), "seeding_time": 1}, "hnr_window", "recovery_hold"),
    ({"seeding_time": 1, "messages": GONE}, "hnr_window", "unregistered"),
    ({"tags": frozenset({"recovery"}), "messages": GONE}, "recovery_hold", "unregistered"),
    ({"messages": GONE, "seeding_time": 15 * DAY}, "unregistered", "graceful_retire"),
    ({"seeding_time": 15 * DAY, "uploaded_bytes": 0, "added_on": NOW - 20 * DAY}, "graceful_retire", "zero_demand"),
    ({"seeding_time": 15 * DAY, "seeders": 6, "added_on": NOW - 20 * DAY}, "graceful_retire", "satisfied_redundant"),
    ({"uploaded_bytes": 0, "added_on": NOW - 8 * DAY, "seeders": 6}, "zero_demand", "satisfied_redundant"),
]


class TestOrder:
    """Order of rules, the first that holds decides."""

    @pytest.mark.parametrize(("facts", "winner", "loser"), _BOTH, ids=[f"{a}-before-{b}" for _, a, b in _BOTH])
    def test_where_two_rules_apply_the_earlier_decides(self, facts: dict[str, Any], winner: str, loser: str) -> None:
        """The table names the loser for the reader; the winner is checked."""
        assert winner != loser
        assert verdict(torrent(**facts), KEEPING)[1] == winner

    @pytest.mark.parametrize(
        ("facts", "winner"),
        [
            ({"messages": GONE, "added_on": NOW - 2 * DAY}, "unregistered"),
            ({"added_on": NOW - 4 * DAY}, "never_started"),
            ({"tags": frozenset({"recovery"}), "added_on": NOW - 4 * DAY}, "recovery_hold"),
        ],
    )
    def test_where_two_rules_apply_to_a_download_the_earlier_decides(self, facts: dict[str, Any], winner: str) -> None:
        """A download that never started is not called stalled, and registration comes before both."""
        assert verdict(download(**facts))[1] == winner


class TestScope:
    """Category `mam-farming` only: torrents of other categories are not looked at."""

    @pytest.mark.parametrize("category", ["", "mam", "MAM-FARMING", "mam-farming/books", None])
    def test_torrents_of_other_categories_have_no_decision(self, category: str | None) -> None:
        """Not even a kept one; the category is compared exactly."""
        made = plan(download(1, category=category, added_on=NOW - 30 * DAY), torrent(2))
        assert set(decided(made)) == {hash_of(2)}

    def test_another_managed_category_is_policy(self) -> None:
        """The one category may have another name."""
        made = plan(
            download(1, category="farm", added_on=NOW - 30 * DAY),
            download(2, category=CATEGORY, added_on=NOW - 30 * DAY),
            with_policy=policy(client={"category": "farm"}),
        )
        assert decided(made) == {hash_of(1): ("delete", "never_started")}

    def test_a_row_that_cannot_be_read_is_kept_as_malformed(self) -> None:
        """It is reported, and nothing is done about it."""
        made = plan(torrent(), malformed_torrents=(Malformed(subject="row:1", problem="no info-hash"),))
        assert decided(made)["row:1"] == ("keep", "malformed")


class TestBlastRadius:
    """Deletions of torrents that hold data are capped per run; a suddenly shrunken list stops the job."""

    def test_the_cap_keeps_the_rest_for_the_next_run(self) -> None:
        """Fifty go, in the order of their info-hashes, and the rest keep `deletion_limit`."""
        made = plan(*(torrent(number, seeders=6) for number in range(1, 53)))
        assert made.counts["delete"]["satisfied_redundant"] == 50
        assert [subject for subject, (_, why) in decided(made).items() if why == "deletion_limit"] == [
            hash_of(51),
            hash_of(52),
        ]
        assert any("2 more torrents are due" in sentence for sentence in made.advice)
        fewer = plan(*(torrent(number, seeders=6) for number in range(1, 52)))
        assert any(sentence.startswith("1 more torrent is due; ") for sentence in fewer.advice)

    def test_exactly_the_cap_is_within_it(self) -> None:
        """The fiftieth deletion is allowed."""
        assert len(plan(*(torrent(number, seeders=6) for number in range(50))).actions) == 50

    def test_a_share_binds_above_a_small_number(self) -> None:
        """Of twenty torrents with data half may go; ten are allowed whatever their share, so ten go either way."""
        listed = [torrent(number, seeders=6) for number in range(20)]
        for figures, most in (
            ({"always_allowed": 0}, 10),
            ({"always_allowed": 10}, 10),
            ({"always_allowed": 11}, 11),
            ({"always_allowed": 0, "max_data_share": 0.0}, 0),
            ({"always_allowed": 0, "max_data_share": 0.49}, 9),
            ({"always_allowed": 20, "max_data_deletions": 7}, 7),
        ):
            assert len(plan(*listed, with_policy=policy(cleanup=figures)).actions) == most

    def test_torrents_without_data_are_not_counted(self) -> None:
        """The incident's 466 stuck torrents leave in one run."""
        stuck = (download(number, added_on=NOW - 5 * DAY) for number in range(466))
        assert len(plan(*stuck).actions) == 466

    @pytest.mark.parametrize(
        "facts",
        [
            {"downloaded_bytes": 1, "progress": 0.0},
            {"downloaded_bytes": 1, "progress": 0.5},
        ],
    )
    def test_a_started_download_holds_data(self, facts: dict[str, Any]) -> None:
        """A stalled partial download counts towards the cap."""
        none = policy(cleanup={"max_data_deletions": 0})
        assert verdict(download(added_on=NOW - 4 * DAY, **facts), none) == ("keep", "deletion_limit")

    def test_figures_tell_what_would_be_freed(self) -> None:
        """Only torrents that hold data free any."""
        made = plan(torrent(1, seeders=6, size_bytes=GIB), download(2, added_on=NOW - 2 * DAY), torrent(3))
        assert made.figures == {
            "managed_torrents": 3,
            "deletions": 2,
            "deletions_with_data": 1,
            "freed_bytes": GIB,
        }

    def test_a_size_that_nobody_knows_frees_nothing(self) -> None:
        """As far as anybody knows."""
        made = plan(torrent(seeders=6, size_bytes=None))
        assert (made.figures["deletions_with_data"], made.figures["freed_bytes"]) == (1, 0)

    def test_a_missing_listing_stops_the_job(self) -> None:
        """Absent is unknown, never empty."""
        made = plan_cleanup(snapshot(torrents=None), SEED)
        assert (skipped(made), made.complete, made.decisions) == ("client_unknown", False, ())

    def test_a_client_that_is_away_leaves_refusals_open_and_nothing_else(self) -> None:
        """On how many torrents the words are nobody can tell; what goes by its own facts goes all the same."""
        away = plan(torrent(1, messages=GONE), torrent(2, seeders=6), torrent(3), missing_clients=("b",))
        assert decided(away) == {
            hash_of(1): ("keep", "unknown"),
            hash_of(2): ("delete", "satisfied_redundant"),
            hash_of(3): ("keep", "active"),
        }
        assert not away.complete

    @pytest.mark.parametrize("before", [None, 1, 500])
    def test_an_empty_listing_stops_the_job(self, before: int | None) -> None:
        """A client that lists nothing at all is doubted."""
        assert skipped(plan(remembered_count=before)) == "empty_listing"

    def test_an_empty_listing_is_believed_where_nothing_was_left(self) -> None:
        """The last run left no torrent, so none is expected."""
        assert skipped(plan(remembered_count=0)) is None

    @pytest.mark.parametrize(
        ("before", "now", "reason"),
        [
            (40, 20, None),
            (41, 20, "shrunken_listing"),
            (12, 2, None),
            (13, 2, "shrunken_listing"),
            (10, 1, None),
            (2, 5, None),
        ],
    )
    def test_a_suddenly_shrunken_listing_stops_the_job(self, before: int, now: int, reason: str | None) -> None:
        """More than half, and more than ten, must be missing."""
        made = plan(*(torrent(number) for number in range(now)), remembered_count=before)
        assert skipped(made) == reason

    def test_a_changed_category_looks_like_a_shrunken_listing(self) -> None:
        """Torrents outside the category do not count as listed."""
        others = (torrent(number, category="other") for number in range(100))
        assert skipped(plan(*others, remembered_count=100)) == "shrunken_listing"


class TestPlan:
    """Every decision is explained, in the order of the info-hashes."""

    def test_decisions_and_actions_are_in_the_order_of_the_info_hashes(self) -> None:
        """The order of the listing does not matter."""
        made = plan(torrent(3, seeders=6), torrent(1, seeders=6), torrent(2))
        assert [decision.subject for decision in made.decisions] == [hash_of(1), hash_of(2), hash_of(3)]
        assert [action.hash for action in made.actions if isinstance(action, DeleteTorrent)] == [hash_of(1), hash_of(3)]

    def test_a_decision_carries_the_facts_the_rules_looked_at(self) -> None:
        """Names tell the units."""
        assert dict(decision_on(plan(torrent()), 1).facts) == {
            "name": "Torrent 1",
            "state": "stalledUP",
            "age_seconds": 6 * DAY,
            "seeding_seconds": 5 * DAY,
            "has_completed": True,
            "progress": 1.0,
            "downloaded_bytes": 100 * MIB,
            "uploaded_bytes": 50 * MIB,
            "seeders": 3,
        }

    @pytest.mark.parametrize(
        ("changes", "detail"),
        [
            ({"torrents": None}, "the torrent list is missing"),
            (
                {"torrents": ()},
                "the client listed no torrent; if it is new, nothing is wrong, and the next run goes on",
            ),
            (
                {"torrents": (), "remembered_count": 1},
                "the client listed no torrent, 1 left by the last run; is it the right one?",
            ),
            ({"remembered_count": 100}, "1 torrent listed, 100 left by the last run"),
        ],
    )
    def test_a_skip_says_what_was_listed(self, changes: dict[str, Any], detail: str) -> None:
        """In words."""
        skip = plan_cleanup(snapshot(**({"torrents": (torrent(),)} | changes)), SEED).skip
        assert skip is not None
        assert skip.detail == detail

    def test_a_row_that_cannot_be_read_is_kept_with_its_problem(self) -> None:
        """It is the only fact there is."""
        row = Malformed(subject="row:1", problem="the row has no info-hash", category=CATEGORY)
        made = plan(torrent(), malformed_torrents=(row,))
        assert dict(decision_on(made, "row:1").facts) == {"problem": "the row has no info-hash"}

    def test_advice_names_the_words_of_an_event_and_counts_the_rest(self) -> None:
        """Two texts can be on most torrents, one of them on each tracker."""
        both = (message("Unregistered torrent"), message("Torrent not found"))
        ill = torrent(9, state="error")
        (event, errors) = plan(*(torrent(number, messages=both) for number in range(4)), ill).advice
        assert event == (
            'Most torrents show the same tracker message ("torrent not found", "unregistered torrent"): that speaks '
            "of the account, the passkey or the tracker, not of the torrents. Look at the site in a browser before "
            "anything else."
        )
        assert errors == (
            "1 torrent is in an error or missing-files state: look at the client's disk and mounts, then re-check."
        )

    def test_a_deletion_takes_the_files_and_tells_its_reason(self) -> None:
        """The action stands on its own in the log."""
        (action,) = plan(torrent(seeders=6)).actions
        assert action == DeleteTorrent(
            hash=hash_of(1), name="Torrent 1", reason="satisfied_redundant", delete_files=True
        )

    def test_the_plan_shows_the_figures_it_was_made_with(self) -> None:
        """Category and every figure of the cleanup policy."""
        shown = plan(torrent()).policy
        assert (shown["category"], shown["seed_time"], shown["seed_time_margin"]) == (CATEGORY, "72h", "24h")

    def test_a_tracker_message_has_no_address_in_it(self) -> None:
        """What is kept of a tracker's address is its host, since the rest is a secret."""
        assert [one.name for one in fields(TrackerMessage)] == ["host", "status", "text", "reports_tracker_errors"]

    def test_hours_are_hours(self) -> None:
        """The builders' bound is the policy's."""
        assert SEED.cleanup.owed_seconds == OWED == 96 * HOUR
