"""Notifications reach a real HTTP server through Apprise, and their addresses reach nobody else."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from harvestmouse.adapters.notify import NotifyUnavailable, send
from harvestmouse.adapters.secret import Secret

# Apprise looks for a module that newer Pythons no longer have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


class Service(HTTPServer):
    """Takes notifications as JSON, or refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[dict[str, Any]] = []
        self.status = 200

    @property
    def address(self) -> str:
        """As Apprise writes it, with a password."""
        return f"json://user:s3cr3t-word@127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    """A service on loopback."""
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_notification_arrives_with_title_and_text(service: Service) -> None:
    """As plain text."""
    assert send(Secret(service.address), "points were spent", "Bought 50 GiB & more") == 0
    assert [(one["title"], one["message"]) for one in service.taken] == [("points were spent", "Bought 50 GiB & more")]


def test_one_address_that_takes_it_is_enough(service: Service) -> None:
    """The others are counted: one that is unreachable, and one that is no address."""
    assert send(Secret(f"{service.address} json://127.0.0.1:9 nonsense://x"), "title", "text") == 2
    assert len(service.taken) == 1


@pytest.mark.parametrize("addresses", ["", "nonsense", "json://127.0.0.1:9/token-word"])
def test_without_any_that_takes_it_the_error_names_no_address(addresses: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error nor a log line, of whatever level."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotifyUnavailable, match=r"none of the \d addresses") as told:
        send(Secret(addresses), "title", "text")
    assert "token-word" not in str(told.value) + caplog.text


def test_a_service_that_refuses_has_not_taken_it(service: Service) -> None:
    """Whatever it says."""
    service.status = 500
    with pytest.raises(NotifyUnavailable):
        send(Secret(service.address), "title", "text")
