"""Logs: one line an event on stderr, for a terminal or as JSON, without secrets."""

import logging
import os
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from harvestmouse.adapters.secret import MASK, Secret

log = logging.getLogger("harvestmouse")

FORMATS = ("auto", "text", "json")
_TIME = "%Y-%m-%d %H:%M:%S"


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
    handler.setFormatter(_json(context) if as_json else _text(colors=terminal and not os.environ.get("NO_COLOR")))
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


def _json(context: Mapping[str, str]) -> logging.Formatter:
    from structlog import processors, stdlib  # noqa: PLC0415 - only a run has a log

    def in_order(_: Any, __: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
        facts: Mapping[str, Any] = line.pop("facts", {})
        return {"time": line.pop("time"), "level": line.pop("level"), **context, **line, **facts}

    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[stdlib.ExtraAdder(allow=["facts"])],
        processors=[
            stdlib.ProcessorFormatter.remove_processors_meta,
            stdlib.add_log_level,
            processors.TimeStamper("iso", key="time"),
            processors.EventRenamer("message"),
            in_order,
            processors.JSONRenderer(),
        ],
    )


def _text(*, colors: bool) -> logging.Formatter:
    from structlog import dev, processors, stdlib  # noqa: PLC0415

    return stdlib.ProcessorFormatter(
        processors=[
            stdlib.ProcessorFormatter.remove_processors_meta,
            stdlib.add_log_level,
            processors.TimeStamper(_TIME, utc=False),
            dev.ConsoleRenderer(colors=colors, pad_event_to=0),
        ],
    )


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
