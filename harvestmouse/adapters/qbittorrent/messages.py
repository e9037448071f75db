"""Ask for the tracker messages of many torrents over a few kept connections.

One request a torrent is what clients before 5.1 offer; with a new connection or a general HTTP library for each,
asking costs several times what the client needs to answer.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from harvestmouse.adapters.errors import ClientUnavailable, UnexpectedBody

_CONNECTIONS = 4
_OK, _NOT_FOUND = 200, 404


def fetch_messages(
    url: str, headers: Mapping[str, str], hashes: Sequence[str], timeout: float
) -> dict[str, list[object]]:
    """Return the body of ``torrents/trackers`` by info-hash; a torrent that is gone has none.

    Args:
        url: The client's base address.
        headers: Those of an authenticated session, so that the client opens no other.
        hashes: Info-hashes to ask for.
        timeout: Seconds for one answer.

    Raises:
        ClientUnavailable: The client stopped answering.
        UnexpectedBody: An answer is no list.
    """
    connect = _connector(url, timeout)
    path = urlsplit(url).path.rstrip("/") + "/api/v2/torrents/trackers?hash="

    def ask(share: Sequence[str]) -> dict[str, list[object]]:
        with closing(connect()) as connection:
            bodies = ((one, _ask(connection, path + one, headers)) for one in share)
            return {one: body for one, body in bodies if body is not None}

    shares = [share for start in range(_CONNECTIONS) if (share := hashes[start::_CONNECTIONS])]
    if not shares:
        return {}
    with ThreadPoolExecutor(len(shares)) as pool:
        parts = list(pool.map(ask, shares))
    return {one: body for part in parts for one, body in part.items()}


def _connector(url: str, timeout: float) -> Callable[[], HTTPConnection]:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return lambda: kind(parts.hostname or "", parts.port, timeout=timeout)


def _ask(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> list[object] | None:
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        content = response.read()
    except (HTTPException, OSError) as error:
        raise ClientUnavailable(f"torrents/trackers: {type(error).__name__}") from None
    if response.status == _NOT_FOUND:
        return None
    if response.status != _OK:
        raise ClientUnavailable(f"torrents/trackers: the client answers {response.status}")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, list):
        raise UnexpectedBody("torrents/trackers: the answer is no list")
    return body
