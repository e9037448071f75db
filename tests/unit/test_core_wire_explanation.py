"""Explanations as JSON."""

import json

from harvestmouse.core.explain import explain_job, explain_torrent
from harvestmouse.core.policy import SEED
from harvestmouse.core.wire.explanation import unparse_explanation, unparse_explanations
from harvestmouse.core.wire.plan import dump
from tests.support.builders import HOUR, NOW, download, hash_of, mouse, profile, snapshot, torrent


class TestJson:
    """The JSON form."""

    def test_an_explanation_is_plain_json(self) -> None:
        """Infinite ratios and tuples included."""
        rich = profile(downloaded_bytes=0)
        (itself,) = explain_job(snapshot(profile=rich), SEED, "grab")
        form = json.loads(dump(unparse_explanation(itself)))
        ratio = next(step for step in form["steps"] if step["reason"] == "low_ratio")
        assert ratio == {
            "reason": "low_ratio",
            "asks": "The ratio is under its floor.",
            "outcome": "does not hold",
            "any_of": False,
            "conditions": [{"name": "ratio", "value": "∞", "relation": "<", "threshold": 1.2, "met": False}],
        }

    def test_a_flip_has_its_exact_figures(self) -> None:
        """Bytes and seconds, not words."""
        one = explain_torrent(snapshot(torrents=(download(1, state="queuedDL"),)), SEED, hash_of(1))
        form = json.loads(dump(unparse_explanation(one)))
        assert form["decision"]["reason"] == "active"
        assert form["flips"] == [
            {
                "change": "time_seconds",
                "amount": 23 * HOUR + 1,
                "to": None,
                "decision": "delete",
                "reason": "never_started",
                "note": "as queuedDL, while nothing else changes",
                "about_seconds": None,
            }
        ]

    def test_a_document_has_them_all(self) -> None:
        """With its format; what is not there is null."""
        explained = explain_job(snapshot(profile=mouse()), SEED, "spend")
        document = json.loads(dump(unparse_explanations(explained)))
        assert document == {
            "format": "harvestmouse-explanation/1",
            "explanations": [json.loads(dump(unparse_explanation(one))) for one in explained],
        }
        itself, upload = document["explanations"]
        assert {key: itself[key] for key in ("job", "subject", "name", "decided_at", "skip", "decision")} == {
            "job": "spend",
            "subject": "spend",
            "name": None,
            "decided_at": NOW,
            "skip": None,
            "decision": None,
        }
        assert upload["decision"]["facts"]["needed_gib"] == 3
        assert upload["flips"][0]["to"] == 25_500
        assert upload["flips"][0]["note"] == "buys 50 GiB for 25000 BP"

    def test_a_skip_and_what_it_depends_on(self) -> None:
        """As the plan has it."""
        (itself,) = explain_job(snapshot(profile=mouse()), SEED, "grab")
        form = json.loads(dump(unparse_explanation(itself)))
        assert form["skip"] == {"reason": "mouse_class", "detail": "class=Mouse ratio=0.00"}
        assert form["depends"] == ["the site, which gives the class: 715 MiB of upload are missing to ratio 1"]

    def test_tags_are_a_list(self) -> None:
        """As everything that is several."""
        one = explain_torrent(snapshot(torrents=(torrent(1, tags=frozenset({"Recovery"})),)), SEED, hash_of(1))
        form = json.loads(dump(unparse_explanation(one)))
        (removed,) = (flip for flip in form["flips"] if flip["change"] == "tags_removed")
        assert (removed["to"], removed["amount"]) == (["Recovery"], None)
        assert form["name"] == "Torrent 1"
