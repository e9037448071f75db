"""What the operator is told of a run: a few causes, none of them twice a day."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from harvestmouse.core.actions import BuyUpload, BuyVip
from harvestmouse.core.model import AccountClass
from harvestmouse.core.units import DAY, counted
from harvestmouse.runners.ports import Ports, log
from harvestmouse.runners.report import Exit, Report, Status

WELL = "ok"


@frozen
class Notice:
    """One thing to tell.

    Attributes:
        cause: What it is told for; the same cause is told once a day.
    """

    cause: str
    title: str
    text: str


@frozen
class Told:
    """What the operator knows.

    Attributes:
        state: The account's state, by the name the metrics have for it.
        class_name: The account's class; empty where none was ever seen.
        at: When each cause was told last, unix seconds.
    """

    state: str = WELL
    class_name: str = ""
    at: Mapping[str, int] = field(factory=dict)

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> "Told":
        """Read it back; what is damaged counts as never told."""
        state, class_name, at = facts.get("state"), facts.get("class"), facts.get("at")
        times = at.items() if isinstance(at, dict) else ()
        return cls(
            state=state if isinstance(state, str) else WELL,
            class_name=class_name if isinstance(class_name, str) else "",
            at={cause: when for cause, when in times if isinstance(when, int)},
        )

    def unparse(self) -> dict[str, Any]:
        """Return its JSON form."""
        return {"state": self.state, "class": self.class_name, "at": dict(self.at)}


@frozen(kw_only=True)
class Ending:
    """What a run came to.

    Attributes:
        report: ``None`` where the run ended before there was a plan.
        state: The account's state as far as the run learned it; empty where it did not.
        error: What ended the run, in words.
    """

    job: str
    report: Report | None = None
    state: str = ""
    error: str = ""


def news(ending: Ending, told: Told, now: int) -> tuple[list[Notice], Told]:
    """Return what is to be told, and what the operator knows once that is done."""
    found = [notice for notice in _causes(ending, told) if now - told.at.get(notice.cause, 0) >= DAY]
    recent = {cause: when for cause, when in told.at.items() if now - when < DAY}
    known = Told(
        state=ending.state or told.state,
        class_name=_class_name(ending) or told.class_name,
        at={**recent, **{notice.cause: now for notice in found}},
    )
    return found, known


def tell(ending: Ending, ports: Ports, now: int) -> None:
    """Send what is news in one notification, and remember it once it is sent.

    Raises:
        AdapterError: It could not be sent, or not be remembered.
    """
    told = Told.parse(ports.memory.told())
    notices, known = news(ending, told, now)
    if notices:
        from harvestmouse.adapters.notify import send  # noqa: PLC0415 - most runs have no news

        title = notices[0].title if len(notices) == 1 else f"{len(notices)} things to know"
        text = "\n".join(one.text if len(notices) == 1 else f"{one.title}: {one.text}" for one in notices)
        missed = send(ports.settings.notify.urls, f"harvestmouse: {title}", text)
        if missed:
            log.warning("%s in [notify] urls did not take the notification", counted(missed, "address", "addresses"))
    if known != told:
        ports.memory.remember_told(known.unparse())


def _causes(ending: Ending, told: Told) -> Iterator[Notice]:
    if ending.state and ending.state != told.state:
        yield _state(ending)
    name = _class_name(ending)
    if name and name != told.class_name and (told.class_name or name == AccountClass.MOUSE.value):
        before = f" It was {told.class_name}." if told.class_name else ""
        yield Notice(f"class {name}", f"the account is of class {name}", f"The site shows class {name}.{before}")
    for report in () if ending.report is None else ending.report.jobs:
        yield from _of_report(report)


def _state(ending: Ending) -> Notice:
    cause = f"state {ending.state}"
    if ending.state == WELL:
        return Notice(cause, "the account is well again", "The site answers and accepts the session.")
    return Notice(cause, f"the account's state is {ending.state}", ending.error)


def _of_report(report: Report) -> Iterator[Notice]:
    job = report.plan.job
    bought = [one.action for one in report.outcomes if one.status is Status.DONE]
    purchases = [_purchase(one) for one in bought if isinstance(one, BuyUpload | BuyVip)]
    if purchases:
        yield Notice("purchase", "points were spent", "; ".join(purchases))
    if report.exit_code is Exit.BLOCKED:
        details = [f"{one.guarantee} {one.subject}: {one.detail}" for one in report.violations[:3]]
        skip = [] if report.plan.skip is None else [report.plan.skip.detail]
        yield Notice(f"blocked {job}", f"{job} was stopped by a safety rule", "; ".join(details + skip))
    count = report.plan.figures.get("hit_and_run_count")
    if count:
        yield Notice(
            "hit-and-run", f"{counted(count, 'hit-and-run')} on the account", "Seed for 72 hours what they are of."
        )


def _purchase(action: BuyUpload | BuyVip) -> str:
    what = (
        f"{action.gib} GiB of upload credit"
        if isinstance(action, BuyUpload)
        else f"{counted(action.weeks, 'week')} of VIP"
    )
    return f"Bought {what} for {action.cost_bp} BP"


def _class_name(ending: Ending) -> str:
    reports = () if ending.report is None else ending.report.jobs
    names = (report.plan.figures.get("class") for report in reports)
    return next((name for name in names if isinstance(name, str)), "")
