"""The core is light and pure: importing it pulls in nothing that talks, waits or logs."""

import subprocess
import sys
from types import ModuleType

import pytest

import harvestmouse.core
import harvestmouse.core.wire

_FORBIDDEN = ("requests", "socket", "asyncio", "logging", "random", "urllib3", "cattrs")


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", _FORBIDDEN)
def test_the_core_loads_nothing_that_talks_waits_or_logs(name: str) -> None:
    """A fresh interpreter that imports the core has none of these modules."""
    loaded = _loaded_by("import harvestmouse.core")
    assert "harvestmouse.core.grab" in loaded
    assert name not in loaded


def test_the_package_itself_loads_no_adapters() -> None:
    """A user of the library pays for what they use."""
    assert {name for name in _loaded_by("import harvestmouse") if name.startswith("harvestmouse")} == {"harvestmouse"}


def test_only_reading_a_plan_needs_cattrs() -> None:
    """Writing one, as every run with --json does, must not pay for it."""
    assert "cattrs" not in _loaded_by("import harvestmouse.core.wire.plan")


@pytest.mark.parametrize("package", [harvestmouse.core, harvestmouse.core.wire], ids=lambda package: package.__name__)
def test_every_exported_name_is_there(package: ModuleType) -> None:
    """`from harvestmouse.core import *` works."""
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
