"""Measure the cost of reading media in µs of CPU per frame: `python -m benchmarks.media [--legs 400]`.

Each line feeds one second of audio through real sockets on loopback, or through one stage, in ticks of 0.1 s. It shows
the best of several rounds, since other programs can only slow a round down. Sending is not counted.
"""

import argparse
import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from callguard.audio.audiosocket import IDENTITY, SLIN, serialise
from callguard.audio.bank import LegBank
from callguard.audio.codec import Decimator, Format, decode
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES
from callguard.audio.ingest import Ingest
from callguard.audio.rtp import Packet
from callguard.audio.rtp import serialise as rtp_packet
from callguard.contracts.messages import OpenLeg, Transport
from callguard.runtime.limits import raise_file_limit

TICKS = 10
ROUNDS = 5


@contextlib.contextmanager
def plane(legs: int, transport: Transport) -> Iterator[tuple[Ingest, LegBank, list[socket.socket]]]:
    """Yield legs with their senders, connected and past their first frame."""
    bank = LegBank(legs)
    ingest = Ingest(bank)
    with contextlib.ExitStack() as stack:
        stack.callback(ingest.close)
        senders = []
        for _ in range(legs):
            leg = uuid.uuid4()
            port = ingest.expect(bank.open(), OpenLeg(str(leg), "call", "customer", transport), 0.0)
            sender = stack.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "rtp" else socket.SOCK_STREAM)
            )
            sender.connect(("127.0.0.1", port))
            if transport == "audiosocket":
                sender.sendall(serialise(IDENTITY, leg.bytes))
            senders.append(sender)
        ingest.sweep(0.0)
        yield ingest, bank, senders


def sweep(legs: int, transport: Transport, loss: float = 0.0) -> float:
    """Return µs a frame of sweeping and taking hops."""
    frame = serialise(SLIN, bytes(2 * FRAME_SAMPLES))
    lost = np.random.default_rng(1).random((TICKS * (ROUNDS + 1) * HOP_FRAMES, legs)) < loss
    best = float("inf")
    with plane(legs, transport) as (ingest, bank, senders):
        number = 0
        for _ in range(ROUNDS + 1):
            spent = 0.0
            for tick in range(TICKS):
                for _ in range(HOP_FRAMES):
                    packet = rtp_packet(Packet(10, number, number * FRAME_SAMPLES, 1, bytes(2 * FRAME_SAMPLES)))
                    for leg, sender in enumerate(senders):
                        if transport == "audiosocket":
                            sender.send(frame)
                        elif not lost[number, leg]:
                            sender.send(packet)
                    number += 1
                start = time.process_time()
                ingest.sweep(tick * 0.1)
                while len(bank.take().rows):
                    pass
                spent += time.process_time() - start
            best = min(best, spent / TICKS / HOP_FRAMES / legs)
    return best * 1e6


def kernel_reads(legs: int) -> float:
    """Return µs a frame of reading five AudioSocket frames at a time and doing nothing with them."""
    room, best = bytearray(4096), float("inf")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=legs))
        senders = [stack.enter_context(socket.create_connection(server.getsockname())) for _ in range(legs)]
        receivers = [stack.enter_context(server.accept()[0]) for _ in range(legs)]
        for sender in senders:
            sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(ROUNDS + 1):
            spent = 0.0
            for _ in range(TICKS):
                for _ in range(HOP_FRAMES):
                    for sender in senders:
                        sender.send(bytes(323))
                start = time.process_time()
                for receiver in receivers:
                    receiver.recv_into(room)
                spent += time.process_time() - start
            # The first reads of a connection are not acknowledged one by one, so they don't represent a long call.
            best = min(best, spent / TICKS / HOP_FRAMES / legs) if number else best
    return best * 1e6


class Counted(asyncio.DatagramProtocol):
    """Records that a datagram arrived, which is the least work of a protocol."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Record the datagram."""
        self.came.set()


async def by_protocol(legs: int) -> float:
    """Return µs a frame of asyncio's datagram protocol for packets that arrive one by one."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Counted, ("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(transport.get_extra_info("sockname"))
        cost = await one_by_one(legs, lambda: sender.send(bytes(332)), protocol.came)
    transport.close()
    return cost


async def by_reader(legs: int) -> float:
    """Return µs a frame of one callback and one read for each frame that arrives by itself."""
    loop, came, room = asyncio.get_running_loop(), asyncio.Event(), bytearray(4096)

    def read() -> None:
        receiver.recv_into(room)
        came.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        receiver, _ = server.accept()
    receiver.setblocking(False)
    loop.add_reader(receiver, read)
    with sender, receiver:
        cost = await one_by_one(legs, lambda: sender.send(bytes(323)), came)
        loop.remove_reader(receiver)
    return cost


async def one_by_one(count: int, send: Callable[[], object], came: asyncio.Event) -> float:
    """Return µs from each frame's sending to its arrival in the loop, including the waiting task's own wake-up."""
    best = float("inf")
    for _ in range(ROUNDS):
        spent = 0.0
        for _ in range(count):
            came.clear()
            send()
            start = time.process_time()
            await came.wait()
            spent += time.process_time() - start
        best = min(best, spent / count)
    return best * 1e6


def stage(work: Callable[[], object], frames: int) -> float:
    """Return µs a frame of a call that handles `frames` frames."""
    best = float("inf")
    for _ in range(ROUNDS * 4):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best / frames * 1e6


def stages(legs: int) -> Iterator[tuple[str, float]]:
    """Yield the cost of single stages."""
    frames = legs * HOP_FRAMES
    rows = np.repeat(np.arange(legs), HOP_FRAMES)
    random = np.random.default_rng(1)
    pcm = random.integers(-8000, 8000, (frames, FRAME_SAMPLES)).astype(np.int16)
    codes = random.integers(0, 256, (frames, FRAME_SAMPLES)).astype(np.uint8)
    wide = random.integers(-8000, 8000, (frames, 2 * FRAME_SAMPLES)).astype(np.int16)
    decimator, bank = Decimator(legs), LegBank(legs)
    for _ in range(legs):
        bank.open()

    def through_the_bank() -> None:
        bank.push(rows, pcm)
        bank.take()

    yield "mu-law to samples", stage(lambda: decode(codes, Format.ULAW), frames)
    yield "16 kHz to 8 kHz", stage(lambda: decimator.halve(rows, wide), frames)
    yield "bank, in and out", stage(through_the_bank, frames)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--legs", type=int, default=400)
    legs = parser.parse_args().legs
    raise_file_limit()
    print(f"{legs} legs, µs of CPU a frame")
    for name, cost in (
        ("AudioSocket, swept once a tick", sweep(legs, "audiosocket")),
        ("  of which the kernel's reads", kernel_reads(legs)),
        ("  instead: one asyncio callback a frame, read only", asyncio.run(by_reader(legs))),
        ("RTP, swept once a tick", sweep(legs, "rtp")),
        ("RTP, swept, 10 % lost", sweep(legs, "rtp", 0.1)),
        ("  instead: asyncio.DatagramProtocol a packet, received only", asyncio.run(by_protocol(legs))),
        *stages(legs),
    ):
        print(f"{name:58} {cost:6.2f}")


if __name__ == "__main__":
    main()
