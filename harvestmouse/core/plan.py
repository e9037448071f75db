"""A plan: what to do, why, and why everything else was left alone."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from attrs import field, frozen

from harvestmouse.core.actions import Action

# An executor declines a plan older than this: the world has moved on.
MAX_AGE_SECONDS = 600


class Verdict(StrEnum):
    """What was decided about one item."""

    PICK = "pick"
    REJECT = "reject"
    DELETE = "delete"
    KEEP = "keep"
    BUY = "buy"
    HOLD = "hold"
    CHANGE = "change"
    FORCE_START = "force_start"
    RESUME = "resume"
    REANNOUNCE = "reannounce"
    REGISTER = "register"


class Reason(StrEnum):
    """Why an item, or a whole job, was decided as it was; for people and metrics, nothing branches on it."""

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """Attach the sentence that explains the reason."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    sentence: str

    # Why a whole job was skipped.
    PROFILE_UNKNOWN = "profile_unknown", "The site did not tell class, upload, download or points."
    MOUSE_CLASS = "mouse_class", "The account is in class Mouse: the tracker gives no peers."
    LOW_RATIO = "low_ratio", "The ratio is under its floor."
    DOWNLOAD_FREEZE = "download_freeze", "The site refuses downloads until a time it told."
    UNSATISFIED_LIMIT = "unsatisfied_limit", "Unsatisfied torrents are too close to the class's limit."
    UNSATISFIED_UNKNOWN = "unsatisfied_unknown", "The profile does not tell the unsatisfied count."
    HIT_AND_RUN = "hit_and_run", "The account has hit-and-runs."
    CLIENT_FULL = "client_full", "The category holds as many torrents as it may."
    DISK_LOW = "disk_low", "Free space is at or below the reserve."
    QUOTA_FULL = "quota_full", "The category holds as many bytes as it may."
    CLIENT_UNKNOWN = "client_unknown", "The client did not tell its torrents, preferences or free space."
    LEDGER_UNKNOWN = "ledger_unknown", "There is no ledger of what was grabbed before."
    EMPTY_LISTING = "empty_listing", "The client listed no torrent at all."
    SHRUNKEN_LISTING = (
        "shrunken_listing",
        "The client suddenly lists far fewer torrents than the last run left.",
    )

    # Why a search result was picked or rejected.
    SELECTED = "selected", "Among the best, free, in every band, within all budgets."
    MALFORMED = "malformed", "The row cannot be read."
    NOT_FREELEECH = "not_freeleech", "Downloading it would cost this account ratio."
    ALREADY_SNATCHED = "already_snatched", "The account has snatched it before."
    ALREADY_GRABBED = "already_grabbed", "The ledger has it."
    ALREADY_IN_CLIENT = "already_in_client", "The client has a torrent of this name."
    TOO_SMALL = "too_small", "Under the size band."
    TOO_LARGE = "too_large", "Over the size band."
    NO_DEMAND = "no_demand", "Too few leechers."
    OVERSUPPLIED = "oversupplied", "Too many seeders."
    NOT_SELECTED = "not_selected", "Others score higher."
    OVER_BUDGET = "over_budget", "No room in a budget: disk, quota, unsatisfied torrents or wedges."

    # Why a torrent was deleted.
    UNREGISTERED = "unregistered", "Its tracker says it is not registered any more."
    NEVER_STARTED = "never_started", "Nothing was downloaded in all the time since it was added."
    STALLED_OLD = "stalled_old", "The download has stalled for too long."
    GRACEFUL_RETIRE = "graceful_retire", "It has seeded long enough for any torrent."
    ZERO_DEMAND = "zero_demand", "It has owed nothing for long and uploaded nothing."
    SATISFIED_REDUNDANT = "satisfied_redundant", "It owes nothing, and others seed it."

    # Why a torrent was kept.
    PROTECTED = "protected", "It carries a protecting tag."
    TRANSIENT_STATE = (
        "transient_state",
        "The client is checking, moving or in a state this version does not know.",
    )
    CLIENT_ERROR = (
        "client_error",
        "The client reports an error or missing files: a disk or mount problem is no verdict.",
    )
    UNKNOWN = "unknown", "A fact the rules need is missing or absurd."
    HNR_WINDOW = "hnr_window", "It has completed and still owes seed time."
    RECOVERY_HOLD = "recovery_hold", "It is seeded to repair a hit-and-run."
    ACCOUNT_EVENT = (
        "account_event",
        "Most torrents say the same at once: that is the account, not the torrent.",
    )
    PARTIAL_DOWNLOAD = (
        "partial_download",
        "It holds part of the data, and the site forbids partial downloads.",
    )
    DELETION_LIMIT = (
        "deletion_limit",
        "It would go, but this run has deleted its share; the next run continues.",
    )
    ACTIVE = "active", "No rule wants it gone."

    # Why points were spent or held.
    DEFICIT = "deficit", "The account is short of upload, and this is the tier that fits."
    NO_DEFICIT = "no_deficit", "The ratio is at its target."
    TIER_UNAFFORDABLE = "tier_unaffordable", "Not even the smallest automated tier fits the budget."
    PURCHASE_PENDING = (
        "purchase_pending",
        "An earlier purchase is not settled yet, or too recent for the profile to show it.",
    )
    VIP_TOP_UP = "vip_top_up", "VIP can be extended."
    VIP_NOT_NOW = "vip_not_now", "VIP is off, not for this class, too long already, or out of budget."
    OVERFLOW = "overflow", "The balance is at its cap, or would be before the next run: points would be lost."

    # Why a preference or a queued torrent was changed or left.
    WANTED = "wanted", "It differs from what the policy wants."
    OWED_SLOTS = "owed_slots", "Every torrent owing seed time needs an upload slot."
    SUM_OF_SLOTS = "sum_of_slots", "Active torrents must make room for uploads and downloads together."
    AS_WANTED = "as_wanted", "It is as wanted."
    OWED_QUEUED = (
        "owed_queued",
        "It owes seed time and waits in the queue, where the tracker does not see it.",
    )
    OWED_STOPPED = "owed_stopped", "It owes seed time and is stopped."

    # Why a torrent that owes seed time is rescued or left.
    ANNOUNCING = "announcing", "It owes seed time and seeds it: its tracker works."
    OWED_REFUSED = (
        "owed_refused",
        "It owes seed time, and its tracker refuses it, gives no answer or was not asked.",
    )
    OWED_ERROR = (
        "owed_error",
        "It owes seed time and cannot seed: an error, missing files, or data that has to come again.",
    )
    RESCUE_LIMIT = (
        "rescue_limit",
        "It would be started or announced, but this run has done its share; the next run continues.",
    )

    # Why the client's address was registered or not.
    ADDRESS_CHANGED = "address_changed", "The client's address is not the one last registered."
    ADDRESS_REGISTERED = "address_registered", "The client's address is registered."
    ADDRESS_TOO_RECENT = "address_too_recent", "It has changed, but the site takes an address once an hour."
    ADDRESS_ELSEWHERE = (
        "address_elsewhere",
        "The site sees this host at another address than the client's.",
    )
    ADDRESS_UNKNOWN = "address_unknown", "The site or the client does not tell the address."
    ADDRESS_OFF = "address_off", "The policy has it off."


