"""What a violation tells the operator: which guarantee, which item, and what was measured against what."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    RegisterAddress,
    SetPreferences,
)
from harvestmouse.core.guarantees import Violation, check, check_targets, g7, g8, g9, g11, g12
from harvestmouse.core.model import AccountClass, Malformed, Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import SEED, Policy
from tests.support.builders import (
    GIB,
    HOUR,
    MIB,
    NOW,
    download,
    entry,
    hash_of,
    mouse,
    page,
    policy,
    profile,
    result,
    snapshot,
    torrent,
)

ONE = hash_of(1)
DELETE = DeleteTorrent(hash=ONE, name="", reason="")
ADD = AddTorrent(
    id=1001, title="", score=0.0, size_bytes=MIB, seeders=1, leechers=1, category="", save_path="", tags=()
)  # fmt: skip
CREDIT = BuyUpload(gib=50, cost_bp=25000)
VIP = BuyVip(weeks=4, cost_bp=5000)
NO_DISK = f"{MIB} bytes of picks, None bytes of disk budget"


def told(seen: Snapshot, *actions: Action, with_policy: Policy = SEED) -> list[tuple[str, str, str]]:
    """Return every violation of a plan of these actions, in words."""
    found = check(Plan(job="janitor", decided_at=NOW, actions=actions), seen, with_policy)
    return [(one.guarantee, one.subject, one.detail) for one in found]


def write(**changes: object) -> SetPreferences:
    """Return a change of preferences."""
    return SetPreferences(changes={key: {"to": value} for key, value in changes.items()})


@pytest.mark.parametrize(
    ("listed", "violation"),
    [
        ((torrent(seeding_time=None),), ("G1", ONE, "seeded None s of 345600 s")),
        ((torrent(tracker_seconds=HOUR),), ("G1", ONE, "seen seeding 3600 s of 345600 s")),
        ((), ("G2", ONE, "the client does not list it")),
        ((torrent(category="books"),), ("G2", ONE, "its category is 'books'")),
        ((torrent(tags=None),), ("G2", ONE, "it carries a protecting tag, or its tags are unknown")),
        ((torrent(state="checkingUP"),), ("G3", ONE, "its state is 'checkingUP'")),
        ((torrent(state="error"),), ("G3", ONE, "its state is 'error'")),
    ],
)  # fmt: skip
def test_a_deletion_is_refused_with_what_was_seen(listed: Any, violation: tuple[str, str, str]) -> None:
    """The info-hash is the subject."""
    assert told(snapshot(torrents=listed), DELETE) == [violation]


@pytest.mark.parametrize(
    ("listed", "violation"),
    [
        ((torrent(seeding_time=HOUR),), "G1"),
        ((torrent(category=None),), "G2"),
        ((torrent(state="moving"),), "G3"),
        ((torrent(),), None),
    ],
)  # fmt: skip
def test_a_fresh_look_at_the_targets_finds_the_same(listed: Any, violation: str | None) -> None:
    """What changed between plan and act is found by the torrents alone: neither profile nor searches are asked."""
    seen = Snapshot(taken_at=NOW, torrents=listed)
    assert [one.guarantee for one in check_targets([DELETE], seen, SEED)] == ([violation] if violation else [])
    assert check_targets([ADD, CREDIT], seen, SEED) == ()


def test_a_plan_is_looked_at_to_its_end() -> None:
    """An action that is fine, or none of a guarantee's concern, hides nothing that follows it."""
    other = DeleteTorrent(hash=hash_of(2), name="", reason="")
    for second in (torrent(2, seeding_time=HOUR), torrent(2, category="books"), torrent(2, state="moving")):
        assert len(told(snapshot(torrents=(torrent(), second)), DELETE, other)) == 1
    for first in (download(), torrent()):
        assert told(snapshot(torrents=(first, torrent(2, seeding_time=HOUR))), DELETE, other)[0][0] == "G1"
    free_to_go = download(state="stalledDL")
    assert told(snapshot(torrents=(free_to_go, torrent(2, category="books"))), RegisterAddress(), other)[0][0] == "G2"
    assert told(snapshot(), RegisterAddress(), write(save_path="/"))[0][0] == "G10"


