"""The load generator sends each leg its own clip, in Asterisk's form, at the pace of speech."""

import socket
import time
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

from callguard.audio.frames import FRAME_SAMPLES, Pcm
from callguard.testbed.bench.load import Generator, Load, Sent, Source, Target

FRAMES = 10


def clip(level: int) -> Pcm:
    """Frames that say their number: level + 0, level + 1, …"""
    return np.repeat(level + np.arange(FRAMES), FRAME_SAMPLES).reshape(FRAMES, FRAME_SAMPLES).astype(np.int16)


class Ear:
    """A port in a worker's place."""

    def __init__(self, source: Source) -> None:
        kind = socket.SOCK_DGRAM if source == "rtp" else socket.SOCK_STREAM
        self._rtp = source == "rtp"
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.settimeout(2)
        self._socket.bind(("127.0.0.1", 0))
        if not self._rtp:
            self._socket.listen(8)
        self.port: int = self._socket.getsockname()[1]

    def hear(self) -> bytes:
        """Return all that one leg sent."""
        if self._rtp:
            return b"".join(self._socket.recv(4096) for _ in range(FRAMES))
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(2)
            data = b""
            while part := connection.recv(65536):
                data += part
            return data

    def close(self) -> None:
        self._socket.close()


def play(source: Source, *targets: Target) -> Sent:
    generator = Generator(Load(source, targets, (clip(100), clip(2000))))
    sent = generator.play()
    generator.close()
    return sent


@pytest.fixture(params=["audiosocket", "rtp"])
def source(request: pytest.FixtureRequest) -> Source:
    return "rtp" if request.param == "rtp" else "audiosocket"


@pytest.fixture
def ear(source: Source) -> Iterator[Ear]:
    made = Ear(source)
    yield made
    made.close()


def test_a_leg_is_sent_its_own_clip_as_asterisk_would(source: Source, ear: Ear) -> None:
    leg = uuid.uuid4()
    play(source, Target(str(leg), ear.port, 1))
    heard = ear.hear()
    if source == "audiosocket":
        assert heard[:19] == b"\x01\x00\x10" + leg.bytes
        parts = [heard[19 + at : 19 + at + 323] for at in range(0, FRAMES * 323, 323)]
        assert {part[:3] for part in parts} == {b"\x10\x01\x40"}
        assert [np.frombuffer(part[3:], "<i2")[0] for part in parts] == list(range(2000, 2000 + FRAMES))
    else:
        parts = [heard[at : at + 332] for at in range(0, FRAMES * 332, 332)]
        assert [int.from_bytes(part[2:4]) for part in parts] == list(range(FRAMES))
        assert [int.from_bytes(part[4:8]) for part in parts] == [n * FRAME_SAMPLES for n in range(FRAMES)]
        assert [np.frombuffer(part[12:], ">i2")[0] for part in parts] == list(range(2000, 2000 + FRAMES))


def test_frames_go_out_twenty_milliseconds_apart_and_legs_one_after_another(source: Source, ear: Ear) -> None:
    began = time.monotonic()
    sent = play(source, *(Target(str(uuid.uuid4()), ear.port, 0) for _ in range(3)))
    assert sent.at.shape == (3, FRAMES)
    assert (sent.at[:, 0] >= began).all()
    assert (sent.at[:, -1] - began >= 0.02 * (FRAMES - 1) - 0.002).all(), "late ones may be made up for, never early"
    assert (np.diff(sent.at[:, 0]) >= 0).all()
    assert sent.cpu_s > 0


def test_what_was_refused_was_not_sent() -> None:
    ear = Ear("rtp")
    ear.close()
    sent = play("rtp", Target(str(uuid.uuid4()), ear.port, 0))
    assert np.isnan(sent.at).any()
