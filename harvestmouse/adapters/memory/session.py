"""The one session of the account, and the rotating cookie that proves it."""

import hashlib

from attrs import define, field

from harvestmouse.adapters.errors import SessionInvalid


@define
class Session:
    """A session whose cookie changes with every request.

    Attributes:
        cookie: The only value that is accepted now.
    """

    cookie: str = field(init=False)
    _made: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Make the first cookie."""
        self.renew()

    def renew(self) -> str:
        """Begin a new session, as its owner does on the site's pages; every older cookie is dead."""
        self._made += 1
        self.cookie = hashlib.sha256(b"cookie %d" % self._made).hexdigest()
        return self.cookie

    def present(self, cookie: str) -> str:
        """Take a request's cookie, and return the one for the next.

        Raises:
            SessionInvalid: It is not the current one.
        """
        if cookie != self.cookie:
            raise SessionInvalid("the site does not accept the cookie")
        return self.renew()
