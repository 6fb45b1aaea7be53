"""Every phone of the farm has an endpoint of its own, and what Asterisk tells of a call reaches its phone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callguard.testbed.lab import farm as module
from callguard.testbed.lab.farm import Farm
from callguard.testbed.lab.ports import HOST, Ports
from tests.testbed.lab.fake import installation

NUMBERS = {"customer1": "101", "agent1": "201"}


class FakeRemote:
    """Notes what is asked; tells events when the test does."""

    APP = "lab"

    def __init__(self, _: object, on_event: Any = None) -> None:
        self.tell = on_event
        self.asked: list[tuple[str, str]] = []

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ask(self, method: str, path: str, **_: object) -> dict[str, str]:
        self.asked.append((method, path))
        return {"id": "p"}


@pytest.fixture
async def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Farm]:
    monkeypatch.setattr(module, "Remote", FakeRemote)
    made = Farm(installation(tmp_path), tmp_path / "farm", Ports.free(), Ports(1, 5070, 3, 4), NUMBERS)
    await made.start()
    yield made
    await made.stop()


def remote(farm: Farm) -> FakeRemote:
    found = farm._remote
    assert isinstance(found, FakeRemote)
    return found


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_phones_are_known_by_name_and_call_the_pbx(farm: Farm) -> None:
    assert [(phone.name, phone.number, phone.pbx) for phone in farm.phones] == [
        ("customer1", "101", f"{HOST}:{farm._pbx.rpartition(':')[2]}"), ("agent1", "201", farm._pbx),
    ]  # fmt: skip
    with pytest.raises(KeyError):
        farm.phone("nobody")
    pjsip = (farm.folder / "etc" / "pjsip.conf").read_text()
    assert "[customer1](phone)" in pjsip
    assert f"contact = sip:{farm._pbx}" in pjsip
    assert "Stasis(lab,incoming,${EXTEN})" in (farm.folder / "etc" / "extensions.conf").read_text()


async def test_a_call_that_comes_in_rings_its_phone_and_no_other(farm: Farm) -> None:
    farm.phone("agent1").answer_after_s = None
    remote(farm).tell({"type": "StasisStart", "channel": {"id": "c1"}, "args": ["incoming", "agent1"]})
    call = await farm.phone("agent1").rung(1)
    assert call.channel == "c1"
    assert farm.phone("customer1").calls == []
    await until(lambda: ("POST", "channels/c1/ring") in remote(farm).asked)


async def test_what_happens_to_a_call_is_noted_with_it(farm: Farm) -> None:
    farm.phone("agent1").answer_after_s = None
    tell = remote(farm).tell
    tell({"type": "StasisStart", "channel": {"id": "c1"}, "args": ["incoming", "agent1"]})
    call = await farm.phone("agent1").rung(1)
    tell({"type": "ChannelDtmfReceived", "channel": {"id": "c1"}, "digit": "5"})
    tell({"type": "ChannelDtmfReceived", "channel": {"id": "other"}, "digit": "9"})
    tell({"type": "ChannelHangupRequest", "channel": {"id": "c1"}, "cause": 17})
    assert (call.digits, call.cause, call.ended.is_set()) == ("5", 17, False)
    tell({"type": "ChannelDestroyed", "channel": {"id": "c1"}})
    assert (call.cause, call.ended.is_set()) == (17, True)


@pytest.mark.parametrize("event", ["StasisEnd", "ChannelDestroyed"])
async def test_a_call_ends_with_its_channel_or_its_application(farm: Farm, event: str) -> None:
    farm.phone("agent1").answer_after_s = None
    remote(farm).tell({"type": "StasisStart", "channel": {"id": "c1"}, "args": ["incoming", "agent1"]})
    call = await farm.phone("agent1").rung(1)
    remote(farm).tell({"type": event, "channel": {"id": "c1"}})
    assert call.ended.is_set()


async def test_hanging_up_all_leaves_phones_as_new(farm: Farm) -> None:
    phone = farm.phone("agent1")
    phone.answer_after_s, phone.busy = None, False
    remote(farm).tell({"type": "StasisStart", "channel": {"id": "c1"}, "args": ["incoming", "agent1"]})
    await phone.rung(1)
    remote(farm).asked.clear()
    await asyncio.gather(
        farm.hang_up_all(), until_then(farm, lambda: remote(farm).tell({"type": "StasisEnd", "channel": {"id": "c1"}}))
    )
    assert ("DELETE", "channels/c1") in remote(farm).asked
    assert (phone.calls, phone.answer_after_s) == ([], 0.1)


async def until_then(farm: Farm, act: Any) -> None:
    await until(lambda: ("DELETE", "channels/c1") in remote(farm).asked)
    act()