def test_a_protecting_tag_is_named() -> None:
    """Tags are compared without case."""
    seen = snapshot(torrents=(torrent(tags=frozenset({"Keep"})),))
    found = told(seen, DELETE, with_policy=policy(cleanup={"protect_tags": ("KEEP",)}))
    assert found == [("G2", ONE, "it carries a protecting tag, or its tags are unknown")]


@pytest.mark.parametrize(
    ("account", "detail"),
    [
        (mouse(), "the class is 'Mouse'"),
        (profile(account_class=None, class_name="Rat"), "the class is 'Rat'"),
        (profile(uploaded_bytes=11 * GIB), "the ratio 1.1 is not at 1.2"),
        (profile(uploaded_bytes=None), "the ratio None is not at 1.2"),
    ],
)
def test_a_grab_is_refused_with_the_account_s_state(account: Any, detail: str) -> None:
    """The first torrent that would be added is the subject."""
    assert told(snapshot(profile=account, searches=(page(result()),)), ADD) == [("G4", "1001", detail)]


def test_a_grab_without_a_profile_is_refused_on_every_count() -> None:
    """What is unknown forbids, and each guarantee says so."""
    assert told(snapshot(profile=None, searches=(page(result(free=False, vip=True)),)), ADD) == [
        ("G4", "1001", "the profile is unknown"),
        ("G5", "1001", "it is not free for this account"),
        ("G5", "actions", "the unsatisfied headroom is unknown"),
    ]


@pytest.mark.parametrize(
    ("facts", "detail"),
    [
        ({"free": False, "vip": True}, "it is not free for this account"),
        ({"size_bytes": 1}, "1 bytes are outside the size band"),
        ({"leechers": 0}, "0 leechers and 10 seeders are outside the bands"),
        ({"snatched": True}, "the account or the client has it"),
    ],
)
def test_an_unfit_pick_is_refused_with_its_facts(facts: dict[str, Any], detail: str) -> None:
    """The site's id is the subject."""
    assert told(snapshot(searches=(page(result(**facts)),)), ADD) == [("G5", "1001", detail)]


@pytest.mark.parametrize(
    "facts", [{"size_bytes": 50 * MIB}, {"size_bytes": GIB}, {"leechers": 1}, {"seeders": 50}], ids=str
)
def test_a_result_at_the_edge_of_a_band_is_in_it(facts: dict[str, int]) -> None:
    """As in the decision itself: the bands include their limits."""
    assert told(snapshot(searches=(page(result(**facts)),)), ADD) == []


def test_what_is_vip_may_be_picked_by_a_vip() -> None:
    """Free is what is free for this account's class."""
    account = profile(account_class=AccountClass.VIP, class_name="VIP")
    offer = page(result(free=False, vip=True))
    assert told(snapshot(profile=account, searches=(offer,)), ADD) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"searches": ()}, ("1001", "no search result has this id")),
        ({"ledger": (entry(),)}, ("1001", "the ledger has it")),
        ({"torrents": None}, ("actions", "1 picks would make 1 torrents")),
        ({"free_space_bytes": 10 * GIB}, ("actions", f"{MIB} bytes of picks, 0 bytes of disk budget")),
        ({"free_space_bytes": None}, ("actions", NO_DISK)),
        ({"profile": profile(unsat_count=None)}, ("actions", "the unsatisfied headroom is unknown")),
        ({"profile": profile(unsat_count=40)}, ("actions", "1 picks overdraw the unsatisfied headroom")),
    ],
)
def test_a_pick_beyond_a_budget_is_refused_with_the_budget(changes: dict[str, Any], violation: tuple[str, str]) -> None:
    """A budget is overdrawn by all picks together, so it names no single one."""
    seen = snapshot(**({"searches": (page(result()),)} | changes))
    assert told(seen, ADD) == [("G5", *violation)]


