"""What differs between two plans of one job, item by item: what was decided, what is decided now, and why.

Plans are compared in their JSON form, so that one with words that this version does not know can be compared too.
What the earlier plan does not have, such as a fact that only later versions tell, is no difference, and neither are
sentences for people.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from harvestmouse.core.errors import PlanError
from harvestmouse.core.plan import Reason
from harvestmouse.core.wire.plan import FORMAT, parts_of

_Row = Mapping[str, Any]

# The subjects of decisions that lead to actions without a torrent.
_SUBJECTS = {"buy_upload": "upload", "buy_vip": "vip"}
_NAMES = ("name", "title")


@frozen(kw_only=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        subject: The decision's or action's; otherwise the name of what differs.
        what: ``skip``, ``complete``, ``decision``, ``facts``, ``action``, ``order`` (of the actions), ``figure`` or
            ``policy``.
        was: A JSON value; ``None`` where there was none.
        now: The same; ``None`` where there is none any more.
        why: The reasons of both sides, and the facts.
        name: The torrent's or result's name.
    """

    subject: str
    what: str
    was: Any
    now: Any
    why: str = ""
    name: str | None = None


def differences(was: object, now: _Row) -> tuple[Difference, ...]:
    """Compare a plan's JSON form with the one that is made now, the policy apart; those of a cycle job by job.

    Raises:
        PlanError: The first is no plan of a format that this version knows.
    """
    if not isinstance(was, dict) or was.get("format") != FORMAT:
        found = was.get("format") if isinstance(was, dict) else was
        raise PlanError(f'expected a plan with format "{FORMAT}", found {found!r}')
    try:
        if "parts" in now:
            before = {part["job"]: part for part in parts_of(was)}
            pairs = [(before[part["job"]], part) for part in parts_of(now) if part["job"] in before]
            return tuple(one for pair in pairs for one in differences(*pair))
        decided = tuple(_decisions(was, now))
        told = {one.subject for one in decided if one.what == "decision"}
        return (*_job(was, now), *decided, *_actions(was, now, told), *_figures(was, now))
    except (AttributeError, KeyError, TypeError) as error:
        raise PlanError(f"not a plan: {type(error).__name__} {error}") from None


def policy_differences(was: _Row, now: _Row) -> tuple[Difference, ...]:
    """Return the figures of the policy that were others; by themselves they make no plan differ."""
    before, after = (dict(_flat(plan.get("policy") or {})) for plan in (was, now))
    return tuple(
        Difference(subject=key, what="policy", was=before[key], now=after.get(key)) for key in _changed(before, after)
    )


def _job(was: _Row, now: _Row) -> Iterator[Difference]:
    """Compare what holds for the whole job: whether a guard ended it, and whether every source was there."""
    before, after = was["skip"], now["skip"]
    if _reason(before) != _reason(after):
        why = "; ".join(f"{side}: {skip['detail']}" for side, skip in (("was", before), ("is", after)) if skip)
        yield Difference(subject=now["job"], what="skip", was=_reason(before), now=_reason(after), why=why)
    if was["complete"] != now["complete"]:
        yield Difference(subject=now["job"], what="complete", was=was["complete"], now=now["complete"])


def _decisions(was: _Row, now: _Row) -> Iterator[Difference]:
    before, after = ({str(row["subject"]): row for row in plan["decisions"]} for plan in (was, now))
    for subject in {**before, **after}:
        old, new = before.get(subject), after.get(subject)
        if _verdict(old) != _verdict(new):
            yield Difference(
                subject=subject,
                what="decision",
                was=_verdict(old),
                now=_verdict(new),
                why=_why(old, new),
                name=_name((new or old or {})["facts"]),
            )
        elif old and new and (changed := _changed(old["facts"], new["facts"])):
            sides = ({key: row["facts"].get(key) for key in changed} for row in (old, new))
            yield Difference(subject=subject, what="facts", was=next(sides), now=next(sides), name=_name(new["facts"]))


def _actions(was: _Row, now: _Row, told: set[str]) -> Iterator[Difference]:
    """Compare the actions; those that follow from another decision are told with it."""
    before, after = _acts(was), _acts(now)
    for key in {**before, **after}:
        (kind, subject), old, new = key, before.get(key), after.get(key)
        if subject in told or old == new:
            continue
        name = _name(new or old or {})
        if old and new:
            if not (changed := _changed(old, new)):
                continue
            old, new = ({one: side.get(one) for one in changed} for side in (old, new))
        yield Difference(subject=subject, what="action", was=_with(kind, old), now=_with(kind, new), name=name)
    order = [[key for key in one if key in other] for one, other in ((before, after), (after, before))]
    if order[0] != order[1]:
        sides = [[" ".join(key) for key in keys] for keys in order]
        yield Difference(subject="actions", what="order", was=sides[0], now=sides[1])


def _figures(was: _Row, now: _Row) -> Iterator[Difference]:
    before, after = (dict(_flat(plan["figures"])) for plan in (was, now))
    for key in _changed(before, after):
        yield Difference(subject=key, what="figure", was=before[key], now=after.get(key))


def _changed(was: _Row, now: _Row) -> list[str]:
    """Return what has another value now, or none, and had one."""
    return [key for key, value in was.items() if value != now.get(key)]


def _reason(skip: _Row | None) -> str | None:
    return None if skip is None else skip["reason"]


def _verdict(row: _Row | None) -> dict[str, str] | None:
    return None if row is None else {"decision": row["decision"], "reason": row["reason"]}


def _why(was: _Row | None, now: _Row | None) -> str:
    """Return both reasons in words, and the facts that differ; where none does, all of them."""
    if was is None or now is None:
        parts = ["there was no decision" if was is None else "there is no decision any more"]
    else:
        parts = []
    parts += [f"{side}: {_sentence(row['reason'])}" for side, row in (("was", was), ("is", now)) if row]
    old, new = (row["facts"] if row else {} for row in (was, now))
    changed = _changed(old, new) if was and now else []
    facts = [f"{key} {old[key]} -> {new.get(key)}" for key in changed] or [
        f"{key} {value}" for key, value in (new or old).items() if key not in _NAMES
    ]
    return "; ".join([*parts, ", ".join(facts)] if facts else parts)


def _sentence(reason: str) -> str:
    """Return a reason in words; one of another version has none."""
    known = {one.value: one.sentence.removesuffix(".") for one in Reason}
    return known.get(reason, reason)


def _name(facts: _Row) -> str | None:
    return next((str(facts[key]) for key in _NAMES if facts.get(key)), None)


def _acts(plan: _Row) -> dict[tuple[str, str], _Row]:
    """Return the actions by kind and subject; each preference that is set is one of its own."""
    acts: dict[tuple[str, str], _Row] = {}
    for action in plan["actions"]:
        kind = action["action"]
        if "changes" in action:
            place = f"{action['client']}/" if "client" in action else ""
            acts |= {(kind, place + key): change for key, change in action["changes"].items()}
        else:
            acts[kind, str(action.get("hash", action.get("id", _SUBJECTS.get(kind, kind))))] = action
    return acts


def _with(kind: str, facts: _Row | None) -> dict[str, Any] | None:
    return None if facts is None else {"action": kind, **facts}


def _flat(figures: _Row, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield figures with those inside them, such as ``trackers.mam.torrents``."""
    for key, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value
