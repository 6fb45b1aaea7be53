"""A party of the self-test call says its tone in packets of 20 ms and remembers what it hears."""

import asyncio
import socket

import numpy as np
import pytest

from callguard.audio.codec import Format, encode
from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from callguard.audio.rtp import Packet, serialise
from callguard.testbed.party import HEADER_BYTES, Party, tone_share

HOST = "127.0.0.1"


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.int16)


async def test_two_parties_hear_each_other_and_not_themselves() -> None:
    async with Party("a", 440, HOST) as one, Party("b", 1000, HOST) as two:
        for speaker, ear in ((one, two), (two, one)):
            host, _, port = ear.address.rpartition(":")
            speaker.speak_to(host, int(port))
        await asyncio.sleep(0.6)
        assert tone_share(one.heard(), 1000) > 0.9
        assert tone_share(one.heard(), 440) < 0.01
        assert tone_share(two.heard(), 440) > 0.9
        one.forget()
        assert len(one.heard()) == 0


async def test_what_it_says_is_numbered_rtp_at_the_pace_of_speech() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((HOST, 0))
        ear.settimeout(2)
        async with Party("a", 440, HOST) as party:
            party.speak_to(*ear.getsockname())
            loop = asyncio.get_running_loop()
            began = loop.time()
            packets = [await asyncio.to_thread(ear.recv, 2048) for _ in range(11)]
            assert loop.time() - began > 0.15
    assert {len(packet) for packet in packets} == {HEADER_BYTES + FRAME_SAMPLES}
    assert [int.from_bytes(packet[2:4]) for packet in packets] == list(range(11))
    assert [int.from_bytes(packet[4:8]) for packet in packets] == [n * FRAME_SAMPLES for n in range(11)]


async def test_a_packet_is_heard_without_its_header() -> None:
    async with Party("a", 440, HOST) as party:
        party.datagram_received(serialise(Packet(0, 1, 2, 3, encode(tone(440), Format.ULAW))), None)
        assert len(party.heard()) == SAMPLE_RATE


def test_without_a_socket_there_is_no_address() -> None:
    with pytest.raises(RuntimeError, match="no socket yet"):
        _ = Party("a", 440, HOST).address


async def test_it_ends_in_silence() -> None:
    async with Party("ear", 1000, HOST) as ear:
        async with Party("a", 440, HOST) as party:
            host, _, port = ear.address.rpartition(":")
            party.speak_to(host, int(port))
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.05)
        ear.forget()
        await asyncio.sleep(0.1)
        assert len(ear.heard()) == 0


def test_a_tone_is_found_by_its_share_of_the_energy() -> None:
    both = (tone(440) // 2 + tone(1000) // 2).astype(np.int16)
    assert tone_share(tone(440), 440) > 0.99
    assert tone_share(tone(440), 1000) < 1e-6
    assert tone_share(both, 440) == pytest.approx(0.5, abs=0.02)


def test_too_little_and_silence_hold_no_tone() -> None:
    assert tone_share(tone(440, 0.09), 440) == 0.0
    assert tone_share(np.zeros(SAMPLE_RATE, np.int16), 440) == 0.0
