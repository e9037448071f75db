"""The core is light and pure: importing it pulls in nothing that talks, waits or logs."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import harvestmouse.core
import harvestmouse.core.wire
from tests.support.builders import raw_torrent
from tests.support.raw_server import serving

_FORBIDDEN = ("requests", "socket", "asyncio", "logging", "random", "urllib3", "cattrs")


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules)\n{statement}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", _FORBIDDEN)
def test_the_core_loads_nothing_that_talks_waits_or_logs(name: str) -> None:
    """A fresh interpreter that imports the core has none of these modules."""
    loaded = _loaded_by("from harvestmouse.core import *")
    assert "harvestmouse.core.grab" in loaded
    assert name not in loaded


def test_the_package_itself_loads_no_adapters() -> None:
    """A user of the library pays for what they use."""
    assert {name for name in _loaded_by("import harvestmouse") if name.startswith("harvestmouse")} == {"harvestmouse"}


def test_a_module_of_the_core_loads_only_what_it_needs() -> None:
    """Who plans one job does not pay for the others."""
    loaded = _loaded_by("from harvestmouse.core import SEED")
    assert "harvestmouse.core.policy" in loaded
    assert {"harvestmouse.core.grab", "harvestmouse.core.spend", "harvestmouse.core.wire"} & loaded == set()


def test_only_reading_a_plan_needs_cattrs() -> None:
    """Writing one, as every run with --json does, must not pay for it."""
    assert "cattrs" not in _loaded_by("import harvestmouse.core.wire.plan")


@pytest.mark.parametrize("package", [harvestmouse.core, harvestmouse.core.wire], ids=lambda package: package.__name__)
def test_every_exported_name_is_there(package: ModuleType) -> None:
    """`from harvestmouse.core import *` works, and nothing else is there."""
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert not hasattr(package, "plan_nothing")


def test_a_name_stands_for_the_same_whatever_was_loaded_before() -> None:
    """The function `after` is in a module of that name."""
    said = (
        "import harvestmouse.core.explain, harvestmouse.core.after; from harvestmouse.core import after; print(after)"
    )
    assert "<function" in _loaded_by(said)


# What a janitor run loads in all, the interpreter's own modules included; it grows only on purpose.
_MOST_MODULES = 261
_NOT_FOR_A_JANITOR = frozenset({
    "asyncio", "cattrs", "concurrent.futures", "difflib", "filelock", "gzip", "prometheus_client", "qbittorrentapi",
    "requests", "shutil", "tempfile", "tomllib", "urllib.request", "urllib3", "harvestmouse.adapters.mam",
    "harvestmouse.adapters.memory", "harvestmouse.adapters.metrics", "harvestmouse.adapters.notify",
    "harvestmouse.adapters.several", "harvestmouse.adapters.state.lock", "harvestmouse.adapters.transmission",
})  # fmt: skip
# What it loads while the client makes its list.
_AFTER_THE_QUESTION = frozenset({
    "hashlib", "orjson", "harvestmouse.adapters.jsontext", "harvestmouse.core.actions", "harvestmouse.core.cleanup",
    "harvestmouse.core.guarantees",
    "harvestmouse.core.model", "harvestmouse.core.plan", "harvestmouse.runners.fetch", "harvestmouse.runners.report",
    "harvestmouse.runners.run", "harvestmouse.runners.words",
})  # fmt: skip
_JANITOR = """
import sys
from harvestmouse.runners.cli import main
sys.argv, asked = ["harvestmouse", "janitor"], []
sys.addaudithook(lambda event, _: event == "socket.connect" and asked.append(set(sys.modules)))
try:
    main()
except SystemExit as end:
    print(*asked[0])
    print(end.code, *sys.modules)
"""


def test_a_janitor_run_loads_only_what_it_uses(tmp_path: Path) -> None:
    """Starting takes most of its time where there are few torrents: no library for what a page does."""
    rows = json.dumps([raw_torrent(1, seeding_time=60, trackers=[])]).encode()
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in (b"2.8.19", rows)]
    with serving(*([answer] for answer in answers)) as client:
        variables = {"HARVESTMOUSE_STATE_DIR": str(tmp_path), "HARVESTMOUSE_QBITTORRENT_URL": client.url}
        command = [sys.executable, "-c", _JANITOR]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=variables)
    before, (code, *loaded) = (line.split() for line in done.stdout.splitlines()[-2:])
    assert (code, len(list(tmp_path.rglob("*.json.gz")))) == ("0", 1)
    assert _NOT_FOR_A_JANITOR & set(loaded) == frozenset()
    assert len(loaded) <= _MOST_MODULES, loaded
    assert set(before) & _AFTER_THE_QUESTION == frozenset()
    assert set(loaded) >= _AFTER_THE_QUESTION


@pytest.mark.parametrize(("textfile", "taped"), [("", False), ("figures.prom", False), ("", True)])
def test_what_ends_a_run_is_loaded_before_where_it_is_wanted(textfile: str, taped: bool) -> None:
    """There is time for it while the client makes its list."""
    loaded = _loaded_by(f"""
from types import SimpleNamespace as Ports
from harvestmouse.runners.publish import Run, load
from harvestmouse.runners.settings import MetricsSettings
run = Run("janitor", False, lambda: MetricsSettings(textfile={textfile!r}))
run.ports = Ports(tape={"object()" if taped else None})
load(run)
""")
    assert ("prometheus_client" in loaded) is bool(textfile)
    assert ("harvestmouse.runners.recorder" in loaded) is taped
