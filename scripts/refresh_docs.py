#!/usr/bin/env python3
"""Write the parts of README.md and docs/ that come from the program: tables, and what commands print.

Such a part stands between ``<!-- generated: KIND ARGUMENTS -->`` and ``<!-- end -->``; a test says when one is stale.
"""

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import yaml

import harvestmouse.adapters.mam
import harvestmouse.adapters.metrics
import harvestmouse.adapters.notify
import harvestmouse.adapters.qbittorrent  # noqa: F401 - its errors count
from harvestmouse.adapters.errors import AdapterError
from harvestmouse.adapters.metrics.catalogue import CATALOGUE, Owner
from harvestmouse.core.errors import HarvestmouseError
from harvestmouse.core.guarantees import GUARANTEES, LAWS, LIMITS
from harvestmouse.core.policy import SEED
from harvestmouse.runners.config import Given, explain, load
from harvestmouse.runners.settings import KEYS, meaning

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "harvestmouse"
EXAMPLE = ROOT / "docs" / "examples" / "snapshot.json"
RULES = ROOT / "deploy" / "prometheus" / "harvestmouse.rules.yaml"
_BLOCK = re.compile(r"(<!-- generated: (?P<call>[^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)

Rows = Iterable[Iterable[str]]
Kind = TypeVar("Kind", bound=HarvestmouseError)


def pages() -> list[Path]:
    """Return the files that have, or may have, generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def refresh(text: str) -> str:
    """Return *text* with every generated part as it is to be."""
    return _BLOCK.sub(lambda block: f"{block[1]}{generate(block['call'])}\n{block[3]}", text)


def generate(call: str) -> str:
    """Return one part, by its kind and arguments."""
    kind, *arguments = shlex.split(call)
    return KINDS[kind](*arguments)


def table(head: Iterable[str], rows: Rows) -> str:
    """Return a Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def configuration(section: str = "") -> str:
    """Return the keys of one section, with both presets' values where they are figures of the policy."""
    seed, field = _values("seed"), _values("field")
    names = [name for place, name in KEYS if place == section]
    if any(hasattr(getattr(SEED, section, None), name) for name in names):
        head = ("Key", "`seed`", "`field`", "Meaning")
        rows = [(name, seed[section, name], field[section, name], meaning(section, name)) for name in names]
        return table(head, ((_code(key), _code(one), _changed(one, two), text) for key, one, two, text in rows))
    return table(
        ("Key", "Default", "Meaning"),
        ((_code(name), _code(seed[section, name]), meaning(section, name)) for name in names),
    )


def output(*arguments: str) -> str:
    """Return a command and what it prints, as one sees it in a terminal."""
    words = [word if word != "SNAPSHOT" else str(EXAMPLE.relative_to(ROOT)) for word in arguments]
    return f"```console\n$ {shlex.join(['harvestmouse', *words])}\n{run(*words)}\n```"


def excerpt(start: str, stop: str, *arguments: str) -> str:
    """Return the lines a command prints from one that starts with *start* to the one before *stop*."""
    lines = run(*arguments).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(start))
    last = next(number for number, line in enumerate(lines) if line.startswith(stop) and number > first)
    return "```text\n" + "\n".join(lines[first:last]).strip() + "\n```"


def run(*arguments: str) -> str:
    """Return what a command prints, whatever this process's environment configures."""
    foreign = ("HARVESTMOUSE_", "MAM_ID", "DRY_RUN")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "harvestmouse", *arguments],
        capture_output=True,
        check=True,
        cwd=ROOT,
        encoding="utf-8",
        env={**environment, "COLUMNS": "100", "PYTHONUTF8": "1", "TZ": "UTC"},
        timeout=60,
    )
    return done.stdout.rstrip()


def guarantees() -> str:
    """Return the guarantees and limits that are checked on every plan, in the words of the code."""
    checks = [*GUARANTEES.items(), *(("limit", predicate) for predicate in LIMITS)]
    rows = ((f"**{name}**", _summary(predicate)) for name, predicate in checks)
    return table(("", "Checked on every plan before its first action"), rows)


def laws() -> str:
    """Return the guarantees that take more than one plan to see, in the words of the code."""
    return table(("", "Held by how decisions are made"), ((f"**{name}**", _summary(law)) for name, law in LAWS.items()))


