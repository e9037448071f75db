"""The session with the site: the cookie, the pace, what is tried again, and what every trouble is called."""

import logging
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from harvestmouse.adapters.errors import (
    AccountMayBeDisabled,
    AdapterError,
    AddressNotAllowed,
    DownloadFrozen,
    ItemError,
    NotATorrent,
    PurchaseUncertain,
    RateLimited,
    SchemaChanged,
    SessionInvalid,
    SiteMaintenance,
    SiteUnavailable,
    UnexpectedBody,
    WrongSessionType,
)
from harvestmouse.adapters.mam import Limits, MamSession, MamSite, MissingCookie
from harvestmouse.adapters.mam.session import Endpoint
from harvestmouse.adapters.secret import Secret, may_carry_cookie
from harvestmouse.adapters.state.cookie import Cookie, CookieStore, fingerprint
from harvestmouse.adapters.state.refusals import Refusals
from harvestmouse.adapters.tape import Tape
from harvestmouse.adapters.traffic import ENDPOINTS, Result
from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass
from harvestmouse.core.search import Query
from harvestmouse.core.wire.redact import keep_ip
from tests.support.builders import GIB, NOW
from tests.support.mam_faults import Kind, Reply
from tests.support.mam_server import Account, CatalogueTorrent, Fault, MamServer, Verdict
from tests.support.torrents import info_hash_of

WHERE, SEEDBOX = "/json/jsonIp.php", "/json/dynamicSeedbox.php"
PROFILE, SEARCH = "/jsonLoad.php", "/tor/js/loadSearchJSONbasic.php"
LIST = "/json/loadUserDetailsTorrents.php"
DOWNLOAD, SHOP = "/tor/download.php", "/json/bonusBuy.php"
BUY = BuyUpload(gib=50, cost_bp=25_000)
QUERY = Query(search_type="fl", min_size=0, max_size=2 * GIB, min_leechers=0, max_seeders=1000)
QUICK = Limits(spacing=0.0, connect=0.8, read=0.8)

Ask = Callable[[MamSite], object]
ASKS: dict[str, Ask] = {
    PROFILE: lambda site: site.profile(),
    SEARCH: lambda site: site.search(QUERY, NOW),
    DOWNLOAD: lambda site: site.torrent_file(1001),
    SHOP: lambda site: site.buy(BUY),
}
READS, ONCES = (PROFILE, SEARCH), (DOWNLOAD, SHOP)
ALL = (*READS, *ONCES)


@pytest.fixture
def server() -> Iterator[MamServer]:
    catalogue = [CatalogueTorrent(id=1001, title="A Barn", free=1)]
    with MamServer(account=Account(seedbonus=60_000), catalogue=catalogue) as running:
        yield running


@pytest.fixture
def store(server: MamServer, tmp_path: Path) -> CookieStore:
    return CookieStore(tmp_path / "state" / "mam_id", Secret(server.cookie))


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def site(server: MamServer, store: CookieStore, heard: list[str]) -> Iterator[MamSite]:
    opened = MamSite(MamSession(server.url, store, QUICK, heard.append))
    yield opened
    opened.close()


def stored(store: CookieStore) -> str:
    """Return the cookie on disk."""
    return store.path.read_text().splitlines()[0]


class Witness:
    """A cookie store that notes what the site had been asked when each cookie was kept."""

    def __init__(self, server: MamServer) -> None:
        self._server = server
        self.kept: list[tuple[int, str]] = []

    def candidates(self) -> list[Cookie]:
        return [Cookie(value=Secret(self._server.cookie), source="the test")]

    def store(self, value: str) -> None:
        self.kept.append((len(self._server.requests), value))


