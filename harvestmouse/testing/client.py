"""What every torrent client's adapter promises."""

import time
from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

import pytest

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import AlreadyInClient, ClientRefused, ClientUnavailable, ClientUnclear, ItemError
from harvestmouse.adapters.interface import Client, Listing
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.cleanup import SETTLED_STATES
from harvestmouse.core.model import Torrent
from harvestmouse.core.reconcile import KEYS
from harvestmouse.core.trackers import unregistered_texts
from harvestmouse.core.units import DAY, MIB
from harvestmouse.testing.arrange import hash_of

CATEGORY = "mam-farming"
SIZE_BYTES = 5 * MIB
# What a tracker says of a torrent that it no longer knows.
REFUSAL = "Unregistered torrent"
# How long a client may take to carry out what it was told, and to look at its disk.
_PATIENCE_SECONDS, _POLL_SECONDS = 10.0, 0.05
# Other programs write to the same disk.
_SPACE_TOLERANCE = 0.2
_WRONG_PASSWORD = "gorgonzola"  # noqa: S105 - a wrong one
_ODD_WORDS = ("Hör & Bücher", "a=b?c#d%20e", 'it\'s "quoted"', "films/old", "ελληνικά 🐭")

CALLS: dict[str, Callable[[Client], object]] = {
    "torrents": lambda client: client.torrents(CATEGORY),
    "everything": lambda client: client.everything(),
    "overview": lambda client: client.overview(),
    "look": lambda client: client.look([hash_of(1)]),
    "with_messages": lambda client: client.with_messages([Torrent(hash=hash_of(1), name="barn")]),
    "preferences": lambda client: client.preferences(),
    "add": lambda client: client.add(b"d4:infodee", hash_of(1), wanted("/downloads")),
    "delete": lambda client: client.delete([hash_of(1)], delete_files=True),
    "set_preferences": lambda client: client.set_preferences({"max_active_downloads": 5}),
    "force_start": lambda client: client.force_start([hash_of(1)]),
    "resume": lambda client: client.resume([hash_of(1)]),
    "reannounce": lambda client: client.reannounce([hash_of(1)]),
}
_READS = ("torrents", "everything", "overview", "look", "preferences")
_CONNECTIONS = ("connected", "firewalled", "disconnected")
_SEEDING = ("uploading", "stalledUP", "forcedUP")
_DOWNLOADING = ("downloading", "stalledDL", "forcedDL")


class ClientStage(Protocol):
    """A client without torrents, and the means to arrange its world.

    A method that this kind of client has no use for calls `harvestmouse.testing.cannot`.
    """

    @property
    def client(self) -> Client:
        """Return the adapter under test, the same each time."""

    @property
    def now(self) -> int:
        """Return the time on the client's clock, in unix seconds."""

    @property
    def free_space_bytes(self) -> int:
        """Return what is really free where the client writes."""

    @property
    def save_path(self) -> str:
        """Return where the client may write."""

    def file_of(self, name: str) -> bytes:
        """Make the torrent file of a torrent of `SIZE_BYTES`, which the client does not have."""

    def put(
        self,
        name: str,
        *,
        category: str = CATEGORY,
        tags: Iterable[str] = (),
        whole: bool = True,
        stopped: bool = False,
    ) -> str:
        """Put the torrent of `file_of` into the client, not by way of the adapter, and return its info-hash.

        Args:
            name: The torrent's name.
            category: Its category; empty for none.
            tags: Its tags.
            whole: It has all its content; otherwise it has nothing of it, and finds no peers.
            stopped: It does not run.
        """

    def refuse(self, identity: str) -> None:
        """Let the torrent's tracker say `REFUSAL` from now on, and return when the client has heard it."""

    def accept(self, identity: str) -> None:
        """Let the torrent's tracker take it again from now on, which the client hears with its next announce."""

    def close_slots(self) -> None:
        """Leave no slot to what is put in afterwards, so that it is queued."""

    def away(self) -> Client:
        """Return an adapter whose client does not answer."""

    def garbled(self) -> Client:
        """Return an adapter whose client lists a torrent ``mine`` of `CATEGORY`, and rows that are no torrents."""

    def muddled(self) -> Client:
        """Return an adapter that gets answers of something else, such as the page of a proxy."""

    def locked_out(self, password: str) -> Client:
        """Return an adapter that shows its client this password, which is wrong."""


