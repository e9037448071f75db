"""Several clients as one: what they hold together, where actions go, and what one that is away leaves."""

from pathlib import Path

import pytest

from harvestmouse.adapters.errors import AlreadyInClient, ClientUnavailable, ItemError
from harvestmouse.testing.client import wanted
from tests.support.builders import GIB, hash_of, preferences, torrent
from tests.support.several import Clients
from tests.support.world import world_of


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    """Two clients with two torrents each."""
    home = world_of(torrents=[torrent(1), torrent(2)], free_space_bytes=70 * GIB)
    box = world_of(
        torrents=[torrent(3), torrent(4)],
        free_space_bytes=90 * GIB,
        preferences=preferences(max_active_uploads=9),
    )
    return Clients({"home": home, "box": box}, tmp_path)


class TestListing:
    def test_holds_the_torrents_of_all_with_their_client(self, clients: Clients) -> None:
        """The free space is that of the first, where additions go."""
        listing = clients.client().everything()
        held = {one.hash: one.client for one in listing.torrents}
        assert held == {hash_of(1): "home", hash_of(2): "home", hash_of(3): "box", hash_of(4): "box"}
        assert listing.free_space_bytes == 70 * GIB
        assert not listing.missing

    def test_names_a_client_that_is_away(self, clients: Clients) -> None:
        """The torrents of the other are there, and so is its free space."""
        clients.fails["home"] = {"*"}
        listing = clients.client().everything()
        assert {one.client for one in listing.torrents} == {"box"}
        assert listing.free_space_bytes == 90 * GIB
        assert [(name, error.args[0]) for name, error in listing.missing.items()] == [
            ("home", "client home: no answer")
        ]

    def test_raises_where_all_are_away(self, clients: Clients) -> None:
        """As a single client does."""
        clients.fails |= {"home": {"*"}, "box": {"*"}}
        with pytest.raises(ClientUnavailable, match="client home: no answer") as raised:
            clients.client().torrents("mam-farming")
        assert raised.value.client is None

    def test_believes_nobody_about_a_torrent_that_two_hold(self, clients: Clients) -> None:
        """Nothing acts on it: it is malformed, and no action goes anywhere."""
        clients.worlds["box"].torrents[hash_of(1)] = torrent(1)
        several = clients.client()
        listing = several.everything()
        assert hash_of(1) not in {one.hash for one in listing.torrents}
        (row,) = listing.malformed
        assert (row.subject, row.problem, row.category, row.client) == (
            hash_of(1),
            "two clients hold it",
            "mam-farming",
            None,
        )
        with pytest.raises(ItemError, match="two clients hold it, box and home"):
            several.delete([hash_of(1)], delete_files=True)
        assert all(hash_of(1) in world.torrents for world in clients.worlds.values())

    def test_believes_the_other_once_one_has_let_go(self, clients: Clients) -> None:
        """The next list is what holds."""
        home, box = clients.worlds.values()
        box.torrents[hash_of(1)] = torrent(1)
        several = clients.client()
        several.everything()
        del home.torrents[hash_of(1)]
        several.everything()
        several.delete([hash_of(1)], delete_files=True)
        assert hash_of(1) not in box.torrents

    def test_asks_a_client_that_failed_no_more(self, clients: Clients) -> None:
        """Not even where it would answer again: what it holds stays unknown for the run."""
        clients.fails["box"] = {"torrents"}
        several = clients.client()
        several.torrents("mam-farming")
        clients.fails["box"].clear()
        assert list(several.everything().missing) == ["box"]


class TestActions:
    def test_go_where_the_torrents_are(self, clients: Clients) -> None:
        """Each client is told of its own."""
        several = clients.client()
        several.everything()
        several.delete([hash_of(2), hash_of(3)], delete_files=True)
        assert [list(world.torrents) for world in clients.worlds.values()] == [[hash_of(1)], [hash_of(4)]]

    def test_find_what_nobody_has_listed(self, clients: Clients) -> None:
        """All are asked."""
        clients.client().delete([hash_of(4)], delete_files=True)
        assert hash_of(4) not in clients.worlds["box"].torrents

    def test_raise_with_the_client_that_failed(self, clients: Clients) -> None:
        """So that a run goes on with the others."""
        clients.fails["box"] = {"look"}
        several = clients.client()
        several.everything()
        with pytest.raises(ClientUnavailable) as raised:
            several.look([hash_of(1), hash_of(3)])
        assert raised.value.client == "box"
        assert [one.hash for one in several.look([hash_of(1)]).torrents] == [hash_of(1)]

    def test_add_nothing_while_one_is_away(self, clients: Clients) -> None:
        """It may have the very torrent."""
        clients.fails["home"] = {"*"}
        several = clients.client()
        several.everything()
        with pytest.raises(ClientUnavailable):
            several.add(b"d4:infodee", hash_of(9), wanted("/downloads"))
        assert hash_of(9) not in clients.worlds["box"].torrents

    def test_add_nothing_that_any_client_has(self, clients: Clients) -> None:
        """The other one would seed it as well, under one info-hash."""
        with pytest.raises(AlreadyInClient):
            clients.client().add(b"d4:infodee", hash_of(4), wanted("/downloads"))

    def test_preferences_are_each_clients_own(self, clients: Clients) -> None:
        """By name, in the order of the configuration."""
        queues = clients.client().queues()
        assert [(one.name, one.preferences.max_active_uploads) for one in queues] == [
            ("home", clients.worlds["home"].preferences.max_active_uploads),
            ("box", 9),
        ]