class TestCookie:
    """The newest cookie is on disk before the next request goes out."""

    def test_is_kept_after_every_response_before_the_next_request(self, server: MamServer) -> None:
        """Each of four endpoints rotates the cookie, and each new one is kept at once."""
        witness = Witness(server)
        site = MamSite(MamSession(server.url, witness, QUICK, lambda _: None))
        for ask in ASKS.values():
            ask(site)
        site.close()
        assert [number for number, _ in witness.kept] == [1, 2, 3, 4]
        assert witness.kept[-1][1] == server.cookie
        assert {request.cookie for request in server.requests} == {Verdict.CURRENT}

    def test_is_the_exact_string_the_site_sent(self, server: MamServer, site: MamSite, store: CookieStore) -> None:
        """Percent signs, commas and equals signs arrive on disk as they were sent."""
        site.profile()
        assert stored(store) == server.cookie
        assert "%3D," in server.cookie

    @pytest.mark.parametrize("path", ALL)
    @pytest.mark.parametrize("kind", ["truncated", "cut_body", "status", "maintenance", "wrong_type"])
    def test_is_kept_on_errors_too(
        self, server: MamServer, site: MamSite, store: CookieStore, path: str, kind: Kind
    ) -> None:
        """An answer whose body is useless may still bring the next cookie."""
        site.profile()
        server.faults.add(Fault(kind, path, times=5, cookie="rotated", status=404))
        with pytest.raises(AdapterError):
            ASKS[path](site)
        assert stored(store) == server.cookie
        server.faults.clear()
        site.profile()
        assert server.session.retired_presented == 0

    def test_a_retired_one_is_never_shown(self, server: MamServer, site: MamSite) -> None:
        """Over twenty requests with strict rotation the site sees only current cookies."""
        for _ in range(5):
            for ask in (ASKS[PROFILE], ASKS[SEARCH], ASKS[DOWNLOAD], ASKS[PROFILE]):
                ask(site)
        assert len(server.requests) == 20
        assert server.session.retired_presented == 0

    def test_the_word_that_ends_a_session_is_not_kept(
        self, server: MamServer, site: MamSite, store: CookieStore
    ) -> None:
        """A refusal that deletes the cookie leaves the file as it was."""
        site.profile()
        before = store.path.read_text()
        server.disable_account()
        with pytest.raises(SessionInvalid):
            site.profile()
        assert store.path.read_text() == before

    def test_works_without_rotation(self, server: MamServer, site: MamSite, store: CookieStore) -> None:
        """A site that sets no cookie leaves nothing to keep."""
        server.quirks.rotation = "off"
        site.profile()
        site.profile()
        assert not store.path.exists()

    def test_a_run_goes_on_with_the_file(self, server: MamServer, site: MamSite, store: CookieStore) -> None:
        """The next process finds the cookie on disk, though the operator's secret is long retired."""
        operator = server.cookie
        site.profile()
        later = MamSite(MamSession(server.url, CookieStore(store.path, Secret(operator)), QUICK, lambda _: None))
        later.profile()
        later.close()
        assert server.session.retired_presented == 0

    def test_the_file_is_tried_where_it_does_not_tell_its_origin(
        self, server: MamServer, tmp_path: Path, heard: list[str]
    ) -> None:
        """A bare file of the old scripts, newer than the secret, is used once the secret was refused."""
        path = tmp_path / "mam_id"
        path.write_text(server.cookie)
        site = MamSite(MamSession(server.url, CookieStore(path, Secret("stale")), QUICK, heard.append))
        assert site.profile().class_name == "Power User"
        site.close()
        assert heard == [
            "using the cookie from MAM_ID",
            f"{PROFILE}: the cookie was refused",
            f"using the cookie from {path}",
        ]

    def test_without_any_there_is_no_request(self, server: MamServer, tmp_path: Path) -> None:
        """No secret and no file: an error with advice, and the site is left alone."""
        site = MamSite(MamSession(server.url, CookieStore(tmp_path / "mam_id"), QUICK, lambda _: None))
        with pytest.raises(MissingCookie, match="MAM_ID") as raised:
            site.profile()
        site.close()
        assert raised.value.exit_code == 2
        assert server.requests == []


