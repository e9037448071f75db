"""Programs that a test cannot do without."""

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.support.qbittorrent import MissingComponentError

T = TypeVar("T")


def require(find: Callable[[], T]) -> T:
    """Return what *find* finds, or end the test in the way that fits the place it runs at."""
    try:
        return find()
    except MissingComponentError as missing:
        reason = str(missing)
    # A machine whose purpose is to test everything must not pass by testing less.
    if os.environ.get("CI") or os.environ.get("TEST_REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
