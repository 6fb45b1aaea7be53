"""Each path of an alert through the whole service and the simulated PBX, by the second of one virtual clock.

Stories are told as (seconds since the alert fired, what the stream of events says).
"""

from typing import Any

import numpy as np
import pytest

from tests.acceptance.conftest import OpenFloor, OpenHook
from tests.acceptance.harness.floor import seconds
from tests.acceptance.harness.script import (
    CHIEF,
    CODES,
    CUSTOMER,
    DEPUTY,
    END,
    LEAD,
    NEVER,
    RESOLVED,
    WEBHOOK,
    about,
    call,
    hum_dbfs,
    keyed,
    loud,
    phones,
    script,
)

# --- who is rung ---


async def test_a_shout_is_notified_rung_for_answered_whispered_and_resolved(
    open_floor: OpenFloor, open_hook: OpenHook
) -> None:
    hook = await open_hook()
    floor = await open_floor(loud("ring_whisper", "webhook:chat"), **script(notify=WEBHOOK))
    await floor.over()
    assert floor.story("alert", "supervision", "call.ended") == about(
        (-1.0, "alert.pending Loud"),
        (0.0, "alert.fired Loud"),
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (3.1, "supervision.started lead"),
        (3.1, "alert.acknowledged Loud lead"),
        (RESOLVED, "alert.resolved Loud calm"),
        (END, "call.ended hangup"),
        (END, "supervision.ended lead customer_left"),
    )
    (fired,) = floor.of("alert.fired")
    told: list[Any] = [(at - seconds(fired), event["type"], event["data"]["alert"]) for at, event in hook.taken]
    assert told == [
        (pytest.approx(0.0, abs=0.02), "io.callguard.alert.fired.v1", fired["data"]["alert"]),
        (pytest.approx(RESOLVED, abs=0.11), "io.callguard.alert.resolved.v1", fired["data"]["alert"]),
    ]
    assert hum_dbfs(floor.phone("agent1")) > -25
    assert hum_dbfs(floor.phone("customer1")) < -90


async def test_a_shout_is_an_alert_within_two_seconds_of_its_beginning(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("notify"), **script())
    (started, fired) = await floor.seen("call.started"), await floor.seen("alert.fired")
    assert 4.0 < seconds(fired) - seconds(started) < 6.0


async def test_an_unanswered_ring_goes_to_the_next_tier(open_floor: OpenFloor) -> None:
    people = {"phones": phones(lead=NEVER), "supervisors": [LEAD, CHIEF]}
    floor = await open_floor(loud("ring_whisper"), **script(**people, alerts={"escalate_after_s": 6}))
    await floor.over()
    assert floor.story("alert.e", "alert.a", "supervision") == about(
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (6.0, "supervision.failed lead no_answer"),
        (6.0, "alert.escalated Loud 2"),
        (6.0, "supervision.requested chief"),
        (6.0, "supervision.ringing chief"),
        (9.1, "supervision.started chief"),
        (9.1, "alert.acknowledged Loud chief"),
        (END, "supervision.ended chief customer_left"),
    )


async def test_after_the_last_tier_the_alert_waits_for_whoever_takes_it(open_floor: OpenFloor) -> None:
    people = {"phones": phones(lead=NEVER, chief=NEVER), "supervisors": [LEAD, CHIEF]}
    floor = await open_floor(loud("ring_whisper"), **script(**people, alerts={"escalate_after_s": 4}))
    await floor.at(10)
    (fired,) = floor.of("alert.fired")
    await floor.command("ack", supervisor="chief", args={"alert": fired["data"]["alert"]})
    await floor.over()
    assert floor.story("alert.e", "alert.a", "alert.r", "supervision.f") == about(
        (4.0, "supervision.failed lead no_answer"),
        (4.0, "alert.escalated Loud 2"),
        (8.0, "supervision.failed chief no_answer"),
        (10.0, "alert.acknowledged Loud chief"),
        (RESOLVED, "alert.resolved Loud calm"),
    )


