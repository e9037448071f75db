# ruff: noqa: INP001 - mkdocs loads it by its path
"""Put the tests and the changelog that the documentation links to into its site, as pages.

In the repository links such as ``../tests/property/test_x.py`` and ``../CHANGELOG.md`` lead to the files themselves.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).resolve().parents[1]
_CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
_CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
_LINK = re.compile(r"\]\(\.\./(tests/[\w/]+)\.py\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for every test that a page links to."""
    linked = {path for file in files.documentation_pages() for path in _LINK.findall(file.content_string)}
    for path in sorted(linked):
        source = (_ROOT / f"{path}.py").read_text(encoding="utf-8")
        content = f"# {path}.py\n\n```python\n{source}```\n"
        files.append(File.generated(config, f"{path}.md", content=content, inclusion=InclusionLevel.NOT_IN_NAV))
    changes = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "changelog.md", content=changes, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs
    """Let the links lead to those pages."""
    return _LINK.sub(r"](\1.md)", markdown).replace("](../CHANGELOG.md)", "](changelog.md)")


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs
    """Let long names in tables go on in the next line after an underscore or a comma."""
    return _CELL.sub(lambda cell: _CODE.sub(lambda code: re.sub(r"([_,{])(?=\S)", r"\1<wbr>", code[0]), cell[0]), html)
