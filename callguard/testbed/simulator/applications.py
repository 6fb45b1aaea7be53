"""Stasis applications: their sockets, their subscriptions, and the delivery of events."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callguard.testbed.simulator.objects import Json

LAST_WORDS: Final = ("ChannelDestroyed", "BridgeDestroyed")
"""Events that end the subscription to an object."""
Outlet = Callable[[str], None]
"""Takes one event as JSON text; it must not block."""


@dataclass
class Application:
    """An application's name in Asterisk; it outlives the socket that registered it."""

    name: str
    subscribe_all: bool = False
    outlet: Outlet | None = None
    sources: set[str] = field(default_factory=set)
    """Ids of the channels and bridges whose events the application gets."""
    allowed: list[Json] = field(default_factory=list)
    disallowed: list[Json] = field(default_factory=list)

    def wants(self, event: Json, concerns: frozenset[str]) -> bool:
        """Return whether an event passes subscriptions and filter."""
        addressee = event.get("application")
        if addressee is not None and addressee != self.name:
            return False
        known = self.subscribe_all or addressee == self.name or not self.sources.isdisjoint(concerns)
        return known and self._passes(event["type"])

    def _passes(self, kind: str) -> bool:
        if any(rule.get("type") == kind for rule in self.disallowed):
            return False
        return not self.allowed or any(rule.get("type") == kind for rule in self.allowed)

    def view(self) -> Json:
        """As ARI shows it."""
        every = self.subscribe_all
        return {
            "name": self.name,
            "channel_ids": ["__AST_CHANNEL_ALL_TOPIC"] if every else sorted(self.sources),
            "bridge_ids": ["__AST_BRIDGE_ALL_TOPIC"] if every else [],
            "endpoint_ids": ["__AST_ENDPOINT_ALL_TOPIC"] if every else [],
            "device_names": ["__AST_DEVICE_STATE_ALL_TOPIC"] if every else [],
            "events_allowed": self.allowed,
            "events_disallowed": self.disallowed,
        }


class Applications:
    """All applications by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Application] = {}

    def active(self, name: str) -> bool:
        """Return whether the application has an open socket."""
        found = self.by_name.get(name)
        return found is not None and found.outlet is not None

    @property
    def any_active(self) -> bool:
        """Return whether any event socket is open."""
        return any(map(self.active, self.by_name))

    def connect(self, name: str, outlet: Outlet, replaced: Json, *, subscribe_all: bool) -> None:
        """Connect a socket to an application; its former socket gets `replaced` and no more events."""
        found = self.by_name.setdefault(name, Application(name))
        if found.outlet is not None:
            found.outlet(json.dumps(replaced))
        found.outlet = outlet
        found.subscribe_all = found.subscribe_all or subscribe_all

    def disconnect(self, outlet: Outlet) -> None:
        """Remove a socket; its applications and their filters stay."""
        for application in self.by_name.values():
            if application.outlet is outlet:
                application.outlet = None

    def deliver(self, event: Json, concerns: frozenset[str]) -> None:
        """Deliver an event to all applications that want it."""
        for name, application in self.by_name.items():
            if event["type"] == "StasisStart" and event.get("application") == name:
                application.sources |= concerns
            if application.outlet is not None and application.wants(event, concerns):
                application.outlet(json.dumps({**event, "application": name}))
            if event["type"] in LAST_WORDS:
                application.sources -= concerns

    def set_filter(self, name: str, body: Mapping[str, Any]) -> Application | None:
        """Replace an application's event filter; return None where there is no such application."""
        found = self.by_name.get(name)
        if found is not None:
            found.allowed = list(body.get("allowed", []))
            found.disallowed = list(body.get("disallowed", []))
        return found
