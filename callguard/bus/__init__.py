"""The only access to Redis (or Valkey): events out, commands in, the audit stream, lists of calls and alerts."""

from callguard.bus.client import connect
from callguard.bus.keys import Keys
from callguard.bus.publisher import Bus, BusStats

__all__ = ["Bus", "BusStats", "Keys", "connect"]
