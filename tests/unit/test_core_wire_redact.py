"""What is kept of each body, and what never is; the laws hold it for every body there may be."""

import pytest

from harvestmouse.core.model import LedgerEntry, SearchPage, Snapshot
from harvestmouse.core.wire.redact import (
    keep_address,
    keep_ip,
    keep_ledger,
    keep_preferences,
    keep_profile,
    keep_result,
    keep_search,
    keep_torrent,
    keep_trackers,
    keep_transfer,
    masked,
)
from tests.support.builders import DAY, NOW, hash_of, result, torrent

ANNOUNCE = "https://t.myanonamouse.net/tracker.php/0123456789abcdef0123456789abcdef/announce"
KEPT_ANNOUNCE = "https://t.myanonamouse.net/redacted-"


class TestProfile:
    def test_figures_stay_and_names_go(self) -> None:
        """With the breakdown in either of its places; a profile with a name is still one."""
        body = {
            "username": "mouse", "uid": 5, "classname": "VIP", "uploaded_bytes": 7, "ratio": "∞", "country_name": "X",
            "unsat": {"name": "Unsatisfied", "count": "2", "red": False, "ip": "10.0.0.1"},
            "snatch_summary": {"unsat": {"count": 2, "limit": 150}, "client": "x"},
        }  # fmt: skip
        assert keep_profile(body) == {
            "username": "redacted", "classname": "VIP", "uploaded_bytes": 7, "ratio": "∞",
            "unsat": {"name": "Unsatisfied", "count": "2", "red": False},
            "snatch_summary": {"unsat": {"count": 2, "limit": 150}},
        }  # fmt: skip

    def test_what_is_no_profile_stays_none(self) -> None:
        """Nothing is made up."""
        assert keep_profile({"classname": "VIP"}) == {"classname": "VIP"}
        assert keep_profile({"username": True}) == {}
        assert keep_profile("not signed in") == "not signed in"


class TestSearch:
    def test_rows_lose_their_download_keys(self) -> None:
        """And whose they are."""
        row = {"id": 1, "title": 1984, "dl": "secret", "owner_name": "mouse", "author_info": {"8": "Name"}}
        assert keep_search({"found": 1, "data": [row, "odd"], "user": "x"}) == {
            "found": 1,
            "data": [{"id": 1, "title": 1984, "author_info": {"8": "Name"}}, "odd"],
        }

    @pytest.mark.parametrize(
        ("body", "kept"),
        [({"data": {"a": 1}}, {"data": {}}), ({"error": "none"}, {"error": "none"}), ([1], [1]), (None, None)],
    )
    def test_odd_pages_keep_their_shape(self, body: object, kept: object) -> None:
        """So that a replay stumbles where the run did."""
        assert keep_search(body) == kept
        assert keep_result([{"a": 1}]) == [{}]


