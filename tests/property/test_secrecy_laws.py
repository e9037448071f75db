"""No secret gets out: planted wherever a service puts one, none is in what a run says or writes."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import event, given
from hypothesis import strategies as st

from harvestmouse.adapters.bencode import info_hash
from harvestmouse.adapters.mam.classify import read_json, refusal
from harvestmouse.core.errors import HarvestmouseError
from harvestmouse.core.guarantees import Violation, g12
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from harvestmouse.core.wire import parse_snapshot
from harvestmouse.core.wire.plan import dump, parse_plan
from harvestmouse.runners.config import Given, load
from harvestmouse.runners.measure import Ending, measure
from harvestmouse.runners.report import Outcome, Report, Status
from harvestmouse.runners.words import announce_plan, announce_report, describe
from tests.property import strategies as my
from tests.support.builders import raw_result, raw_search, raw_snapshot, raw_torrent, raw_tracker

# What cookies, passkeys and names are made of, and what an address in a link has to quote.
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_%+=!~"
# Hypothesis draws words of the program now and then; the beginning makes these none of them.
secret_word = st.text(_LETTERS, min_size=12, max_size=40).map(lambda text: f"xQ7{text}")
secret_words = st.lists(secret_word, min_size=8, max_size=8, unique=True)
NAMES = ("cookie", "passkey", "magnet passkey", "dl hash", "user name", "address", "password", "uid")


def planted(document: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """Return the document with a secret in every place where a service puts one."""
    kept = dict(zip(NAMES, words, strict=True))
    announce = f"https://t.myanonamouse.net/tracker.php/{kept['passkey']}/announce"
    magnet = "&tr=" + quote(f"https://t.myanonamouse.net/{kept['magnet passkey']}/announce", safe="")
    mam, client = document["mam"], document["qbittorrent"]
    account = {"username": kept["user name"], "uid": kept["uid"], "mam_id": kept["cookie"], "ip": kept["address"]}
    row = {"dl": kept["dl hash"], "owner_name": kept["user name"], "comment": announce}
    torrent = {"tracker": announce, "magnet_uri": f"magnet:?xt=urn:btih:0{magnet}", "comment": kept["user name"]}
    preferences = {
        "web_ui_username": kept["user name"],
        "web_ui_password_PBKDF2": kept["password"],
        "proxy_password": kept["password"],
        "current_interface_address": kept["address"],
    }
    return {
        **document,
        "mam": {
            "profile": {**mam["profile"], **account},
            "searches": [{**page, "data": [{**one, **row} for one in page["data"]]} for page in mam["searches"]],
        },
        "qbittorrent": {
            **client,
            "torrents": [{**one, **torrent} for one in client["torrents"]],
            "trackers": {key: [{**one, "url": announce} for one in rows] for key, rows in client["trackers"].items()},
            "preferences": {**client["preferences"], **preferences},
            "transfer": {**client.get("transfer", {}), "last_external_address_v4": kept["address"]},
        },
    }


def shown(words: list[str], *texts: str) -> list[Violation]:
    """Return every secret that is in one of these texts."""
    return list(g12("\n".join(texts), words))


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collect what is logged meanwhile."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("harvestmouse")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def report_of(plan: Plan, *, apply: bool) -> Report:
    """Return the report of a run in which every action was done, or of a dry run."""
    status = Status.DONE if apply else Status.NOT_ATTEMPTED
    return Report(plan=plan, apply=apply, outcomes=tuple(Outcome(action, status) for action in plan.actions))


class TestG12:
    """G12: No secret appears in a plan, log, metric, recorded snapshot or error."""

    @given(my.raw_snapshots(), secret_words, my.policies(), st.booleans())
    def test_no_plan_log_or_metric_has_a_secret(
        self, document: dict[str, Any], words: list[str], policy: Policy, apply: bool
    ) -> None:
        """Of any job: its JSON form, its sentences, its lines in the log and its samples."""
        seen = parse_snapshot(planted(document, words))
        for job, decide in JOBS.items():
            report = report_of(decide(seen, policy), apply=apply)
            event(f"{job}: {'acts' if report.plan.actions else 'rests'}")
            with logged() as lines:
                announce_plan(report.plan)
                announce_report(report)
            ending = Ending(job=job, apply=apply, exit_code=0, at=1.0, seconds=1.0, report=report, profile=seen.profile)
            samples = [
                f"{one.name} {dict(one.labels)} {one.value}" for group in measure(ending) for one in group.samples
            ]
            texts = [dump(report.unparse()), describe(report, 1000), *lines, *samples]
            assert shown(words, *texts) == []

    @given(my.raw_snapshots(), secret_words, st.data())
    def test_no_error_of_a_reader_has_a_secret(
        self, document: dict[str, Any], words: list[str], data: st.DataObject
    ) -> None:
        """Whatever part of the snapshot is of the wrong kind, and whatever the document is taken for."""
        whole = planted(document, words)
        wrong = data.draw(st.sampled_from(["mam", "qbittorrent", "ledger", "memory", "taken_at"]))
        spoilt = {**whole, wrong: [whole["mam"], whole["qbittorrent"]] if wrong != "ledger" else whole["mam"]}
        for read, body in (
            (parse_snapshot, spoilt if wrong != "taken_at" else {**whole, "taken_at": None}),
            (parse_plan, whole),
            (parse_plan, {**whole, "format": "harvestmouse-plan/1"}),
            (lambda body: info_hash(json.dumps(body).encode()), whole),
        ):
            with pytest.raises(HarvestmouseError) as caught:
                read(body)
            assert shown(words, str(caught.value), repr(caught.value)) == []

    @given(secret_word, st.sampled_from(["mam_id", "password", "api_key"]))
    def test_no_error_of_the_configuration_has_a_secret(self, word: str, name: str) -> None:
        """A value that is of the wrong kind, quoted, or copied with what stands around it."""
        section = "mam" if name == "mam_id" else "qbittorrent"
        for value in ([word], {"value": word}, f"mam_id={word}", f'"{word}"', f"{word} {word}"):
            try:
                said = repr(load({}, None, {(section, name): Given(value, "a test")}))
            except HarvestmouseError as error:
                event("refused")
                said = f"{error} {error!r}"
            assert shown([word], said) == []

    @given(secret_words)
    def test_the_predicate_finds_a_secret_in_a_plan(self, words: list[str]) -> None:
        """As it is, and as an address quotes it; an empty secret is none."""
        plan = JOBS["spend"](parse_snapshot(raw_snapshot()), SEED)
        telling = evolve(plan, advice=(f"Use {words[0]}.", quote(words[1], safe="")))
        with_secret = dump(report_of(telling, apply=False).unparse())
        assert [one.subject for one in g12(with_secret, [words[0], words[1], ""])] == ["secret 1", "secret 2"]
        assert list(g12(dump(report_of(plan, apply=False).unparse()), words)) == []


class TestQuotes:
    """Texts of services that are passed on, without what they hold."""

    WORD = "aVerySecretWord23"

    def test_a_truncated_answer_is_refused_without_the_name_in_it(self) -> None:
        """The profile begins with what the account is called; a search's rows have download hashes."""
        body = json.dumps({"uid": 1, "username": self.WORD, "classname": "VIP"})[:-2]
        with pytest.raises(HarvestmouseError) as caught:
            read_json("profile", body)
        assert shown([self.WORD], str(caught.value)) == []

    def test_a_refusal_is_quoted_without_the_address_in_it(self) -> None:
        """The operator's own, as the site has seen it."""
        error = refusal("profile", 403, "ASN mismatch for 2001:db8::beef:23")
        assert shown(["2001:db8::beef:23"], str(error)) == []

    def test_advice_quotes_a_tracker_without_the_passkey_in_its_words(self) -> None:
        """Some trackers repeat the address that they were asked at."""
        word = self.WORD.lower()
        rows = [raw_torrent(number) for number in (1, 2, 3)]
        said = raw_tracker(f"unregistered: https://t.example/{word}/announce")
        listed = {"torrents": rows, "trackers": {row["hash"]: [said] for row in rows}}
        plan = JOBS["janitor"](parse_snapshot(raw_snapshot(qbittorrent=listed)), SEED)
        assert plan.advice
        assert shown([word], *plan.advice) == []

    @pytest.mark.parametrize("key", [("qbittorrent", "url"), ("mam", "base_url")])
    def test_an_address_is_refused_without_the_password_in_it(self, key: tuple[str, str]) -> None:
        """A password may stand in an address."""
        with pytest.raises(HarvestmouseError) as caught:
            load({}, None, {key: Given(f"ftp://user:{self.WORD}@host", "a test")})
        assert shown([self.WORD], str(caught.value)) == []


def test_secrets_are_planted_in_every_part_of_a_document() -> None:
    """The laws above would hold of a document without any."""
    words = [f"{Random(number).getrandbits(64):016x}" for number in range(len(NAMES))]
    whole = raw_snapshot(
        mam={"profile": raw_snapshot()["mam"]["profile"], "searches": [raw_search(raw_result())]},
        qbittorrent={"torrents": [raw_torrent()], "trackers": {"x": [raw_tracker()]}, "preferences": {}},
    )
    assert len(shown(words, json.dumps(planted(whole, words)))) == len(words)
