"""Type ARI events once, where they arrive: only the types and fields that are used.

A message with an unknown type, malformed JSON or a missing field is counted and dropped; it never raises.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

VARSET: Final = b'"type":"ChannelVarset"'
NAME: Final = b'"variable":"'
"""Marks in raw JSON: it escapes inner quotes, so no caller's name and no value can contain them."""
PREFIX: Final = "CALLGUARD"
"""How the names of our variables begin, in any case: an opt-out that is spelled `CallGuard` is meant."""
_LEAD: Final = 2 + len(PREFIX)
"""Bytes of a variable's name that tell whether it is ours, after up to two underscores."""


class MalformedError(Exception):
    """A message that does not follow ARI's documentation."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel in an event."""

    id: str
    name: str
    state: str = "Up"
    number: str = ""
    context: str = ""
    extension: str = ""
    app: str = ""
    """Dialplan application that the channel runs: Dial, Queue, AppDial, AppQueue, Stasis..."""
    app_data: str = ""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge and the ids of its channels; `created` in Unix time, None where not known."""

    id: str
    channels: tuple[str, ...] = ()
    created: float | None = None
    mixes: bool = True
    """False where its channels wait and nobody hears anybody: agent pools, BridgeWait."""


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """Base of the events about one channel; `at` is Unix time in seconds."""

    at: float
    channel: Channel

    @property
    def subject(self) -> str:
        """Return the id of the event's object."""
        return self.channel.id


class ChannelCreated(ChannelEvent):
    """A channel was created."""


class ChannelStateChange(ChannelEvent):
    """The channel started to ring, or was answered."""


class ChannelHold(ChannelEvent):
    """The channel's phone put its peer on hold."""


class ChannelUnhold(ChannelEvent):
    """The hold is over."""


class StasisStart(ChannelEvent):
    """The channel entered our application, which controls it now."""


class StasisEnd(ChannelEvent):
    """The channel left our application."""


@dataclass(frozen=True, slots=True)
class ChannelDestroyed(ChannelEvent):
    """The channel ended; `cause` is the Q.850 number."""

    cause: int = 16


@dataclass(frozen=True, slots=True)
class ChannelEnteredBridge(ChannelEvent):
    """The channel joined a bridge."""

    bridge: Bridge


@dataclass(frozen=True, slots=True)
class ChannelLeftBridge(ChannelEvent):
    """The channel left a bridge."""

    bridge: Bridge


@dataclass(frozen=True, slots=True)
class ChannelDtmfReceived(ChannelEvent):
    """The channel's phone sent a digit."""

    digit: str


@dataclass(frozen=True, slots=True)
class ChannelVarset(ChannelEvent):
    """One of our own variables was set; the name is in capitals, without leading underscores."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ChannelUserevent(ChannelEvent):
    """The dialplan ran UserEvent; field names are lower case."""

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BridgeTransfer(ChannelEvent):
    """A blind or attended transfer succeeded; `channel` is the transferer's (first) leg."""


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """A playback ended; `state` is done, cancelled or failed."""

    at: float
    subject: str
    state: str


@dataclass(frozen=True, slots=True)
class ApplicationReplaced:
    """Another program took our application's name."""

    at: float
    subject: str


AriEvent = ChannelEvent | PlaybackFinished | ApplicationReplaced


