"""Write recordings as one page that a browser shows without a network."""

import sys
from collections.abc import Iterable
from pathlib import Path

from harvestmouse.adapters.state.files import replace_text
from harvestmouse.core.errors import RecordingError
from harvestmouse.runners.history import paths_of
from harvestmouse.runners.html_report.collected import collect
from harvestmouse.runners.report import Exit


def write(words: Iterable[str], output: str | None) -> int:
    """Write the page about the recordings that *words* name to *output*, or to stdout.

    Raises:
        RecordingError: A word names nothing, none of the recordings can be read, or what draws the page is missing.
        StateError: The page cannot be written.
    """
    try:
        from harvestmouse.runners.html_report.page import render  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise RecordingError("report needs Jinja2 and Matplotlib: pip install 'harvestmouse[report]'") from None
    collected = collect(paths_of(words))
    for problem in collected.unreadable:
        print(f"harvestmouse: left out: {problem}", file=sys.stderr)  # noqa: T201 - the page says how many
    if not collected.last:
        raise RecordingError("none of the recordings can be read")
    page = render(collected)
    if output is None:
        sys.stdout.write(page)
    else:
        replace_text(Path(output), page)
    return Exit.DONE
