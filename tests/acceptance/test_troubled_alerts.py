"""Alerts whose call, customer, receiver, network or PBX does something else, by the second of one virtual clock."""

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.acceptance.conftest import OpenFloor, OpenHook
from tests.acceptance.harness.floor import seconds
from tests.acceptance.harness.script import CHIEF, END, LEAD, RESOLVED, WEBHOOK, about, call, loud, phones, script


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


async def test_a_webhook_that_is_away_for_a_while_gets_the_alert_and_then_its_end(
    open_floor: OpenFloor, open_hook: OpenHook
) -> None:
    """It refuses eight times, for longer than the alert is open; the end waits for the beginning."""
    hook = await open_hook(*[503] * 8)
    floor = await open_floor(loud("webhook:chat", keep_firing_for="1s"), **script(notify=WEBHOOK))
    ended = await floor.seen("alert.resolved")
    await floor.until(lambda: len(hook.taken) >= 10)
    assert hook.taken[8][0] > seconds(ended)
    assert [event["type"].split(".")[3] for _, event in hook.taken] == ["fired"] * 9 + ["resolved"]
    assert len({event["id"] for _, event in hook.taken}) == 2


async def test_a_webhook_that_refuses_an_alert_for_good_is_not_told_of_its_end(
    open_floor: OpenFloor, open_hook: OpenHook
) -> None:
    hook = await open_hook(422)
    floor = await open_floor(loud("webhook:chat"), **script(notify=WEBHOOK))
    await floor.over()
    assert [event["type"].split(".")[3] for _, event in hook.taken] == ["fired"]
    (told,) = floor.of("node.degraded")
    assert told["data"]["reason"] == "receivers: webhook:chat did not get 1 messages: HTTP 422"


@pytest.mark.parametrize("answered", [True, False])
async def test_an_open_alert_is_repeated_until_somebody_answers(
    open_floor: OpenFloor, open_hook: OpenHook, answered: bool
) -> None:
    hook = await open_hook()
    often = {"webhooks": {"chat": {"url": {"env": "HOOK_URL"}, "repeat_interval_s": 3}}}
    actions = ("ring_whisper", "webhook:chat") if answered else ("webhook:chat",)
    floor = await open_floor(loud(*actions), **script(notify=often))
    await floor.over()
    (fired,) = floor.of("alert.fired")
    told = [(round(at - seconds(fired)), event["type"].split(".")[3]) for at, event in hook.taken]
    end = (round(RESOLVED), "resolved")
    repeats = [(at, "fired") for at in ((0, 3) if answered else (0, 3, 6, 9, 12))]
    assert told == [*repeats, end], "the supervisor answers after 3.1 s"
    assert {event["id"] for _, event in hook.taken} == {fired["id"], floor.of("alert.resolved")[0]["id"]}


async def test_nobody_answers_and_all_are_rung_again_until_somebody_does(open_floor: OpenFloor) -> None:
    patient = {"escalate_after_s": 4, "ring_again_s": 6}
    unwilling = phones(lead={"answers_after": None}, chief={"answers_after": None})
    long = [call(ends=45)]
    floor = await open_floor(
        loud("ring_whisper", keep_firing_for="30s"),
        **script(phones=unwilling, calls=long, supervisors=[LEAD, CHIEF], alerts=patient),
    )
    await floor.over()
    told = floor.story("supervision.ri", "alert.e")[:6]
    assert [what for _, what in told] == [
        "supervision.ringing lead",
        "alert.escalated Loud 2",
        "supervision.ringing chief",
        "alert.escalated Loud 1",
        "supervision.ringing lead",
        "alert.escalated Loud 2",
    ]
    assert [at for at, _ in told] == pytest.approx([0, 4, 4, 14, 14, 18], abs=0.6), "time passes in ticks of 0.5 s"


