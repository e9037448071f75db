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
