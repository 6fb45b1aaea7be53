"""Alerts whose call, customer, receiver, network or PBX does something else, by the second of one virtual clock."""

import pytest

from tests.acceptance.conftest import OpenFloor, OpenHook
from tests.acceptance.harness.floor import seconds
from tests.acceptance.harness.script import CHIEF, END, LEAD, RESOLVED, WEBHOOK, about, call, loud, script


async def test_a_webhook_that_fails_is_tried_again_and_delays_no_phone(
    open_floor: OpenFloor, open_hook: OpenHook
) -> None:
    hook = await open_hook(503, 500)
    floor = await open_floor(loud("ring_whisper", "webhook:chat"), **script(notify=WEBHOOK))
    await floor.over()
    fired, resolved = floor.of("alert.fired")[0], floor.of("alert.resolved")[0]
    assert len({event["id"] for _, event in hook.taken[:3]}) == 1
    assert hook.taken[3][1]["type"] == resolved["type"]
    first, second, third = (at - seconds(fired) for at, _ in hook.taken[:3])
    assert first == pytest.approx(0.0, abs=0.02)
    assert 0 < second - first <= 0.5
    assert 0 < third - second <= 1.0
    assert floor.story("supervision.ri") == about((0.0, "supervision.ringing lead"))


async def test_the_customer_hangs_up_while_phones_ring(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(calls=[call(ends=7)]))
    await floor.over()
    assert floor.story("alert.f", "alert.r", "call.ended", "supervision") == about(
        (0.0, "alert.fired Loud"),
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (1.8, "call.ended hangup"),
        (1.8, "alert.resolved Loud call_ended"),
        (1.8, "supervision.failed lead no_call"),
    )


async def test_nothing_fires_while_the_customer_is_on_hold(open_floor: OpenFloor) -> None:
    raised = loud("notify", expr="customer.raised_voice > 0.6")
    held = call(1, {"at": 3, "do": "hold"}, {"at": 9, "do": "unhold"})
    floor = await open_floor(raised, **script(calls=[held]))
    await floor.over()
    (back,) = floor.of("call.updated", change="unhold")
    assert min(seconds(event) for event in floor.of("alert.")) > seconds(back)
    assert floor.of("alert.fired"), "the shouting goes on after the hold"


@pytest.mark.parametrize("how", ["command", "variable"])
async def test_an_opt_out_ends_everything_and_deletes_what_is_held(open_floor: OpenFloor, how: str) -> None:
    by_variable = {"at": 11, "do": "set_variable", "name": "CALLGUARD", "value": "off"}
    floor = await open_floor(loud("ring_whisper"), **script(calls=[call(1, *([by_variable] * (how == "variable")))]))
    await floor.at(5.8)
    if how == "command":
        done = await floor.command("opt_out", call=floor.of("call.started")[0]["subject"])
        assert done["result"]["deleted_events"] > 5
    await floor.over()
    assert floor.story("alert.r", "call.ended", "supervision.e") == about(
        (5.8, "call.ended opt_out"), (5.8, "alert.resolved Loud opt_out"), (5.8, "supervision.ended lead stopped")
    )
    kept = {"node.started", "node.hearing", "call.ended", "alert.resolved", "supervision.ended", "command.completed"}
    assert set(await floor.stored()) <= kept


async def test_an_event_socket_lost_while_it_rings_changes_nothing(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(weather=[{"at": 7, "do": "refuse_sockets", "for": 1}]))
    await floor.over()
    (fired,) = floor.of("alert.fired")
    (lost,) = floor.of("node.degraded")
    (back,) = floor.of("node.recovered")
    assert seconds(fired) < seconds(lost) < seconds(back) < seconds(fired) + 3, "it is lost while the phone rings"
    assert floor.story("alert.a", "supervision.s") == about(
        (3.1, "supervision.started lead"), (3.1, "alert.acknowledged Loud lead")
    )


async def test_a_ring_that_was_lost_in_a_gap_goes_on_to_the_next_tier(open_floor: OpenFloor) -> None:
    """Asterisk hangs up who answers while no event socket is up, and does not tell afterwards."""
    gap = {"at": 8, "do": "refuse_sockets", "for": 3}
    floor = await open_floor(loud("ring_whisper"), **script(supervisors=[LEAD, CHIEF], weather=[gap]))
    await floor.over()
    (back,) = floor.of("node.recovered")
    (lost,), (again,) = floor.of("supervision.failed"), floor.of("supervision.ringing", supervisor="chief")
    assert (lost["data"]["supervisor"], lost["data"]["reason"]) == ("lead", "no_answer")
    assert seconds(again) == pytest.approx(seconds(lost), abs=0.02) == pytest.approx(seconds(back), abs=0.2)
    (taken,) = floor.of("alert.acknowledged")
    assert taken["data"]["by"] == "chief"


async def test_media_lost_while_it_rings_changes_nothing(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(weather=[{"at": 8, "do": "cut_media"}]))
    await floor.over()
    assert floor.story("alert", "tap.l", "tap.r") == about(
        (-1.0, "alert.pending Loud"),
        (0.0, "alert.fired Loud"),
        (2.1, "tap.lost eof"),
        (2.1, "tap.lost eof"),
        (2.3, "tap.restored"),
        (2.3, "tap.restored"),
        (3.1, "alert.acknowledged Loud lead"),
        (RESOLVED, "alert.resolved Loud calm"),
    )


async def test_an_asterisk_that_hangs_costs_a_tier_ten_seconds(open_floor: OpenFloor) -> None:
    hang = {"at": 6, "do": "hang_rest", "path": "POST /ari/channels/*/snoop", "for": 10}
    floor = await open_floor(loud("ring_whisper"), **script(supervisors=[LEAD, CHIEF], weather=[hang]))
    await floor.over()
    (given_up,) = floor.of("supervision.failed", supervisor="lead", reason="asterisk")
    (taken,) = floor.of("alert.acknowledged", by="chief")
    assert seconds(given_up) - seconds(floor.of("alert.fired")[0]) < 10
    assert seconds(taken) - seconds(given_up) == pytest.approx(3.1, abs=0.11)


async def test_when_asterisk_restarts_what_rang_is_over(open_floor: OpenFloor) -> None:
    restart = {"at": 8, "do": "restart", "for": 2}
    floor = await open_floor(loud("ring_whisper", keep_firing_for="9s"), **script(weather=[restart]))
    back = await floor.seen("node.recovered")
    (ended,) = floor.of("alert.resolved", reason="call_ended")
    assert seconds(ended) == pytest.approx(seconds(back), abs=0.1)
    assert [event["data"]["reason"] for event in floor.of("call.ended")] == ["lost"]
    await floor.seen("supervision.failed", supervisor="lead")
    assert floor.simulator.exchange.channels == {}


async def test_after_a_restart_what_rang_rings_again(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script())
    await floor.at(1)
    await floor.restart()
    await floor.over()
    assert len(floor.of("alert.fired")) == 1
    assert floor.story("alert.a", "supervision") == about(
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (1.0, "supervision.failed lead stopped"),
        (1.2, "supervision.requested lead"),
        (1.2, "supervision.ringing lead"),
        (4.2, "supervision.started lead"),
        (4.2, "alert.acknowledged Loud lead"),
        (END, "supervision.ended lead customer_left"),
    )