class ClientPromises:
    """What `harvestmouse.adapters.interface.Client` promises; needs a fixture ``stage``, a `ClientStage`.

    Attributes:
        untold: What this kind of client never tells, and what therefore has to be unknown: names of preferences, and
            ``status`` for how it is connected. No other fact may be among them.
    """

    untold: ClassVar[frozenset[str]] = frozenset()

    # Lists

    def test_a_list_holds_one_category_and_no_other(self, stage: ClientStage) -> None:
        """Torrents of other categories and of none are left out."""
        stage.put("mine")
        stage.put("theirs", category="films")
        stage.put("nobody's", category="")
        assert names(stage.client.torrents(CATEGORY)) == ["mine"]

    @pytest.mark.parametrize("category", _ODD_WORDS)
    def test_a_category_may_have_any_characters(self, stage: ClientStage, category: str) -> None:
        """What has a meaning in addresses is no more than a character here."""
        stage.put("mine", category=category)
        stage.put("theirs")
        assert [(one.name, one.category) for one in stage.client.torrents(category).torrents] == [("mine", category)]

    def test_a_plus_in_a_category_is_no_space(self, stage: ClientStage) -> None:
        """In an address it can stand for one."""
        stage.put("mine", category="a+b")
        assert names(stage.client.torrents("a+b")) == ["mine"]

    @pytest.mark.parametrize("name", [*(word.replace("/", " ") for word in _ODD_WORDS), "日本語", "a" * 200])
    def test_a_name_may_have_any_characters(self, stage: ClientStage, name: str) -> None:
        """Names are read as they were written."""
        identity = stage.put(name)
        assert one(stage, identity).name == name

    def test_tags_are_read_one_by_one(self, stage: ClientStage) -> None:
        """Spaces and letters of any alphabet are part of a tag."""
        identity = stage.put("mine", tags=["keep me", "größer", "🐭"])
        assert one(stage, identity).tags == frozenset({"keep me", "größer", "🐭"})

    def test_a_torrent_without_tags_has_none_and_not_unknown_ones(self, stage: ClientStage) -> None:
        """No tag is knowledge: a torrent of unknown tags is kept for ever."""
        identity = stage.put("mine")
        assert one(stage, identity).tags == frozenset()

    def test_what_was_put_in_whole_has_completed(self, stage: ClientStage) -> None:
        """A whole torrent shows its size and full progress."""
        torrent = one(stage, stage.put("full"))
        assert torrent.has_completed is True
        assert (torrent.size_bytes, torrent.progress) == (SIZE_BYTES, 1.0)

    def test_what_has_nothing_yet_has_not_completed(self, stage: ClientStage) -> None:
        """An empty torrent shows zero, which is known, and that it never completed."""
        torrent = one(stage, stage.put("empty", whole=False))
        assert torrent.has_completed is False
        assert (torrent.size_bytes, torrent.progress, torrent.downloaded_bytes) == (SIZE_BYTES, 0.0, 0)
        assert torrent.completion_on == 0

    def test_every_fact_that_the_rules_need_is_known(self, stage: ClientStage) -> None:
        """A fact that is missing holds every decision about the torrent."""
        for identity in (stage.put("full"), stage.put("empty", whole=False)):
            becomes(stage, identity, lambda torrent: None not in [getattr(torrent, name) for name in _FACTS])

    def test_times_are_unix_seconds(self, stage: ClientStage) -> None:
        """Neither milliseconds nor a local clock: a torrent is as old as it is."""
        torrent = one(stage, stage.put("full"))
        assert torrent.added_on is not None
        assert stage.now - 30 * DAY < torrent.added_on <= stage.now + 1
        assert torrent.completion_on is not None
        assert torrent.completion_on <= stage.now + 1
        assert torrent.seeding_time is not None
        assert 0 <= torrent.seeding_time <= stage.now + 1 - torrent.added_on

    @pytest.mark.parametrize(("whole", "stopped"), [(True, False), (True, True), (False, False), (False, True)])
    def test_states_are_words_that_the_rules_know(self, stage: ClientStage, *, whole: bool, stopped: bool) -> None:
        """A torrent in an unheard-of state is never touched; the words are qBittorrent's."""
        identity = stage.put("mine", whole=whole, stopped=stopped)
        torrent = becomes(stage, identity, lambda torrent: torrent.state in SETTLED_STATES)
        assert str(torrent.state).endswith("UP" if whole else "DL") or torrent.state in ("uploading", "downloading")

    def test_a_list_of_an_unknown_category_is_empty(self, stage: ClientStage) -> None:
        """A category that nobody has made is no error."""
        stage.put("mine")
        assert stage.client.torrents("unheard of") == Listing(torrents=())

    def test_a_list_of_an_empty_client_is_empty(self, stage: ClientStage) -> None:
        """A client without torrents is no error."""
        assert stage.client.torrents(CATEGORY) == Listing(torrents=())
        assert stage.client.everything().torrents == ()

    @pytest.mark.parametrize("name", ["everything", "overview"])
    def test_everything_is_of_every_category(self, stage: ClientStage, name: str) -> None:
        """All torrents share slots and disk."""
        stage.put("mine")
        stage.put("theirs", category="films")
        stage.put("nobody's", category="")
        listing: Listing = getattr(stage.client, name)()
        assert names(listing) == ["mine", "nobody's", "theirs"]

    def test_everything_says_the_same_of_a_torrent(self, stage: ClientStage) -> None:
        """Both ways to list agree on what decisions use."""
        stage.put("mine", tags=["mam"], stopped=True)
        (all_,), (some,) = stage.client.everything().torrents, stage.client.torrents(CATEGORY).torrents
        for name in ("hash", "name", "category", "tags", "state", "added_on", "completion_on", "progress",
                     "size_bytes"):  # fmt: skip
            assert getattr(all_, name) == getattr(some, name), name

    def test_everything_comes_with_the_free_space_in_bytes(self, stage: ClientStage) -> None:
        """A number of blocks or of KiB would be far from it, and 0 would hold every grab."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # A client may have to look first.
        while not (told := stage.client.everything().free_space_bytes) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        assert told == pytest.approx(stage.free_space_bytes, rel=_SPACE_TOLERANCE)

    def test_an_overview_tells_how_the_client_is_connected(self, stage: ClientStage) -> None:
        """In qBittorrent's words, which become a figure."""
        connection = stage.client.overview().connection
        assert connection is not None
        assert connection.status in ((None,) if "status" in self.untold else _CONNECTIONS)

    # Looking at some

    def test_a_look_brings_the_named_ones(self, stage: ClientStage) -> None:
        """Others are left out, whatever their category."""
        first, second = stage.put("first"), stage.put("second", category="films")
        stage.put("third")
        assert names(stage.client.look([first, second])) == ["first", "second"]

    def test_a_look_leaves_out_what_is_gone(self, stage: ClientStage) -> None:
        """A torrent that the client does not have is absent, not an error."""
        there = stage.put("there")
        assert names(stage.client.look([there, hash_of(7)])) == ["there"]

    def test_a_look_at_nothing_is_nothing(self, stage: ClientStage) -> None:
        """Without hashes nothing is listed; above all not everything."""
        stage.put("there")
        assert stage.client.look([]) == Listing(torrents=())

    def test_a_look_takes_hundreds_of_hashes(self, stage: ClientStage) -> None:
        """Hundreds of hashes are no longer an address than a client reads."""
        there = stage.put("there")
        many = [hash_of(number) for number in range(250)]
        assert names(stage.client.look([*many, there])) == ["there"]

    # Tracker messages

    def test_a_tracker_s_refusal_is_told(self, stage: ClientStage) -> None:
        """A tracker that no longer knows a torrent is recognised as such."""
        gone = stage.put("gone")
        stage.refuse(gone)
        (told,) = stage.client.with_messages(stage.client.look([gone]).torrents)
        assert unregistered_texts(told) == frozenset({REFUSAL.casefold()})

    def test_a_tracker_that_refuses_nothing_is_told_too(self, stage: ClientStage) -> None:
        """Messages that were asked for are known, and the words about one torrent are not those about another."""
        fine, gone = stage.put("fine"), stage.put("gone")
        stage.refuse(gone)
        (told,) = stage.client.with_messages(stage.client.look([fine]).torrents)
        assert told.messages is not None
        assert unregistered_texts(told) == frozenset()

    def test_messages_are_not_asked_for_twice(self, stage: ClientStage) -> None:
        """A torrent that has its messages keeps them."""
        stage.put("fine")
        told = stage.client.with_messages(stage.client.torrents(CATEGORY).torrents)
        assert stage.client.with_messages(told) == told

    def test_messages_of_nothing_are_nothing(self, stage: ClientStage) -> None:
        """No torrent, no message."""
        assert stage.client.with_messages([]) == ()

    def test_messages_keep_every_torrent_and_its_order(self, stage: ClientStage) -> None:
        """Whatever is given comes back, one that has gone in the meantime too."""
        first, second = stage.put("first"), stage.put("second")
        listed = {torrent.hash: torrent for torrent in stage.client.look([first, second]).torrents}
        given = [listed[second], listed[first]]
        stage.client.delete([first], delete_files=True)
        assert [torrent.hash for torrent in stage.client.with_messages(given)] == [second, first]

    # Preferences

    def test_preferences_read_back_what_was_written(self, stage: ClientStage) -> None:
        """Every key that the client has can be written."""
        before = stage.client.preferences()
        values = {
            "queueing_enabled": not before.queueing_enabled,
            "max_active_downloads": 23,
            "max_active_uploads": 157,
            "max_active_torrents": 181,
            "dont_count_slow_torrents": not before.dont_count_slow_torrents,
        }
        told = {key: value for key, value in values.items() if key not in self.untold}
        stage.client.set_preferences(told)
        read = stage.client.preferences()
        assert {key: getattr(read, key) for key in told} == told

    def test_preferences_that_are_not_written_stay(self, stage: ClientStage) -> None:
        """Writing one key leaves the others."""
        before = stage.client.preferences()
        stage.client.set_preferences({"max_active_downloads": 17})
        read = stage.client.preferences()
        assert read.max_active_downloads == 17
        for key in set(KEYS) - {"max_active_downloads"}:
            assert getattr(read, key) == getattr(before, key), key

    def test_preferences_are_all_known(self, stage: ClientStage) -> None:
        """A key that the client does not tell is never corrected; one that it does not have is no guess."""
        read = stage.client.preferences()
        assert {key for key in KEYS if getattr(read, key) is None} == set(KEYS) & self.untold

    # Adding

    def test_an_added_torrent_is_listed_when_the_call_returns(self, stage: ClientStage) -> None:
        """It is there, labelled as wanted, and has not completed."""
        content = stage.file_of("barn")
        stage.client.add(content, info_hash(content), wanted(stage.save_path))
        added = one(stage, info_hash(content))
        assert (added.name, added.category, added.tags) == ("barn", CATEGORY, frozenset({"mam", "freeleech"}))
        assert added.has_completed is False

    def test_an_added_torrent_is_new(self, stage: ClientStage) -> None:
        """Its age is counted from the moment in which it was added."""
        before = stage.now
        content = stage.file_of("barn")
        stage.client.add(content, info_hash(content), wanted(stage.save_path))
        added_on = one(stage, info_hash(content)).added_on
        assert added_on is not None
        assert before - 1 <= added_on <= stage.now + 1

    def test_what_is_there_is_not_added_again(self, stage: ClientStage) -> None:
        """A torrent that the client has, in whatever category, is not taken again nor changed."""
        identity = stage.put("barn", category="films", tags=["keep"])
        with pytest.raises(AlreadyInClient, match="1001"):
            stage.client.add(stage.file_of("barn"), identity, wanted(stage.save_path))
        assert (one(stage, identity).category, one(stage, identity).tags) == ("films", frozenset({"keep"}))

    def test_what_is_no_torrent_is_an_item_s_failure(self, stage: ClientStage) -> None:
        """Bytes that are no torrent file are refused, and nothing is listed."""
        with pytest.raises(ItemError):
            stage.client.add(b"<html>not this</html>", hash_of(1), wanted(stage.save_path))
        assert stage.client.everything().torrents == ()

    def test_no_tags_are_added_where_none_are_wanted(self, stage: ClientStage) -> None:
        """No tag is no tag, and not an empty one."""
        content = stage.file_of("barn")
        stage.client.add(content, info_hash(content), wanted(stage.save_path, tags=()))
        assert one(stage, info_hash(content)).tags == frozenset()

    # Deleting

    def test_a_deletion_takes_the_named_ones(self, stage: ClientStage) -> None:
        """Others stay."""
        first, second = stage.put("first"), stage.put("second")
        stage.client.delete([first], delete_files=True)
        assert names(stage.client.look([first, second])) == ["second"]

    def test_a_deletion_of_nothing_takes_nothing(self, stage: ClientStage) -> None:
        """Without hashes nothing goes; above all not everything."""
        stage.put("there")
        stage.client.delete([], delete_files=True)
        assert names(stage.client.everything()) == ["there"]

    def test_a_deletion_of_unknown_ones_is_no_error(self, stage: ClientStage) -> None:
        """What is gone already is as wanted, hundreds of them too."""
        stage.put("there")
        stage.client.delete([hash_of(number) for number in range(250)], delete_files=True)
        assert names(stage.client.everything()) == ["there"]

    # Starting

    def test_a_forced_start_gets_past_the_queue(self, stage: ClientStage) -> None:
        """A queued torrent seeds, and the others wait on."""
        stage.close_slots()
        first, second = stage.put("first"), stage.put("second")
        for identity in (first, second):
            becomes(stage, identity, lambda torrent: torrent.state == "queuedUP")
        stage.client.force_start([first])
        becomes(stage, first, lambda torrent: torrent.state in _SEEDING)
        assert one(stage, second).state == "queuedUP"

    def test_a_stopped_torrent_resumes(self, stage: ClientStage) -> None:
        """It runs, and the others stay stopped."""
        first, second = stage.put("first", stopped=True), stage.put("second", stopped=True)
        stage.client.resume([first])
        becomes(stage, first, lambda torrent: torrent.state in ("stalledUP", "uploading"))
        assert one(stage, second).state in ("pausedUP", "stoppedUP")

    def test_a_started_download_stays_a_download(self, stage: ClientStage) -> None:
        """Starting an unfinished torrent does not make it look finished."""
        forced = stage.put("forced", whole=False, stopped=True)
        resumed = stage.put("resumed", whole=False, stopped=True)
        stage.client.force_start([forced])
        stage.client.resume([resumed])
        becomes(stage, forced, lambda torrent: torrent.state in _DOWNLOADING)
        becomes(stage, resumed, lambda torrent: torrent.state in ("stalledDL", "downloading"))

    @pytest.mark.parametrize("hashes", [[hash_of(7)], []], ids=["unknown", "none"])
    def test_a_start_of_nothing_known_starts_nothing(self, stage: ClientStage, hashes: list[str]) -> None:
        """What is gone needs no start, and without hashes nothing starts."""
        stopped = stage.put("stopped", stopped=True)
        stage.client.force_start(hashes)
        stage.client.resume(hashes)
        assert one(stage, stopped).state in ("pausedUP", "stoppedUP")

    # Announcing

    def test_an_announce_hears_the_tracker_anew(self, stage: ClientStage) -> None:
        """What was refused and is taken by now works; others are not announced."""
        first, second = stage.put("first"), stage.put("second")
        for identity in (first, second):
            stage.refuse(identity)
            stage.accept(identity)
        stage.client.reannounce([first])
        hears(stage, first, lambda told: not unregistered_texts(told))
        hears(stage, second, lambda told: bool(unregistered_texts(told)))

    def test_an_announce_of_nothing_known_is_no_error(self, stage: ClientStage) -> None:
        """What is gone is announced no more, and without hashes nothing is."""
        refused = stage.put("refused")
        stage.refuse(refused)
        stage.accept(refused)
        stage.client.reannounce([hash_of(7)])
        stage.client.reannounce([])
        hears(stage, refused, lambda told: bool(unregistered_texts(told)))

    # Trouble

    @pytest.mark.parametrize("name", CALLS)
    def test_a_client_that_is_away_is_unavailable(self, stage: ClientStage, name: str) -> None:
        """No call returns as if an absent client had no torrents, and no library's error gets out."""
        client = stage.away()
        with pytest.raises(ClientUnavailable):
            CALLS[name](client)
        client.close()

    @pytest.mark.parametrize("name", _READS)
    def test_an_answer_of_something_else_is_unclear(self, stage: ClientStage, name: str) -> None:
        """No call returns as if it had been understood, and no parser's error gets out."""
        client = stage.muddled()
        with pytest.raises(ClientUnclear):
            CALLS[name](client)

    def test_a_row_that_cannot_be_read_harms_no_other(self, stage: ClientStage) -> None:
        """It is told as malformed, in every list."""
        client = stage.garbled()
        for listing in (client.torrents(CATEGORY), client.everything(), client.overview()):
            assert names(listing) == ["mine"]
            assert listing.malformed

    @pytest.mark.parametrize("name", ["torrents", "preferences"])
    def test_a_wrong_password_is_told_apart_and_not_told(self, stage: ClientStage, name: str) -> None:
        """The operator learns that it is the password, and the log does not learn the password."""
        client = stage.locked_out(_WRONG_PASSWORD)
        with pytest.raises(ClientRefused) as raised:
            CALLS[name](client)
        client.close()
        assert _WRONG_PASSWORD not in f"{raised.value} {raised.value!r} {client!r}"

    def test_closing_twice_does_no_harm(self, stage: ClientStage) -> None:
        """A client may be closed again, before it was ever used, and used afterwards."""
        stage.client.close()
        stage.client.torrents(CATEGORY)
        stage.client.close()
        stage.client.close()


