"""Logs: one line an event on stderr, for a terminal or as JSON, without secrets."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from harvestmouse.adapters.secret import MASK, Secret

log = logging.getLogger("harvestmouse")

FORMATS = ("auto", "text", "json")
_TIME = "%Y-%m-%d %H:%M:%S"
_PLAIN = "%(asctime)s", "%(word)-9s", "%(message)s"
_COLORED = "\x1b[2m%(asctime)s\x1b[0m", "%(color)s%(word)-9s\x1b[0m", "\x1b[1m%(message)s\x1b[0m"
_COLORS = {logging.INFO: "\x1b[32m", logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}


def set_up(level: str, form: str, **context: str) -> None:
    """Send this project's log to stderr; other libraries are heard only where something is wrong.

    Args:
        level: From which level on.
        form: One of `FORMATS`; ``auto`` is text on a terminal, and JSON anywhere else.
        context: What every line of the run carries as JSON, such as its id.
    """
    handler = logging.StreamHandler(sys.stderr)
    terminal = sys.stderr.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    handler.setFormatter(_Json(context) if as_json else _Text(colors=terminal and not os.environ.get("NO_COLOR")))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(level.upper())
    # Its warnings name addresses; what they mean is in our own errors.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def hide(secrets: Iterable[Secret]) -> None:
    """Mask these secrets wherever a log line would show them; a second net under errors that never hold any."""
    words = [secret.reveal() for secret in secrets if secret]
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Hide(words))


def event(message: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Log what was decided or done: a sentence for people, and as JSON its facts too."""
    log.log(level, "%s", message, extra={"facts": facts})


class _Json(logging.Formatter):
    """An object a line: when, how grave, the run's context, the message, and its facts."""

    def __init__(self, context: Mapping[str, str]) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            **self._context,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(line, default=str)


class _Text(logging.Formatter):
    """A sentence a line, without the facts, which it tells."""

    def __init__(self, *, colors: bool) -> None:
        time, level, message = _COLORED if colors else _PLAIN
        super().__init__(f"{time} [{level}] {message}", _TIME)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.word = record.levelname.lower()
        record.color = _COLORS.get(record.levelno, "")
        return super().format(record)


class _Hide(logging.Filter):
    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self._words = words

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the words in the finished message, and in its facts."""
        record.msg, record.args = self._mask(record.getMessage()), ()
        facts = getattr(record, "facts", None)
        if facts:
            record.facts = {key: self._mask(one) if isinstance(one, str) else one for key, one in facts.items()}
        return True

    def _mask(self, text: str) -> str:
        for word in self._words:
            text = text.replace(word, MASK)
        return text
