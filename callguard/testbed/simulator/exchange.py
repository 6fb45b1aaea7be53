"""The exchange: the life cycles of channels, bridges, snoops and playbacks, and their events.

No method blocks or touches a socket; a later action is a timer of the clock.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.clock import Clock
from callguard.testbed.simulator.objects import (
    Bridge,
    Channel,
    Json,
    Party,
    Phone,
    Place,
    Playback,
    Snoop,
    State,
    stamp,
)

ASTERISK_ID: Final = "00:00:5e:00:53:01"
"""Entity id; the address block is reserved for documentation."""
UNKNOWN: Final = 0
"""Asterisk's cause where no party hung up: the dialplan ran out, or a snoop that was never bridged
lost its target."""
NORMAL: Final = 16
BUSY: Final = 17
NO_ANSWER: Final = 19
ABSENT: Final = 20
ABSOLUTE: Final = "TIMEOUT(absolute)"
"""A function that is set like a variable: seconds until the channel ends."""
NOBODY: Final = Party()
NOWHERE: Final = Place()
CAUSES: Final = {
    NORMAL: "Normal Clearing",
    BUSY: "User busy",
    NO_ANSWER: "User alerting, no answer",
    ABSENT: "Subscriber absent",
}


class Exchange:
    """A PBX without a network.

    Args:
        clock: the simulation's time.
        emit: called with each event and the ids of its objects.
    """

    def __init__(self, clock: Clock, emit: Callable[[Json, frozenset[str]], None]) -> None:
        self.clock = clock
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.playbacks: dict[str, Playback] = {}
        self.phones: dict[str, Phone] = {}
        self._emit = emit
        self._serial = itertools.count()
        self._names: Counter[str] = Counter()
        self.rewired = True
        """Whether the connections have changed since they were last read."""

    # --- events ---

    def emit(self, kind: str, *concerns: Channel | Bridge, **fields: object) -> None:
        """Publish one event; programs subscribe to it by the objects in `concerns`."""
        event = {"type": kind, "timestamp": stamp(self.clock.now), **fields, "asterisk_id": ASTERISK_ID}
        self._emit(event, frozenset(item.id for item in concerns))

    def about(self, kind: str, channel: Channel, **fields: object) -> None:
        """Publish an event about one channel."""
        self.emit(kind, channel, **fields, channel=channel.view())

    # --- channels ---

    def create(
        self, name: str, *, channel: str | None = None, linkedid: str | None = None, phone: Phone | None = None,
        state: State = "Down", caller: Party = NOBODY, place: Place = NOWHERE,
    ) -> Channel:  # fmt: skip
        """Make a channel; its serial number is added to `name`."""
        own = channel or f"{int(self.clock.epoch)}.{next(self._serial)}"
        made = Channel(
            own,
            f"{name}{self._names[name.split('/', maxsplit=1)[0]]:08x}",
            linkedid or own,
            self.clock.now,
            state,
            caller,
            place=place,
            phone=phone,
        )
        self._names[name.split("/", maxsplit=1)[0]] += 1
        self.channels[own] = made
        self.rewired = True
        self.about("ChannelCreated", made)
        return made

    def set_state(self, channel: Channel, state: State) -> None:
        """Change a channel's state."""
        channel.state = state
        self.about("ChannelStateChange", channel)

    def move(self, channel: Channel, place: Place) -> None:
        """Let a channel run another dialplan application."""
        channel.place = place
        self.about("ChannelDialplan", channel, dialplan_app=place.app_name, dialplan_app_data=place.app_data)

    def set_variable(self, channel: Channel, name: str, value: str) -> None:
        """Set a channel variable, or its life time (ABSOLUTE)."""
        if name == ABSOLUTE:
            self._limit(channel, float(value or 0))
            return
        channel.variables[name] = value
        self.about("ChannelVarset", channel, variable=name, value=value)

    def _limit(self, channel: Channel, seconds: float) -> None:
        """End a channel after `seconds`, also in the dialplan; 0: never."""
        if channel.limit:
            channel.limit.cancel()
        channel.limit = self.clock.after(seconds, lambda: self.hang_up(channel)) if seconds > 0 else None

    def dial(self, caller: Channel | None, peer: Channel, status: str, dialstring: str = "") -> None:
        """Publish the state of a dialling attempt: empty, RINGING, ANSWER, BUSY, NOANSWER, CANCEL."""
        pair = {"caller": caller.view()} if caller else {}
        concerns = (caller, peer) if caller else (peer,)
        self.emit(
            "Dial", *concerns, dialstatus=status, forward="", dialstring=dialstring, **pair, peer=peer.view()
        )  # fmt: skip

    def request_hangup(self, channel: Channel, cause: int = NORMAL) -> None:
        """Hang up a channel at the request of its phone or of a program."""
        self.about("ChannelHangupRequest", channel, cause=cause, soft=True)
        self.hang_up(channel, cause)

    def hang_up(self, channel: Channel, cause: int = NORMAL) -> None:
        """End a channel and its dependent objects; do nothing where it has already ended."""
        if self.channels.get(channel.id) is not channel:
            return
        for playback in self.playing(channel.id):
            self.finish(playback, "cancelled")
        self.leave(channel)
        self.end_stasis(channel)
        del self.channels[channel.id]
        self.rewired = True
        if channel.media:
            channel.media.close()
        self.about("ChannelDestroyed", channel, cause=cause, cause_txt=CAUSES.get(cause, "Unknown"))
        for snoop in [each for each in self.channels.values() if each.snoop and each.snoop.target == channel.id]:
            self.hang_up(snoop, UNKNOWN if snoop.spoken < 0 else NORMAL)
        for act in channel.on_gone:
            act()

    def snoop(self, target: Channel, snoop: Snoop, channel: str | None) -> Channel:
        """Make a snoop channel on `target`."""
        made = self.create(f"Snoop/{target.id}-", channel=channel, state="Up")
        made.snoop = snoop
        return made

    # --- Stasis ---

    def start_stasis(self, channel: Channel, app: str, args: Iterable[str] = ()) -> None:
        """Give a channel to an ARI application."""
        channel.app = app
        channel.place = Place(channel.place.context, channel.place.exten, channel.place.priority, "Stasis", app)
        self.about("StasisStart", channel, args=list(args), application=app)

    def end_stasis(self, channel: Channel) -> None:
        """Take a channel from its application, if it has one."""
        if channel.app is not None:
            app, channel.app = channel.app, None
            self.about("StasisEnd", channel, application=app)

    # --- bridges ---

    def create_bridge(
        self, *, bridge: str | None = None, kind: str = "basic", name: str = "", creator: str = ""
    ) -> Bridge:
        """Make a mixing bridge: the dialplan's own (`basic`) or a program's (`stasis`)."""
        own = bridge or f"{next(self._serial):08x}-simulated"
        made = Bridge(own, self.clock.now, "stasis" if kind == "stasis" else "basic", name, creator)
        self.bridges[own] = made
        self.emit("BridgeCreated", made, bridge=made.view())
        return made

    def enter(self, bridge: Bridge, channel: Channel, *, muted: bool = False) -> None:
        """Put a channel into a bridge; it leaves the one that it is in."""
        self.leave(channel)
        bridge.channels.insert(0, channel.id)
        channel.bridge, channel.muted = bridge.id, muted
        self.rewired = True
        channel.spoken = max(channel.spoken, 0)
        self.emit("ChannelEnteredBridge", bridge, channel, bridge=bridge.view(), channel=channel.view())

    def leave(self, channel: Channel) -> None:
        """Take a channel out of its bridge, if it is in one; a dialplan bridge ends when only one channel is left."""
        bridge = self.bridges.get(channel.bridge or "")
        if bridge is None:
            return
        self._out(bridge, channel)
        if bridge.kind == "basic" and not bridge.kept and len(bridge.channels) < 2:
            left = [self.channels[each] for each in bridge.channels]
            self.destroy_bridge(bridge)
            for alone in left:
                self.clock.after(FRAME_S, lambda alone=alone: self._hang_up_idle(alone))  # type: ignore[misc]

    def _hang_up_idle(self, channel: Channel) -> None:
        """End a channel whose call is over, unless it has entered another bridge or application."""
        if channel.bridge is None and channel.app is None and not channel.in_dialplan:
            self.hang_up(channel)

    def destroy_bridge(self, bridge: Bridge) -> None:
        """End a bridge; its channels stay, without a bridge."""
        for channel in [self.channels[each] for each in bridge.channels]:
            self._out(bridge, channel)
        if self.bridges.pop(bridge.id, None):
            self.emit("BridgeDestroyed", bridge, bridge=bridge.view())

    def _out(self, bridge: Bridge, channel: Channel) -> None:
        bridge.channels.remove(channel.id)
        channel.bridge = None
        self.rewired = True
        self.emit("ChannelLeftBridge", bridge, channel, bridge=bridge.view(), channel=channel.view())

    # --- acts of people at their phones ---

    def hold(self, channel: Channel, *, on: bool = True) -> None:
        """Put the channel's peer on hold, or take it off."""
        if channel.held != on:
            channel.held = on
            self.about("ChannelHold" if on else "ChannelUnhold", channel, **({"musicclass": "default"} if on else {}))

    def press(self, channel: Channel, digits: str) -> None:
        """Press keys, 0.2 s each."""
        for place, digit in enumerate(digits):
            self.clock.after(0.2 * place, lambda digit=digit: self._pressed(channel, digit))  # type: ignore[misc]

    def _pressed(self, channel: Channel, digit: str) -> None:
        if self.channels.get(channel.id) is channel:
            self.about("ChannelDtmfReceived", channel, digit=digit, duration_ms=120)

    # --- playbacks ---

    def play(self, playback: Playback) -> None:
        """Queue a playback behind those of the same target."""
        self.playbacks[playback.id] = playback
        if len(self.playing(playback.target)) == 1:
            self._begin(playback)

    def playing(self, target: str) -> list[Playback]:
        """Return the playbacks into a channel or bridge, the present one first."""
        return [each for each in self.playbacks.values() if each.target == target]

    def finish(self, playback: Playback, state: str = "done") -> None:
        """End a playback and start the next one of its target."""
        del self.playbacks[playback.id]
        playback.state = "done" if state == "done" else "failed" if state == "failed" else "cancelled"
        self._playback_event("PlaybackFinished", playback)
        waiting = self.playing(playback.target)
        if waiting and waiting[0].state == "queued":
            self._begin(waiting[0])

    def _begin(self, playback: Playback) -> None:
        playback.state = "playing"
        self._playback_event("PlaybackStarted", playback)

    def _playback_event(self, kind: str, playback: Playback) -> None:
        target = (self.bridges if playback.to_bridge else self.channels).get(playback.target)
        self.emit(kind, *([target] if target else []), playback=playback.view())
