"""Media over real sockets: a tap's AudioSocket (TCP, we are the client) and external media (RTP over UDP)."""

import asyncio
import socket
import struct
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import numpy as np

from callguard.audio.codec import Format, decode, encode
from callguard.audio.frames import FRAME_SAMPLES, Pcm

KIND_ID: Final = 0x01
KIND_SLIN: Final = 0x10
HEADER: Final = struct.Struct(">BH")
RTP_HEADER: Final = struct.Struct(">BBHII")
RTP_VERSION: Final = 0x80
RTP_FORMATS: Final = {
    "ulaw": (0, Format.ULAW), "alaw": (8, Format.ALAW), "slin": (10, Format.SLIN_BE), "slin16": (118, Format.SLIN16_BE),
}  # fmt: skip
"""Payload type and format by ARI's name, as Asterisk 22 sends them."""
BACKLOG: Final = 10
"""Most waiting frames from the network; older ones are dropped."""
WRITE_LIMIT: Final = 64 * 1024
"""Most unread bytes of a receiver before frames are dropped."""


class AudioSocket(asyncio.Protocol):
    """One tap's connection. Frames before it is open are dropped; `ended` is called when it fails or ends."""

    def __init__(self, tap: uuid.UUID, ended: Callable[[], None]) -> None:
        self._tap = tap
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._closed = False

    async def connect(self, host: str, port: int) -> None:
        """Connect; a refusal is reported by `ended`."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError:
            self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the tap's id; close at once where the channel has ended meanwhile."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(HEADER.pack(KIND_ID, 16) + self._tap.bytes)
        if self._closed:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        del exc
        self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._ended()

    def send(self, pcm: Pcm) -> None:
        """Send one frame, shape (160,)."""
        if self._transport and self._transport.get_write_buffer_size() < WRITE_LIMIT:
            payload = encode(pcm, Format.SLIN_LE)
            self._transport.write(HEADER.pack(KIND_SLIN, len(payload)) + payload)

    def receive(self) -> Pcm | None:
        """Return None: a tap only listens."""
        return None

    def close(self) -> None:
        """End it."""
        self._closed = True
        if self._transport:
            self._transport.close()

    def cut(self) -> None:
        """Abort the connection as a failing network does."""
        if self._transport:
            self._transport.abort()


class RtpSession(asyncio.DatagramProtocol):
    """External media: RTP to one address and from it."""

    def __init__(self, remote: tuple[str, int], codec: str, ssrc: int) -> None:
        self._remote = remote
        self._kind, self._format = RTP_FORMATS[codec]
        self._wide = codec == "slin16"
        self._ssrc = ssrc
        self._sequence = 0
        self._came: deque[Pcm] = deque(maxlen=BACKLOG)
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> int:
        """Bind to a free port of loopback and return it."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        self._transport = transport
        return int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Take in a packet; drop one that is not a frame of this session."""
        del addr
        size = len(encode(np.zeros(FRAME_SAMPLES * (2 if self._wide else 1), dtype=np.int16), self._format))
        if len(data) == RTP_HEADER.size + size and data[1] & 0x7F == self._kind:
            pcm = decode(np.frombuffer(data, dtype=np.uint8, offset=RTP_HEADER.size), self._format)
            self._came.append(pcm[::2] if self._wide else pcm)

    def error_received(self, exc: Exception) -> None:
        """Ignore a closed port on the far side: RTP continues regardless."""

    def send(self, pcm: Pcm) -> None:
        """Send one frame, shape (160,)."""
        if self._transport is None:
            return
        wide = _doubled(pcm) if self._wide else pcm
        marker = 0x80 if self._sequence == 0 else 0
        stamp = (self._sequence * wide.size) & 0xFFFFFFFF
        head = RTP_HEADER.pack(RTP_VERSION, marker | self._kind, self._sequence & 0xFFFF, stamp, self._ssrc)
        self._sequence += 1
        self._transport.sendto(head + encode(wide, self._format), self._remote)

    def receive(self) -> Pcm | None:
        """Return the oldest waiting frame, or None."""
        return self._came.popleft() if self._came else None

    def close(self) -> None:
        """End it."""
        if self._transport:
            self._transport.close()

    def cut(self) -> None:
        """Stop sending and receiving without notice."""
        self.close()
        self._transport = None


def _doubled(pcm: Pcm) -> Pcm:
    """Return a frame at 16 kHz, shape (320,): each sample, then the mean of it and the next."""
    following = np.append(pcm[1:], pcm[-1:]).astype(np.int32)
    wide = np.empty(2 * pcm.size, dtype=np.int16)
    wide[::2], wide[1::2] = pcm, (pcm + following) // 2
    return wide
