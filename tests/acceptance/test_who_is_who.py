"""Who is customer and who is agent, and under which queue, in the situations in which people really meet.

The events are those that Asterisk 22.10 was seen to send. tests/integration/test_situations.py plays the same on a real
one.
"""

from dataclasses import replace

import pytest

from callguard.asterisk.discovery.calls import Call, Changed, Output, Over, Started
from callguard.asterisk.discovery.roles import ALIKE, UNTOLD
from callguard.asterisk.events import Bridge, Channel, ChannelEnteredBridge
from callguard.config import Analysis, Roles
from tests.asterisk.harness.told import Pbx

RULES = Roles.model_validate({"rules": [{"channel": "PJSIP/2*", "role": "agent"}]})
NO_RULES = Roles()
QUEUES = Analysis.model_validate({"mode": "emotion", "queues": {"support": {}, "quiet": {"mode": "off"}, "sales": {}}})
both = pytest.mark.parametrize("roles", [RULES, NO_RULES], ids=["with rules", "without rules"])

CALLER = Channel("c", "PJSIP/trunk-1", app="Queue", app_data="support,tT")
AGENT = Channel("a", "PJSIP/201-2", app="AppQueue", app_data="(Outgoing Line)")
COLLEAGUE = Channel("b", "PJSIP/202-3", app="AppQueue", app_data="(Outgoing Line)")
FIRST, SECOND = Channel("l1", "Local/x@y-0001;1"), Channel("l2", "Local/x@y-0001;2")


def pbx_with(roles: Roles = RULES) -> Pbx:
    return Pbx(roles, QUEUES)


def queue_call(roles: Roles = RULES, caller: Channel = CALLER) -> Pbx:
    pbx = pbx_with(roles)
    pbx.enter(AGENT)
    pbx.enter(caller)
    pbx.connected("c", "support", "Mia", "PJSIP/201", "a")
    return pbx


def who(call: Call) -> tuple[str, str | None, str | None, str | None, str | None]:
    return (call.customer, call.agent, call.member, call.interface, call.queue)


def started(outputs: list[Output]) -> list[Started]:
    return [output for output in outputs if isinstance(output, Started)]


# --- handed on ---


@both
def test_a_parked_customer_waits_and_is_the_customer_of_who_takes_them_back(roles: Roles) -> None:
    """By AMI or by a feature code: no transfer is reported, the customer is taken away from the agent."""
    pbx = queue_call(roles)
    pbx.leave(CALLER)
    pbx.tell(ChannelEnteredBridge(2000.0, CALLER, Bridge("parking", mixes=False)))
    pbx.leave(AGENT)
    assert not [output for output in pbx.destroy(AGENT) if isinstance(output, Over)]
    assert (pbx.call.agent, pbx.call.together, set(pbx.call.legs())) == (None, False, {"customer"})
    back = replace(COLLEAGUE, app="ParkedCall", app_data=",701")
    pbx.leave(CALLER, "parking")
    pbx.enter(CALLER, "b2")
    pbx.enter(back, "b2")
    assert who(pbx.call) == ("c", "b", "PJSIP/202", "PJSIP/202", "support")
    assert len(started(pbx.said)) == 1


@both
def test_a_customer_whom_a_program_redirects_into_another_queue_is_one_call_in_that_queues_mode(roles: Roles) -> None:
    pbx = queue_call(roles)
    pbx.leave(CALLER)
    pbx.leave(AGENT)
    pbx.destroy(AGENT)
    moved = replace(CALLER, app_data="Quiet")
    pbx.connected("c", "quiet", "Ben", "PJSIP/202", "b")
    pbx.enter(COLLEAGUE, "b2")
    pbx.enter(moved, "b2")
    assert who(pbx.call) == ("c", "b", "Ben", "PJSIP/202", "quiet")
    assert (pbx.call.mode, pbx.call.legs(), len(started(pbx.said))) == ("off", {}, 1)


def test_who_hangs_up_is_not_taken_away() -> None:
    for first, then in ((CALLER, AGENT), (AGENT, CALLER)):
        pbx = queue_call()
        for each in (first, then):
            pbx.leave(each)
        for each in (AGENT, CALLER):
            pbx.destroy(each)
        assert not pbx.discovery.calls
        assert len([output for output in pbx.said if isinstance(output, Over)]) == 1


