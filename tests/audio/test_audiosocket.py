"""AudioSocket: messages in, frames out, whatever the cuts; what is no AudioSocket ends the stream and never raises."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.audio import audiosocket
from callguard.audio.audiosocket import (
    DTMF,
    HANGUP,
    IDENTITY,
    MAX_PAYLOAD,
    ROOM,
    SLIN,
    SLIN16,
    AudioSocketReceiver,
    End,
    ProtocolError,
    identity,
    scan,
    serialise,
)
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_DTMF, HOP_FRAMES
from callguard.audio.reframer import Reframer
from tests.support.captures import capture, names


def frame(value: int, samples: int = 160) -> bytes:
    return serialise(SLIN, value.to_bytes(2, "little", signed=True) * samples)


@dataclass
class Leg:
    """One row of a receiver of three, fed with bytes."""

    row: int = 0

    def __post_init__(self) -> None:
        self.bank = LegBank(3)
        for _ in range(3):
            self.bank.open()
        self.receiver = AudioSocketReceiver(Reframer(self.bank))

    def write(self, data: bytes) -> End | None:
        room = self.receiver.room(self.row)
        assert len(data) <= len(room)
        room[: len(data)] = data
        self.receiver.received(self.row, len(data))
        return self.receiver.drain(np.array([self.row])).get(self.row)

    def hop(self) -> tuple[list[int], list[int]]:
        """Return the first sample and the flags of each frame of the next hop."""
        hop = self.bank.take()
        if self.row not in hop.rows:
            return [], []
        at = hop.rows.tolist().index(self.row)
        return hop.pcm[at, :, 0].tolist(), hop.flags[at].tolist()


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=400)), max_size=6), st.binary(max_size=2))
def test_scanning_is_the_inverse_of_serialising(messages: list[tuple[int, bytes]], tail: bytes) -> None:
    stream = b"".join(serialise(kind, payload) for kind, payload in messages) + tail
    found = [(message.kind, stream[message.start : message.end]) for message in scan(stream, len(stream))]
    assert found == messages


@given(st.binary(max_size=ROOM))
def test_any_bytes_are_messages_or_a_protocol_error(data: bytes) -> None:
    position = 0
    try:
        for message in scan(data, len(data)):
            assert message.start == position + 3
            position = message.end
            assert position <= len(data)
    except ProtocolError:
        assert position + 3 <= len(data)


@given(st.lists(st.binary(max_size=1500), max_size=4))
def test_a_receiver_survives_any_bytes(pieces: list[bytes]) -> None:
    """What is kept always leaves room for more, or the stream is at its end."""
    leg = Leg()
    for piece in pieces:
        if leg.write(piece[: len(leg.receiver.room(0))]):
            break
        assert len(leg.receiver.room(0)) > 0


@pytest.mark.parametrize("size", [1, 2, 7, 322, 323, 324, 1000, 1615])
def test_frames_come_out_whole_whatever_the_cuts(size: int) -> None:
    leg = Leg(row=1)
    stream = b"".join(frame(value) for value in range(1, 11))
    for first in range(0, len(stream), size):
        assert leg.write(stream[first : first + size]) is None
    assert leg.hop()[0] == [1, 2, 3, 4, 5]
    assert leg.hop()[0] == [6, 7, 8, 9, 10]


def test_many_legs_in_one_drain_stay_apart() -> None:
    leg = Leg()
    for row, value in itertools.product(range(3), range(5)):
        data = frame(100 * row + value)
        leg.receiver.room(row)[: len(data)] = data
        leg.receiver.received(row, len(data))
    assert leg.receiver.drain(np.arange(3)) == {}
    assert leg.bank.take().pcm[:, :, 7].tolist() == [[100 * row + value for value in range(5)] for row in range(3)]


def test_wideband_comes_down_to_eight_kilohertz() -> None:
    leg = Leg()
    for _ in range(HOP_FRAMES):
        leg.write(serialise(SLIN16, (1000).to_bytes(2, "little") * 320))
    assert leg.bank.take().pcm[0, 1:].tolist() == [[1000] * 160] * 4


def test_messages_of_other_lengths_are_reframed() -> None:
    leg = Leg()
    for samples in (80, 80, 240, 1, 159, 240):
        leg.write(frame(9, samples))
    assert leg.hop()[0] == [9] * 5


def test_a_key_flags_the_frames_after_it() -> None:
    leg = Leg()
    leg.write(frame(1) + frame(2) + serialise(DTMF, b"5"))
    leg.write(frame(3) + frame(4) + frame(5))
    assert leg.hop()[1] == [0, 0, FRAME_DTMF, FRAME_DTMF, FRAME_DTMF]
    leg.write(b"".join(frame(value) for value in range(5)))
    assert leg.hop()[1] == [FRAME_DTMF, FRAME_DTMF, 0, 0, 0]


def test_hangup_ends_the_stream_after_its_last_frame() -> None:
    leg = Leg()
    assert leg.write(b"".join(frame(value) for value in range(5)) + serialise(HANGUP)) == "eof"
    assert leg.hop()[0] == [0, 1, 2, 3, 4]


def test_a_message_longer_than_any_audio_ends_the_stream() -> None:
    assert Leg().write(bytes([SLIN]) + (MAX_PAYLOAD + 1).to_bytes(2, "big")) == "protocol"
    longest = Leg()
    assert longest.write(serialise(SLIN, bytes(MAX_PAYLOAD - 1))[:ROOM]) is None


def test_a_row_taken_anew_knows_nothing_of_its_past() -> None:
    leg = Leg()
    leg.write(serialise(DTMF, b"1") + b"\x10\x01")
    leg.receiver.reset(0, first=frame(8)[:100])
    leg.write(frame(8)[100:] + frame(8) * 4)
    assert leg.hop() == ([8] * 5, [0] * 5)


def test_the_identity_is_complete_incomplete_or_an_error() -> None:
    whole = capture("audiosocket", "good", "identity_and_frame")
    assert [identity(whole, end) for end in range(19)] == [None] * 19
    message = identity(whole, len(whole))
    assert message is not None
    assert (message.kind, whole[message.start : message.end].hex()) == (IDENTITY, "0123456789ab4def8123456789abcdef")


@pytest.mark.parametrize("name", ["audio_first", "short_identity", "http_request"])
def test_streams_that_begin_badly_are_refused(name: str) -> None:
    data = capture("audiosocket", "bad", name)
    with pytest.raises(ProtocolError):
        identity(data, len(data))


@pytest.mark.parametrize("name", ["oversized", "out_of_step"])
def test_streams_that_go_bad_are_ended(name: str) -> None:
    assert Leg().write(capture("audiosocket", "bad", name)[19:]) == "protocol"


def test_every_bad_capture_is_tried() -> None:
    begins = ["audio_first", "short_identity", "http_request"]
    assert names("audiosocket", "bad") == sorted([*begins, "oversized", "out_of_step"])


@pytest.mark.parametrize(
    ("name", "frames", "counts"),
    [
        ("identity_and_frame", 1, {}),
        ("key_and_hangup", 2, {"dtmf": 1}),
        ("wideband", 1, {}),
        ("ten_millisecond_frames", 1, {}),
        ("unknown_kinds", 1, {"unknown": 2, "error": 1}),
        ("half_a_sample", 1, {"length": 1}),
    ],
)
def test_good_captures_are_read(name: str, frames: int, counts: dict[str, int]) -> None:
    leg = Leg()
    leg.write(capture("audiosocket", "good", name)[19:])
    leg.write(frame(0) * (HOP_FRAMES - frames))
    assert len(leg.hop()[0]) == HOP_FRAMES
    assert {**leg.receiver.counts, **leg.receiver._reframer.counts} == counts


def test_the_header_of_a_regular_frame_is_what_asterisk_sends() -> None:
    assert audiosocket._FRAME_HEADER.tobytes().hex() == "100140"
