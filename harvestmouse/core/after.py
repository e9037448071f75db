"""The snapshot a plan would leave behind, if the world does what it is told."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harvestmouse.core.model import Snapshot
    from harvestmouse.core.plan import Plan


def after(snapshot: "Snapshot", plan: "Plan") -> "Snapshot":
    """Return *snapshot* as it would be had every action of *plan* succeeded in the same second."""
    # The package has this function from the start, and what it needs only if it is called.
    from harvestmouse.core.effects import carried_out  # noqa: PLC0415

    return carried_out(snapshot, plan)
