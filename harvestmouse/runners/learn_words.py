"""Say what picks tell of demand: tables, what that supports, what cannot be told, and the figures to try."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from attrs import evolve

from harvestmouse.core.compare import CEILINGS
from harvestmouse.core.demand import (
    BLOCK,
    LEAST_GAIN,
    LEAST_PICKS,
    WINDOW_SECONDS,
    Bound,
    Bucket,
    Demand,
    Verdict,
    Worth,
)
from harvestmouse.core.estimate import LEAST_VALUES, Estimate
from harvestmouse.core.policy import GrabPolicy, figures, show
from harvestmouse.core.units import HOUR, counted, format_size, format_span
from harvestmouse.runners.words import clean, table

_Row = tuple[str, ...]
_WINDOW = f"{WINDOW_SECONDS // HOUR} h"
_FEATURES: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "leechers": ("leechers", "{:g}".format),
    "seeders": ("seeders", "{:g}".format),
    "leechers_per_seeder": ("leechers for a seeder", "{:.3g}".format),
    "size_bytes": ("size", lambda size: format_size(round(size))),
    "score": ("score", "{:g}".format),
    "free_by_wedge": ("free by a wedge", str),
    "age_seconds": ("age on the site", format_span),
}
# What lies beyond each bound.
_BEYOND = {
    "leecher_floor": "fewer leechers than {}",
    "seeder_ceiling": "more seeders than {}",
    "min_size": "less than {}",
    "max_size": "more than {}",
}


def describe(demand: Demand, policy: GrabPolicy, unread: Sequence[str] = ()) -> str:
    """Return what was learnt for people."""
    suggestion = fragment(demand, policy)
    sentences = told(demand, policy)
    parts = [
        table(_fates(demand)),
        table(_uploads(demand)),
        *([_list("What it tells", sentences)] if sentences else []),
        _list("What it cannot tell", untold(demand, policy, unread)),
        "Suggested, and applied by nothing\n" + _indented(suggestion) if suggestion else "Nothing is suggested.",
    ]
    return "\n\n".join(parts)


def told(demand: Demand, policy: GrabPolicy) -> list[str]:
    """Return what picks tell of the policy, a sentence or two each."""
    return [*_score(demand), *_moves(demand), *_stays(demand), *_weights(demand, policy), *_together(demand)]


def untold(demand: Demand, policy: GrabPolicy, unread: Sequence[str] = ()) -> list[str]:
    """Return what they cannot tell."""
    return [
        *_beyond(demand),
        *_too_few(demand, policy),
        *_unmeasured(demand),
        *_limits(unread),
    ]


def fragment(demand: Demand, policy: GrabPolicy) -> str | None:
    """Return the suggested figures as a part of a configuration file; ``None`` where there are none."""
    suggested = demand.findings.suggested
    if not suggested:
        return None
    before, after = figures(policy), figures(evolve(policy, **suggested))
    picks = counted(demand.fates.measured, "pick")
    lines = [
        f"# Suggested by harvestmouse learn, from {picks}; nothing applies it by itself.",
        f"# {_days(demand)}",
        "[grab]",
    ]
    for key in suggested:
        was = "as it is" if before[key] == after[key] else f"was {before[key]}"
        # A number, or a size between quotes, is written by JSON as by TOML.
        lines.append(f"{key} = {json.dumps(after[key])}  # {was}")
    return "\n".join(lines) + "\n"


def _fates(demand: Demand) -> Iterator[_Row]:
    fates = demand.fates
    yield "picks that were added", str(fates.added), _days(demand)
    yield "  measured", str(fates.measured), f"over their first {_WINDOW}"
    yield "    gone by then", str(fates.gone), "count with what they had uploaded"
    yield "  too young", str(fates.young), f"were added less than {_WINDOW} before the last recording of the client"
    yield "  not followed", str(fates.unseen), "the recordings show them too seldom, or not which torrent they became"


def _uploads(demand: Demand) -> Iterator[_Row]:
    findings = demand.findings
    yield "upload a day, by picks", "picks", "for a GiB", "95 % interval", "for a torrent", "95 % interval"
    yield "all", *_worth(findings.all)
    for name, buckets in findings.features.items():
        title, write = _FEATURES[name]
        for bucket in buckets:
            yield f"{title} {_range(name, bucket, write)}", *_worth(bucket.worth)


def _range(name: str, bucket: Bucket, write: Callable[[float], str]) -> str:
    if name == "free_by_wedge":
        return "no" if bucket.low is None else "yes"
    if bucket.low is None:
        return "any" if bucket.high is None else f"below {write(bucket.high)}"
    return f"{write(bucket.low)} and more" if bucket.high is None else f"{write(bucket.low)} to {write(bucket.high)}"


def _worth(worth: Worth) -> _Row:
    return str(worth.per_gib.count), *_cells(worth.per_gib), *_cells(worth.per_torrent)


def _cells(one: Estimate) -> _Row:
    if one.value is None:
        return "-", "-"
    reach = "too few" if one.low is None or one.high is None else f"{_size(one.low)} to {_size(one.high)}"
    return _size(one.value), reach


def _score(demand: Demand) -> Iterator[str]:
    tau = demand.findings.ranking.today
    if tau.value is None or tau.low is None or tau.high is None:
        return
    if tau.low <= 0 <= tau.high:
        yield (
            f"Whether the score puts first what uploads more cannot be told: {_tau(tau)}, and 0 is no better than a "
            "draw."
        )
        return
    yield (
        f"Of two picks that were taken at about the same time, the one with the higher score uploaded more for a GiB "
        f"in {(1 + tau.value) / 2:.0%} of cases, where a draw would have 50% ({_tau(tau)})."
    )


def _moves(demand: Demand) -> Iterator[str]:
    for one in demand.findings.bounds:
        if one.left_out is None or one.kept is None:
            continue
        share = "" if one.share is None else f", and brought {one.share:.1%} of the upload"
        yield (
            f"{_setting(one)} could become {_value(one, one.suggested)}. Of {counted(demand.findings.inside, 'pick')}, "
            f"{one.left_out.per_gib.count} had {_beyond_of(one, one.suggested)}{share}. They uploaded "
            f"{_mean(one.left_out.per_gib)} a day for a GiB, the others {_mean(one.kept.per_gib)}. "
            "The older and the newer half of the picks each say that it is less than half, for a GiB and for a "
            "torrent."
        )


def _stays(demand: Demand) -> Iterator[str]:
    stays = [one for one in demand.findings.bounds if one.verdict is Verdict.NO_DIFFERENCE]
    if stays:
        tried = "; ".join(
            f"{_setting(one)} (tried {', '.join(_value(one, value) for value in one.tried)})" for one in stays
        )
        yield (
            f"Nothing supports a narrower bound than {tried}: what one would leave out has to upload clearly less than "
            "half of the rest, for a GiB and for a torrent, in both halves of the picks."
        )


def _weights(demand: Demand, policy: GrabPolicy) -> Iterator[str]:
    one = demand.findings.ranking
    if one.verdict is Verdict.TOO_FEW:
        return
    today, other = (
        f"{leecher:g} for a leecher and {seeder:g} off for a seeder"
        for leecher, seeder in (
            (policy.leecher_weight, policy.seeder_weight),
            (one.leecher_weight, one.seeder_weight),
        )
    )
    older, newer = _gain(one.older_gain), _gain(one.newer_gain)
    if one.verdict is Verdict.MOVE:
        yield (
            f"A score of {other} would rank better than today's {today}. It was chosen for the older half of the "
            f"picks, where Kendall's tau rises by {older}; in the newer half it rises by {newer}."
        )
    elif today == other:
        yield f"No other weights rank the older half of the picks better than today's {today}."
    else:
        yield (
            f"Nothing supports other weights than today's {today}. With {other}, the best for the older half of the "
            f"picks, Kendall's tau changes by {older} there and by {newer} in the newer half; it takes {LEAST_GAIN:g} "
            "more, and an interval above 0, in both."
        )


def _together(demand: Demand) -> Iterator[str]:
    findings = demand.findings
    if findings.left_out:
        share = "" if findings.share is None else f", with {findings.share:.1%} of their upload"
        yield (
            f"The suggested bounds together would have left out {findings.left_out} of "
            f"{counted(findings.inside, 'pick')}{share}. What would have been taken in their place is not known."
        )


def _beyond(demand: Demand) -> Iterator[str]:
    never = [one for one in demand.findings.bounds if not one.outside.per_gib.count]
    if never:
        beyond = " or ".join(_beyond_of(one, one.today) for one in never)
        yield (
            f"Whether {', '.join(map(_setting, never))} should be wider: no pick that was measured had {beyond}. Only "
            "recordings made with a wider bound can tell."
        )
    for one in demand.findings.bounds:
        if one.outside.per_gib.count:
            yield (
                f"Whether {_setting(one)} should be wider: {counted(one.outside.per_gib.count, 'pick')} of another "
                f"policy had {_beyond_of(one, one.today)}, and uploaded {_mean(one.outside.per_gib)} a day for a GiB, "
                "but they were taken because their scores were high for something else."
            )


def _too_few(demand: Demand, policy: GrabPolicy) -> Iterator[str]:
    findings = demand.findings
    measured = counted(demand.fates.measured, "pick that was measured", "picks that were measured")
    inside = f"of {measured} {counted(findings.inside, 'is', 'are')} within today's bounds"
    few = [one for one in findings.bounds if one.verdict is Verdict.TOO_FEW]
    if few:
        wanted = " or ".join(f"a {_narrower(one)} grab.{one.key}" for one in few)
        yield (
            f"Whether {wanted} would be better: it takes {LEAST_PICKS} picks on either side of a value, in the older "
            f"and in the newer half, and {inside}."
        )
    if findings.ranking.verdict is Verdict.TOO_FEW:
        yield (
            f"Whether other weights than {policy.leecher_weight:g} and {policy.seeder_weight:g} would rank better: it "
            f"takes {2 * LEAST_VALUES * BLOCK} picks that differ in upload, and {inside}."
        )


def _unmeasured(demand: Demand) -> Iterator[str]:
    fates = demand.fates
    if fates.unseen:
        yield f"What {fates.unseen} of {counted(fates.added, 'pick')} uploaded: the recordings do not show it."
    if fates.measured and not demand.findings.features["age_seconds"]:
        yield "What a torrent's age on the site says of its demand: the recorded searches do not tell it."
    yield f"What picks upload after their first {_WINDOW}: later, the janitor decides which of them are still there."


def _limits(unread: Sequence[str]) -> Iterator[str]:
    if unread:
        yield f"Recordings that could not be read: {len(unread)}. The first: {clean(unread[0])}."
    yield (
        "These are picks, and no sample of what the site has (selection bias). Of results that the rules refused or "
        "ranked low no upload is known. A pick with many seeders was taken for its many leechers, so that among picks "
        "the two go together, and what one of them does can be hidden by the other, or look larger. As the best are "
        "taken first, picks of one time have much the same score: it may rank all results better than it ranks those."
    )
    yield (
        "Picks share one client and one account, and are taken as independent of each other. Other seasons, and what "
        "another policy would have led to, are not in the recordings."
    )


def _setting(bound: Bound) -> str:
    return f"grab.{bound.key} = {_value(bound, bound.today)}"


def _value(bound: Bound, value: int | None) -> str:
    return str(show(value, is_size=bound.key.endswith("_size")))


def _beyond_of(bound: Bound, value: int | None) -> str:
    return _BEYOND[bound.key].format(_value(bound, value))


def _narrower(bound: Bound) -> str:
    return "lower" if bound.key in CEILINGS else "higher"


def _mean(one: Estimate) -> str:
    mean, reach = _cells(one)
    return f"{mean} ({reach})"


def _tau(one: Estimate) -> str:
    value, low, high = (0.0 if part is None else part for part in (one.value, one.low, one.high))
    return f"Kendall's tau {value:.2f}, 95 % interval {low:.2f} to {high:.2f}"


def _gain(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _size(value: float) -> str:
    return format_size(round(value))


def _days(demand: Demand) -> str:
    days = (datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d") for at in (demand.first_at, demand.last_at))
    return f"{counted(sum(demand.runs.values()), 'recording')}, {' to '.join(days)}"


def _list(title: str, sentences: Sequence[str]) -> str:
    return "\n".join((title, *(f"  {sentence}" for sentence in sentences)))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