class TestRetries:
    """Passing trouble is tried again for reads, and for nothing else."""

    @pytest.mark.parametrize("path", READS)
    @pytest.mark.parametrize("status", [500, 503, 429])
    def test_reads_are_tried_three_times(self, server: MamServer, site: MamSite, path: str, status: int) -> None:
        """Two failures are got over."""
        server.faults.add(Fault("status", path, times=2, status=status))
        ASKS[path](site)
        assert server.count(path) == 3

    @pytest.mark.parametrize("path", READS)
    def test_reads_give_up_after_three(self, server: MamServer, site: MamSite, path: str) -> None:
        """A site that stays down is asked three times, not for ever."""
        server.faults.add(Fault("status", path, times=None, status=502))
        with pytest.raises(SiteUnavailable, match="502"):
            ASKS[path](site)
        assert server.count(path) == 3

    @pytest.mark.parametrize("path", READS)
    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_answers_that_will_not_change_are_not_asked_for_again(
        self, server: MamServer, site: MamSite, path: str, status: int
    ) -> None:
        """A refusal is final."""
        server.faults.add(Fault("status", path, times=None, status=status))
        with pytest.raises(AdapterError):
            ASKS[path](site)
        assert server.count(path) == 1

    @pytest.mark.parametrize("path", ONCES)
    @pytest.mark.parametrize("kind", ["status", "hang", "cut", "cut_body", "truncated", "empty", "maintenance"])
    def test_what_may_change_something_is_asked_once(
        self, server: MamServer, site: MamSite, path: str, kind: Kind
    ) -> None:
        """A download or purchase is sent once, whatever comes back."""
        server.faults.add(Fault(kind, path, times=None, seconds=5, happens=True))
        with pytest.raises(AdapterError):
            ASKS[path](site)
        assert server.count(path) == 1

    @pytest.mark.parametrize("wait", ["0", "-1", "0.1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "nan"])
    def test_a_site_may_say_when_to_come_back(self, server: MamServer, site: MamSite, wait: str) -> None:
        """What stands in the header is followed where it can be, and never ends a run."""
        server.faults.add(Fault("status", PROFILE, status=429, retry_after=wait))
        assert site.profile().class_name == "Power User"
        assert server.count(PROFILE) == 2

    def test_a_site_that_wants_long_patience_gets_it_from_the_next_run(self, server: MamServer, site: MamSite) -> None:
        """No run waits for an hour."""
        server.faults.add(Fault("status", PROFILE, status=503, retry_after=3600))
        with pytest.raises(SiteUnavailable):
            site.profile()
        assert server.count(PROFILE) == 1


class TestRefusals:
    """A second cookie refused after a first one points at the account, and then the site is left alone."""

    def refused(self, server: MamServer, tmp_path: Path, secret: str) -> SessionInvalid:
        """Make a run with this secret, which has to be refused."""
        refusals = Refusals(tmp_path / "refused.json", fingerprint(secret))
        store = CookieStore(tmp_path / f"mam_id of {secret}", Secret(secret))
        site = MamSite(MamSession(server.url, store, QUICK, lambda _: None, refusals))
        try:
            with pytest.raises(SessionInvalid) as raised:
                site.profile()
        finally:
            site.close()
        return raised.value

    def test_one_cookie_refused_again_and_again_is_a_dead_cookie(self, server: MamServer, tmp_path: Path) -> None:
        """The same cookie says nothing new."""
        for _ in range(3):
            assert type(self.refused(server, tmp_path, "old")) is SessionInvalid
        assert server.count(PROFILE) == 3

    def test_a_newer_cookie_refused_too_may_be_a_disabled_account(self, server: MamServer, tmp_path: Path) -> None:
        """The advice changes, and later runs do not ask at all (incident I12)."""
        self.refused(server, tmp_path, "old")
        assert isinstance(self.refused(server, tmp_path, "new"), AccountMayBeDisabled)
        asked = server.count(PROFILE)
        assert isinstance(self.refused(server, tmp_path, "new"), AccountMayBeDisabled)
        assert server.count(PROFILE) == asked

    def test_a_third_cookie_is_tried(self, server: MamServer, tmp_path: Path) -> None:
        """Changing the cookie once more lets the site be asked once more."""
        for secret in ("old", "new", "newest"):
            self.refused(server, tmp_path, secret)
        assert server.count(PROFILE) == 3

    def test_success_forgets_them(self, server: MamServer, tmp_path: Path) -> None:
        """Once a cookie works, an old refusal says nothing about the account."""
        self.refused(server, tmp_path, "old")
        refusals = Refusals(tmp_path / "refused.json", fingerprint(server.cookie))
        store = CookieStore(tmp_path / "mam_id", Secret(server.cookie))
        site = MamSite(MamSession(server.url, store, QUICK, lambda _: None, refusals))
        site.profile()
        site.close()
        assert not (tmp_path / "refused.json").exists()

    def test_the_file_holds_no_secret(self, server: MamServer, tmp_path: Path) -> None:
        """What is remembered is a fingerprint."""
        self.refused(server, tmp_path, "gorgonzola")
        assert "gorgonzola" not in (tmp_path / "refused.json").read_text()

    def test_a_login_page_is_a_refusal_too(self, server: MamServer, tmp_path: Path) -> None:
        """The site may refuse with status 200 and a page; the next run knows of it all the same."""
        server.faults.add(Fault("login_page", PROFILE, times=None))
        self.refused(server, tmp_path, "old")
        assert (tmp_path / "refused.json").exists()

    def test_a_login_page_lets_the_file_be_tried(self, server: MamServer, tmp_path: Path) -> None:
        """A bare file is tried once the secret was refused, whatever the shape of the refusal."""
        (tmp_path / "mam_id").write_text(server.cookie)
        server.faults.add(Fault("login_page", PROFILE))
        store = CookieStore(tmp_path / "mam_id", Secret("stale"))
        site = MamSite(MamSession(server.url, store, QUICK, lambda _: None))
        try:
            assert site.profile().class_name == "Power User"
        finally:
            site.close()


class TestTimeLimits:
    """Every request ends within its time limits."""

    @pytest.mark.parametrize("path", ONCES)
    @pytest.mark.parametrize("kind", ["hang", "trickle"])
    def test_a_slow_answer_is_given_up(self, server: MamServer, site: MamSite, path: str, kind: Kind) -> None:
        """A site that says nothing, or a byte now and then, does not hold the run."""
        server.faults.add(Fault(kind, path, seconds=5 if kind == "hang" else 0.05))
        started = time.monotonic()
        with pytest.raises((SiteUnavailable, PurchaseUncertain), match=r"no answer within|took longer"):
            ASKS[path](site)
        assert time.monotonic() - started < 4

    def test_a_connection_that_is_cut(self, server: MamServer, site: MamSite) -> None:
        """A connection that ends before the answer is named so."""
        server.faults.add(Fault("cut", DOWNLOAD))
        with pytest.raises(SiteUnavailable, match="no connection"):
            ASKS[DOWNLOAD](site)

    def test_an_answer_that_is_cut(self, server: MamServer, site: MamSite) -> None:
        """A connection that ends in the middle of the answer is named so."""
        server.faults.add(Fault("cut_body", DOWNLOAD))
        with pytest.raises(SiteUnavailable, match="cut in the middle"):
            ASKS[DOWNLOAD](site)

    def test_nobody_there(self, tmp_path: Path) -> None:
        """A port on which nobody listens is no connection."""
        store = CookieStore(tmp_path / "mam_id", Secret("cookie"))
        site = MamSite(MamSession("http://127.0.0.1:9", store, QUICK, lambda _: None))
        with pytest.raises(SiteUnavailable, match="no connection"):
            site.profile()
        site.close()

    def test_requests_keep_their_distance(self, server: MamServer, store: CookieStore) -> None:
        """Between two requests lies at least the spacing; before the first there is no wait."""
        site = MamSite(MamSession(server.url, store, Limits(spacing=0.15), lambda _: None))
        started = time.monotonic()
        site.profile()
        first = time.monotonic() - started
        site.profile()
        site.profile()
        site.close()
        assert first < 0.15
        assert time.monotonic() - started >= 0.3

    def test_an_answer_without_end_is_given_up(
        self, server: MamServer, site: MamSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A body over the size limit is no answer."""
        monkeypatch.setattr("harvestmouse.adapters.mam.session._MOST_BYTES", 100)
        with pytest.raises(UnexpectedBody, match="larger than"):
            site.profile()


class _Elsewhere(BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(str(self.headers.get("Cookie")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class chose the name
        """Say nothing."""


class TestWhereTheCookieGoes:
    """The cookie goes to the configured host, and nowhere else."""

    def test_a_redirect_is_not_followed(
        self, server: MamServer, site: MamSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another host that the site points to is not asked at all."""
        with HTTPServer(("127.0.0.1", 0), _Elsewhere) as other:
            thread = Thread(target=other.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            target = f"http://127.0.0.1:{other.server_port}/jsonLoad.php"
            monkeypatch.setattr(Fault, "spoil", lambda *_: _redirect(target))
            server.faults.add(Fault("redirect", PROFILE))
            with pytest.raises(UnexpectedBody, match="302"):
                site.profile()
            other.shutdown()
            thread.join()
        assert _Elsewhere.seen == []
        assert server.count(PROFILE) == 1

    def test_the_login_page_is_not_followed(self, server: MamServer, site: MamSite) -> None:
        """A redirect to the login page is a refused session."""
        server.faults.add(Fault("redirect", PROFILE))
        with pytest.raises(SessionInvalid, match="redirects to its login page"):
            site.profile()
        assert [request.endpoint for request in server.requests] == [PROFILE]

    def test_there_is_no_endpoint_to_log_in(self) -> None:
        """The session cannot ask for a login page, a page for people or the vault."""
        assert {one.value for one in Endpoint} == {PROFILE, SEARCH, DOWNLOAD, f"{SHOP}/", WHERE, SEEDBOX, LIST}

    @pytest.mark.parametrize(
        ("url", "may"),
        [
            ("https://www.myanonamouse.net", True),
            ("http://127.0.0.1:8080", True),
            ("http://localhost", True),
            ("http://[::1]:80", True),
            ("http://www.myanonamouse.net", False),
            ("http://127.0.0.1.example.org", False),
            ("http://localhost.example.org", False),
            ("ftp://127.0.0.1", False),
            ("", False),
        ],
    )
    def test_plain_text_only_to_this_machine(self, url: str, may: bool) -> None:
        """Without TLS a cookie goes to loopback only."""
        assert may_carry_cookie(url) is may


def _redirect(target: str) -> Any:
    return Reply(status=302, headers=(("Location", target),))


class TestSecrets:
    """No secret is in an error or a log line."""

    @pytest.mark.parametrize("path", ALL)
    @pytest.mark.parametrize(
        "kind", ["status", "maintenance", "login_page", "empty", "redirect", "wrong_type", "truncated", "hang", "cut"]
    )
    def test_errors_and_logs_hold_no_cookie(  # noqa: PLR0913, PLR0917 - fixtures
        self,
        server: MamServer,
        site: MamSite,
        heard: list[str],
        caplog: pytest.LogCaptureFixture,
        path: str,
        kind: Kind,
    ) -> None:
        """Whatever goes wrong, neither cookie nor its successor is told."""
        first = server.cookie
        server.faults.add(Fault(kind, path, times=None, seconds=1, cookie="rotated"))
        with caplog.at_level(logging.DEBUG), pytest.raises(AdapterError) as raised:
            ASKS[path](site)
        told = "\n".join([str(raised.value), repr(raised.value), repr(site), *heard, caplog.text])
        assert raised.value.__cause__ is None
        assert first not in told
        assert server.cookie not in told

    def test_the_operator_s_address_is_left_out(self, server: MamServer, site: MamSite) -> None:
        """An answer that tells the caller's address is quoted without it."""
        text = "ip 192.0.2.7 does not match account, and no auth cookie provided"
        server.faults.add(Fault("status", DOWNLOAD, status=401, body=text))
        with pytest.raises(AddressNotAllowed) as raised:
            ASKS[DOWNLOAD](site)
        assert "192.0.2.7" not in str(raised.value)
        assert "ip (address) does not match account" in str(raised.value)

    def test_a_secret_does_not_show_itself(self) -> None:
        """A secret's text and representation are a mask; an empty one is false."""
        secret = Secret("cheese")
        assert "cheese" not in f"{secret} {secret!r} {[secret]}"
        assert secret
        assert not Secret("")


class TestProfile:
    def test_is_read_with_its_breakdown(self, server: MamServer, site: MamSite) -> None:
        """One request brings class, credit, points and the unsatisfied count; the id is not sent."""
        read = site.profile()
        assert (read.account_class, read.bonus_points) == (AccountClass.POWER_USER, 60_000)
        assert (read.unsat_count, read.unsat_limit) == (2, 100)
        assert server.requests[0].query == {"snatch_summary": [""]}

    def test_an_object_without_a_user_is_no_profile(self, server: MamServer, site: MamSite) -> None:
        """JSON without a user name is an error, not an account without anything."""
        server.faults.add(Fault("status", PROFILE, status=200, body='{"seedbonus": 5}'))
        with pytest.raises(UnexpectedBody, match="no user name"):
            site.profile()

    def test_a_disabled_account_is_not_called_expired(self, server: MamServer, site: MamSite) -> None:
        """A plain 403 names all its causes, the disabled account among them."""
        server.disable_account()
        with pytest.raises(SessionInvalid, match="account may be disabled") as raised:
            site.profile()
        assert raised.value.exit_code == 3

    def test_another_network_is_named(self, server: MamServer, site: MamSite) -> None:
        """A session that is locked elsewhere is alive, and the advice says so."""
        server.lock_session("ASN")
        with pytest.raises(AddressNotAllowed, match=r"ASN mismatch.*cookie is alive"):
            site.profile()


class TestSearch:
    def test_finds_what_is_there(self, site: MamSite) -> None:
        """A search gives its rows."""
        assert [one.id for one in site.search(QUERY, NOW).results] == [1001]

    def test_nothing_found_is_an_empty_page(self, server: MamServer, site: MamSite) -> None:
        """The site's words for no match are no error."""
        server.catalogue.clear()
        assert site.search(QUERY, NOW).found == 0

    def test_another_error_is_told(self, server: MamServer, site: MamSite) -> None:
        """An error the site gives in JSON is quoted."""
        server.faults.add(Fault("status", SEARCH, status=200, body='{"error": "Invalid searchType"}'))
        with pytest.raises(UnexpectedBody, match="Invalid searchType"):
            site.search(QUERY, NOW)

    def test_an_empty_body_is_an_error(self, server: MamServer, site: MamSite) -> None:
        """Nothing at all, with status 200, is no page of results."""
        server.faults.add(Fault("empty", SEARCH))
        with pytest.raises(UnexpectedBody, match="empty body"):
            site.search(QUERY, NOW)


class TestDownload:
    def test_brings_the_file(self, server: MamServer, site: MamSite) -> None:
        """The bytes are the torrent's."""
        assert info_hash_of(site.torrent_file(1001)) == server.world.info_hash(1001)

    def test_a_wedge_is_asked_for_in_one_request(self, server: MamServer, site: MamSite) -> None:
        """`fl=1`, only where it is wanted, and never again where the answer is cut short."""
        site.torrent_file(1001)
        server.faults.add(Fault("cut", DOWNLOAD, happens=True))
        with pytest.raises(SiteUnavailable):
            site.torrent_file(1001, wedge=True)
        assert [one.query for one in server.requests if one.endpoint == DOWNLOAD] == [
            {"tid": ["1001"]},
            {"tid": ["1001"], "fl": ["1"]},
        ]
        assert server.account.wedges == 2

    def test_a_torrent_that_is_gone_concerns_that_torrent(self, site: MamSite) -> None:
        """A 404 is about one item, so the run goes on."""
        with pytest.raises(NotATorrent, match="4242") as raised:
            site.torrent_file(4242)
        assert isinstance(raised.value, ItemError)

    def test_a_freeze_says_how_long(self, server: MamServer, site: MamSite) -> None:
        """Past the unsatisfied limit the site tells when downloads go on."""
        server.account.unsat_count = 100
        with pytest.raises(DownloadFrozen) as raised:
            site.torrent_file(1001)
        assert raised.value.seconds == 26 * 3600 + 4 * 60 + 2

    def test_words_instead_of_a_file_concern_that_torrent(self, server: MamServer, site: MamSite) -> None:
        """Something else than a torrent file is an item's failure."""
        server.faults.add(Fault("status", DOWNLOAD, status=200, body="d8:announce"))
        with pytest.raises(NotATorrent):
            site.torrent_file(1001)

    @pytest.mark.parametrize(
        ("kind", "error"),
        [("login_page", SessionInvalid), ("maintenance", SiteUnavailable), ("empty", UnexpectedBody)],
    )
    def test_a_page_instead_of_a_file_concerns_the_site(
        self, server: MamServer, site: MamSite, kind: Kind, error: type[AdapterError]
    ) -> None:
        """A page for people means that the next download fails too."""
        server.faults.add(Fault(kind, DOWNLOAD))
        with pytest.raises(error):
            site.torrent_file(1001)

    def test_an_unknown_host_is_named(self, server: MamServer, site: MamSite) -> None:
        """A page that says so means the address, not the site's health."""
        page = "<html><body>Unrecognized host/PassKey. (192.0.2.7)</body></html>"
        server.faults.add(Fault("status", DOWNLOAD, status=200, body=page))
        with pytest.raises(AddressNotAllowed):
            site.torrent_file(1001)


class TestPurchase:
    def test_success_tells_the_balance(self, server: MamServer, site: MamSite) -> None:
        """A purchase that went well says what is left."""
        reply = site.buy(BUY)
        assert (reply.success, reply.bonus_points) == (True, 35_000)
        assert server.requests[0].query["spendtype"] == ["upload"]
        assert server.requests[0].query["amount"] == ["50"]

    def test_vip_is_bought_by_its_duration(self, server: MamServer, site: MamSite) -> None:
        """VIP has weeks where upload credit has an amount."""
        assert site.buy(BuyVip(weeks=4, cost_bp=5000)).success is True
        assert server.requests[0].query["duration"] == ["4"]

    def test_a_refusal_is_a_reply(self, server: MamServer, site: MamSite) -> None:
        """The shop's no comes with status 200 and its reason."""
        server.account.seedbonus = 10
        reply = site.buy(BUY)
        assert reply.success is False
        assert reply.error == "Not enough bonus, s1"

    @pytest.mark.parametrize(
        "kind", ["status", "maintenance", "empty", "wrong_type", "truncated", "cut_body", "hang", "cut"]
    )
    @pytest.mark.parametrize("happens", [True, False])
    def test_a_lost_reply_leaves_it_uncertain(
        self, server: MamServer, site: MamSite, kind: Kind, happens: bool
    ) -> None:
        """Where the answer does not tell, nobody claims to know, and nothing is sent twice."""
        server.faults.add(Fault(kind, SHOP, seconds=2, happens=happens))
        with pytest.raises(PurchaseUncertain, match="Nothing more is bought"):
            site.buy(BUY)
        assert server.count(SHOP) == 1

    def test_an_answer_without_a_verdict_is_uncertain(self, server: MamServer, site: MamSite) -> None:
        """JSON that does not say success is not taken for one."""
        server.faults.add(Fault("status", SHOP, status=200, body='{"seedbonus": 5}'))
        with pytest.raises(PurchaseUncertain, match="does not say"):
            site.buy(BUY)

    def test_a_flood_of_requests_is_named(self, server: MamServer, site: MamSite) -> None:
        """Status 429 on a read is its own error, with advice."""
        server.faults.add(Fault("status", PROFILE, times=None, status=429))
        with pytest.raises(RateLimited, match="request_spacing"):
            site.profile()


class TestTraffic:
    """Requests are counted by endpoint and result, retries included; the session's lifetime is what the site says."""

    @pytest.fixture
    def site(self, server: MamServer, store: CookieStore) -> Iterator[MamSite]:
        opened = MamSite(MamSession(server.url, store, QUICK, lambda _: None))
        yield opened
        opened.close()

    def test_every_request_is_counted(self, server: MamServer, site: MamSite) -> None:
        """As many as the site has seen, each under its own endpoint."""
        for ask in ASKS.values():
            ask(site)
        site.profile()
        assert site.session.traffic.requests == {
            ("site", "profile", Result.OK): 2,
            ("site", "search", Result.OK): 1,
            ("site", "download", Result.OK): 1,
            ("site", "buy", Result.OK): 1,
        }
        assert {endpoint.name.lower() for endpoint in Endpoint} == set(ENDPOINTS["site"])

    @pytest.mark.parametrize(
        ("fault", "result", "tries"),
        [
            (Fault("status", PROFILE, status=403, body="Invalid/missing cookie", times=None), Result.REFUSED, 1),
            (Fault("status", PROFILE, status=500, times=None), Result.FAILED, 3),
            (Fault("status", PROFILE, status=429, times=None), Result.FAILED, 3),
            (Fault("maintenance", PROFILE, times=None), Result.FAILED, 3),
            (Fault("cut", PROFILE, times=None), Result.NO_ANSWER, 3),
            (Fault("hang", PROFILE, times=None), Result.NO_ANSWER, 3),
        ],
        ids=lambda value: getattr(value, "kind", None),
    )
    def test_trouble_is_counted_as_what_it_is(
        self, server: MamServer, site: MamSite, fault: Fault, result: Result, tries: int
    ) -> None:
        """Each try counts; a refusal, an error and silence are told apart."""
        server.faults.add(fault)
        with pytest.raises(AdapterError):
            site.profile()
        assert site.session.traffic.requests == {("site", "profile", result): tries}

    def test_the_lifetime_is_what_the_site_says_with_the_cookie(self, server: MamServer, site: MamSite) -> None:
        """Fifteen days, unless it is used again; unknown before the first answer."""
        assert site.session.traffic.session_seconds is None
        site.profile()
        assert site.session.traffic.session_seconds == 15 * 24 * 3600


class TestAddress:
    def test_where_the_site_sees_us_is_asked_without_the_cookie(self, server: MamServer, site: MamSite) -> None:
        """Anybody may ask, so the session has no part in it, and its answer proves no cookie right."""
        assert site.address() == keep_ip(server.world.egress.ip)
        (asked,) = server.requests
        assert (asked.endpoint, asked.cookie) == (WHERE, Verdict.NONE)

    def test_registering_is_told_apart_from_no_change(self, server: MamServer, site: MamSite) -> None:
        assert site.register_address() is True
        assert site.register_address() is False
        assert server.world.registered_ip == server.world.egress.ip

    def test_a_cookie_renewed_by_the_tracker_s_host_is_kept(
        self, server: MamServer, site: MamSite, store: CookieStore
    ) -> None:
        site.register_address()
        assert stored(store) == server.cookie

    def test_a_session_that_may_not_register_is_told(self, server: MamServer, site: MamSite) -> None:
        server.session.may_register = False
        with pytest.raises(WrongSessionType):
            site.register_address()
        assert server.count(SEEDBOX) == 1

    def test_both_go_to_the_tracker_s_host(self, server: MamServer, store: CookieStore) -> None:
        session = MamSession("http://127.0.0.1:9", store, QUICK, lambda _: None, tracker_url=server.url)
        assert MamSite(session).address()
        assert MamSite(session).register_address() is True

    @pytest.mark.parametrize("body", ["{}", '{"ip": ""}', '{"ip": {}}', "[]", "gone"])
    def test_an_answer_without_an_address_is_none(self, server: MamServer, site: MamSite, body: str) -> None:
        server.faults.add(Fault("status", WHERE, status=200, body=body, times=None))
        with pytest.raises(UnexpectedBody):
            site.address()


class TestSeedTimes:
    """The account's list of torrents, which the API documentation does not name."""

    def test_it_is_asked_for_by_the_account_s_own_number(self, server: MamServer, site: MamSite) -> None:
        """The number is that of the profile, read for it if need be; what is satisfied is not in the list."""
        site.torrent_file(1001)
        assert site.seed_times() == {1001: 0}
        asked = [one.query for one in server.requests if one.endpoint == LIST]
        assert asked == [{"uid": ["123456"], "iteration": [str(page)], "type": ["unsat"]} for page in range(2)]
        assert server.count(PROFILE) == 1
        server.world.seeded[1001] = 72 * 3600
        assert site.seed_times() == {}
        assert server.count(PROFILE) == 1

    def test_the_number_is_told_nobody(self, server: MamServer, site: MamSite) -> None:
        """Neither by the adapter, nor by an error about the request, nor by what is recorded."""
        site.tape = Tape()
        server.world.seeded = {1001: 5}
        site.seed_times()
        server.faults.add(Fault("status", LIST, status=500))
        with pytest.raises(SiteUnavailable) as raised:
            site.seed_times()
        assert "123456" not in f"{site!r} {raised.value} {site.tape.profile} {site.tape.seed_times}"
        assert site.tape.seed_times == {"1001": 5}

    @pytest.mark.parametrize("count", [250, 251, 999])
    def test_every_page_is_read(self, server: MamServer, site: MamSite, count: int) -> None:
        """Until one brings nothing new."""
        owing(server, count)
        assert site.seed_times() == {number: 60 + number for number in range(count)}

    def test_there_is_an_end_to_pages(self, server: MamServer, site: MamSite) -> None:
        """Whatever the site has."""
        owing(server, 2000)
        assert len(site.seed_times()) == 1000
        assert server.count(LIST) == 4

    def test_a_page_that_comes_again_is_the_last(self, server: MamServer, site: MamSite) -> None:
        """Some have seen the whole list, whichever page was asked for."""
        owing(server, 3)
        server.world.quirks.one_page = True
        assert len(site.seed_times()) == 3
        assert server.count(LIST) == 2

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ("", UnexpectedBody),
            ("<html>gone</html>", SiteMaintenance),
            ("[]", UnexpectedBody),
            ("{}", SchemaChanged),
            ('{"success": false, "rows": []}', SchemaChanged),
            ('{"success": true, "rows": [{"id": "1001", "seed_time": "60"}]}', SchemaChanged),
        ],
    )
    def test_another_answer_has_a_name(
        self, server: MamServer, site: MamSite, body: str, error: type[AdapterError]
    ) -> None:
        """None of them is an empty list, and none is asked for again."""
        server.faults.add(Fault("status", LIST, status=200, body=body, times=None))
        with pytest.raises(error, match=LIST):
            site.seed_times()
        assert server.count(LIST) == 1

    def test_a_profile_without_a_number_asks_nothing(self, server: MamServer, site: MamSite) -> None:
        server.faults.add(Fault("status", PROFILE, status=200, body='{"username": "x", "seedbonus": 5}'))
        with pytest.raises(SchemaChanged, match="no uid"):
            site.seed_times()
        assert server.count(LIST) == 0

    def test_a_refusal_of_the_page_says_nothing_about_the_account(self, server: MamServer, tmp_path: Path) -> None:
        """It is none of those that are remembered: with a new cookie it would look like a disabled account."""
        store = CookieStore(tmp_path / "mam_id", Secret(server.cookie))
        refusals = Refusals(tmp_path / "refused.json", "a secret")
        site = MamSite(MamSession(server.url, store, QUICK, lambda _: None, refusals))
        server.faults.add(Fault("status", LIST, status=403, body="Error, you are not signed in", times=None))
        with pytest.raises(SessionInvalid):
            site.seed_times()
        assert not refusals.path.exists()


def owing(server: MamServer, count: int) -> None:
    """Let the account owe seed time for so many torrents."""
    server.catalogue[:] = [CatalogueTorrent(id=number) for number in range(count)]
    server.world.seeded = {number: 60 + number for number in range(count)}
