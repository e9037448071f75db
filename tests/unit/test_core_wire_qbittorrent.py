"""qBittorrent's bodies, as three real versions sent them."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from harvestmouse.core.cleanup import SETTLED_STATES, plan_cleanup
from harvestmouse.core.model import Connection, Malformed, Preferences, Torrent, TrackerMessage
from harvestmouse.core.policy import SEED
from harvestmouse.core.trackers import unregistered_texts
from harvestmouse.core.wire import (
    parse_connection,
    parse_free_space,
    parse_messages,
    parse_preferences,
    parse_torrents,
    parse_version,
)
from harvestmouse.core.wire.qbittorrent import parse_tags, parse_torrent
from tests.support.builders import (
    CATEGORY,
    MIB,
    TRACKER,
    decided,
    hash_of,
    raw_preferences,
    raw_torrent,
    raw_tracker,
    snapshot,
    torrent,
)

CAPTURES = Path(__file__).parents[1] / "fixtures" / "captures"
MAGNET = "magnet:?xt=urn:btih:0&dn=A+Barn"
VERSIONS = {"4.5.2": (2, 8, 19), "5.1.0": (2, 11, 4), "5.3.0": (2, 16, 2)}


def captured(release: str, name: str) -> Any:
    """Return a body that a real client sent; some captures stand in an envelope with the status."""
    body = json.loads((CAPTURES / release / f"{name}.json").read_text(encoding="utf-8"))
    return body["body"] if isinstance(body, dict) and "body" in body else body


def listed(release: str) -> dict[str, Torrent]:
    """Return a real client's torrents by name."""
    torrents, malformed = parse_torrents(captured(release, "torrents_info_all"), version=VERSIONS[release])
    assert malformed == []
    return {one.name: one for one in torrents}


