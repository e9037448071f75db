"""Write figures into a file for node_exporter's textfile collector, which all jobs share."""

from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import field, frozen
from filelock import FileLock, Timeout
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from harvestmouse.adapters.errors import StateError
from harvestmouse.adapters.metrics import Group, MetricsUnavailable, Sample
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.adapters.metrics.registry import Held, Registry, label_of, merge
from harvestmouse.adapters.state.files import replace_text

# node_exporter runs as a user of its own.
_MODE = 0o644
_LOCK_SECONDS = 10
_JOB_PREFIX = label_of("")


@frozen
class Textfile:
    """A file of figures; see `harvestmouse.adapters.metrics.Publisher`.

    Attributes:
        path: Its name has to end in ``.prom``, or node_exporter passes it by.
        warn: Told where the file held something else and is replaced.
    """

    path: Path = field(converter=Path)
    warn: Callable[[str], None]

    def publish(self, groups: Iterable[Group]) -> None:
        """Replace the figures of these groups, so that a reader sees the old file or the new; never half of one."""
        if not self.path.parent.is_dir():
            raise MetricsUnavailable(f"cannot write {self.path}: {self.path.parent} is no directory")
        try:
            with FileLock(f"{self.path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
                held = merge(self._held(), groups)
                replace_text(self.path, generate_latest(Registry(held)).decode(), _MODE)
        except Timeout:
            raise MetricsUnavailable(f"cannot write {self.path}: another run has locked it") from None
        except OSError as error:
            raise MetricsUnavailable(f"cannot write {self.path}: {error.strerror}") from None
        except StateError as error:
            raise MetricsUnavailable(error.args[0]) from None

    def _held(self) -> Held:
        try:
            return read(self.path.read_bytes().decode())
        except FileNotFoundError:
            return {}
        except ValueError:
            self.warn(f"{self.path} was torn, or not written by this program; it is replaced")
            return {}


def read(text: str) -> Held:
    """Read what `Registry` shows back into groups.

    Raises:
        ValueError: It is no such text, or only part of one.
    """
    if text and not text.endswith("\n"):
        raise ValueError("the last line is not whole")
    held: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            group = _group_of(name, labels.pop("job", ""))
            held.setdefault(group, []).append(Sample(name, value, labels))
    return {group: tuple(samples) for group, samples in held.items()}


def _group_of(name: str, job: str) -> str:
    if name not in CATALOGUE:
        raise ValueError(f"{name} is not in the catalogue")
    owner = CATALOGUE[name].owner
    if (owner is Owner.RUN) != job.startswith(_JOB_PREFIX):
        raise ValueError(f"{name} has no job, or one that is not its own")
    return job.removeprefix(_JOB_PREFIX) if owner is Owner.RUN else owner.group
