"""The site's rotating cookie on disk, with the operator's secret it descends from."""

import hashlib
from pathlib import Path

from attrs import define, field, frozen

from harvestmouse.adapters.secret import Secret
from harvestmouse.adapters.state.files import read_text, replace_text

NAME = "mam_id"
# The site ends a session by setting its cookie to this word.
DELETED = "deleted"
_ORIGIN = "descends-from: "


@frozen(kw_only=True)
class Cookie:
    """A cookie value and where it comes from, in words for the log."""

    value: Secret
    source: str


def fingerprint(secret: str) -> str:
    """Name a secret without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


@define
class CookieStore:
    """Keep the newest cookie in ``state_dir/mam_id``.

    The first line is the cookie, verbatim. The second says, by fingerprint, which operator secret it
    descends from: when the operator changes the secret, the new one wins over the file.

    Attributes:
        operator: The secret the operator configured, if any.
    """

    path: Path
    operator: Secret | None = None
    _descends_from: str | None = field(default=None, init=False)

    def candidates(self) -> list[Cookie]:
        """Return the cookies to try, best first; there is a second only where the file does not tell its origin."""
        stored, origin = self._read()
        configured = self.operator.reveal().strip() if self.operator else ""
        self._descends_from = fingerprint(configured) if configured else origin
        from_file = Cookie(value=Secret(stored), source=f"{self.path}") if stored else None
        from_operator = Cookie(value=Secret(configured), source="MAM_ID") if configured else None
        if from_file is None or from_operator is None:
            return [one for one in (from_file, from_operator) if one is not None]
        if origin is not None:
            return [from_file] if origin == fingerprint(configured) else [from_operator]
        return [from_operator, from_file] if stored != configured else [from_operator]

    def store(self, value: str) -> None:
        """Keep a cookie the site has just set; the word that ends a session is never kept."""
        value = value.strip()
        if value and value != DELETED:
            origin = f"{_ORIGIN}{self._descends_from}\n" if self._descends_from else ""
            replace_text(self.path, f"{value}\n{origin}")

    def _read(self) -> tuple[str, str | None]:
        lines = (read_text(self.path) or "").splitlines()
        value = lines[0].strip() if lines else ""
        origins = [line.removeprefix(_ORIGIN).strip() for line in lines[1:] if line.startswith(_ORIGIN)]
        return ("" if value == DELETED else value), (origins[0] if origins else None)
