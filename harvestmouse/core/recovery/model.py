"""What a way back is made of: the state of an account, and steps with when, who, what and their result."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from attrs import field, frozen


class State(StrEnum):
    """What is wrong with an account; the gravest first."""

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """Attach the sentence that explains the state."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    sentence: str

    DISABLED = "disabled", "The site refuses every session: the account may be disabled."
    UNKNOWN = "unknown", "The profile does not tell class, upload and download."
    MOUSE = (
        "mouse",
        "The account is in class Mouse: the tracker gives it no peers, so nothing uploads and nothing starts.",
    )
    FROZEN = "download_freeze", "The site refuses downloads for a time."
    HIT_AND_RUN = "hit_and_run", "The account has hit-and-runs."
    LOW_RATIO = "low_ratio", "The ratio is lower than the site or the policy wants it."
    UNSATISFIED = "unsatisfied_limit", "Too many torrents are not seeded for 72 hours yet, so nothing is grabbed."
    NOT_SEEDING = "not_seeding", "Torrents that owe seed time are not seeding it."
    STRANGER = "stranger", "The tracker does not know the client's address or passkey."
    CLIENT_ERROR = "client_error", "The client reports errors or missing files."
    WELL = "well", "The account is well; there is nothing to recover from."


class Who(StrEnum):
    """Who takes a step."""

    PERSON = "person"
    WAIT = "wait"
    JOBS = "jobs"


@frozen
class Step:
    """One step of the way.

    Attributes:
        at: Unix seconds; ``None`` where nobody can tell.
        what: A sentence.
        figures: By names that carry their units.
    """

    at: int | None
    who: Who
    what: str
    figures: Mapping[str, Any] = field(factory=dict)


@frozen
class Unknown:
    """A fact that is missing, and how to learn it."""

    fact: str
    learn: str


@frozen(kw_only=True)
class Way:
    """The state of an account and the way back, in the order of time.

    Attributes:
        taken_at: Of the snapshot, unix seconds.
        states: All that is wrong, the gravest first.
        figures: The account's own.
    """

    taken_at: int
    states: tuple[State, ...]
    steps: tuple[Step, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    figures: Mapping[str, Any] = field(factory=dict)
