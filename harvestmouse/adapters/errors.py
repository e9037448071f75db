"""What can go wrong outside, each with advice for the operator and the exit code of a run that ends with it.

::

    HarvestmouseError
    └── AdapterError
        ├── ItemError                 one item failed; the run goes on
        │   ├── NotATorrent           the site sent no torrent file
        │   └── AlreadyInClient       the client has this very torrent
        ├── DownloadFrozen            the site refuses downloads until a time it told
        ├── PurchaseUncertain         nobody knows yet whether the purchase happened
        ├── MissingCookie             exit 2: there is no cookie to use
        ├── SessionRefused            exit 3
        │   ├── SessionInvalid        the cookie is wrong, retired, or the account disabled
        │   │   └── AccountMayBeDisabled  a newer cookie is refused too; nothing is asked any more
        │   ├── AddressNotAllowed     the session is locked to another IP or ASN
        │   └── WrongSessionType      the session may not do this
        ├── RemoteUnavailable         exit 4
        │   ├── SiteUnavailable       no answer, or 5xx
        │   │   └── SiteMaintenance   a page for people in place of data
        │   ├── RateLimited           429
        │   ├── UnexpectedBody        an answer that is not what the site documents
        │   │   └── SchemaChanged     JSON of another shape than this version knows
        │   ├── ClientUnavailable     no answer from the client
        │   ├── ClientUnclear         an answer that is not what the client's API documents
        │   └── ClientRefused         wrong user name, password or API key
        ├── GuaranteeBroken           exit 5: a fresh look forbids what was planned
        ├── SecretFound               exit 5: a secret would have been written
        ├── DeadlineExceeded          exit 1: the run took longer than it may
        ├── Terminated                exit 1: the run was told to end
        ├── StateError                exit 1: the state directory cannot be read or written
        └── LockHeld                  exit 6: another run holds the lock
"""

from typing import ClassVar

from harvestmouse.adapters.traffic import CLIENT, SITE
from harvestmouse.core.errors import HarvestmouseError


class AdapterError(HarvestmouseError):
    """Base of what goes wrong outside."""

    exit_code: ClassVar[int] = 1
    advice: ClassVar[str] = ""
    # The service that nothing more can be asked of; empty where the error is of neither.
    service: ClassVar[str] = ""
    # The client that it is of, where there are several and others answer.
    client: str | None = None
    # The account's state as the metrics have it, where the error tells something about the account or the site.
    state: ClassVar[str] = ""

    def __str__(self) -> str:
        """Return what happened, and the advice behind it."""
        text = super().__str__()
        return f"{text}. {self.advice}" if self.advice else text


class ItemError(AdapterError):
    """One item failed; the others go on."""


class NotATorrent(ItemError):
    """The site sent no torrent file."""


class AlreadyInClient(ItemError):
    """The client has this very torrent already."""


class DownloadFrozen(AdapterError):
    """The site refuses downloads for a while.

    Attributes:
        seconds: For how long.
    """

    service = SITE
    state = "download_frozen"
    advice = "No download is tried before then; torrents that reach their 72 hours free slots."

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class PurchaseUncertain(AdapterError):
    """Nobody knows yet whether a purchase happened."""

    service = SITE
    advice = (
        "Nothing more is bought until a later run has settled it from the profile, a minute from now at the earliest."
    )


class MissingCookie(AdapterError):
    """There is no cookie to use."""

    exit_code = 2
    service = SITE
    state = "no_cookie"
    advice = "Make a session under Preferences -> Security on the site, and set MAM_ID to its value"


class SessionRefused(AdapterError):
    """The site refused the session."""

    exit_code = 3
    service = SITE


class SessionInvalid(SessionRefused):
    """The site does not accept the cookie."""

    state = "session_invalid"
    advice = (
        "The cookie may be mistyped, expired or used by another program, or the account may be disabled; the site's "
        "answer does not tell which. Log in with a browser: if that works, make a new session under Preferences -> "
        "Security and set MAM_ID to it; if it does not, contact staff and change nothing here"
    )


