"""The stand-in for the site does what is known of the site."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.mam_faults import Kind
from tests.support.mam_server import (
    CatalogueTorrent,
    Egress,
    Fault,
    MamServer,
    ManualClock,
    Verdict,
    sample_catalogue,
)
from tests.support.torrents import GIB, MIB, decode, info_hash_of

PROFILE = "/jsonLoad.php"
SEARCH = "/tor/js/loadSearchJSONbasic.php"
DOWNLOAD = "/tor/download.php"
SHOP = "/json/bonusBuy.php"
SEEDBOX = "/json/dynamicSeedbox.php"

Ask: TypeAlias = Callable[..., requests.Response]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server(clock: ManualClock) -> Iterator[MamServer]:
    with MamServer(catalogue=sample_catalogue(250), clock=clock, tracker_url="http://127.0.0.1:1/announce") as server:
        yield server


@pytest.fixture
def ask(server: MamServer) -> Ask:
    """Ask with the cookie that is valid now, or with another one ("" is none)."""

    def ask(
        target: str, *, cookie: str | None = None, method: str = "GET", timeout: float = 5, **rest: Any
    ) -> requests.Response:
        value = server.cookie if cookie is None else cookie
        headers = {"Cookie": f"mam_id={value}"} if value else {}
        headers |= rest.pop("headers", {})
        return requests.request(
            method, server.url + target, headers=headers, timeout=timeout, allow_redirects=False, **rest
        )

    return ask


@pytest.fixture
def search(ask: Ask) -> Callable[..., dict[str, Any]]:
    """Search by JSON, as the page that documents it advises."""

    def search(perpage: int | None = 100, **tor: object) -> dict[str, Any]:
        root = {"tor": tor} if perpage is None else {"tor": tor, "perpage": perpage}
        body = ask(SEARCH, method="POST", json=root).json()
        assert isinstance(body, dict)
        return body

    return search


def ids(body: dict[str, Any]) -> list[int]:
    return [row["id"] for row in body["data"]]


def cookies_set(response: requests.Response) -> list[str]:
    return list(response.raw.headers.getlist("Set-Cookie"))


class TestProfile:
    def test_basic_facts_come_without_the_breakdown(self, server: MamServer, ask: Ask) -> None:
        """Without a flag there is neither a breakdown nor `connectable`."""
        server.account.uploaded_bytes = 1_050_000_000
        response = ask(PROFILE)
        body = response.json()
        assert response.headers["Content-Type"] == "application/json"
        assert (body["username"], body["uid"], body["classname"]) == ("testmouse", 123456, "Power User")
        assert (body["uploaded"], body["uploaded_bytes"]) == ("1,001.36 MiB", 1_050_000_000)
        assert "snatch_summary" not in body
        assert "unsat" not in body
        assert "connectable" not in body

    def test_breakdown_is_nested_since_2026(self, server: MamServer, ask: Ask) -> None:
        """With the flag the breakdown comes under its own key, without `red`."""
        server.account.inact_hnr = 3
        summary = ask(PROFILE + "?snatch_summary").json()["snatch_summary"]
        assert summary["unsat"] == {"count": 2, "limit": 100, "name": "Unsatisfied", "size": 400 * MIB}
        assert summary["inactHnr"]["count"] == 3
        assert summary["seedHnr"] == {"count": 0, "name": "Seeding - H&R - Not Yet Satisfied", "size": None}
        assert summary["connectable"] == "yes"
        assert summary["created_at"] == "2026-11-18 11:06:40"

    def test_breakdown_was_at_the_top_before(self, server: MamServer, ask: Ask) -> None:
        """The old shape has the blocks at the top, each with `red`."""
        server.quirks.old_profile = True
        body = ask(PROFILE + "?snatch_summary=true").json()
        assert "snatch_summary" not in body
        assert body["unsat"]["red"] is False
        assert body["connectable"] == "yes"

    def test_flags_do_not_work_with_an_id(self, ask: Ask) -> None:
        """Asking for an id gives the basic facts only."""
        assert "snatch_summary" not in ask(PROFILE + "?snatch_summary&id=123456").json()

    def test_other_flags(self, ask: Ask) -> None:
        """Notifications, clients and indentation come on demand."""
        response = ask(PROFILE + "?notif&clientStats&pretty")
        assert response.json()["notifs"]["pms"] == 0
        assert response.json()["clientStats"][0]["connectable"] == "yes"
        assert "\n    " in response.text

    @pytest.mark.parametrize(
        ("uploaded", "downloaded", "ratio"), [(30, 10, 3.0), (115, 100, 1.1), (0, 700, 0.0), (5, 0, "∞")]
    )
    def test_ratio_is_rounded_or_a_word(
        self, server: MamServer, ask: Ask, uploaded: int, downloaded: int, ratio: float | str
    ) -> None:
        """The ratio has one digit, and is no number where nothing was downloaded."""
        server.account.uploaded_bytes, server.account.downloaded_bytes = uploaded, downloaded
        assert ask(PROFILE).json()["ratio"] == ratio

    def test_ratio_switches(self, server: MamServer, ask: Ask) -> None:
        """Rounding and the word for infinity can be changed."""
        server.quirks.ratio_digits, server.quirks.infinite_ratio = 3, "Inf."
        server.account.uploaded_bytes, server.account.downloaded_bytes = 1153, 1000
        assert ask(PROFILE).json()["ratio"] == 1.153
        server.account.downloaded_bytes = 0
        assert ask(PROFILE).json()["ratio"] == "Inf."

    def test_balance_is_whole_and_vip_is_utc(self, server: MamServer, ask: Ask) -> None:
        """The profile cuts the balance to an integer; the end of VIP is text or null."""
        server.account.seedbonus = 1234.9
        assert (ask(PROFILE).json()["seedbonus"], ask(PROFILE).json()["vip_until"]) == (1234, None)
        server.account.vip_until = datetime(2099, 1, 1, tzinfo=UTC)
        assert ask(PROFILE).json()["vip_until"] == "2099-01-01 00:00:00"

    def test_class_and_limit_can_be_absent(self, server: MamServer, ask: Ask) -> None:
        """What a test sets to None is left out."""
        server.account.classname = server.account.unsat_limit = None
        body = ask(PROFILE + "?snatch_summary").json()
        assert "classname" not in body
        assert "limit" not in body["snatch_summary"]["unsat"]


class TestSearch:
    def test_shape(self, search: Callable[..., dict[str, Any]]) -> None:
        """`found` counts all matches, `total` those loaded so far."""
        body = search(perpage=30, startNumber=30)
        assert {key: body[key] for key in ("perpage", "start", "total", "found")} == {
            "perpage": 30,
            "start": 30,
            "total": 60,
            "found": 250,
        }
        assert len(body["data"]) == 30

    def test_get_and_form_and_json_agree(self, ask: Ask) -> None:
        """The three ways to ask find the same."""
        form = {"perpage": "5", "tor[searchType]": "fl", "tor[cat][]": "0", "tor[sortType]": "sizeDesc"}
        tree = {"perpage": 5, "tor": {"searchType": "fl", "cat": ["0"], "sortType": "sizeDesc"}}
        answers = [
            ask(SEARCH, params=form).json(),
            ask(SEARCH, method="POST", data=form).json(),
            ask(SEARCH, method="POST", json=tree).json(),
        ]
        assert answers[0]["perpage"] == 5
        assert answers[0] == answers[1] == answers[2]

    @pytest.mark.parametrize(("asked", "given"), [(1, 5), (100, 100), (1000, 100), (None, 20)])
    def test_page_size_is_bounded(self, search: Callable[..., dict[str, Any]], asked: int | None, given: int) -> None:
        """A page has 5 to 100 rows, and 20 unasked."""
        body = search(perpage=asked)
        assert (body["perpage"], len(body["data"])) == (given, given)

    def test_page_size_inside_tor_is_ignored(self, ask: Ask) -> None:
        """`tor[perpage]` gives 20 rows."""
        assert ask(SEARCH, params={"tor[perpage]": "50"}).json()["perpage"] == 20

    @pytest.mark.parametrize(
        ("search_type", "holds"),
        [
            ("all", lambda t: True),
            ("active", lambda t: t.seeders > 0),
            ("fl", lambda t: int(t.free)),
            ("fl-VIP", lambda t: int(t.free) or int(t.vip)),
            ("VIP", lambda t: int(t.vip)),
            ("nVIP", lambda t: not int(t.vip)),
        ],
    )
    def test_types(
        self,
        server: MamServer,
        search: Callable[..., dict[str, Any]],
        search_type: str,
        holds: Callable[[CatalogueTorrent], bool],
    ) -> None:
        """Each type of search filters by the flags, however they are spelled."""
        server.catalogue[0].seeders = 0
        assert search(searchType=search_type)["found"] == sum(bool(holds(t)) for t in server.catalogue)

    def test_bands(self, server: MamServer, search: Callable[..., dict[str, Any]]) -> None:
        """Size in a unit, seeders, leechers and snatches are filtered at both ends; a maximum of 0 is none."""
        body = search(minSize=50, maxSize=1024, unit=MIB, minSeeders=1, maxSeeders=200, minLeechers="2", maxSnatched=0)
        expected = {
            torrent.id
            for torrent in server.catalogue
            if 50 * MIB <= torrent.size_bytes <= GIB and 1 <= torrent.seeders <= 200 and torrent.leechers >= 2
        }
        assert set(ids(body)) == expected
        assert body["found"] == len(expected) > 0

    @pytest.mark.parametrize(
        ("sort_type", "key"),
        [
            ("seedersAsc", lambda t: (t.seeders, t.id)),
            ("leechersDesc", lambda t: (-t.leechers, -t.id)),
            ("sizeAsc", lambda t: t.size_bytes),
            ("snatchedDesc", lambda t: -t.times_completed),
            ("dateDesc", lambda t: -t.added.timestamp()),
            ("default", lambda t: -t.added.timestamp()),
            ("idDesc", lambda t: -t.id),
        ],
    )
    def test_sorts(
        self,
        server: MamServer,
        search: Callable[..., dict[str, Any]],
        sort_type: str,
        key: Callable[[CatalogueTorrent], Any],
    ) -> None:
        """Sorting happens before the page is cut."""
        expected = [torrent.id for torrent in sorted(server.catalogue, key=key)]
        assert ids(search(sortType=sort_type)) == expected[:100]

    def test_categories_text_and_dates(self, server: MamServer, search: Callable[..., dict[str, Any]]) -> None:
        """A category, a word, a day and an id narrow the search."""
        special = CatalogueTorrent(id=1, title="Rare & Odd", category=41, added=datetime(2020, 5, 5, tzinfo=UTC))
        server.catalogue.append(special)
        assert ids(search(cat=["41"])) == [1]
        assert ids(search(text="odd rare")) == [1]
        assert ids(search(startDate="2020-05-05", endDate="2020-05-06")) == [1]
        assert ids(search(id=1)) == [1]
        assert search(cat=["0"])["found"] == 251

    def test_past_the_end(self, search: Callable[..., dict[str, Any]]) -> None:
        """Past the end, and without a match, the answer is an error with the number of matches."""
        assert search(startNumber=250) == {"error": "Nothing returned, out of 250"}
        assert search(minSeeders=10_000) == {"error": "Nothing returned, out of 0"}

    def test_empty_language_list_breaks(self, search: Callable[..., dict[str, Any]]) -> None:
        """An empty list of languages finds nothing; one with the language finds all."""
        assert search(browse_lang=[]) == {"error": "Nothing returned, out of 0"}
        assert search(browse_lang=[1])["found"] == 250

    def test_unknown_words_are_errors(self, search: Callable[..., dict[str, Any]]) -> None:
        """A type or an order that the site does not have is an error, so that a slip shows."""
        assert "error" in search(searchType="freeleech")
        assert "error" in search(sortType="bestAsc")

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_wrong_content_type_gives_nothing(self, ask: Ask, content_type: str) -> None:
        """JSON under another type is answered with an empty body."""
        response = ask(SEARCH, method="POST", data=b'{"tor": {}}', headers={"Content-Type": content_type})
        assert (response.status_code, response.content) == (200, b"")

    def test_row_quirks(self, server: MamServer, search: Callable[..., dict[str, Any]]) -> None:
        """Titles may be numbers, sizes have commas, flags three spellings, and details are JSON in strings."""
        odd = CatalogueTorrent(
            id=1, title=1984, size_bytes=1_051_622_000, free="1", vip=False, my_snatched=0, numbers_as_text=True
        )
        server.catalogue[:] = [odd]
        (row,) = search()["data"]
        assert (row["title"], row["size"], row["seeders"]) == (1984, "1,002.9 MiB", "20")
        assert (row["free"], row["vip"], row["fl_vip"], row["my_snatched"]) == ("1", False, "1", 0)
        assert json.loads(row["author_info"]) == {"8234": "An Author"}
        assert row["added"] == "2026-11-01 12:00:00"

    def test_row_can_be_anything(self, server: MamServer, search: Callable[..., dict[str, Any]]) -> None:
        """A test has the last word on the fields of a row."""
        server.catalogue[:] = [CatalogueTorrent(id=1, size="a lot", row={"seeders": None})]
        (row,) = search()["data"]
        assert (row["size"], row["seeders"]) == ("a lot", None)

    def test_download_address_only_on_demand(self, ask: Ask) -> None:
        """`dl` comes with `dlLink`."""
        plain, linked = (ask(SEARCH, params=query).json()["data"][0] for query in ({}, {"dlLink": ""}))
        assert "dl" not in plain
        assert len(linked["dl"]) == 64

    def test_own_snatches(self, server: MamServer, ask: Ask) -> None:
        """The root parameter `my_snatched` shows what was snatched."""
        ask(f"{DOWNLOAD}?tid={server.catalogue[7].id}")
        assert ids(ask(SEARCH, params={"my_snatched": ""}).json()) == [server.catalogue[7].id]


class TestDownload:
    def test_torrent_is_real(self, server: MamServer, ask: Ask) -> None:
        """The file is a private torrent of one file, announced with the passkey."""
        torrent = server.catalogue[4]
        response = ask(f"{DOWNLOAD}?tid={torrent.id}")
        assert response.headers["Content-Type"] == "application/x-bittorrent"
        assert response.headers["Content-Disposition"].startswith('attachment; filename="')
        content = decode(response.content)
        assert content[b"announce"] == f"http://127.0.0.1:1/announce/{server.world.passkey}/announce".encode()
        assert content[b"info"][b"private"] == 1
        assert content[b"info"][b"length"] == torrent.size_bytes
        assert info_hash_of(response.content) == server.world.info_hash(torrent.id)

    def test_torrents_differ_and_stay(self, server: MamServer, ask: Ask) -> None:
        """The same id gives the same file, another id another."""
        first, again, other = (ask(f"{DOWNLOAD}?tid={server.catalogue[i].id}").content for i in (0, 0, 1))
        assert first == again != other

    def test_snatch_counts_once(self, server: MamServer, ask: Ask) -> None:
        """A download makes the torrent snatched and unsatisfied, a second one changes nothing."""
        torrent = server.catalogue[0]
        for _ in range(2):
            ask(f"{DOWNLOAD}?tid={torrent.id}")
        assert (torrent.my_snatched, server.account.unsat_count) == ("1", 3)
        assert server.world.snatched == [torrent.id]

    def test_snatch_shows_late(
        self, server: MamServer, clock: ManualClock, ask: Ask, search: Callable[..., dict[str, Any]]
    ) -> None:
        """Flags and count lag, each by its own switch."""
        server.quirks.flag_lag, server.quirks.unsat_lag = timedelta(minutes=20), timedelta(minutes=15)
        torrent = server.catalogue[1]
        ask(f"{DOWNLOAD}?tid={torrent.id}&fl=1")

        def shown() -> tuple[object, object, object]:
            (row,) = search(id=torrent.id)["data"]
            unsat = ask(PROFILE + "?snatch_summary").json()["snatch_summary"]["unsat"]["count"]
            return int(row["my_snatched"]), int(row["personal_freeleech"]), unsat

        assert shown() == (0, 0, 2)
        clock.advance(timedelta(minutes=15))
        assert shown() == (0, 0, 3)
        clock.advance(timedelta(minutes=5))
        assert shown() == (1, 1, 3)

    @pytest.mark.parametrize("query", ["&fl=1", "&fl"])
    def test_wedge(self, server: MamServer, ask: Ask, query: str) -> None:
        """`fl` spends a wedge, even on a torrent that is free."""
        torrent = server.catalogue[3]
        assert int(torrent.free)
        ask(f"{DOWNLOAD}?tid={torrent.id}{query}")
        assert server.account.wedges == 2
        assert int(torrent.personal_freeleech)

    def test_wedges_by_preference(self, server: MamServer, ask: Ask) -> None:
        """An account's preference spends wedges without `fl`, as long as there are any."""
        server.quirks.automatic_wedge = True
        server.account.wedges = 1
        for torrent in server.catalogue[:2]:
            ask(f"{DOWNLOAD}?tid={torrent.id}")
        assert server.account.wedges == 0
        assert not int(server.catalogue[1].personal_freeleech)

    def test_freeze(self, server: MamServer, clock: ManualClock, ask: Ask) -> None:
        """Going past the limit freezes downloads for a day and two hours, whatever becomes of the count."""
        server.account.unsat_count, server.account.unsat_limit = 19, 20
        targets = [f"{DOWNLOAD}?tid={torrent.id}" for torrent in server.catalogue[:3]]
        assert ask(targets[0]).content.startswith(b"d")
        frozen = (
            "Attempted to Download Past Unsatisfied limit. Happened: 2026-11-18 11:06:40 Time Till Download Allowed:"
        )
        assert ask(targets[1]).text == f"{frozen} 1d 02:04:02"
        server.account.unsat_count = 0
        clock.advance(timedelta(hours=3))
        assert ask(targets[1]).text == f"{frozen} 23:04:02"
        clock.advance(timedelta(days=1))
        assert ask(targets[2]).content.startswith(b"d")

    def test_by_hash(self, server: MamServer, ask: Ask) -> None:
        """The secret address works with the cookie, and without it says why not."""
        row = ask(SEARCH, params={"dlLink": ""}).json()["data"][0]
        assert info_hash_of(ask(f"{DOWNLOAD}/{row['dl']}").content) == server.world.info_hash(row["id"])
        refusal = ask(f"{DOWNLOAD}/{row['dl']}", cookie="")
        assert refusal.status_code == 401
        assert refusal.text == "ip 192.0.2.7 does not match account, and no auth cookie provided"

    def test_refused_without_session(self, server: MamServer, ask: Ask) -> None:
        """By id a cookie is needed, and a refusal snatches nothing."""
        assert ask(f"{DOWNLOAD}?tid={server.catalogue[0].id}", cookie="").status_code == 403
        assert server.world.snatched == []

    @pytest.mark.parametrize("target", [f"{DOWNLOAD}?tid=1", f"{DOWNLOAD}/abc", DOWNLOAD])
    def test_unknown(self, ask: Ask, target: str) -> None:
        """What there is not is not found."""
        assert ask(target).status_code == 404


