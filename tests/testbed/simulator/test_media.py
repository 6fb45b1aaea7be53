"""Media goes over real sockets in the form that Asterisk gives it."""

import asyncio
import socket
import struct
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from callguard.audio.codec import Format, decode, encode
from callguard.testbed.simulator.media import AudioSocket, RtpSession
from tests.testbed.simulator.harness import CUSTOMER_HZ, Client, call_on, connected, hears, tone_dbfs


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        await client.listen()
        yield client


class Receiver:
    """A TCP server that keeps what one tap sends."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while piece := await reader.read(65536):
                self.data += piece
        except ConnectionError:
            pass
        writer.close()
        self.ended.set()

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """Kind and payload of every whole frame."""
        found, at = [], 0
        while at + 3 <= len(self.data):
            kind, size = struct.unpack_from(">BH", self.data, at)
            found.append((kind, bytes(self.data[at + 3 : at + 3 + size])))
            at += 3 + size
        return found


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[Receiver, int]]:
    kept = Receiver()
    server = await asyncio.start_server(kept.take, "127.0.0.1", 0)
    async with server:
        yield kept, server.sockets[0].getsockname()[1]


async def tap(client: Client, channel: str, port: int) -> str:
    """Tap a leg as CallGuard does; return the tap's id."""
    snoop = str(uuid.uuid4())
    await client.ask("POST", f"/channels/{channel}/snoop", app="test", spy="in", snoopId=snoop)
    await client.until("StasisStart", id=snoop)
    status, _ = await client.ask("POST", f"/channels/{snoop}/continue", context="callguard-tap", extension=f"u{port}")
    assert status == 204
    return snoop


async def test_a_tap_sends_its_id_then_frames_of_the_legs_own_voice_then_eof(client: Client) -> None:
    call = await call_on(client)
    async with receiver() as (kept, port):
        snoop = await tap(client, call.customer.id, port)
        await client.simulator.advance(1.2)
        client.simulator.exchange.request_hangup(call.customer)
        await asyncio.wait_for(kept.ended.wait(), 2)
    (first, identity), *frames = kept.frames
    assert (first, identity) == (0x01, uuid.UUID(snoop).bytes)
    assert {kind for kind, _ in frames} == {0x10}
    assert {len(payload) for _, payload in frames} == {320}
    assert 55 <= len(frames) <= 61
    pcm = decode(np.frombuffer(b"".join(payload for _, payload in frames[-50:]), dtype=np.uint8), Format.SLIN_LE)
    assert tone_dbfs(pcm, CUSTOMER_HZ) > -20


async def test_a_tap_whose_receiver_is_dead_ends_with_only_a_204_before(client: Client) -> None:
    call = await call_on(client)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        snoop = await tap(client, call.customer.id, unused.getsockname()[1])
        await client.until("StasisEnd", id=snoop)
        assert (await client.until("ChannelDestroyed", id=snoop))["cause"] == 0
    assert call.alive


async def test_a_receiver_that_closes_ends_the_tap_and_not_the_call(client: Client) -> None:
    call = await call_on(client)
    async with receiver() as (kept, port):
        snoop = await tap(client, call.customer.id, port)
        await client.simulator.advance(0.1)
        kept.writers[0].close()
        await client.until("ChannelDestroyed", id=snoop)
    assert call.alive


async def test_a_snoop_without_a_uuid_cannot_be_tapped(client: Client) -> None:
    call = await call_on(client)
    await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", spy="in", snoopId="plain")
    await client.until("StasisStart", id="plain")
    await client.ask("POST", "/channels/plain/continue", context="callguard-tap", extension="u19999")
    await client.until("ChannelDestroyed", id="plain")


async def test_cut_media_ends_the_tap_as_a_failing_network_does(client: Client) -> None:
    call = await call_on(client)
    async with receiver() as (kept, port):
        snoop = await tap(client, call.customer.id, port)
        await client.simulator.advance(0.1)
        client.simulator.cut_media()
        await client.until("ChannelDestroyed", id=snoop)
        await asyncio.wait_for(kept.ended.wait(), 2)
    assert call.alive


FORMS = {
    "ulaw": (0, 160, Format.ULAW), "alaw": (8, 160, Format.ALAW), "slin": (10, 320, Format.SLIN_BE),
    "slin16": (118, 640, Format.SLIN16_BE),
}  # fmt: skip


