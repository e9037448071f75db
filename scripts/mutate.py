#!/usr/bin/env python3
"""Change the core in one small way at a time, and see whether the unit tests notice.

mutmut makes the changes and tries those inside functions. It calls functions of modules that are already imported, so
it can neither change what runs at import (constants, tables, fields and their defaults, regular expressions) nor
functions with a decorator. This script has mutmut's operators make those changes too, and tries each in a process that
imports everything afresh; in the same way it looks again at whatever mutmut found to survive, since a function may be
called at import only.

It fails below the least score, and when a change survives that ``tests/mutation/survivors.toml`` does not explain.
"""

import argparse
import ast
import difflib
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cattrs  # noqa: F401 - whatever is imported here, no trial has to import again
import hypothesis  # noqa: F401 - the same
import libcst
import pytest
from attrs import frozen
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import NEVER_MUTATE_FUNCTION_NAMES, MutationVisitor, mutate_file_contents
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

ROOT = Path(__file__).resolve().parents[1]
CORE = Path("harvestmouse/core")
SURVIVORS = Path("tests/mutation/survivors.toml")
LEAST_SCORE = 0.95
# One in so many changes, of the modules that decide, is what a reduced run tries.
SAMPLE = 5
DECISIONS = ("cleanup", "clock", "grab", "guards", "sift", "spend", "reconcile", "guarantees", "trackers", "rescue")
TRIAL_SECONDS = 60
_MUTATED = re.compile(r"(?P<module>[\w.]+)\.x(?:_|ǁ(?P<owner>\w+)ǁ)(?P<function>\w+)__mutmut_\d+")


@frozen(kw_only=True)
class Mutant:
    """One change.

    Attributes:
        module: The changed module's name.
        place: The function, class or constant it is in.
        change: The lines taken out and put in.
        source: The changed module, or ``None`` where *environment* chooses the change.
        environment: What mutmut's own copy of the module looks at.
    """

    module: str
    place: str
    change: str
    source: str | None = None
    environment: Mapping[str, str] = {}

    @property
    def key(self) -> tuple[str, str]:
        """What the list of survivors knows it by; it stays the same when lines move."""
        return f"{self.module.removeprefix('harvestmouse.core').lstrip('.')}:{self.place}", self.change


class _ImportTime(MutationVisitor):
    """Makes the changes that mutmut leaves out."""

    def __init__(self) -> None:
        nothing = IgnoredCode(no_mutate_lines=set(), ignore_node_lines=set(), ignore_pattern_lines=set())
        super().__init__(mutation_operators, nothing)

    def _skip_node_and_children(self, node: libcst.CSTNode) -> bool:
        if isinstance(node, libcst.FunctionDef) and node.decorators:
            return node.name.value in NEVER_MUTATE_FUNCTION_NAMES
        return super()._skip_node_and_children(node)


