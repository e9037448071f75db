"""Notifications reach a real HTTP server through Apprise, and their addresses reach nobody else."""

import logging
from collections.abc import Iterator

import pytest

from harvestmouse.adapters.notify import NotifyUnavailable, send
from harvestmouse.adapters.secret import Secret
from tests.support.notify import Service

# Apprise looks for a module that newer Pythons no longer have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


@pytest.fixture
def service() -> Iterator[Service]:
    """A service on loopback."""
    with Service() as running:
        yield running


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
    with pytest.raises(NotifyUnavailable, match=r"of \d address(es)? in \[notify\] urls none") as told:
        send(Secret(addresses), "title", "text")
    assert "token-word" not in str(told.value) + caplog.text


def test_a_service_that_refuses_has_not_taken_it(service: Service) -> None:
    """Whatever it says."""
    service.status = 500
    with pytest.raises(NotifyUnavailable):
        send(Secret(service.address), "title", "text")
