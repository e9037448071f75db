"""The pages on how to run it name what there is."""

import re
from pathlib import Path

import hcl2
import pytest

from tests.deploy.manifests import KUBERNETES, ROOT, cron_jobs, terraform

PAGES = sorted((ROOT / "docs").glob("deploy-*.md"))
INPUTS = {name: block for one in terraform("variables.tf")["variable"] for name, block in one.items()}
TERRAFORM = (ROOT / "docs" / "deploy-terraform.md").read_text(encoding="utf-8")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@every_page
def test_every_file_is_there(page: Path) -> None:
    """By its path from the checkout."""
    named = set(re.findall(r"\b((?:deploy|scripts)/[\w./@*-]*\w)", page.read_text(encoding="utf-8")))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@every_page
def test_says_how_to_see_it_work_and_how_to_let_it_act(page: Path) -> None:
    """In this order, so that nobody acts unseen."""
    text = page.read_text(encoding="utf-8").casefold()
    works, acts = (re.search(words, text) for words in (r"it works", r"(?:## |\*\*to )let it act"))
    assert works
    assert acts
    assert works.start() < acts.start()


@every_page
def test_every_cron_job_is_one_of_ours(page: Path) -> None:
    """Under the name that the manifests give it."""
    named = set(re.findall(r"cronjob/([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named <= {one["metadata"]["name"] for one in cron_jobs().values()}


def test_the_folders_for_kustomize_are_all_explained() -> None:
    """Each is a row of the table."""
    rows = re.findall(r"^\| `([\w/-]+)` \|", (ROOT / "docs" / "deploy-kubernetes.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == {str(path.parent.relative_to(KUBERNETES)) for path in KUBERNETES.rglob("kustomization.yaml")}


def test_the_inputs_of_the_module_are_all_explained() -> None:
    """With the defaults that they have."""
    table = TERRAFORM.split("## Inputs")[1]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*)\|", table, re.MULTILINE))
    assert rows.keys() == INPUTS.keys()
    for name, block in INPUTS.items():
        if isinstance(block.get("default"), str | bool):
            assert rows[name].strip(' `"').casefold() == str(block["default"]).casefold()
        assert ("default" in block) == bool(rows[name].strip())


def test_the_example_of_the_module_gives_what_it_needs() -> None:
    """And nothing that it does not know."""
    (example,) = re.findall(r"^```hcl\n(.*?)^```$", TERRAFORM, re.DOTALL | re.MULTILINE)
    (given,) = (one['"mam_farming"'] for one in hcl2.loads(example)["module"] if '"mam_farming"' in one)
    names = {name for name in given if not name.startswith("__")} - {"source"}
    assert {name for name, block in INPUTS.items() if "default" not in block} <= names <= INPUTS.keys()
    assert given["apply"] is False
