"""The suites for other adapters: a wrong adapter fails the promise that it breaks, and the example is one to copy."""

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harvestmouse import testing
from harvestmouse.testing import client as client_promises
from tests.conformance import wrong_clients, wrong_metrics, wrong_sites, wrong_state
from tests.support.builders import hash_of
from tests.support.torrents import decode
from tests.support.world import harvestmouse

ROOT = Path(testing.__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "notebook"
FILES = {"notebook_client.py": "py", "test_notebook_client.py": "py", "pyproject.toml": "toml"}

PORTS: Mapping[type, tuple[Callable[[], Any], Mapping[str, Callable[[], Any]]]] = {
    testing.ClientPromises: (wrong_clients.Stage, wrong_clients.WRONG),
    testing.SitePromises: (wrong_sites.Stage, wrong_sites.WRONG),
    testing.MetricsPromises: (wrong_metrics.Stage, wrong_metrics.WRONG),
    testing.CookiePromises: (wrong_state.CookieStage, wrong_state.COOKIES),
    testing.LedgerPromises: (wrong_state.ledger_stage, wrong_state.LEDGER),
    testing.JournalPromises: (wrong_state.journal_stage, wrong_state.JOURNAL),
    testing.MemoryPromises: (wrong_state.memory_stage, wrong_state.MEMORY),
}
WRONG = [
    pytest.param(promises, name, right, wrong, id=f"{promises.__name__}-{name}")
    for promises, (right, wrongs) in PORTS.items()
    for name, wrong in wrongs.items()
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in memory takes a moment."""
    monkeypatch.setattr(client_promises, "_PATIENCE_SECONDS", 0.0)


class TestTeeth:
    """A suite that passes whatever an adapter does is worth nothing."""

    @pytest.mark.parametrize(("promises", "name", "right", "wrong"), WRONG)
    def test_a_wrong_adapter_fails_the_promise_that_it_breaks(
        self, promises: type, name: str, right: Callable[[], Any], wrong: Callable[[], Any]
    ) -> None:
        """The same stage with the right adapter keeps it."""
        assert keeps(right, promises, name)
        assert not keeps(wrong, promises, name)

    @pytest.mark.parametrize("promises", PORTS)
    def test_every_promise_can_be_broken(self, promises: type) -> None:
        """None is there that nobody has seen fail."""
        assert set(PORTS[promises][1]) == {name for name in dir(promises) if name.startswith("test_")}


class TestExample:
    """The example in the documentation is one to copy."""

    def test_the_page_shows_it_as_it_is(self) -> None:
        """Every file stands in the page, whole."""
        page = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
        assert {path.name for path in EXAMPLE.iterdir() if path.is_file()} == set(FILES)
        for name, kind in FILES.items():
            assert f"```{kind}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```" in page

    def test_it_keeps_its_promises(self, tmp_path: Path) -> None:
        """Its own test file says so, away from this checkout's configuration."""
        done = pytest_in(copied(tmp_path))
        assert done.returncode == 0, done.stdout
        assert "passed" in done.stdout
        assert [line.rpartition(": ")[2] for line in done.stdout.splitlines() if line.startswith("SKIPPED")] == [
            "a notebook has no password"
        ]

    def test_a_change_for_the_worse_is_shown_with_its_values(self, tmp_path: Path) -> None:
        """The author of an adapter sees which promise is broken, and what came in place of what was promised."""
        client = copied(tmp_path) / "notebook_client.py"
        source = client.read_text(encoding="utf-8")
        client.write_text(source.replace("torrent.category == category", "True"), encoding="utf-8")
        done = pytest_in(tmp_path, "-k", "one_category")
        assert done.returncode == 1
        assert "FAILED test_notebook_client.py::TestNotebookClient::test_a_list_holds_one_category" in done.stdout
        assert "assert ['mine', \"nobody's\", 'theirs'] == ['mine']" in done.stdout

    def test_it_is_found_by_its_name(self, tmp_path: Path) -> None:
        """Installed, it is the client of whoever names it in the configuration."""
        project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = copied(tmp_path) / "harvestmouse_notebook-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
        ((name, target),) = project["entry-points"]["harvestmouse.clients"].items()
        (info / "entry_points.txt").write_text(f"[harvestmouse.clients]\n{name} = {target}\n")
        notes = {"torrents": {hash_of(1): {"name": "mine", "category": "mam-farming"}}, "preferences": {}}
        (tmp_path / "notebook.json").write_text(json.dumps(notes))
        settings = {"HARVESTMOUSE_STATE_DIR": str(tmp_path), "HARVESTMOUSE_QBITTORRENT_ADAPTER": name}
        done = harvestmouse("janitor", "--json", environment={**settings, "PYTHONPATH": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        (decision,) = json.loads(done.stdout)["decisions"]
        assert (decision["subject"], decision["decision"], decision["reason"]) == (hash_of(1), "keep", "unknown")


@pytest.mark.parametrize("size", [0, 1, 300_000, 1 << 19])
def test_torrent_files_are_of_zeros(size: int) -> None:
    """A client that checks the content finds it whole."""
    info = decode(testing.torrent_file("größer", size))[b"info"]
    length, content = info[b"piece length"], bytes(size)
    hashes = [hashlib.sha1(content[at : at + length]).digest() for at in range(0, size, length)]
    assert (info[b"name"].decode(), info[b"length"], info[b"pieces"]) == ("größer", size, b"".join(hashes))


def test_nothing_else_needs_it() -> None:
    """A fresh interpreter that has loaded all the rest has loaded neither the suites nor pytest."""
    package = ROOT / "harvestmouse"
    paths = [path.relative_to(ROOT).with_suffix("") for path in package.rglob("*.py") if path.stem != "__main__"]
    modules = [".".join(path.parts).removesuffix(".__init__") for path in paths if "testing" not in path.parts]
    code = f"import importlib, sys; [importlib.import_module(name) for name in {modules}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert {"harvestmouse.core", "harvestmouse.adapters.mam", "harvestmouse.runners.cli"} <= loaded
    assert not loaded & {"harvestmouse.testing", "pytest", "_pytest"}


def copied(folder: Path) -> Path:
    """Copy the example, and return where it is."""
    for name in FILES:
        (folder / name).write_bytes((EXAMPLE / name).read_bytes())
    return folder


def pytest_in(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests in a folder in a process of their own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfs", "--color=no", "--basetemp", "tmp", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def keeps(make: Callable[[], Any], promises: type, name: str) -> bool:
    """Whether an adapter keeps a promise, with whatever the promise is tried with."""
    promise = getattr(promises(), name)
    try:
        for arguments in parameters(promise):
            promise(make(), **arguments)
    except pytest.skip.Exception as skipped:
        raise AssertionError(f"{name} was not tried: {skipped}") from None
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a broken promise may show in any way
        return False
    return True


def parameters(promise: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each try of a promise, as pytest would have them."""
    marks = [mark for mark in getattr(promise, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        yield {}
        return
    ((names, values),) = (mark.args for mark in marks)
    for value in values:
        yield {names: value} if isinstance(names, str) else dict(zip(names, value, strict=True))
