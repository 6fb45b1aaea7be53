"""The objects of an Asterisk (channels, bridges, snoops, playbacks), and their JSON in ARI."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import Pcm
from callguard.testbed.simulator.clock import Timer

State = Literal["Down", "Ring", "Ringing", "Up"]
Direction = Literal["none", "in", "out", "both"]
Json = dict[str, Any]
Samples = NDArray[np.float32]
"""Samples on the scale of 16-bit PCM, not yet clipped."""


def stamp(at: float) -> str:
    """Unix time in Asterisk's form: 2026-11-22T04:40:49.123+0000."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


class Media(Protocol):
    """The network end of a channel that has no phone: an AudioSocket or an RTP session."""

    def send(self, pcm: Pcm) -> None:
        """Send one frame, shape (160,)."""

    def receive(self) -> Pcm | None:
        """Return the next received frame, shape (160,), or None."""

    def close(self) -> None:
        """Close the connection; no callback follows."""


@dataclass(frozen=True, slots=True)
class Party:
    """A name and number on a display."""

    name: str = ""
    number: str = ""

    def view(self) -> Json:
        """As ARI shows it."""
        return {"name": self.name, "number": self.number}


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a channel in the dialplan."""

    context: str = "default"
    exten: str = "s"
    priority: int = 1
    app_name: str = ""
    app_data: str = ""

    def view(self) -> Json:
        """As ARI shows it."""
        return {
            "context": self.context, "exten": self.exten, "priority": self.priority,
            "app_name": self.app_name, "app_data": self.app_data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """An act of the person at a phone, `at` seconds after answering: press keys, or hang up."""

    at: float
    digits: str = ""
    hang_up: bool = False


@dataclass
class Phone:
    """A SIP phone and the person at it.

    Attributes:
        endpoint: name by which the phone is dialled, such as PJSIP/agent1.
        answers_after: seconds of ringing before the answer; None: never.
        registered: False: Asterisk does not know the phone's address.
        audio: the person's speech from the first join on, shape (n,).
        recorded: whether the audio that the phone hears is kept, 16 kB a second.
        heard: all frames that the phone received in calls, as 16-bit PCM.
    """

    endpoint: str
    party: Party = Party()
    answers_after: float | None = 1.0
    busy: bool = False
    registered: bool = True
    audio: Pcm = field(default_factory=lambda: np.zeros(0, dtype=np.int16))
    loop: bool = False
    by_hand: tuple[Key, ...] = ()
    recorded: bool = True
    heard: bytearray = field(default_factory=bytearray)

    def ears(self) -> Pcm:
        """Return all audio heard so far, shape (n,)."""
        return np.frombuffer(bytes(self.heard), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Snoop:
    """Directions of the audio that a snoop takes and adds: `in` is from the target's phone, `out` is to it."""

    target: str
    spy: Direction
    whisper: Direction


@dataclass
class Channel:
    """A channel. `app` is the Stasis application that controls it now, if any."""

    id: str
    name: str
    linkedid: str
    created: float
    state: State = "Down"
    caller: Party = Party()
    connected: Party = Party()
    place: Place = Place()
    variables: dict[str, str] = field(default_factory=dict)
    phone: Phone | None = None
    snoop: Snoop | None = None
    media: Media | None = None
    app: str | None = None
    bridge: str | None = None
    muted: bool = False
    held: bool = False
    on_music: bool = False
    """Whether the dialplan plays music on hold to it."""
    spoken: int = -1
    """Number of samples of the phone's audio already spoken; -1 before the first join."""
    in_dialplan: bool = False
    """Whether a dialplan application keeps the channel when its bridge ends: ringing of the next agent, a tap."""
    sends_heard: bool = False
    """Whether `media` carries the audio that the channel hears (RTP) or that its snoop picks up (AudioSocket)."""
    limit: Timer | None = None
    """Timer that ends the channel at its absolute time limit."""
    on_gone: list[Callable[[], None]] = field(default_factory=list)

    def view(self) -> Json:
        """As ARI shows it."""
        return {
            "id": self.id, "name": self.name, "state": self.state, "protocol_id": "",
            "caller": self.caller.view(), "connected": self.connected.view(), "accountcode": "",
            "dialplan": self.place.view(), "creationtime": stamp(self.created), "language": "en",
        }  # fmt: skip


@dataclass
class Bridge:
    """A bridge. Class `basic` is the dialplan's own: it ends when one channel is left; `stasis` is an ARI program's."""

    id: str
    created: float
    kind: Literal["basic", "stasis"] = "basic"
    name: str = ""
    creator: str = ""
    channels: list[str] = field(default_factory=list)
    kept: bool = False
    """Whether the bridge stays with one channel left, because its agent consults another party."""

    def view(self) -> Json:
        """As ARI shows it."""
        return {
            "id": self.id, "technology": "simple_bridge" if len(self.channels) < 3 else "softmix",
            "bridge_type": "mixing", "bridge_class": self.kind, "creator": self.creator, "name": self.name,
            "channels": list(self.channels), "creationtime": stamp(self.created),
            "video_mode": "none" if self.kind == "basic" else "talker",
        }  # fmt: skip


@dataclass
class Playback:
    """A sound that plays into a channel or a bridge."""

    id: str
    media_uri: str
    target: str
    """Channel or bridge id."""
    to_bridge: bool
    audio: Pcm
    state: Literal["queued", "playing", "done", "cancelled", "failed"] = "queued"
    position: int = 0

    def view(self) -> Json:
        """As ARI shows it."""
        what = "bridge" if self.to_bridge else "channel"
        return {
            "id": self.id, "media_uri": self.media_uri, "target_uri": f"{what}:{self.target}",
            "language": "en", "state": self.state,
        }  # fmt: skip