class TestShop:
    def test_upload(self, server: MamServer, ask: Ask) -> None:
        """Upload costs 500 points a GiB; the reply has the exact balance."""
        body = ask(f"{SHOP}/?spendtype=upload&amount=50&_=1795000000000").json()
        assert body["success"] is True
        assert (body["type"], body["amount"], body["seedbonus"]) == ("upload", 50, 5000.5)
        assert body["uploaded"] == server.account.uploaded_bytes == 80 * GIB
        assert (body["uploadFancy"], body["ratio"]) == ("80.00 GiB", 8.0)
        assert server.account.seedbonus == 5000.5

    def test_path_suffix(self, ask: Ask) -> None:
        """The time may follow the script's name, and any amount above the floor is sold."""
        assert ask(f"{SHOP}/1795000000000?spendtype=upload&amount=50.5").json()["amount"] == 50.5

    def test_max_affordable(self, ask: Ask) -> None:
        """The site sizes the purchase where asked to."""
        assert ask(f"{SHOP}/?spendtype=upload&amount=Max+Affordable+").json()["amount"] == 60

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            (
                "spendtype=upload&amount=20",
                "Automated spenders are limited to buying at least 50 GB of upload at a time, due to log spam",
            ),
            ("spendtype=upload&amount=100", "Not enough bonus, s1"),
            ("spendtype=upload&amount=nan", "Invalid amount specified"),
            ("spendtype=upload", "Invalid amount specified"),
            ("spendtype=VIP&duration=1", "Invalid duration specified"),
            ("spendtype=VIP&amount=4", "Invalid duration specified"),
            ("spendtype=wedges&source=points", "Insufficient funds"),
            ("spendtype=personalFL&torrentid=1", "Not allowed via API"),
        ],
    )
    def test_refusals_are_answers(self, server: MamServer, ask: Ask, query: str, error: str) -> None:
        """A refusal has status 200 and `success: false`, and costs nothing."""
        response = ask(f"{SHOP}/?{query}")
        assert response.status_code == 200
        assert response.json() == {"error": error, "success": False}
        assert server.account.seedbonus == 30_000.5

    def test_vip(self, server: MamServer, ask: Ask) -> None:
        """VIP is sold by the week, and added to what is left of it."""
        for weeks in (4, 8):
            assert ask(f"{SHOP}/?spendtype=VIP&duration={weeks}").json()["amount"] == weeks
        assert server.account.vip_until == server.world.now + timedelta(weeks=12)
        assert server.account.seedbonus == 15_000.5

    def test_vip_at_most_ninety_days_ahead(self, server: MamServer, ask: Ask) -> None:
        """What passes the limit is cut; what is left below a week is refused."""
        assert ask(f"{SHOP}/?spendtype=VIP&duration=max").json()["amount"] == 12.86
        assert server.account.vip_until == server.world.now + timedelta(days=90)
        body = ask(f"{SHOP}/?spendtype=VIP&duration=4").json()
        assert body == {"error": "Min VIP is 1 week purchased for Automated methods", "success": False}

    def test_profile_is_stale_after_a_purchase(self, server: MamServer, clock: ManualClock, ask: Ask) -> None:
        """With the lag on, the profile shows the old balance for a while though the reply had the new one."""
        server.quirks.balance_lag = timedelta(seconds=62)
        ask(f"{SHOP}/?spendtype=upload&amount=50")
        assert (ask(PROFILE).json()["seedbonus"], ask(PROFILE).json()["uploaded_bytes"]) == (30_000, 30 * GIB)
        clock.advance(timedelta(seconds=62))
        assert (ask(PROFILE).json()["seedbonus"], ask(PROFILE).json()["uploaded_bytes"]) == (5_000, 80 * GIB)


