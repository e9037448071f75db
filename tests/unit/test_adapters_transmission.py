"""The Transmission adapter: what its words become, and answers that a real daemon gives rarely."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from harvestmouse.adapters.errors import (
    AdapterError,
    AlreadyInClient,
    ClientRefused,
    ClientUnavailable,
    ClientUnclear,
    ItemError,
)
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.tape import Tape
from harvestmouse.adapters.traffic import Result
from harvestmouse.adapters.transmission import TransmissionClient, client
from harvestmouse.adapters.transmission.words import preference_words, session_arguments, torrent_words
from harvestmouse.core.cleanup import SETTLED_STATES
from harvestmouse.core.model import Connection, Torrent
from harvestmouse.core.trackers import unregistered_texts
from harvestmouse.core.wire import parse_connection, parse_preferences, parse_torrents
from harvestmouse.runners.config import ConfigError, load
from harvestmouse.runners.ports import Ports
from harvestmouse.testing.client import CATEGORY, wanted
from tests.support.builders import hash_of, torrent
from tests.support.transmission import SESSION, Impostor, raw_row

CALLS: dict[str, Callable[[TransmissionClient], object]] = {
    "session-get": lambda one: one.preferences(),
    "torrent-get": lambda one: one.torrents(CATEGORY),
    "session-stats": lambda one: one.overview(),
    "session-set": lambda one: one.set_preferences({"max_active_downloads": 5}),
    "torrent-remove": lambda one: one.delete([hash_of(1)], delete_files=True),
    "torrent-start-now": lambda one: one.force_start([hash_of(1)]),
    "torrent-start": lambda one: one.resume([hash_of(1)]),
    "torrent-reannounce": lambda one: one.reannounce([hash_of(1)]),
}
ADD = wanted("/downloads")


@pytest.fixture
def daemon() -> Iterator[Impostor]:
    """Answers as an empty daemon does."""
    usual: dict[str, Any] = {method: {} for method in (*CALLS, "torrent-set")}
    usual |= {
        "session-get": SESSION,
        "session-stats": {"downloadSpeed": 3, "uploadSpeed": 4},
        "torrent-get": {"torrents": []},
        "torrent-add": {"torrent-added": {"id": 1, "hashString": hash_of(1)}},
    }
    with Impostor(**usual) as running:
        yield running


@pytest.fixture
def adapter(daemon: Impostor) -> Iterator[TransmissionClient]:
    opened = TransmissionClient(url=daemon.url, category=CATEGORY)
    yield opened
    opened.close()


def read(row: object, managed: str = CATEGORY) -> Torrent:
    """Return the torrent that comes of a row."""
    (one,), malformed = parse_torrents([torrent_words(row, managed)])
    assert not malformed
    return one


class TestTorrents:
    def test_every_fact_is_where_the_rules_look_for_it(self) -> None:
        """A row of a whole torrent, fact by fact."""
        one = read(raw_row(1))
        assert (one.hash, one.name, one.category) == (hash_of(1), "book 1", CATEGORY)
        assert one.tags == frozenset({"mam"})
        assert (one.added_on, one.completion_on, one.seeding_time) == (1_700_000_000, 1_700_001_000, 5000)
        assert (one.progress, one.size_bytes) == (1.0, 1000)
        assert (one.downloaded_bytes, one.uploaded_bytes, one.seeders) == (1000, 2000, 7)
        assert (one.state, one.tracker_host) == ("stalledUP", "t.myanonamouse.net")

    @pytest.mark.parametrize(
        ("told", "state"),
        [
            ({"status": 0}, "stoppedUP"),
            ({"status": 0, "percentDone": 0.5}, "stoppedDL"),
            ({"status": 3, "percentDone": 0}, "queuedDL"),
            ({"status": 4, "percentDone": 0}, "stalledDL"),
            ({"status": 4, "percentDone": 0.5, "rateDownload": 1}, "downloading"),
            ({"status": 4, "percentDone": 0, "metadataPercentComplete": 0.4}, "metaDL"),
            ({"status": 5}, "queuedUP"),
            ({"status": 6}, "stalledUP"),
            ({"status": 6, "rateUpload": 1}, "uploading"),
            ({"status": 0, "error": 3}, "error"),
            ({"status": 6, "error": 3}, "error"),
            # What the tracker says is no state.
            ({"status": 6, "error": 1}, "stalledUP"),
            ({"status": 6, "error": 2}, "stalledUP"),
        ],
    )
    def test_states_are_words_that_the_rules_know(self, told: Mapping[str, Any], state: str) -> None:
        """Each status has its word, and a running torrent is idle where nothing moves."""
        assert read(raw_row(1, **told)).state == state
        assert state in SETTLED_STATES

    @pytest.mark.parametrize("status", [1, 2, 7, -1, None, "seeding", True])
    def test_a_torrent_that_is_checked_or_in_an_unheard_of_status_is_held(self, status: object) -> None:
        """No rule touches a torrent in a state that it does not know."""
        assert read(raw_row(1, status=status)).state not in SETTLED_STATES

    @pytest.mark.parametrize("rate", [None, -1, "slow"])
    def test_a_speed_that_is_not_told_is_not_idle(self, rate: object) -> None:
        """A stalled download may be deleted once it is old."""
        assert read(raw_row(1, status=4, percentDone=0, rateDownload=rate)).state == "downloading"

    @pytest.mark.parametrize(
        ("labels", "category", "tags"),
        [
            ([], "", []),
            (["films"], "films", []),
            (["films", "old"], "films", ["old"]),
            ([CATEGORY], CATEGORY, []),
            (["mam", "keep me", CATEGORY], CATEGORY, ["mam", "keep me"]),
            (["größer, 日本語"], "größer, 日本語", []),
        ],
    )
    def test_the_managed_label_is_the_category_wherever_it_stands(
        self, labels: list[str], category: str, tags: list[str]
    ) -> None:
        """The order of labels is nobody's decision; of others the first stands for the category."""
        one = read(raw_row(1, labels=labels))
        assert (one.category, one.tags) == (category, frozenset(tags))

    @pytest.mark.parametrize("labels", [None, "mam-farming", [CATEGORY, 7], {"mam": 1}])
    def test_labels_that_cannot_be_read_are_unknown(self, labels: object) -> None:
        """A torrent that may be protected, or of another category, is of none."""
        one = read(raw_row(1, labels=labels))
        assert (one.category, one.tags) == (None, None)

    @pytest.mark.parametrize("character", ["🐭", "𠀀", "\U0010ffff"])
    def test_a_label_that_may_be_garbled_is_unknown(self, character: str) -> None:
        """Where the client writes a character wrongly, a tag that protects could be taken for another."""
        told = json.loads(f'"\\u{ord(character):x}"')
        assert told != character
        one = read(raw_row(1, labels=[CATEGORY, f"my {told} tag"]))
        assert (one.category, one.tags) == (None, None)
        # A version that writes it well is read well.
        assert read(raw_row(1, labels=[CATEGORY, character])).tags == frozenset({character})

    @pytest.mark.parametrize(
        ("counts", "seeders"), [([7], 7), ([0], 0), ([-1], None), ([-1, 3, 5], 5), ([None], None), ([], None)]
    )
    def test_seeders_are_unknown_until_a_tracker_has_told(self, counts: list[Any], seeders: int | None) -> None:
        """Minus one is how it says that it does not know."""
        stats = [{"announce": "http://a/", "seederCount": count} for count in counts]
        assert read(raw_row(1, trackerStats=stats)).seeders == seeders

    def test_a_magnet_link_does_not_know_what_is_left(self) -> None:
        """Nothing is left of what has no files yet, which is no sign that it is whole."""
        told = {"percentDone": 0, "leftUntilDone": 0, "status": 4}
        for known, left in ((0.5, None), (1, 0)):
            words = torrent_words(raw_row(1, **told, metadataPercentComplete=known), CATEGORY)
            assert isinstance(words, dict)
            assert words["amount_left"] == left

    def test_what_is_not_told_is_unknown(self) -> None:
        """A row with nothing but its identity has no facts, and no messages."""
        one = read({"hashString": hash_of(1).upper()})
        assert one == Torrent(hash=hash_of(1), name="")