@pytest.mark.parametrize("release", VERSIONS)
class TestRealListings:
    """Captures of 4.5.2, 5.1.0 and 5.3.0."""

    def test_the_version_is_read(self, release: str) -> None:
        """As a tuple that compares."""
        assert parse_version(captured(release, "app_webapiVersion")) == VERSIONS[release]

    def test_every_row_is_read_whole(self, release: str) -> None:
        """No fact the rules need is unknown in any row a real client sent."""
        for one in listed(release).values():
            assert None not in (one.tags, one.state, one.added_on, one.completion_on, one.seeding_time)
            assert None not in (one.progress, one.downloaded_bytes, one.uploaded_bytes, one.seeders, one.category)

    def test_never_completed_is_told_alike(self, release: str) -> None:
        """0 in 4.5.2, -1 in 5.x: both mean never."""
        stalled = listed(release)["st-stalledDL.bin"]
        assert (stalled.completion_on, stalled.has_completed) == (0, False)

    def test_a_seeding_torrent_has_completed_though_nothing_was_downloaded(self, release: str) -> None:
        """Its data was there when it was added."""
        seeding = listed(release)["real.bin"]
        assert (seeding.downloaded_bytes, seeding.progress, seeding.has_completed) == (0, 1.0, True)
        assert (seeding.category, seeding.tags) == (CATEGORY, frozenset({"freeleech", "mam"}))

    def test_missing_files_keep_their_completion(self, release: str) -> None:
        """Progress falls to 0; the time of completion and the seeding time stay."""
        (lost,), _ = parse_torrents([captured(release, "info_missingFiles")])
        assert (lost.state, lost.progress, lost.downloaded_bytes) == ("missingFiles", 0.0, 0)
        assert lost.has_completed is True

    @pytest.mark.parametrize(
        "name",
        [
            "stalledUP",
            "stalledDL",
            "forcedUP",
            "forcedDL",
            "pausedUP",
            "pausedDL",
            "queuedUP",
            "queuedDL",
            "metaDL",
            "uploading",
        ],
    )
    def test_every_settled_state_is_known(self, release: str, name: str) -> None:
        """Paused torrents are called stopped in 5.x."""
        (one,), _ = parse_torrents([captured(release, f"info_{name}")])
        assert one.state in SETTLED_STATES
        assert one.state == (name.replace("paused", "stopped") if release > "5" else name) or one.state == "stoppedDL"

    def test_a_check_s_progress_is_no_verdict(self, release: str) -> None:
        """A checking torrent shows how far the check is, and is left alone."""
        (one,), _ = parse_torrents([captured(release, "info_checking")])
        assert one.state == "checkingDL"
        assert 0 < (one.progress or 0) < 1
        assert one.state not in SETTLED_STATES

    def test_a_young_client_is_left_alone(self, release: str) -> None:
        """Seconds after they were added nothing is deleted, whatever the trackers said."""
        torrents = tuple(listed(release).values())
        seen = snapshot(torrents=torrents, taken_at=max(one.added_on or 0 for one in torrents) + 60)
        made = plan_cleanup(seen, SEED)
        assert made.actions == ()
        managed = {one.hash for one in torrents if one.category == CATEGORY}
        assert set(decided(made)) == managed

    def test_preferences_are_read(self, release: str) -> None:
        """The five keys this project knows, of two hundred."""
        assert parse_preferences(captured(release, "app_preferences")) == Preferences(
            queueing_enabled=False,
            max_active_downloads=3,
            max_active_uploads=3,
            max_active_torrents=5,
            dont_count_slow_torrents=False,
        )

    @pytest.mark.parametrize(
        ("name", "gone"),
        [
            ("unreg", True),
            ("unreg_after_working", True),
            ("notfound", True),
            ("notauth", True),
            ("404", False),
            ("opentracker_notwhitelisted", False),
            ("ratio", False),
            ("warn", False),
            ("refused", False),
            ("hang", False),
        ],
    )
    def test_only_a_tracker_that_disowns_the_torrent_makes_it_unregistered(
        self, release: str, name: str, *, gone: bool
    ) -> None:
        """Status 4 with the words in 4.5.2 and 5.1.0, status 5 in 5.3.0; HTTP 404 says nothing about the torrent."""
        body = captured(release, f"trackers_{name}")
        for version in (VERSIONS[release], None):
            messages = parse_messages(body, version)
            assert len(messages) == 1
            assert messages[0].host in ("127.0.0.1", "tracker.invalid")
            assert bool(unregistered_texts(torrent(messages=messages))) is gone

    def test_messages_listed_with_the_torrents_are_used(self, release: str) -> None:
        """From 5.1 on one request brings them; 4.5.2 ignores the wish, so they stay unknown."""
        (one,), _ = parse_torrents(captured(release, "info_includeTrackers"), version=VERSIONS[release])
        if release < "5":
            assert one.messages is None
            return
        assert one.messages is not None
        assert [(message.host, message.status) for message in one.messages if message.host] == [("127.0.0.1", 2)]

    def test_an_unknown_torrent_has_no_messages(self, release: str) -> None:
        """The client answers with plain words, which are no messages."""
        words = captured(release, "trackers_unknown_hash")
        (one,), _ = parse_torrents([raw_torrent()], {hash_of(1): words})
        assert one.messages is None


def read(**changes: Any) -> Torrent:
    """Return the torrent read from a row with these changes."""
    parsed = parse_torrent(raw_torrent(**changes))
    assert isinstance(parsed, Torrent)
    return parsed


