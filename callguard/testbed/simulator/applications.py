"""Stasis applications: who is connected, what each wants to know, and who gets an event."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from callguard.testbed.simulator.objects import Json

LAST_WORDS: Final = ("ChannelDestroyed", "BridgeDestroyed")
"""With these the subscription to an object ends."""
Outlet = Callable[[str], None]
"""Takes one event as JSON text; must not wait."""


@dataclass
class Application:
    """An application's name in Asterisk; it outlives the socket that registered it."""

    name: str
    subscribe_all: bool = False
    outlet: Outlet | None = None
    sources: set[str] = field(default_factory=set)
    """Ids of the channels and bridges whose events it gets."""
    allowed: list[Json] = field(default_factory=list)
    disallowed: list[Json] = field(default_factory=list)

    def wants(self, event: Json, concerns: frozenset[str]) -> bool:
        """Whether an event passes subscriptions and filter."""
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
        """Whether a socket is up for the application."""
        found = self.by_name.get(name)
        return found is not None and found.outlet is not None

    @property
    def any_active(self) -> bool:
        """Whether any event socket is up."""
        return any(map(self.active, self.by_name))

    def connect(self, name: str, outlet: Outlet, replaced: Json, *, subscribe_all: bool) -> None:
        """Give an application's events to a socket; the one that had them gets `replaced` and then nothing more."""
        found = self.by_name.setdefault(name, Application(name))
        if found.outlet is not None:
            found.outlet(json.dumps(replaced))
        found.outlet = outlet
        found.subscribe_all = found.subscribe_all or subscribe_all

    def disconnect(self, outlet: Outlet) -> None:
        """Forget a socket; its applications stay, with their filters."""
        for application in self.by_name.values():
            if application.outlet is outlet:
                application.outlet = None

    def deliver(self, event: Json, concerns: frozenset[str]) -> None:
        """Hand an event to everybody who wants it."""
        for name, application in self.by_name.items():
            if event["type"] == "StasisStart" and event.get("application") == name:
                application.sources |= concerns
            if application.outlet is not None and application.wants(event, concerns):
                application.outlet(json.dumps({**event, "application": name}))
            if event["type"] in LAST_WORDS:
                application.sources -= concerns

    def set_filter(self, name: str, body: Mapping[str, Any]) -> Application | None:
        """Replace an application's event filter; None when there is no such application."""
        found = self.by_name.get(name)
        if found is not None:
            found.allowed = list(body.get("allowed", []))
            found.disallowed = list(body.get("disallowed", []))
        return found
