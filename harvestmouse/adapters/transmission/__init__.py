"""Transmission over RPC."""

from harvestmouse.adapters.transmission.client import TransmissionClient

__all__ = ["TransmissionClient"]
