"""The jobs by name: each a pure function from a snapshot and a policy to a plan."""

from collections.abc import Callable, Mapping

from harvestmouse.core import address, attribution, cleanup, grab, reconcile, rescue, spend
from harvestmouse.core.model import Snapshot
from harvestmouse.core.plan import Plan
from harvestmouse.core.policy import Policy

JOBS: Mapping[str, Callable[[Snapshot, Policy], Plan]] = {
    grab.JOB: grab.plan_grab,
    cleanup.JOB: cleanup.plan_cleanup,
    spend.JOB: spend.plan_spend,
    reconcile.JOB: reconcile.plan_reconcile,
    attribution.JOB: attribution.plan_monitor,
    rescue.JOB: rescue.plan_rescue,
    address.JOB: address.plan_address,
}
