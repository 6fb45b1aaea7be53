"""The load generator: a process that plays clips into legs, 50 frames a second each, and records the sending times.

Run by `measure` as `python -m callguard.testbed.bench FD`.
"""

import contextlib
import socket
import struct
import time
import uuid
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from callguard.audio.audiosocket import IDENTITY, SLIN, serialise
from callguard.audio.codec import Format, encode
from callguard.audio.frames import FRAME_S, FRAME_SAMPLES, Pcm
from callguard.runtime.limits import raise_file_limit
from callguard.runtime.mailbox import GoneError, accept_boot

PHASES: Final = 100
"""Legs start one millisecond apart, over a whole hop. As with independent calls, each tick finds some legs that have
just completed a hop and others that have not."""
_SLOTS: Final = 20
"""Milliseconds between two frames of a leg."""
_RTP_HEADER: Final = struct.Struct("!BBHII")
_SLIN_TYPE: Final = 10

Source = Literal["audiosocket", "rtp"]


@dataclass(frozen=True, slots=True)
class Target:
    """The port for a leg's media, and its clip."""

    leg: str
    port: int
    clip: int


@dataclass(frozen=True, slots=True)
class Load:
    """The audio to send: clips of shape (frames, FRAME_SAMPLES), all of one length."""

    source: Source
    targets: tuple[Target, ...]
    clips: tuple[Pcm, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """Monotonic time at which each frame of each leg was sent, shape (legs, frames); NaN: it was refused."""

    at: NDArray[np.float64]
    cpu_s: float


class Generator:
    """Holds the sockets of all legs and the messages to send on them."""

    def __init__(self, load: Load) -> None:
        self._rtp = load.source == "rtp"
        self._targets = load.targets
        form = Format.SLIN_BE if self._rtp else Format.SLIN_LE
        self._frames = [[encode(frame, form) for frame in clip] for clip in load.clips]
        if not self._rtp:
            self._frames = [[serialise(SLIN, frame) for frame in clip] for clip in self._frames]
        self._sockets = [self._connect(target) for target in load.targets]

    def play(self) -> Sent:
        """Send all frames at their pace; return the sending times."""
        count = len(self._frames[0])
        sent = np.full((len(self._targets), count), np.nan)
        start = time.monotonic()
        for slot in range(count * _SLOTS + PHASES):
            _sleep_until(start + slot * FRAME_S / _SLOTS)
            for phase in range(slot % _SLOTS, PHASES, _SLOTS):
                frame = (slot - phase) // _SLOTS
                if 0 <= frame < count:
                    for leg in range(phase, len(self._targets), PHASES):
                        with contextlib.suppress(OSError):  # full, or closed by the other side
                            self._sockets[leg].send(self._message(leg, frame))
                            sent[leg, frame] = time.monotonic()
        return Sent(sent, time.process_time())

    def close(self) -> None:
        """Close every socket."""
        for opened in self._sockets:
            opened.close()

    def _connect(self, target: Target) -> socket.socket:
        kind = socket.SOCK_DGRAM if self._rtp else socket.SOCK_STREAM
        opened = socket.socket(socket.AF_INET, kind)
        opened.connect(("127.0.0.1", target.port))
        if not self._rtp:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.sendall(serialise(IDENTITY, uuid.UUID(target.leg).bytes))
        opened.setblocking(False)
        return opened

    def _message(self, leg: int, frame: int) -> bytes:
        data = self._frames[self._targets[leg].clip][frame]
        if not self._rtp:
            return data
        return _RTP_HEADER.pack(0x80, _SLIN_TYPE, frame & 0xFFFF, frame * FRAME_SAMPLES, leg) + data


def _sleep_until(due: float) -> None:
    wait = due - time.monotonic()
    if wait > 0:
        time.sleep(wait)


def main(descriptor: int) -> None:
    """Connect, report it, play on request and report the times; end on request or when the other end closes."""
    mailbox, load = accept_boot(descriptor)
    raise_file_limit()
    generator = Generator(load)
    with contextlib.suppress(GoneError):
        mailbox.post("connected")
        mailbox.receive(None)
        mailbox.post(generator.play())
        mailbox.receive(None)
    generator.close()
    mailbox.close()
