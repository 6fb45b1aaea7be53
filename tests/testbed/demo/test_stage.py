"""The demo's stages say where they play, and the people on them shout when they should."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from callguard.audio.frames import SAMPLE_RATE
from callguard.testbed.demo import stage as module
from callguard.testbed.demo.stage import ANSWER_S, CALM_S, CALMER_S, RAISED_S, RealStage, simulated_stage
from callguard.testbed.lab.instance import Login
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.tones import read_wav


async def test_the_simulated_pbx_can_be_reached_with_what_the_stage_says() -> None:
    async with simulated_stage() as stage:
        assert "simulated" in stage.title
        assert stage.settings["ami"] == {"enabled": False}
        login = aiohttp.encode_basic_auth("callguard", stage.secrets["CALLGUARD_ARI_PASSWORD"])
        async with (
            aiohttp.ClientSession(headers={"Authorization": login}) as http,
            http.get(f"{stage.settings['ari']['url']}/ari/channels") as answer,
        ):
            assert answer.status == 200


async def test_the_shipped_scenario_is_played_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []

    class Quick:
        def __init__(self, _: object, scenario: Any, folder: Path) -> None:
            played.append(scenario.title)
            assert folder.is_dir()

        async def finished(self) -> None:
            played.append("over")

    monkeypatch.setattr(module, "Director", Quick)
    async with simulated_stage() as stage:
        await stage.perform()
    assert len(played) == 2
    assert played[1] == "over"


class FakePhone:
    """A phone that notes what it is told."""

    def __init__(self) -> None:
        self.voice: Path | None = None
        self.answer_after_s = 0.0
        self.called: list[tuple[str, Path]] = []
        self.hung_up = False

    async def call(self, extension: str, voice: Path) -> "FakePhone":
        self.called.append((extension, voice))
        return self

    async def hangup(self) -> None:
        self.hung_up = True


class FakeLab:
    """A lab of phones without an Asterisk."""

    def __init__(self) -> None:
        self.pbx = self
        self.farm = self
        self.ari, self.ami = Login("callguard"), Login("callguard")
        self.ports = Ports(1, 5038, 3, 4)
        self.ari_url = "http://127.0.0.1:8088"
        self.phones: dict[str, FakePhone] = {}

    def phone(self, name: str) -> FakePhone:
        return self.phones.setdefault(name, FakePhone())


def loudness(pcm: np.ndarray) -> float:
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))


async def test_on_a_real_pbx_the_customer_calls_the_queue_and_shouts_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    lab = FakeLab()
    stage = RealStage(lab, "22.10.1", tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await stage.perform()
    customer = lab.phones["customer1"]
    ((extension, voice),) = customer.called
    assert extension == module.QUEUE
    assert (slept, customer.hung_up) == ([CALM_S + RAISED_S + CALMER_S], True)
    pcm = read_wav(voice)
    calm, raised = pcm[: int(CALM_S * SAMPLE_RATE)], pcm[int(CALM_S * SAMPLE_RATE) :][: int(RAISED_S * SAMPLE_RATE)]
    assert loudness(raised) > 2 * loudness(calm)
    assert len(pcm) == (CALM_S + RAISED_S + CALMER_S) * SAMPLE_RATE
    assert lab.phones["supervisor1"].answer_after_s == ANSWER_S
    assert lab.phones["agent1"].voice is not None
    assert stage.settings == {"ari": {"url": lab.ari_url}, "ami": {"port": 5038}}
    assert stage.secrets == {"CALLGUARD_ARI_PASSWORD": lab.ari.secret, "CALLGUARD_AMI_SECRET": lab.ami.secret}
    assert "22.10.1" in stage.title
