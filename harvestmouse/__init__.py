"""Grow a MyAnonamouse ratio with qBittorrent, and never hurt the account while doing so."""

__version__ = "0.1.0"
__all__ = ["__version__"]
