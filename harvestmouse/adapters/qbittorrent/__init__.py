"""qBittorrent over HTTP."""

from harvestmouse.adapters.qbittorrent.client import QbittorrentClient

__all__ = ["QbittorrentClient"]
