"""Answer requests: a few pages to read, and nothing to change."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

TEXT = "text/plain; charset=utf-8"
_METHODS = ("GET", "HEAD")
_SECURITY = (
    "default-src 'none'; style-src 'self'; img-src data:; "  # the empty icon
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Content-Security-Policy", _SECURITY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


@frozen
class Answer:
    """What a request gets."""

    body: str
    kind: str = TEXT
    status: HTTPStatus = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = field(default=())


@frozen
class Web:
    """The application, as WSGI wants it.

    Attributes:
        pages: Path to what makes the page.
        hosts: Names by which it may be asked; ``None`` for any.
    """

    pages: Mapping[str, Callable[[], Answer]]
    hosts: frozenset[str] | None

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        body = answer.body.encode()
        headers = [*_HEADERS, *answer.headers, ("Content-Type", answer.kind), ("Content-Length", str(len(body)))]
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        if self.hosts is not None and _host(environ.get("HTTP_HOST", "")) not in self.hosts:
            return Answer("this address is not served under that name\n", status=HTTPStatus.MISDIRECTED_REQUEST)
        if environ["REQUEST_METHOD"] not in _METHODS:
            allow = (("Allow", ", ".join(_METHODS)),)
            return Answer("nothing can be changed here\n", status=HTTPStatus.METHOD_NOT_ALLOWED, headers=allow)
        page = self.pages.get(environ["PATH_INFO"])
        return Answer("there is no such page\n", status=HTTPStatus.NOT_FOUND) if page is None else page()


def hosts_of(host: str) -> frozenset[str] | None:
    """Return the names by which a page may be asked that listens on *host*; ``None`` for any.

    On loopback only loopback's own: otherwise a page of the web could have its name resolved to this machine, and read
    what is served here (DNS rebinding). Beyond loopback the names of the machine are not known.
    """
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return frozenset({"localhost", "127.0.0.1", "::1", host.casefold()}) if local else None


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
