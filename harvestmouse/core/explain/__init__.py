"""Why something was decided as it was, and what would have to change, by how much, for another verdict."""

from harvestmouse.core.explain.find import find_result, find_torrent
from harvestmouse.core.explain.model import Condition, Explanation, Flip, Outcome, Step
from harvestmouse.core.explain.subjects import explain_job, explain_result, explain_torrent

__all__ = [
    "Condition",
    "Explanation",
    "Flip",
    "Outcome",
    "Step",
    "explain_job",
    "explain_result",
    "explain_torrent",
    "find_result",
    "find_torrent",
]
