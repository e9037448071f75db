"""Write recordings as one page that a browser shows without a network."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harvestmouse.core.compare import compare
from harvestmouse.core.errors import RecordingError
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.compare import policies_of, runs_of
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.documents import DocumentError, write_document
from harvestmouse.runners.history import paths_of
from harvestmouse.runners.html_report.collected import collect
from harvestmouse.runners.report import Exit


def write(
    options: Mapping[str, Any], words: Iterable[str], *, policies: tuple[str, ...] = (), output: str | None = None
) -> int:
    """Write the page about the recordings that *words* name to *output*, or to stdout.

    Args:
        options: The global ones.
        words: Files, folders and patterns.
        policies: To be compared over the recordings; none, or two and more.
        output: A file.

    Raises:
        ConfigError: There is one policy, or one that is unknown, or the page cannot be written.
        RecordingError: A word names nothing, none of the recordings can be read, or what draws the page is missing.
    """
    try:
        from harvestmouse.runners.html_report.page import render  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise RecordingError("report needs Jinja2 and Matplotlib: pip install 'harvestmouse[report]'") from None
    wanted = policies_of(policies, load_settings(options).policy) if policies else {}
    paths = paths_of(words)
    collected = collect(paths)
    for problem in collected.unreadable:
        print(f"harvestmouse: left out: {problem}", file=sys.stderr)  # noqa: T201 - the page says how many
    if not collected.last:
        raise RecordingError("none of the recordings can be read")
    unread: list[str] = []
    page = render(collected, compare(runs_of(paths, unread), wanted) if wanted else None, unread)
    if output is None:
        # The page says that it is UTF-8, whatever the terminal is.
        sys.stdout.buffer.write(page.encode())
    else:
        try:
            write_document(Path(output), page.encode())
        except DocumentError as error:
            raise ConfigError(f"{output}: {error}") from None
    return Exit.DONE
