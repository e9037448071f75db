"""What becomes of what the client holds, and what a person has to look at there."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from attrs import evolve

from harvestmouse.core.actions import DeleteTorrent, SetPreferences
from harvestmouse.core.cleanup import ERROR_STATES, plan_cleanup
from harvestmouse.core.model import Torrent
from harvestmouse.core.plan import Plan, Reason, Verdict
from harvestmouse.core.reconcile import plan_reconcile
from harvestmouse.core.recovery.model import Step, Who
from harvestmouse.core.recovery.view import View, torrents
from harvestmouse.core.units import DAY, counted

_BACKLOG = {Reason.NEVER_STARTED: "never started", Reason.STALLED_OLD: "stalled for too long"}
_ONE_DAY = timedelta(days=1)
# "Unrecognized host/PassKey", as the site's tracker says it.
_STRANGER = ("passkey", "unrecognized host")


def backlog(view: View) -> Iterator[Step]:
    """Yield what the janitor removes: what is due now, and in class Mouse what comes of age without ever starting."""
    plan = plan_cleanup(view.snapshot, view.policy)
    due = Counter(one.reason for one in plan.decisions if one.decision is Verdict.DELETE)
    for reason, words in _BACKLOG.items():
        if due[reason]:
            what = f"The janitor deletes {torrents(due[reason])} as {words}."
            yield Step(view.now, Who.JOBS, what, {"torrents": due[reason]})
    if view.is_mouse and plan.skip is None:
        yield from _coming_of_age(view, plan)


def _coming_of_age(view: View, plan: Plan) -> Iterator[Step]:
    """Yield what is removed day by day, of downloads that cannot start, and what becomes of those that have begun."""
    cleanup, gone = view.policy.cleanup, {one.hash for one in plan.actions if isinstance(one, DeleteTorrent)}
    patience = int(cleanup.never_started_age.total_seconds())
    later = plan_cleanup(evolve(view.snapshot, taken_at=view.now + patience + 1), view.policy)
    fresh = {one.hash for one in later.actions if isinstance(one, DeleteTorrent)}
    open_ = [one for one in view.managed if one.has_completed is False and one.hash not in gone]
    ages = [(one.added_on or 0) + patience - view.now for one in open_ if one.hash in fresh and not one.shows_data]
    days: dict[int, list[int]] = {}
    for seconds in ages:
        days.setdefault(max(0, seconds - 1) // DAY, []).append(seconds)
    for day in sorted(days):
        what = f"The janitor has deleted {torrents(len(days[day]))} more as never started, if the class is still Mouse."
        yield Step(view.now + max(days[day]) + 1, Who.JOBS, what, {"torrents": len(days[day])})
    begun = sum(one.shows_data for one in open_)
    if begun:
        what = f"What has begun to download ({torrents(begun)}) goes on where it stopped, once the class is left."
        stalled = cleanup.stalled_age // _ONE_DAY
        old = "" if cleanup.keep_partials else f" The janitor deletes what is stalled for {counted(stalled, 'day')}."
        yield Step(view.now, Who.WAIT, what + old, {"torrents": begun})


def client(view: View) -> Iterator[Step]:
    """Yield what the jobs set in the client, and what a person has to look at."""
    plan = plan_reconcile(view.snapshot, view.policy)
    for action in plan.actions:
        if isinstance(action, SetPreferences):
            changes = ", ".join(
                f"{key} from {one['from']} to {one['to']}".lower() for key, one in action.changes.items()
            )
            figures = {"owed_torrents": plan.figures["owed_torrents"]}
            yield Step(view.now, Who.JOBS, f"Reconcile sets the client's {changes}.", figures)
    broken = sum(torrent.state in ERROR_STATES for torrent in view.managed)
    if broken:
        what = f"Look at the client's disk and mounts: an error or missing files on {torrents(broken)}. Then re-check."
        yield Step(view.now, Who.PERSON, what, {"torrents": broken})
    unknown = sum(is_unknown_to_tracker(torrent) for torrent in view.managed)
    if unknown:
        yield Step(
            view.now,
            Who.PERSON,
            f"For {torrents(unknown)} the tracker does not know the client's address or the passkey. Compare both with "
            "what the site shows under Preferences.",
            {"torrents": unknown},
        )
    if view.snapshot.purchase_pending:
        what = "A later run of spend sees whether an earlier purchase happened; until then it buys nothing."
        yield Step(None, Who.WAIT, what)


def is_unknown_to_tracker(torrent: Torrent) -> bool:
    """Whether its tracker says that it knows neither the client's address nor the passkey."""
    texts = (message.text.casefold() for message in torrent.messages or ())
    return any(words in text for text in texts for words in _STRANGER)
