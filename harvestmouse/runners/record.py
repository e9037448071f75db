"""Write a snapshot of everything that decisions are made from, without a secret in it; nothing else is changed."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict

from harvestmouse.adapters.errors import GuaranteeBroken
from harvestmouse.adapters.state import cookie
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.state.files import replace_text
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.guarantees import g12
from harvestmouse.core.model import Snapshot
from harvestmouse.core.wire.snapshot import FORMAT
from harvestmouse.runners import logs
from harvestmouse.runners.commands import load_settings
from harvestmouse.runners.fetch import fetch_everything
from harvestmouse.runners.interrupt import deadline
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Exit
from harvestmouse.runners.run import opened
from harvestmouse.runners.settings import secrets_of

JOB = "record"


def record(options: Mapping[str, Any], output: str | None) -> int:
    """Ask the site and the client what every job would ask, and write it to *output*, or to stdout.

    Raises:
        GuaranteeBroken: A secret would have been written.
    """
    run_id = os.urandom(4).hex()
    logs.set_up(options["log_level"] or "warning", options["log_format"] or "auto", run=run_id, job=JOB)
    settings = load_settings(options)
    secrets = [secret.reveal() for secret in secrets_of(settings)]
    logs.hide(secrets_of(settings))
    ports = Ports(settings, run_id=run_id, tape=Tape())
    with deadline(settings.general.deadline.total_seconds()), opened(JOB, ports, site=True):
        snapshot = fetch_everything(ports, settings.policy)
    kept = CookieStore(settings.general.state_dir / cookie.NAME, settings.mam.mam_id).candidates()
    secrets += [one.value.reveal() for one in kept]
    text = json.dumps(document(snapshot, ports), ensure_ascii=True) + "\n"
    found = next(iter(g12(text, secrets)), None)
    if found is not None:
        raise GuaranteeBroken(f"nothing was written, since {found.subject} would have been in it, {found.detail}")
    if output is None:
        sys.stdout.write(text)
    else:
        replace_text(Path(output), text)
    return Exit.DONE


def document(snapshot: Snapshot, ports: Ports) -> dict[str, Any]:
    """Return the snapshot's JSON form, with the bodies as they were received, but for what may not be kept."""
    tape = ports.tape
    assert tape is not None
    return {
        "format": FORMAT,
        "taken_at": snapshot.taken_at,
        "mam": {"profile": tape.profile, "searches": tape.searches},
        "qbittorrent": {
            "webapi_version": tape.version,
            "torrents": tape.rows(),
            "trackers": tape.trackers,
            "preferences": tape.preferences,
            "transfer": tape.transfer,
            "free_space_bytes": snapshot.free_space_bytes,
        },
        "ledger": [asdict(entry) for entry in snapshot.ledger or ()],
        "memory": ports.memory.account() | ports.memory.listing(),
    }
