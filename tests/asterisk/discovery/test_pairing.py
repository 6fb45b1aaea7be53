"""A queue's word counts for the channel that it names, and for nobody who has the call by another way."""

from dataclasses import replace
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call, QueueConnected
from callguard.asterisk.discovery.pairing import queue_of, same_queue, with_member
from callguard.asterisk.discovery.party import Behind, Party, Queued, key_of
from callguard.asterisk.events import Channel
from callguard.config import Analysis

NOTHING: dict[str, Any] = dict.fromkeys(("agent_channel", "member", "interface", "wait_s"))
CALL = Call("c", "c", "PJSIP/trunk-1", agent="a", queue="support", mode="raised_voice", started_at=0.0, **NOTHING)


def party(name: str = "PJSIP/201-1", **facts: Any) -> Party:
    made = Party(Channel("a", name), "")
    for key, value in facts.items():
        setattr(made, key, value)
    return made


def connect(interface: str = "PJSIP/201", channel: str = "", queue: str = "support") -> QueueConnected:
    return QueueConnected(1.0, "c", queue, "Mia", interface, 3.0, channel)


def told(agent: Party, said: QueueConnected | None, *, to_agent: bool = False) -> Call:
    customer = Party(Channel("c", "PJSIP/trunk-1"), "")
    if said:
        (agent if to_agent else customer).connects[key_of(said.queue)] = said
    return with_member(CALL, customer, agent)


def member(agent: Party, said: QueueConnected | None) -> str | None:
    return told(agent, said).member


def behind(interface: str, dialled: str = "", half: str = "l1") -> dict[str, Behind]:
    return {half: Behind(interface, dialled)}


def test_the_queue_names_who_it_connected_by_channel_or_by_interface() -> None:
    assert member(party(), connect(channel="a")) == "Mia"
    assert member(party(), connect()) == "Mia"
    assert told(party(), connect()).wait_s == 3.0


def test_a_colleague_who_picked_the_call_up_is_not_the_member_who_was_rung() -> None:
    assert member(party("PJSIP/202-1"), connect()) is None
    assert member(party("PJSIP/202-1"), connect("PJSIP/202", channel="other")) is None
    assert member(party("PJSIP/202-1"), connect("PJSIP/201", channel="a")) is None, "the channel that answered is named"


def test_who_called_to_pick_up_a_ringing_call_is_not_the_member_behind_the_local_channel() -> None:
    """Pickup makes the caller's channel the one that the queue or Dial had made."""
    ways = behind("Local/201@from-queue")
    agent = party("PJSIP/202-1", behind=ways, called=True)
    agent.channel = replace(agent.channel, app="AppDial")
    assert member(agent, connect("Local/201@from-queue/n", channel="l1")) is None
    logged_in = party("PJSIP/202-1", behind=ways, called=True)
    logged_in.channel = replace(logged_in.channel, app="AgentLogin")
    assert member(logged_in, connect("Local/201@from-queue/n", channel="l1")) == "Mia"


@pytest.mark.parametrize(
    ("interface", "name", "named"),
    [
        ("PJSIP/201/sip:201@192.0.2.1:5060", "PJSIP/201-1", True),
        ("PJSIP/5550100@trunk", "PJSIP/trunk-1", True),
        ("SIP/trunk/5550100", "SIP/trunk-1", True),
        ("PJSIP/5550100@trunk", "PJSIP/other-1", False),
        ("DAHDI/g1/5550100", "DAHDI/i1/5550100-1", True),
    ],
)
def test_an_interface_names_an_endpoint_where_its_channels_have_the_endpoints_name(
    interface: str, name: str, named: bool
) -> None:
    assert (member(party(name), connect(interface, channel="a")) == "Mia") is named


@pytest.mark.parametrize(
    ("dialled", "named"),
    [
        ("PJSIP/201,60", True),
        ("PJSIP/201/sip:201@192.0.2.1:5060,,HhTtr", True),
        ("PJSIP/300&PJSIP/201,60", True),
        ("Local/FMPR-201@from-internal,20", True),
        ("", True),
        ("PJSIP/300,60", False),
    ],
)
def test_a_phone_that_the_members_local_channel_did_not_dial_has_the_call_by_forwarding(
    dialled: str, named: bool
) -> None:
    agent = party(behind=behind("Local/300@from-queue", dialled))
    assert (member(agent, connect("Local/300@from-queue/n", channel="l1")) == "Mia") is named


def test_a_call_that_the_rung_phone_forwarded_is_not_the_members() -> None:
    agent = party("PJSIP/203-1", behind=behind("Local/203@phones", "PJSIP/203,60"))
    assert member(agent, connect("PJSIP/201", channel="l1")) is None


def test_who_was_consulted_through_a_queue_is_its_member_and_the_customer_did_not_wait_there() -> None:
    call = told(party(), connect(), to_agent=True)
    assert (call.member, call.wait_s) == ("Mia", None)


@pytest.mark.parametrize("interface", ["Local/201@from-queue/n", "Local/201@from-queue"])
def test_a_member_behind_a_local_channel_is_known_by_it(interface: str) -> None:
    agent = party(behind=behind("Local/201@from-queue"))
    assert member(agent, connect(interface)) == "Mia"
    assert member(agent, connect(interface, channel="l1")) == "Mia"
    assert member(party(), connect(interface)) is None


def test_another_queues_word_and_one_about_a_supervisor_who_took_over_tell_nothing() -> None:
    assert member(party(), connect(queue="sales")) is None
    assert member(party(), connect(queue="Support")) == "Mia"
    assert member(party(handed=True), connect()) is None
    assert member(party(), None) is None


ANALYSIS = Analysis.model_validate({"queues": {"Support": {}}})


def test_a_queue_is_spelled_as_it_is_configured() -> None:
    caller = Party(Channel("c", "PJSIP/trunk-1"), "", queue=Queued("SUPPORT", 1))
    assert queue_of(caller, party(), ANALYSIS) == "Support"
    assert queue_of(caller, party(), Analysis()) == "SUPPORT"
    assert queue_of(Party(caller.channel, ""), party(), ANALYSIS) is None
    assert (same_queue("a", "A"), same_queue(None, "a"), same_queue("a", "b")) == (True, False, False)


@pytest.mark.parametrize(
    ("app", "waits", "rings", "queue"),
    [
        ("AppQueue", Queued("support", 1), Queued("sales", 2), "sales"),
        ("AppQueue", Queued("support", 3), Queued("sales", 2), "Support"),
        ("AppQueue", None, Queued("sales", 2), "sales"),
        ("AgentLogin", None, Queued("sales", 2), None),
    ],
)
def test_the_newer_of_the_customers_queue_and_the_one_that_rang_the_agent_counts(
    app: str, waits: Queued | None, rings: Queued, queue: str | None
) -> None:
    """An agent who stays logged in was rung for an earlier customer."""
    caller = Party(Channel("c", "PJSIP/trunk-1"), "", queue=waits)
    agent = Party(Channel("a", "PJSIP/201-1", app=app), "", rung_for=rings)
    assert queue_of(caller, agent, ANALYSIS) == queue
