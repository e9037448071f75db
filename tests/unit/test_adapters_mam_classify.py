"""Each answer of the site to its error: the status, the words, and what is told to the operator."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvestmouse.adapters.errors import (
    AdapterError,
    AddressNotAllowed,
    RateLimited,
    SessionInvalid,
    SiteMaintenance,
    SiteUnavailable,
    UnexpectedBody,
    WrongSessionType,
)
from harvestmouse.adapters.mam.classify import page_error, read_json, refusal
from tests.support.mam_faults import LOGIN_PAGE, MAINTENANCE_PAGE

SIGNED_OUT = "Error, you are not signed in <br />Invalid/missing cookie"

REFUSALS: list[tuple[int, str, str, type[AdapterError]]] = [
    (403, SIGNED_OUT, "", SessionInvalid),
    (403, "Error, you are not signed in <br />Other error", "", SessionInvalid),
    (403, "", "", SessionInvalid),
    (401, "", "", SessionInvalid),
    (403, '{"Success":false,"msg":"No Session Cookie"}', "", SessionInvalid),
    (403, "Invalid session - Invalid Cookie", "", SessionInvalid),
    (403, "Invalid session - ASN mismatch", "", AddressNotAllowed),
    (403, "Error, you are not signed in <br />Invalid session - IP mismatch", "", AddressNotAllowed),
    (401, "ip 192.0.2.7 does not match account, and no auth cookie provided", "", AddressNotAllowed),
    (403, "Incorrect session type - not allowed this function", "", WrongSessionType),
    (403, "Incorrect session type - non-API session", "", WrongSessionType),
    (429, "Last change too recent", "", RateLimited),
    (500, "", "", SiteUnavailable),
    (502, "<html>Bad Gateway</html>", "", SiteUnavailable),
    (503, MAINTENANCE_PAGE, "", SiteUnavailable),
    (302, "", "/login.php", SessionInvalid),
    (301, "", "https://elsewhere.example/", UnexpectedBody),
    (404, "Not Found", "", UnexpectedBody),
    (410, "Gone", "", UnexpectedBody),
    (204, "", "", UnexpectedBody),
]

BODIES: list[tuple[str, type[AdapterError]]] = [
    ("", UnexpectedBody),
    (" \r\n", UnexpectedBody),
    (SIGNED_OUT, SessionInvalid),
    ("Invalid session", SessionInvalid),
    ("Invalid session - ASN mismatch", AddressNotAllowed),
    (LOGIN_PAGE, SessionInvalid),
    ('<form action="/takelogin.php"><input name="password"></form>', SessionInvalid),
    (MAINTENANCE_PAGE, SiteMaintenance),
    ("<html>Unrecognized host/PassKey.</html>", AddressNotAllowed),
    ('{"username": "mo', UnexpectedBody),
    ("[]", UnexpectedBody),
    ("[" * 100_000, UnexpectedBody),
    ("null", UnexpectedBody),
    ("Error: something", UnexpectedBody),
]


@pytest.mark.parametrize(("status", "text", "location", "kind"), REFUSALS)
def test_a_refusal_has_its_own_error(status: int, text: str, location: str, kind: type[AdapterError]) -> None:
    """Unauthorised, locked elsewhere, wrong session, too many, down and odd are told apart."""
    error = refusal("/jsonLoad.php", status, text, location)
    assert isinstance(error, kind)
    assert str(error).startswith("/jsonLoad.php: the site ")


def test_a_body_worth_reading_is_no_refusal() -> None:
    """Status 200 alone says nothing; the body is to be read."""
    assert refusal("/jsonLoad.php", 200, "anything") is None


@pytest.mark.parametrize(("text", "kind"), BODIES)
def test_what_is_no_json_object_has_its_own_error(text: str, kind: type[AdapterError]) -> None:
    """An answer with status 200 is classified by what it is."""
    with pytest.raises(kind) as raised:
        read_json("/jsonLoad.php", text)
    assert type(raised.value) is kind
    assert "\n" not in str(raised.value)


def test_an_object_is_returned() -> None:
    """A JSON object is read, whatever it holds: words about signing in may stand in a title."""
    body = {"title": "You are not signed in", "page": "<form name=password>"}
    assert read_json("/x", json.dumps(body)) == body


def test_a_refusal_at_the_download_is_no_ordinary_page() -> None:
    """A page that asks to log in is told from one that says the site is down."""
    assert isinstance(page_error("/tor/download.php", LOGIN_PAGE), SessionInvalid)
    assert isinstance(page_error("/tor/download.php", MAINTENANCE_PAGE), SiteUnavailable)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SessionInvalid, "account may be disabled"),
        (AddressNotAllowed, "cookie is alive"),
        (WrongSessionType, "new API session"),
        (RateLimited, "request_spacing"),
        (SiteUnavailable, "next run"),
        (UnexpectedBody, "Look at the site with a browser"),
    ],
)
def test_every_error_brings_advice(kind: type[AdapterError], words: str) -> None:
    """The advice differs with the error, and does not send the operator the wrong way."""
    assert words in str(kind("what happened"))


@given(st.integers(100, 599), st.text(), st.text())
def test_any_answer_has_a_verdict(status: int, text: str, location: str) -> None:
    """Whatever the site answers, it is an error of ours or worth reading, and one line long."""
    error = refusal("/x", status, text, location)
    assert (error is None) == (status == 200)
    assert error is None or len(str(error).splitlines()) == 1


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_any_body_is_an_object_or_an_error(text: str) -> None:
    """Reading ends in an object or in an error of ours."""
    with suppress(AdapterError):
        assert isinstance(read_json("/x", text), dict)


@given(st.text(max_size=20), st.ip_addresses(v=4), st.text(max_size=20))
def test_no_quote_holds_an_address(before: str, address: object, after: str) -> None:
    """The operator's address is taken out of what is quoted."""
    error = refusal("/x", 403, f"{before} {address} {after}")
    assert error is None or f" {address} " not in str(error)