class TestAddress:
    def test_ip_needs_no_session(self, server: MamServer, ask: Ask) -> None:
        """Anybody may ask from where it is seen."""
        server.world.egress = Egress(ip="198.51.100.9", asn=64500, organisation="Elsewhere")
        body = ask("/json/jsonIp.php", cookie="").json()
        assert body == {"ip": "198.51.100.9", "ASN": 64500, "AS": "Elsewhere", "time": 1_795_000_000}

    def test_registration_once_an_hour(self, server: MamServer, clock: ManualClock, ask: Ask) -> None:
        """A change is accepted an hour after the last one; the same address is no change."""

        def register() -> tuple[int, bool, str]:
            response = ask(SEEDBOX)
            return response.status_code, response.json()["Success"], response.json()["msg"]

        assert register() == (200, True, "Completed")
        assert register() == (200, True, "No change")
        server.world.egress = Egress(ip="198.51.100.9")
        assert register() == (429, False, "Last change too recent")
        clock.advance(timedelta(hours=1))
        assert register() == (200, True, "Completed")
        assert server.world.registered_ip == "198.51.100.9"

    def test_new_session_starts_the_hour(self, server: MamServer, ask: Ask) -> None:
        """A session minted just now cannot register yet."""
        server.mint_cookie()
        assert ask(SEEDBOX).status_code == 429

    def test_registration_refused(self, server: MamServer, ask: Ask) -> None:
        """Each refusal has its message, and the address in its body."""
        assert ask(SEEDBOX, cookie="").json()["msg"] == "No Session Cookie"
        assert ask(SEEDBOX, cookie="x").json()["msg"] == "Invalid session - Invalid Cookie"
        server.lock_session("ASN")
        assert ask(SEEDBOX).json()["msg"] == "Invalid session - ASN mismatch"
        server.lock_session(None)
        server.session.may_register = False
        response = ask(SEEDBOX)
        assert response.json() == {
            "Success": False,
            "msg": "Incorrect session type - not allowed this function",
            "ip": "192.0.2.7",
            "ASN": 64496,
            "AS": "Example Network",
        }
        assert response.status_code == 403

    def test_check_cookie(self, ask: Ask) -> None:
        """The check of a cookie answers by its status."""
        assert ask("/json/checkCookie.php").status_code == 200
        assert ask("/json/checkCookie.php", cookie="wrong").status_code == 403


