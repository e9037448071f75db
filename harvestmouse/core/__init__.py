"""The decision engine: values in, plans out; no I/O, no clock, no randomness, no logging."""

from harvestmouse.core.address import plan_address
from harvestmouse.core.after import after
from harvestmouse.core.attribution import plan_monitor
from harvestmouse.core.cleanup import plan_cleanup
from harvestmouse.core.cycle import plan_cycle
from harvestmouse.core.grab import plan_grab
from harvestmouse.core.guarantees import check
from harvestmouse.core.jobs import JOBS
from harvestmouse.core.model import (
    AccountClass,
    Connection,
    LedgerEntry,
    Preferences,
    Profile,
    SearchPage,
    SearchResult,
    Snapshot,
    Torrent,
    TrackerMessage,
)
from harvestmouse.core.plan import Decision, Plan, Reason, Skip, Verdict
from harvestmouse.core.policy import FIELD, PRESETS, SEED, Policy
from harvestmouse.core.reconcile import plan_reconcile
from harvestmouse.core.rescue import plan_rescue
from harvestmouse.core.search import next_query
from harvestmouse.core.spend import plan_spend
from harvestmouse.core.wire import parse_snapshot

__all__ = [
    "FIELD",
    "JOBS",
    "PRESETS",
    "SEED",
    "AccountClass",
    "Connection",
    "Decision",
    "LedgerEntry",
    "Plan",
    "Policy",
    "Preferences",
    "Profile",
    "Reason",
    "SearchPage",
    "SearchResult",
    "Skip",
    "Snapshot",
    "Torrent",
    "TrackerMessage",
    "Verdict",
    "after",
    "check",
    "next_query",
    "parse_snapshot",
    "plan_address",
    "plan_cleanup",
    "plan_cycle",
    "plan_grab",
    "plan_monitor",
    "plan_reconcile",
    "plan_rescue",
    "plan_spend",
]
