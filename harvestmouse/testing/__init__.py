"""The promises of every port as tests, for the author of another adapter.

Subclass the port's class in a test file and give it a fixture ``stage``: the adapter, and the means to arrange its
world. Everything that has to hold then runs, now and with every later version of this package::

    class TestMyClient(ClientPromises):
        @pytest.fixture
        def stage(self, tmp_path: Path) -> ClientStage:
            return MyStage(tmp_path)

Nothing else of this package needs pytest: install ``harvestmouse[testing]`` where the tests run.
"""

import pytest

# Before they are imported, so that a broken promise shows its values.
pytest.register_assert_rewrite(
    "harvestmouse.testing.client",
    "harvestmouse.testing.metrics",
    "harvestmouse.testing.site",
    "harvestmouse.testing.state",
)

from harvestmouse.testing.arrange import cannot, torrent_file
from harvestmouse.testing.client import ClientPromises, ClientStage
from harvestmouse.testing.metrics import MetricsPromises, MetricsStage
from harvestmouse.testing.site import SitePromises, SiteStage
from harvestmouse.testing.state import (
    CookiePromises,
    CookieStage,
    JournalPromises,
    LedgerPromises,
    MemoryPromises,
    StoreStage,
)

__all__ = [
    "ClientPromises",
    "ClientStage",
    "CookiePromises",
    "CookieStage",
    "JournalPromises",
    "LedgerPromises",
    "MemoryPromises",
    "MetricsPromises",
    "MetricsStage",
    "SitePromises",
    "SiteStage",
    "StoreStage",
    "cannot",
    "torrent_file",
]
