"""A secret: a string that does not show itself in logs, errors and representations, and where it may be sent."""

import re
from urllib.parse import urlsplit

from attrs import field, frozen

MASK = "********"
_PASSWORD = re.compile(r"(?<=://)([^/:@]*):([^/]*)@")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@frozen(repr=False, str=False)
class Secret:
    """Hold a secret; only `reveal` gives it back."""

    _value: str = field()

    def reveal(self) -> str:
        """Return the secret itself, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


def may_carry_cookie(url: str) -> bool:
    """Whether a cookie may be sent there: over TLS, or in plain HTTP to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and (parts.hostname or "") in _LOOPBACK)


def password_in(address: str) -> Secret:
    """Return the password in an address; empty where it has none."""
    found = _PASSWORD.search(address)
    return Secret(found[2] if found else "")


def masked(address: str) -> str:
    """Return an address without showing the password in it."""
    return _PASSWORD.sub(rf"\1:{MASK}@", address, count=1)
