"""What is kept of a service's body decides as the whole body does, and holds none of its secrets."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import event, example, given
from hypothesis import strategies as st

from harvestmouse.core.guarantees import g12
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import LedgerEntry
from harvestmouse.core.policy import SEED
from harvestmouse.core.units import DAY
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.mam import parse_profile, parse_search
from harvestmouse.core.wire.plan import dump, unparse_plan
from harvestmouse.core.wire.qbittorrent import parse_connection, parse_messages, parse_preferences, parse_torrents
from harvestmouse.core.wire.redact import (
    keep_ledger,
    keep_preferences,
    keep_profile,
    keep_search,
    keep_torrent,
    keep_trackers,
    keep_transfer,
    masked,
)
from tests.property import strategies as my
from tests.property.test_secrecy_laws import planted, secret_words
from tests.support.builders import NOW

KEEPERS = (keep_preferences, keep_profile, keep_search, keep_torrent, keep_trackers, keep_transfer)
any_rows = st.lists(
    st.one_of(my.json_values, my.raw_listings().map(lambda part: (part["torrents"] or [{}])[0])), max_size=4
)


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot document as a recording has it."""
    mam, client = document["mam"], document["qbittorrent"]
    return {
        **document,
        "mam": {"profile": keep_profile(mam["profile"]), "searches": [keep_search(one) for one in mam["searches"]]},
        "qbittorrent": {
            **client,
            "torrents": [keep_torrent(row) for row in client["torrents"]],
            "trackers": {key: keep_trackers(rows) for key, rows in client["trackers"].items()},
            "preferences": keep_preferences(client["preferences"]),
            "transfer": keep_transfer(client.get("transfer")),
        },
    }


class TestKept:
    @given(my.raw_snapshots())
    def test_every_job_plans_as_from_the_whole_document(self, document: dict[str, Any]) -> None:
        """To the byte, advice and the names of unreadable rows included."""
        whole, part = parse_snapshot(document), parse_snapshot(kept(document))
        for job, decide in JOBS.items():
            plan = decide(whole, SEED)
            event(f"{job}: {'acts' if plan.actions else 'rests'}")
            assert dump(unparse_plan(plan)) == dump(unparse_plan(decide(part, SEED)))

    @given(my.raw_snapshots(), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3 * DAY), st.booleans())))
    def test_every_job_plans_as_from_the_whole_ledger(
        self, document: dict[str, Any], odd: list[tuple[int, int, bool]]
    ) -> None:
        """However many entries it has of what nobody offers or holds any more."""
        snapshot = parse_snapshot(document)
        unknown = [
            LedgerEntry(id=900_000 + number, at=snapshot.taken_at - age, outcome="grabbed" if ended else "adding")
            for number, age, ended in odd
        ]
        whole = evolve(snapshot, ledger=(*(snapshot.ledger or ()), *unknown))
        part = evolve(whole, ledger=keep_ledger(whole))
        event(f"fewer: {len(part.ledger or ()) < len(whole.ledger or ())}")
        for decide in JOBS.values():
            assert dump(unparse_plan(decide(whole, SEED))) == dump(unparse_plan(decide(part, SEED)))

    @given(any_rows)
    @example([{"hash": "f" * 40, "tracker": "", "magnet_uri": "magnet:?xt=x&tr=http%3A%2F%2Fa.example%2Fkey&dn=y"}])
    @example([{"hash": "f" * 40, "tracker": "not an address", "magnet_uri": "magnet:?&tr=http%3A%2F%2Fa.example"}])
    @example([{"hash": "f" * 40, "tags": ["keep", {}]}])
    @example(
        [{"hash": "f" * 40, "trackers": {}}, {"hash": "e" * 40, "trackers": [{"url": "http://[::1", "msg": "no"}]}]
    )
    def test_torrents_read_alike(self, rows: list[object]) -> None:
        """Whatever a row holds; a fact that cannot be read in the one cannot in the other."""
        assert parse_torrents([keep_torrent(row) for row in rows]) == parse_torrents(rows)

    @given(my.json_values)
    def test_other_bodies_read_alike(self, body: object) -> None:
        """The profile, a page of results, preferences, the connection and tracker messages."""
        assert parse_profile(keep_profile(body)) == parse_profile(body)
        assert parse_search(keep_search(body), NOW) == parse_search(body, NOW)
        assert parse_preferences(keep_preferences(body)) == parse_preferences(body)
        assert parse_connection(keep_transfer(body)) == parse_connection(body)
        if isinstance(body, list):
            rows = keep_trackers(body)
            assert isinstance(rows, list)
            assert parse_messages(rows) == parse_messages(body)

    @given(my.json_values, st.sampled_from(KEEPERS))
    def test_keeping_what_was_kept_changes_nothing(self, body: object, keep: Any) -> None:
        """So a recording can be recorded again."""
        assert repr(keep(keep(body))) == repr(keep(body))

    @given(my.raw_snapshots(), secret_words)
    def test_no_secret_is_kept(self, document: dict[str, Any], words: list[str]) -> None:
        """Planted wherever a service puts one."""
        text = json.dumps(kept(planted(document, words)))
        assert list(g12(text, words)) == []


class TestMasked:
    @given(st.ip_addresses())
    def test_addresses_are_hidden(self, address: object) -> None:
        """Of both families."""
        assert str(address) not in masked(f"Unrecognized host/PassKey. ({address}) See the page")

    @given(st.text("0123456789abcdef", min_size=32, max_size=32))
    def test_passkeys_are_hidden_and_stay_apart(self, passkey: str) -> None:
        """The same is always the same."""
        if any(letter.isdigit() for letter in passkey):
            assert passkey not in masked(f"key {passkey} is unknown")
            assert masked(f"key {passkey}") == masked(f"key {passkey}") != masked(f"key {passkey[::-1]}0")

    @pytest.mark.parametrize(
        "text",
        [
            "unregistered torrent",
            "User currently mouse rank, you need to get your ratio up!",
            "torrent not registered with this tracker",
            "Not Found",
            "skipping tracker announce (unreachable)",
            "HTTP response code was 503",
            "std::exception at 10:20:30",
        ],
    )
    def test_what_trackers_say_stays_as_it_is(self, text: str) -> None:
        """Nothing in it looks like a secret."""
        assert masked(text) == text
