"""A page in a browser that notices what the page complains of and asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from playwright.sync_api import Browser, Page


@frozen
class Opened:
    """A page that was opened.

    Attributes:
        noise: Messages of its console, and errors that nobody caught.
        requests: Every address that it asked for, its own included.
    """

    page: Page
    noise: list[str] = field(factory=list)
    requests: list[str] = field(factory=list)

    def rows(self) -> list[list[str]]:
        """Return the cells of the decisions that are shown."""
        script = (
            "rows => rows.filter(row => row.checkVisibility()).map(row => [...row.cells].map(cell => cell.innerText))"
        )
        shown: list[list[str]] = self.page.locator("#table tbody tr").evaluate_all(script)
        return shown

    def styles(self, selector: str, name: str) -> list[str]:
        """Return a style of every element that a selector finds."""
        script = "(found, name) => found.map(one => getComputedStyle(one)[name])"
        values: list[str] = self.page.locator(selector).evaluate_all(script, name)
        return values


@contextmanager
def opened(browser: Browser, path: Path, *, width: int = 1000, **options: Any) -> Iterator[Opened]:
    """Open a page, and see at the end that it was quiet and asked for nothing but itself."""
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    try:
        one = Opened(context.new_page())
        one.page.on("console", lambda message: one.noise.append(f"{message.type}: {message.text}"))
        one.page.on("pageerror", lambda error: one.noise.append(str(error)))
        one.page.on("request", lambda request: one.requests.append(request.url))
        one.page.goto(path.as_uri())
        yield one
        assert one.noise == []
        assert one.requests == [path.as_uri()]
    finally:
        context.close()