class TestSession:
    @pytest.mark.parametrize(
        "target",
        [PROFILE, SEARCH, f"{DOWNLOAD}?tid=700001", f"{DOWNLOAD}?tid=0", f"{SHOP}/", SEEDBOX, "/json/jsonIp.php", "/x"],
    )
    def test_every_response_rotates(self, server: MamServer, ask: Ask, target: str) -> None:
        """Every endpoint answers with a new cookie, and the old one is dead at once."""
        old = server.cookie
        response = ask(target)
        assert cookies_set(response) == [
            f"mam_id={server.cookie}; Max-Age=1296000; path=/; SameSite=Lax",
            "uid=123456; Max-Age=1296000; path=/; SameSite=Lax",
        ]
        assert server.cookie != old
        assert ask(PROFILE, cookie=old).status_code == 403
        assert server.session.retired_presented == 1

    def test_a_cookie_jar_can_follow(self, server: MamServer) -> None:
        """A client that keeps what it is told stays signed in; the value is odd and travels verbatim."""
        assert all(part in server.cookie for part in ("%3D", ",", "="))
        with requests.Session() as session:
            session.cookies.set("mam_id", server.cookie, domain="127.0.0.1", path="/")
            for _ in range(5):
                assert session.get(server.url + PROFILE, timeout=5).status_code == 200
            assert session.cookies["mam_id"] == server.cookie

    def test_attributes_of_the_real_cookie(self, server: MamServer, ask: Ask) -> None:
        """Domain and `secure` are there on demand."""
        server.quirks.cookie_domain, server.quirks.cookie_secure = ".myanonamouse.net", True
        attributes = "Max-Age=1296000; path=/; domain=.myanonamouse.net; secure; SameSite=Lax"
        assert cookies_set(ask(PROFILE))[0] == f"mam_id={server.cookie}; {attributes}"

    def test_grace(self, server: MamServer, clock: ManualClock, ask: Ask) -> None:
        """With a grace the old value works for a while, and tells the new one."""
        server.quirks.rotation = "grace"
        old = server.cookie
        ask(PROFILE)
        assert cookies_set(ask(PROFILE, cookie=old))[0].startswith(f"mam_id={server.cookie};")
        clock.advance(server.quirks.grace)
        assert ask(PROFILE, cookie=old).status_code == 403

    def test_no_rotation(self, server: MamServer, ask: Ask) -> None:
        """Without rotation one value lasts."""
        server.quirks.rotation = "off"
        old = server.cookie
        assert cookies_set(ask(PROFILE)) == []
        assert ask(PROFILE, cookie=old).status_code == 200

    @pytest.mark.parametrize("cookie", ["", "wrong"])
    def test_refusal(self, server: MamServer, ask: Ask, cookie: str) -> None:
        """Without a valid cookie the answer is 403, a text, and a deletion that can be switched off."""
        response = ask(PROFILE, cookie=cookie)
        assert response.status_code == 403
        assert response.text == "Error, you are not signed in <br />Invalid/missing cookie"
        (deletion,) = cookies_set(response)
        assert deletion.startswith("mam_id=deleted; ")
        assert "Max-Age=0" in deletion
        server.quirks.deletes_cookie = False
        assert cookies_set(ask(PROFILE, cookie=cookie)) == []

    def test_minting(self, server: MamServer, ask: Ask) -> None:
        """A new session ends the old one."""
        old = server.cookie
        fresh = server.mint_cookie()
        assert ask(PROFILE, cookie=old).status_code == 403
        assert ask(PROFILE, cookie=fresh).status_code == 200

    def test_disabled_account_looks_like_a_dead_cookie(self, server: MamServer, ask: Ask) -> None:
        """A disabled account refuses every cookie, minted anew or not, in the same words."""
        dead = ask(PROFILE, cookie="dead")
        server.disable_account()
        for cookie in (server.cookie, server.mint_cookie()):
            response = ask(PROFILE, cookie=cookie)
            assert (response.status_code, response.content) == (dead.status_code, dead.content)
            assert cookies_set(response) == cookies_set(dead)

    @pytest.mark.parametrize("kind", ["ASN", "IP"])
    def test_locked_elsewhere(self, server: MamServer, ask: Ask, kind: Any) -> None:
        """From another network the session is refused, and its cookie stays alive."""
        server.lock_session(kind)
        response = ask(PROFILE)
        assert response.status_code == 403
        assert response.text == f"Error, you are not signed in <br />Invalid session - {kind} mismatch"
        assert cookies_set(response) == []
        server.lock_session(None)
        assert ask(PROFILE).status_code == 200


