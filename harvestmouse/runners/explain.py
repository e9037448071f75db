"""Explain a job, or one torrent or result of it: live without changing anything, or from a snapshot file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from harvestmouse.adapters.state import journal, ledger
from harvestmouse.adapters.state.journal import Journal
from harvestmouse.adapters.state.ledger import Ledger
from harvestmouse.core import cleanup, cycle, grab, reconcile, rescue
from harvestmouse.core.errors import SubjectError
from harvestmouse.core.explain import (
    Explanation,
    explain_job,
    explain_result,
    explain_torrent,
    find_result,
    find_torrent,
)
from harvestmouse.core.model import LedgerEntry, Snapshot
from harvestmouse.core.policy import Policy
from harvestmouse.core.wire.explanation import unparse_explanations
from harvestmouse.core.wire.plan import dump
from harvestmouse.runners import logs
from harvestmouse.runners.commands import begin, load_settings, read_snapshot
from harvestmouse.runners.explain_words import describe
from harvestmouse.runners.settings import Settings, secrets_of

if TYPE_CHECKING:
    from harvestmouse.runners.ports import Ports

# What can be asked about one thing, and of which jobs. In a cycle reconcile starts no torrents.
_ASKED_OF = {"--torrent": (cleanup.JOB, reconcile.JOB, rescue.JOB, cycle.JOB), "--result": (grab.JOB, cycle.JOB)}
_IN_CYCLE = {"--torrent": (cleanup.JOB, rescue.JOB), "--result": (grab.JOB,)}


@frozen(kw_only=True)
class Asked:
    """What is to be explained, and how.

    Attributes:
        torrent: Info-hash or name of one torrent.
        result: Id or title of one search result.
        snapshot: The file to decide from; otherwise the outside is asked.
    """

    torrent: str | None = None
    result: str | None = None
    snapshot: str | None = None
    as_json: bool = False

    @property
    def about(self) -> tuple[str, ...]:
        """Which flags name what is asked about."""
        given = (("--torrent", self.torrent), ("--result", self.result))
        return tuple(flag for flag, text in given if text is not None)

    def check(self, job: str) -> None:
        """Refuse what cannot be asked of a job.

        Raises:
            SubjectError: It cannot.
        """
        if len(self.about) > 1:
            raise SubjectError(f"{' and '.join(self.about)} are two questions; ask one at a time")
        for flag in self.about:
            if job not in _ASKED_OF[flag]:
                raise SubjectError(f"{flag} cannot be asked of {job}; it goes with {' or '.join(_ASKED_OF[flag])}")


def explain(job: str, options: Mapping[str, Any], asked: Asked) -> int:
    """Print an explanation."""
    asked.check(job)
    settings = load_settings(options)
    seen = _look_now(job, settings, options) if asked.snapshot is None else read_snapshot(asked.snapshot)
    found = about(seen, settings.policy, job, asked)
    text = "\n\n".join("\n".join(describe(one)) for one in found)
    print(dump(unparse_explanations(found)) if asked.as_json else text)  # noqa: T201 - it is the result
    return 0


def about(snapshot: Snapshot, policy: Policy, job: str, asked: Asked) -> tuple[Explanation, ...]:
    """Explain a job, or one torrent or result of it, by identity or name.

    A job that was skipped has decided about nothing, so its guards are the answer whatever was asked for. A cycle is
    explained job by job, those that decide about what was asked for.

    Raises:
        SubjectError: No torrent or result is meant, or several are.
    """
    if job == cycle.JOB:
        asked_of = next((_IN_CYCLE[flag] for flag in asked.about), cycle.ORDER)
        steps = [(plan.job, seen) for plan, seen in cycle.steps(snapshot, policy) if plan.job in asked_of]
        return tuple(one for step, seen in steps for one in about(seen, policy, step, asked))
    itself = explain_job(snapshot, policy, job)
    if itself[0].skip is not None:
        return itself
    if asked.torrent is not None:
        info_hash = find_torrent(snapshot, policy.client.category, asked.torrent)
        return (explain_torrent(snapshot, policy, info_hash, job),)
    if asked.result is not None:
        return (explain_result(snapshot, policy, find_result(snapshot, asked.result)),)
    return itself


def look(job: str, ports: "Ports") -> Snapshot:
    """Fetch what the job would decide from, and leave every file but the session's cookie as it is."""
    from harvestmouse.runners.fetch import FETCH  # noqa: PLC0415 - a file needs no adapters
    from harvestmouse.runners.run import opened  # noqa: PLC0415

    settings = ports.settings
    ports.ledger = _UnwrittenLedger(settings.general.state_dir / ledger.NAME)
    ports.journal = _UnwrittenJournal(settings.general.state_dir / journal.NAME)
    with opened(job, ports):
        return FETCH[job](ports, settings.policy)


def _look_now(job: str, settings: Settings, options: Mapping[str, Any]) -> Snapshot:
    from harvestmouse.runners.interrupt import deadline  # noqa: PLC0415
    from harvestmouse.runners.ports import Ports  # noqa: PLC0415

    run_id = begin(job, options, "warning")
    logs.hide(secrets_of(settings))
    with deadline(settings.general.deadline.total_seconds()):
        return look(job, Ports(settings, run_id=run_id))


@frozen
class _UnwrittenLedger(Ledger):
    """The ledger of a run that only looks: what a job would settle in it is seen, and not written."""

    added: list[LedgerEntry] = field(factory=list)

    def entries(self) -> tuple[LedgerEntry, ...]:
        return (*super().entries(), *self.added)

    def append(self, entry: LedgerEntry) -> None:
        self.added.append(entry)


@frozen
class _UnwrittenJournal(Journal):
    """The same for the purchase journal."""

    closings: list[int] = field(factory=list)

    def close(self, at: int, outcome: str) -> None:  # noqa: ARG002 - a journal's shape
        self.closings.append(at)

    def last_closed(self) -> int | None:
        return self.closings[-1] if self.closings else super().last_closed()
