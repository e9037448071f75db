"""Whether the look into what is published sees what should not be there."""

import json
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from scripts.check_release import main
from scripts.refresh_docs import ROOT

SOURCES = ("CHANGELOG.md", "LICENSE", "Makefile", "docs/index.md", "pyproject.toml", "tests/test_cases.py", ".ci/run")
WHEEL = ("harvestmouse/py.typed", "harvestmouse-1.dist-info/licenses/LICENSE")


def audited(**one: object) -> str:
    return json.dumps({"dependencies": [{"name": "attrs", "version": "1", **one}]})


def look(tmp_path: Path, *, sources: dict[str, str], wheel: dict[str, str], audit: str = audited(vulns=[])) -> int:
    """Make both archives, of the least that they must have and *sources* and *wheel*, and look into them."""
    dist = tmp_path / "dist"
    dist.mkdir()
    with tarfile.open(dist / "harvestmouse-1.tar.gz", "w:gz") as archive:
        for name, text in (dict.fromkeys(SOURCES, "") | sources).items():
            member = tarfile.TarInfo(f"harvestmouse-1/{name}")
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
    with zipfile.ZipFile(dist / "harvestmouse-1-py3-none-any.whl", "w") as archive:
        for name, text in (dict.fromkeys(WHEEL, "") | wheel).items():
            archive.writestr(name, text)
    (tmp_path / "audit.json").write_text(audit)
    return main(dist, tmp_path / "audit.json")


def test_nothing_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both archives, with a licence each."""
    assert look(tmp_path, sources={}, wheel={}) == 0
    assert "Audited: 1 dependencies" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sources", "wheel", "complaint"),
    [
        ({"tests/__pycache__/a.py": ""}, {}, "has tests/__pycache__/a.py"),
        ({}, {"harvestmouse/a.pyc": ""}, "has harvestmouse/a.pyc"),
        ({}, {"tests/a.py": ""}, "has tests/a.py"),
        ({"tests/fixtures/a.json": f"{ROOT}/a"}, {}, "tests/fixtures/a.json names this machine"),
    ],
)
def test_what_should_not_be_there_is_named(
    sources: dict[str, str], wheel: dict[str, str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a build left, what belongs elsewhere, and paths of the machine it was made on."""
    assert look(tmp_path, sources=sources, wheel=wheel) == 1
    assert complaint in capsys.readouterr().err


def test_a_known_hole_stops_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever is installed with it."""
    assert look(tmp_path, sources={}, wheel={}, audit=audited(vulns=[{"id": "PYSEC-1"}])) == 1
    assert "attrs 1 has the hole PYSEC-1" in capsys.readouterr().err


@pytest.mark.parametrize("audit", [audited(skip_reason="not found"), '{"dependencies": []}'])
def test_an_audit_that_did_not_happen_is_no_pass(
    audit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said; a machine without that service can still make a release."""
    assert look(tmp_path, sources={}, wheel={}, audit=audit) == 0
    assert "NOT AUDITED" in capsys.readouterr().out
