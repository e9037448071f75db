"""The embedded world: its account, swarms, client and session follow the site's documented rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from harvestmouse.adapters.errors import DownloadFrozen, MissingCookie, SessionInvalid
from harvestmouse.adapters.memory import MemoryClient, MemorySite, World
from harvestmouse.adapters.memory.account import Snatch
from harvestmouse.adapters.memory.swarm import MOUSE, UNREGISTERED
from harvestmouse.adapters.memory.world import PASSKEY, identity_of
from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.core.actions import AddTorrent, BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Profile, SearchResult
from harvestmouse.core.search import Query
from tests.support.builders import (
    CATEGORY,
    DAY,
    GIB,
    HOUR,
    MIB,
    MINUTE,
    NOW,
    WEEK,
    download,
    hash_of,
    mouse,
    preferences,
    profile,
    result,
    torrent,
)
from tests.support.world import copy_of, world_of

OFFER = result(1001, size_bytes=360 * MIB, seeders=11, leechers=4)


def account(**changes: Any) -> Profile:
    return profile(**({"unsat_count": 0, "uploaded_bytes": 20 * GIB, "downloaded_bytes": 10 * GIB} | changes))


def grab(world: World, offer: SearchResult = OFFER) -> str:
    """Fetch an offer and hand it to the client; return its info-hash."""
    content = MemorySite(world).torrent_file(offer.id)
    wanted = AddTorrent(
        id=offer.id,
        title=offer.title,
        score=1.0,
        size_bytes=offer.size_bytes,
        seeders=offer.seeders,
        leechers=offer.leechers,
        category=CATEGORY,
        save_path="/downloads",
        tags=(),
    )
    MemoryClient(world).add(content, identity_of(offer), wanted)
    return identity_of(offer)


def offering(*offers: SearchResult, **changes: Any) -> World:
    return world_of(catalogue=offers or (OFFER,), **({"account": account()} | changes))


ANYTHING = Query(search_type="fl", min_size=0, max_size=GIB, min_leechers=0, max_seeders=100)


class TestLifeOfATorrent:
    """A torrent is downloaded, seeded, and owed for until the site's tracker has seen 72 hours."""

    def test_it_downloads_a_mib_a_second(self) -> None:
        """Bytes arrive while the tracker gives peers, and take up disk."""
        world = offering()
        identity = grab(world)
        world.pass_time(MINUTE)
        half = world.torrents[identity]
        assert (half.state, half.downloaded_bytes, half.progress) == ("downloading", 60 * MIB, 1 / 6)
        world.pass_time(5 * MINUTE)
        whole = world.torrents[identity]
        assert (whole.progress, whole.completion_on, whole.seeding_time) == (1.0, NOW + 6 * MINUTE, 0)
        assert world.free_space_bytes == 200 * GIB - 360 * MIB

    def test_a_free_one_costs_no_ratio(self) -> None:
        """Freeleech counts no download; what is not free does."""
        free, paid = offering(), offering(evolve(OFFER, free=False))
        for world in (free, paid):
            grab(world)
            world.pass_time(HOUR)
        assert free.profile.downloaded_bytes == 10 * GIB
        assert paid.profile.downloaded_bytes == 10 * GIB + 360 * MIB

    def test_it_uploads_its_share_of_what_is_wanted(self) -> None:
        """Four leechers take a day each, from eleven others and us: a third of the torrent a day; demand halves."""
        world = offering()
        identity = grab(world)
        world.pass_time(HOUR)
        before = world.profile.uploaded_bytes or 0
        world.pass_time(DAY)
        assert (world.profile.uploaded_bytes or 0) - before == 120 * MIB == world.torrents[identity].uploaded_bytes
        world.pass_time(9 * DAY)
        assert world.swarms[identity].leechers_at(world.now) == 0
        idle = world.profile.uploaded_bytes
        world.pass_time(DAY)
        assert world.torrents[identity].state == "stalledUP"
        assert world.profile.uploaded_bytes == idle

    def test_a_torrent_that_nobody_has_stays_at_nothing(self) -> None:
        """Without seeders there is nothing to download."""
        offer = evolve(OFFER, seeders=0)
        world = offering(offer)
        identity = grab(world, offer)
        world.pass_time(2 * DAY)
        assert (world.torrents[identity].state, world.torrents[identity].downloaded_bytes) == ("stalledDL", 0)

    def test_a_full_disk_is_an_error(self) -> None:
        """What does not fit does not arrive."""
        world = offering(free_space_bytes=100 * MIB)
        identity = grab(world)
        world.pass_time(HOUR)
        world.pass_time(HOUR)
        stuck = world.torrents[identity]
        assert (stuck.state, stuck.downloaded_bytes, world.free_space_bytes) == ("error", 100 * MIB, 0)

    def test_deleting_gives_the_disk_back(self) -> None:
        """As much as was there."""
        world = offering()
        identity = grab(world)
        world.pass_time(MINUTE)
        MemoryClient(world).delete([identity], delete_files=True)
        assert world.free_space_bytes == 200 * GIB