class TestMessages:
    def message(self, **told: Any) -> Torrent:
        tracker = {**raw_row(1)["trackerStats"][0], **told}
        return read(raw_row(1, trackerStats=[tracker]))

    def test_a_refusal_is_one(self) -> None:
        """The tracker's words are those of its last announce."""
        one = self.message(lastAnnounceSucceeded=False, lastAnnounceResult="Unregistered torrent")
        assert unregistered_texts(one) == {"unregistered torrent"}

    @pytest.mark.parametrize(
        "told",
        [
            {"lastAnnounceSucceeded": True},
            {"lastAnnounceSucceeded": False, "hasAnnounced": False},
            {"lastAnnounceSucceeded": False, "hasAnnounced": None},
        ],
    )
    def test_words_that_no_failed_announce_brought_are_none(self, told: Mapping[str, Any]) -> None:
        """A warning that comes with a good answer is no refusal."""
        assert unregistered_texts(self.message(lastAnnounceResult="Unregistered torrent", **told)) == frozenset()

    def test_an_error_of_the_tracker_s_web_server_is_no_refusal(self) -> None:
        """These are the daemon's own words."""
        text = "Tracker gave HTTP response code 404 (Not Found)"
        assert unregistered_texts(self.message(lastAnnounceSucceeded=False, lastAnnounceResult=text)) == frozenset()

    def test_a_passkey_goes_no_further(self, daemon: Impostor) -> None:
        """Neither the torrents nor the tape hold it."""
        daemon.answers["torrent-get"] = {"torrents": [raw_row(1), raw_row(2, hashString=None)]}
        tape = Tape()
        adapter = TransmissionClient(url=daemon.url, category=CATEGORY, tape=tape)
        listing = adapter.everything()
        adapter.close()
        assert "passkey0123456789abcdef" in str(daemon.answers)
        assert "passkey0123456789abcdef" not in f"{listing} {tape.rows()}"


