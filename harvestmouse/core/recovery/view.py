"""A snapshot with what is wanted of it, as all parts of a way back look at it."""

from functools import cached_property

from attrs import frozen

from harvestmouse.core.guards import unsat_ceiling, unsat_limit, unsat_used
from harvestmouse.core.model import AccountClass, Profile, Snapshot, Torrent
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy
from harvestmouse.core.rescue import plan_rescue
from harvestmouse.core.spend import SITE_RATIO
from harvestmouse.core.units import counted


@frozen
class View:
    """A snapshot, what is wanted, and what the jobs would decide."""

    snapshot: Snapshot
    policy: Policy

    @property
    def now(self) -> int:
        """Return the time of the snapshot, unix seconds."""
        return self.snapshot.taken_at

    @property
    def profile(self) -> Profile:
        """Return the profile, of which everything may be unknown."""
        return self.snapshot.profile or Profile()

    @property
    def ratio(self) -> float:
        """Return the ratio; 0 where it is unknown, so that it is never taken for enough."""
        return self.profile.ratio or 0.0

    @property
    def is_mouse(self) -> bool:
        """Whether the account is in class Mouse."""
        return self.profile.account_class is AccountClass.MOUSE

    @property
    def lacks_credit(self) -> bool:
        """Whether its ratio keeps the account in class Mouse; the site shows a purchase after a while only."""
        return self.is_mouse and self.ratio < SITE_RATIO

    @property
    def goal(self) -> float:
        """Return the ratio at which the account is neither in class Mouse nor kept from grabbing."""
        return max(SITE_RATIO, self.policy.grab.ratio_floor)

    @property
    def managed(self) -> tuple[Torrent, ...]:
        """Return the torrents of the managed category."""
        return self.snapshot.managed(self.policy.client.category)

    @cached_property
    def rescue(self) -> Plan:
        """Return what rescue would decide."""
        return plan_rescue(self.snapshot, self.policy)

    @property
    def is_frozen(self) -> bool:
        """Whether the site refuses downloads."""
        until = self.snapshot.download_freeze_until
        return until is not None and until > self.now

    @property
    def is_unsatisfied(self) -> bool:
        """Whether grab is held by the limit of unsatisfied torrents."""
        used, limit = unsat_used(self.snapshot), unsat_limit(self.snapshot.profile)
        return used is not None and limit is not None and used >= unsat_ceiling(self.snapshot, limit, self.policy.grab)


def torrents(count: int) -> str:
    """Write a number of torrents."""
    return counted(count, "torrent")
