"""Calls live and die on the simulated exchange as they do on Asterisk 22."""

import pytest

from callguard.testbed.simulator.objects import Snoop
from tests.testbed.simulator.harness import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, Bench, hears

REAL_QUEUE_CALL = [
    "ChannelCreated", "ChannelDialplan", "ChannelStateChange", "ChannelDialplan", "ChannelCreated", "Dial",
    "ChannelDialplan", "Dial", "ChannelStateChange", "ChannelStateChange", "Dial", "BridgeCreated",
    "ChannelEnteredBridge", "ChannelEnteredBridge", "ChannelHangupRequest", "ChannelLeftBridge", "ChannelLeftBridge",
    "BridgeDestroyed", "ChannelDestroyed", "ChannelDestroyed",
]  # fmt: skip
"""What Asterisk 22.10.1 sent of these types for a Queue call ended by the customer; there the agent's ChannelDialplan
came two events later, after the ringing."""


def test_a_queue_call_gives_the_events_of_a_real_one() -> None:
    bench = Bench()
    call = bench.call()
    bench.exchange.request_hangup(call.customer)
    bench.run(0.1)
    assert bench.kinds() == REAL_QUEUE_CALL
    assert not bench.exchange.channels
    assert not bench.exchange.bridges


def test_customer_and_agent_hear_each_other_and_not_themselves() -> None:
    bench = Bench()
    bench.call(seconds=1.5)
    assert hears(bench.people["customer"]) == {AGENT_HZ}
    assert hears(bench.people["agent"]) == {CUSTOMER_HZ}


def test_the_agent_enters_the_bridge_first_and_the_customers_application_is_the_queue() -> None:
    bench = Bench()
    bench.call()
    first, second = [event for event in bench.events if event["type"] == "ChannelEnteredBridge"]
    assert first["channel"]["dialplan"]["app_name"] == "AppQueue"
    assert (second["channel"]["dialplan"]["app_name"], second["channel"]["dialplan"]["app_data"]) == (
        "Queue",
        "support",
    )
    assert second["bridge"]["channels"] == [second["channel"]["id"], first["channel"]["id"]]


def test_a_queue_goes_on_to_the_next_agent_when_the_first_is_busy() -> None:
    bench = Bench()
    bench.people["agent"].busy = True
    call = bench.call(agents=("agent", "other"))
    assert call.agent is not None
    assert call.agent.phone is bench.people["other"]


def test_a_dial_that_nobody_answers_ends_the_call() -> None:
    bench = Bench()
    bench.people["agent"].answers_after = None
    bench.call(queue=None, seconds=30.0)
    assert [event["dialstatus"] for event in bench.events if event["type"] == "Dial"] == ["", "RINGING", "NOANSWER"]
    assert not bench.exchange.channels


def test_a_customer_who_gives_up_stops_the_agents_phone_ringing() -> None:
    bench = Bench()
    bench.people["agent"].answers_after = None
    call = bench.call()
    bench.exchange.request_hangup(call.customer)
    bench.run(0.1)
    assert not bench.exchange.channels


def test_a_customer_on_hold_hears_music_and_the_agent_nothing() -> None:
    bench = Bench()
    call = bench.call()
    assert call.agent is not None
    bench.exchange.hold(call.agent)
    bench.run(1.0)
    assert hears(bench.people["agent"]) == set()
    assert hears(bench.people["customer"]) == set()
    assert bench.people["customer"].ears()[-4000:].astype(float).std() > 100
    bench.exchange.hold(call.agent, on=False)
    bench.run(1.0)
    assert hears(bench.people["customer"]) == {AGENT_HZ}
    assert [kind for kind in bench.kinds() if "old" in kind] == ["ChannelHold", "ChannelUnhold"]


@pytest.mark.parametrize("consult_s", [None, 1.0])
def test_a_transferred_customer_talks_with_the_other_agent_and_their_tap_survives(consult_s: float | None) -> None:
    bench = Bench()
    call = bench.call()
    first = call.agent
    assert first is not None
    customer_tap = bench.exchange.snoop(call.customer, Snoop(call.customer.id, "in", "none"), None)
    agent_tap = bench.exchange.snoop(first, Snoop(first.id, "in", "none"), None)
    if consult_s is None:
        call.transfer_blind(bench.people["other"])
    else:
        call.transfer_attended(bench.people["other"], consult_s)
    bench.run(3.0)
    assert hears(bench.people["customer"]) == {OTHER_HZ}
    assert customer_tap.id in bench.exchange.channels
    assert agent_tap.id not in bench.exchange.channels
    assert first.id not in bench.exchange.channels
    assert ("BridgeBlindTransfer" if consult_s is None else "BridgeAttendedTransfer") in bench.kinds()
    assert len(bench.exchange.bridges) == 1


def test_a_consultation_is_private_and_the_customer_hears_music() -> None:
    bench = Bench()
    call = bench.call()
    call.transfer_attended(bench.people["other"], 5.0)
    bench.run(2.0)
    assert hears(bench.people["agent"]) == {OTHER_HZ}
    assert hears(bench.people["other"]) == {AGENT_HZ}
    assert hears(bench.people["customer"]) == set()
    assert bench.people["customer"].ears()[-4000:].astype(float).std() > 100


def test_a_consultation_that_nobody_answers_brings_the_agent_back() -> None:
    bench = Bench()
    bench.people["other"].busy = True
    call = bench.call()
    call.transfer_attended(bench.people["other"], 5.0)
    bench.run(2.0)
    assert hears(bench.people["customer"]) == {AGENT_HZ}


def test_inherited_variables_reach_the_agents_channel() -> None:
    bench = Bench()
    call = bench.call(seconds=0.0)
    bench.exchange.set_variable(call.customer, "__CALLGUARD", "off")
    bench.exchange.set_variable(call.customer, "OTHER", "x")
    bench.run(0.5)
    assert call.agent is not None
    assert call.agent.variables == {"__CALLGUARD": "off"}
