"""A media plane for tests: receives AudioSocket and RTP with asyncio and keeps all that it hears."""

import asyncio
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from callguard.audio.codec import Format, decode
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegConnected, LegLost, OpenLeg
from callguard.testbed.lab.tones import write_wav

FrameTypes = {"uuid": 0x01, "slin": 0x10}


@dataclass
class Leg:
    """A leg that was opened, and its audio so far: 8 kHz, 16 bit, little-endian."""

    opened: OpenLeg
    pcm: bytearray = field(default_factory=bytearray)
    closed: bool = False


class Receiver:
    """Implements MediaPlane; `on_message` gets LegConnected and LegLost as a worker would send them."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.on_message: Callable[[LegConnected | LegLost], None] = lambda message: None
        self.legs: dict[str, Leg] = {}
        self.sent: list[tuple[str, CallFacts | CloseCall | CloseLeg]] = []
        self._server: asyncio.Server | None = None
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._rtp: dict[str, asyncio.DatagramTransport] = {}
        self.deaf = False
        """True: nothing listens where Asterisk is sent to."""

    async def __aenter__(self) -> "Receiver":
        self._server = await asyncio.start_server(self._audiosocket, self._host, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for leg in list(self._writers):
            self.cut(leg)
        for transport in self._rtp.values():
            transport.close()

    async def open_leg(self, leg: OpenLeg) -> int:
        self.legs[leg.leg] = Leg(leg)
        if leg.transport == "rtp":
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Rtp(self, leg.leg), (self._host, 0)
            )
            self._rtp[leg.leg] = transport
            return int(transport.get_extra_info("sockname")[1])
        assert self._server
        return 1 if self.deaf else int(self._server.sockets[0].getsockname()[1])

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg) -> None:
        self.sent.append((call, message))
        if isinstance(message, CloseLeg) and message.leg in self.legs:
            self.legs[message.leg].closed = True
            if message.leg in self._rtp:
                self._rtp.pop(message.leg).close()

    def of(self, role: str) -> list[Leg]:
        """Legs of a role, oldest first."""
        return [leg for leg in self.legs.values() if leg.opened.role == role]

    def open_legs(self) -> list[Leg]:
        return [leg for leg in self.legs.values() if not leg.closed]

    def facts(self, call: str) -> list[CallFacts]:
        return [m for c, m in self.sent if c == call and isinstance(m, CallFacts)]

    def heard(self, leg: Leg, path: Path, last_s: float = 1.0) -> Path:
        """The last seconds of a leg as a WAV."""
        return write_wav(path, np.frombuffer(bytes(leg.pcm), "<i2")[-int(last_s * 8000) :])

    def cut(self, leg: str) -> None:
        """Close a leg's socket, as a worker that dies does."""
        if leg in self._writers:
            self._writers.pop(leg).close()

    def take(self, leg: str, pcm: bytes) -> None:
        if not self.legs[leg].pcm:
            self.on_message(LegConnected(leg))
        self.legs[leg].pcm += pcm

    async def _audiosocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        leg = ""
        try:
            while True:
                kind, length = struct.unpack(">BH", await reader.readexactly(3))
                payload = await reader.readexactly(length)
                if kind == FrameTypes["uuid"]:
                    leg = str(uuid.UUID(bytes=payload))
                    self._writers[leg] = writer
                elif kind == FrameTypes["slin"]:
                    self.take(leg, payload)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.pop(leg, None)
            writer.close()
            if leg in self.legs and not self.legs[leg].closed:
                self.on_message(LegLost(leg, "eof"))


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self, receiver: Receiver, leg: str) -> None:
        self._receiver = receiver
        self._leg = leg

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if data[1] & 0x7F == Format.ULAW:  # what Asterisk 16 sends although slin was asked for
            pcm = decode(np.frombuffer(data[12:], np.uint8), Format.ULAW)
            self._receiver.take(self._leg, pcm.astype("<i2").tobytes())
        elif data[1] & 0x7F == 10 or len(data) == 332:  # slin at 8 kHz, big-endian
            self._receiver.take(self._leg, np.frombuffer(data[12:], ">i2").astype("<i2").tobytes())
