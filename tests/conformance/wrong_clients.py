"""Clients that break one promise each, made from the embedded one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from attrs import define, evolve, field

from harvestmouse.adapters.errors import ClientRefused, ClientUnavailable, ClientUnclear, ItemError
from harvestmouse.adapters.interface import Client, Listing
from harvestmouse.adapters.memory import MemoryClient, World
from harvestmouse.core.actions import AddTorrent
from harvestmouse.core.model import Malformed, Preferences, Torrent
from tests.conformance.client_stages import MemoryStage
from tests.support.builders import message

Make = Callable[[World], Client]
_MANY = 100


@define
class Stage(MemoryStage):
    """The embedded client, another one in its place, and one in trouble of every kind."""

    make: Make = MemoryClient
    absent: Callable[[], Any] = field(default=lambda: Raising(ClientUnavailable("no connection")))
    unclear: Callable[[], Any] = field(default=lambda: Raising(ClientUnclear("the answer cannot be read")))
    refusing: Callable[[str], Any] = field(default=lambda _: Raising(ClientRefused("the client refuses")))
    listing: Callable[[Listing], Listing] = field(
        default=lambda listing: evolve(listing, malformed=(Malformed(subject="a row", problem="no info-hash"),))
    )

    @property
    def client(self) -> Any:
        return self.make(self.world)

    def away(self) -> Any:
        return self.absent()

    def muddled(self) -> Any:
        return self.unclear()

    def locked_out(self, password: str) -> Any:
        return self.refusing(password)

    def garbled(self) -> Any:
        self.put("mine")
        return Shown(self.world, self.listing)


class Raising:
    """A client whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: object, **__: object) -> None:
            raise self._error

        return call

    def close(self) -> None:
        """Do nothing."""


@define
class Shown(MemoryClient):
    """Shows another listing than there is."""

    change: Callable[[Listing], Listing]

    def torrents(self, category: str) -> Listing:
        return self.change(super().torrents(category))

    def everything(self) -> Listing:
        return self.change(super().everything())

    def look(self, hashes: Iterable[str]) -> Listing:
        return self.change(super().look(hashes))


def shows(change: Callable[[Torrent], Torrent]) -> Make:
    """Make a client that shows its torrents otherwise than they are."""
    return lambda world: Shown(
        world, lambda listing: evolve(listing, torrents=tuple(change(one) for one in listing.torrents))
    )


class EveryCategory(MemoryClient):
    def torrents(self, category: str) -> Listing:
        return Listing(torrents=self.everything().torrents)


class UnquotesCategories(MemoryClient):
    def torrents(self, category: str) -> Listing:
        return super().torrents(unquote(category))


class PlusIsSpace(MemoryClient):
    def torrents(self, category: str) -> Listing:
        return super().torrents(category.replace("+", " "))


class NoSuchCategory(MemoryClient):
    def torrents(self, category: str) -> Listing:
        listing = super().torrents(category)
        if not listing.torrents:
            raise ItemError(f"there is no category {category}")
        return listing


class NoSuchTorrents(MemoryClient):
    def everything(self) -> Listing:
        if not self.world.torrents:
            raise ClientUnclear("the list is empty")
        return super().everything()


class Categorised(MemoryClient):
    def everything(self) -> Listing:
        listing = super().everything()
        return evolve(listing, torrents=tuple(one for one in listing.torrents if one.category))


class TellsNoConnection(MemoryClient):
    def overview(self) -> Listing:
        return evolve(super().overview(), connection=None)


class TwoTongues(MemoryClient):
    def everything(self) -> Listing:
        listing = super().everything()
        return evolve(listing, torrents=tuple(evolve(one, completion_on=0) for one in listing.torrents))