def tests_of_guarantees() -> str:
    """Return what is tested of each guarantee, with a link to the file it is tested in."""
    found = sorted(_guarantee_tests(), key=lambda one: (int(one[0][1:]), one[1].name))
    parts = []
    for number, file, names in found:
        path = file.relative_to(ROOT).as_posix()
        sentences = "\n".join(f"- {name.removeprefix('test_').replace('_', ' ')}" for name in names)
        parts.append(f"**{number}**, in [{path}](../{path}):\n\n{sentences}")
    return "\n" + "\n\n".join(parts) + "\n"


def _guarantee_tests() -> Iterator[tuple[str, Path, list[str]]]:
    """Yield the classes of laws that are named for a guarantee, with the names of their laws."""
    for file in sorted((ROOT / "tests" / "property").glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and re.fullmatch(r"TestG\d+", node.name):
                names = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
                yield node.name.removeprefix("Test"), file, [name for name in names if name.startswith("test_")]


def _summary(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def metrics() -> str:
    """Return every metric of the catalogue."""
    return table(
        ("Name", "Type", "Labels", "Told by", "Meaning"),
        (
            (
                _code(one.name),
                one.type,
                ", ".join(map(_code, one.labels)),
                "every job" if one.owner is Owner.RUN else one.owner.value,
                one.help,
            )
            for one in sorted(CATALOGUE.values(), key=lambda one: one.name)
        ),
    )


def alerts() -> str:
    """Return every alert, with what it waits for."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return table(
        ("Alert", "Severity", "Fires when", "For", "What it says"),
        (
            (
                f"[{rule['alert']}](#{rule['alert'].lower()})",
                rule["labels"]["severity"],
                _code(" ".join(rule["expr"].split())),
                rule.get("for", ""),
                rule["annotations"]["summary"].replace("{{ $labels.job }}", "…"),
            )
            for group in groups
            for rule in group["rules"]
            if "alert" in rule
        ),
    )


def error_table() -> str:
    """Return every error of the adapters with the exit code of a run that ends with it."""
    rows = (
        (_code(one.__name__), str(one.exit_code), (inspect.getdoc(one) or "").split("\n")[0], one.advice)
        for one in below(AdapterError)
    )
    return table(("Error", "Exit code", "Meaning", "Advice it carries"), rows)


def message_table() -> str:
    """Return every message of the program's errors, as the code has them, with cause and remedy."""
    kinds = {one.__name__: one for one in below(HarvestmouseError)}
    rows = sorted({(text, name) for path in sorted(SOURCES.rglob("*.py")) for text, name in _messages(path, kinds)})
    return table(
        ("It says", "Exit code", "Cause", "Remedy"),
        (
            (
                _code(text),
                str(getattr(kinds[name], "exit_code", 2)),
                (inspect.getdoc(kinds[name]) or "").split("\n")[0],
                getattr(kinds[name], "advice", "") or "the message says it",
            )
            for text, name in rows
        ),
    )


def _messages(path: Path, kinds: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
            text = _template(node.args[0])
            if any(letter.isalpha() for letter in text):
                yield text, node.func.id


def _template(node: ast.expr) -> str:
    """Return a message with "…" for what varies."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return "".join(str(part) for part in parts)
    return ""


def below(kind: type[Kind]) -> Iterator[type[Kind]]:
    """Yield the program's own errors under *kind*: as the tree has them, and then those of single adapters."""
    own = [one for one in kind.__subclasses__() if one.__module__.startswith("harvestmouse.")]
    # Those of one module stand in its order; in which order modules were imported is chance.
    for one in sorted(own, key=lambda each: (each.__module__ != kind.__module__, each.__module__)):
        yield from (one, *below(one))


KINDS: Mapping[str, Callable[..., str]] = {
    "configuration": configuration,
    "output": output,
    "excerpt": excerpt,
    "guarantees": guarantees,
    "laws": laws,
    "tests-of-guarantees": tests_of_guarantees,
    "metrics": metrics,
    "alerts": alerts,
    "errors": error_table,
    "messages": message_table,
}


def _values(preset: str) -> dict[tuple[str, str], str]:
    settings = load({}, None, {("", "preset"): Given(preset, "--preset")})
    return {key: value for key, (_, value, _) in zip(KEYS, explain(settings), strict=True)}


def _code(text: str) -> str:
    return f"`{text}`"


def _changed(seed: str, field: str) -> str:
    return f"**`{field}`**" if field != seed else "the same"


def main() -> None:
    """Rewrite what is stale, and name it."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        fresh = refresh(text)
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")
            print(page.relative_to(ROOT))  # noqa: T201 - it is the result


if __name__ == "__main__":
    main()
