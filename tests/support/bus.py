"""A bus with an event hub of its own, for tests of what Redis gets."""

from callguard.bus import Bus
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import Event
from callguard.control.event_hub import EventHub


class WiredBus(Bus):
    """Publish through it as the service does through its hub."""

    def __init__(self, config: RedisConfig, node: str) -> None:
        self.hub = EventHub(node)
        super().__init__(config, node, self.hub.publish)
        self.hub.connect(self.see)

    def publish(self, event: Event) -> None:
        self.hub.publish(event)