@both
def test_both_redirected_into_a_conference_go_on_as_one_call(roles: Roles) -> None:
    pbx = queue_call(roles)
    pbx.leave(AGENT)
    pbx.leave(CALLER)
    for each in (AGENT, CALLER):
        pbx.enter(replace(each, app="ConfBridge", app_data="meeting"), "k")
    assert who(pbx.call) == ("c", "a", "Mia", "PJSIP/201", "support")
    assert pbx.call.together


@both
@pytest.mark.parametrize(("queue", "mode"), [("sales", "emotion"), ("quiet", "off")])
def test_an_agent_consulted_through_a_queue_serves_the_customer_for_that_queue(
    roles: Roles, queue: str, mode: str
) -> None:
    """The agent's phone holds the customer, calls the queue on a second line, and joins both (REFER with Replaces)."""
    pbx = queue_call(roles)
    line = Channel("line", "PJSIP/201-4", app="Queue", app_data=queue)
    one, two = Channel("t1", "Local/_attended@transfer-6;1"), Channel("t2", "Local/_attended@transfer-6;2")
    for each in (line, COLLEAGUE):
        pbx.create(each)
    pbx.connected("line", queue, "Ben", "PJSIP/202", "b")
    pbx.enter(COLLEAGUE, "b2")
    pbx.enter(line, "b2")
    pbx.leave(line, "b2")
    pbx.enter(two, "b2")
    pbx.leave(AGENT)
    pbx.enter(one)
    pbx.transfer(AGENT)
    pbx.destroy(line)
    pbx.destroy(AGENT)
    assert who(pbx.call) == ("c", "b", "Ben", "PJSIP/202", queue)
    assert (pbx.call.mode, pbx.call.wait_s) == (mode, None)


@pytest.mark.parametrize(("queue", "mode"), [("sales", "emotion"), ("quiet", "off")])
def test_a_transfer_by_code_into_a_queue_goes_on_in_that_queue(queue: str, mode: str) -> None:
    """The agent keys *2 and the queue's number: a Local half waits in that queue."""
    pbx = queue_call()
    queueing = replace(SECOND, app="Queue", app_data=queue)
    for each in (COLLEAGUE, SECOND):
        pbx.create(each)
    pbx.enter(FIRST, "k")
    pbx.leave(AGENT)
    pbx.enter(AGENT, "k")
    pbx.connected("l2", queue, "Ben", "PJSIP/202", "b")
    pbx.enter(COLLEAGUE, "b2")
    pbx.enter(queueing, "b2")
    assert (pbx.call.agent, pbx.call.together) == ("a", False), "a consultation"
    pbx.leave(AGENT, "k")
    pbx.move(FIRST, "k", "b1")
    pbx.transfer(AGENT)
    pbx.destroy(AGENT)
    assert who(pbx.call) == ("c", "b", "Ben", "PJSIP/202", queue)
    assert pbx.call.mode == mode


# --- picked up, forwarded, reached through Local channels ---


def test_a_colleague_who_picks_up_a_queues_ringing_call_is_the_agent_under_their_own_name() -> None:
    """Pickup makes the colleague's channel the one that the queue rang: the queue's message names it."""
    pbx = pbx_with()
    pbx.create(replace(COLLEAGUE, state="Ring", app="", app_data=""))
    pbx.enter(COLLEAGUE)
    pbx.enter(CALLER)
    pbx.connected("c", "support", "Mia", "PJSIP/201", "b")
    assert who(pbx.call) == ("c", "b", "PJSIP/202", "PJSIP/202", "support")


