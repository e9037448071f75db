"""The site's bodies, with every quirk that was seen in them."""

from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.model import AccountClass, Malformed, Profile, SearchPage, SearchResult
from harvestmouse.core.wire import parse_freeze, parse_profile, parse_purchase, parse_search
from harvestmouse.core.wire.mam import parse_result, parse_seed_times
from tests.support.builders import DAY, GIB, NOW, raw_block, raw_profile, raw_result, raw_search

REFUSAL = "Attempted to Download Past Unsatisfied limit."


def read(**changes: object) -> Profile:
    """Return the profile read from a body with these changes."""
    parsed = parse_profile(raw_profile(**changes))
    assert parsed is not None
    return parsed


def row(**changes: Any) -> SearchResult:
    """Return the result read from a row with these changes."""
    parsed = parse_result(raw_result(**changes), NOW)
    assert isinstance(parsed, SearchResult)
    return parsed


class TestProfile:
    """`jsonLoad.php`: both shapes, and types that vary."""

    def test_the_present_shape_nests_the_breakdown(self) -> None:
        """Blocks stand under `snatch_summary` since September 2026."""
        assert read() == Profile(
            account_class=AccountClass.VIP,
            class_name="VIP",
            uploaded_bytes=10 * GIB,
            downloaded_bytes=GIB,
            bonus_points=5000.0,
            vip_until=4070908800,
            vip_unreadable=False,
            unsat_count=2,
            unsat_limit=150,
            hit_and_run_count=0,
            wedges=1,
        )

    @pytest.mark.parametrize(("balance", "wedges"), [(0, 0), ("7", 7), (None, None), (-1, None), ("many", None)])
    def test_the_balance_of_wedges_is_a_count(self, balance: object, wedges: int | None) -> None:
        """What cannot be read is unknown, not none."""
        assert read(wedges=balance).wedges == wedges

    def test_the_old_shape_has_the_breakdown_at_the_top(self) -> None:
        """The same blocks, with `red` in each."""
        blocks: dict[str, object] = raw_profile()["snatch_summary"]
        old = {**raw_profile(), **{name: {**raw_block(0), **dict(body), "red": False} for name, body in _items(blocks)}}
        del old["snatch_summary"]
        assert parse_profile(old) == read()

    def test_without_a_breakdown_the_unsatisfied_figures_are_unknown(self) -> None:
        """The flag was not asked for."""
        bare = raw_profile()
        del bare["snatch_summary"]
        parsed = parse_profile(bare)
        assert parsed is not None
        assert (parsed.unsat_count, parsed.unsat_limit, parsed.hit_and_run_count) == (None, None, None)

    @pytest.mark.parametrize("ratio", ["∞", "Inf.", 0, 26.7, "10.0", None, "---"])
    def test_the_site_s_own_ratio_is_not_looked_at(self, ratio: object) -> None:
        """It is rounded, and a symbol where nothing was downloaded."""
        assert read(ratio=ratio).ratio == 10.0

    def test_with_nothing_downloaded_the_ratio_is_infinite(self) -> None:
        """From the byte counts."""
        assert read(ratio="∞", downloaded_bytes=0).ratio == float("inf")

    @pytest.mark.parametrize(
        ("name", "account_class"),
        [
            ("Mouse", AccountClass.MOUSE),
            ("User", AccountClass.USER),
            ("Power User", AccountClass.POWER_USER),
            ("VIP", AccountClass.VIP),
            ("Elite VIP", AccountClass.ELITE_VIP),
            ("  elite vip ", AccountClass.ELITE_VIP),
            ("Vole", None),
            ("Mouseketeer", None),
            ("Mous", None),
            ("", None),
            (None, None),
            (5, None),
        ],
    )
    def test_a_class_is_trimmed_and_known_or_unknown(self, name: object, account_class: AccountClass | None) -> None:
        """No other rung is guessed, least of all the lowest."""
        assert read(classname=name).account_class is account_class

    def test_an_unknown_class_keeps_its_name(self) -> None:
        """The operator sees what the site said."""
        assert read(classname=" Supporter ").class_name == "Supporter"

    @pytest.mark.parametrize(
        ("points", "expected"),
        [(5000, 5000.0), (26512.091, 26512.091), ("1,234", 1234.0), (None, None), ("lots", None)],
    )
    def test_points_are_a_number_or_unknown(self, points: object, expected: float | None) -> None:
        """Whole in the profile, with decimals after a purchase."""
        assert read(seedbonus=points).bonus_points == expected

    @pytest.mark.parametrize("uploaded", [-1, None, "10.00 GiB", "10 GiB", 1.5, True])
    def test_upload_is_the_byte_count_or_unknown(self, uploaded: object) -> None:
        """The pretty string is for display."""
        assert read(uploaded_bytes=uploaded).uploaded_bytes is None

    @pytest.mark.parametrize("until", [None, "", 0.5, "never"])
    def test_without_vip_there_is_no_end_of_it(self, until: object) -> None:
        """Null or absent."""
        assert read(vip_until=until).vip_until is None

    @pytest.mark.parametrize(
        ("until", "unreadable"),
        [
            (None, None),
            ("", None),
            (0, None),
            ("2099-01-01 00:00:00", False),
            ("never", True),
            (0.5, True),
            ([5], True),
        ],
    )
    def test_an_end_of_vip_that_cannot_be_read_is_told(self, until: object, *, unreadable: bool | None) -> None:
        """Buying VIP on it could be too much."""
        assert read(vip_until=until).vip_unreadable is unreadable

    @pytest.mark.parametrize(
        ("seeding", "gone", "expected"),
        [(0, 0, 0), (1, 2, 3), ("1", "2", 3), (None, 0, None), (None, 2, 2), (3, None, 3)],
    )
    def test_hit_and_runs_are_both_blocks_together(self, seeding: object, gone: object, expected: int | None) -> None:
        """One block that shows some is enough to know of them."""
        summary = {"seedHnr": raw_block(seeding), "inactHnr": raw_block(gone)}
        assert read(snatch_summary=summary).hit_and_run_count == expected

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            "Error, you are not signed in <br />Invalid/missing cookie",
            {},
            {"username": ""},
            {"username": None, "classname": "VIP"},
            {"error": "not signed in"},
        ],
    )
    def test_a_body_without_a_user_name_is_no_profile(self, body: object) -> None:
        """Whatever the status was."""
        assert parse_profile(body) is None

    def test_numeric_user_names_and_text_uids_are_no_trouble(self) -> None:
        """Neither is kept."""
        assert parse_profile(raw_profile(username=1984, uid="123456")) == read()


