"""What a plan can ask for; each action is a small frozen value, carried out the same way in every mode."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import frozen


@frozen(kw_only=True)
class AddTorrent:
    """Fetch a torrent from the site and hand it to the client.

    Attributes:
        id: The site's torrent id.
        score: Why this one, as a number; higher is better.
        use_wedge: Spend a freeleech wedge, so that the download costs no ratio.
    """

    kind: ClassVar[str] = "add_torrent"
    id: int
    title: str
    score: float
    size_bytes: int
    seeders: int
    leechers: int
    category: str
    save_path: str
    tags: tuple[str, ...]
    use_wedge: bool = False


@frozen(kw_only=True)
class DeleteTorrent:
    """Remove a torrent from the client, with its files."""

    kind: ClassVar[str] = "delete_torrent"
    hash: str
    name: str
    reason: str
    delete_files: bool = True


@frozen(kw_only=True)
class BuyUpload:
    """Buy upload credit: *gib* GiB for *cost_bp* points."""

    kind: ClassVar[str] = "buy_upload"
    gib: int
    cost_bp: int


@frozen(kw_only=True)
class BuyVip:
    """Buy *weeks* of VIP for *cost_bp* points."""

    kind: ClassVar[str] = "buy_vip"
    weeks: int
    cost_bp: int


@frozen(kw_only=True)
class SetPreferences:
    """Write client preferences.

    Attributes:
        changes: Key to ``{"from": old, "to": new, "reason": why}``.
        client: The name of the client that is meant; ``None`` where there is one only.
    """

    kind: ClassVar[str] = "set_preferences"
    changes: Mapping[str, Mapping[str, Any]]
    client: str | None = None


@frozen(kw_only=True)
class ForceStart:
    """Start a queued torrent past the client's queue."""

    kind: ClassVar[str] = "force_start"
    hash: str
    name: str
    reason: str


@frozen(kw_only=True)
class Resume:
    """Start a stopped torrent."""

    kind: ClassVar[str] = "resume"
    hash: str
    name: str
    reason: str


@frozen(kw_only=True)
class Reannounce:
    """Announce a torrent to its tracker once more."""

    kind: ClassVar[str] = "reannounce"
    hash: str
    name: str
    reason: str


@frozen(kw_only=True)
class RegisterAddress:
    """Tell the site the client's address."""

    kind: ClassVar[str] = "register_address"


Action = (
    AddTorrent
    | DeleteTorrent
    | BuyUpload
    | BuyVip
    | SetPreferences
    | ForceStart
    | Resume
    | Reannounce
    | RegisterAddress
)
ACTIONS: Mapping[str, type[Action]] = {
    one.kind: one
    for one in (
        AddTorrent,
        DeleteTorrent,
        BuyUpload,
        BuyVip,
        SetPreferences,
        ForceStart,
        Resume,
        Reannounce,
        RegisterAddress,
    )
}