@pytest.mark.parametrize("codec", FORMS)
async def test_external_media_carries_the_leg_as_rtp(client: Client, codec: str) -> None:
    kind, size, form = FORMS[codec]
    call = await call_on(client)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        host = f"127.0.0.1:{receiver.getsockname()[1]}"
        await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", spy="in", snoopId="s")
        await client.until("StasisStart", id="s")
        asked = {"app": "test", "external_host": host, "format": codec, "channelId": "em"}
        assert (await client.ask("POST", "/channels/externalMedia", **asked))[0] == 200
        await client.until("StasisStart", id="em")
        await client.ask("POST", "/bridges/mixer", type="mixing")
        await client.ask("POST", "/bridges/mixer/addChannel", channel="s,em")
        await client.simulator.advance(1.0)
        packets = []
        while True:
            try:
                packets.append(receiver.recv(2048))
            except BlockingIOError:
                break
    heads = [struct.unpack_from(">BBHII", packet) for packet in packets]
    assert {head[0] for head in heads} == {0x80}
    assert [head[1] for head in heads] == [0x80 | kind] + [kind] * (len(heads) - 1)
    assert [head[2] for head in heads] == list(range(len(heads)))
    assert {len(packet) for packet in packets} == {12 + size}
    audio = decode(np.frombuffer(b"".join(packet[12:] for packet in packets[-25:]), dtype=np.uint8), form)
    assert tone_dbfs(audio[::2] if codec == "slin16" else audio, CUSTOMER_HZ) > -20
    assert (await client.ask("DELETE", "/channels/em"))[0] == 204
    assert "mixer" in client.simulator.exchange.bridges


async def test_rtp_sent_to_external_media_is_heard_in_its_bridge_and_garbage_is_dropped(client: Client) -> None:
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.until("StasisStart", id="sup")
    asked = {"app": "test", "external_host": "127.0.0.1:9", "format": "ulaw", "channelId": "em"}
    view = (await client.ask("POST", "/channels/externalMedia", **asked))[1]
    await client.until("StasisStart", id="em")
    await client.ask("POST", "/bridges/b", type="mixing")
    await client.ask("POST", "/bridges/b/addChannel", channel="sup,em")
    there = ("127.0.0.1", int(view["channelvars"]["UNICASTRTP_LOCAL_PORT"]))
    hum = client.simulator.phones["PJSIP/customer1"].audio
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(40):
            frame = np.take(hum, range(160 * number, 160 * (number + 1)), mode="wrap")
            sender.sendto(struct.pack(">BBHII", 0x80, 0, number, 160 * number, 7) + encode(frame, Format.ULAW), there)
            for garbage in (b"", b"x" * 11, b"x" * 172, b"x" * 1400):
                sender.sendto(garbage, there)
            await client.simulator.advance(0.02)
    assert hears(client.simulator.phones["PJSIP/supervisor1"], 0.4) == {CUSTOMER_HZ}


@pytest.mark.parametrize(
    "wrong", [{"format": "mp3"}, {"external_host": "nowhere"}, {"external_host": ":5"}, {"external_host": "h:x"}]
)
async def test_external_media_with_a_bad_format_or_host_gets_400(client: Client, wrong: dict[str, str]) -> None:
    asked = {"app": "test", "external_host": "127.0.0.1:9", "format": "slin", **wrong}
    assert (await client.ask("POST", "/channels/externalMedia", **asked))[0] == 400


async def test_a_receiver_that_does_not_read_costs_frames_and_no_memory() -> None:
    """Whatever is not read waits in buffers of bounded size; the rest is dropped."""
    async with receiver() as (_, port):
        media = AudioSocket(uuid.uuid4(), lambda: None)
        await media.connect("127.0.0.1", port)
        frame = np.zeros(160, dtype=np.int16)
        for _ in range(50_000):
            media.send(frame)
        transport = media._transport
        assert transport is not None
        assert transport.get_write_buffer_size() <= 64 * 1024 + 323
        media.cut()
        await asyncio.sleep(0)


async def test_an_rtp_session_before_and_after_its_time_is_silent() -> None:
    session = RtpSession(("127.0.0.1", 9), "slin", 1)
    session.send(np.zeros(160, dtype=np.int16))
    session.close()
    assert session.receive() is None