def test_a_colleague_who_picks_up_a_local_members_call_is_the_agent_under_their_own_name() -> None:
    pbx = pbx_with()
    colleague = replace(COLLEAGUE, app="AppDial")
    half = replace(FIRST, name="Local/201@from-queue-0001;1", app="AppQueue")
    other = replace(SECOND, name="Local/201@from-queue-0001;2", app="Dial", app_data="PJSIP/201,60")
    pbx.create(replace(COLLEAGUE, state="Ring", app="", app_data=""))
    for each, bridge in ((colleague, "b2"), (other, "b2"), (half, "b1"), (CALLER, "b1")):
        pbx.enter(each, bridge)
    pbx.connected("c", "support", "Mia", "Local/201@from-queue/n", "l1")
    assert who(pbx.call) == ("c", "b", "PJSIP/202", "PJSIP/202", "support")


@pytest.mark.parametrize("interface", ["PJSIP/201", "Local/201@from-queue/n"])
def test_a_call_that_a_members_phone_forwards_is_not_that_members(interface: str) -> None:
    pbx = pbx_with()
    forwarded = (
        Channel("f1", "Local/202@phones-0002;1", app="AppDial"),
        Channel("f2", "Local/202@phones-0002;2", app="Dial", app_data="PJSIP/202,60"),
    )
    colleague, inner = replace(COLLEAGUE, app="AppDial"), "b1"
    if interface.startswith("Local"):
        half = replace(FIRST, name="Local/201@from-queue-0001;1", app="AppQueue")
        other = replace(SECOND, name="Local/201@from-queue-0001;2", app="Dial", app_data="PJSIP/201,60")
        pbx.enter(other, "b2")
        pbx.enter(half, "b1")
        inner = "b2"
    pbx.enter(colleague, "b3")
    pbx.enter(forwarded[1], "b3")
    pbx.enter(forwarded[0], inner)
    pbx.enter(CALLER)
    pbx.connected("c", "support", "Mia", interface, "l1" if inner == "b2" else "f1")
    assert who(pbx.call) == ("c", "b", "PJSIP/202", "PJSIP/202", "support")


def test_a_queue_whose_member_is_another_queue_counts_as_that_one_and_an_off_of_either_holds() -> None:
    for outer, inner, mode in (
        ("sales", "support", "emotion"), ("quiet", "support", "off"), ("support", "quiet", "off"),
    ):  # fmt: skip
        pbx = pbx_with(NO_RULES)
        caller = replace(CALLER, app_data=outer)
        half, other = replace(FIRST, app="AppQueue"), replace(SECOND, app="Queue", app_data=inner)
        pbx.connected("c", outer, "overflow", "Local/x@y/n", "l1")
        pbx.enter(half)
        pbx.enter(caller)
        pbx.enter(COLLEAGUE, "b2")
        pbx.enter(other, "b2")
        pbx.connected("l2", inner, "Ben", "PJSIP/202", "b")
        assert who(pbx.call) == ("c", "b", "Ben", "PJSIP/202", inner)
        assert pbx.call.mode == mode


@both
def test_a_callback_that_the_queue_makes_through_a_local_channel_stays_the_queues_call(roles: Roles) -> None:
    pbx = pbx_with(roles)
    customer = Channel("c", "PJSIP/trunk-1", app="AppDial")
    half = replace(FIRST, app="Queue", app_data="Quiet,tT")
    other = replace(SECOND, app="Dial", app_data="PJSIP/5550100@trunk")
    for each, bridge in ((customer, "b2"), (other, "b2"), (half, "b1"), (AGENT, "b1")):
        pbx.enter(each, bridge)
    pbx.connected("l1", "quiet", "Mia", "PJSIP/201", "a")
    assert who(pbx.call) == ("c", "a", "Mia", "PJSIP/201", "quiet")
    pbx.leave(half)
    pbx.leave(customer, "b2")
    pbx.enter(customer)
    for gone in (half, other):
        pbx.destroy(gone)
    assert who(pbx.call) == ("c", "a", "Mia", "PJSIP/201", "quiet")
    assert pbx.call.mode == "off"


# --- agents who stay on the line ---


