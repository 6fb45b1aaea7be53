"""A party of the self-test call: a UDP socket that sends one tone over RTP and records the audio that it receives."""

import asyncio
import socket
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from callguard.audio.codec import Format, decode, encode
from callguard.audio.frames import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE
from callguard.audio.rtp import Packet, serialise

ULAW: Final = 0
HEADER_BYTES: Final = 12
LEVEL: Final = 8000


class Party(asyncio.DatagramProtocol):
    """A party without a phone. Use it as an async context manager."""

    def __init__(self, name: str, hertz: float, host: str) -> None:
        self.name = name
        self.hertz = hertz
        self._host = host
        self._heard = bytearray()
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._host, 0), family=socket.AF_INET
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
        if self._transport:
            self._transport.close()

    @property
    def address(self) -> str:
        """Return the address to which Asterisk sends the party's audio, host:port."""
        if self._transport is None:
            raise RuntimeError("the party has no socket yet")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Keep the payload of one packet."""
        self._heard += data[HEADER_BYTES:]

    def speak_to(self, host: str, port: int) -> None:
        """Send the tone to Asterisk's RTP port until the end."""
        self._task = asyncio.create_task(self._speak((host, port)))

    async def _speak(self, to: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for n in range(1 << 16):
            time = (n * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)) / SAMPLE_RATE
            tone = (LEVEL * np.sin(2 * np.pi * self.hertz * time)).astype(np.int16)
            packet = Packet(ULAW, n & 0xFFFF, n * FRAME_SAMPLES, int(self.hertz), encode(tone, Format.ULAW))
            if self._transport:
                self._transport.sendto(serialise(packet), to)
            await asyncio.sleep(max(0.0, start + (n + 1) * FRAME_S - loop.time()))

    def heard(self) -> NDArray[np.int16]:
        """Return all samples heard so far."""
        return decode(np.frombuffer(bytes(self._heard), dtype=np.uint8), Format.ULAW)

    def forget(self) -> None:
        """Delete the samples heard so far."""
        self._heard.clear()


def tone_share(samples: NDArray[np.int16], hertz: float) -> float:
    """Return the share of the energy of samples, shape (n,), within 20 Hz of a frequency; 0 for silence."""
    if len(samples) < SAMPLE_RATE // 10:
        return 0.0
    energy = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) - hertz) <= 20
    total = float(energy.sum())
    return float(energy[near].sum()) / total if total > 0 else 0.0