def _items(blocks: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(blocks.items())


class TestSearch:
    """`loadSearchJSONbasic.php`: pages, the words past the last result, and bodies that are none."""

    def test_a_page_has_its_rows_and_the_number_found(self) -> None:
        """`total` grows with paging and means nothing here."""
        page = parse_search(raw_search(raw_result(), found=1323, total=20), NOW)
        assert page == SearchPage(results=(row(),), found=1323)

    @pytest.mark.parametrize(("keys", "found"), [({"found": "1,323"}, 1323), ({"found": None}, None)])
    def test_found_may_be_text_or_missing(self, keys: dict[str, object], found: int | None) -> None:
        """Thousands may be separated."""
        page = parse_search(raw_search(**keys), NOW)
        assert page is not None
        assert page.found == found

    def test_found_has_another_name_in_the_documentation(self) -> None:
        """`total_found` counts where `found` is absent."""
        body = raw_search(total_found=7)
        del body["found"]
        page = parse_search(body, NOW)
        assert page is not None
        assert page.found == 7

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Nothing returned, out of 0", 0),
            ("Nothing returned, out of 1,323", 1323),
            ("nothing returned", 0),
            (" Nothing Returned, out of N", 0),
            ("NOTHING RETURNED, OUT OF 5", 5),
        ],
    )
    def test_past_the_last_result_is_an_empty_page(self, text: str, found: int) -> None:
        """The prefix counts, whatever stands behind it."""
        assert parse_search({"error": text}, NOW) == SearchPage(found=found)

    @pytest.mark.parametrize(
        "body",
        [None, "", "Error: x", [], {}, {"error": "Access denied"}, {"message": "no"}, {"data": None}, {"data": {}}],
    )
    def test_any_other_body_is_no_page(self, body: object) -> None:
        """It is not an empty page."""
        assert parse_search(body, NOW) is None

    def test_a_page_s_rows_are_read_as_of_now(self) -> None:
        """A time as VIP that is over is over on every page."""
        page = parse_search(raw_search(raw_result(free=0, vip=1, fl_vip=0, vip_expire=NOW)), NOW)
        assert page is not None
        assert page.results[0].vip is False

    def test_rows_without_an_id_are_told_apart_by_their_content(self) -> None:
        """So that none of them hides another."""
        page = parse_search(raw_search({}, {"title": "Another"}, "a word", "another"), NOW)
        assert page is not None
        subjects = {one.subject for one in page.malformed}
        assert len(subjects) == 4
        assert all(subject.startswith("row:") for subject in subjects)

    def test_one_malformed_row_does_not_spoil_the_page(self) -> None:
        """It is kept apart with its problem (incident I7)."""
        page = parse_search(raw_search(raw_result(1, size="huge"), raw_result(2), "a word"), NOW)
        assert page is not None
        assert [one.id for one in page.results] == [2]
        assert [one.problem for one in page.malformed] == ["cannot read size", "the row is no JSON object"]
        assert page.malformed[0].subject == "1"
        assert page.row_count == 3


