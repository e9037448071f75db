"""Logs: one line an event on stderr, as text or JSON, without secrets."""

import json
import logging
import sys
from collections.abc import Iterable

from harvestmouse.adapters.secret import MASK, Secret

log = logging.getLogger("harvestmouse")


def set_up(level: str, form: str) -> None:
    """Send this project's log to stderr; other libraries are heard only where something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    handler.setFormatter(_Json() if form == "json" else text)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log.setLevel(level.upper())
    # Its warnings name addresses; what they mean is in our own errors.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def hide(secrets: Iterable[Secret]) -> None:
    """Mask these secrets wherever a log line would show them; a second net under errors that never hold any."""
    words = [secret.reveal() for secret in secrets if secret]
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Hide(words))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write one JSON object a line."""
        facts = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(facts)


class _Hide(logging.Filter):
    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self._words = words

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the words in the finished message."""
        message = record.getMessage()
        for word in self._words:
            message = message.replace(word, MASK)
        record.msg, record.args = message, ()
        return True
