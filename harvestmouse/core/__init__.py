"""The decision engine: values in, plans out; no I/O, no clock, no randomness, no logging.

Its modules are loaded when something of theirs is first asked for: few programs need all of them.
"""

from typing import TYPE_CHECKING

# At once, since the module of the same name would stand in its place.
from harvestmouse.core.after import after
from harvestmouse.core.late import late

if TYPE_CHECKING:
    from harvestmouse.core.address import plan_address
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

_HOMES = {
    "plan_address": "address",
    "plan_monitor": "attribution",
    "plan_cleanup": "cleanup",
    "plan_cycle": "cycle",
    "plan_grab": "grab",
    "check": "guarantees",
    "JOBS": "jobs",
    "AccountClass": "model",
    "Connection": "model",
    "LedgerEntry": "model",
    "Preferences": "model",
    "Profile": "model",
    "SearchPage": "model",
    "SearchResult": "model",
    "Snapshot": "model",
    "Torrent": "model",
    "TrackerMessage": "model",
    "Decision": "plan",
    "Plan": "plan",
    "Reason": "plan",
    "Skip": "plan",
    "Verdict": "plan",
    "FIELD": "policy",
    "PRESETS": "policy",
    "SEED": "policy",
    "Policy": "policy",
    "plan_reconcile": "reconcile",
    "plan_rescue": "rescue",
    "next_query": "search",
    "plan_spend": "spend",
    "parse_snapshot": "wire",
}

if not TYPE_CHECKING:
    __getattr__ = late(__name__, _HOMES)