_GUARDS = {
    "grab": "PROFILE_UNKNOWN MOUSE_CLASS LOW_RATIO DOWNLOAD_FREEZE UNSATISFIED_LIMIT UNSATISFIED_UNKNOWN HIT_AND_RUN "
    "CLIENT_FULL DISK_LOW QUOTA_FULL CLIENT_UNKNOWN LEDGER_UNKNOWN",
    "janitor": "CLIENT_UNKNOWN EMPTY_LISTING SHRUNKEN_LISTING",
    "spend": "PROFILE_UNKNOWN",
    "reconcile": "CLIENT_UNKNOWN",
    "monitor": "CLIENT_UNKNOWN",
    "rescue": "CLIENT_UNKNOWN",
    "address": "",
}

_OUTCOMES = {
    "grab": {
        Verdict.PICK: "SELECTED",
        Verdict.REJECT: "MALFORMED NOT_FREELEECH ALREADY_SNATCHED ALREADY_GRABBED ALREADY_IN_CLIENT TOO_SMALL "
        "TOO_LARGE NO_DEMAND OVERSUPPLIED NOT_SELECTED OVER_BUDGET",
    },
    "janitor": {
        Verdict.DELETE: "UNREGISTERED NEVER_STARTED STALLED_OLD GRACEFUL_RETIRE ZERO_DEMAND SATISFIED_REDUNDANT",
        Verdict.KEEP: "PROTECTED TRANSIENT_STATE CLIENT_ERROR UNKNOWN HNR_WINDOW RECOVERY_HOLD ACCOUNT_EVENT "
        "PARTIAL_DOWNLOAD DELETION_LIMIT ACTIVE MALFORMED",
    },
    "spend": {
        Verdict.BUY: "DEFICIT VIP_TOP_UP OVERFLOW",
        Verdict.HOLD: "NO_DEFICIT TIER_UNAFFORDABLE PURCHASE_PENDING VIP_NOT_NOW",
    },
    "reconcile": {
        Verdict.CHANGE: "WANTED OWED_SLOTS SUM_OF_SLOTS",
        Verdict.KEEP: "AS_WANTED UNKNOWN OWED_QUEUED OWED_STOPPED",
        Verdict.FORCE_START: "OWED_QUEUED",
        Verdict.RESUME: "OWED_STOPPED",
    },
    "monitor": {},
    "rescue": {
        Verdict.FORCE_START: "OWED_QUEUED",
        Verdict.RESUME: "OWED_STOPPED",
        Verdict.REANNOUNCE: "OWED_REFUSED",
        Verdict.KEEP: "PROTECTED TRANSIENT_STATE OWED_ERROR UNKNOWN ANNOUNCING OWED_QUEUED OWED_STOPPED OWED_REFUSED "
        "ACCOUNT_EVENT RESCUE_LIMIT",
    },
    "address": {
        Verdict.REGISTER: "ADDRESS_CHANGED",
        Verdict.HOLD: "ADDRESS_REGISTERED ADDRESS_TOO_RECENT ADDRESS_ELSEWHERE ADDRESS_UNKNOWN ADDRESS_OFF",
    },
}

