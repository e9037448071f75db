"""Say how policies differ over a history: tables, and a verdict with what the data cannot tell."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from harvestmouse.core import cleanup, grab, spend
from harvestmouse.core.compare import SCORE_STEPS, Comparison, Result, Upload
from harvestmouse.core.estimate import LEAST_VALUES, Estimate
from harvestmouse.core.plan import Reason
from harvestmouse.core.units import counted, format_size, format_span
from harvestmouse.runners.words import clean, table

# One rule that refuses nine in ten, of at least so many results, all but decides what a policy picks.
# One rule that leaves a tenth or less of at least so many results.
_HARDLY_ANY, _LEAST_RESULTS = 0.1 + 1e-9, 10
# So many times as much left by another policy is worth saying, however little it is.
_MANY_TIMES = 3
_HAD = (Reason.ALREADY_SNATCHED, Reason.ALREADY_GRABBED, Reason.ALREADY_IN_CLIENT)
# Counts are far apart where one is at least twice the other, and by at least so many.
_FACTOR, _LEAST_GAP = 2, 3

_FIGURES = {
    "oversupplied": "grab.seeder_ceiling",
    "no_demand": "grab.leecher_floor",
    "too_small": "grab.min_size",
    "too_large": "grab.max_size",
}
_COUNTS: Mapping[str, Callable[[Result], int]] = {
    "skipped runs of grab": lambda one: sum(one.skips.get(grab.JOB, {}).values()),
    "picks": lambda one: one.picks,
    "skipped runs of janitor": lambda one: sum(one.skips.get(cleanup.JOB, {}).values()),
    "deletions": lambda one: sum(one.deletions.values()),
    "purchases": lambda one: one.purchases,
}
_Row = tuple[str, ...]


def describe(comparison: Comparison, sentences: Iterable[str]) -> str:
    """Return the comparison for people."""
    figures, uploads = tables(comparison)
    verdict_lines = ("Verdict", *(f"  {clean(sentence)}" for sentence in sentences))
    return "\n".join((table(figures), "", table(uploads), "", *verdict_lines))


def tables(comparison: Comparison) -> tuple[list[_Row], list[_Row]]:
    """Return the figures and the uploads side by side, each with its head; a row that begins with spaces is a part."""
    names = [clean(one.name) for one in comparison.results]
    figures = [("", *names), *_settings(comparison)]
    figures += [*_grab(comparison), *_janitor(comparison), *_spend(comparison)]
    return figures, [("upload a GiB a day", "recorded", *names), *_uploads(comparison)]


def verdict(comparison: Comparison, unread: Sequence[str] = ()) -> list[str]:
    """Return what the comparison shows, and then what it cannot show, a sentence each."""
    return [
        *_refusals(comparison),
        *_counts(comparison),
        *_later(comparison),
        *_yields(comparison),
        *_gaps(comparison),
        *_limits(comparison, unread),
    ]


def _settings(comparison: Comparison) -> Iterator[_Row]:
    for key, by_policy in comparison.differences.items():
        yield (key, *(_figure(by_policy[one.name]) for one in comparison.results))


def _figure(value: Any) -> str:
    """Write a figure; what is on or off the way a configuration has it."""
    return clean(str(value).lower() if isinstance(value, bool) else str(value))


def _grab(comparison: Comparison) -> Iterator[_Row]:
    results = comparison.results
    yield from _runs(comparison, grab.JOB)
    yield ("results looked at", *(str(one.results) for one in results))
    for reason in _reasons(one.rejections for one in results):
        yield (f"  {reason}", *(_part(one.rejections.get(reason, 0), one.results) for one in results))
    yield ("picks", *(str(one.picks) for one in results))
    yield ("  disk at most", *(format_size(one.peak_bytes) for one in results))


def _janitor(comparison: Comparison) -> Iterator[_Row]:
    results = comparison.results
    yield from _runs(comparison, cleanup.JOB)
    yield ("deletions", *(str(sum(one.deletions.values())) for one in results))
    for reason in _reasons(one.deletions for one in results):
        yield (f"  {reason}", *(str(one.deletions.get(reason, 0)) for one in results))
    yield ("  freed", *(format_size(one.freed_bytes) for one in results))
    yield ("  uploading later", *(str(one.later.uploading) for one in results))
    yield ("  idle later", *(str(one.later.idle) for one in results))
    yield ("  not seen later", *(str(one.later.unseen) for one in results))
    yield ("  upload missed", *(format_size(one.later.uploaded_bytes) for one in results))


def _spend(comparison: Comparison) -> Iterator[_Row]:
    yield from _runs(comparison, spend.JOB)
    yield ("purchases", *(str(one.purchases) for one in comparison.results))
    yield ("  points", *(f"{one.points} BP" for one in comparison.results))


def _runs(comparison: Comparison, job: str) -> Iterator[_Row]:
    results = comparison.results
    yield (f"{job} runs", *(str(comparison.runs.get(job, 0)) for _ in results))
    for reason in _reasons(one.skips.get(job, {}) for one in results):
        yield (f"  skipped: {reason}", *(str(one.skips.get(job, {}).get(reason, 0)) for one in results))


def _uploads(comparison: Comparison) -> Iterator[_Row]:
    columns: list[Upload] = [comparison.upload, *(one.upload for one in comparison.results)]
    yield ("all picks", *(_amount(one.all) for one in columns))
    ends = [f"below {SCORE_STEPS[0]}", *(f"{low} to {high}" for low, high in pairwise(SCORE_STEPS))]
    for index, name in enumerate([*ends, f"{SCORE_STEPS[-1]} and more"]):
        if any(one.by_score[index].count for one in columns):
            yield (f"  score {name}", *(_amount(one.by_score[index]) for one in columns))


def _refusals(comparison: Comparison) -> Iterator[str]:
    for reason in _reasons(one.rejections for one in comparison.results):
        looked = [one for one in comparison.results if _open(one) >= _LEAST_RESULTS]
        left = {one.name: 1 - one.rejections.get(reason, 0) / _open(one) for one in looked}
        least = min(left.values(), default=1.0)
        rest = [one for one in looked if left[one.name] > least and left[one.name] >= least * _MANY_TIMES]
        most = [one for one in looked if one not in rest]
        if rest and all(left[one.name] <= _HARDLY_ANY for one in most):
            said = "; ".join(_refusal(one, reason, comparison) for one in [*most, *rest])
            names = _names(most)
            yield f"One rule refuses nearly everything under {names}, and all but decides what is picked. {said}."


def _refusal(result: Result, reason: str, comparison: Comparison) -> str:
    key = _FIGURES.get(reason, "")
    figure = comparison.differences.get(key, {}).get(result.name)
    setting = "" if figure is None else f" with {key} = {figure}"
    count, of = result.rejections.get(reason, 0), _open(result)
    which = "results looked at" if of == result.results else "results looked at that the account had not taken before"
    return f"{result.name} refuses {count} of {of} {which} ({100 * count / of:.1f} %) as {reason}{setting}"


def _open(result: Result) -> int:
    """Count the results that a policy can have an opinion on: the others are refused as what the account has."""
    return result.results - sum(result.rejections.get(reason.value, 0) for reason in _HAD)


def _counts(comparison: Comparison) -> Iterator[str]:
    near = []
    for name, count in _COUNTS.items():
        counts = [count(one) for one in comparison.results]
        if max(counts) >= min(counts) * _FACTOR and max(counts) - min(counts) >= _LEAST_GAP:
            said = ", ".join(f"{one.name} {count(one)}" for one in comparison.results)
            yield f"A large difference in {name}: {said}."
        elif max(counts) != min(counts):
            near.append(name)
    if near:
        yield f"The differences in {', '.join(near)} are small; another history may turn them round."
    if not comparison.differences:
        yield "The policies have the same figures."


def _later(comparison: Comparison) -> Iterator[str]:
    for one in comparison.results:
        deleted, later = sum(one.deletions.values()), one.later
        seen = later.uploading + later.idle
        if seen:
            said = f"Of {counted(deleted, 'torrent')} that {one.name} deletes, the history shows {seen} later on: "
            said += f"{later.uploading} of those met a later demand{_percent(later.share)}"
            yield f"{said}; nothing can be told of the other {later.unseen}." if later.unseen else f"{said}."
        elif deleted:
            yield (
                f"No later recording shows what {one.name} deletes ({counted(deleted, 'torrent')}), so whether it "
                "would have met a demand cannot be told."
            )
    for one, other in combinations(comparison.results, 2):
        if one.later.share.differs(other.later.share):
            more, less = sorted((one, other), key=lambda each: each.later.share.value or 0.0, reverse=True)
            yield f"{more.name} deletes more of what is still wanted than {less.name}: the intervals lie apart."


def _yields(comparison: Comparison) -> Iterator[str]:
    for one, other in combinations(comparison.results, 2):
        differs = one.upload.all.differs(other.upload.all)
        if differs:
            more, less = sorted((one, other), key=lambda each: each.upload.all.value or 0.0, reverse=True)
            yield f"Picks of {more.name} uploaded more a GiB a day than those of {less.name}: the intervals lie apart."
        elif one.picks or other.picks:
            why = "the intervals overlap" if differs is False else f"it takes {LEAST_VALUES} of each"
            known = f"{one.upload.all.count} of {one.picks} and {other.upload.all.count} of {other.picks}"
            yield (
                f"Whether the picks of {one.name} or {other.name} upload more cannot be told: the history took and "
                f"showed {known}, and {why}."
            )


def _gaps(comparison: Comparison) -> Iterator[str]:
    for job in (grab.JOB, cleanup.JOB, spend.JOB):
        if not comparison.runs.get(job):
            yield f"There is no recording of {job}, so nothing can be told of it."
    for job, runs in comparison.runs.items():
        for count in sorted({one.incomplete.get(job, 0) for one in comparison.results} - {0}):
            names = _names(one for one in comparison.results if one.incomplete.get(job) == count)
            yield (
                f"In {count} of {counted(runs, 'recording')} of {job} something is lacking that is needed under {names}"
                ": the run did not ask for it, or got no answer."
            )
    for one in comparison.results:
        for key, count in one.narrower.items():
            yield (
                f"{count} of {counted(comparison.searches, 'search', 'searches')} asked the site for less than "
                f"{one.name} would, by {key}: what else it would have picked cannot be told."
            )
        if one.foreign:
            runs_were = counted(one.foreign, "run was", "runs were")
            yield f"{runs_were} made for another category than {one.name} has, which says little of it."


def _limits(comparison: Comparison, unread: Sequence[str]) -> Iterator[str]:
    if unread:
        yield f"Recordings that could not be read: {len(unread)}. The first: {unread[0]}."
    span = format_span((comparison.last_at or 0) - (comparison.first_at or 0))
    runs = ", ".join(f"{count} of {job}" for job, count in comparison.runs.items())
    yield f"The history is {span} long and has {runs}; it says nothing of other times."
    yield (
        "It is what followed from the decisions that were made: another policy would have led to another one. So a "
        "pick, a deletion or a purchase that would be decided again run after run counts once, and of picks that were "
        "never taken no upload is known."
    )
    yield "Nothing is known of results that no search showed."


def _reasons(counts: Iterable[Mapping[str, int]]) -> list[str]:
    found = {reason for one in counts for reason, count in one.items() if count}
    return [reason.value for reason in Reason if reason.value in found]


def _names(results: Iterable[Result]) -> str:
    return " and ".join(one.name for one in results)


def _part(count: int, whole: int) -> str:
    return f"{count} ({100 * count / whole:.1f} %)" if whole else str(count)


def _percent(share: Estimate) -> str:
    if share.low is None or share.high is None or share.value is None:
        return " (too few for an interval)"
    value, low, high = (round(one * 100) for one in (share.value, share.low, share.high))
    return f" ({value} %, 95 % interval {low} to {high} %)"


def _amount(upload: Estimate) -> str:
    if upload.value is None:
        return "-"
    mean = format_size(round(upload.value))
    if upload.low is None or upload.high is None:
        return f"{mean} of {upload.count}, too few"
    return f"{mean} of {upload.count}, {format_size(round(upload.low))} to {format_size(round(upload.high))}"