def test_a_headroom_that_nobody_asks_for_may_be_unknown() -> None:
    """Where the policy does not require it."""
    seen = snapshot(profile=profile(unsat_count=None), searches=(page(result()),))
    assert told(seen, ADD, with_policy=policy(grab={"require_unsat": False})) == []


@pytest.mark.parametrize(
    ("changes", "figures", "detail"),
    [
        (
            {"torrents": (download(1, left_bytes=5),), "free_space_bytes": 10 * GIB + MIB + 4},
            {},
            f"{MIB} bytes of picks, {MIB - 1} bytes of disk budget",
        ),
        (
            {"torrents": (download(1, left_bytes=None, size_bytes=5),), "free_space_bytes": 10 * GIB + MIB + 4},
            {},
            f"{MIB} bytes of picks, {MIB - 1} bytes of disk budget",
        ),
        ({"torrents": (download(1, left_bytes=None, size_bytes=None),)}, {}, NO_DISK),
        (
            {"torrents": (torrent(1, size_bytes=5), torrent(2, size_bytes=9, category="other"))},
            {"category_quota": MIB + 4},
            f"{MIB} bytes of picks to 5 in the category, quota {MIB + 4}",
        ),
        (
            {"torrents": (torrent(1, size_bytes=None),)},
            {"category_quota": GIB},
            f"{MIB} bytes of picks to None in the category, quota {GIB}",
        ),
        (
            {"torrents": (torrent(1, size_bytes=5, category=None),)},
            {"category_quota": MIB + 4},
            f"{MIB} bytes of picks to 5 in the category, quota {MIB + 4}",
        ),
        (
            {"malformed_torrents": (Malformed(subject="x", problem="y"),)},
            {"category_quota": GIB},
            f"{MIB} bytes of picks to None in the category, quota {GIB}",
        ),
    ],
)
def test_what_downloads_will_write_and_the_quota_count(
    changes: dict[str, Any], figures: dict[str, Any], detail: str
) -> None:
    """A byte less of it, and the pick would fit."""
    seen = snapshot(**({"searches": (page(result()),)} | changes))
    assert told(seen, ADD, with_policy=policy(grab=figures)) == [("G5", "actions", detail)]
    for whole in (download(1, left_bytes=0, size_bytes=4), torrent(1, left_bytes=None, size_bytes=4)):
        fits = evolve(seen, torrents=(whole,), malformed_torrents=())
        assert told(fits, ADD, with_policy=policy(grab=figures)) == []


@pytest.mark.parametrize(("progress", "left"), [(1.0, 0), (0.99, 5), (None, 5)])
def test_what_is_whole_writes_nothing_more(progress: float | None, left: int) -> None:
    """Where the client does not tell how much is left, anything else may write all of its size."""
    held = torrent(left_bytes=None, size_bytes=5, progress=progress)
    for space, refused in ((left, False), (left - 1, True)):
        seen = snapshot(torrents=(held,), searches=(page(result()),), free_space_bytes=10 * GIB + MIB + space)
        assert bool(told(seen, ADD)) is refused


def test_a_pick_is_refused_where_a_client_is_away() -> None:
    """It may hold the torrent, and takes places."""
    seen = snapshot(searches=(page(result()),), missing_clients=("attic", "box"))
    assert told(seen, ADD) == [("G5", "actions", "nobody knows what the client attic, box has")]


WEDGE = evolve(ADD, use_wedge=True)
PAID = result(free=False, takes_wedge=True)
LOST = "it is free for somebody already, or may be, and a wedge would be lost"


@pytest.mark.parametrize("flag", ["free", "personal_freeleech", "vip", "fl_vip"])
def test_a_wedge_on_what_is_free_in_any_way_is_refused(flag: str) -> None:
    """For whomever it is; so is one where a flag is missing."""
    facts: dict[str, Any] = {flag: True}
    for row in (evolve(PAID, **facts), evolve(PAID, takes_wedge=False)):
        seen = snapshot(profile=profile(wedges=1), searches=(page(row),))
        assert told(seen, WEDGE, with_policy=policy(grab={"wedges": True})) == [("G5", "1001", LOST)]


