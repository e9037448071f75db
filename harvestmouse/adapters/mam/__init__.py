"""MyAnonamouse over HTTP."""

from harvestmouse.adapters.errors import MissingCookie
from harvestmouse.adapters.mam.session import Limits, MamSession
from harvestmouse.adapters.mam.site import MamSite

__all__ = ["Limits", "MamSession", "MamSite", "MissingCookie"]
