"""A queue's word counts for the channel that it names, and for nobody who has the call by another way."""

from typing import Any

import pytest

from callguard.asterisk.discovery.bridges import Party
from callguard.asterisk.discovery.calls import Call, QueueConnected
from callguard.asterisk.discovery.pairing import queue_of, same_queue, with_member
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


def member(agent: Party, said: QueueConnected | None) -> str | None:
    return with_member(CALL, agent, said).member


def test_the_queue_names_who_it_connected_by_channel_or_by_interface() -> None:
    assert member(party(), connect(channel="a")) == "Mia"
    assert member(party(), connect()) == "Mia"
    assert with_member(CALL, party(), connect()).wait_s == 3.0


def test_a_colleague_who_picked_the_call_up_is_not_the_member_who_was_rung() -> None:
    assert member(party("PJSIP/202-1"), connect()) is None
    assert member(party("PJSIP/202-1"), connect("PJSIP/202", channel="other")) is None


@pytest.mark.parametrize("interface", ["Local/201@from-queue/n", "Local/201@from-queue"])
def test_a_member_behind_a_local_channel_is_known_by_it(interface: str) -> None:
    agent = party(behind={"l1": "Local/201@from-queue"})
    assert member(agent, connect(interface)) == "Mia"
    assert member(agent, connect(interface, channel="l1")) == "Mia"
    assert member(party(), connect(interface)) is None


def test_another_queues_word_and_one_about_a_supervisor_who_took_over_tell_nothing() -> None:
    assert member(party(), connect(queue="sales")) is None
    assert member(party(), connect(queue="Support")) == "Mia"
    assert member(party(handed=True), connect()) is None
    assert member(party(), None) is None


def test_a_queue_is_spelled_as_it_is_configured() -> None:
    analysis = Analysis.model_validate({"queues": {"Support": {}}})
    caller = Party(Channel("c", "PJSIP/trunk-1", app="Queue", app_data="SUPPORT,tT,,,30"), "")
    assert queue_of(caller, analysis) == "Support"
    assert queue_of(caller, Analysis()) == "SUPPORT"
    assert queue_of(party(), analysis) is None
    assert (same_queue("a", "A"), same_queue(None, "a"), same_queue("a", "b")) == (True, False, False)
