#!/usr/bin/env python3
"""Look into what is about to be published: check_release.py DIST AUDIT, a folder and the report of pip-audit."""

import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_LEFTOVER = re.compile(r"(^|/)(__pycache__|\.\w+_cache|\.hypothesis|\.venv|\.git|build|dist)/|\.pyc$|\.coverage")


def main(dist: Path, audit: Path) -> int:
    """Print what is wrong, and return 1 if anything is."""
    contents = {path: dict(_files(path)) for path in sorted(dist.iterdir()) if path.suffix in (".whl", ".gz")}
    complaints = [text for path, files in contents.items() for text in _complaints(path, files)]
    complaints += [f"{path.name} names this machine" for path in sorted(dist.iterdir()) if _names_us(path.read_bytes())]
    if sorted(path.suffix for path in contents) != [".gz", ".whl"]:
        complaints.append(f"{dist} has no wheel and one source archive")
    complaints += _holes(audit)
    for text in complaints:
        print(f"check_release: {text}", file=sys.stderr)  # noqa: T201 - it is the result
    for path, files in contents.items():
        print(f"{path.name}: {len(files)} files, {path.stat().st_size >> 10} KiB")  # noqa: T201
    return 1 if complaints else 0


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist() if not name.endswith("/"))
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                found = archive.extractfile(member)
                if found is not None:
                    # All is in one folder, which is named for the version.
                    yield member.name.partition("/")[2], found.read()


def _complaints(path: Path, files: dict[str, bytes]) -> Iterator[str]:
    yield from (f"{path.name} has {name}" for name in files if _LEFTOVER.search(name))
    yield from (f"{path.name}: {name} names this machine" for name, content in files.items() if _names_us(content))
    if not any(name.rpartition("/")[2] == "LICENSE" for name in files):
        yield f"{path.name} has no licence"
    if path.suffix == ".whl":
        own = re.compile(r"harvestmouse(-[\w.]+\.dist-info)?/")
        yield from (f"{path.name} has {name}" for name in files if not own.match(name))
        wanted = ["harvestmouse/py.typed"]
    else:
        wanted = ["CHANGELOG.md", "Makefile", "docs/index.md", "pyproject.toml", "tests/test_cases.py", ".ci/run"]
    yield from (f"{path.name} lacks {name}" for name in wanted if name not in files)


def _names_us(content: bytes) -> bool:
    return bytes(_ROOT) in content


def _holes(audit: Path) -> Iterator[str]:
    """Yield the known holes of what is needed; say it where nobody could be asked for them."""
    needed = json.loads(audit.read_text(encoding="utf-8"))["dependencies"] if audit.is_file() else []
    asked = [one for one in needed if "vulns" in one]
    own = {"harvestmouse"}
    unknown = {one["name"] for one in needed} - {one["name"] for one in asked} - own
    if not asked:
        print("NOT AUDITED: the service that knows of holes in dependencies cannot be reached from here.")  # noqa: T201
    elif unknown:
        print(f"Not audited: {', '.join(sorted(unknown))}.")  # noqa: T201
    else:
        print(f"Audited: {len(asked)} dependencies.")  # noqa: T201
    for one in asked:
        yield from (f"{one['name']} {one['version']} has the hole {hole['id']}" for hole in one["vulns"])


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