def test_an_agent_who_stays_logged_in_serves_the_next_customer_while_the_last_one_answers_a_survey() -> None:
    pbx = pbx_with()
    agent = replace(AGENT, app="AgentLogin")
    first, second = (
        Channel("c1", "PJSIP/trunk-1", app="AgentRequest"),
        Channel("c2", "PJSIP/trunk-2", app="AgentRequest"),
    )
    pbx.enter(first)
    pbx.enter(agent)
    pbx.leave(agent)
    pbx.leave(first)
    pbx.enter(second, "b2")
    pbx.enter(agent, "b2")
    calls = {call.customer: call for call in pbx.discovery.calls.values()}
    assert (calls["c1"].agent, calls["c2"].agent) == (None, "a")
    assert len({call.id for call in calls.values()}) == 2
    pbx.destroy(first)
    assert pbx.call.customer == "c2"


# --- three and more ---


@both
def test_a_third_party_of_whom_nothing_is_known_is_no_agent_when_the_agent_leaves(roles: Roles) -> None:
    pbx = queue_call(roles)
    pbx.enter(Channel("x", "PJSIP/expert-9", app="ConfBridge"))
    assert who(pbx.call) == ("c", "a", "Mia", "PJSIP/201", "support")
    pbx.leave(AGENT)
    outputs = pbx.destroy(AGENT)
    assert [type(output) for output in outputs] == [Over, Started]
    assert [output.call.unknown for output in started(outputs)] == [UNTOLD]
    assert not pbx.discovery.calls


def test_a_third_party_is_no_customer_when_the_customer_leaves() -> None:
    pbx = queue_call()
    pbx.enter(Channel("x", "PJSIP/expert-9", app="ConfBridge"))
    pbx.leave(CALLER)
    pbx.destroy(CALLER)
    assert not pbx.discovery.calls


def test_a_third_party_to_whom_the_agent_hands_the_customer_is_the_agent() -> None:
    pbx = queue_call(NO_RULES)
    pbx.enter(replace(COLLEAGUE, app="AppDial"))
    pbx.leave(AGENT)
    pbx.transfer(AGENT)
    pbx.destroy(AGENT)
    assert who(pbx.call) == ("c", "b", "PJSIP/202", "PJSIP/202", "support")


def test_colleagues_who_go_on_consulting_after_the_customer_hung_up_are_judged_by_nobody() -> None:
    """No rule says that the colleague is an agent; the agent is one by the queue's word only."""
    pbx = queue_call(NO_RULES)
    pbx.leave(AGENT)
    pbx.enter(AGENT, "k")
    pbx.enter(replace(COLLEAGUE, app="AppDial"), "k")
    pbx.leave(CALLER)
    pbx.destroy(CALLER)
    pbx.set(AGENT, "CALLGUARD", "emotion")
    assert not pbx.discovery.calls


@both
def test_an_agent_whom_a_transfer_makes_a_queues_caller_is_no_customer(roles: Roles) -> None:
    """By BlindTransfer of the customer's channel: the agent waits in the queue, and another member answers."""
    pbx = queue_call(roles)
    pbx.transfer(CALLER)
    pbx.leave(CALLER)
    pbx.leave(AGENT)
    pbx.destroy(CALLER)
    pbx.enter(COLLEAGUE, "b2")
    pbx.enter(replace(AGENT, app="Queue", app_data="sales"), "b2")
    assert not pbx.discovery.calls


@both
def test_a_parked_customer_whom_nobody_takes_back_comes_back_to_the_agent_as_the_same_call(roles: Roles) -> None:
    pbx = queue_call(roles)
    pbx.leave(CALLER)
    pbx.tell(ChannelEnteredBridge(2000.0, CALLER, Bridge("parking", mixes=False)))
    pbx.leave(CALLER, "parking")
    again = replace(AGENT, id="a2", name="PJSIP/201-9", app="AppDial")
    pbx.enter(again, "b2")
    pbx.enter(replace(CALLER, app="Dial", app_data="PJSIP/201,30"), "b2")
    pbx.leave(AGENT)
    pbx.destroy(AGENT)
    assert who(pbx.call)[:2] == ("c", "a2")
    assert (pbx.call.queue, len(started(pbx.said))) == ("support", 1)


# --- CALLGUARD and CALLGUARD_ROLE, wherever they are set ---


