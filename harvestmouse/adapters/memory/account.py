"""The account's rules: its classes, what it owes for every torrent, what points buy."""

from attrs import define, evolve

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass, Profile
from harvestmouse.core.units import DAY, GIB, HOUR, WEEK
from harvestmouse.core.wire.mam import PurchaseReply

# What an automated buyer may buy, and for how many points.
LEAST_UPLOAD_GIB = 50
PRICE_PER_GIB = 500
VIP_WEEKS = (4, 8, 12)
PRICE_PER_VIP_WEEK = 1_250
VIP_AHEAD_SECONDS = 90 * DAY
BALANCE_CAP = 99_999
# Of the unsatisfied limit: a member is new for four weeks. What class Mouse may have is not documented; as the new.
NEW_SECONDS = 4 * WEEK
UNSAT_LIMITS = {
    AccountClass.MOUSE: 20,
    AccountClass.USER: 50,
    AccountClass.POWER_USER: 100,
    AccountClass.VIP: 150,
    AccountClass.ELITE_VIP: 200,
}
_VIPS = (AccountClass.VIP, AccountClass.ELITE_VIP)
_LEAST_RATIO, _POWER_RATIO, _POWER_BYTES = 1.0, 2.0, 25 * GIB
# Rule 2.5: every torrent is seeded 72 hours, within 30 days of its completion. A download that was never complete and
# that nobody has heard of for two weeks is forgotten.
SEED_TIME_SECONDS = 72 * HOUR
HIT_AND_RUN_SECONDS = 30 * DAY
FORGOTTEN_SECONDS = 2 * WEEK


@define(kw_only=True)
class Snatch:
    """What the site has counted of one torrent, by the announces its tracker took.

    Attributes:
        at: When it was first announced, unix seconds.
        free: Whether its download was free for this account.
        completed_at: When it was complete; 0 where it never was.
        seeded: Seconds.
        heard_at: When it was last announced.
    """

    at: int
    free: bool
    completed_at: int = 0
    seeded: int = 0
    heard_at: int = 0

    @property
    def is_satisfied(self) -> bool:
        """Whether it has been seeded as long as rule 2.5 asks."""
        return self.seeded >= SEED_TIME_SECONDS

    def is_hit_and_run(self, now: int) -> bool:
        """Whether its time to be seeded is over."""
        return self.completed_at > 0 and not self.is_satisfied and now > self.completed_at + HIT_AND_RUN_SECONDS

    def is_forgotten(self, now: int) -> bool:
        """Whether it was never complete, and is not even tried any more."""
        return self.completed_at == 0 and now > self.heard_at + FORGOTTEN_SECONDS


def reclassed(profile: Profile, now: int, age: int) -> Profile:
    """Return the account in the class that its figures give it; one whose class or ratio is unknown stays as it is.

    Args:
        profile: The account.
        now: Unix seconds.
        age: Of the membership, seconds.
    """
    if profile.account_class is None or profile.ratio is None:
        return profile
    rung = _rung(profile, profile.ratio, now, age)
    if rung is profile.account_class:
        return profile
    limit = UNSAT_LIMITS[AccountClass.MOUSE if age < NEW_SECONDS else rung]
    return evolve(profile, account_class=rung, class_name=rung.value, unsat_limit=limit)


def _rung(profile: Profile, ratio: float, now: int, age: int) -> AccountClass:
    if ratio < _LEAST_RATIO:
        return AccountClass.MOUSE
    # A VIP whose end is unknown is one for good.
    known = profile.account_class if profile.account_class in _VIPS else None
    if profile.vip_until is None and known is not None:
        return known
    if (profile.vip_until or 0) > now:
        return known or AccountClass.VIP
    powerful = age >= NEW_SECONDS and (profile.uploaded_bytes or 0) >= _POWER_BYTES and ratio >= _POWER_RATIO
    return AccountClass.POWER_USER if powerful else AccountClass.USER


def credited(profile: Profile, *, points: int = 0, uploaded: int = 0, downloaded: int = 0) -> Profile:
    """Return the account with what it has earned, points under the site's cap; what is unknown stays unknown."""
    balance, up, down = profile.bonus_points, profile.uploaded_bytes, profile.downloaded_bytes
    return evolve(
        profile,
        bonus_points=None if balance is None else max(balance, min(balance + points, BALANCE_CAP)),
        uploaded_bytes=None if up is None else up + uploaded,
        downloaded_bytes=None if down is None else down + downloaded,
    )


def sell(profile: Profile, purchase: BuyUpload | BuyVip, price_per_gib: int, now: int) -> tuple[Profile, PurchaseReply]:
    """Sell to an automated buyer, or refuse in the site's words; return the account as it is then, and the reply."""
    if isinstance(purchase, BuyUpload):
        why = None
        if purchase.gib < LEAST_UPLOAD_GIB:
            why = "Automated spenders are limited to buying at least 50 GB of upload at a time, due to log spam"
        bought, cost = credited(profile, uploaded=purchase.gib * GIB), purchase.gib * price_per_gib
    else:
        start = max(profile.vip_until or 0, now)
        weeks = min(purchase.weeks, (now + VIP_AHEAD_SECONDS - start) // WEEK)
        why = None if weeks > 0 else "Min VIP is 1 week purchased for Automated methods"
        if purchase.weeks not in VIP_WEEKS or profile.account_class in (AccountClass.MOUSE, AccountClass.USER):
            why = "Invalid duration specified"
        bought, cost = evolve(profile, vip_until=start + weeks * WEEK), weeks * PRICE_PER_VIP_WEEK
    left = (profile.bonus_points or 0.0) - cost
    if why is None and left < 0:
        why = "Not enough bonus, s1"
    if why is not None:
        return profile, PurchaseReply(success=False, error=why)
    return evolve(bought, bonus_points=left), PurchaseReply(success=True, bonus_points=left)