class TestRow:
    """A fact that cannot be read is unknown; a row without identity is malformed."""

    def test_a_row_is_read(self) -> None:
        """Every field from its own key."""
        assert read() == torrent(messages=None)

    @pytest.mark.parametrize(
        ("key", "field"),
        [
            ("category", "category"),
            ("tags", "tags"),
            ("state", "state"),
            ("added_on", "added_on"),
            ("completion_on", "completion_on"),
            ("seeding_time", "seeding_time"),
            ("progress", "progress"),
            ("size", "size_bytes"),
            ("amount_left", "left_bytes"),
            ("downloaded", "downloaded_bytes"),
            ("uploaded", "uploaded_bytes"),
            ("num_complete", "seeders"),
        ],
    )
    def test_a_missing_fact_is_unknown(self, key: str, field: str) -> None:
        """And no other fact suffers."""
        body = raw_torrent()
        del body[key]
        assert getattr(parse_torrent(body), field) is None
        assert getattr(read(**{key: ["?"]} if key != "tags" else {key: 5}), field) is None

    def test_a_negative_seeding_time_is_unknown(self) -> None:
        """It can be no fact, and rescue must not act on it."""
        assert read(seeding_time=-5).seeding_time is None

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0, 0), (-1, 0), (2**32 - 1, 0), (2**32 - 2, 2**32 - 2), (1795350817, 1795350817), ("x", None), (None, None)],
    )
    def test_the_three_ways_to_say_never_completed(self, value: object, expected: int | None) -> None:
        """0, -1, and the largest 32-bit number of very old clients."""
        assert read(completion_on=value).completion_on == expected

    @pytest.mark.parametrize("value", ["", "abc", hash_of(1)[:-1], hash_of(1) + "0", "g" * 40, 5, None])
    def test_a_row_without_an_info_hash_is_malformed(self, value: object) -> None:
        """It is named by its content."""
        torrents, malformed = parse_torrents([raw_torrent(hash=value)])
        assert torrents == []
        assert malformed[0].subject.startswith("row:")

    def test_info_hashes_are_lower_case_of_either_length(self) -> None:
        """SHA-1 in hexadecimal, or SHA-256."""
        assert read(hash="AB" * 20).hash == "ab" * 20
        assert read(hash="AB" * 32).hash == "ab" * 32

    def test_the_same_row_twice_is_one_torrent(self) -> None:
        """A listing may repeat itself."""
        assert parse_torrents([raw_torrent(), raw_torrent()]) == ([read()], [])

    def test_two_rows_of_one_info_hash_that_differ_are_malformed(self) -> None:
        """They say nothing certain, in whatever order."""
        rows = [raw_torrent(), raw_torrent(name="Another"), raw_torrent()]
        for order in (rows, rows[::-1]):
            torrents, malformed = parse_torrents(order)
            assert torrents == []
            problem = "two rows of this info-hash differ"
            names = frozenset({"Torrent 1", "Another"})
            assert malformed == [Malformed(subject=hash_of(1), problem=problem, category=CATEGORY, names=names)]

    def test_two_rows_of_one_info_hash_in_two_categories_are_malformed_in_any_order(self) -> None:
        """Whose torrent it is stays unknown, so the janitor reports it either way."""
        rows = [raw_torrent(), raw_torrent(category="books"), raw_torrent(name="Another")]
        for order in permutations(rows):
            ((), (one,)) = parse_torrents(order)
            assert (one.subject, one.category) == (hash_of(1), None)

    def test_of_many_rows_of_one_info_hash_every_name_is_kept(self) -> None:
        """And that one of them has none."""
        rows = [raw_torrent(name=name) for name in ("Barn", "Reed", None, "Wheat")]
        ((), (one,)) = parse_torrents(rows)
        assert one.names == frozenset({"Barn", "Reed", "", "Wheat"})

    @pytest.mark.parametrize(("name", "names"), [("Barn", frozenset({"Barn"})), (None, None), (7, frozenset({"7"}))])
    def test_a_row_without_an_info_hash_keeps_its_name(self, name: object, names: frozenset[str] | None) -> None:
        """It may be what is on offer."""
        ((), (one,)) = parse_torrents([raw_torrent(hash=None, name=name)])
        assert one.names == names

    def test_a_row_that_is_no_object_is_malformed(self) -> None:
        """The rest goes on."""
        torrents, malformed = parse_torrents([None, "x", raw_torrent()])
        assert (len(torrents), len(malformed)) == (1, 2)
        assert {one.problem for one in malformed} == {"the row is no JSON object"}

    def test_a_row_without_an_info_hash_keeps_its_category(self) -> None:
        """The janitor of that category reports it; two such rows are two."""
        rows = [raw_torrent(hash=None), raw_torrent(hash="", name="Another"), raw_torrent(hash="zz", category=None)]
        _, malformed = parse_torrents(rows)
        assert sorted(str(one.category) for one in malformed) == ["None", CATEGORY, CATEGORY]
        assert {one.problem for one in malformed} == {"the row has no info-hash"}

    def test_text_that_is_missing_is_empty(self) -> None:
        """A name and a tracker's words are for people only."""
        assert read(name=None).name == ""
        assert parse_messages([{"url": "https://t.example/x", "status": 2}])[0].text == ""

    @pytest.mark.parametrize(
        ("value", "tags"),
        [
            ("", frozenset()),
            ("freeleech, mam", frozenset({"freeleech", "mam"})),
            (" a ,, b,", frozenset({"a", "b"})),
            (["a", " b "], frozenset({"a", "b"})),
            ([1], None),
            (None, None),
            ({}, None),
        ],
    )
    def test_tags_are_one_string_with_commas(self, value: object, tags: frozenset[str] | None) -> None:
        """No tags is not the same as unknown tags."""
        assert parse_tags(value) == tags

    def test_a_size_nobody_knows_yet_is_unknown(self) -> None:
        """Without metadata the client writes -1."""
        assert read(size=-1).size_bytes is None
        assert read(size=3 * MIB).size_bytes == 3 * MIB

    def test_messages_are_found_by_info_hash_in_any_case(self) -> None:
        """Keys of the recorded map may be upper case."""
        (one,), _ = parse_torrents([raw_torrent(hash="ab" * 20)], {"AB" * 20: [raw_tracker("x")]})
        assert one.messages is not None
        assert [message.text for message in one.messages] == ["x"]


