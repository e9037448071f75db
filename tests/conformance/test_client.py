"""What every client adapter promises, held against the embedded client and against real ones of three versions."""

import time
from collections.abc import Callable

import pytest

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.errors import AlreadyInClient, ItemError
from harvestmouse.adapters.interface import Listing
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.cleanup import unregistered_texts
from harvestmouse.core.model import Torrent
from harvestmouse.core.reconcile import KEYS
from tests.conformance.stages import ClientStage
from tests.support.builders import hash_of
from tests.support.qbittorrent import wait_for
from tests.support.torrents import MIB
from tests.support.tracker import UNREGISTERED


def names(listing: Listing) -> list[str]:
    return sorted(torrent.name for torrent in listing.torrents)


def one(stage: ClientStage, identity: str) -> Torrent:
    (torrent,) = stage.client.look([identity]).torrents
    return torrent


def becomes(stage: ClientStage, identity: str, holds: Callable[[Torrent], bool]) -> Torrent:
    """Wait until a torrent is as wanted; a client takes a moment to carry out what it was told."""
    deadline = time.monotonic() + 5
    while not holds(found := one(stage, identity)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def wanted(stage: ClientStage, **changes: object) -> AddTorrent:
    facts: dict[str, object] = {
        "id": 1001,
        "title": "barn",
        "score": 1.0,
        "size_bytes": 5 * MIB,
        "seeders": 1,
        "leechers": 1,
        "category": "mam-farming",
        "save_path": stage.save_path,
        "tags": ("mam", "freeleech"),
    }
    return AddTorrent(**(facts | changes))  # type: ignore[arg-type]


class TestListing:
    def test_holds_one_category(self, stage: ClientStage) -> None:
        """A category's torrents are listed, and no other's."""
        stage.put("mine")
        stage.put("theirs", category="films")
        stage.put("nobody's", category="")
        assert names(stage.client.torrents("mam-farming")) == ["mine"]

    def test_tells_the_facts_the_rules_need(self, stage: ClientStage) -> None:
        """Identity, labels, size and progress of whole and empty torrents are known."""
        full, empty = stage.put("full", tags=["mam", "keep me"]), stage.put("empty", whole=False)
        listing = {torrent.hash: torrent for torrent in stage.client.torrents("mam-farming").torrents}
        assert set(listing) == {full, empty}
        assert (listing[full].name, listing[full].category) == ("full", "mam-farming")
        assert listing[full].tags == frozenset({"mam", "keep me"})
        assert (listing[full].size_bytes, listing[full].progress) == (5 * MIB, 1.0)
        assert (listing[full].has_completed, listing[empty].has_completed) == (True, False)
        assert (listing[empty].progress, listing[empty].downloaded_bytes) == (0.0, 0)
        assert listing[empty].completion_on == 0
        for torrent in listing.values():
            assert None not in (torrent.added_on, torrent.seeding_time, torrent.uploaded_bytes, torrent.seeders)

    def test_of_an_unknown_category_is_empty(self, stage: ClientStage) -> None:
        """A category that nobody has made is no error."""
        stage.put("mine")
        assert stage.client.torrents("unheard of") == Listing(torrents=())

    def test_of_everything_has_the_free_space(self, stage: ClientStage) -> None:
        """Every category is listed, and the disk."""
        stage.put("mine")
        stage.put("theirs", category="films")
        assert names(stage.client.everything()) == ["mine", "theirs"]
        # qBittorrent 4.5 says 0 until it has looked, some hundred milliseconds after its start.
        wait_for(lambda: stage.client.everything().free_space_bytes, "the free space")

    def test_of_everything_says_the_same_of_a_torrent(self, stage: ClientStage) -> None:
        """Both ways to list agree on what decisions use."""
        identity = stage.put("mine", tags=["mam"], stopped=True)
        (all_,), (some,) = stage.client.everything().torrents, stage.client.torrents("mam-farming").torrents
        for name in (
            "hash",
            "name",
            "category",
            "tags",
            "state",
            "added_on",
            "completion_on",
            "progress",
            "size_bytes",
        ):
            assert getattr(all_, name) == getattr(some, name), name
        assert all_.hash == identity

    def test_of_nothing_is_empty(self, stage: ClientStage) -> None:
        """An empty client lists nothing, without an error."""
        assert stage.client.torrents("mam-farming") == Listing(torrents=())
        assert stage.client.everything().torrents == ()


class TestLook:
    def test_brings_the_named_ones(self, stage: ClientStage) -> None:
        """Others are left out, whatever their category."""
        first, second = stage.put("first"), stage.put("second", category="films")
        stage.put("third")
        assert names(stage.client.look([first, second])) == ["first", "second"]

    def test_leaves_out_what_is_gone(self, stage: ClientStage) -> None:
        """A torrent that the client does not have is absent, not an error."""
        there = stage.put("there")
        assert names(stage.client.look([there, hash_of(7)])) == ["there"]

    def test_at_nothing_is_nothing(self, stage: ClientStage) -> None:
        """Without hashes nothing is listed; above all not everything."""
        stage.put("there")
        assert stage.client.look([]) == Listing(torrents=())

    def test_at_many_takes_more_than_one_request(self, stage: ClientStage) -> None:
        """Hundreds of hashes are no longer an address than a client reads."""
        there = stage.put("there")
        many = [hash_of(number) for number in range(250)]
        assert names(stage.client.look([*many, there])) == ["there"]


class TestMessages:
    def test_a_refusal_is_told(self, stage: ClientStage) -> None:
        """A tracker that no longer knows a torrent is recognised as such, in every version's way."""
        fine, gone = stage.put("fine"), stage.put("gone")
        stage.refuse(gone)
        told = {one.hash: one for one in stage.client.with_messages(stage.client.look([fine, gone]).torrents)}
        assert unregistered_texts(told[gone]) == frozenset({UNREGISTERED.casefold()})
        assert unregistered_texts(told[fine]) == frozenset()
        assert told[fine].messages is not None

    def test_are_not_asked_for_twice(self, stage: ClientStage) -> None:
        """A torrent that has its messages keeps them."""
        stage.put("fine")
        told = stage.client.with_messages(stage.client.torrents("mam-farming").torrents)
        assert stage.client.with_messages(told) == told

    def test_of_nothing_are_nothing(self, stage: ClientStage) -> None:
        """No torrent, no message."""
        assert stage.client.with_messages([]) == ()

    def test_keep_every_torrent_and_its_order(self, stage: ClientStage) -> None:
        """Whatever is given comes back, one that has gone in the meantime too."""
        first, second = stage.put("first"), stage.put("second")
        listed = {torrent.hash: torrent for torrent in stage.client.look([first, second]).torrents}
        given = [listed[second], listed[first]]
        stage.client.delete([first], delete_files=True)
        assert [torrent.hash for torrent in stage.client.with_messages(given)] == [second, first]


class TestPreferences:
    def test_read_back_what_was_written(self, stage: ClientStage) -> None:
        """All five keys can be written."""
        values = {
            "queueing_enabled": True,
            "max_active_downloads": 20,
            "max_active_uploads": 150,
            "max_active_torrents": 170,
            "dont_count_slow_torrents": True,
        }
        stage.client.set_preferences(values)
        read = stage.client.preferences()
        assert {key: getattr(read, key) for key in KEYS} == values

    def test_others_stay(self, stage: ClientStage) -> None:
        """Writing one key leaves the others."""
        before = stage.client.preferences()
        stage.client.set_preferences({"max_active_downloads": 17})
        read = stage.client.preferences()
        assert read.max_active_downloads == 17
        for key in set(KEYS) - {"max_active_downloads"}:
            assert getattr(read, key) == getattr(before, key)

    def test_are_all_known(self, stage: ClientStage) -> None:
        """Every version tells every key."""
        assert None not in [getattr(stage.client.preferences(), key) for key in KEYS]


class TestAdd:
    def test_is_listed_when_it_returns(self, stage: ClientStage) -> None:
        """A torrent is there, labelled as wanted, by the time the call is back."""
        content = stage.file_of("barn")
        stage.client.add(content, info_hash(content), wanted(stage))
        added = one(stage, info_hash(content))
        assert (added.name, added.category, added.tags) == ("barn", "mam-farming", frozenset({"mam", "freeleech"}))
        assert added.has_completed is False

    def test_of_what_is_there_says_so(self, stage: ClientStage) -> None:
        """A torrent that the client has, in whatever category, is not taken again nor changed."""
        identity = stage.put("barn", category="films", tags=["keep"])
        with pytest.raises(AlreadyInClient, match="1001"):
            stage.client.add(stage.file_of("barn"), identity, wanted(stage))
        assert (one(stage, identity).category, one(stage, identity).tags) == ("films", frozenset({"keep"}))

    def test_of_no_torrent_is_an_item_s_failure(self, stage: ClientStage) -> None:
        """Bytes that are no torrent file are refused, and nothing is listed."""
        with pytest.raises(ItemError):
            stage.client.add(b"<html>not this</html>", hash_of(1), wanted(stage))
        assert stage.client.everything().torrents == ()

    def test_without_tags(self, stage: ClientStage) -> None:
        """No tag is no tag."""
        content = stage.file_of("barn")
        stage.client.add(content, info_hash(content), wanted(stage, tags=()))
        assert one(stage, info_hash(content)).tags == frozenset()


class TestDelete:
    def test_takes_the_named_ones(self, stage: ClientStage) -> None:
        """Others stay."""
        first, second = stage.put("first"), stage.put("second")
        stage.client.delete([first], delete_files=True)
        assert names(stage.client.look([first, second])) == ["second"]

    def test_of_nothing_takes_nothing(self, stage: ClientStage) -> None:
        """Without hashes nothing goes; above all not everything."""
        stage.put("there")
        stage.client.delete([], delete_files=True)
        assert names(stage.client.everything()) == ["there"]

    def test_of_unknown_ones_is_no_error(self, stage: ClientStage) -> None:
        """What is gone already is as wanted."""
        stage.put("there")
        stage.client.delete([hash_of(number) for number in range(250)], delete_files=True)
        assert names(stage.client.everything()) == ["there"]


class TestStarting:
    def test_force_starts_what_is_queued(self, stage: ClientStage) -> None:
        """A queued torrent seeds past the queue, and the others wait on."""
        stage.close_slots()
        first, second = stage.put("first"), stage.put("second")
        for identity in (first, second):
            becomes(stage, identity, lambda torrent: torrent.state == "queuedUP")
        stage.client.force_start([first])
        becomes(stage, first, lambda torrent: torrent.state == "forcedUP")
        assert one(stage, second).state == "queuedUP"

    def test_resumes_what_is_stopped(self, stage: ClientStage) -> None:
        """A stopped torrent runs, whatever the version calls that."""
        first, second = stage.put("first", stopped=True), stage.put("second", stopped=True)
        stage.client.resume([first])
        becomes(stage, first, lambda torrent: torrent.state == "stalledUP")
        assert one(stage, second).state in ("pausedUP", "stoppedUP")

    def test_downloads_stay_downloads(self, stage: ClientStage) -> None:
        """Starting an unfinished torrent does not make it look finished."""
        forced, resumed = (
            stage.put("forced", whole=False, stopped=True),
            stage.put("resumed", whole=False, stopped=True),
        )
        stage.client.force_start([forced])
        stage.client.resume([resumed])
        becomes(stage, forced, lambda torrent: torrent.state == "forcedDL")
        becomes(stage, resumed, lambda torrent: torrent.state in ("stalledDL", "downloading"))

    def test_unknown_ones_are_no_error(self, stage: ClientStage) -> None:
        """What is gone needs no start, and nothing named starts nothing."""
        stopped = stage.put("stopped", stopped=True)
        for hashes in ([hash_of(7)], []):
            stage.client.force_start(hashes)
            stage.client.resume(hashes)
        assert one(stage, stopped).state in ("pausedUP", "stoppedUP")


def test_closing_twice_does_no_harm(stage: ClientStage) -> None:
    """A client may be closed again, and before it was ever used."""
    stage.client.close()
    stage.client.torrents("mam-farming")
    stage.client.close()
    stage.client.close()
