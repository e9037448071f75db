"""Programs that a test cannot do without."""

import os

import pytest

from tests.support.pushgateway import find_tool
from tests.support.qbittorrent import MissingComponentError


def require_tool(name: str) -> str:
    """Find a program of Prometheus', or end the test in the way that fits the place it runs at."""
    try:
        return find_tool(name)
    except MissingComponentError as missing:
        reason = str(missing)
    # A machine whose purpose is to test everything must not pass by testing less.
    if os.environ.get("CI") or os.environ.get("TEST_REQUIRE_COMPONENTS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
