"""RTP streams become frames: in order, losses and keys flagged, garbage counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.audio.bank import LegBank
from callguard.audio.codec import Format, encode
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, Flags
from callguard.audio.jitter import HOLD
from callguard.audio.reframer import Reframer
from callguard.audio.rtp import SLOT_BYTES, TELEPHONE_EVENT, Packet, serialise
from callguard.audio.rtp_receiver import RtpReceiver
from tests.support.captures import capture, names


class Legs:
    """A receiver of two legs, fed with datagrams."""

    def __init__(self, dynamic: Format = Format.SLIN16_BE) -> None:
        self.bank = LegBank(2)
        self.receiver = RtpReceiver(Reframer(self.bank))
        for _ in range(2):
            self.receiver.reset(self.bank.open(), dynamic)

    def receive(self, row: int, *datagrams: bytes) -> list[int]:
        for datagram in datagrams:
            cut = datagram[:SLOT_BYTES]
            self.receiver.views[self.receiver.used][: len(cut)] = cut
            self.receiver.received(row, len(cut))
        return [int(heard) for heard in self.receiver.drain()]

    def hop(self, row: int = 0) -> tuple[list[int], list[int]]:
        hop = self.bank.take()
        if row not in hop.rows:
            return [], []
        at = hop.rows.tolist().index(row)
        flags: Flags = hop.flags[at]
        return hop.pcm[at, :, 0].tolist(), flags.tolist()


def audio(number: int, value: int | None = None, form: Format = Format.SLIN_BE, kind: int = 10) -> bytes:
    samples = np.full(160, number if value is None else value, dtype=np.int16)
    return serialise(Packet(kind, number & 0xFFFF, number * 160, 5, encode(samples, form)))


def event(number: int, start: int, frames: int) -> bytes:
    payload = bytes([5, 10]) + (frames * 160).to_bytes(2, "big")
    return serialise(Packet(TELEPHONE_EVENT, number, start * 160, 5, payload))


def test_frames_come_in_order_whatever_the_order_of_arrival() -> None:
    legs = Legs()
    assert legs.receive(0, *map(audio, (1, 3, 2, 5, 4))) == [0] * 5
    assert legs.hop() == ([1, 2, 3, 4, 5], [0] * 5)


def test_a_lost_packet_becomes_a_flagged_frame_of_zeros() -> None:
    legs = Legs()
    legs.receive(0, *map(audio, (1, 2)))
    legs.receive(0, *map(audio, (4, 5, 6)))
    assert legs.hop() == ([1, 2, 0, 4, 5], [0, 0, FRAME_LOST, 0, 0])


def test_packets_behind_a_gap_wait_in_their_slots_for_the_late_one() -> None:
    legs = Legs()
    legs.receive(0, *map(audio, (1, 2, 4, 5)))
    assert legs.receiver.used == HOLD - 1
    legs.receive(1, *map(audio, range(50, 55)))
    legs.receive(0, audio(3))
    assert legs.hop()[0] == [1, 2, 3, 4, 5]
    assert legs.receiver.used == 0


@pytest.mark.parametrize(
    ("form", "kind"), [(Format.ULAW, 0), (Format.ALAW, 8), (Format.SLIN_BE, 10), (Format.SLIN_BE, 118)]
)
def test_the_payload_type_says_the_format(form: Format, kind: int) -> None:
    legs = Legs(dynamic=Format.SLIN_BE)
    legs.receive(0, *(audio(number, 1000, form, kind) for number in range(5)))
    assert legs.hop()[0] == pytest.approx([1000] * 5, abs=16)


def test_wideband_comes_down_to_eight_kilohertz() -> None:
    legs = Legs()
    samples = encode(np.full(320, 700, dtype=np.int16), Format.SLIN16_BE)
    legs.receive(0, *(serialise(Packet(118, number, number * 320, 5, samples)) for number in (0, 1, 2, 4, 5, 6)))
    assert legs.bank.take().pcm[0, :, 100].tolist() == [700, 700, 700, 0, 700]


def test_packets_of_ten_and_of_forty_milliseconds_are_reframed() -> None:
    legs = Legs()
    short = encode(np.full(80, 3, dtype=np.int16), Format.SLIN_BE)
    legs.receive(0, *(serialise(Packet(10, number, number * 80, 5, short)) for number in range(10)))
    assert legs.hop()[0] == [3] * 5
    long = encode(np.full(320, 4, dtype=np.int16), Format.SLIN_BE)
    legs.receive(1, *(serialise(Packet(10, number, number * 320, 5, long)) for number in (0, 2, 3, 4)))
    assert legs.hop(1) == ([4, 4, 0, 0, 4], [0, 0, FRAME_LOST, FRAME_LOST, 0])


def test_frames_during_a_key_are_flagged() -> None:
    legs = Legs()
    legs.receive(0, audio(0), audio(1), event(2, start=2, frames=2))
    legs.receive(0, *(serialise(Packet(10, 3 + n, (2 + n) * 160, 5, bytes(320))) for n in range(3)))
    assert legs.hop()[1] == [0, 0, FRAME_DTMF, FRAME_DTMF, 0]


def test_a_key_that_replaces_the_audio_is_flagged_and_no_loss() -> None:
    legs = Legs()
    legs.receive(0, audio(0), event(1, start=1, frames=3), event(2, start=1, frames=3))
    legs.receive(0, serialise(Packet(10, 3, 4 * 160, 5, bytes(320))))
    assert legs.hop()[1] == [0, FRAME_DTMF, FRAME_DTMF, FRAME_DTMF, 0]


def test_a_new_source_is_followed_without_a_gap() -> None:
    legs = Legs()
    legs.receive(0, *map(audio, (1, 2)))
    other = [serialise(Packet(10, 40_000 + n, 9 + n * 160, 77, bytes(320))) for n in range(3)]
    legs.receive(0, *other)
    assert legs.hop() == ([1, 2, 0, 0, 0], [0] * 5)
    assert legs.receiver.jitter.counts["restarts"] == 1


@pytest.mark.parametrize("name", names("rtp", "bad"))
def test_bad_captures_are_counted_and_heard_by_nobody(name: str) -> None:
    legs = Legs()
    assert legs.receive(0, capture("rtp", "bad", name)) == []
    assert legs.receiver.counts["malformed"] == 1


def test_control_packets_and_foreign_types_are_counted_as_unknown() -> None:
    legs = Legs()
    sender_report = bytes.fromhex("80c80006 00000001") + bytes(20)
    assert legs.receive(0, sender_report, serialise(Packet(3, 1, 160, 1, bytes(33)))) == []
    assert legs.receiver.counts["unknown"] == 2


def test_only_audio_may_pin_a_sender() -> None:
    legs = Legs()
    for datagram, expected in (
        (audio(1), True),
        (capture("rtp", "good", "telephone_event"), False),
        (capture("rtp", "bad", "stun_binding_request"), False),
        (b"", False),
    ):
        legs.receiver.views[0][: len(datagram)] = datagram
        assert legs.receiver.is_audio(0, len(datagram)) is expected


def test_a_row_taken_anew_forgets_what_waited() -> None:
    legs = Legs()
    legs.receive(0, audio(1), audio(3))
    legs.bank.close(0)
    legs.receiver.reset(legs.bank.open(), Format.SLIN_BE)
    assert legs.receiver.used == 0
    legs.receive(0, *map(audio, range(900, 905)))
    assert legs.hop()[0] == [900, 901, 902, 903, 904]


def test_slots_run_full_and_become_free_again() -> None:
    legs = Legs()
    for number in range(len(legs.receiver.views)):
        datagram = audio(number)
        legs.receiver.views[number][: len(datagram)] = datagram
        legs.receiver.received(0, len(datagram))
    assert legs.receiver.free == 0
    legs.receiver.drain()
    assert legs.receiver.free > 0


@given(
    st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=1600) | st.builds(audio, st.integers(0, 99))), max_size=9)
)
def test_any_datagrams_are_frames_or_counted(arrivals: list[tuple[int, bytes]]) -> None:
    legs = Legs()
    heard = sum(len(legs.receive(row, datagram)) for row, datagram in arrivals)
    assert heard + legs.receiver.counts["malformed"] + legs.receiver.counts["unknown"] == len(arrivals)
    assert legs.receiver.free > 0
