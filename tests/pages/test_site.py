"""The documentation's site, as it is built: its links lead somewhere, and it needs nobody else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from attrs import define, field
from playwright.sync_api import Browser, Page

from scripts.refresh_docs import ROOT

# The first page, and those with the longest lines and widest tables.
WIDE = ("index", "alerts", "configuration", "library")


class Reader(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.parts: list[str] = []  # what the browser fetches without being asked

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found and tag != "meta"}
        if "href" in found and found.get("rel") != "canonical":
            (self.links if tag == "a" else self.parts).append(found["href"])
        if "src" in found:
            self.parts.append(found["src"])


@define(slots=False)
class Site:
    """The built site in a folder."""

    folder: Path
    read: dict[Path, Reader] = field(factory=dict)

    @cached_property
    def pages(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.html") if path.name != "404.html")

    def reader(self, page: Path) -> Reader:
        if page not in self.read:
            self.read[page] = Reader()
            self.read[page].feed(page.read_text(encoding="utf-8"))
        return self.read[page]

    def leads_nowhere(self, page: Path, target: str) -> bool:
        address = urlsplit(urljoin(page.as_uri(), target))
        path = Path(unquote(address.path))
        if not path.is_file():
            return True
        return bool(address.fragment) and unquote(address.fragment) not in self.reader(path).anchors


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the site as `make docs` does; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        build, check=False, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=100
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return Site(folder)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Serve the site on loopback, and return where."""
    handler = partial(_Silent, directory=str(site.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def is_elsewhere(target: str) -> bool:
    return bool(urlsplit(target).netloc) or target.startswith("mailto:")


def test_every_link_leads_somewhere(site: Site) -> None:
    """Menu, text and tables, to pages, pictures and headings."""
    assert len(site.pages) > 20
    dead = [
        (page.name, target)
        for page in site.pages
        for target in (*site.reader(page).links, *site.reader(page).parts)
        if not is_elsewhere(target) and site.leads_nowhere(page, target)
    ]
    assert dead == []


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    """Who reads the pages tells nobody; and they can be read without a network."""
    foreign = [(page.name, part) for page in site.pages for part in site.reader(page).parts if is_elsewhere(part)]
    styles = [path.name for path in site.folder.rglob("*.css") if "url(http" in path.read_text(encoding="utf-8")]
    assert (foreign, styles) == ([], [])


@contextmanager
def visited(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Open a page, and see at the end that all of it was there, and nothing else asked for."""
    context = browser.new_context(**options)
    noise: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("response", lambda answer: noise.append(answer.url) if answer.status >= 400 else None)
    page.on("request", lambda one: noise.append(one.url) if is_foreign(one.url, address) else None)
    try:
        yield page
        assert noise == []
    finally:
        context.close()


def is_foreign(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
        {"viewport": {"width": 360, "height": 740}, "has_touch": True},
    ],
    ids=["desktop", "dark", "phone"],
)
def test_pages_fit_and_are_quiet(browser: Browser, address: str, options: dict[str, Any]) -> None:
    """No page is wider than its screen, and none complains."""
    with visited(browser, address, **options) as page:
        for name in WIDE:
            page.goto(f"{address}{name}.html", wait_until="load")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_search_finds_a_reason(browser: Browser, address: str) -> None:
    """A word from a plan leads to its explanation."""
    with visited(browser, address) as page:
        page.goto(f"{address}index.html")
        page.get_by_placeholder("Search").click()
        page.get_by_placeholder("Search").press_sequentially("hnr_window")
        page.locator(".md-search-result__link[href*='decisions.html']").first.click()
        page.wait_for_url("**/decisions.html*")