async def test_all_are_rung_and_the_first_to_answer_wins(open_floor: OpenFloor) -> None:
    people = {"phones": phones(deputy={"answers_after": 2}), "supervisors": [LEAD, DEPUTY]}
    floor = await open_floor(loud("ring_whisper"), **script(**people))
    await floor.over()
    assert floor.story("alert.a", "supervision") == about(
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.requested deputy"),
        (0.0, "supervision.ringing lead"),
        (0.0, "supervision.ringing deputy"),
        (2.0, "supervision.failed lead answered_elsewhere"),
        (2.1, "supervision.started deputy"),
        (2.1, "alert.acknowledged Loud deputy"),
        (END, "supervision.ended deputy customer_left"),
    )


async def test_a_busy_phone_costs_no_time(open_floor: OpenFloor) -> None:
    people = {"phones": phones(lead={"busy": True}), "supervisors": [LEAD, CHIEF]}
    floor = await open_floor(loud("ring_whisper"), **script(**people))
    await floor.over()
    assert floor.story("alert.e", "alert.a", "supervision.f", "supervision.s") == about(
        (0.0, "supervision.failed lead busy"),
        (0.0, "alert.escalated Loud 2"),
        (3.1, "supervision.started chief"),
        (3.1, "alert.acknowledged Loud chief"),
    )


async def test_an_alert_waits_for_the_only_supervisor_and_rings_when_they_are_free(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(calls=[call(1, ends=15), call(2, at=3, ends=20)]))
    await floor.over()
    assert floor.story("alert.f", "alert.a", "supervision.ri", "supervision.e") == about(
        (0.0, "alert.fired Loud"),
        (0.0, "supervision.ringing lead"),
        (3.0, "alert.fired Loud merged"),
        (3.1, "alert.acknowledged Loud lead"),
        (9.8, "supervision.ended lead customer_left"),
        (9.9, "supervision.ringing lead"),
        (13.0, "alert.acknowledged Loud lead"),
        (17.8, "supervision.ended lead customer_left"),
    )


# --- who answers ---


async def test_the_supervisor_is_briefed_before_anybody_hears_them(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(supervision={}))
    await floor.at(6)
    assert floor.of("supervision.started") == []
    assert hum_dbfs(floor.phone("agent1")) < -40
    await floor.over()
    assert floor.story("alert.a", "supervision.s") == about(
        (6.9, "supervision.started lead"), (6.9, "alert.acknowledged Loud lead")
    )


async def test_who_joins_by_command_takes_the_ring_over(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(phones=phones(lead=NEVER), supervisors=[LEAD, CHIEF]))
    await floor.at(1)
    joined = await floor.command("listen", supervisor="chief", call=floor.of("call.started")[0]["subject"])
    assert joined["result"]["mode"] == "listen"
    await floor.over()
    assert floor.story("alert.a", "supervision") == about(
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (1.0, "supervision.requested chief"),
        (1.0, "supervision.ringing chief"),
        (4.1, "supervision.started chief"),
        (4.1, "alert.acknowledged Loud chief"),
        (4.1, "supervision.failed lead stopped"),
        (END, "supervision.ended chief customer_left"),
    )


async def test_keys_change_the_mode_judge_the_alert_and_leave(open_floor: OpenFloor) -> None:
    by_hand = [{"at": 2, "digits": "6"}, {"at": 4, "digits": "9"}, {"at": 6, "digits": "*"}]
    floor = await open_floor(loud("ring_whisper"), **script(phones=phones(lead={"by_hand": by_hand})))
    await floor.over()
    assert floor.story("alert.a", "alert.j", "supervision.s", "supervision.m", "supervision.e") == about(
        (3.1, "supervision.started lead"),
        (3.1, "alert.acknowledged Loud lead"),
        (5.1, "supervision.mode_changed lead key"),
        (7.1, "alert.judged Loud lead useful"),
        (9.1, "supervision.ended lead supervisor_left"),
    )
    assert hum_dbfs(floor.phone("customer1")) > -25, "in barge the customer hears the supervisor"


