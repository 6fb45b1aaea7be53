"""What an Asterisk holds: channels, bridges, snoops, playbacks; and how ARI shows each as JSON."""

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
        """Return the next frame that came, shape (160,), or None."""

    def close(self) -> None:
        """End it; no callback follows."""


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
    """Where in the dialplan a channel is."""

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
    """What the person at a phone does by hand, `at` seconds after answering: press keys, or hang up."""

    at: float
    digits: str = ""
    hang_up: bool = False


@dataclass
class Phone:
    """A SIP phone and the person at it.

    Attributes:
        endpoint: what is dialled, such as PJSIP/agent1.
        answers_after: seconds of ringing before it answers; None: never.
        registered: False: Asterisk does not know where it is.
        audio: what the person says from the moment of being joined with somebody, shape (n,).
        recorded: whether what it hears is kept, 16 kB a second.
        heard: every frame that the phone received in a call, as 16-bit PCM.
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
        """Everything heard so far, shape (n,)."""
        return np.frombuffer(bytes(self.heard), dtype=np.int16)


@dataclass(frozen=True, slots=True)
class Snoop:
    """What a snoop channel takes from its target and what it puts in. `in`: from the phone; `out`: to the phone."""

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
    """Samples of the phone's audio already said; -1 before it was joined with anybody."""
    in_dialplan: bool = False
    """Whether a dialplan application goes on with it when its bridge ends: ringing of the next agent, a tap."""
    sends_heard: bool = False
    """Whether `media` carries what the channel hears (RTP) or what its snoop picks up (AudioSocket)."""
    limit: Timer | None = None
    """Ends it when its absolute time limit is over."""
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
    """Whether it goes on though one channel is left: its agent consults somebody."""

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
