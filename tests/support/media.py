"""Media for tests of workers: a voice-like sound, a rule it sets off, a sender on a real socket."""

import socket
import uuid
from types import TracebackType
from typing import Self

import numpy as np

from callguard.audio.audiosocket import IDENTITY, SLIN, serialise
from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from callguard.config import Config, Media

LOUD_RULE = (
    (
        "loud.yaml",
        "groups:\n- name: test\n  rules:\n  - alert: Loud\n    expr: customer.level_dbfs > -30\n",
    ),
)
OTHER_RULE = ((LOUD_RULE[0][0], LOUD_RULE[0][1].replace("Loud", "Heard").replace("-30", "-60")),)


def config(legs: int = 8, **media: object) -> Config:
    """A configuration with any free port."""
    return Config(media=Media.model_validate({"audiosocket_port": 0, "legs_per_worker": legs, **media}))


def voice(frames: int, level: float = 0.2) -> Pcm:
    """Syllables on a 140 Hz buzz with a formant, shape (frames, FRAME_SAMPLES)."""
    at = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    harmonics = np.arange(1, 25)[:, None]
    weight = np.exp(-(((140 * harmonics - 600) / 500) ** 2)) + 0.05
    buzz = (weight * np.sin(2 * np.pi * 140 * harmonics * at)).sum(axis=0)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * at)
    sound = buzz * syllables / np.abs(buzz).max() * level * 32767
    pcm: Pcm = np.rint(sound).astype(np.int16)
    return pcm.reshape(frames, FRAME_SAMPLES)


class Sender:
    """A leg's AudioSocket connection."""

    def __init__(self, port: int, leg: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(serialise(IDENTITY, uuid.UUID(leg).bytes))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._socket.close()

    def send(self, frames: Pcm) -> None:
        """Send frames at once."""
        self._socket.sendall(b"".join(serialise(SLIN, frame.astype("<i2").tobytes()) for frame in frames))
