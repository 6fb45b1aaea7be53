"""An ingest with real sockets, and what its senders send."""

import contextlib
import socket
import uuid

import numpy as np

from callguard.audio.audiosocket import IDENTITY, SLIN, serialise
from callguard.audio.bank import LegBank
from callguard.audio.codec import Format, encode
from callguard.audio.frames import FRAME_SAMPLES
from callguard.audio.ingest import Ingest, Limits, Lost
from callguard.audio.rtp import Packet
from callguard.audio.rtp import serialise as rtp_packet
from callguard.contracts.messages import OpenLeg


class Plane:
    """An ingest with its bank, and the senders of a test."""

    def __init__(
        self,
        legs: int = 4,
        rtp_ports: tuple[int, int] = (21000, 28998),
        sources: tuple[str, ...] = (),
        host: str = "127.0.0.1",
    ) -> None:
        self.bank = LegBank(legs)
        limits = Limits(connect_s=5, stall_s=2)
        self.ingest = Ingest(self.bank, host=host, rtp_ports=rtp_ports, limits=limits, sources=sources)
        self.now = 100.0
        self.stack = contextlib.ExitStack()

    def expect(self, transport: str = "audiosocket", *, announced: bool = False) -> tuple[int, uuid.UUID, int]:
        leg, row = uuid.uuid4(), self.bank.open()
        message = OpenLeg(
            str(leg), "call", "customer", "rtp" if transport == "rtp" else "audiosocket", announced=announced
        )
        return row, leg, self.ingest.expect(row, message, self.now)

    def connect(self, leg: uuid.UUID | None = None, host: str = "127.0.0.1") -> socket.socket:
        sender = self.stack.enter_context(socket.create_connection((host, self.ingest.audiosocket_port)))
        if leg is not None:
            sender.sendall(serialise(IDENTITY, leg.bytes))
        return sender

    def udp(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sender = self.stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        sender.connect((host, port))
        return sender

    def sweep(self, after: float = 0.0) -> tuple[list[int], list[Lost]]:
        self.now += after
        return self.ingest.sweep(self.now)

    def taken(self) -> dict[int, list[int]]:
        hop = self.bank.take()
        return {int(row): pcm[:, 0].tolist() for row, pcm in zip(hop.rows, hop.pcm, strict=True)}


def frames(first: int, count: int = 5) -> bytes:
    return b"".join(
        serialise(SLIN, value.to_bytes(2, "little") * FRAME_SAMPLES) for value in range(first, first + count)
    )


def packet(number: int) -> bytes:
    pcm = np.full(FRAME_SAMPLES, number, dtype=np.int16)
    return rtp_packet(Packet(10, number, number * 160, 5, encode(pcm, Format.SLIN_BE)))


def is_closed(sender: socket.socket) -> bool:
    sender.settimeout(1)
    try:
        return sender.recv(1) == b""
    except ConnectionResetError:
        return True


def address(sender: socket.socket) -> tuple[str, int]:
    host, port = sender.getsockname()[:2]
    return host, port
