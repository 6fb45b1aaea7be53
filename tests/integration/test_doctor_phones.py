"""The doctor rings real phones, and believes only what they, or their users, say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from callguard.doctor import phones
from callguard.doctor.findings import Finding
from callguard.doctor.phones import try_phones
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from tests.asterisk.harness.node import config_for
from tests.integration.harness.parties import HERTZ
from tests.integration.harness.tones import Voices


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """These users do not wait for the end of a question."""
    monkeypatch.setattr(phones, "SPOKEN_S", 0.2)


@asynccontextmanager
async def users(lab: Lab, keys: dict[str, str]) -> AsyncIterator[None]:
    """The user of each phone answers and keys a digit again and again."""

    async def press(name: str, digit: str) -> None:
        call: PhoneCall = await lab.farm.phone(name).answered()
        while not call.ended.is_set():
            await asyncio.sleep(0.5)
            await call.dtmf(digit)

    tasks = [asyncio.create_task(press(name, digit)) for name, digit in keys.items() if digit]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def levels(found: Sequence[Finding]) -> list[str]:
    return [finding.level for finding in found]


async def test_the_user_of_one_phone_says_whether_they_hear_the_customer_and_a_whisper(lab: Lab) -> None:
    async with users(lab, {"agent1": "1"}):
        found = await try_phones(config_for(lab), ["PJSIP/agent1"])
    assert levels(found) == ["ok", "ok"], found
    assert "whisper" in found[1].text


async def test_a_user_who_hears_nothing_or_says_nothing_proves_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "KEY_S", 1.5)
    async with users(lab, {"agent1": "2"}):
        found = await try_phones(config_for(lab), ["PJSIP/agent1"])
    assert levels(found) == ["error", "error"], found
    assert "NOT" in found[0].text
    assert "stereo=0" in found[1].advice
    found = await try_phones(config_for(lab), ["PJSIP/agent2"])
    assert levels(found) == ["error", "error"], found
    assert "nobody pressed" in found[0].text


async def test_a_phone_that_does_not_answer_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "RING_S", 1.0)
    lab.farm.phone("agent1").answer_after_s = None
    for endpoint, why in (("PJSIP/agent1", "did not answer"), ("PJSIP/nobody", "can't be rung")):
        (finding,) = await try_phones(config_for(lab), [endpoint])
        assert (finding.level, why in finding.text) == ("error", True), finding


async def test_two_phones_talk_with_each_other_and_are_tapped(lab: Lab, voices: Voices) -> None:
    """Without the module that deafens, both stay in Asterisk's core."""
    lab.farm.phone("agent1").voice = voices.tone(HERTZ["agent"])
    async with users(lab, {"agent1": "1", "agent2": "1"}):
        found = await try_phones(config_for(lab), ["PJSIP/agent1", "PJSIP/agent2"])
    assert levels(found) == ["ok", "ok", "ok"], found
    assert "in its core" in found[-1].text