class TestUnsatisfied:
    """The site counts by the announces its tracker takes, and shows it a quarter of an hour later."""

    def shown(self, world: World) -> tuple[int | None, int | None]:
        seen = MemorySite(world).profile()
        return seen.unsat_count, seen.hit_and_run_count

    def test_counts_from_the_first_announce_to_72_hours(self) -> None:
        """Each second of seeding counts, and not one less is enough."""
        world = offering()
        grab(world)
        assert self.shown(world) == (0, 0)
        world.pass_time(10 * MINUTE)
        assert (self.shown(world), world.unsatisfied()) == ((0, 0), 1)
        world.pass_time(5 * MINUTE)
        assert self.shown(world) == (1, 0)
        world.pass_time(72 * HOUR - 5 * MINUTE - 1)
        assert self.shown(world) == (1, 0)
        world.pass_time(1)
        assert self.shown(world) == (0, 0)

    @pytest.mark.parametrize("trouble", ["away", "refusal", "mouse"])
    def test_the_client_s_clock_runs_ahead_while_the_tracker_does_not_count(self, trouble: str) -> None:
        """Incident I5: the seeding time grows, the site's count does not."""
        world = offering()
        identity = grab(world)
        world.pass_time(HOUR)
        if trouble == "away":
            world.tracker.away = True
        elif trouble == "refusal":
            world.tracker.refusal = "no"
        else:
            world.profile = mouse(unsat_count=0)
        counted = world.snatches[identity].seeded
        world.pass_time(100 * HOUR)
        assert world.torrents[identity].seeding_time == counted + 100 * HOUR
        assert (world.snatches[identity].seeded, world.unsatisfied()) == (counted, 1)

    def test_what_is_not_seeded_in_thirty_days_is_a_hit_and_run(self) -> None:
        """Deleting it frees no slot; it goes on counting."""
        world = offering()
        identity = grab(world)
        world.pass_time(6 * MINUTE)
        MemoryClient(world).delete([identity], delete_files=True)
        world.pass_time(30 * DAY)
        assert self.shown(world) == (1, 0)
        world.pass_time(1)
        assert self.shown(world) == (1, 1)

    def test_a_download_that_was_given_up_is_forgotten(self) -> None:
        """Two weeks after its last announce it counts no more, and is on offer as before."""
        world = offering()
        identity = grab(world)
        world.pass_time(MINUTE)
        MemoryClient(world).delete([identity], delete_files=True)
        world.pass_time(HOUR)
        assert MemorySite(world).search(ANYTHING, world.now).results[0].snatched
        world.pass_time(2 * WEEK)
        assert self.shown(world) == (0, 0)
        assert not MemorySite(world).search(ANYTHING, world.now).results[0].snatched

    def test_at_the_limit_downloads_are_frozen(self) -> None:
        """Whoever asks for one more gets none for 26 hours."""
        world = offering(account=account(unsat_count=50))
        with pytest.raises(DownloadFrozen) as caught:
            MemorySite(world).torrent_file(1001)
        assert caught.value.seconds == 93_842
        world.profile = account(unsat_count=0)
        world.pass_time(93_841)
        with pytest.raises(DownloadFrozen):
            MemorySite(world).torrent_file(1001)
        world.pass_time(1)
        assert PASSKEY.encode() in MemorySite(world).torrent_file(1001)


