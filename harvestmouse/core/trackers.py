"""What trackers say of a torrent: that they refuse it, that they do not know it, and when they mean the account."""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable

from harvestmouse.core.model import Torrent, TrackerMessage

# States in which a whole torrent announces, as far as the client is concerned.
SEEDING = frozenset({"uploading", "stalledUP", "forcedUP"})
# The status of a tracker that has taken the last announce. The listing's own word for the tracker proves nothing:
# it stays while the tracker refuses.
WORKING = 2
_NOT_WORKING, _TRACKER_ERROR = 4, 5
# As phrases, so that an HTTP "Not Found" is none of them.
_UNREGISTERED = re.compile(r"(?<!\w)(?:unregistered|torrent not found|info hash not authorized|not registered)(?!\w)")
# Two torrents can lose their registration together; the same words on most torrents, and on at least so many,
# are the account's or the tracker's trouble (a reset passkey, an outage), not the torrents'.
LEAST_EVENT = 3


def is_working(torrent: Torrent) -> bool:
    """Whether a tracker is known to have taken its last announce."""
    return any(one.status == WORKING for one in torrent.messages or ())


def refusals(torrent: Torrent) -> frozenset[str]:
    """Return the words in which its trackers refuse it; none where one of them works."""
    if is_working(torrent):
        return frozenset()
    return frozenset(text for one in torrent.messages or () if (text := _words(one)))


def unregistered_texts(torrent: Torrent) -> frozenset[str]:
    """Return the words in which real trackers say that the torrent is not registered."""
    return frozenset(
        text for message in torrent.messages or () if (text := _refusal(message)) and _UNREGISTERED.search(text)
    )


def shared_refusals(torrents: Iterable[Torrent]) -> frozenset[str]:
    """Return the words that most of the torrents in a seeding state are refused with: they speak of the account."""
    heard = [one for one in torrents if one.state in {*SEEDING, None} and one.messages is not None]
    counts = Counter(text for one in heard for text in refusals(one))
    return frozenset(text for text, count in counts.items() if count >= LEAST_EVENT and count * 2 > len(heard))


def disowned(torrents: Iterable[Torrent], hashes: Container[str]) -> frozenset[str]:
    """Return the info-hashes of those that their trackers do not know, and others of their category they do.

    The site has taken such a torrent away, and counts nothing of it any more.

    Args:
        torrents: All that bear witness.
        hashes: The info-hashes of those that are asked about.
    """
    categories = defaultdict(list)
    for one in torrents:
        categories[one.category].append(one)
    return frozenset(info_hash for group in categories.values() for info_hash in _disowned(group, hashes))


def _disowned(group: Iterable[Torrent], hashes: Container[str]) -> Iterable[str]:
    asked = (one for one in group if one.hash in hashes)
    named = {one.hash: texts for one in asked if (texts := unregistered_texts(one)) and not is_working(one)}
    if not named:
        return []
    events = shared_refusals(group)
    return [info_hash for info_hash, texts in named.items() if not texts & events]


def _refusal(message: TrackerMessage) -> str:
    # From Web API 2.12 on (qBittorrent 5.2) a refusal by the tracker has a status of its own,
    # and status 4 is a tracker that gave no answer.
    refused = _TRACKER_ERROR if message.reports_tracker_errors else _NOT_WORKING
    return _words(message) if message.status == refused else ""


def _words(message: TrackerMessage) -> str:
    return " ".join(message.text.casefold().split())