class EventReader:
    """Turns WebSocket messages into events; counts what it drops in `dropped` by reason."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.dropped: Counter[str] = Counter()
        self._clock = clock

    def read(self, message: bytes) -> AriEvent | None:
        """Return the typed event, or None for one that is not used."""
        # A plain call sets some forty variables; a look at the name in the raw bytes saves parsing the others.
        if VARSET in message and not _may_be_ours(message):
            return None
        try:
            return self._parse(message)
        except (MalformedError, ValueError, RecursionError):
            self.dropped["malformed"] += 1
            return None

    def _parse(self, message: bytes) -> AriEvent | None:
        data = json.loads(message)
        if not isinstance(data, dict):
            raise MalformedError
        kind = _text(data, "type")
        parse = PARSERS.get(kind)
        if parse is None:
            self.dropped["unknown"] += 1
            return None
        return parse(self._time(data), data)

    def _time(self, data: Mapping[str, Any]) -> float:
        stamp = data.get("timestamp")
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else self._clock()


def _may_be_ours(message: bytes) -> bool:
    """Return whether a message tells of one of our variables, or not how its variable is called."""
    at = message.find(NAME)
    name = message[at + len(NAME) : at + len(NAME) + _LEAD].lstrip(b"_").upper()
    return at < 0 or name.startswith(PREFIX.encode())


def channel_from(data: object) -> Channel:
    """Read a channel object of ARI; raise MalformedError for any other data."""
    channel = _mapping(data)
    dialplan = _mapping(channel.get("dialplan", {}))
    return Channel(
        id=_text(channel, "id"),
        name=_text(channel, "name"),
        state=_optional(channel, "state"),
        number=_optional(_mapping(channel.get("caller", {})), "number"),
        context=_optional(dialplan, "context"),
        extension=_optional(dialplan, "exten"),
        app=_optional(dialplan, "app_name"),
        app_data=_optional(dialplan, "app_data"),
    )


def bridge_from(data: object) -> Bridge:
    """Read a bridge object of ARI; raise MalformedError for any other data."""
    bridge = _mapping(data)
    channels = bridge.get("channels", [])
    if not isinstance(channels, list) or not all(isinstance(channel, str) for channel in channels):
        raise MalformedError
    waits = "holding" in _optional(bridge, "bridge_type") or "holding" in _optional(bridge, "technology")
    return Bridge(_text(bridge, "id"), tuple(channels), _moment(bridge.get("creationtime")), not waits)


def _moment(stamp: object) -> float | None:
    """Return the Unix time of a time stamp; None for other data."""
    try:
        return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else None
    except (ValueError, OverflowError):
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedError
    return value


def _optional(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise MalformedError
    return value


Parser = Callable[[float, Mapping[str, Any]], AriEvent | None]


def _of_channel(kind: type[ChannelEvent]) -> Parser:
    return lambda at, data: kind(at, channel_from(data.get("channel")))


def _of_bridge(kind: type[ChannelEnteredBridge] | type[ChannelLeftBridge]) -> Parser:
    return lambda at, data: kind(at, channel_from(data.get("channel")), bridge_from(data.get("bridge")))


def _destroyed(at: float, data: Mapping[str, Any]) -> AriEvent:
    cause = data.get("cause", 16)
    if not isinstance(cause, int):
        raise MalformedError
    return ChannelDestroyed(at, channel_from(data.get("channel")), cause)


def _varset(at: float, data: Mapping[str, Any]) -> AriEvent | None:
    name = _text(data, "variable").lstrip("_").upper()
    if "channel" not in data or not name.startswith(PREFIX):
        return None  # a global variable, or a foreign one whose event contains our mark
    return ChannelVarset(at, channel_from(data["channel"]), name, _optional(data, "value"))


def _userevent(at: float, data: Mapping[str, Any]) -> AriEvent | None:
    if "channel" not in data:
        return None
    fields = {str(key).lower(): str(value) for key, value in _mapping(data.get("userevent", {})).items()}
    return ChannelUserevent(at, channel_from(data["channel"]), _text(data, "eventname"), fields)


def _transfer(key: str) -> Parser:
    def parse(at: float, data: Mapping[str, Any]) -> AriEvent | None:
        if data.get("result") != "Success":
            return None
        return BridgeTransfer(at, channel_from(data.get(key)))

    return parse


def _playback(at: float, data: Mapping[str, Any]) -> AriEvent:
    playback = _mapping(data.get("playback"))
    return PlaybackFinished(at, _text(playback, "id"), _optional(playback, "state"))


PARSERS: Final[dict[str, Parser]] = {
    "ChannelCreated": _of_channel(ChannelCreated),
    "ChannelStateChange": _of_channel(ChannelStateChange),
    "ChannelDestroyed": _destroyed,
    "ChannelEnteredBridge": _of_bridge(ChannelEnteredBridge),
    "ChannelLeftBridge": _of_bridge(ChannelLeftBridge),
    "ChannelHold": _of_channel(ChannelHold),
    "ChannelUnhold": _of_channel(ChannelUnhold),
    "ChannelVarset": _varset,
    "ChannelUserevent": _userevent,
    "ChannelDtmfReceived": lambda at, data: ChannelDtmfReceived(
        at, channel_from(data.get("channel")), _text(data, "digit")
    ),
    "BridgeBlindTransfer": _transfer("channel"),
    "BridgeAttendedTransfer": _transfer("transferer_first_leg"),
    "StasisStart": _of_channel(StasisStart),
    "StasisEnd": _of_channel(StasisEnd),
    "PlaybackFinished": _playback,
    "ApplicationReplaced": lambda at, data: ApplicationReplaced(at, _optional(data, "application")),
}
"""All event types that are used; Asterisk is asked for exactly these."""