async def test_a_watchdog_beats_while_nothing_happens(open_floor: OpenFloor, open_hook: OpenHook) -> None:
    hook = await open_hook()
    beats = WEBHOOK | {"watchdog": {"receivers": ["webhook:chat"], "every_s": 5}}
    floor = await open_floor(loud("notify"), **script(notify=beats))
    await floor.over()
    at = [at for at, _ in hook.taken]
    assert [round(second - first) for first, second in itertools.pairwise(at)] == [5] * (len(at) - 1)
    assert len(at) >= 4
    assert {event["data"]["rule"] for _, event in hook.taken} == {"Watchdog"}
    assert len({event["id"] for _, event in hook.taken}) == len(at)
    assert floor.of("alert.fired", rule="Watchdog") == [], "the stream and the board are told of real alerts alone"


async def test_a_disk_that_cannot_be_written_is_told_and_stops_no_alert(
    open_floor: OpenFloor, open_hook: OpenHook, tmp_path: Path
) -> None:
    hook = await open_hook()
    (tmp_path / "file").write_text("")
    nowhere = {"folder": str(tmp_path / "file" / "state")}
    floor = await open_floor(loud("ring_whisper", "webhook:chat"), **script(notify=WEBHOOK, journal=nowhere))
    await floor.over()
    (told,) = floor.of("node.degraded")
    assert told["data"]["reason"].startswith("disk: ")
    assert [event["type"].split(".")[3] for _, event in hook.taken] == ["fired", "resolved"]
    assert floor.of("alert.acknowledged", by="lead")


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
    kept = {"node.started", "node.hearing", "audit.anchored", "call.ended", "alert.resolved", "supervision.ended"}
    kept.add("command.completed")
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


async def test_an_end_that_nobody_saw_is_told_by_the_next_run(open_floor: OpenFloor) -> None:
    """Asterisk is out of reach while the service stops. The lease ends the supervisor's channel meanwhile."""
    cut = [{"at": 12, "do": do, "for": 12} for do in ("drop_sockets", "refuse_sockets", "hang_rest")]
    floor = await open_floor(loud("ring_whisper"), **script(calls=[call(ends=40)], weather=cut))
    started = await floor.seen("supervision.started")
    await floor.at(7)
    await floor.restart()
    ended = await floor.seen("supervision.ended")
    assert seconds(ended) > seconds(floor.of("node.started")[-1])
    told = {name: ended["data"][name] for name in ("reason", "session", "supervisor", "mode")}
    same = {name: started["data"][name] for name in ("session", "supervisor", "mode")}
    assert told == {"reason": "restart"} | same
    await floor.over()
    assert len(floor.of("supervision.ended", session=same["session"])) == 1


async def test_after_a_restart_lists_show_the_open_alerts_again(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script())
    await floor.at(1)
    before = await floor.listed("alerts")
    await floor.restart()
    await asyncio.sleep(1)
    after = await floor.listed("alerts")
    (alert,) = after
    for fact in ("state", "rule", "evidence", "severity", "queue"):
        assert after[alert][fact] == before[alert][fact]
    assert after[alert]["since"] == pytest.approx(before[alert]["since"], abs=0.01)
    await floor.over()
    assert await floor.listed("alerts") == {}
    assert len(floor.of("alert.fired")) == 1, "it is published once"


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


async def test_while_asterisk_hangs_a_supervisor_is_out_with_the_lease_and_the_reason_is_told(
    open_floor: OpenFloor,
) -> None:
    hang = {"at": 11.5, "do": "hang_rest", "for": 12}
    floor = await open_floor(loud("ring_whisper"), **script(calls=[call(ends=35)], weather=[hang]))
    await floor.over()
    (started,), (ended,) = floor.of("supervision.started"), floor.of("supervision.ended")
    assert seconds(ended) - seconds(started) == pytest.approx(6.0, abs=0.1)
    assert ended["data"]["reason"] == "asterisk"
    (degraded,), (recovered,) = floor.of("node.degraded"), floor.of("node.recovered")
    assert degraded["data"]["reason"].startswith("ari: ")
    assert "no answer in 5 s" in degraded["data"]["reason"]
    assert recovered["data"]["reason"] == "ari"
