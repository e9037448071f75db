"""What several clients tell, as one world: the torrents of all, each with its client's name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from harvestmouse.core.model import Connection, Malformed, Torrent

Listed = tuple[Iterable[Torrent], Iterable[Malformed]]

# The worst word for a connection comes first.
_WORST = ("disconnected", "firewalled", "connected")


def united(listed: Mapping[str, Listed]) -> tuple[tuple[Torrent, ...], tuple[Malformed, ...]]:
    """Return the torrents of all clients, and the rows that nothing may act on.

    Two clients that hold one info-hash tell two stories about it, so that it becomes malformed.

    Args:
        listed: By the clients' names, what each lists.
    """
    torrents = [evolve(one, client=name) for name, (rows, _) in listed.items() for one in rows]
    malformed = [evolve(row, client=name) for name, (_, rows) in listed.items() for row in rows]
    holders = Counter(one.hash for one in torrents) + Counter(row.subject for row in malformed)
    categories: dict[str, set[str | None]] = {}
    names: dict[str, set[str]] = {}
    for one in torrents:
        if holders[one.hash] > 1:
            categories.setdefault(one.hash, set()).add(one.category)
            names.setdefault(one.hash, set()).add(one.name)
    for row in malformed:
        if row.subject in categories:
            categories[row.subject].add(row.category)
            names[row.subject] |= row.names or {""}
    twice = (
        Malformed(
            subject=key,
            problem="two clients hold it",
            category=found.pop() if len(found) == 1 else None,
            names=frozenset(names[key]),
        )
        for key, found in categories.items()
    )
    return (
        tuple(one for one in torrents if holders[one.hash] == 1),
        tuple(sorted((*(row for row in malformed if row.subject not in categories), *twice), key=_subject)),
    )


def joined(connections: Sequence[Connection | None]) -> Connection | None:
    """Return one connection for all clients: the worst word, the sums, and the addresses that all of them share.

    An address that only one of them is seen at says nothing of the others, and one that tells none may be anywhere.
    """
    told = [one for one in connections if one is not None]
    if not told:
        return None
    words = {one.status for one in told} - {None}
    shared = told[0].addresses if len(told) == len(connections) else frozenset[str]()
    for one in told[1:]:
        shared &= one.addresses
    return Connection(
        status=next((word for word in (*_WORST, *sorted(map(str, words))) if word in words), None),
        dht_nodes=_sum(one.dht_nodes for one in told),
        download_speed=_sum(one.download_speed for one in told),
        upload_speed=_sum(one.upload_speed for one in told),
        addresses=shared,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _subject(row: Malformed) -> tuple[str, str]:
    return row.subject, row.client or ""