class TestPreferences:
    @pytest.mark.parametrize(
        ("download", "seed", "told"),
        [
            ((True, 5), (True, 10), (True, 5, 10)),
            # Of two queues one is off: it has no limit.
            ((True, 5), (False, 10), (True, 5, -1)),
            ((False, 5), (True, 10), (True, -1, 10)),
            # Both are off: the figures wait, as qBittorrent's do.
            ((False, 5), (False, 10), (False, 5, 10)),
        ],
    )
    def test_two_queues_are_told_as_one(
        self, download: tuple[bool, int], seed: tuple[bool, int], told: tuple[object, ...]
    ) -> None:
        """Each has a switch and a size of its own."""
        words = preference_words(session(download, seed))
        assert (words["queueing_enabled"], words["max_active_downloads"], words["max_active_uploads"]) == told

    def test_there_is_no_limit_for_both_together(self) -> None:
        """And so no word about it, nor a guess."""
        read = parse_preferences(preference_words(SESSION))
        assert read is not None
        assert read.max_active_torrents is None

    @pytest.mark.parametrize("missing", ["download-queue-enabled", "seed-queue-enabled"])
    def test_a_switch_that_is_not_told_leaves_the_queue_unknown(self, missing: str) -> None:
        """It is not taken for off."""
        words = preference_words({key: value for key, value in SESSION.items() if key != missing})
        assert words["queueing_enabled"] is None

    @pytest.mark.parametrize("before", list(product(*[[(on, size) for on in (True, False) for size in (5, 10)]] * 2)))
    @pytest.mark.parametrize(
        "values",
        [
            {"queueing_enabled": True, "max_active_downloads": 20, "max_active_uploads": 150},
            {"queueing_enabled": False},
            {"queueing_enabled": True},
            {"max_active_downloads": 17},
            {"max_active_uploads": 0},
            {"queueing_enabled": True, "max_active_downloads": 20, "max_active_uploads": -1},
            {"dont_count_slow_torrents": False},
        ],
    )
    def test_what_is_written_is_read_back(
        self, before: tuple[tuple[bool, int], tuple[bool, int]], values: Mapping[str, Any]
    ) -> None:
        """From whatever the queues were, and without a word about what was not to change."""
        now = session(*before)
        written = {key.replace("_", "-"): value for key, value in session_arguments(now, values).items()}
        after = {**now, **{key: value for key, value in written.items() if value is not None}}
        assert -1 not in written.values()
        told = preference_words(after)
        assert {key: told[key] for key in values} == values
        if "queueing_enabled" not in values:
            kept = preference_words(now)
            assert {key: told[key] for key in told if key not in values} == {
                key: kept[key] for key in kept if key not in values
            }

    def test_nothing_is_switched_where_the_switches_are_unknown(self) -> None:
        """Writing a size alone does not turn a queue off."""
        assert session_arguments({}, {"max_active_uploads": 7}) == {
            "download_queue_enabled": None,
            "download_queue_size": None,
            "seed_queue_enabled": None,
            "seed_queue_size": 7,
            "queue_stalled_enabled": None,
        }

    def test_a_key_that_there_is_not_is_refused_and_nothing_written(
        self, daemon: Impostor, adapter: TransmissionClient
    ) -> None:
        """Nobody is to believe that it was taken."""
        with pytest.raises(ItemError, match="max_active_torrents"):
            adapter.set_preferences({"max_active_torrents": 170, "max_active_uploads": 150})
        assert daemon.times("session-set") == 0


