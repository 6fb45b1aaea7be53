"""The real ingest on a real Asterisk: every tap and format arrives whole, in order, at its level."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from callguard.ari_app import AriApp
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_LOST, Pcm
from callguard.audio.ingest import Ingest
from callguard.audio.rtp import Packet
from callguard.audio.rtp import serialise as rtp_packet
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegConnected, LegLost, LegSource, OpenLeg
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.tones import tone_dbfs, tone_share, write_wav
from tests.asterisk.harness.node import config_for
from tests.integration.harness.tones import Voices

CUSTOMER_HZ, AGENT_HZ = 440, 1000
HARMLESS = {"payload_filled", "rtp_unpinned", "rtp_jumps"}
"""What a starved mixer of a busy machine may cause."""


class Swept:
    """A media plane around the ingest: sweeps ten times a second and keeps what comes out of the bank."""

    def __init__(self, config_app: AriApp | None = None) -> None:
        self.app = config_app
        self.bank = LegBank(8)
        self.ingest = Ingest(self.bank)
        self.rows: dict[str, int] = {}
        self.roles: dict[str, int] = {}
        self.pcm: dict[int, list[Pcm]] = {}
        self.lost = 0
        self.stranger: socket.socket | None = None
        """Speaks into each leg's port before anybody else can know it."""

    async def open_leg(self, leg: OpenLeg) -> int:
        row = self.bank.open()
        self.rows[leg.leg] = self.roles[leg.role] = row
        self.pcm[row] = []
        port = self.ingest.expect(row, leg, time.monotonic())
        for number in range(20) if self.stranger else ():
            loud = rtp_packet(Packet(10, number, number * 160, 5, b"\x40\x00\xc0\x00" * 80))
            self.stranger.sendto(loud, ("127.0.0.1", port))
        return port

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg | LegSource) -> None:
        if isinstance(message, LegSource) and message.leg in self.rows:
            self.ingest.pin(self.rows[message.leg], message.address)
        if isinstance(message, CloseLeg) and message.leg in self.rows:
            row = self.rows.pop(message.leg)
            self.ingest.forget(row)
            self.bank.close(row)

    async def run(self) -> None:
        while True:
            swept = self.ingest.sweep(time.monotonic())
            names = {row: leg for leg, row in self.rows.items()}
            assert self.app is not None
            for row in swept.connected:
                self.app.on_worker_message(LegConnected(names[row]))
            for row, reason in swept.lost:
                self.app.on_worker_message(LegLost(names[row], reason))
            hop = self.bank.take()
            self.lost += int((hop.flags & FRAME_LOST).sum())
            for row, pcm in zip(hop.rows, hop.pcm, strict=True):
                self.pcm[int(row)].append(pcm.reshape(-1).copy())
            await asyncio.sleep(0.1)

    async def heard(self, role: str, path: Path, seconds: float) -> Path:
        """Return the last seconds of a role as a WAV, once they are there."""
        async with asyncio.timeout(15):
            while role not in self.roles or len(self.pcm[self.roles[role]]) < (seconds + 0.5) * 10:
                await asyncio.sleep(0.05)
        return write_wav(path, np.concatenate(self.pcm[self.roles[role]])[-int(seconds * 8000) :])


@asynccontextmanager
async def swept_app(lab: Lab, tap: str, codec: str) -> AsyncIterator[Swept]:
    plane = Swept()
    plane.app = AriApp(config_for(lab, media={"tap": tap, "rtp_codec": codec}), plane, lambda event: None)
    tasks = [asyncio.create_task(plane.app.run()), asyncio.create_task(plane.run())]
    try:
        async with asyncio.timeout(10):
            while not plane.app.ready:
                await asyncio.sleep(0.02)
        yield plane
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        plane.ingest.close()


async def test_a_stranger_who_speaks_into_a_leg_before_asterisk_is_not_heard(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        async with swept_app(lab, "external_media", "slin") as plane:
            plane.stranger = stranger
            lab.farm.phone("agent1").voice = voices.tone(AGENT_HZ)
            customer = await lab.farm.phone("customer1").call("201", voices.tone(CUSTOMER_HZ))
            await lab.farm.phone("agent1").answered()
            for role, hertz in (("customer", CUSTOMER_HZ), ("agent", AGENT_HZ)):
                assert tone_dbfs(await plane.heard(role, tmp_path / f"{role}.wav", 1.0), hertz) > -20
            assert plane.ingest.counts()["rtp_foreign"] == 40
            await customer.hangup()


@pytest.mark.parametrize(
    ("tap", "codec"),
    [
        ("audiosocket", "slin"),
        ("external_media", "slin"),
        ("external_media", "slin16"),
        ("external_media", "ulaw"),
        ("external_media", "alaw"),
    ],
)
async def test_both_parties_arrive_whole_by_every_tap_and_format(
    lab: Lab, voices: Voices, tmp_path: Path, tap: str, codec: str
) -> None:
    async with swept_app(lab, tap, codec) as plane:
        lab.farm.phone("agent1").voice = voices.tone(AGENT_HZ)
        customer = await lab.farm.phone("customer1").call("201", voices.tone(CUSTOMER_HZ))
        await lab.farm.phone("agent1").answered()
        levels = {}
        for role, own, other in (("customer", CUSTOMER_HZ, AGENT_HZ), ("agent", AGENT_HZ, CUSTOMER_HZ)):
            heard = await plane.heard(role, tmp_path / f"{role}.wav", 1.0)
            assert tone_share(heard, own) > 0.9
            assert tone_dbfs(heard, other) < -45
            levels[role] = tone_dbfs(heard, own)
        assert levels["customer"] == pytest.approx(levels["agent"], abs=4)  # a busy machine leaves gaps
        counts = plane.ingest.counts()
        refused = {name: count for name, count in counts.items() if count and name not in HARMLESS}
        assert refused == {}
        assert plane.lost == 0
        await customer.hangup()
