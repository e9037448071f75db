"""Which tracker each torrent belongs to, and how they do there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve

from harvestmouse.core.model import Snapshot, Torrent
from harvestmouse.core.plan import Plan, Reason, Skip
from harvestmouse.core.policy import CleanupPolicy, Policy, figures

JOB = "monitor"

UNKNOWN = "unknown"

# What the client's words for a torrent's state come down to; queued and stopped torrents neither seed nor download.
_STATES = {
    "seeding": ("uploading", "stalledUP", "forcedUP"),
    "downloading": ("downloading", "stalledDL", "forcedDL", "metaDL", "forcedMetaDL"),
    "queued": ("queuedUP", "queuedDL"),
    "stopped": ("pausedUP", "pausedDL", "stoppedUP", "stoppedDL"),
    "checking": ("checkingUP", "checkingDL", "checkingResumeData", "moving", "allocating"),
    "error": ("error", "missingFiles"),
}
_STATE_OF = {word: state for state, words in _STATES.items() for word in words}
STATES = (*_STATES, UNKNOWN)


def plan_monitor(snapshot: Snapshot, policy: Policy) -> Plan:
    """Count what the client holds for each tracker.

    Args:
        snapshot: Needs the torrents of every category; tells the client's connection where it is known.
        policy: Its sections ``monitor``, and ``cleanup`` for the site's seed time.

    Returns:
        A plan with nothing to do; its figures are the result.
    """
    plan = Plan(
        job=JOB,
        decided_at=snapshot.taken_at,
        complete=snapshot.torrents is not None and snapshot.connection is not None and not snapshot.missing_clients,
        policy=figures(policy.monitor),
    )
    if snapshot.torrents is None:
        skip = Skip(reason=Reason.CLIENT_UNKNOWN, detail="the client's torrent list is missing")
        return evolve(plan, skip=skip, figures=_connection(snapshot))
    labels = labels_of(policy.monitor.labels)
    groups: dict[str, list[Torrent]] = {}
    for torrent in snapshot.torrents:
        groups.setdefault(label_of(torrent, labels), []).append(torrent)
    return evolve(
        plan,
        figures={
            **_connection(snapshot),
            "malformed_torrents": len(snapshot.malformed_torrents),
            "trackers": {label: _statistics(groups[label], policy.cleanup) for label in sorted(groups)},
        },
    )


def labels_of(words: Iterable[str]) -> Mapping[str, str]:
    """Read ``name=label`` pairs; of two for one name the last holds."""
    pairs = (word.partition("=") for word in words)
    return {name.strip(): label.strip() for name, _, label in pairs}


def label_of(torrent: Torrent, labels: Mapping[str, str]) -> str:
    """Name the tracker a torrent belongs to.

    The category comes first: a queued torrent may not know its tracker yet (incident I6). Then comes the tracker's
    host, by the nearest domain that has a label; one that has none stands for itself.
    """
    if torrent.category is not None and torrent.category in labels:
        return labels[torrent.category]
    host = (torrent.tracker_host or "").rstrip(".").lower()
    parts = host.split(".")
    domains = (".".join(parts[start:]) for start in range(len(parts)))
    return next((labels[domain] for domain in domains if domain in labels), host or UNKNOWN)


def _statistics(torrents: Sequence[Torrent], policy: CleanupPolicy) -> dict[str, Any]:
    uploaded = _sum(torrent.uploaded_bytes for torrent in torrents)
    downloaded = _sum(torrent.downloaded_bytes for torrent in torrents)
    states = [_STATE_OF.get(torrent.state or "", UNKNOWN) for torrent in torrents]
    return {
        "torrents": len(torrents),
        "states": {state: states.count(state) for state in STATES},
        "uploaded_bytes": uploaded,
        "downloaded_bytes": downloaded,
        "ratio": _ratio(uploaded, downloaded),
        "size_bytes": _sum(torrent.size_bytes for torrent in torrents),
        "seeding_seconds": _sum(torrent.seeding_time for torrent in torrents),
        "unsatisfied": sum(_is_unsatisfied(torrent, policy) for torrent in torrents),
    }


def _is_unsatisfied(torrent: Torrent, policy: CleanupPolicy) -> bool:
    """Tell whether it has completed and lacks seed time as the site has it, without the janitor's margin."""
    return torrent.has_completed is True and (torrent.seeded_seconds or 0) < policy.seed_time.total_seconds()


def _sum(values: Iterable[int | None]) -> int | None:
    """Add up what is known; unknown where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _ratio(uploaded: int | None, downloaded: int | None) -> float | str | None:
    if uploaded is None or downloaded is None:
        return None
    # JSON has no infinity.
    return uploaded / downloaded if downloaded else "∞"


def _connection(snapshot: Snapshot) -> dict[str, Any]:
    connection = snapshot.connection
    return {
        "connection_status": None if connection is None else connection.status,
        "dht_nodes": None if connection is None else connection.dht_nodes,
        "download_bytes_per_second": None if connection is None else connection.download_speed,
        "upload_bytes_per_second": None if connection is None else connection.upload_speed,
    }
