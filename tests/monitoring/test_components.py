"""A program that is missing is never a reason to pass where everything has to be tested."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.conftest import PROGRAMS
from tests.support.components import require
from tests.support.pushgateway import find_tool

# By where they are, since the tests take all paths away.
TOOLS = [Path(found) for tool in ("bash", "mkdir", "mktemp", "rm", "sed") if (found := shutil.which(tool))]
PREPARE = Path(__file__).resolve().parents[2] / "scripts" / "prepare-monitoring"


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("TEST_REQUIRE_COMPONENTS", raising=False)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_program_skips_or_fails(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is required the test fails; elsewhere it is skipped, and says why."""
    with pytest.raises(pytest.skip.Exception, match=f"{program} is missing"):
        require(lambda: find_tool(program))
    monkeypatch.setenv("TEST_REQUIRE_COMPONENTS", "1")
    with pytest.raises(pytest.fail.Exception, match=f"{program} is missing"):
        require(lambda: find_tool(program))


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_what_cannot_be_had_is_named(tmp_path: Path, required: str, code: int) -> None:
    """On a machine without Debian's tools nothing can be unpacked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        (tools / tool.name).symlink_to(tool)
    done = subprocess.run(
        [tools / "bash", PREPARE, tmp_path / "monitoring"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tools), "TEST_REQUIRE_COMPONENTS": required, "TMPDIR": os.fspath(tmp_path)},
    )
    assert done.returncode == code, done.stderr
    assert all(f"{program} cannot be had here." in done.stderr for program in (*PROGRAMS, "promtool"))
