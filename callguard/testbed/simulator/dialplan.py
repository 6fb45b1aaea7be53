"""The dialplan contexts to which CallGuard sends its own channels: a tap's AudioSocket, a supervisor's BridgeAdd."""

import re
import uuid
from collections.abc import Callable
from typing import Final

from callguard.testbed.simulator.exchange import UNKNOWN, Exchange
from callguard.testbed.simulator.objects import Channel, Media, Place

TAP: Final = "callguard-tap"
JOIN: Final = "callguard-join"
JOIN_VARIABLE: Final = "CALLGUARD_JOIN"

OpenAudioSocket = Callable[[uuid.UUID, int, Callable[[], None]], Media]
"""Starts a connection to a loopback port; the last argument is called when the connection fails or ends."""


class Dialplan:
    """Runs a channel that leaves its application."""

    def __init__(self, exchange: Exchange, open_audiosocket: OpenAudioSocket) -> None:
        self._exchange = exchange
        self._open_audiosocket = open_audiosocket

    def run(self, channel: Channel, context: str, exten: str) -> None:
        """Send a channel to a context; an unknown context hangs it up."""
        self._exchange.end_stasis(channel)
        channel.place = Place(context, exten)
        if context == TAP and re.fullmatch(r"u\d{3,5}", exten):
            self._tap(channel, int(exten[1:]))
        elif context == JOIN and exten == "s":
            self._join(channel)
        else:
            self._exchange.hang_up(channel, UNKNOWN)

    def _tap(self, channel: Channel, port: int) -> None:
        self._exchange.move(channel, Place(TAP, f"u{port}", 1, "AudioSocket", f"{channel.id},127.0.0.1:{port}"))
        try:
            tap = uuid.UUID(channel.id)
        except ValueError:
            self._exchange.hang_up(channel, UNKNOWN)
            return
        channel.media = self._open_audiosocket(tap, port, lambda: self._exchange.hang_up(channel, UNKNOWN))

    def _join(self, channel: Channel) -> None:
        wanted = channel.variables.get(JOIN_VARIABLE, "")
        self._exchange.move(channel, Place(JOIN, "s", 1, "BridgeAdd", wanted))
        named = (each for each in self._exchange.channels.values() if wanted in (each.id, each.name))
        target = next(named, None)
        bridge = self._exchange.bridges.get(target.bridge or "") if target else None
        if bridge is None:
            self._exchange.hang_up(channel, UNKNOWN)
        else:
            self._exchange.enter(bridge, channel)