class TestClasses:
    """The class follows from ratio, upload, age and VIP, and brings its limit."""

    @pytest.mark.parametrize(
        ("facts", "joined", "rung", "limit"),
        [
            ({"uploaded_bytes": 10 * GIB - 1}, 0, "Mouse", 20),
            ({"uploaded_bytes": 10 * GIB, "account_class": AccountClass.MOUSE}, 0, "User", 50),
            ({"uploaded_bytes": 25 * GIB}, 0, "Power User", 100),
            ({"uploaded_bytes": 25 * GIB - 1}, 0, "User", 50),
            ({"uploaded_bytes": 25 * GIB, "downloaded_bytes": 13 * GIB}, 0, "User", 50),
            ({"uploaded_bytes": 25 * GIB, "account_class": AccountClass.MOUSE}, NOW - 4 * WEEK + HOUR + 1, "User", 20),
            ({"vip_until": NOW + HOUR + 1}, 0, "VIP", 150),
            ({"vip_until": NOW + HOUR, "account_class": AccountClass.VIP}, 0, "User", 50),
            ({"vip_until": NOW + WEEK, "account_class": AccountClass.ELITE_VIP}, 0, "Elite VIP", 50),
            ({"account_class": AccountClass.VIP}, 0, "VIP", 50),
        ],
    )
    def test_are_given_every_hour(self, facts: dict[str, Any], joined: int, rung: str, limit: int) -> None:
        """Just under, at, and above each bound."""
        world = world_of(account=account(**facts), joined_at=joined)
        world.pass_time(HOUR)
        seen = world.profile.account_class
        assert (seen and seen.value, world.profile.unsat_limit) == (rung, limit)

    def test_an_unknown_account_stays_unknown(self) -> None:
        """What is not known is not made up."""
        world = world_of(account=Profile())
        world.pass_time(DAY)
        assert MemorySite(world).profile() == Profile()

    def test_the_death_spiral(self) -> None:
        """Incident I1: in class Mouse nothing downloads, nothing uploads, and every tracker says why."""
        waiting = [download(number, seeders=5, messages=None) for number in range(5)]
        world = world_of(account=mouse(unsat_count=0), torrents=[*waiting, torrent(9, messages=None)])
        world.pass_time(5 * DAY)
        assert (world.profile.account_class, world.profile.uploaded_bytes) == (AccountClass.MOUSE, 0)
        assert {one.downloaded_bytes for one in world.torrents.values()} == {0, 100 * MIB}
        told = MemoryClient(world).with_messages(world.torrents.values())
        assert {(one.status, one.text) for each in told for one in each.messages or ()} == {(4, MOUSE)}
        assert world.profile.bonus_points == 24_551


class TestPoints:
    """Points come in for satisfied torrents that are seeded, up to the site's cap, and buy by its rules."""

    def test_come_in_by_the_hour(self) -> None:
        """One for every satisfied torrent and hour, none for what still owes or is stopped."""
        stopped, owing = torrent(2, state="stoppedUP"), torrent(3, seeding_time=HOUR)
        world = world_of(torrents=[torrent(1), torrent(4), stopped, owing])
        world.pass_time(90 * MINUTE)
        assert world.profile.bonus_points == 5003
        world.pass_time(8 * HOUR + 30 * MINUTE)
        assert world.profile.bonus_points == 5020

    def test_are_lost_above_the_cap(self) -> None:
        """99 999 is the most."""
        world = world_of(account=account(bonus_points=99_998.0), torrents=[torrent(1)])
        world.pass_time(DAY)
        assert world.profile.bonus_points == 99_999
        assert world.lost_points == 23

    @pytest.mark.parametrize(
        ("purchase", "points", "error"),
        [
            (BuyUpload(gib=49, cost_bp=24_500), 60_000, "Automated spenders are limited"),
            (BuyUpload(gib=50, cost_bp=25_000), 24_999, "Not enough bonus"),
            (BuyVip(weeks=5, cost_bp=6_250), 60_000, "Invalid duration"),
        ],
    )
    def test_a_refusal_changes_nothing(self, purchase: BuyUpload | BuyVip, points: float, error: str) -> None:
        """The site says why."""
        world = world_of(account=account(bonus_points=points, account_class=AccountClass.VIP))
        before = copy_of(world)
        reply = MemorySite(world).buy(purchase)
        assert (reply.success, error in (reply.error or "")) == (False, True)
        assert world == before

    def test_upload_is_credited_and_shown_a_minute_later(self) -> None:
        """The reply knows; the profile shows the old figures for a while."""
        world = world_of(account=account(bonus_points=25_000.0))
        reply = MemorySite(world).buy(BuyUpload(gib=50, cost_bp=25_000))
        assert (reply.success, reply.bonus_points) == (True, 0)
        assert (world.profile.uploaded_bytes, world.profile.bonus_points) == (70 * GIB, 0)
        assert MemorySite(world).profile() == account(bonus_points=25_000.0)
        world.pass_time(60)
        assert MemorySite(world).profile().bonus_points == 0

    def test_the_site_charges_its_own_price(self) -> None:
        """Whatever the buyer thinks."""
        world = world_of(account=account(bonus_points=60_000.0), price_per_gib=1000)
        assert MemorySite(world).buy(BuyUpload(gib=50, cost_bp=25_000)).bonus_points == 10_000

    def test_vip_reaches_ninety_days_ahead(self) -> None:
        """Twelve weeks fit, then less than a week is left."""
        world = world_of(account=account(bonus_points=60_000.0, account_class=AccountClass.POWER_USER))
        site = MemorySite(world)
        assert site.buy(BuyVip(weeks=12, cost_bp=15_000)).bonus_points == 45_000
        assert world.profile.vip_until == NOW + 12 * WEEK
        assert "Min VIP" in (site.buy(BuyVip(weeks=4, cost_bp=5_000)).error or "")
        world.pass_time(2 * WEEK)
        assert world.profile.account_class is AccountClass.VIP