class TestFaults:
    def test_status_with_and_without_retry_after(self, server: MamServer, ask: Ask) -> None:
        """A status takes the place of the answer, and the cookie stays."""
        server.faults.add(Fault("status", PROFILE, status=429), Fault("status", status=429, retry_after=30))
        cookie = server.cookie
        first, second, third = (ask(PROFILE) for _ in range(3))
        assert [first.status_code, second.status_code, third.status_code] == [429, 429, 200]
        assert "Retry-After" not in first.headers
        assert second.headers["Retry-After"] == "30"
        assert server.requests[2].cookie is Verdict.CURRENT
        assert ask(PROFILE, cookie=cookie).status_code == 403

    @pytest.mark.parametrize("status", [403, 404, 500, 503])
    def test_other_statuses(self, server: MamServer, ask: Ask, status: int) -> None:
        """Any status can come, with a page in HTML or the body that a test gives."""
        server.faults.add(Fault("status", status=status), Fault("status", status=status, body="no"))
        assert ask(PROFILE).text.startswith("<html>")
        assert (ask(PROFILE).status_code, ask(PROFILE).status_code) == (status, 200)

    @pytest.mark.parametrize(
        ("kind", "start"),
        [("maintenance", "<!DOCTYPE"), ("login_page", "<!DOCTYPE"), ("empty", ""), ("wrong_type", "[]")],
    )
    def test_wrong_answers_in_200(self, server: MamServer, ask: Ask, kind: Kind, start: str) -> None:
        """A page, nothing, or a list can come where an object is expected."""
        server.faults.add(Fault(kind))
        response = ask(PROFILE)
        assert response.status_code == 200
        assert response.text[: len(start) or None] == start

    def test_redirect(self, server: MamServer, ask: Ask) -> None:
        """The way to the login page ends in HTML."""
        server.faults.add(Fault("redirect"))
        response = ask(PROFILE)
        assert (response.status_code, response.headers["Location"]) == (302, "/login.php")
        assert "Login" in ask("/login.php", cookie="").text

    def test_truncated(self, server: MamServer, ask: Ask) -> None:
        """Half of the true body comes as if it were all, with the new cookie."""
        server.faults.add(Fault("truncated"))
        response = ask(PROFILE)
        assert response.text.startswith('{"classname"')
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            response.json()
        assert cookies_set(response)[0].startswith(f"mam_id={server.cookie};")

    def test_cut(self, server: MamServer, ask: Ask) -> None:
        """The connection ends before the answer, or in it."""
        server.faults.add(Fault("cut"), Fault("cut_body"))
        with pytest.raises(requests.ConnectionError):
            ask(PROFILE)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(PROFILE)
        assert ask(PROFILE).status_code == 200

    def test_trickle(self, server: MamServer, ask: Ask) -> None:
        """The body comes whole, but slowly."""
        server.faults.add(Fault("trickle", seconds=0.001))
        assert ask(PROFILE).json()["username"] == "testmouse"

    def test_hang_ends_with_the_server(self, server: MamServer, ask: Ask) -> None:
        """A hanging answer times out at the client, and does not hold up closing."""
        server.faults.add(Fault("hang", seconds=60), Fault("trickle", seconds=60))
        for _ in range(2):
            with pytest.raises((requests.Timeout, requests.ConnectionError)):
                ask(PROFILE, timeout=0.1)
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(
        ("kind", "cookie_fate"), [("status", "rotated"), ("cut", "kept"), ("hang", "kept"), ("empty", "rotated")]
    )
    def test_purchase_whose_reply_is_lost(self, server: MamServer, ask: Ask, kind: Kind, cookie_fate: str) -> None:
        """The points are gone, and nobody told the buyer."""
        fault = Fault(kind, SHOP, status=502, happens=True, seconds=0.01)
        server.faults.add(fault)
        old = server.cookie
        try:
            assert b"success" not in ask(f"{SHOP}/?spendtype=upload&amount=50").content
        except requests.ConnectionError:
            assert kind in ("cut", "hang")
        assert server.account.seedbonus == 5000.5
        assert fault.cookie_fate == cookie_fate
        assert (server.cookie == old) is (cookie_fate == "kept")

    def test_cookie_lost_with_the_reply(self, server: MamServer, ask: Ask) -> None:
        """In the worst case the new cookie is lost too, and the client is locked out."""
        server.faults.add(Fault("cut", happens=True, cookie="lost"))
        old = server.cookie
        with pytest.raises(requests.ConnectionError):
            ask(PROFILE)
        assert ask(PROFILE, cookie=old).status_code == 403

    def test_unrotated(self, server: MamServer, ask: Ask) -> None:
        """A true answer may come without a new cookie; then the old one goes on."""
        server.faults.add(Fault("unrotated"))
        old = server.cookie
        response = ask(PROFILE)
        assert response.json()["username"] == "testmouse"
        assert cookies_set(response) == []
        assert ask(PROFILE, cookie=old).status_code == 200

    def test_aim(self, server: MamServer, ask: Ask) -> None:
        """Faults wait for their endpoint, let requests pass, last, and can be ended."""
        server.faults.add(Fault("status", SHOP, times=None), Fault("status", PROFILE, after=1, times=2))
        assert [ask(PROFILE).status_code for _ in range(4)] == [200, 503, 503, 200]
        assert [ask(f"{SHOP}/12?spendtype=x").status_code for _ in range(3)] == [503, 503, 503]
        assert len(server.faults) == 1
        server.faults.clear()
        assert ask(f"{SHOP}/").status_code == 200