@pytest.mark.parametrize(
    ("changes", "figures", "violation"),
    [
        ({}, {"wedges": True}, None),
        ({}, {}, ("actions", "1 wedges, at most 0 a run")),
        ({}, {"wedges": True, "wedges_per_run": 0}, ("actions", "1 wedges, at most 0 a run")),
        ({}, {"wedges": True, "wedge_reserve": 1}, ("actions", "1 wedges of 1, reserve 1")),
        ({"profile": profile(wedges=0)}, {"wedges": True}, ("actions", "1 wedges of 0, reserve 0")),
        ({"profile": profile()}, {"wedges": True}, ("actions", "1 wedges of None, reserve 0")),
        (
            {"ledger": (entry(outcome="failed"),)},
            {"wedges": True},
            ("1001", "a wedge may have been spent on it before"),
        ),
    ],
)
def test_a_wedge_beyond_its_bounds_is_refused(
    changes: dict[str, Any], figures: dict[str, Any], violation: tuple[str, str] | None
) -> None:
    """Off by default, so many a run, never those of the reserve, and none twice on one torrent."""
    seen = snapshot(**({"profile": profile(wedges=1), "searches": (page(PAID),)} | changes))
    expected = [] if violation is None else [("G5", *violation)]
    assert told(seen, WEDGE, with_policy=policy(grab=figures)) == expected


def test_what_is_not_free_is_refused_without_a_wedge() -> None:
    """However many there are."""
    seen = snapshot(profile=profile(wedges=9), searches=(page(PAID),))
    assert told(seen, ADD, with_policy=policy(grab={"wedges": True})) == [
        ("G5", "1001", "it is not free for this account")
    ]


@pytest.mark.parametrize(("rung", "least"), [("User", 20), ("Power User", 100), ("VIP", 150), ("Elite VIP", 200)])
def test_a_limit_that_is_not_told_is_no_more_than_the_site_gives_the_class(rung: str, least: int) -> None:
    """Less the reserve of ten, one pick fits under it, and no other."""
    last, over = (
        profile(account_class=AccountClass(rung), unsat_limit=None, unsat_count=least - room) for room in (11, 10)
    )
    offer = page(result())
    assert told(snapshot(profile=last, searches=(offer,)), ADD) == []
    overdrawn = ("G5", "actions", "1 picks overdraw the unsatisfied headroom")
    assert told(snapshot(profile=over, searches=(offer,)), ADD) == [overdrawn]


def test_titles_without_letters_are_never_the_same() -> None:
    """Nothing is left of them to compare."""
    seen = snapshot(torrents=(torrent(name="?!"),), searches=(page(result(title="...")),))
    assert told(seen, ADD) == []


def test_two_additions_of_one_torrent_are_named() -> None:
    """Its id is all that counts."""
    twice = told(snapshot(searches=(page(result()),)), ADD, evolve(ADD, title="Another"))
    assert twice == [("G5", "actions", "a torrent is added twice")]


@pytest.mark.parametrize(
    ("actions", "points", "violation"),
    [
        ([CREDIT, VIP], 90000.0, ("G6", "actions", "2 purchases in one plan")),
        ([CREDIT], 25000.0, ("G6", "buy_upload", "25000 BP of 25000.0, reserve 500")),
        ([VIP], None, ("G6", "buy_vip", "5000 BP of None, reserve 500")),
        ([BuyUpload(gib=3, cost_bp=1500)], 90000.0, ("G6", "buy_upload", "3 GiB for 1500 BP is no tier")),
    ],
)
def test_a_purchase_is_refused_with_its_price(
    actions: list[Action], points: float | None, violation: tuple[str, str, str]
) -> None:
    """The kind of purchase is the subject."""
    seen = snapshot(profile=profile(bonus_points=points))
    assert told(seen, *actions, with_policy=policy(spend={"vip": True})) == [violation]


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"save_path": "/"}, ("save_path", "not a key of this job")),
        ({"max_active_uploads": 0}, ("max_active_uploads", "0 slots for 1 torrents owing seed time")),
        ({"max_active_torrents": 0}, ("max_active_torrents", "0 slots for 1 torrents owing seed time")),
    ],
)
def test_a_preference_is_refused_with_its_key(changes: dict[str, Any], violation: tuple[str, str]) -> None:
    """And with how many torrents owe seed time."""
    assert told(snapshot(torrents=(torrent(seeding_time=HOUR),)), write(**changes)) == [("G10", *violation)]


