"""Changes, through the library that knows what each version calls them, in the session of the questions.

Loading it takes longer than a dry run, so only what acts imports this module.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import qbittorrentapi
import requests
from qbittorrentapi.request import QbittorrentSession
from requests.adapters import HTTPAdapter

from harvestmouse.adapters.errors import ClientUnclear
from harvestmouse.adapters.qbittorrent.session import Session
from harvestmouse.core.wire.version import Version

_OK = 200
# The library trusts what it reads; what it stumbles over is an answer of another shape.
_STUMBLES = (qbittorrentapi.APIError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


class _Ended(qbittorrentapi.APIError):
    """An error on its way through the library, which would take any other for a lost connection, and ask again."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _SystemTrust(HTTPAdapter):
    """What accepts the certificates that questions accept; its own are a list of its own."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())


class Changes(qbittorrentapi.Client):
    """The library's client without its logins and its retries, which would add or delete a second time.

    Args:
        session: Has logged in, lends its headers, and counts.
        version: The API's, where it was told.
    """

    def __init__(self, session: Session, version: Version | None) -> None:
        self._lent, self._version = session, version
        super().__init__(
            host=session.url,
            FORCE_SCHEME_FROM_HOST=True,
            DISABLE_LOGGING_DEBUG_OUTPUT=True,
            REQUESTS_ARGS={"timeout": (session.connect, session.read)},
        )

    def app_web_api_version(self, **kwargs: Any) -> str:
        """Return what is known already, or ask."""
        return ".".join(map(str, self._version or ())) or super().app_web_api_version(**kwargs)

    @contextmanager
    def at(self, endpoint: str) -> Iterator["Changes"]:
        """Turn the library's errors into ours; their texts may carry addresses, ours carry the place."""
        try:
            try:
                yield self
            except _Ended as ended:
                raise ended.error from None
        except _STUMBLES:
            raise ClientUnclear(f"{self._lent.place(endpoint)}: the answer cannot be read") from None

    def close(self) -> None:
        """Close the connections; the session is not ours to end."""
        self._trigger_session_initialization()

    @property
    def _session(self) -> QbittorrentSession:
        new = self._http_session is None
        http = super()._session
        if new:
            # The way of the questions: no proxy, login, key or certificates that the environment has for others.
            http.trust_env, http.verify, http.auth = False, True, self._sign
            http.headers.pop("Authorization", None)
            http.mount("https://", _SystemTrust())
            http.mount("http://", HTTPAdapter())
            http.max_redirects = 0
        return http

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._lent.headers())
        return request

    def _request(self, http_method: Any, api_namespace: Any, api_method: Any, *args: Any, **kwargs: Any) -> Any:
        ask = super()._request

        def send() -> tuple[int, Any]:
            try:
                return _OK, ask(http_method, api_namespace, api_method, *args, **kwargs)
            except requests.Timeout:
                raise TimeoutError from None
            except requests.RequestException as error:
                if error.response is None:
                    raise ConnectionError from None
                return error.response.status_code, None

        try:
            return self._lent.change(f"{getattr(api_namespace, 'value', api_namespace)}/{api_method}", send)
        except Exception as error:  # noqa: BLE001 - none may get to the retries as it is
            raise _Ended(error) from None
