"""The embedded world, behind the same interfaces as the real one."""

from harvestmouse.adapters.memory.client import MemoryClient
from harvestmouse.adapters.memory.site import MemorySite
from harvestmouse.adapters.memory.world import World

__all__ = ["MemoryClient", "MemorySite", "World"]
