"""Find the torrent or the result that somebody means by what they typed."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from harvestmouse.core.errors import SubjectError
from harvestmouse.core.model import SearchResult, Snapshot, Torrent

_SHOWN = 8

One = TypeVar("One", Torrent, SearchResult)


def find_torrent(snapshot: Snapshot, category: str, text: str) -> Torrent:
    """Return the managed torrent of this info-hash or name: exactly, else by a part of it, whatever the case.

    Raises:
        SubjectError: None is meant, or more than one; the text lists those.
    """
    managed = snapshot.managed(category)
    try:
        return _find(managed, text, lambda one: (one.hash, one.name), "torrent")
    except SubjectError:
        for one in snapshot.torrents or ():
            if text in (one.hash, one.name) and one.category != category:
                where = f"the category {one.category!r}" if one.category else "no category"
                problem = f"torrent {text!r} is in {where}; only torrents of {category!r} are looked at"
                raise SubjectError(problem) from None
        raise


def find_result(snapshot: Snapshot, text: str) -> SearchResult:
    """Return the search result of this id or title: exactly, else by a part of the title, whatever the case.

    Raises:
        SubjectError: None is meant, or more than one; the text lists those.
    """
    rows = {one.id: one for page in snapshot.searches or () for one in page.results}
    return _find(tuple(rows.values()), text, lambda one: (str(one.id), one.title), "result")


def _find(among: Sequence[One], text: str, names: Callable[[One], tuple[str, str]], kind: str) -> One:
    wanted = text.strip().casefold()
    exact = [one for one in among if text.strip() in names(one) or wanted == names(one)[0]]
    part = [one for one in among if wanted and (wanted in names(one)[1].casefold() or names(one)[0].startswith(wanted))]
    for found in (exact, part):
        if len(found) == 1:
            return found[0]
        if found:
            raise SubjectError(f"{kind} {text!r} may be any of: {_list(map(names, found))}; give more of it")
    if not among:
        raise SubjectError(f"{kind} {text!r} is not there: the snapshot has no {kind} to explain")
    raise SubjectError(f"{kind} {text!r} is not there; there are {len(among)}: {_list(map(names, among))}")


def _list(names: Iterable[tuple[str, str]]) -> str:
    listed = [f"{name!r} ({identity})" for identity, name in names]
    more = f", and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
