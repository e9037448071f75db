"""The page of `serve`, as somebody meets it in a browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from harvestmouse.core.actions import DeleteTorrent
from harvestmouse.core.plan import Plan
from harvestmouse.runners.history import read
from harvestmouse.runners.report import Report
from tests.pages.history import EVIL, keep
from tests.pages.test_report import contrast
from tests.support.serving import Serving


@pytest.fixture(scope="module")
def serving(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Serve what a day has left, and a stranger's torrent; no job is due before the tests are over."""
    directory = tmp_path_factory.mktemp("serve")
    last_day = max(history.iterdir())
    recordings = directory / "state" / "recordings"
    shutil.copytree(last_day, recordings / last_day.name)
    at = read(max(recordings.rglob("*-janitor-*"))).taken_at + 1
    action = DeleteTorrent(hash="0" * 40, name=EVIL, reason="never_started")
    report = Report(plan=Plan(job="janitor", decided_at=at, actions=(action,)), apply=False, run_id="ee")
    keep(recordings, report.unparse(), {"taken_at": at})
    jobs = ("monitor", "janitor", "spend", "reconcile", "grab")
    (directory / "serve.toml").write_text("[serve]\n" + "".join(f"{job} = '0 0 29 2 *'\n" for job in jobs))
    environment = {
        "HARVESTMOUSE_STATE_DIR": str(directory / "state"),
        "HARVESTMOUSE_CONFIG": str(directory / "serve.toml"),
    }
    with Serving(directory, environment=environment) as running:
        yield running


@contextmanager
def opened(browser: Browser, serving: Serving, **options: Any) -> Iterator[Page]:
    """Open the page, and see at the end that it was quiet and asked for nothing but itself and its style."""
    context = browser.new_context(**options)
    noise: list[str] = []
    requests: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(serving.url)
        yield page
        assert noise == []
        assert requests == [f"{serving.url}/", f"{serving.url}/style.css"]
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser, serving: Serving) -> Iterator[Page]:
    with opened(browser, serving, viewport={"width": 1000, "height": 800}) as page:
        yield page


def test_shows_the_account_and_every_job(page: Page) -> None:
    """Before the first run, from what was recorded."""
    jobs = ["monitor", "janitor", "spend", "reconcile", "grab"]
    assert page.locator("h2").all_inner_texts() == ["Account", "Jobs", *jobs]
    assert page.locator(".schedule tbody th").all_inner_texts() == jobs
    assert "unknown" not in page.locator(".tiles dd").all_inner_texts()
    assert page.locator(".schedule .time").first.inner_text().startswith("2028-02-29 00:0")


def test_has_no_script_and_needs_none(page: Page, browser: Browser, serving: Serving) -> None:
    """What names from strangers say is text."""
    assert page.locator("script, form, iframe, img").count() == 0
    with opened(browser, serving, java_script_enabled=False) as plain:
        assert plain.locator("body").inner_text() == page.locator("body").inner_text()
    assert EVIL in page.locator(".actions bdi").all_inner_texts()
    assert page.title() == "Harvestmouse: dry run"


def test_links_lead_to_the_jobs(page: Page) -> None:
    for link in page.locator(".schedule a").all():
        target = link.get_attribute("href")
        assert target is not None
        assert page.locator(target).count() == 1


@pytest.mark.parametrize("width", [320, 390, 768])
def test_fits_a_phone(browser: Browser, serving: Serving, width: int) -> None:
    """Nothing has to be scrolled sideways."""
    with opened(browser, serving, viewport={"width": width, "height": 700}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_can_be_read_by_day_and_by_night(browser: Browser, serving: Serving, scheme: Any) -> None:
    """The contrast is what the guidelines ask of small text."""
    with opened(browser, serving, color_scheme=scheme) as page:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        colours = page.locator("h1, td, th, dt, dd, code, a, footer, caption, .good, .bad").evaluate_all(
            "found => [...new Set(found.map(one => getComputedStyle(one).color))]"
        )
        assert len(colours) >= 4
        assert min(contrast(colour, paper) for colour in colours) >= 4.5


def test_can_be_printed(page: Page) -> None:
    """As dark on white, on a few sheets."""
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().count(b"/Type /Page\n") <= 8
