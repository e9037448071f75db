"""MyAnonamouse over HTTP."""

from harvestmouse.adapters.mam.session import Limits, MamSession, MissingCookie
from harvestmouse.adapters.mam.site import MamSite

__all__ = ["Limits", "MamSession", "MamSite", "MissingCookie"]