class TestMessages:
    """Tracker messages: hosts without passkeys, and whose status 5 it is."""

    def test_an_address_is_reduced_to_its_host(self) -> None:
        """The rest is the account's secret."""
        assert parse_messages([raw_tracker("gone")]) == (TrackerMessage(host=TRACKER, status=4, text="gone"),)

    @pytest.mark.parametrize("url", ["** [DHT] **", "** [PeX] **", "** [LSD] **"])
    def test_dht_pex_and_lsd_are_no_trackers(self, url: str) -> None:
        """Their rows are left out, whatever they say."""
        assert parse_messages([raw_tracker("unregistered", url=url)]) == ()
        nameless = raw_tracker("unregistered")
        del nameless["url"]
        assert parse_messages([nameless]) == ()

    @pytest.mark.parametrize("url", ["", "http://[broken", "no address"])
    def test_an_address_that_cannot_be_read_has_no_host(self, url: str) -> None:
        """The message itself is kept."""
        assert [(one.host, one.text) for one in parse_messages([raw_tracker("gone", url=url)])] == [(None, "gone")]

    @pytest.mark.parametrize(
        ("version", "extra", "newer"),
        [
            ((2, 11, 9), {}, False),
            ((2, 12), {}, True),
            ((2, 16, 2), {}, True),
            ((2, 11, 9), {"updating": False}, False),
            (None, {}, False),
            (None, {"updating": False}, True),
        ],
    )
    def test_the_version_tells_which_status_is_a_refusal(
        self, version: tuple[int, ...] | None, extra: dict[str, object], *, newer: bool
    ) -> None:
        """Where it is unknown, the row's own shape does."""
        assert parse_messages([raw_tracker("x", **extra)], version)[0].reports_tracker_errors is newer

    def test_rows_that_are_no_objects_are_passed_over(self) -> None:
        """They say nothing."""
        assert parse_messages([None, "x", 5]) == ()