class TestRow:
    """A row of a search page: every type seen, every fact that may be missing."""

    @pytest.mark.parametrize("flag", [1, "1", True, "true", 1.0])
    @pytest.mark.parametrize("name", ["free", "vip", "fl_vip", "personal_freeleech"])
    def test_a_flag_may_be_set_in_any_spelling(self, name: str, flag: object) -> None:
        """0 and 1 as number, as text, or as a boolean."""
        unset: dict[str, object] = {"free": 0, "vip": 0, "fl_vip": 0, "personal_freeleech": 0}
        assert getattr(row(**(unset | {name: flag})), name) is True

    @pytest.mark.parametrize("flag", [0, "0", False, None, "", 2, "maybe"])
    def test_anything_else_does_not_make_a_result_free(self, flag: object) -> None:
        """An unreadable flag is no freebie."""
        assert row(free=flag, vip=flag, fl_vip=flag, personal_freeleech=flag).is_free_for(AccountClass.VIP) is False

    @pytest.mark.parametrize(
        ("flags", "takes"),
        [
            ({}, True),
            ({"free": "0", "vip": False, "fl_vip": 0, "personal_freeleech": "0"}, True),
            *(({name: 1}, False) for name in ("free", "vip", "fl_vip", "personal_freeleech")),
            *(({name: None}, False) for name in ("free", "vip", "fl_vip", "personal_freeleech")),
            ({"vip": 1, "vip_expire": NOW - 1}, False),
        ],
    )
    def test_a_wedge_is_for_what_every_flag_says_is_not_free(self, flags: dict[str, object], takes: bool) -> None:
        """A flag that is missing may be on, and one that has just run out too."""
        assert row(**({"free": 0, "fl_vip": 0} | flags)).takes_wedge is takes

    @pytest.mark.parametrize(("flag", "snatched"), [(0, False), ("0", False), (1, True), ("1", True), (True, True)])
    def test_snatched_is_read_like_the_others(self, flag: object, *, snatched: bool) -> None:
        """The site's own word on duplicates."""
        assert row(my_snatched=flag).snatched is snatched

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"title": 1984}, ("title", "1984")),
            ({"id": "77"}, ("id", 77)),
            ({"size": "1,002.9 MiB"}, ("size_bytes", 1051616870)),
            ({"size": "1024"}, ("size_bytes", 1024)),
            ({"size": 1024}, ("size_bytes", 1024)),
            ({"seeders": "1,204"}, ("seeders", 1204)),
            ({"leechers": "7"}, ("leechers", 7)),
        ],
    )
    def test_numbers_may_be_text_and_text_a_number(
        self, facts: dict[str, object], expected: tuple[str, object]
    ) -> None:
        """As the site sends them."""
        name, value = expected
        assert getattr(row(**facts), name) == value

    def test_the_title_has_another_name_in_the_documentation(self) -> None:
        """`name` counts where `title` is absent."""
        body = raw_result(name="It")
        del body["title"]
        parsed = parse_result(body, NOW)
        assert isinstance(parsed, SearchResult)
        assert parsed.title == "It"

    @pytest.mark.parametrize("text", ["", None, "{not json", "[]", 5, {"8234": "Name"}, "[" * 5000])
    def test_json_in_text_that_cannot_be_read_costs_nothing(self, text: object) -> None:
        """A malformed author is no author."""
        one = row(author_info=text, narrator_info=text, series_info=text, mediainfo=text)
        assert evolve(one, authors=()) == evolve(row(), authors=())

    def test_authors_are_json_in_text(self) -> None:
        """For people; nothing is decided by them."""
        assert row(author_info='{"8234": "Somebody"}').authors == ("Somebody",)
        assert row(author_info="{not json").authors == ()

    @pytest.mark.parametrize(
        ("expires", "free"),
        [
            (0, True),
            ("0", True),
            (None, False),
            ("", False),
            ("soon", False),
            (NOW + 1, True),
            (NOW, False),
            (NOW - 1, False),
            (str(NOW), False),
            (1, False),
        ],
    )
    def test_a_torrent_s_time_as_vip_may_end(self, expires: object, *, free: bool) -> None:
        """0 is for ever; at its end the torrent costs again, and one that nobody tells may be past."""
        one = row(free=0, vip=1, fl_vip=1, vip_expire=expires)
        assert one.is_free_for(AccountClass.VIP) is free

    def test_freeleech_outlives_the_time_as_vip(self) -> None:
        """The flag `free` stands on its own."""
        assert row(free=1, vip=1, vip_expire=NOW - DAY).is_free_for(AccountClass.USER) is True

    @pytest.mark.parametrize("name", ["id", "title", "size", "seeders", "leechers", "my_snatched"])
    def test_a_missing_fact_makes_the_row_malformed(self, name: str) -> None:
        """It would hold any pick, and the problem names it."""
        body = raw_result()
        del body[name]
        parsed = parse_result(body, NOW)
        assert isinstance(parsed, Malformed)
        assert parsed.problem == f"cannot read {name}"
        assert (parsed.subject == "1001") is (name != "id")

    def test_every_missing_fact_is_named(self) -> None:
        """One message for all."""
        parsed = parse_result(raw_result(size="∞", seeders=-1), NOW)
        assert isinstance(parsed, Malformed)
        assert parsed.problem == "cannot read size, seeders"


