"""Versions of qBittorrent's Web API, and what they can do."""

import re

Version = tuple[int, ...]

# qBittorrent 5.2 tells a tracker's refusal from no answer.
REPORTS_TRACKER_ERRORS: Version = (2, 12)


def parse_version(text: object) -> Version | None:
    """Read a Web API version such as ``"2.8.19"``."""
    if not isinstance(text, str) or re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", text.strip(), re.ASCII) is None:
        return None
    return tuple(int(part) for part in text.strip().split("."))
