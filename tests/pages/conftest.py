"""A browser, and a page about two made-up weeks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from harvestmouse.runners import html_report
from tests.pages.history import Account
from tests.pages.opened import Opened, opened
from tests.support.components import require
from tests.support.qbittorrent import MissingComponentError

# A browser of its own accord asks its maker for this and that; the sandbox is not to be had by root.
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def chromium() -> str:
    """Return where Chromium is."""
    found = shutil.which("chromium")
    if found is None:
        raise MissingComponentError("there is no Chromium here; as root, scripts/prepare-browser gets it")
    return found


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recordings of two weeks."""
    directory = tmp_path_factory.mktemp("history")
    Account(directory).live()
    return directory


@pytest.fixture(scope="session")
def report(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page about them."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert html_report.write({}, [str(history)], output=str(path)) == 0
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = require(chromium)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Opened]:
    """Open the page; whatever it complains of or asks for fails the test."""
    with opened(browser, report) as page:
        yield page
