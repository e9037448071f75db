"""Tell from an answer what is wrong: every body is classified, none is trusted.

The texts are those the site has been seen to send; where it does not let causes be told apart, the error says so.
"""

import json
import re
from typing import Any

from harvestmouse.adapters.errors import (
    AdapterError,
    AddressNotAllowed,
    DownloadFrozen,
    RateLimited,
    SessionInvalid,
    SiteMaintenance,
    SiteUnavailable,
    UnexpectedBody,
    WrongSessionType,
)
from harvestmouse.core.units import format_span
from harvestmouse.core.wire import parse_freeze
from harvestmouse.core.wire.redact import masked

_ADDRESS = re.compile(r"(?:asn|ip) mismatch|does not match account|unrecognized host/passkey", re.IGNORECASE)
_SESSION_TYPE = re.compile(r"session type|non-api session|not allowed via api", re.IGNORECASE)
_SIGNED_OUT = re.compile(r"not signed in|invalid session|invalid/missing cookie|no session cookie", re.IGNORECASE)
_LOGIN_PAGE = re.compile(r"takelogin|name=[\"']?password|login\.php|>\s*log ?in\b", re.IGNORECASE)
_QUOTED = 120
OK, REDIRECT, UNAUTHORISED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 200, 300, 401, 403, 429, 500
_NOT_THERE = frozenset({404, 410})


class NotThere(UnexpectedBody):
    """The site has nothing there."""


def refusal(place: str, status: int, text: str, location: str = "") -> AdapterError | None:
    """Return the error that a status and a body mean, or ``None`` where the body is worth reading."""
    freeze = None if status == OK else parse_freeze(text)
    if freeze is not None:
        return DownloadFrozen(f"{place}: the site refuses downloads for {format_span(freeze)}", freeze)
    if status in (UNAUTHORISED, FORBIDDEN):
        return _signed_out(place, status, text)
    if status == TOO_MANY:
        return RateLimited(f"{place}: the site answers 429, too many requests")
    if status >= SERVER_ERROR:
        return SiteUnavailable(f"{place}: the site answers {status}")
    if REDIRECT <= status < UNAUTHORISED and "login" in location:
        return SessionInvalid(f"{place}: the site redirects to its login page")
    if status in _NOT_THERE:
        return NotThere(f"{place}: the site answers {status}{_quote(text)}")
    if status != OK:
        return UnexpectedBody(f"{place}: the site answers {status}{_quote(text)}")
    return None


def read_json(place: str, text: str) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        AdapterError: What the body is instead.
    """
    error = not_json(place, text)
    if error is not None:
        raise error
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        # Not quoted: half an answer may begin with what the account is called.
        raise UnexpectedBody(f"{place}: the answer of {len(text)} characters is truncated or no JSON") from None
    if not isinstance(body, dict):
        raise UnexpectedBody(f"{place}: the answer is JSON, but no object")
    return body


def not_json(place: str, text: str) -> AdapterError | None:
    """Return the error that a body means which does not even look like JSON."""
    start = text.lstrip()[:1]
    if not start:
        return UnexpectedBody(f"{place}: the site answers 200 with an empty body")
    if start == "<":
        return page_error(place, text)
    if start not in "{[" and _SIGNED_OUT.search(text):
        return _signed_out(place, OK, text)
    return None


def page_error(place: str, text: str) -> AdapterError:
    """Return what an HTML page in place of data means."""
    if _ADDRESS.search(text):
        return AddressNotAllowed(f"{place}: the site answers with a page{_quote(text)}")
    if _SIGNED_OUT.search(text) or _LOGIN_PAGE.search(text):
        return SessionInvalid(f"{place}: the site answers with its login page")
    return SiteMaintenance(f"{place}: the site answers with a page instead of data{_quote(text)}")


def _signed_out(place: str, status: int, text: str) -> AdapterError:
    if _ADDRESS.search(text):
        return AddressNotAllowed(f"{place}: the site answers {status}{_quote(text)}")
    if _SESSION_TYPE.search(text):
        return WrongSessionType(f"{place}: the site answers {status}{_quote(text)}")
    return SessionInvalid(f"{place}: the site answers {status}{_quote(text)}")


def _quote(text: str) -> str:
    # An address in the answer is the operator's own, and does not belong in logs.
    words = masked(" ".join(re.sub(r"<[^>]*>", " ", text).split()))
    return f' ("{words[:_QUOTED]}")' if words else ""