def main() -> int:
    """Try the changes and report; 0 where every survivor is explained and the score is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", action="store_true", help=f"one in {SAMPLE} changes of the modules that decide")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many trials at once")
    parser.add_argument("modules", nargs="*", help="modules of the core, such as cleanup or wire.mam; default all")
    options = parser.parse_args()
    names = options.modules or (DECISIONS if options.sample else [])
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        for name in ("harvestmouse", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        paths = _paths(names)
        # mutmut takes its time over every file it may change, asked for or not.
        settings = (ROOT / "pyproject.toml").read_text("utf-8")
        settings = re.sub(r"(?m)^only_mutate = .*$", f"only_mutate = {[str(path) for path in paths]}", settings)
        (copy / "pyproject.toml").write_text(settings, "utf-8")
        os.chdir(copy)
        return _try_all(paths, SAMPLE if options.sample else 1, options.jobs)


def _try_all(paths: list[Path], one_in: int, jobs: int) -> int:
    listed = {
        (entry["where"], _squeezed(change))
        for entry in tomllib.loads((ROOT / SURVIVORS).read_text("utf-8")).get("survivor", [])
        for change in entry["changes"]
    }
    wanted = [name for path in paths for name in _function_mutants(path) if _chosen(name, one_in)]
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *wanted]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - all of it is ours
    # Without a change all tests pass, both on the modules as they are and on mutmut's copies.
    unchanged = [Mutant(module="", place="", change="", source=source) for source in ("", None)]
    if len(list(_survivors(unchanged, jobs))) < len(unchanged):
        sys.exit("the tests fail without any change")
    tried, left = _mutmut_results(paths, wanted)
    again = [mutant for mutant in left if mutant.key not in listed]
    late = [one for path in paths for one in _import_time_mutants(path) if _chosen("".join(one.key), one_in)]
    alive = [one for one in left if one.key in listed] + list(_survivors([*again, *late], jobs))
    tried.update(mutant.module for mutant in late)
    return _report(tried, alive, listed, whole=one_in == 1 and len(paths) == len(_paths([])))


def _paths(names: Iterable[str]) -> list[Path]:
    """Return the files of the modules asked for, or of all; paths are relative, since the copy is where we are."""
    every = sorted(path.relative_to(ROOT) for path in (ROOT / CORE).rglob("*.py"))
    wanted = {f"harvestmouse.core.{name}" for name in names}
    return [path for path in every if not wanted or _module(path) in wanted]


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _chosen(name: str, one_in: int) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % one_in == 0


def _function_mutants(path: Path) -> Iterator[str]:
    for name in mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names:
        yield f"{_module(path)}.{name}"


def _mutmut_results(paths: Iterable[Path], names: Iterable[str]) -> tuple[Counter[str], list[Mutant]]:
    """Count the changes mutmut tried, by module, and return those that survived."""
    tried: Counter[str] = Counter()
    left: list[Mutant] = []
    wanted = set(names)
    for path in paths:
        codes = json.loads(Path("mutants", f"{path}.meta").read_text("utf-8"))["exit_code_by_key"]
        codes = {name: code for name, code in codes.items() if name in wanted}
        tried[_module(path)] += len(codes)
        # 0 is a run of tests that all passed, 33 is mutmut's code for a function that no test calls.
        alive = [name for name, code in codes.items() if code in (0, 33)]
        if alive:
            left += _read_mutants(libcst.parse_module(Path("mutants", path).read_text("utf-8")), alive)
    return tried, left


def _read_mutants(module: libcst.Module, names: Iterable[str]) -> Iterator[Mutant]:
    functions = {
        node.name.value: module.code_for_node(node.with_changes(name=libcst.Name("f"), decorators=[]))
        for statement in module.body
        for node in (statement, *getattr(getattr(statement, "body", None), "body", ()))
        if isinstance(node, libcst.FunctionDef)
    }
    for name in names:
        match = _MUTATED.fullmatch(name)
        assert match is not None, name
        short = name.rpartition(".")[2]
        before, after = functions[short.rpartition("_")[0] + "_orig"], functions[short]
        yield Mutant(
            module=match["module"],
            place=".".join(filter(None, (match["owner"], match["function"]))),
            change=_change(before, after)[0],
            environment={"MUTANT_UNDER_TEST": name},
        )


def _import_time_mutants(path: Path) -> Iterator[Mutant]:
    before = path.read_text("utf-8")
    wrapper = MetadataWrapper(libcst.parse_module(before))
    visitor = _ImportTime()
    wrapper.visit(visitor)
    for one in visitor.mutations:
        inside = one.contained_by_top_level_function
        if isinstance(inside, libcst.FunctionDef) and not inside.decorators:
            continue
        after = wrapper.module.deep_replace(one.original_node, one.mutated_node)
        assert isinstance(after, libcst.Module)
        change, line = _change(before, after.code)
        if change:
            yield Mutant(module=_module(path), place=_place(before, line), change=change, source=after.code)


def _change(before: str, after: str) -> tuple[str, int]:
    """Return the lines taken out and put in, without their indentation, and the first one's number."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    if not lines:
        return "", 0
    number = int(re.findall(r"\d+", lines[0])[0])
    return _squeezed("\n".join(line for line in lines if not line.startswith("@@"))), number