class TestTorrent:
    def test_addresses_keep_their_host(self) -> None:
        """In every place that has them; paths and comments go."""
        row = {"hash": "a", "tracker": ANNOUNCE, "save_path": "/home/mouse", "comment": "x", "tags": ["a", {"b": 1}],
               "trackers": [{"url": ANNOUNCE, "msg": "from 10.0.0.1", "status": 4, "endpoints": [1]}]}  # fmt: skip
        kept = keep_torrent(row)
        assert isinstance(kept, dict)
        assert set(kept) == {"hash", "tracker", "tags", "trackers"}
        assert kept["tracker"].startswith(KEPT_ANNOUNCE)
        assert kept["tags"] == ["a", {}]
        assert kept["trackers"] == [{"url": kept["tracker"], "msg": "from (address)", "status": 4}]

    @pytest.mark.parametrize(
        ("magnet", "kept"),
        [
            ("magnet:?xt=urn:btih:1&dn=x&tr=http%3A%2F%2Fa.example%3A80%2F", "magnet:?&tr=http%3A%2F%2Fa.example%3A80"),
            ("magnet:?xt=urn:btih:1", ""),
        ],
    )
    def test_the_magnet_link_names_the_host_where_no_tracker_does(self, magnet: str, kept: str) -> None:
        """And is left out where one does."""
        assert keep_torrent({"tracker": "", "magnet_uri": magnet}) == {"tracker": "", "magnet_uri": kept}
        assert keep_torrent({"tracker": "http://b.example", "magnet_uri": magnet}) == {"tracker": "http://b.example"}

    @pytest.mark.parametrize("row", ["text", None, 5, [1]])
    def test_what_is_no_row_stays_none(self, row: object) -> None:
        """As it is."""
        assert keep_torrent(row) == row
        assert keep_trackers([row]) == [row]

    def test_a_body_of_trackers_that_is_no_list_stays_none(self) -> None:
        """Only its kind is kept."""
        assert keep_trackers({"a": 1}) == {}
        assert keep_trackers([{"url": None, "msg": 5}, {"status": 4}]) == [{"url": None, "msg": 5}, {"status": 4}]


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "kept"),
        [
            ("http://a.example", "http://a.example"),
            ("http://user:pass@a.example:81", "http://a.example:81"),
            ("** [DHT] **", "** [DHT] **"),
            ("nonsense", ""),
            ("http://[half", ""),
            ("http://a.example:port/x", ""),
        ],
    )
    def test_scheme_host_and_port_stay(self, url: str, kept: str) -> None:
        """What cannot be read is left out, and what is no tracker stays."""
        assert keep_address(url) == kept

    def test_the_same_passkey_stays_the_same_word(self) -> None:
        """Another one is another, and what was kept once stays as it is."""
        once = keep_address(ANNOUNCE)
        assert keep_address(ANNOUNCE) == once == keep_address(once)
        assert keep_address(ANNOUNCE.replace("0", "1")) != once
        assert keep_address(ANNOUNCE.replace("0", "1")).startswith(KEPT_ANNOUNCE)

    def test_words_of_a_tracker_lose_addresses_and_passkeys(self) -> None:
        """And only those."""
        said = masked("Unrecognized host/PassKey. (2001:db8::1) key 0123456789abcdef0123 See https://x.example/upmm")
        assert said.startswith("Unrecognized host/PassKey. ((address)) key redacted-")
        assert said.endswith(" See https://x.example/upmm")
        assert masked(said) == said


class TestSettings:
    def test_of_preferences_numbers_and_switches_stay(self) -> None:
        """Texts are paths, programs and passwords."""
        body = {"max_active_uploads": 3, "queueing_enabled": "true", "save_path": "/home/mouse", "list": [1]}
        assert keep_preferences(body) == {"max_active_uploads": 3, "queueing_enabled": "true"}
        assert keep_preferences("x") == "x"

    def test_of_the_connection_figures_stay(self) -> None:
        """Not where the client is seen from."""
        body = {"connection_status": "connected", "dht_nodes": 3, "last_external_address_v4": "10.0.0.1"}
        word = keep_ip("10.0.0.1")
        assert "10.0.0.1" not in str(word)
        assert keep_transfer(body) == {**body, "last_external_address_v4": word}


class TestLedger:
    def test_what_nobody_offers_or_holds_any_more_goes_after_a_day(self) -> None:
        """The rest stays as it is, and an unknown ledger unknown."""
        entries = (
            LedgerEntry(id=1, at=NOW - 9 * DAY),
            LedgerEntry(id=2, at=NOW - 9 * DAY, info_hash=hash_of(1)),
            LedgerEntry(id=3, at=NOW - DAY),
            LedgerEntry(id=4, at=NOW - DAY - 1),
            LedgerEntry(id=5),
        )
        page = SearchPage(results=(result(1),))
        snapshot = Snapshot(taken_at=NOW, ledger=entries, searches=(page,), torrents=(torrent(1),))
        assert keep_ledger(snapshot) == entries[:3]
        assert keep_ledger(Snapshot(taken_at=NOW)) is None