def session(download: tuple[bool, int], seed: tuple[bool, int]) -> dict[str, Any]:
    """Return ``session-get`` of a daemon whose queues are on or off, of some size."""
    return {
        **SESSION,
        "download-queue-enabled": download[0],
        "download-queue-size": download[1],
        "seed-queue-enabled": seed[0],
        "seed-queue-size": seed[1],
    }


class TestRequests:
    @pytest.mark.parametrize(
        ("call", "asked"),
        [
            (lambda one: one.torrents(CATEGORY), ["torrent-get"]),
            (lambda one: one.everything(), ["torrent-get", "session-get"]),
            (lambda one: one.overview(), ["torrent-get", "session-stats"]),
            (lambda one: one.preferences(), ["session-get"]),
            (lambda one: one.delete(map(hash_of, range(250)), delete_files=True), ["torrent-remove"]),
            (lambda one: one.look(map(hash_of, range(250))), ["torrent-get"]),
            (lambda one: one.with_messages([torrent(1), torrent(2)]), []),
            (lambda one: [one.look([]), one.delete([], delete_files=True), one.resume([]), one.reannounce([])], []),
        ],
    )
    def test_as_few_as_there_can_be(
        self, daemon: Impostor, adapter: TransmissionClient, call: Callable[[Any], object], asked: list[str]
    ) -> None:
        """The library asks for the session once, as it connects."""
        call(adapter)
        assert [method for method, _ in daemon.asked] == (["session-get", *asked] if asked else [])

    def test_every_request_is_counted(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """What the daemon was asked and what was counted are the same."""
        for call in CALLS.values():
            call(adapter)
        counted = {method: number for (_, method, result), number in adapter.traffic.requests.items() if result == "ok"}
        assert counted == {method: daemon.times(method) for method, _ in daemon.asked}
        assert {service for service, _, _ in adapter.traffic.requests} == {"client"}

    @pytest.mark.parametrize("path", ["", "/", "/transmission/rpc", "/behind/a/proxy/rpc"])
    def test_an_address_may_have_a_path(self, daemon: Impostor, path: str) -> None:
        """Without one it is the daemon's usual one."""
        adapter = TransmissionClient(url=daemon.url + path)
        adapter.torrents(CATEGORY)
        adapter.close()
        assert daemon.paths == {path if path.strip("/") else "/transmission/rpc"}

    @pytest.mark.parametrize(
        ("url", "host", "port"),
        [
            ("http://[::1]:9091", "[::1]", 9091),
            ("https://seedbox/rpc", "seedbox", 443),
            ("http://seedbox", "seedbox", 80),
        ],
    )
    def test_an_address_may_be_written_in_every_way(
        self, monkeypatch: pytest.MonkeyPatch, url: str, host: str, port: int
    ) -> None:
        """The library wants it in parts, and the port told."""
        parts: dict[str, Any] = {}
        monkeypatch.setattr(client, "_Api", lambda _traffic, **options: parts.update(options))
        with pytest.raises(ClientUnclear):
            TransmissionClient(url=url).torrents(CATEGORY)
        assert (parts["protocol"], parts["host"], parts["port"]) == (url.partition(":")[0], host, port)

    def test_a_listing_is_taped_in_words_that_can_be_read_again(self, daemon: Impostor) -> None:
        """A replay decides from the same torrents, of the category alone."""
        rows = [raw_row(1), raw_row(2, labels=["films"]), raw_row(3, labels=None), None]
        daemon.answers["torrent-get"] = {"torrents": rows}
        tape = Tape()
        adapter = TransmissionClient(url=daemon.url, category=CATEGORY, tape=tape)
        listing = adapter.torrents(CATEGORY)
        adapter.look([hash_of(1)])
        listed = tape.rows() or []
        preferences, connection = adapter.preferences(), adapter.overview().connection
        adapter.close()
        assert [one.hash for one in listing.torrents] == [hash_of(1)]
        assert [one.problem for one in listing.malformed] == ["the row is no JSON object"]
        torrents, malformed = parse_torrents(listed)
        assert {one.hash: one for one in torrents} == {hash_of(1): listing.torrents[0], hash_of(3): read(rows[2])}
        assert tuple(malformed) == listing.malformed
        assert parse_preferences(tape.preferences) == preferences
        assert connection == Connection(download_speed=3, upload_speed=4)
        assert parse_connection(tape.transfer) == connection

    def test_free_space_that_is_not_told_is_unknown(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """Minus one is how it says so."""
        for told in (-1, None, "much"):
            daemon.answers["session-get"] = {**SESSION, "download-dir-free-space": told}
            assert adapter.everything().free_space_bytes is None


class TestAdding:
    def test_a_torrent_starts_after_it_has_its_labels(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """Each once, and in both ways to label: newer versions take labels at once."""
        labels = [CATEGORY, "mam", "freeleech"]
        daemon.after["torrent-set"] = {"torrent-get": {"torrents": [raw_row(1, labels=labels)]}}
        adapter.add(b"d4:infodee", hash_of(1), ADD)
        methods = [method for method, _ in daemon.asked]
        assert methods[2:] == ["torrent-add", "torrent-set", "torrent-get", "torrent-start"]
        (_, added), (_, set_) = (one for one in daemon.asked if one[0] in ("torrent-add", "torrent-set"))
        assert (added["paused"], added["labels"], added["download-dir"]) == (True, labels, "/downloads")
        assert (set_["ids"], set_["labels"]) == ([hash_of(1)], labels)

    def test_a_tag_that_is_the_category_too_is_one_label(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """The client refuses the same label twice."""
        daemon.after["torrent-set"] = {"torrent-get": {"torrents": [raw_row(1)]}}
        adapter.add(b"d4:infodee", hash_of(1), wanted("/downloads", tags=("mam", CATEGORY, "mam")))
        (set_,) = (arguments for method, arguments in daemon.asked if method == "torrent-set")
        assert set_["labels"] == [CATEGORY, "mam"]

    @pytest.mark.parametrize("kept", [["a"], [CATEGORY, "mam"], [CATEGORY, "mam", "freeleech", "more"], None])
    def test_one_whose_labels_are_not_kept_is_taken_out_again(
        self, daemon: Impostor, adapter: TransmissionClient, kept: list[str] | None
    ) -> None:
        """A torrent in no category would be seeded by nobody's rules; its files, if there are any, stay."""
        daemon.after["torrent-set"] = {"torrent-get": {"torrents": [raw_row(1, labels=kept)]}}
        with pytest.raises(ItemError, match="category and tags"):
            adapter.add(b"d4:infodee", hash_of(1), ADD)
        assert daemon.asked[-1] == ("torrent-remove", {"ids": [hash_of(1)], "delete-local-data": False})
        assert daemon.times("torrent-start") == 0

    def test_one_whose_labels_are_refused_is_taken_out_again(
        self, daemon: Impostor, adapter: TransmissionClient
    ) -> None:
        """The client says so at once, of a comma for one."""
        daemon.answers["torrent-set"] = "labels cannot contain comma (,) character"
        with pytest.raises(ItemError, match="category and tags"):
            adapter.add(b"d4:infodee", hash_of(1), ADD)
        assert daemon.times("torrent-remove") == 1
        assert daemon.times("torrent-start") == 0

    def test_one_that_is_there_is_left_alone(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """Nothing is sent but the question."""
        daemon.answers["torrent-get"] = {"torrents": [raw_row(1)]}
        with pytest.raises(AlreadyInClient):
            adapter.add(b"d4:infodee", hash_of(1), ADD)
        assert {method for method, _ in daemon.asked} == {"session-get", "torrent-get"}


class TestTrouble:
    @pytest.mark.parametrize("method", CALLS)
    @pytest.mark.parametrize(("status", "kind"), [(401, ClientRefused), (403, ClientRefused), (500, ClientUnclear)])
    def test_an_error_status_has_its_own_error(
        self, daemon: Impostor, adapter: TransmissionClient, method: str, status: int, kind: type[AdapterError]
    ) -> None:
        """A refusal is told from a page, which is all that a broken proxy sends."""
        daemon.answers[method], daemon.statuses[method] = b"<html>no</html>", status
        with pytest.raises(kind) as raised:
            CALLS[method](adapter)
        assert daemon.url in str(raised.value)

    @pytest.mark.parametrize("method", CALLS)
    @pytest.mark.parametrize(
        "body",
        [b"", b"5", b'"x"', b"null", b"[5]", b"{}", b'{"result": "success"}', b'{"a":', b"[" * 100_000,
         b"\xff\xfe"],
    )  # fmt: skip
    def test_nonsense_is_an_error(
        self, daemon: Impostor, adapter: TransmissionClient, method: str, body: bytes
    ) -> None:
        """An answer that cannot be read is no empty client, and nothing was done."""
        daemon.answers[method] = body
        with pytest.raises(ClientUnclear):
            CALLS[method](adapter)

    @pytest.mark.parametrize("arguments", [{}, {"torrents": None}, {"torrents": {}}, [], None])
    def test_an_answer_without_a_list_is_no_empty_client(
        self, daemon: Impostor, adapter: TransmissionClient, arguments: object
    ) -> None:
        """An empty list is what an empty client sends."""
        daemon.answers["torrent-get"] = json.dumps({"result": "success", "arguments": arguments}).encode()
        with pytest.raises(ClientUnclear):
            adapter.everything()

    @pytest.mark.parametrize("method", CALLS)
    def test_a_refused_request_is_no_success(self, daemon: Impostor, adapter: TransmissionClient, method: str) -> None:
        """The daemon says in one word whether it did something."""
        daemon.answers[method] = "no method name"
        with pytest.raises(ClientUnclear) as raised:
            CALLS[method](adapter)
        assert adapter.traffic.requests["client", method, Result.FAILED] == 1
        assert "no method name" not in str(raised.value)

    @pytest.mark.parametrize("method", ["session-get", "torrent-get", "torrent-remove"])
    def test_silence_ends_within_the_time_limit(
        self, daemon: Impostor, adapter: TransmissionClient, method: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A daemon that hangs holds no run."""
        monkeypatch.setattr(client, "_READ_SECONDS", 0.2)
        daemon.silent.add(method)
        with pytest.raises(ClientUnavailable, match="time limit"):
            CALLS[method](adapter)
        assert adapter.traffic.requests["client", method, Result.NO_ANSWER] == 1

    def test_a_daemon_that_went_away_is_told(self, daemon: Impostor, adapter: TransmissionClient) -> None:
        """Also in the middle of an answer."""
        daemon.cut.add("torrent-get")
        with pytest.raises(ClientUnavailable, match="no connection"):
            adapter.torrents(CATEGORY)

    @pytest.mark.parametrize("where", ["settings", "address"])
    def test_no_password_gets_out(self, daemon: Impostor, caplog: pytest.LogCaptureFixture, where: str) -> None:
        """Neither in an error, nor in what the library logs of its requests, however it is sent."""
        caplog.set_level(logging.DEBUG, "transmission-rpc")
        caplog.set_level(logging.DEBUG)
        url = daemon.url if where == "settings" else daemon.url.replace("//", "//mouse:gouda%2F40%25@")
        username, password = ("mouse", "gouda/40%") if where == "settings" else ("", "")
        for body, status in ((b"<html>no</html>", 200), (b"", 401)):
            daemon.answers["torrent-get"], daemon.statuses["torrent-get"] = body, status
            adapter = TransmissionClient(url=url, username=username, password=Secret(password))
            with pytest.raises(AdapterError) as raised:
                adapter.torrents(CATEGORY)
            adapter.close()
            assert "gouda" not in f"{raised.value!r} {raised.value.__cause__} {caplog.text}"
        assert "transmission" not in {record.name for record in caplog.records}
        assert daemon.logins == {("mouse", "gouda/40%")}

    def test_a_library_that_is_missing_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the command that installs it."""
        for name in [one for one in sys.modules if one.startswith("harvestmouse.adapters.transmission")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "transmission_rpc", None)
        settings = load({"HARVESTMOUSE_QBITTORRENT_ADAPTER": "transmission"})
        with pytest.raises(ConfigError, match=r"pip install 'harvestmouse\[transmission\]'"):
            _ = Ports(settings).client

    def test_it_is_chosen_by_its_name(self) -> None:
        """With address, password and category of the usual section."""
        settings = load(
            {
                "HARVESTMOUSE_QBITTORRENT_ADAPTER": "transmission",
                "HARVESTMOUSE_QBITTORRENT_URL": "http://127.0.0.1:9091",
                "HARVESTMOUSE_QBITTORRENT_USERNAME": "mouse",
                "HARVESTMOUSE_QBITTORRENT_PASSWORD": "gouda",
                "HARVESTMOUSE_QBITTORRENT_CATEGORY": "books",
            }
        )
        ports = Ports(settings)
        chosen = ports.client
        assert isinstance(chosen, TransmissionClient)
        assert (chosen.url, chosen.username, chosen.category) == ("http://127.0.0.1:9091", "mouse", "books")
        assert (chosen.password.reveal(), chosen.traffic) == ("gouda", ports.traffic)
        ports.close()
