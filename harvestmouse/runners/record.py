"""Write a snapshot of everything that decisions are made from, without a secret in it; nothing else is changed."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harvestmouse.adapters.recordings import packed
from harvestmouse.adapters.tape import Tape
from harvestmouse.runners import logs
from harvestmouse.runners.commands import begin, load_settings
from harvestmouse.runners.config import ConfigError
from harvestmouse.runners.documents import DocumentError, write_document
from harvestmouse.runners.fetch import fetch_everything
from harvestmouse.runners.interrupt import deadline
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.recorder import document, refuse_secrets
from harvestmouse.runners.report import Exit
from harvestmouse.runners.run import opened
from harvestmouse.runners.settings import secrets_of

JOB = "record"


def record(options: Mapping[str, Any], output: str | None) -> int:
    """Ask the site and the client what every job would ask, and write it to *output*, or to stdout.

    Args:
        options: The global ones.
        output: A file; compressed where its name ends in ``.gz``.

    Raises:
        ConfigError: The file cannot be written.
        SecretFound: A secret would have been written.
    """
    run_id = begin(JOB, options, "warning")
    settings, tape = load_settings(options), Tape()
    logs.hide(secrets_of(settings))
    ports = Ports(settings, run_id=run_id, tape=tape)
    with deadline(settings.general.deadline.total_seconds()), opened(JOB, ports, site=True):
        snapshot = fetch_everything(ports, settings.policy)
    text = json.dumps(document(snapshot, tape, Tape.rows)) + "\n"
    refuse_secrets(text, settings, tape)
    if output is None:
        sys.stdout.write(text)
        return Exit.DONE
    try:
        write_document(Path(output), packed(text) if output.endswith(".gz") else text.encode())
    except DocumentError as error:
        raise ConfigError(f"{output}: {error}") from None
    return Exit.DONE