_FACTS = ("category", "tags", "state", "added_on", "completion_on", "seeding_time", "progress", "size_bytes",
          "downloaded_bytes", "uploaded_bytes", "seeders")  # fmt: skip


def names(listing: Listing) -> list[str]:
    """Return the names of the torrents listed, sorted."""
    return sorted(torrent.name for torrent in listing.torrents)


def one(stage: ClientStage, identity: str) -> Torrent:
    """Return the one torrent of this info-hash."""
    (torrent,) = stage.client.look([identity]).torrents
    return torrent


def becomes(stage: ClientStage, identity: str, holds: Callable[[Torrent], bool]) -> Torrent:
    """Wait until a torrent is as wanted; a client takes a moment to carry out what it was told."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds(found := one(stage, identity)):
        assert time.monotonic() < deadline, found
        time.sleep(_POLL_SECONDS)
    return found


def hears(stage: ClientStage, identity: str, holds: Callable[[Torrent], bool]) -> None:
    """Wait until a torrent's trackers say what is wanted."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds(told := stage.client.with_messages([one(stage, identity)])[0]):
        assert time.monotonic() < deadline, told
        time.sleep(_POLL_SECONDS)


def wanted(save_path: str, tags: tuple[str, ...] = ("mam", "freeleech")) -> AddTorrent:
    """Return the wish for a torrent as a plan has it."""
    return AddTorrent(
        id=1001,
        title="barn",
        score=1.0,
        size_bytes=SIZE_BYTES,
        seeders=1,
        leechers=1,
        category=CATEGORY,
        save_path=save_path,
        tags=tags,
    )