class TestServer:
    def test_log(self, server: MamServer, ask: Ask) -> None:
        """The log has everything of a request but its cookie."""
        cookie = server.cookie
        ask(f"{SHOP}/17?spendtype=x", headers={"User-Agent": "harvestmouse/1"})
        ask(SEARCH, method="POST", json={"tor": {"text": "a"}}, cookie="")
        ask(SEARCH, method="POST", data=b"odd", headers={"Content-Type": "text/plain"})
        first, second, third = server.requests
        assert (first.method, first.path, first.endpoint) == ("GET", f"{SHOP}/17", SHOP)
        assert (first.query, first.body, first.user_agent) == ({"spendtype": ["x"]}, None, "harvestmouse/1")
        assert (second.body, third.body) == ({"tor": {"text": "a"}}, "odd")
        assert [request.cookie for request in server.requests] == [Verdict.CURRENT, Verdict.NONE, Verdict.CURRENT]
        assert cookie not in repr(server.requests)
        assert (server.count(SEARCH), server.count(PROFILE)) == (2, 0)

    def test_no_other_pages(self, ask: Ask) -> None:
        """What is no endpoint is not found, and nothing but the search takes a POST."""
        assert ask("/index.php").status_code == 404
        assert ask(f"{SHOP}/", method="POST").status_code == 405

    def test_many_at_once_rotate_one_after_the_other(self, server: MamServer, ask: Ask) -> None:
        """Of requests that share a cookie at the same time only the first is signed in."""
        cookie = server.cookie
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: ask(PROFILE, cookie=cookie).status_code, range(8)))
        assert sorted(statuses) == [200] + [403] * 7

    def test_connections_are_kept(self, server: MamServer) -> None:
        """One connection serves several requests, and closing the server ends it."""
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        for _ in range(2):
            connection.request("GET", PROFILE)
            assert connection.getresponse().read().startswith(b"Error")
        server.close()
        connection.request("GET", PROFILE)
        with pytest.raises(ConnectionError):
            connection.getresponse()
        connection.close()

    def test_own_errors_surface(self) -> None:
        """A slip inside the stand-in fails the test that met it."""
        with MamServer() as broken:
            broken.account.uploaded_bytes = "many"  # type: ignore[assignment]
            with pytest.raises(requests.ConnectionError):
                requests.get(broken.url + PROFILE, headers={"Cookie": f"mam_id={broken.cookie}"}, timeout=5)
            with pytest.raises(TypeError):
                broken.close()

    def test_by_hand(self) -> None:
        """The module serves a sample until it is told to stop."""
        command = [sys.executable, "-m", "tests.support.mam_server", "--port", "0"]
        root = Path(__file__).parents[2]
        with Popen(command, stdout=PIPE, stderr=PIPE, text=True, cwd=root) as process:
            assert process.stdout is not None
            url, cookie = (process.stdout.readline().strip() for _ in range(2))
            response = requests.get(url + PROFILE, headers={"Cookie": cookie}, timeout=5)
            assert response.json()["username"] == "testmouse"
            process.terminate()
            _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")