async def test_a_take_over_by_key_leaves_customer_and_supervisor(open_floor: OpenFloor) -> None:
    by_hand = [{"at": 2, "digits": "7"}]
    floor = await open_floor(loud("ring_whisper"), **script(phones=phones(lead={"by_hand": by_hand})))
    await floor.over()
    assert floor.story("call.u", "call.e", "supervision.m", "supervision.e") == about(
        (5.1, "call.updated"),
        (5.1, "supervision.mode_changed lead key"),
        (END, "call.ended hangup"),
        (END, "supervision.ended lead customer_left"),
    )
    assert floor.phone("agent1").ears().size < floor.phone("customer1").ears().size - 14 * 8000, "the agent is out"
    assert hum_dbfs(floor.phone("customer1")) > -25


async def test_who_takes_an_alert_by_command_stops_the_phones(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script(supervisors=[LEAD, DEPUTY]))
    await floor.at(2)
    (fired,) = floor.of("alert.fired")
    done = await floor.command("ack", supervisor="deputy", args={"alert": fired["data"]["alert"]})
    assert done["result"]["owner"] == "deputy"
    refused = await floor.command("ack", supervisor="lead", args={"alert": fired["data"]["alert"]})
    assert "owned by deputy" in refused["reason"]
    await floor.over()
    assert floor.story("alert.a", "supervision.f", "supervision.s") == about(
        (2.0, "alert.acknowledged Loud deputy"),
        (2.0, "supervision.failed lead stopped"),
        (2.0, "supervision.failed deputy stopped"),
    )


# --- what keeps the floor quiet ---


async def test_a_silence_rings_nobody_until_it_ends(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script())
    args = {"why": "drill", "rule": "Loud", "duration_s": 10}
    silence = (await floor.command("silence", supervisor="lead", args=args))["result"]
    fired, rung = await floor.seen("alert.fired"), await floor.seen("supervision.requested")
    assert fired["data"]["silenced_by"] == silence["silence"]
    assert seconds(fired) < silence["until"] - 3
    assert 0 <= seconds(rung) - silence["until"] <= 0.5


async def test_an_alert_that_rang_nobody_is_judged_by_command(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("notify"), **script())
    alert = (await floor.seen("alert.fired"))["data"]["alert"]
    await floor.seen("alert.resolved")
    await floor.command("judge", supervisor="lead", args={"alert": alert, "verdict": "false"})
    judged = (await floor.seen("alert.judged"))["data"]
    assert (judged["alert"], judged["verdict"], judged["by"]) == (alert, "false", "lead")
    refused = await floor.command("judge", supervisor="lead", args={"alert": "nothing", "verdict": "false"})
    assert "nothing" in refused["reason"]


async def test_a_silence_ended_early_rings_at_once(open_floor: OpenFloor) -> None:
    floor = await open_floor(loud("ring_whisper"), **script())
    silence = (await floor.command("silence", supervisor="lead", args={"why": "drill"}))["result"]["silence"]
    fired = await floor.seen("alert.fired")
    assert fired["data"]["silenced_by"] == silence
    ended = await floor.command("silence", supervisor="lead", args={"why": "over", "ends": silence})
    rung = await floor.seen("supervision.requested")
    assert 0 <= seconds(rung) - ended["result"]["until"] <= 0.5
    again = await floor.command("silence", supervisor="lead", args={"why": "over", "ends": silence})
    assert again["reason"] == f"no silence {silence!r}"


@pytest.mark.parametrize("endpoint", ["lead", "lead@trunk"])
async def test_an_inhibited_alert_rings_once_the_one_that_spoke_for_it_ends(
    open_floor: OpenFloor, endpoint: str
) -> None:
    """Also the same phone, whose state Asterisk knows of `lead` and nobody knows behind a trunk."""
    later = loud("ring_listen", name="Long", severity="warning") | {"for": "2s", "keep_firing_for": "9s"}
    people = {"phones": phones() | {endpoint: NEVER}, "supervisors": [LEAD | {"endpoint": f"PJSIP/{endpoint}"}]}
    floor = await open_floor(loud("ring_whisper"), later, **script(calls=[call(ends=30)], **people))
    await floor.over()
    assert floor.story("alert.f", "alert.r", "supervision.ri", "supervision.f") == about(
        (0.0, "alert.fired Loud"),
        (0.0, "supervision.ringing lead"),
        (1.0, "alert.fired Long inhibited_by"),
        (RESOLVED, "alert.resolved Loud calm"),
        (RESOLVED, "supervision.failed lead stopped"),
        (RESOLVED, "supervision.ringing lead"),
        (RESOLVED + 6, "alert.resolved Long calm"),
        (RESOLVED + 6, "supervision.failed lead stopped"),
    )


