"""Keep what a run saw, decided and did, so that it can be decided again."""

import json
from typing import Any

from attrs import asdict

from harvestmouse import __version__
from harvestmouse.adapters import recordings
from harvestmouse.adapters.errors import SecretFound
from harvestmouse.adapters.recordings import Recordings, packed
from harvestmouse.adapters.state import cookie
from harvestmouse.adapters.state.cookie import CookieStore
from harvestmouse.adapters.tape import Tape
from harvestmouse.core.guarantees import g12
from harvestmouse.core.model import Snapshot
from harvestmouse.core.wire.redact import keep_ledger
from harvestmouse.core.wire.snapshot import FORMAT, unparse_memory
from harvestmouse.runners.ports import Ports
from harvestmouse.runners.report import Report
from harvestmouse.runners.settings import Settings, secrets_of

# Where the rows of the torrent list go: they are the last part of a snapshot.
_ROWS = '"torrents":[]'


def keep(report: Report, ports: Ports) -> None:
    """Write the recording of one run, if it was taped.

    Raises:
        AdapterError: It cannot be written, or would hold a secret.
    """
    wanted, tape, snapshot = ports.settings.recordings, ports.tape, ports.snapshot
    if tape is None or snapshot is None:
        return
    whole = {
        "format": recordings.FORMAT,
        "version": __version__,
        "run": ports.run_id,
        "plan": report.unparse(),
        "snapshot": document(snapshot, tape, []),
    }
    text = json.dumps(whole, separators=(",", ":"))
    refuse_secrets(text, ports.settings, tape)
    store = Recordings(
        ports.settings.general.state_dir / recordings.NAME, wanted.keep_days, wanted.max_count, wanted.max_size
    )
    store.write(snapshot.taken_at, report.plan.job, ports.run_id, _parts(text, tape))


def document(snapshot: Snapshot, tape: Tape, rows: list[object] | None) -> dict[str, Any]:
    """Return a snapshot's JSON form: the bodies as they were received, but for what may not be kept.

    Args:
        snapshot: What was decided from.
        tape: The bodies.
        rows: The torrent list, where there is one.
    """
    ledger = keep_ledger(snapshot)
    return {
        "format": FORMAT,
        "taken_at": snapshot.taken_at,
        "mam": {
            "profile": tape.profile,
            "searches": tape.searches,
            **({} if tape.egress is None else {"address": tape.egress}),
        },
        "ledger": None if ledger is None else [asdict(entry) for entry in ledger],
        "memory": unparse_memory(snapshot),
        "qbittorrent": {
            "webapi_version": tape.version,
            "preferences": tape.preferences,
            "transfer": tape.transfer,
            "free_space_bytes": snapshot.free_space_bytes,
            "trackers": tape.trackers,
            "torrents": None if tape.torrents is None else rows,
        },
    }


def refuse_secrets(text: str, settings: Settings, tape: Tape) -> None:
    """Raise where a secret of the configuration, or a cookie of the session, is in what is about to be written.

    Raises:
        SecretFound: One is.
    """
    kept = CookieStore(settings.general.state_dir / cookie.NAME, settings.mam.mam_id).candidates()
    secrets = [secret.reveal() for secret in (*secrets_of(settings), *(one.value for one in kept))]
    found = next(iter(g12(text, secrets)), None)
    if found is not None or tape.tainted:
        where = "the torrent list" if found is None else found.detail
        raise SecretFound(f"nothing was written: a secret of the configuration would have been in it ({where})")


def _parts(text: str, tape: Tape) -> list[bytes]:
    if tape.torrents is None:
        return [packed(text)]
    before, _, after = text.rpartition(_ROWS)
    return [packed(f"{before}{_ROWS[:-1]}"), tape.torrents.finish(), packed(f"]{after}")]