@pytest.mark.parametrize("where", ["c", "a", "l1", "l2"])
@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("name", ["CALLGUARD", "callguard"])
def test_an_opt_out_holds_wherever_it_is_set(where: str, when: str, name: str) -> None:
    pbx = pbx_with()
    members = {
        "c": (CALLER, "b1"), "l1": (replace(FIRST, app="AppQueue"), "b1"),
        "l2": (replace(SECOND, app="Dial", app_data="PJSIP/201"), "b2"), "a": (replace(AGENT, app="AppDial"), "b2"),
    }  # fmt: skip
    if when == "before":
        pbx.set(members[where][0], name.upper(), "No")
    for each, bridge in members.values():
        pbx.enter(each, bridge)
    if when == "during":
        assert pbx.call
        pbx.set(members[where][0], name.upper(), "No")
    assert not pbx.discovery.calls
    for gone in (FIRST, SECOND):
        pbx.destroy(gone)
    pbx.leave(replace(AGENT, app="AppDial"), "b2")
    pbx.enter(replace(AGENT, app="AppDial"))
    assert not pbx.discovery.calls, "also when the Local channel is gone"


def test_a_call_that_opted_out_on_a_local_half_may_come_back_and_stays() -> None:
    pbx = pbx_with()
    half, other = replace(FIRST, app="AppQueue"), replace(SECOND, app="Dial", app_data="PJSIP/201")
    agent = replace(AGENT, app="AppDial")
    pbx.set(half, "CALLGUARD", "off")
    for each, bridge in ((CALLER, "b1"), (half, "b1"), (other, "b2"), (agent, "b2")):
        pbx.enter(each, bridge)
    assert not pbx.discovery.calls
    pbx.set(CALLER, "CALLGUARD", "on")
    pbx.connected("c", "support", "Mia", "Local/x@y", "l1")
    assert pbx.call.mode == "emotion"


def test_a_guests_opt_out_ends_the_call_for_us_and_the_call_comes_back_without_the_guest() -> None:
    pbx = queue_call()
    guest = Channel("x", "PJSIP/expert-9", app="ConfBridge")
    pbx.variables["x"] = ("", "off")
    (over,) = pbx.enter(guest)
    assert isinstance(over, Over)
    assert over.reason == "opt_out"
    assert [output.call.customer for output in started(pbx.leave(guest))] == ["c"]


@pytest.mark.parametrize("role", ["customer", "agent"])
def test_a_role_that_the_called_phone_inherited_is_shown_as_unknown_with_the_reason(role: str) -> None:
    """Set(__CALLGUARD_ROLE=...) before Dial: both channels have it."""
    pbx = pbx_with(NO_RULES)
    pbx.variables = {"c": (role, ""), "a": (role, "")}
    pbx.enter(replace(AGENT, app="AppDial"))
    (only,) = started(pbx.enter(replace(CALLER, app="Dial")))
    assert only.call.unknown == ALIKE
    assert not pbx.discovery.calls


def test_a_role_set_on_a_local_half_is_the_role_of_the_party_behind_it() -> None:
    pbx = pbx_with(NO_RULES)
    customer = Channel("c", "PJSIP/trunk-1", app="AppDial")
    half, other = replace(FIRST, app="Dial", app_data="PJSIP/201"), replace(SECOND, app="Dial", app_data="PJSIP/trunk")
    pbx.variables["l1"] = ("Customer", "")
    for each, bridge in ((customer, "b2"), (other, "b2"), (half, "b1"), (replace(AGENT, app="AppDial"), "b1")):
        pbx.enter(each, bridge)
    assert (pbx.call.customer, pbx.call.agent) == ("c", "a")


def test_a_role_that_is_taken_back_counts_no_more() -> None:
    pbx = pbx_with(NO_RULES)
    pbx.set(AGENT, "CALLGUARD_ROLE", "agent")
    pbx.set(AGENT, "CALLGUARD_ROLE", "")
    pbx.enter(replace(AGENT, app="AppDial"))
    (only,) = started(pbx.enter(replace(CALLER, app="Dial")))
    assert only.call.unknown == UNTOLD


def test_a_mode_change_tells_of_the_call_and_of_nothing_else() -> None:
    pbx = queue_call()
    (changed,) = pbx.set(AGENT, "CALLGUARD", "raised_voice")
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.mode) == ("mode", "raised_voice")
