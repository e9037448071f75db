"""What can go wrong in the core.

::

    HarvestmouseError            everything this project raises on purpose
    ├── UnitError                a size or a duration that cannot be read
    ├── PolicyError              a figure of the policy is out of range
    ├── SnapshotError            a snapshot is not what its format says
    ├── PlanError                a plan's JSON form is not what its format says
    ├── RecordingError           a recording cannot be read
    └── SubjectError             no torrent or result, or more than one, is what was asked for

The adapters grow their own branch of the same tree (`harvestmouse.adapters.errors`).
"""


class HarvestmouseError(Exception):
    """Base of every error this project raises on purpose; its text is for the operator."""


class UnitError(HarvestmouseError, ValueError):
    """A size or a duration that cannot be read."""


class PolicyError(HarvestmouseError, ValueError):
    """A figure of the policy is out of range."""


class SnapshotError(HarvestmouseError):
    """A snapshot is not what its format says."""


class PlanError(HarvestmouseError):
    """A plan's JSON form is not what its format says."""


class RecordingError(HarvestmouseError):
    """A recording cannot be read, or there is none."""


class SubjectError(HarvestmouseError):
    """No torrent or result, or more than one, is what was asked for."""
