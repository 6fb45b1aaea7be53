"""Redis (or Valkey) behind one seam: events out, commands in, audit, lists of what goes on."""

from callguard.bus.client import connect
from callguard.bus.keys import Keys
from callguard.bus.publisher import Bus, BusStats

__all__ = ["Bus", "BusStats", "Keys", "connect"]
