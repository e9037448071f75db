"""What an explanation says to people."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harvestmouse.core.explain import Condition, Explanation, Flip, Outcome, Step
from harvestmouse.core.units import HOUR, counted, format_size, format_span
from harvestmouse.runners.words import clean

_UNITS: Mapping[str, Callable[[Any], str]] = {"_seconds": format_span, "_bytes": format_size}


def describe(explanation: Explanation) -> Iterator[str]:
    """Yield the lines of a readable explanation."""
    yield _headline(explanation)
    yield from _steps(explanation.steps)
    if explanation.flips:
        yield "Would change:"
        yield from (f"  {_flip(flip, explanation)}" for flip in explanation.flips)
    yield from (f"Depends on {clean(sentence)}." for sentence in explanation.depends)


def _headline(one: Explanation) -> str:
    name = clean(one.subject) if one.name is None else f'"{clean(one.name)}"'
    if one.skip is not None:
        return f"{one.job} is skipped: {one.skip.reason.value} - {clean(one.skip.detail)}"
    if one.decision is not None:
        return f"{one.decision.decision.value}  {name}  ({one.decision.reason.value}: {one.decision.reason.sentence})"
    return (
        f"{one.job} runs: no guard holds" if one.subject == one.job else f"{name}: {one.job} decides nothing about it"
    )


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    """Yield a line for every rule that was reached, and one for the others."""
    width = max((len(step.reason.value) for step in steps), default=0)
    for number, step in enumerate(steps, 1):
        if step.outcome is not Outcome.NOT_REACHED:
            inputs = "; ".join(map(_condition, step.conditions))
            yield f"  {number:>2} {step.reason.value:<{width}}  {step.outcome.value:<13}  {inputs}".rstrip()
    rest = [step.reason.value for step in steps if step.outcome is Outcome.NOT_REACHED]
    if rest:
        yield f"     not reached: {', '.join(rest)}"


_WORDS = {"<": "under", "<=": "at most", ">": "over", ">=": "at least"}


def _condition(one: Condition) -> str:
    text, asked = f"{_label(one.name)} {_value(one.name, one.value)}", _value(one.name, one.threshold)
    if one.value is None or one.threshold in (None, ()) or isinstance(one.value, bool):
        return text
    if one.relation in _WORDS:
        return f"{text}, {'' if one.met else 'not '}{_WORDS[one.relation]} {asked}"
    if one.relation == "has":
        return f"{text}, {'with' if one.met else 'without'} {asked}"
    return text if one.met or one.relation != "is" else f"{text}, not {asked}"


_SPELLED = {"bp": "BP", "gib": "GiB", "unsat": "unsatisfied"}


def _label(name: str) -> str:
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return " ".join(_SPELLED.get(word, word) for word in name.split("_"))


def _value(name: str, value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return clean(", ".join(map(str, value))) or "none"
    written = next((write for unit, write in _UNITS.items() if name.endswith(unit)), None)
    if isinstance(value, int | float):
        return written(value) if written is not None else f"{value:.10g}"
    return clean(str(value)) or "none"


# How one and how several of what may change are called.
_AMOUNTS: Mapping[str, tuple[str, str]] = {
    "seeders": ("seeder", "seeders"),
    "leechers": ("leecher", "leechers"),
    "uploaded_bytes": ("upload", "upload"),
    "downloaded_bytes": ("download", "download"),
    "free_space_bytes": ("free space", "free space"),
    "bonus_points": ("BP", "BP"),
    "unsat_count": ("unsatisfied torrent", "unsatisfied torrents"),
    "hit_and_run_count": ("hit-and-run", "hit-and-runs"),
    "managed_torrents": ("torrent in the category", "torrents in the category"),
    "owed_torrents": ("torrent that owes seed time", "torrents that owe seed time"),
}
_FLAGS: Mapping[str, str] = {
    "tags_removed": "without the tag {}",
    "tags_added": "with the tag {}",
    "state": "in the state {}",
    "messages": "without its tracker's refusal",
    "announcing": "once it seeds and a tracker takes it",
    "torrents_removed": "without the torrent {} in the client",
    "personal_freeleech": "made free",
    "purchase_pending": "once the earlier purchase is settled",
    "preference": "with {} in the client",
}


def _flip(flip: Flip, explanation: Explanation) -> str:
    note = f", {clean(flip.note)}" if flip.note else ""
    if flip.about_seconds and flip.amount:
        note += f", in about {format_span(flip.about_seconds)} at {flip.amount / flip.about_seconds * HOUR:.0f} BP/h"
    return f"{_change(flip)}: {_becomes(flip, explanation)}{note}"


def _change(flip: Flip) -> str:
    if flip.amount is None:
        return _FLAGS[flip.change].format(_value(flip.change, flip.to))
    if flip.change in ("time_seconds", "seeding_seconds"):
        return f"in {format_span(flip.amount)}"
    if flip.change == "runs":
        return f"after {counted(flip.amount, 'run')}"
    one, many = _AMOUNTS[flip.change]
    word = "more" if flip.amount > 0 else "less" if one == many else "fewer"
    noun = one if abs(flip.amount) == 1 else many
    return f"with {_value(flip.change, abs(flip.amount))} {word} {noun} ({_value(flip.change, flip.to)})"


def _becomes(flip: Flip, explanation: Explanation) -> str:
    if flip.verdict is not None and flip.reason is not None:
        return f"becomes {flip.reason.value} ({flip.verdict.value})"
    if flip.reason is not None:
        return f"{explanation.job} is skipped, {flip.reason.value}"
    return f"{explanation.job} runs" if explanation.decision is None else f"{explanation.job} has nothing to say of it"