def test_preferences_of_a_client_that_is_not_there_are_refused() -> None:
    """Its torrents that owe seed time cannot be counted; what follows is looked at all the same."""
    lost = evolve(write(max_active_uploads=500), client="attic")
    assert told(snapshot(), lost, write(save_path="/")) == [
        ("G10", "set_preferences", "the client 'attic' is not there"),
        ("G10", "save_path", "not a key of this job"),
    ]


def test_a_deletion_too_many_is_refused_with_count_and_limit() -> None:
    """The subject is the figure of the policy that limits it."""
    listed = tuple(torrent(number) for number in range(60))
    deletions = [DeleteTorrent(hash=one.hash, name="", reason="") for one in listed[:51]]
    assert told(snapshot(torrents=listed), *deletions) == [
        ("limit", "max_data_deletions", "51 deletions of torrents with data, at most 50 a run"),
        ("limit", "max_data_share", "51 of 60 torrents with data, at most a share of 0.5"),
    ]


def test_an_action_that_is_off_is_refused_by_its_kind() -> None:
    """Whatever it would touch."""
    start = ForceStart(hash=ONE, name="", reason="")
    off = "the policy has this action off"
    assert told(snapshot(torrents=(torrent(),)), start) == [("limit", "force_start", off)]
    assert told(snapshot(), RegisterAddress())[0] == ("limit", "register_address", off)


def test_an_address_is_refused_with_what_is_known_of_it() -> None:
    """The client was seen nowhere, and the site's hour is not over."""
    seen = snapshot(registered=(NOW - 3599, "Completed"))
    assert told(seen, RegisterAddress(), with_policy=policy(address={"register_address": True})) == [
        ("limit", "register_address", "the client is not known to leave by the address the site sees"),
        ("limit", "register_address", "the site took an address less than an hour ago"),
    ]


class TestLaws:
    """What takes more than one plan to see is told in the same form."""

    def test_an_action_that_less_knowledge_brings(self) -> None:
        """With its kind."""
        none, some = (Plan(job="janitor", decided_at=NOW, actions=actions) for actions in ((), (DELETE,)))
        assert list(g7(some, none)) == [Violation("G7", ONE, "delete_torrent only where less is known")]

    def test_a_part_that_differs(self) -> None:
        """Both sides of it."""
        one, other = Plan(job="janitor", decided_at=1), Plan(job="janitor", decided_at=2)
        assert list(g8(one, other)) == [Violation("G8", "decided_at", "1 and 2")]

    def test_an_action_that_is_planned_again(self) -> None:
        """With its kind."""
        made = Plan(job="janitor", decided_at=NOW, actions=(DELETE,))
        assert list(g9(made, made)) == [Violation("G9", ONE, "delete_torrent is planned again")]

    def test_what_lasts_too_long(self) -> None:
        """For how long, against the bound."""
        days = [snapshot(taken_at=NOW + number, profile=mouse()) for number in (0, 9)]
        assert list(g11(days, SEED, timedelta(seconds=8))) == [Violation("G11", "class", "for 9 s, at most 8 s")]

    @pytest.mark.parametrize(("text", "place"), [("5ecr3t", "0 of 6"), ("x 5ecr3t 5ecr3t", "2 of 15")])
    def test_the_first_place_of_a_secret(self, text: str, place: str) -> None:
        """Also at the very beginning."""
        assert list(g12(text, ["5ecr3t"])) == [Violation("G12", "secret 1", f"at character {place}")]