class AccountMayBeDisabled(SessionInvalid):
    """A cookie made anew after a refusal is refused as well."""

    state = "may_be_disabled"
    advice = (
        "The account may be disabled: log in with a browser to see what the site says, and contact staff if it is. "
        "Nothing asks the site again until MAM_ID is changed or harvestmouse doctor --resume is run"
    )


class AddressNotAllowed(SessionRefused):
    """The session is locked to another IP address or network."""

    state = "address_not_allowed"
    advice = (
        "The cookie is alive, but its session is locked to another address. Add this network to the session under "
        "Preferences -> Security, or run from the address it was made for"
    )


class WrongSessionType(SessionRefused):
    """The session may not do this."""

    state = "wrong_session_type"
    advice = "Make a new API session under Preferences -> Security that allows what was asked"


class RemoteUnavailable(AdapterError):
    """A remote gives no usable answer.

    Attributes:
        retry_after: Seconds after which it asks to be tried again, where it says so.
    """

    exit_code = 4
    retry_after: float | None = None


class SiteUnavailable(RemoteUnavailable):
    """The site does not answer, or answers with an error or a maintenance page."""

    service = SITE
    state = "unavailable"
    advice = "Nothing was changed; the next run tries again"


class SiteMaintenance(SiteUnavailable):
    """The site answers with a page for people, as it does during maintenance."""

    state = "maintenance"


class RateLimited(RemoteUnavailable):
    """The site asks for fewer requests."""

    service = SITE
    state = "rate_limited"
    advice = "Run less often, or raise request_spacing in [mam]; is another program using the same account?"


class UnexpectedBody(RemoteUnavailable):
    """The site's answer is not what its API documents."""

    service = SITE
    state = "unexpected_body"
    advice = (
        "Causes are a session that is not signed in, maintenance, or a changed API; nothing was decided on it. "
        "Look at the site with a browser"
    )


class SchemaChanged(UnexpectedBody):
    """The site's JSON has another shape than this version knows."""

    state = "schema_changed"
    advice = "The site's API may have changed; nothing was decided on it. Look for a newer version of harvestmouse"


class ClientUnavailable(RemoteUnavailable):
    """The torrent client does not answer."""

    service = CLIENT
    advice = "Is it running, and is url in [qbittorrent] right?"


class ClientUnclear(RemoteUnavailable):
    """The client's answer is not what its API documents."""

    service = CLIENT
    advice = (
        "Nothing was decided on it. Does url in [qbittorrent] lead to the client itself (qBittorrent's Web UI, or "
        "Transmission's daemon), and not to a page before it?"
    )


class ClientRefused(RemoteUnavailable):
    """The torrent client refuses the login."""

    service = CLIENT
    advice = (
        "Check username and password, or qBittorrent's api_key, in [qbittorrent]; after several wrong tries a client "
        "may refuse the address altogether, qBittorrent for an hour"
    )


class GuaranteeBroken(AdapterError):
    """A fresh look at what is about to be touched forbids it."""

    exit_code = 5
    advice = "Nothing of it was done; please report this, with the plan"


class SecretFound(AdapterError):
    """A secret of the configuration was about to be written to a recording."""

    exit_code = 5
    advice = "Find what carries it, such as a torrent's name or tag, and rename it, or change the secret"


class DeadlineExceeded(AdapterError):
    """The run took longer than it may."""

    advice = "What was done is done; the next run goes on. Raise deadline, or look why a remote is so slow"


class Terminated(AdapterError):
    """The run was told to end."""

    advice = "What was done is done; the next run goes on"


class StateError(AdapterError):
    """The state directory cannot be read or written."""

    advice = "Check state_dir: it must exist or be creatable, and be writable for this user"


class LockHeld(AdapterError):
    """Another run holds the lock."""

    exit_code = 6
    advice = "Only one run at a time may use the site's session; this run has done nothing"


# Every state of the account and the site that a run can report; "ok" where nothing is wrong.
ACCOUNT_STATES = (
    "ok",
    *(
        one.state
        for one in (
            MissingCookie,
            SessionInvalid,
            AccountMayBeDisabled,
            AddressNotAllowed,
            WrongSessionType,
            RateLimited,
            DownloadFrozen,
            SiteUnavailable,
            SiteMaintenance,
            UnexpectedBody,
            SchemaChanged,
        )
    ),
)