async def test_over_the_budget_an_alert_is_merged_and_rings_nobody(open_floor: OpenFloor) -> None:
    briefly = phones(lead={"by_hand": [{"at": 2, "hang_up": True}]})
    floor = await open_floor(
        loud("ring_whisper"), **script(phones=briefly, calls=[call(), call(2, at=10)], alerts={"budget_per_hour": 1})
    )
    await floor.over()
    assert floor.story("alert.f", "supervision.ri", "supervision.e") == about(
        (0.0, "alert.fired Loud"),
        (0.0, "supervision.ringing lead"),
        (5.0, "supervision.ended lead supervisor_left"),
        (10.0, "alert.fired Loud merged"),
    )


async def test_a_rule_on_trial_is_published_and_reaches_nobody(open_floor: OpenFloor, open_hook: OpenHook) -> None:
    hook = await open_hook()
    floor = await open_floor(loud("ring_whisper", "webhook:chat", shadow=True), **script(notify=WEBHOOK))
    await floor.over()
    assert floor.story("alert", "supervision") == about(
        (-1.0, "alert.pending Loud shadow"),
        (0.0, "alert.fired Loud shadow"),
        (RESOLVED, "alert.resolved Loud calm shadow"),
    )
    assert hook.taken == []


async def test_a_private_tip_reaches_the_agents_ear_and_nobody_else(open_floor: OpenFloor) -> None:
    tip = loud("prompt:lower-your-voice", expr="agent.level_dbfs > -20", private=True)
    floor = await open_floor(tip, **script(phones=phones(agent1=CUSTOMER, customer1={"says": []})))
    await floor.over()
    assert floor.story("alert", "prompt", "supervision") == []
    assert np.abs(floor.phone("agent1").ears()).max() > 1000, "the tip is all that there is to hear"
    assert len(floor.of("call.ended")) == 1


# --- the agent's own codes ---


async def test_the_help_code_rings_at_once(open_floor: OpenFloor) -> None:
    plea = {"alert": "Help", "expr": "call.agent_request == 1", "keep_firing_for": "9s", "actions": ["ring_whisper"]}
    floor = await open_floor(plea, **script(calls=[call(1, keyed(2, "*55"), variables=CODES)]))
    await floor.over()
    assert floor.story("assist", "alert.f", "alert.a", "supervision") == about(
        (0.0, "assist.requested"),
        (0.0, "alert.fired Help"),
        (0.0, "supervision.requested lead"),
        (0.0, "supervision.ringing lead"),
        (3.1, "supervision.started lead"),
        (3.1, "alert.acknowledged Help lead"),
        (22.4, "supervision.ended lead customer_left"),
    )


@pytest.mark.parametrize(("ends_call", "duration_s"), [(True, 15.6), (False, 25.0)])
async def test_abuse_is_warned_of_and_ends_the_call_where_policy_says_so(
    open_floor: OpenFloor, ends_call: bool, duration_s: float
) -> None:
    twice = call(1, keyed(2, "*56"), keyed(15, "*56"), variables=CODES)
    floor = await open_floor(loud(), **script(calls=[twice], supervision={"abuse_ends_call": ends_call}))
    await floor.over()
    (ended,) = floor.of("call.ended")
    assert ended["data"]["duration_s"] == pytest.approx(duration_s, abs=0.05)
    assert [event["data"]["played"] for event in floor.of("abuse.warned")] == [True] * (1 if ends_call else 2)
    assert len(floor.of("abuse.ended_call")) == ends_call
