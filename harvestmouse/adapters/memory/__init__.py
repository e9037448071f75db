"""The embedded world, behind the same interfaces as the real one."""

from harvestmouse.adapters.memory.world import MemoryClient, MemorySite, World

__all__ = ["MemoryClient", "MemorySite", "World"]
