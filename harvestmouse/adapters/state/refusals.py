"""Remember refused sessions, to tell a dead cookie from an account that may be disabled.

The site answers both alike. A cookie the operator has made anew after a first refusal, and that is refused too,
points at the account; repeated tries would make that worse, so nothing contacts the site any more until the
operator changes the cookie once more or says to go on.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from harvestmouse.adapters.errors import AccountMayBeDisabled, SessionInvalid
from harvestmouse.adapters.state.files import read_text, replace_text

NAME = "refused.json"


@frozen
class Refusals:
    """Keep ``state_dir/refused.json``.

    Attributes:
        secret: The fingerprint of the operator's secret now in use; empty where only the file has a cookie.
    """

    path: Path
    secret: str = ""

    def check(self) -> None:
        """Raise where the site must not be contacted with this secret.

        Raises:
            AccountMayBeDisabled: An earlier run came to that conclusion.
        """
        known = self._load()
        if known.get("disabled") and known.get("secret") == self.secret:
            raise AccountMayBeDisabled(f"nothing is asked of the site since an earlier run was refused ({self.path})")

    def note(self, error: SessionInvalid) -> SessionInvalid:
        """Remember a refusal, and return what it means: the error itself, or that the account may be disabled."""
        known = self._load()
        anew = bool(known) and known.get("secret") != self.secret
        disabled = anew or bool(known.get("disabled"))
        if not known or anew:
            replace_text(self.path, json.dumps({"secret": self.secret, "disabled": disabled}) + "\n")
        return AccountMayBeDisabled(error.args[0]) if disabled else error

    def clear(self) -> bool:
        """Forget refusals; return whether there were any."""
        with suppress(FileNotFoundError):
            self.path.unlink()
            return True
        return False

    def _load(self) -> dict[str, Any]:
        text = read_text(self.path)
        if text is None:
            return {}
        with suppress(ValueError, RecursionError):
            known = json.loads(text)
            if isinstance(known, dict):
                return known
        # Damaged is not absent: there was a refusal.
        return {"secret": None}
