"""What one run asked of the site and the client, counted where it is sent; no address, and nothing that was said."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from attrs import define, field

SITE, CLIENT = "site", "client"

# Every request of a job to the site and to qBittorrent, which has two names for one of them, by its version.
ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    SITE: ("profile", "search", "download", "buy", "address", "register", "user_torrents"),
    CLIENT: (
        "auth/login",
        "auth/logout",
        "app/webapiVersion",
        "app/preferences",
        "app/setPreferences",
        "sync/maindata",
        "torrents/info",
        "torrents/trackers",
        "torrents/add",
        "torrents/delete",
        "torrents/setForceStart",
        "torrents/resume",
        "torrents/start",
        "torrents/reannounce",
    ),
}


class Result(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"  # the session or login is not accepted
    FAILED = "failed"  # an error, or an answer that cannot be used
    NO_ANSWER = "no_answer"


@define
class Traffic:
    """The requests of one run.

    Attributes:
        requests: How many, by service, endpoint and result.
        session_seconds: How long the site said, last, that the session lives unless it is used again.
    """

    requests: Counter[tuple[str, str, Result]] = field(factory=Counter)
    session_seconds: int | None = None

    def count(self, service: str, endpoint: str, result: Result, number: int = 1) -> None:
        """Count requests that ended alike."""
        self.requests[service, endpoint, result] += number
