"""A bus with an event hub of its own, for tests of what Redis gets."""

import time

from callguard.bus import Bus
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import Event, NodeStarted
from callguard.control.event_hub import EventHub
from callguard.runtime.journal import Journal
from callguard.runtime.outages import Outages


class WiredBus(Bus):
    """Publish through it as the service does through its hub."""

    def __init__(self, config: RedisConfig, node: str, journal: Journal | None = None) -> None:
        self.hub = EventHub(node)
        super().__init__(config, node, Outages(node, self.hub.publish), journal or Journal(None), self.hub.publish)
        self.hub.connect(self.see)

    def publish(self, event: Event) -> None:
        self.hub.publish(event)

    async def start_alive(self) -> None:
        """Start as a service that is up: with a sign of life in Redis."""
        await self.start()
        self.publish(NodeStarted(node=self._node))
        await self.beaten()

    async def beaten(self) -> None:
        """Wait until Redis has all, the newest sign of life too."""
        await self.flush(5)
        await self._heartbeat.beat()

    async def die(self) -> None:
        """Be as a killed node whose last sign of life has expired: known, and silent from now on."""
        await self._heartbeat.stop()
        await self.client.zadd(self.keys.nodes, {self._node: time.time()})
