"""How the adapter gets into a real client, and out again."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from harvestmouse.adapters.errors import ClientRefused, ClientUnavailable
from harvestmouse.adapters.qbittorrent import QbittorrentClient
from harvestmouse.adapters.secret import Secret
from tests.integration.conftest import binary_of
from tests.support.qbittorrent import Login, QBittorrent


def adapter_of(program: QBittorrent, password: str | None = None) -> QbittorrentClient:
    login = program.login or Login(username="", password="")
    return QbittorrentClient(
        url=program.url, username=login.username, password=Secret(login.password if password is None else password)
    )


@pytest.fixture
def guarded(any_binary: Path, tmp_path: Path) -> QBittorrent:
    return QBittorrent(tmp_path / "guarded", any_binary, login=Login())


def test_user_name_and_password(guarded: QBittorrent) -> None:
    """Every version lets the right ones in and refuses wrong ones, with words that tell which is which."""
    with guarded:
        adapter = adapter_of(guarded)
        assert adapter.torrents("mam-farming").torrents == ()
        adapter.close()
        for wrong in (adapter_of(guarded, "cheddar"), QbittorrentClient(url=guarded.url)):
            with pytest.raises(ClientRefused) as raised:
                wrong.torrents("mam-farming")
            wrong.close()
            assert "cheddar" not in str(raised.value)
            assert "username and password" in str(raised.value)


def test_the_session_ends_with_the_run(guarded: QBittorrent) -> None:
    """A closed adapter has logged out: its cookie opens nothing any more."""
    with guarded:
        adapter = adapter_of(guarded)
        adapter.torrents("mam-farming")
        adapter.set_preferences({"queueing_enabled": False})
        headers = adapter._session.headers()
        url = f"{guarded.url}/api/v2/app/version"
        assert requests.get(url, headers=headers, timeout=5).status_code == 200
        adapter.close()
        assert requests.get(url, headers=headers, timeout=5).status_code == 403
        assert adapter.traffic.requests == {
            ("client", endpoint, "ok"): 1
            for endpoint in ("auth/login", "app/webapiVersion", "torrents/info", "app/setPreferences", "auth/logout")
        }


def test_an_adapter_can_be_used_again(guarded: QBittorrent) -> None:
    """After closing, the next call opens a new session."""
    with guarded:
        adapter = adapter_of(guarded)
        adapter.preferences()
        adapter.close()
        assert adapter.preferences().queueing_enabled is False
        adapter.close()


def test_an_address_with_a_slash_behind(any_qbittorrent: QBittorrent) -> None:
    """How people write the address does not matter."""
    adapter = QbittorrentClient(url=any_qbittorrent.url + "/")
    adapter.torrents("mam-farming")
    adapter.with_messages(adapter.everything().torrents)
    adapter.close()


def test_an_api_key(tmp_path: Path) -> None:
    """Where the version has keys, one is enough, and a wrong one is refused."""
    with QBittorrent(tmp_path / "keyed", binary_of("5.3"), login=Login()) as program:
        key = program.post("app/rotateAPIKey").json()["apiKey"]
        adapter = QbittorrentClient(url=program.url, api_key=Secret(key))
        assert adapter.torrents("mam-farming").torrents == ()
        assert adapter.with_messages(()) == ()
        adapter.set_preferences({"queueing_enabled": True})
        assert adapter.preferences().queueing_enabled
        adapter.close()
        wrong = QbittorrentClient(url=program.url, api_key=Secret(key[:-4] + "0000"))
        with pytest.raises(ClientRefused) as raised:
            wrong.torrents("mam-farming")
        wrong.close()
        assert key[:-4] not in str(raised.value)


def test_a_client_that_stops_in_between(any_qbittorrent: QBittorrent) -> None:
    """A client that goes away between two calls is an error of ours, and closing is none."""
    adapter = adapter_of(any_qbittorrent)
    adapter.torrents("mam-farming")
    any_qbittorrent.stop()
    with pytest.raises(ClientUnavailable, match="no connection"):
        adapter.torrents("mam-farming")
    adapter.close()