class TestPurchase:
    """`bonusBuy.php`: refusals come with HTTP 200."""

    @pytest.mark.parametrize(
        ("body", "success"),
        [
            ({"success": True, "seedbonus": 26512.091}, True),
            ({"success": False, "error": "Insufficient funds"}, False),
            ({"error": "Not enough bonus, s1", "success": False}, False),
            ({"success": "true"}, None),
            ({"success": 1}, None),
            ({}, None),
            (None, None),
            ("", None),
        ],
    )
    def test_only_success_true_is_a_success(self, body: object, *, success: bool | None) -> None:
        """What cannot be read is neither success nor refusal."""
        assert parse_purchase(body).success is success

    def test_balance_and_error_are_kept(self) -> None:
        """The balance has decimals, and the error is the site's own text."""
        assert parse_purchase({"success": True, "seedbonus": 26512.091}).bonus_points == 26512.091
        assert parse_purchase({"success": False, "error": "Insufficient funds"}).error == "Insufficient funds"


class TestFreeze:
    """A download refused over the unsatisfied limit says for how long."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            (
                f"{REFUSAL} Happened: 2026-10-05 15:53:57 Time Till Download Allowed: 1d 02:04:02",
                DAY + 7442,
            ),
            ("past unsatisfied limit. time till download allowed: 02:04:02", 7442),
            ("past unsatisfied limit. time till download allowed: 0:00:01", 1),
            (REFUSAL, DAY),
            ("past unsatisfied limit. Time Till Download Allowed: soon", DAY),
            ("past unsatisfied limit. Time Till Download Allowed: 7d 00:00:00", 7 * DAY),
            ("past unsatisfied limit. Time Till Download Allowed: 99d 00:00:00", 7 * DAY),
            ("Time Till Download Allowed: 1d 02:04:02", None),
            ("", None),
        ],
    )
    def test_the_span_is_read_with_a_default_and_a_cap(self, text: str, seconds: int | None) -> None:
        """A day where none is told, a week at most, and nothing where the text is no such refusal."""
        assert parse_freeze(text) == seconds


class TestSeedTimes:
    """`loadUserDetailsTorrents.php`: what the site has counted, in seconds by its ids."""

    def test_numbers_come_as_text(self) -> None:
        """Or as numbers; what else a row has is not read."""
        rows = [{"id": "7", "seedtime": "259199", "STG": "00:00:01", "title": "A Book"}, {"id": 8, "seedtime": 0}]
        assert parse_seed_times({"success": True, "rows": rows}) == {7: 259_199, 8: 0}

    def test_no_rows_are_no_torrents(self) -> None:
        """Nothing is unsatisfied; whether the site says that this is a success does not matter."""
        assert parse_seed_times({"rows": []}) == {}

    @pytest.mark.parametrize(
        "row",
        [{"id": "8"}, {"seedtime": "5"}, {"id": "8", "seedtime": "3d 00:00:00"}, {"id": 8, "seedtime": -1}, 8, None],
    )
    def test_a_row_that_cannot_be_read_is_unknown(self, row: object) -> None:
        """It harms no other; alone it makes the list one that cannot be read, not an empty one."""
        assert parse_seed_times({"rows": [{"id": "7", "seedtime": "60"}, row]}) == {7: 60}
        assert parse_seed_times({"rows": [row]}) is None

    @pytest.mark.parametrize("success", [False, "false", 0])
    def test_what_is_no_success_is_no_list(self, success: object) -> None:
        """Even with rows."""
        assert parse_seed_times({"success": success, "rows": [{"id": "7", "seedtime": "60"}]}) is None

    @pytest.mark.parametrize("body", [None, [], "gone", {}, {"success": True}, {"rows": None}, {"rows": {"7": 60}}])
    def test_another_shape_is_no_list(self, body: object) -> None:
        """Nor is it an empty one."""
        assert parse_seed_times(body) is None
