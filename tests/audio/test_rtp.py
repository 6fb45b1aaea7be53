"""RTP: what is sent is what is read, whatever else a datagram holds is refused and never raises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.audio.codec import Format
from callguard.audio.rtp import (
    NOT_AUDIO,
    SLOT_BYTES,
    TELEPHONE_EVENT,
    Headers,
    Packet,
    event_durations,
    formats,
    parse,
    serialise,
)
from tests.support.captures import capture, names


def parsed(*datagrams: bytes) -> tuple[Headers, list[bytes]]:
    """Return headers and payloads of datagrams, received into slots full of older bytes."""
    slots = np.full((len(datagrams), SLOT_BYTES), 0xA5, dtype=np.uint8)
    for slot, datagram in zip(slots, datagrams, strict=True):
        slot[: len(datagram)] = np.frombuffer(datagram[:SLOT_BYTES], dtype=np.uint8)
    headers = parse(slots, np.array([min(len(datagram), SLOT_BYTES) for datagram in datagrams], dtype=np.intp))
    payloads = [
        slot[start : start + length].tobytes()
        for slot, start, length in zip(slots, headers.start, headers.length, strict=True)
    ]
    return headers, payloads


packets = st.builds(
    Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=700),
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none() | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=16).map(lambda data: data * 4)),
    padding=st.integers(0, 255),
)


@given(st.lists(packets, min_size=1, max_size=5))
def test_parsing_is_the_inverse_of_serialising(sent: list[Packet]) -> None:
    headers, payloads = parsed(*map(serialise, sent))
    assert headers.valid.all()
    assert payloads == [packet.payload for packet in sent]
    for name in ("payload_type", "marker", "sequence", "timestamp", "ssrc"):
        assert getattr(headers, name).tolist() == [getattr(packet, name) for packet in sent]


@given(st.lists(st.binary(max_size=SLOT_BYTES + 10), max_size=5))
def test_any_bytes_give_a_packet_within_the_datagram_or_an_invalid_one(datagrams: list[bytes]) -> None:
    headers, _ = parsed(*datagrams)
    for datagram, valid, start, length in zip(datagrams, headers.valid, headers.start, headers.length, strict=True):
        if valid:
            assert 12 <= start <= start + length <= len(datagram) < SLOT_BYTES


@pytest.mark.parametrize(
    ("name", "payload_type", "payload"),
    [
        ("slin_payload_type_10", 10, "0001fffe"),
        ("ulaw_marker", 0, "ff7f0080"),
        ("contributing_sources", 0, "fffe"),
        ("header_extension", 8, "d555"),
        ("padded", 0, "11223344"),
        ("everything", 0, "77"),
        ("telephone_event", 101, "058a0320"),
        ("no_payload", 0, ""),
    ],
)
def test_good_captures_are_read(name: str, payload_type: int, payload: str) -> None:
    headers, payloads = parsed(capture("rtp", "good", name))
    assert headers.valid.tolist() == [True]
    assert headers.payload_type.tolist() == [payload_type]
    assert payloads == [bytes.fromhex(payload)]


def test_the_capture_with_a_marker_has_all_its_fields() -> None:
    headers, _ = parsed(capture("rtp", "good", "ulaw_marker"))
    assert headers.marker.all()
    assert headers.sequence.tolist() == [0xFFFF]
    assert headers.timestamp.tolist() == [0xFFFFFF60]
    assert headers.ssrc.tolist() == [1]


@pytest.mark.parametrize("name", names("rtp", "bad"))
def test_bad_captures_are_refused(name: str) -> None:
    headers, _ = parsed(capture("rtp", "bad", name))
    assert not headers.valid.any()


def test_an_oversized_datagram_is_refused() -> None:
    headers, _ = parsed(serialise(Packet(0, 1, 160, 1, bytes(1600))), serialise(Packet(0, 1, 160, 1, bytes(1500))))
    assert headers.valid.tolist() == [False, True]


def test_static_types_say_their_format_and_dynamic_ones_the_tap_says() -> None:
    headers, _ = parsed(*(serialise(Packet(kind, 1, 160, 1, b"")) for kind in (0, 8, 10, 118, 3, 13, 72, 101)))
    found = formats(headers, np.full(8, Format.SLIN16_BE, dtype=np.uint8))
    audio = [Format.ULAW, Format.ALAW, Format.SLIN_BE, Format.SLIN16_BE]
    assert found.tolist() == [*audio, NOT_AUDIO, NOT_AUDIO, NOT_AUDIO, NOT_AUDIO]


def test_an_event_says_how_long_it_lasts_and_a_cut_one_says_zero() -> None:
    whole = capture("rtp", "good", "telephone_event")
    cut = serialise(Packet(TELEPHONE_EVENT, 1, 160, 1, b"\x05\x8a\x03"))
    slots = np.zeros((2, SLOT_BYTES), dtype=np.uint8)
    slots[0, : len(whole)] = np.frombuffer(whole, dtype=np.uint8)
    slots[1, : len(cut)] = np.frombuffer(cut, dtype=np.uint8)
    headers = parse(slots, np.array([len(whole), len(cut)]))
    assert event_durations(slots, np.array([0, 1]), headers).tolist() == [800, 0]
