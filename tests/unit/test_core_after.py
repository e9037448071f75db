"""What a faithful world looks like once a plan was carried out."""

import pytest
from attrs import evolve

from harvestmouse.core.actions import (
    Action,
    AddTorrent,
    BuyUpload,
    BuyVip,
    DeleteTorrent,
    ForceStart,
    Reannounce,
    RegisterAddress,
    Resume,
    SetPreferences,
)
from harvestmouse.core.after import after
from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan
from tests.support.builders import GIB, MIB, NOW, WEEK, entry, hash_of, preferences, profile, snapshot, torrent

ADD = AddTorrent(
    id=7,
    title="A title",
    score=1.0,
    size_bytes=100 * MIB,
    seeders=9,
    leechers=8,
    category="mam-farming",
    save_path="/downloads",
    tags=("mam",),
)
DELETE = DeleteTorrent(hash=hash_of(1), name="", reason="")
WRITE = SetPreferences(changes={"max_active_uploads": {"from": 150, "to": 300, "reason": "wanted"}})


def done(seen: Snapshot, *actions: Action) -> Snapshot:
    """Return the snapshot after these actions."""
    return after(seen, Plan(job="janitor", decided_at=NOW, actions=actions))


def test_a_plan_without_actions_changes_nothing() -> None:
    """The very same snapshot."""
    assert done(snapshot()) == snapshot()


def test_an_added_torrent_is_a_download_in_client_and_ledger() -> None:
    """Nothing of it has been written, and the ledger remembers its info-hash."""
    left = done(snapshot(), ADD)
    assert left.torrents is not None
    (added,) = left.torrents
    assert added == Torrent(
        hash=hash_of(7),
        name="A title",
        category="mam-farming",
        tags=frozenset({"mam"}),
        state="downloading",
        added_on=NOW,
        completion_on=0,
        seeding_time=0,
        progress=0.0,
        size_bytes=100 * MIB,
        left_bytes=100 * MIB,
        downloaded_bytes=0,
        uploaded_bytes=0,
        seeders=9,
    )
    assert left.free_space_bytes == 100 * GIB
    assert left.ledger is not None
    assert [(line.id, line.at, line.info_hash) for line in left.ledger] == [(7, NOW, added.hash)]


def test_an_added_torrent_joins_what_is_there() -> None:
    """Nothing that the client or the ledger held before is lost."""
    left = done(snapshot(torrents=(torrent(1),), ledger=(entry(3),)), ADD)
    assert left.torrents is not None
    assert [one.name for one in left.torrents] == ["Torrent 1", "A title"]
    assert left.ledger is not None
    assert [line.id for line in left.ledger] == [3, 7]


def test_an_added_torrent_leaves_an_unknown_disk_unknown() -> None:
    """And an unknown client then holds it at least."""
    left = done(Snapshot(taken_at=NOW), ADD)
    assert left.free_space_bytes is None
    assert left.torrents is not None
    assert [one.hash for one in left.torrents] == [hash_of(7)]
    assert left.ledger is not None
    assert [line.id for line in left.ledger] == [7]


def test_a_wedge_that_is_used_is_gone() -> None:
    """One for each torrent that takes one; an unknown balance stays unknown."""
    account = profile(wedges=3)
    for use, held in ((True, 2), (False, 3)):
        left = done(snapshot(profile=account), evolve(ADD, use_wedge=use)).profile
        assert left == profile(wedges=held)
    left = done(snapshot(profile=profile()), evolve(ADD, use_wedge=True)).profile
    assert left == profile()


def test_a_deleted_torrent_is_gone_and_not_missed() -> None:
    """The next run expects one torrent fewer."""
    left = done(snapshot(torrents=(torrent(1), torrent(2)), remembered_count=2), DELETE)
    assert left.torrents == (torrent(2),)
    assert left.remembered_count == 1


def test_what_nobody_remembers_stays_unknown() -> None:
    """A deletion makes no count out of nothing, nor one below zero."""
    assert done(snapshot(torrents=(torrent(),)), DELETE).remembered_count is None
    assert done(snapshot(torrents=(torrent(),), remembered_count=0), DELETE).remembered_count == 0


def test_bought_credit_is_paid_and_credited() -> None:
    """Points go down, upload goes up."""
    left = done(snapshot(profile=profile(bonus_points=30000.0)), BuyUpload(gib=50, cost_bp=25000)).profile
    assert left is not None
    assert (left.bonus_points, left.uploaded_bytes) == (5000.0, 70 * GIB)


def test_credit_on_unknown_upload_is_that_credit() -> None:
    """Upload is never below what was bought."""
    account = profile(bonus_points=30000.0, uploaded_bytes=None)
    left = done(snapshot(profile=account), BuyUpload(gib=50, cost_bp=25000)).profile
    assert left is not None
    assert left.uploaded_bytes == 50 * GIB


@pytest.mark.parametrize(("until", "expected"), [(None, NOW), (NOW - WEEK, NOW), (NOW + WEEK, NOW + WEEK)])
def test_bought_vip_starts_now_or_when_the_present_one_ends(until: int | None, expected: int) -> None:
    """Weeks are added, never lost."""
    left = done(snapshot(profile=profile(vip_until=until)), BuyVip(weeks=4, cost_bp=5000)).profile
    assert left is not None
    assert (left.bonus_points, left.vip_until) == (0.0, expected + 4 * WEEK)


def test_written_preferences_are_as_written() -> None:
    """The other keys stay."""
    assert done(snapshot(), WRITE).preferences == preferences(max_active_uploads=300)


@pytest.mark.parametrize(("kind", "state"), [(ForceStart, "forcedUP"), (Resume, "stalledUP")])
def test_a_started_torrent_seeds(kind: type[ForceStart | Resume], state: str) -> None:
    """Only the one that was named."""
    seen = snapshot(torrents=(torrent(1, state="stoppedUP"), torrent(2, state="stoppedUP")))
    left = done(seen, kind(hash=hash_of(1), name="", reason=""))
    assert left.torrents == (torrent(1, state=state), torrent(2, state="stoppedUP"))


@pytest.mark.parametrize(
    "action",
    [
        DELETE,
        WRITE,
        BuyUpload(gib=50, cost_bp=25000),
        BuyVip(weeks=4, cost_bp=5000),
        Resume(hash=hash_of(1), name="", reason=""),
        RegisterAddress(),
    ],
)
def test_unknown_parts_stay_unknown(action: Action) -> None:
    """No action makes knowledge out of nothing."""
    nothing = Snapshot(taken_at=NOW)
    assert done(nothing, action) == nothing


def test_an_announced_torrent_is_taken_by_its_tracker() -> None:
    """By it alone, and nothing else of it changes."""
    seen = snapshot(torrents=(torrent(1), torrent(2)))
    left = done(seen, Reannounce(hash=hash_of(1), name="", reason=""))
    assert left.torrents is not None
    first, second = left.torrents
    assert [one.status for one in first.messages or ()] == [2]
    assert evolve(first, messages=seen.managed("mam-farming")[0].messages) == torrent(1)
    assert second == torrent(2)


def test_a_registered_address_is_remembered_with_its_time() -> None:
    """As later runs read it."""
    assert done(snapshot(site_address="here"), RegisterAddress()).registered == (NOW, "here")