class TestQueue:
    """The client runs what its preferences leave room for, the oldest first."""

    def states(self, world: World) -> list[str | None]:
        world.pass_time(1)
        return [world.torrents[identity].state for identity in sorted(world.torrents)]

    def test_gives_slots_by_age_and_kind(self) -> None:
        """Two downloads of three, one upload of two, and three in all."""
        torrents = [*(download(number, added_on=NOW - number) for number in (1, 2, 3)), torrent(4), torrent(5)]
        limits = preferences(
            max_active_downloads=2, max_active_uploads=5, max_active_torrents=3, dont_count_slow_torrents=False
        )
        world = world_of(torrents=torrents, preferences=limits)
        assert self.states(world) == ["queuedDL", "downloading", "downloading", "stalledUP", "queuedUP"]

    @pytest.mark.parametrize("changes", [{"queueing_enabled": False}, {"max_active_uploads": -1}])
    def test_without_a_limit_all_run(self, changes: dict[str, Any]) -> None:
        """Queueing off, or -1."""
        limits = preferences(**({"max_active_uploads": 1, "dont_count_slow_torrents": False} | changes))
        world = world_of(torrents=[torrent(1), torrent(2)], preferences=limits)
        assert self.states(world) == ["stalledUP", "stalledUP"]

    def test_slow_torrents_need_no_slot_where_they_are_not_counted(self) -> None:
        """Dead downloads hold nobody up (incident I16)."""
        torrents = [download(1, seeders=0), download(2, seeders=0), download(3)]
        world = world_of(torrents=torrents, preferences=preferences(max_active_downloads=1))
        assert self.states(world) == ["stalledDL", "stalledDL", "downloading"]

    def test_what_is_queued_or_stopped_is_not_seen(self) -> None:
        """Neither clock runs, and the tracker hears nothing."""
        world = world_of(torrents=[torrent(1, state="stoppedUP"), torrent(2)], preferences=preferences())
        world.preferences = preferences(max_active_uploads=0, dont_count_slow_torrents=False)
        before = [one.seeding_time for one in world.torrents.values()]
        world.pass_time(DAY)
        assert [one.seeding_time for one in world.torrents.values()] == before
        assert (world.snatches, world.said) == ({}, {})