def _squeezed(change: str) -> str:
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in change.strip().splitlines())


def _place(source: str, line: int) -> str:
    """Name the definition that a line is in, such as ``Snapshot.managed`` or ``_FIXED``."""
    names: list[str] = []
    body: list[Any] = ast.parse(source).body
    while node := next((one for one in body if one.lineno <= line <= (one.end_lineno or 0)), None):
        target = getattr(node, "target", None) or next(iter(getattr(node, "targets", ())), None)
        names.append(getattr(node, "name", None) or getattr(target, "id", "") or "")
        body = node.body if isinstance(node, ast.ClassDef) else []
    return ".".join(filter(None, names))


def _survivors(mutants: Iterable[Mutant], jobs: int) -> Iterator[Mutant]:
    """Try each in a process of its own, *jobs* at a time, and yield those that all tests let pass."""
    running: dict[int, Mutant] = {}
    waiting = list(mutants)
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_start(mutant)] = mutant
        process, status = os.wait()
        mutant = running.pop(process)
        if os.waitstatus_to_exitcode(status) == 0:
            yield mutant


def _start(mutant: Mutant) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        signal.alarm(TRIAL_SECONDS)  # a change that loops for ever is noticed
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        sys.dont_write_bytecode = True
        os.environ.update(mutant.environment)
        if mutant.source is None:
            os.chdir("mutants")
        else:
            sys.meta_path.insert(0, _Changed(mutant.module, mutant.source))
        code = _run_tests(mutant)
    finally:
        os._exit(code)


def _run_tests(mutant: Mutant) -> int:
    """Run the module's own tests, which most likely notice, and then all; 0 where none did."""
    name = mutant.module.removeprefix("harvestmouse.core").lstrip(".").replace(".", "_")
    own = Path("tests/unit", f"test_core_{name}.py")
    settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    # What is imported above for all trials is not imported through pytest's own loader, which it warns of.
    options = ["-x", "-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", *settings["pytest_add_cli_args"]]
    first = pytest.main([*options, str(own)]) if own.is_file() else 0
    return int(first or pytest.main([*options, *settings["pytest_add_cli_args_test_selection"]]))


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from a text instead of its file."""

    def __init__(self, module: str, source: str) -> None:
        self._module, self._source = module, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert found is not None
        assert found.origin is not None
        return importlib.util.spec_from_file_location(
            fullname, found.origin, loader=self, submodule_search_locations=found.submodule_search_locations
        )

    def get_filename(self, fullname: str) -> str:
        return fullname

    def get_data(self, path: str) -> bytes:  # noqa: ARG002 - there is one
        return self._source.encode()


def _report(tried: Counter[str], alive: list[Mutant], listed: set[tuple[str, str]], *, whole: bool) -> int:
    survived = Counter(mutant.module for mutant in alive)
    rows = [(module, count, survived[module]) for module, count in sorted(tried.items()) if count]
    rows.append(("in all", tried.total(), survived.total()))
    lines = [f"{name:36} {count:5} changes {left:4} survive {1 - left / count:7.1%}" for name, count, left in rows]
    unlisted = {mutant.key for mutant in alive} - listed
    # A part of the changes cannot show that a listed one is noticed by now.
    stale = listed - {mutant.key for mutant in alive} if whole else set()
    lines += [f"\n{where}: no test notices\n{change}" for where, change in sorted(unlisted)]
    lines += [f"\n{where}: listed as a survivor, but noticed or gone\n{change}" for where, change in sorted(stale)]
    print("\n".join(lines))  # noqa: T201 - it is the result
    return int(bool(unlisted or stale) or survived.total() > (1 - LEAST_SCORE) * tried.total())


if __name__ == "__main__":
    sys.exit(main())