class Kibibytes(MemoryClient):
    def everything(self) -> Listing:
        listing = super().everything()
        return evolve(listing, free_space_bytes=(listing.free_space_bytes or 0) // 1024)


class LooksAtAll(MemoryClient):
    def look(self, hashes: Iterable[str]) -> Listing:
        return Listing(torrents=self.everything().torrents)


class LooksInVain(MemoryClient):
    def look(self, hashes: Iterable[str]) -> Listing:
        return Listing(torrents=tuple(self.world.torrents[one] for one in hashes))


class EmptyMeansAll(MemoryClient):
    """Takes no hashes for no filter, as many an API does."""

    def look(self, hashes: Iterable[str]) -> Listing:
        return super().look(self._all(hashes))

    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        super().delete(self._all(hashes), delete_files=delete_files)

    def resume(self, hashes: Iterable[str]) -> None:
        super().resume(self._all(hashes))

    def reannounce(self, hashes: Iterable[str]) -> None:
        super().reannounce(self._all(hashes))

    def _all(self, hashes: Iterable[str]) -> list[str]:
        return list(hashes) or list(self.world.torrents)


class LooksAtAHundred(MemoryClient):
    def look(self, hashes: Iterable[str]) -> Listing:
        return super().look(list(hashes)[:_MANY])


class HearsNothing(MemoryClient):
    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return tuple(evolve(one, messages=()) for one in torrents)


class HearsTheSameOfAll(MemoryClient):
    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return tuple(evolve(one, messages=(message("Unregistered torrent"),)) for one in torrents)


class HearsTwice(MemoryClient):
    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return tuple(evolve(one, messages=(*(one.messages or ()), message("Hello"))) for one in torrents)


class HearsOfAll(MemoryClient):
    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return super().with_messages(list(torrents) or [Torrent(hash="", name="")])


class HearsOfThoseThere(MemoryClient):
    def with_messages(self, torrents: Iterable[Torrent]) -> tuple[Torrent, ...]:
        return super().with_messages([one for one in torrents if one.hash in self.world.torrents])


class WritesFourKeys(MemoryClient):
    def set_preferences(self, values: Mapping[str, Any]) -> None:
        super().set_preferences({key: value for key, value in values.items() if key != "max_active_torrents"})


class WritesAllKeys(MemoryClient):
    def set_preferences(self, values: Mapping[str, Any]) -> None:
        self.world.preferences = evolve(Preferences(), **values)


class TellsFourKeys(MemoryClient):
    def preferences(self) -> Preferences:
        return evolve(super().preferences(), dont_count_slow_torrents=None)


class AddsLater(MemoryClient):
    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        """Take it, and list it some time."""


class AddsInThePast(MemoryClient):
    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        super().add(torrent_file, info_hash, wanted)
        self.world.torrents[info_hash] = evolve(self.world.torrents[info_hash], added_on=self.world.now - 60)


class AddsAgain(MemoryClient):
    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self.world.torrents.pop(info_hash, None)
        super().add(torrent_file, info_hash, wanted)


class AddsAnything(MemoryClient):
    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        self.world.torrents[info_hash] = Torrent(hash=info_hash, name=wanted.title)


class AddsAnEmptyTag(MemoryClient):
    def add(self, torrent_file: bytes, info_hash: str, wanted: AddTorrent) -> None:
        super().add(torrent_file, info_hash, evolve(wanted, tags=wanted.tags or ("",)))


class DeletesNothing(MemoryClient):
    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        """Say yes."""


class DeletesInVain(MemoryClient):
    def delete(self, hashes: Iterable[str], *, delete_files: bool) -> None:
        for one in hashes:
            if one not in self.world.torrents:
                raise ItemError(f"there is no torrent {one}")


class ForcesAll(MemoryClient):
    def force_start(self, hashes: Iterable[str]) -> None:
        super().force_start(list(self.world.torrents))


class ResumesNothing(MemoryClient):
    def resume(self, hashes: Iterable[str]) -> None:
        """Say yes."""


class AnnouncesNothing(MemoryClient):
    def reannounce(self, hashes: Iterable[str]) -> None:
        """Say yes."""


class FinishesWhatItStarts(MemoryClient):
    def force_start(self, hashes: Iterable[str]) -> None:
        for one in hashes:
            self.world.torrents[one] = evolve(self.world.torrents[one], state="forcedUP")


class ClosesOnce(MemoryClient):
    def close(self) -> None:
        raise RuntimeError("it is closed already")


# What is wrong, by the promise it breaks.
WRONG: Mapping[str, Callable[[], Stage]] = {
    "test_a_list_holds_one_category_and_no_other": lambda: Stage(make=EveryCategory),
    "test_a_category_may_have_any_characters": lambda: Stage(make=UnquotesCategories),
    "test_a_plus_in_a_category_is_no_space": lambda: Stage(make=PlusIsSpace),
    "test_a_name_may_have_any_characters": lambda: Stage(
        make=shows(lambda one: evolve(one, name=one.name.encode("ascii", "replace").decode()))
    ),
    "test_tags_are_read_one_by_one": lambda: Stage(
        make=shows(lambda one: evolve(one, tags=frozenset({", ".join(one.tags or ())})))
    ),
    "test_a_torrent_without_tags_has_none_and_not_unknown_ones": lambda: Stage(
        make=shows(lambda one: evolve(one, tags=one.tags or None))
    ),
    "test_what_was_put_in_whole_has_completed": lambda: Stage(
        make=shows(lambda one: evolve(one, progress=100 * (one.progress or 0)))
    ),
    "test_what_has_nothing_yet_has_not_completed": lambda: Stage(
        make=shows(lambda one: evolve(one, completion_on=one.completion_on or None))
    ),
    "test_every_fact_that_the_rules_need_is_known": lambda: Stage(make=shows(lambda one: evolve(one, seeders=None))),
    "test_times_are_unix_seconds": lambda: Stage(
        make=shows(lambda one: evolve(one, added_on=1000 * (one.added_on or 0)))
    ),
    "test_states_are_words_that_the_rules_know": lambda: Stage(make=shows(lambda one: evolve(one, state="Seeding"))),
    "test_a_list_of_an_unknown_category_is_empty": lambda: Stage(make=NoSuchCategory),
    "test_a_list_of_an_empty_client_is_empty": lambda: Stage(make=NoSuchTorrents),
    "test_everything_is_of_every_category": lambda: Stage(make=Categorised),
    "test_everything_says_the_same_of_a_torrent": lambda: Stage(make=TwoTongues),
    "test_everything_comes_with_the_free_space_in_bytes": lambda: Stage(make=Kibibytes),
    "test_an_overview_tells_how_the_client_is_connected": lambda: Stage(make=TellsNoConnection),
    "test_a_look_brings_the_named_ones": lambda: Stage(make=LooksAtAll),
    "test_a_look_leaves_out_what_is_gone": lambda: Stage(make=LooksInVain),
    "test_a_look_at_nothing_is_nothing": lambda: Stage(make=EmptyMeansAll),
    "test_a_look_takes_hundreds_of_hashes": lambda: Stage(make=LooksAtAHundred),
    "test_a_tracker_s_refusal_is_told": lambda: Stage(make=HearsNothing),
    "test_a_tracker_that_refuses_nothing_is_told_too": lambda: Stage(make=HearsTheSameOfAll),
    "test_messages_are_not_asked_for_twice": lambda: Stage(make=HearsTwice),
    "test_messages_of_nothing_are_nothing": lambda: Stage(make=HearsOfAll),
    "test_messages_keep_every_torrent_and_its_order": lambda: Stage(make=HearsOfThoseThere),
    "test_preferences_read_back_what_was_written": lambda: Stage(make=WritesFourKeys),
    "test_preferences_that_are_not_written_stay": lambda: Stage(make=WritesAllKeys),
    "test_preferences_are_all_known": lambda: Stage(make=TellsFourKeys),
    "test_an_added_torrent_is_listed_when_the_call_returns": lambda: Stage(make=AddsLater),
    "test_an_added_torrent_is_new": lambda: Stage(make=AddsInThePast),
    "test_what_is_there_is_not_added_again": lambda: Stage(make=AddsAgain),
    "test_what_is_no_torrent_is_an_item_s_failure": lambda: Stage(make=AddsAnything),
    "test_no_tags_are_added_where_none_are_wanted": lambda: Stage(make=AddsAnEmptyTag),
    "test_a_deletion_takes_the_named_ones": lambda: Stage(make=DeletesNothing),
    "test_a_deletion_of_nothing_takes_nothing": lambda: Stage(make=EmptyMeansAll),
    "test_a_deletion_of_unknown_ones_is_no_error": lambda: Stage(make=DeletesInVain),
    "test_a_forced_start_gets_past_the_queue": lambda: Stage(make=ForcesAll),
    "test_a_stopped_torrent_resumes": lambda: Stage(make=ResumesNothing),
    "test_a_started_download_stays_a_download": lambda: Stage(make=FinishesWhatItStarts),
    "test_a_start_of_nothing_known_starts_nothing": lambda: Stage(make=EmptyMeansAll),
    "test_an_announce_hears_the_tracker_anew": lambda: Stage(make=AnnouncesNothing),
    "test_an_announce_of_nothing_known_is_no_error": lambda: Stage(make=EmptyMeansAll),
    "test_a_client_that_is_away_is_unavailable": lambda: Stage(absent=lambda: Raising(ConnectionError("refused"))),
    "test_an_answer_of_something_else_is_unclear": lambda: Stage(unclear=lambda: Raising(ValueError("no JSON"))),
    "test_a_row_that_cannot_be_read_harms_no_other": lambda: Stage(listing=lambda listing: listing),
    "test_a_wrong_password_is_told_apart_and_not_told": lambda: Stage(
        refusing=lambda password: Raising(ClientRefused(f"the client refuses {password}"))
    ),
    "test_closing_twice_does_no_harm": lambda: Stage(make=ClosesOnce),
}