# Every reason each job can give, in the order of its rules: guards first, then by verdict.
GUARDS: Mapping[str, tuple[Reason, ...]] = {
    job: tuple(Reason[name] for name in names.split()) for job, names in _GUARDS.items()
}
OUTCOMES: Mapping[str, Mapping[Verdict, tuple[Reason, ...]]] = {
    job: {verdict: tuple(Reason[name] for name in names.split()) for verdict, names in verdicts.items()}
    for job, verdicts in _OUTCOMES.items()
}


@frozen
class Decision:
    """What was decided about one item, and from which facts.

    Attributes:
        subject: Info-hash, torrent id or key.
        facts: The figures the rules looked at, by names that carry their units.
    """

    subject: str
    decision: Verdict
    reason: Reason
    facts: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Skip:
    """Why a guard ended the job before any action."""

    reason: Reason
    detail: str


@frozen(kw_only=True)
class Plan:
    """Every decision of one job over one snapshot.

    Attributes:
        decided_at: The snapshot's time, unix seconds.
        complete: Whether every source the job needs was there.
        figures: The job's own results, by names that carry their units.
        advice: Sentences for the operator.
        policy: The figures of the policy that were used.
        parts: The plans that this one joins, in their order; none where it is of one job.
    """

    job: str
    decided_at: int
    skip: Skip | None = None
    actions: tuple[Action, ...] = ()
    decisions: tuple[Decision, ...] = ()
    complete: bool = True
    figures: Mapping[str, Any] = field(factory=dict)
    advice: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(factory=dict)
    parts: "tuple[Plan, ...]" = ()

    @classmethod
    def joined(cls, job: str, decided_at: int, parts: "tuple[Plan, ...]") -> Self:
        """Return the plans of several jobs as one: their actions and decisions in order, their figures by job."""
        return cls(
            job=job,
            decided_at=decided_at,
            actions=tuple(action for part in parts for action in part.actions),
            decisions=tuple(decision for part in parts for decision in part.decisions),
            complete=all(part.complete for part in parts),
            figures={part.job: part.figures for part in parts},
            advice=tuple(sentence for part in parts for sentence in part.advice),
            policy={part.job: part.policy for part in parts},
            parts=parts,
        )

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Count the decisions by verdict and reason, with 0 where nothing happened."""
        counts: dict[str, dict[str, int]] = {}
        for job in [part.job for part in self.parts] or [self.job]:
            for verdict, reasons in OUTCOMES[job].items():
                counts.setdefault(verdict.value, {}).update({reason.value: 0 for reason in reasons})
        for decision in self.decisions:
            # Both are words themselves; to ask an enumeration for them takes longer than to count.
            counts[decision.decision][decision.reason] += 1
        return counts

    def count(self, verdict: Verdict, reasons: Iterable[Reason] | None = None) -> int:
        """Count the decisions with this verdict, and one of *reasons* where given."""
        wanted = None if reasons is None else frozenset(reasons)
        return sum(one.decision is verdict and (wanted is None or one.reason in wanted) for one in self.decisions)