class TestOperator:
    """What an operator does to a client shows as it does in qBittorrent."""

    @pytest.mark.parametrize(
        ("act", "states"),
        [
            (lambda client: client.stop(client.world.torrents), ("stoppedUP", "stoppedDL")),
            (lambda client: client.recheck(client.world.torrents), ("checkingUP", "checkingDL")),
            (lambda client: client.restart(), ("checkingResumeData", "checkingResumeData")),
            (lambda client: client.unmount(), ("missingFiles", "error")),
        ],
    )
    def test_states(self, act: Callable[[MemoryClient], None], states: tuple[str, str]) -> None:
        """One whole torrent, and one that is half there."""
        client = MemoryClient(world_of(torrents=[torrent(1), download(2, progress=0.5, downloaded_bytes=50 * MIB)]))
        act(client)
        assert tuple(one.state for one in client.everything().torrents) == states

    def test_a_check_hides_what_is_there_for_a_while(self) -> None:
        """Incident I20: progress is the check's own, and comes back."""
        half = download(2, progress=0.5, downloaded_bytes=50 * MIB, seeders=0)
        world = world_of(torrents=[torrent(1), half])
        MemoryClient(world).recheck([hash_of(1), hash_of(2)])
        assert [one.progress for one in world.torrents.values()] == [0.0, 0.0]
        world.pass_time(1)
        assert [(one.state, one.progress) for one in world.torrents.values()] == [
            ("stalledUP", 1.0),
            ("stalledDL", 0.5),
        ]

    def test_a_lost_disk_comes_back(self) -> None:
        """Missing files keep their past; mounted again, they seed on."""
        world = world_of(torrents=[torrent(1)])
        MemoryClient(world).unmount()
        lost = world.torrents[hash_of(1)]
        assert (lost.progress, lost.downloaded_bytes, lost.has_completed) == (0.0, 0, True)
        MemoryClient(world).mount()
        world.pass_time(HOUR)
        assert (world.torrents[hash_of(1)].state, world.torrents[hash_of(1)].progress) == ("stalledUP", 1.0)


class TestSession:
    """One cookie, which changes with every request."""

    def site(self, world: World, path: Path, secret: str) -> MemorySite:
        return MemorySite(world, cookies=CookieStore(path, Secret(secret)))

    def test_each_request_brings_the_next_cookie(self, tmp_path: Path) -> None:
        """It is kept, and the next request uses it."""
        world = world_of()
        site = self.site(world, tmp_path / "mam_id", first := world.session.cookie)
        for _ in range(3):
            site.profile()
        assert world.session.cookie != first
        assert (tmp_path / "mam_id").read_text().splitlines()[0] == world.session.cookie

    def test_two_with_one_cookie_hurt_each_other(self, tmp_path: Path) -> None:
        """Whoever comes second is refused (incident I10)."""
        world = world_of()
        one = self.site(world, tmp_path / "one", world.session.cookie)
        other = self.site(world, tmp_path / "other", world.session.cookie)
        one.profile()
        with pytest.raises(SessionInvalid):
            other.profile()
        one.profile()

    def test_a_new_session_ends_the_old(self, tmp_path: Path) -> None:
        """And a changed secret wins over the file."""
        world = world_of()
        self.site(world, tmp_path / "mam_id", world.session.cookie).profile()
        new = world.session.renew()
        self.site(world, tmp_path / "mam_id", new).profile()

    def test_without_any_cookie_nothing_is_asked(self, tmp_path: Path) -> None:
        """There is none to send."""
        with pytest.raises(MissingCookie):
            self.site(world_of(), tmp_path / "mam_id", "").profile()


class TestTracker:
    """What a torrent's tracker says is what it said at the last announce."""

    def test_an_unregistered_torrent_is_told_at_its_next_announce(self) -> None:
        """Only that one, and not before."""
        world = world_of(torrents=[torrent(1, messages=None), torrent(2, messages=None)])
        world.pass_time(HOUR)
        world.swarms[hash_of(1)] = evolve(world.swarm_of(world.torrents[hash_of(1)]), registered=False)
        assert self.texts(world) == ["", ""]
        world.pass_time(HOUR)
        assert self.texts(world) == [UNREGISTERED, ""]

    def texts(self, world: World) -> list[str]:
        told = MemoryClient(world).with_messages(world.torrents.values())
        return [message.text for one in told for message in one.messages or ()]

    def test_a_past_before_the_world_counts(self) -> None:
        """A torrent that comes with a seeding time has been seen by the site for as long."""
        world = world_of(torrents=[torrent(1)])
        world.pass_time(HOUR)
        assert world.snatches == {
            hash_of(1): Snatch(
                at=NOW - 6 * DAY,
                free=True,
                completed_at=NOW - 6 * DAY + HOUR,
                seeded=5 * DAY + HOUR,
                heard_at=NOW,
            )
        }


def test_the_same_calls_make_the_same_world() -> None:
    """Nothing is drawn, and steps of whatever length add up."""

    def play(seconds: int) -> World:
        world = offering(torrents=[torrent(1), download(2)])
        grab(world)
        for _ in range(DAY // seconds):
            world.pass_time(seconds)
        return world

    assert play(HOUR) == play(HOUR)
    assert play(DAY) == play(HOUR)
