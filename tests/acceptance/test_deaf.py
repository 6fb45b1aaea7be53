"""A call that is not heard is told as such, by everybody, and no rule takes deafness for silence."""

from typing import Any

import pytest

from callguard.control.hearing import WHY
from callguard.testbed.simulator.weather import Fault
from tests.acceptance.conftest import OpenFloor
from tests.acceptance.harness.floor import Event, seconds
from tests.acceptance.harness.script import call, phones, script

DEAD_AIR = {"alert": "DeadAir", "expr": "call.silence_s > 20", "labels": {"severity": "info"}, "actions": ["notify"]}
TALKER = {"speaker": 3, "says": [{"voice": "calm", "for": 8}], "repeat": True}
SILENT: dict[str, Any] = {"says": []}


def heard(event: Event) -> tuple[int, int, dict[str, int]]:
    data = event["data"]
    return data["heard"], data["calls"], data["causes"]


async def test_a_tap_that_is_lost_for_a_minute_is_no_dead_air(open_floor: OpenFloor) -> None:
    floor = await open_floor(DEAD_AIR, **script(phones=phones(customer1=TALKER), calls=[call(ends=100)]))
    await floor.until(lambda: [event for event in floor.of("node.hearing") if heard(event) == (1, 1, {})])
    floor.simulator.weather.faults.append(Fault("POST /ari/channels/*/snoop*", status=500))
    floor.simulator.cut_media()
    degraded = await floor.seen("node.degraded")
    assert degraded["data"]["reason"] == f"taps: 1 of 1 calls are not heard: {WHY['asterisk']}"
    lost = floor.of("tap.lost", leg="customer")
    assert [event["data"]["reason"] for event in lost] == ["eof", "asterisk"]
    assert 3 <= seconds(degraded) - seconds(lost[0]) <= 6
    await floor.until(lambda: floor.of("node.hearing", heard=0, calls=1, causes={"no_tap": 1}))
    await floor.until(lambda: len(floor.of("node.hearing", heard=0, calls=1)) >= 6)
    floor.simulator.weather.clear()
    back = await floor.seen("node.recovered")
    assert seconds(back) - seconds(lost[0]) > 50
    await floor.until(lambda: heard(floor.of("node.hearing")[-1]) == (1, 1, {}))
    await floor.over()
    assert floor.of("alert.") == []


async def test_dead_air_of_a_call_that_is_heard_is_told(open_floor: OpenFloor) -> None:
    floor = await open_floor(DEAD_AIR, **script(phones=phones(customer1=SILENT), calls=[call(ends=40)]))
    await floor.over()
    assert len(floor.of("alert.fired")) == 1


async def test_a_call_without_room_is_told_and_heard_as_soon_as_there_is_room(open_floor: OpenFloor) -> None:
    calls = [call(1, ends=25), call(2, at=3, ends=60)]
    media = {"audiosocket_port": 0, "legs_per_worker": 2}
    people = phones(customer1=TALKER, customer2=TALKER)
    floor = await open_floor(DEAD_AIR, **script(phones=people, calls=calls, media=media))
    await floor.until(lambda: floor.of("node.hearing", heard=1, calls=2, causes={"no_room": 1}))
    assert {event["data"]["reason"] for event in floor.of("tap.lost")} == {"full"}
    await floor.until(lambda: floor.of("node.hearing", heard=1, calls=1))
    await floor.until(lambda: floor.of("call.ended") and heard(floor.of("node.hearing")[-1]) == (1, 1, {}))
    assert len(floor.of("tap.restored")) == 2, "both parties of the call that waited"
    await floor.over()


async def test_who_opted_out_before_the_call_is_counted_apart(open_floor: OpenFloor) -> None:
    private = call(2, variables={"CALLGUARD": "off"}, ends=30)
    floor = await open_floor(DEAD_AIR, **script(calls=[call(ends=30), private]))
    await floor.until(lambda: floor.of("node.hearing", heard=1, calls=1, causes={"opted_out": 1}))
    await floor.over()
    assert floor.of("node.degraded") == []


@pytest.mark.parametrize("do", ["drop_sockets", "cut_media"])
async def test_a_short_trouble_is_not_told(open_floor: OpenFloor, do: str) -> None:
    weather = [{"at": 8, "do": do}]
    floor = await open_floor(
        DEAD_AIR, **script(phones=phones(customer1=TALKER), calls=[call(ends=25)], weather=weather)
    )
    await floor.over()
    assert floor.of("node.degraded") == ([] if do == "cut_media" else floor.of("node.degraded", reason="ari"))
    assert floor.of("node.hearing", heard=0, calls=1) == []