class TestTheRest:
    """Version, preferences, free space."""

    @pytest.mark.parametrize(
        ("text", "version"),
        [
            ("2.8.19", (2, 8, 19)),
            (" 2.11 ", (2, 11)),
            ("2", None),
            ("v2.8", None),
            ("", None),
            (2.8, None),
            (None, None),
        ],
    )
    def test_a_version_is_numbers_with_points(self, text: object, version: tuple[int, ...] | None) -> None:
        """Anything else is unknown."""
        assert parse_version(text) == version

    @pytest.mark.parametrize("body", [None, [], "Forbidden"])
    def test_a_body_that_is_no_object_holds_no_preferences(self, body: object) -> None:
        """The whole part is unknown then."""
        assert parse_preferences(body) is None

    @pytest.mark.parametrize(
        "key",
        [
            "queueing_enabled",
            "max_active_downloads",
            "max_active_uploads",
            "max_active_torrents",
            "dont_count_slow_torrents",
        ],
    )
    def test_a_preference_that_cannot_be_read_is_unknown(self, key: str) -> None:
        """The others stay."""
        prefs = parse_preferences(raw_preferences(**{key: "?"}))
        assert prefs is not None
        assert getattr(prefs, key) is None

    @pytest.mark.parametrize(
        ("body", "free"),
        [
            ({"server_state": {"free_space_on_disk": 83049963520}}, 83049963520),
            ({"server_state": {"free_space_on_disk": 0}}, 0),
            ({"server_state": {"free_space_on_disk": -1}}, None),
            ({"server_state": None}, None),
            ({}, None),
            (None, None),
        ],
    )
    def test_free_space_is_unknown_where_the_client_does_not_know(self, body: object, free: int | None) -> None:
        """It writes a negative number then."""
        assert parse_free_space(body) == free


class TestTrackerHost:
    """The host alone is kept: the address carries the passkey."""

    @pytest.mark.parametrize(
        ("fields", "host"),
        [
            ({"tracker": "https://t.myanonamouse.net/announce/5ecr3t"}, "t.myanonamouse.net"),
            ({"tracker": "udp://Tracker.Example.org:1337"}, "tracker.example.org"),
            ({"tracker": "", "magnet_uri": MAGNET + "&tr=https%3A%2F%2Ft.myanonamouse.net%2F5ecr3t"},
             "t.myanonamouse.net"),
            ({"magnet_uri": MAGNET + "&tr=http%3a%2f%2fa.example.org%2f&tr=http%3a%2f%2fb.example.org"},
             "a.example.org"),
            ({"magnet_uri": MAGNET + "&tr=http%3a%2f%2fa.example.org&tr=http%3a%2f%2fb.example.org"}, "a.example.org"),
            ({"tracker": "", "magnet_uri": MAGNET}, None),
            ({"tracker": 5, "magnet_uri": []}, None),
            ({"tracker": "http://[", "magnet_uri": ""}, None),
            ({}, None),
        ],
    )  # fmt: skip
    def test_is_read_from_the_address_or_the_magnet_link(self, fields: dict[str, Any], host: str | None) -> None:
        """Version 4 names a tracker only once it has answered (incident I6)."""
        row = {key: value for key, value in raw_torrent(1).items() if key not in ("tracker", "magnet_uri")}
        read = parse_torrent({**row, **fields})
        assert isinstance(read, Torrent)
        assert read.tracker_host == host
        assert "5ecr3t" not in repr(read)


class TestConnection:
    def test_is_read_from_both_bodies_that_have_it(self) -> None:
        """`transfer/info` and `server_state` of `sync/maindata` name the figures alike."""
        body = {"connection_status": "firewalled", "dht_nodes": 7, "dl_info_speed": 1, "up_info_speed": 2, "extra": 0}
        assert parse_connection(body) == Connection(status="firewalled", dht_nodes=7, download_speed=1, upload_speed=2)

    @pytest.mark.parametrize("body", [None, [], "x", 5])
    def test_another_shape_is_unknown(self, body: object) -> None:
        """Not a client that is disconnected."""
        assert parse_connection(body) is None

    def test_what_cannot_be_read_is_unknown(self) -> None:
        """Fact by fact."""
        assert parse_connection({"dht_nodes": -1, "dl_info_speed": "fast"}) == Connection()
