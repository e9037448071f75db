"""The JSON form of a way back."""

from typing import Any

from attrs import asdict

from harvestmouse.core.recovery import Way

FORMAT = "harvestmouse-recovery/1"


def unparse_way(way: Way) -> dict[str, Any]:
    """Return the JSON form of a way; a time that nobody can tell is null."""
    return {
        "format": FORMAT,
        "taken_at": way.taken_at,
        "state": way.states[0],
        "states": list(way.states),
        "figures": way.figures,
        "steps": [asdict(step) for step in way.steps],
        "unknown": [asdict(one) for one in way.unknown],
    }
