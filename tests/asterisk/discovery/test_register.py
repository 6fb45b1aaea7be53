"""Calls by id and channel; an id stands for one call only."""

from typing import Any

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.discovery.party import Party
from callguard.asterisk.discovery.register import Register
from callguard.asterisk.events import Channel

NOTHING: dict[str, Any] = dict.fromkeys(("agent_channel", "member", "interface", "queue", "wait_s"))


def call(name: str = "linked", **facts: Any) -> Call:
    given = {
        "id": name,
        "customer": "c",
        "customer_channel": "PJSIP/c-1",
        "agent": "a",
        "mode": "off",
        "started_at": 0.0,
    }
    return Call(**{**NOTHING, **given, **facts})


def party(name: str, app: str = "", linkedid: str = "linked") -> Party:
    made = Party(Channel(name, f"PJSIP/{name}-1", app=app), "")
    made.linkedid = linkedid
    return made


def test_an_unknown_conversation_is_found_by_its_channels_and_is_no_call() -> None:
    register = Register()
    unknown = register.put(call(unknown="nobody says"))
    assert (register.of("c"), register.of("a"), register.all()) == (unknown, unknown, [unknown])
    assert register.calls == {}
    register.drop(unknown)
    assert (register.of("c"), register.all()) == (None, [])


def test_a_channel_that_another_call_took_stays_with_that_call() -> None:
    register = Register()
    first, second = register.put(call("one")), register.put(call("two", customer="d"))
    register.drop(first)
    assert register.of("a") == second


def test_the_linkedid_stands_for_one_call_while_its_channel_lives() -> None:
    register = Register()
    customer, agent = party("c"), party("a")
    assert register.new_id(customer, agent) == "linked"
    register.drop(register.put(call("linked")))
    assert register.new_id(customer, agent) == "c"
    register.drop(register.put(call("c")))
    assert register.new_id(customer, agent) == "c-2"
    register.forget_channel("linked")
    assert register.new_id(customer, agent) == "linked"


def test_an_agent_who_stays_logged_in_lends_no_customer_their_id() -> None:
    assert Register().new_id(party("c", linkedid="a"), party("a", "AgentLogin", "a")) == "c"
    assert Register().new_id(party("c", linkedid=""), party("a")) == "c"
