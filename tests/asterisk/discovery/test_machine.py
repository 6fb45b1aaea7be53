"""Call discovery: Dial and Queue calls, roles, hold, transfers, opt-out - from events alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.asterisk import events
from callguard.asterisk.discovery.calls import (
    Changed,
    HandOff,
    Inspect,
    OptOut,
    Output,
    Over,
    QueueConnected,
    Renamed,
    Snapshot,
    Started,
    Unclear,
)
from callguard.asterisk.events import Bridge, Channel
from callguard.config import Analysis, QueueAnalysis, RoleRule, Roles
from tests.asterisk.harness.told import Pbx, channel

CUSTOMER, AGENT = channel("customer", "Dial", "PJSIP/agent"), channel("agent", "AppDial", "(Outgoing Line)")
CALLER, MEMBER = channel("caller", "Queue", "support,tT"), channel("member", "AppQueue", "(Outgoing Line)")
AGENT2 = channel("agent2", "AppDial")


def test_a_dial_call_starts_when_both_are_in_the_bridge() -> None:
    pbx = Pbx()
    assert pbx.enter(AGENT) == []
    (started,) = pbx.enter(CUSTOMER)
    assert isinstance(started, Started)
    call = started.call
    assert (call.id, call.customer, call.agent, call.queue) == ("linked", "customer", "agent", None)
    assert call.legs() == {"customer": ("customer", "PJSIP/customer-1"), "agent": ("agent", "PJSIP/agent-1")}
    assert call.member == "PJSIP/agent"


def test_a_queue_call_has_the_queues_name_and_amis_word_on_member_and_wait() -> None:
    pbx = Pbx()
    connect = QueueConnected(0, "caller", "support", "Mia", "PJSIP/member", 12.0)
    started = pbx.talk(CALLER, MEMBER)
    assert (started.call.queue, started.call.wait_s) == ("support", None)
    (changed,) = pbx.tell(connect)
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.member, changed.call.wait_s) == ("agent", "Mia", 12.0)


def test_amis_word_that_comes_first_is_in_the_start() -> None:
    pbx = Pbx()
    pbx.tell(events.ChannelCreated(0, CALLER))
    pbx.tell(QueueConnected(0, "caller", "support", "Mia", "PJSIP/member", 12.0))
    assert pbx.talk(CALLER, MEMBER).call.member == "Mia"


@pytest.mark.parametrize("reverse", [False, True])
def test_a_local_member_is_a_link_and_not_a_party(reverse: bool) -> None:
    """Queue members such as Local/200@from-queue/n, as FreePBX makes them."""
    pbx = Pbx(Roles(dial_caller="agent"))
    one = Channel("l1", "Local/200@q-0001;1", app="AppQueue")
    two = Channel("l2", "Local/200@q-0001;2", app="Dial")
    steps = [(CALLER, "b1"), (one, "b1"), (two, "b2"), (AGENT, "b2")]
    for member, bridge in reversed(steps) if reverse else steps:
        outputs = pbx.enter(member, bridge)
    (started,) = outputs
    assert isinstance(started, Started)
    assert (started.call.customer, started.call.agent) == ("caller", "agent")


def test_our_own_channels_are_never_parties() -> None:
    pbx = Pbx()
    for ours in (
        Channel("callguard.supervisor.1", "PJSIP/boss-1", app="Stasis"),
        Channel("b8c1", "Snoop/agent-1"),
        Channel("callguard.media.1", "UnicastRTP/127.0.0.1-1"),
    ):
        assert pbx.enter(ours, "room") == []
    assert pbx.enter(CUSTOMER, "room") == []
    assert pbx.said == []


@pytest.mark.parametrize(
    ("roles", "variables", "customer"),
    [
        (Roles(dial_caller="agent"), {}, "agent"),
        (Roles(), {"agent": ("customer", "")}, "agent"),
        (Roles(), {"customer": ("agent", "")}, "agent"),
        (Roles(rules=(RoleRule(channel="PJSIP/agent*", role="customer"),)), {}, "agent"),
        (Roles(rules=(RoleRule(context="from-trunk", role="customer"),)), {}, "customer"),
        (Roles(rules=(RoleRule(number="+49*", role="customer"),)), {}, "agent"),
        (
            Roles(rules=(RoleRule(channel="PJSIP/agent*", role="customer"),)),
            {"agent": ("agent", "")},
            "customer",
        ),
    ],
)
def test_variable_then_rule_then_default_decides_the_role(
    roles: Roles, variables: dict[str, tuple[str, str]], customer: str
) -> None:
    pbx = Pbx(roles)
    pbx.variables = variables
    caller = channel("customer", "Dial", context="from-trunk")
    called = channel("agent", "AppDial", number="+491")
    assert pbx.talk(caller, called).call.customer == customer


@pytest.mark.parametrize("role", ["ignore", "supervisor", "agent"])
def test_no_call_without_a_customer_and_an_agent(role: str) -> None:
    pbx = Pbx(Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)))
    pbx.variables = {"customer": (role, "")}
    pbx.enter(AGENT)
    assert pbx.enter(CUSTOMER) == []


def test_nothing_starts_before_the_variables_are_known() -> None:
    pbx = Pbx()
    pbx.answering = False
    pbx.enter(AGENT)
    assert pbx.enter(CUSTOMER) == []
    assert pbx.said == [Inspect("agent"), Inspect("customer")]
    assert pbx.answer("agent") == []
    assert isinstance(pbx.answer("customer")[0], Started)


def test_hold_and_unhold() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    (held,) = pbx.tell(events.ChannelHold(1, AGENT))
    assert isinstance(held, Changed)
    assert (held.change, held.call.held_by) == ("hold", {"agent"})
    assert pbx.tell(events.ChannelHold(1, AGENT)) == [], "held already"
    (both,) = pbx.tell(events.ChannelHold(1, CUSTOMER))
    assert isinstance(both, Changed)
    assert (both.change, both.call.held_by) == ("hold", {"customer", "agent"})
    (other,) = pbx.tell(events.ChannelUnhold(2, AGENT))
    assert isinstance(other, Changed)
    assert (other.change, other.call.held_by) == ("hold", {"customer"}), "held still by the other"
    (unheld,) = pbx.tell(events.ChannelUnhold(2, CUSTOMER))
    assert isinstance(unheld, Changed)
    assert (unheld.change, unheld.call.on_hold) == ("unhold", False)


def changes(outputs: list[Output]) -> list[str]:
    return [output.change for output in outputs if isinstance(output, Changed)]


@pytest.mark.parametrize("held", [(), ("customer",), ("agent",), ("customer", "agent")])
def test_a_call_whose_party_was_put_on_hold_before_begins_on_hold(held: tuple[str, ...]) -> None:
    pbx = Pbx()
    for party in (CUSTOMER, AGENT):
        if party.id in held:
            pbx.tell(events.ChannelHold(0, party))
    assert pbx.talk(CUSTOMER, AGENT).call.on_hold is bool(held)


@pytest.mark.parametrize("held", [(), ("customer",), ("agent2",)])
def test_a_transferred_call_is_on_hold_while_one_of_its_parties_is(held: tuple[str, ...]) -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    pbx.tell(events.BridgeTransfer(0, AGENT))
    pbx.leave(AGENT)
    pbx.destroy(AGENT)
    for party in (CUSTOMER, AGENT2):
        if party.id in held:
            pbx.tell(events.ChannelHold(0, party))
    (changed,) = pbx.enter(AGENT2)
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.on_hold) == ("transfer", bool(held))


def test_a_blind_transfer_keeps_the_call_and_takes_the_new_agent() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    pbx.tell(events.BridgeTransfer(1, AGENT))
    assert changes(pbx.leave(AGENT)) == ["apart"]
    pbx.leave(CUSTOMER)
    (gone,) = pbx.destroy(AGENT)
    assert isinstance(gone, Changed)
    assert gone.call.legs().keys() == {"customer"}
    pbx.enter(AGENT2, "b2")
    (moved,) = pbx.enter(CUSTOMER, "b2")
    assert isinstance(moved, Changed)
    assert (moved.change, moved.call.agent, moved.call.together, moved.call.id) == (
        "transfer",
        "agent2",
        True,
        "linked",
    )
    assert isinstance(pbx.destroy(AGENT2)[0], Over), "the transfer is over with the new agent"


def test_an_attended_transfer_is_apart_during_the_consultation() -> None:
    """As Asterisk tells it: the agent joins a Local channel, whose other half is with the next agent."""
    pbx = Pbx(Roles(dial_caller="agent", rules=(RoleRule(channel="PJSIP/customer*", role="customer"),)))
    one, two = Channel("l1", "Local/202@p-0;1"), Channel("l2", "Local/202@p-0;2", app="Dial")
    pbx.talk(CUSTOMER, AGENT)
    pbx.tell(events.ChannelHold(1, AGENT))
    pbx.enter(one, "consult")
    assert changes(pbx.leave(AGENT)) == ["apart"]
    pbx.enter(AGENT, "consult")
    pbx.enter(AGENT2, "b3")
    assert pbx.enter(two, "b3") == [], "the consultation is no call, and the present call does not change"
    assert pbx.leave(AGENT, "consult") == []
    pbx.leave(one, "consult")
    (moved,) = pbx.enter(one, "b1")
    assert isinstance(moved, Changed)
    assert (moved.change, moved.call.agent, moved.call.on_hold) == ("transfer", "agent2", False)
    assert pbx.destroy(AGENT) == []


def test_a_consultation_that_was_a_call_of_its_own_takes_nothing_from_the_transferred_call() -> None:
    """By the phone, without rules for roles: the agent's second call looks like a customer's."""
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    second = channel("line2", "Dial")
    pbx.enter(AGENT2, "b2")
    assert isinstance(pbx.enter(second, "b2")[0], Started)
    pbx.leave(CUSTOMER)
    pbx.leave(second, "b2")
    (moved,) = pbx.enter(CUSTOMER, "b2")
    assert isinstance(moved, Changed)
    assert (moved.change, moved.call.id, moved.call.agent) == ("transfer", "linked", "agent2")
    (over,) = pbx.destroy(second)
    assert isinstance(over, Over)
    assert over.call.id == "line2"
    assert pbx.destroy(AGENT) == []
    assert pbx.discovery.call_of("agent2") == moved.call
    assert isinstance(pbx.destroy(AGENT2)[0], Over)


@pytest.mark.parametrize("first", ["customer", "agent"])
@pytest.mark.parametrize("destroyed_first", ["customer", "agent"])
def test_a_call_ends_with_either_party_and_says_who_left(first: str, destroyed_first: str) -> None:
    pbx = Pbx()
    pbx.clock = iter(1000 + n / 1000 for n in range(99))  # type: ignore[assignment]  # a hangup takes milliseconds
    pbx.talk(CUSTOMER, AGENT)
    pbx.leave(CUSTOMER if first == "customer" else AGENT)
    pbx.leave(AGENT if first == "customer" else CUSTOMER)
    outputs = pbx.destroy(CUSTOMER if destroyed_first == "customer" else AGENT)
    outputs += pbx.destroy(AGENT if destroyed_first == "customer" else CUSTOMER)
    (over,) = [output for output in outputs if isinstance(output, Over)]
    assert outputs[-1] == over or destroyed_first == first
    assert (over.reason, over.left) == ("hangup", first)
    assert not pbx.discovery.calls


def test_a_third_party_changes_nothing_while_the_agent_is_there() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    assert pbx.enter(AGENT2) == []
    (moved,) = pbx.leave(AGENT)
    assert isinstance(moved, Changed)
    assert (moved.change, moved.call.agent) == ("transfer", "agent2")


def test_a_supervisor_who_took_over_is_the_new_agent() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    boss = Channel("callguard.supervisor.1", "PJSIP/boss-1", app="BridgeAdd")
    pbx.enter(boss)
    pbx.tell(HandOff(1, boss.id))
    (changed,) = pbx.leave(AGENT)
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.agent) == ("handoff", boss.id)
    assert pbx.destroy(AGENT) == []
    assert isinstance(pbx.destroy(boss)[0], Over)


@pytest.mark.parametrize(
    ("setting", "queue_mode", "default", "mode"),
    [
        ("", None, "raised_voice", "raised_voice"),
        ("", "emotion", "raised_voice", "emotion"),
        ("", "off", "raised_voice", "off"),
        ("on", "off", "raised_voice", "raised_voice"),
        ("on", None, "emotion", "emotion"),
        ("emotion", "off", "off", "emotion"),
        ("raised_voice", "emotion", "emotion", "raised_voice"),
    ],
)
def test_mode_of_a_call(setting: str, queue_mode: Any, default: Any, mode: str) -> None:
    pbx = Pbx(analysis=Analysis(mode=default, queues={"support": QueueAnalysis(mode=queue_mode)}))
    pbx.variables = {"caller": ("", setting)}
    call = pbx.talk(CALLER, MEMBER).call
    assert call.mode == mode
    assert bool(call.legs()) == (mode != "off")


@pytest.mark.parametrize("value", ["OFF", " Off", "no", "N", "false", "0", "nonsense"])
def test_every_spelling_of_no_is_an_opt_out_and_an_unclear_value_judges_nobody(value: str) -> None:
    pbx = Pbx()
    pbx.variables = {"caller": ("", value)}
    pbx.enter(MEMBER)
    said = pbx.enter(CALLER)
    assert not [output for output in said if isinstance(output, Started)]
    assert [output.value for output in said if isinstance(output, Unclear)] == (["nonsense"] * (value == "nonsense"))


def test_a_call_that_says_off_is_never_started_until_it_says_on() -> None:
    pbx = Pbx()
    pbx.variables = {"agent": ("", "off")}
    pbx.enter(AGENT)
    assert pbx.enter(CUSTOMER) == []
    (started,) = pbx.set(CUSTOMER, "CALLGUARD", "emotion")
    assert isinstance(started, Started)
    assert started.call.mode == "emotion"


def test_off_in_mid_call_ends_it_for_us_and_it_may_come_back() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    (changed,) = pbx.set(AGENT, "CALLGUARD", "emotion")
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.mode) == ("mode", "emotion")
    (over,) = pbx.set(CUSTOMER, "CALLGUARD", "off")
    assert isinstance(over, Over)
    assert over.reason == "opt_out"
    assert pbx.tell(events.ChannelHold(1, AGENT)) == []
    assert isinstance(pbx.set(CUSTOMER, "CALLGUARD", "on")[0], Started)


def test_conversations_that_opted_out_are_counted_and_no_more_is_known_of_them() -> None:
    pbx = Pbx()
    pbx.variables[CUSTOMER.id] = ("", "off")
    pbx.enter(CUSTOMER)
    assert pbx.discovery.opted_out == 0, "alone, nobody talks"
    pbx.enter(AGENT)
    assert (pbx.discovery.opted_out, dict(pbx.discovery.calls)) == (1, {})
    pbx.set(CUSTOMER, "CALLGUARD", "on")
    assert (pbx.discovery.opted_out, len(pbx.discovery.calls)) == (0, 1)
    pbx.set(AGENT, "CALLGUARD", "off")
    assert pbx.discovery.opted_out == 1
    pbx.destroy(AGENT)
    assert pbx.discovery.opted_out == 0


def test_an_opt_out_by_command_holds_until_the_variable_says_otherwise() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    (over,) = pbx.tell(OptOut(1, "linked"))
    assert isinstance(over, Over)
    pbx.leave(AGENT)
    assert pbx.enter(AGENT) == []
    assert pbx.tell(OptOut(1, "linked")) == [], "there is no such call any more"


def test_a_snapshot_finds_calls_that_were_there_before_us() -> None:
    pbx = Pbx()
    (started,) = pbx.tell(Snapshot(1, (CALLER, MEMBER), (Bridge("b1", ("caller", "member")),)))
    assert isinstance(started, Started)
    assert started.call.queue == "support"
    assert pbx.tell(Snapshot(2, (CALLER, MEMBER), (Bridge("b1", ("caller", "member")),))) == [], "nothing is doubled"


def test_a_snapshot_ends_calls_that_went_while_we_were_deaf() -> None:
    pbx = Pbx()
    pbx.talk(CUSTOMER, AGENT)
    (over,) = pbx.tell(Snapshot(9, (), ()))
    assert isinstance(over, Over)
    assert over.reason == "lost"
    assert not pbx.discovery.calls


ALL = [CUSTOMER, AGENT, CALLER, MEMBER, AGENT2, Channel("l1", "Local/1@x-1;1"), Channel("l2", "Local/1@x-1;2")]
PICK = st.sampled_from(ALL)
EVENT = st.one_of(
    st.builds(events.ChannelCreated, st.just(1.0), PICK),
    st.builds(events.ChannelDestroyed, st.just(1.0), PICK),
    st.builds(events.ChannelEnteredBridge, st.just(1.0), PICK, st.sampled_from([Bridge("a"), Bridge("b")])),
    st.builds(events.ChannelLeftBridge, st.just(1.0), PICK, st.sampled_from([Bridge("a"), Bridge("b")])),
    st.builds(events.ChannelHold, st.just(1.0), PICK),
    st.builds(events.ChannelUnhold, st.just(1.0), PICK),
    st.builds(events.BridgeTransfer, st.just(1.0), PICK),
    st.builds(
        events.ChannelVarset,
        st.just(1.0),
        PICK,
        st.sampled_from(["CALLGUARD", "CALLGUARD_ROLE"]),
        st.sampled_from(["on", "off", "emotion", "agent", "customer", "ignore", ""]),
    ),
    st.builds(OptOut, st.just(1.0), st.just("linked")),
    st.builds(HandOff, st.just(1.0), st.sampled_from([c.id for c in ALL])),
    st.just(Snapshot(1.0, (CALLER, MEMBER), (Bridge("a", ("caller", "member", "unknown")),))),
    st.just(Snapshot(1.0, (), ())),
)


@given(st.lists(EVENT, max_size=40))
def test_any_order_of_events_starts_and_ends_each_call_once(story: list[object]) -> None:
    pbx = Pbx()
    for event in story:
        pbx.tell(event)
    running = set()
    for output in pbx.said:
        if isinstance(output, Started):
            assert output.call.id not in running
            running.add(output.call.id)
        elif isinstance(output, Changed):
            assert output.call.id in running
        elif isinstance(output, Over):
            running.remove(output.call.id)
    assert running >= set(pbx.discovery.calls)
    parties = [c for call in pbx.discovery.calls.values() for c in (call.customer, call.agent) if c]
    assert len(parties) == len(set(parties)), "nobody is in two calls"


# --- who nobody can tell ---

UNTOLD = Roles()


def test_a_dial_of_which_nothing_tells_who_is_who_is_shown_and_nothing_more() -> None:
    pbx = Pbx(UNTOLD)
    pbx.enter(AGENT)
    (started,) = pbx.enter(CUSTOMER)
    assert isinstance(started, Started)
    assert started.call.unknown
    assert (started.call.mode, started.call.legs()) == ("off", {})
    assert not pbx.discovery.calls
    assert pbx.discovery.call_of("customer") is None
    (over,) = pbx.destroy(CUSTOMER)
    assert isinstance(over, Over)
    assert over.call.id == started.call.id


def test_an_unknown_call_is_judged_from_the_moment_at_which_somebody_tells() -> None:
    pbx = Pbx(UNTOLD)
    pbx.enter(AGENT)
    (started,) = pbx.enter(CUSTOMER)
    (changed,) = pbx.set(AGENT, "CALLGUARD_ROLE", "Agent")
    assert isinstance(changed, Changed)
    assert isinstance(started, Started)
    call = changed.call
    assert (changed.change, call.id, call.unknown) == ("role", started.call.id, None)
    assert (call.customer, call.agent, call.mode) == ("customer", "agent", "raised_voice")
    assert pbx.discovery.calls == {call.id: call}


def test_a_new_rule_tells_of_calls_that_go_on() -> None:
    pbx = Pbx(UNTOLD)
    pbx.enter(AGENT)
    pbx.enter(CUSTOMER)
    (changed,) = pbx.discovery.reconfigure(Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)), Analysis())
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.agent) == ("role", "agent")


def test_an_unknown_call_that_opted_out_is_not_even_shown() -> None:
    pbx = Pbx(UNTOLD)
    pbx.variables = {"customer": ("", "off")}
    pbx.enter(AGENT)
    assert pbx.enter(CUSTOMER) == []


def test_one_untold_outsider_among_told_agents_is_the_customer() -> None:
    """A predictive dialler: agent and coach wait in a conference, the customer comes last."""
    pbx = Pbx(Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)))
    for each in (channel("agent", "ConfBridge"), channel("agent2", "ConfBridge")):
        assert pbx.enter(each) == []
    (started,) = pbx.enter(channel("outside", "ConfBridge"))
    assert isinstance(started, Started)
    assert (started.call.customer, started.call.agent) == ("outside", "agent")


def test_two_untold_outsiders_among_told_agents_are_unknown() -> None:
    pbx = Pbx(Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)))
    said = [output for name in ("outside", "other", "agent") for output in pbx.enter(channel(name, "ConfBridge"))]
    assert all(isinstance(output, Started) and output.call.unknown for output in said)
    assert not pbx.discovery.calls


def test_an_agent_who_stays_logged_in_serves_two_customers_under_two_ids() -> None:
    pbx = Pbx(Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)))
    agent, ids = channel("agent", "AgentLogin"), []
    for customer in (channel("first", "AgentRequest"), channel("second", "AgentRequest")):
        pbx.enter(customer, f"with {customer.id}")
        (started,) = pbx.enter(agent, f"with {customer.id}")
        assert isinstance(started, Started)
        assert started.call.linkedid == "linked"
        ids.append(started.call.id)
        pbx.leave(agent, f"with {customer.id}")
        pbx.destroy(customer)
    assert len(set(ids)) == 2


# --- what depends on the queue ---

QUEUES = Analysis(queues={"Support": QueueAnalysis(mode="emotion"), "quiet": QueueAnalysis(mode="off")})
STAFF = Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),))


@pytest.mark.parametrize(("first", "second", "mode"), [("support", "QUIET", "off"), ("quiet", "SUPPORT", "emotion")])
def test_what_is_judged_follows_the_present_queue_whatever_its_spelling(first: str, second: str, mode: str) -> None:
    pbx = Pbx(STAFF, QUEUES)
    caller = channel("caller", "Queue", f"{first},tT")
    pbx.enter(AGENT)
    pbx.enter(caller)
    pbx.tell(events.BridgeTransfer(next(pbx.clock), AGENT))
    pbx.leave(caller)
    pbx.leave(AGENT)
    pbx.destroy(AGENT)
    pbx.enter(channel("agent2", "AppQueue"), "b2")
    (moved,) = pbx.enter(channel("caller", "Queue", f"{second},tT"), "b2")
    assert isinstance(moved, Changed)
    assert (moved.change, moved.call.mode) == ("transfer", mode)
    assert bool(moved.call.legs()) == (mode != "off")


def test_a_calls_own_setting_wins_over_the_queue_that_it_moves_to() -> None:
    pbx = Pbx(STAFF, QUEUES)
    pbx.variables = {"caller": ("", "raised_voice")}
    pbx.enter(AGENT)
    pbx.enter(channel("caller", "Queue", "support"))
    pbx.tell(events.BridgeTransfer(next(pbx.clock), AGENT))
    pbx.destroy(AGENT)
    (moved,) = pbx.enter(channel("agent2", "AppQueue"))
    assert isinstance(moved, Changed)
    assert moved.call.mode == "raised_voice"


# --- no unfounded party is ever judged ---

PEOPLE = st.sampled_from(
    [channel(name, app) for name in ("a", "b", "c") for app in ("Dial", "AppDial", "ConfBridge", "")]
    + [Channel("l1", "Local/x@y-1;1", app="Dial"), Channel("l2", "Local/x@y-1;2", app="Dial")]
)
MEETING = st.tuples(st.sampled_from(["enter", "leave", "destroy"]), PEOPLE, st.sampled_from(["b1", "b2"]))


@given(st.lists(MEETING, max_size=30))
def test_where_nothing_tells_who_is_who_nobody_is_judged_in_any_meeting(story: list[tuple[str, Channel, str]]) -> None:
    pbx = Pbx(UNTOLD)
    for what, who, where in story:
        if what == "enter":
            pbx.enter(who, where)
        elif what == "leave":
            pbx.leave(who, where)
        else:
            pbx.destroy(who)
        assert not pbx.discovery.calls
    for output in pbx.said:
        if isinstance(output, Started | Changed):
            assert output.call.unknown
            assert output.call.legs() == {}


@given(st.lists(MEETING, max_size=30))
def test_a_customer_is_judged_only_beside_somebody_who_was_told_to_be_an_agent(
    story: list[tuple[str, Channel, str]],
) -> None:
    pbx = Pbx(Roles(rules=(RoleRule(channel="PJSIP/a-*", role="agent"),)))
    for what, who, where in story:
        if what == "enter":
            pbx.enter(who, where)
        elif what == "leave":
            pbx.leave(who, where)
        else:
            pbx.destroy(who)
    for output in pbx.said:
        if isinstance(output, Started | Changed) and not output.call.unknown:
            assert output.call.customer != "a"


def test_a_member_behind_a_local_channel_that_is_optimised_away_before_anything_is_known_is_still_known() -> None:
    pbx = Pbx(STAFF)
    pbx.answering = False
    half1 = Channel("l1", "Local/agent@agents-0001;1", app="AppQueue")
    half2 = Channel("l2", "Local/agent@agents-0001;2", app="Dial")
    for who, where in ((AGENT, "b2"), (half2, "b2"), (CALLER, "b1"), (half1, "b1")):
        pbx.enter(who, where)
    pbx.leave(half1, "b1")
    pbx.leave(AGENT, "b2")
    pbx.enter(AGENT, "b1")
    pbx.destroy(half1)
    pbx.destroy(half2)
    pbx.tell(QueueConnected(0, "caller", "support", "Mia", "Local/agent@agents", 2.0, "l1"))
    pbx.answer("caller")
    (started,) = pbx.answer("agent")
    assert isinstance(started, Started)
    assert (started.call.member, started.call.interface) == ("Mia", "Local/agent@agents")


def test_a_customer_who_waits_for_the_agent_at_the_start_lives_though_there_is_no_call() -> None:
    pbx = Pbx()
    pbx.tell(Snapshot(0, (CUSTOMER,), (Bridge("b1", channels=("customer",)),)))
    assert pbx.discovery.calls == {}
    assert pbx.discovery.lives("customer")
    pbx.destroy(CUSTOMER)
    assert not pbx.discovery.lives("customer")


def test_an_agent_is_known_by_name_as_soon_as_names_are() -> None:
    pbx = Pbx()
    assert pbx.talk(CUSTOMER, AGENT).call.member == "PJSIP/agent"
    assert pbx.tell(Renamed(1.0)) == []
    pbx.names["PJSIP/agent"] = "Mia"
    (changed,) = pbx.tell(Renamed(2.0))
    assert isinstance(changed, Changed)
    assert (changed.change, changed.call.member, changed.call.interface) == ("agent", "Mia", "PJSIP/agent")
    assert pbx.tell(Renamed(3.0)) == []


def test_an_agent_whose_name_is_known_already_has_it_from_the_start() -> None:
    pbx = Pbx()
    pbx.names["PJSIP/agent"] = "Mia"
    assert pbx.talk(CUSTOMER, AGENT).call.member == "Mia"


@pytest.mark.parametrize(("told", "shown"), [("Mia of sales", "Mia of sales"), ("PJSIP/member", "Mia")])
def test_the_queues_own_name_wins_unless_it_only_repeats_the_interface(told: str, shown: str) -> None:
    pbx = Pbx()
    pbx.names["PJSIP/member"] = "Mia"
    pbx.talk(CALLER, MEMBER)
    pbx.tell(QueueConnected(1.0, "caller", "support", told, "PJSIP/member", 3.0, "member"))
    (call,) = pbx.discovery.calls.values()
    assert (call.member, call.interface) == (shown, "PJSIP/member")
    assert pbx.tell(Renamed(2.0)) == []


@pytest.mark.parametrize(("supervisor", "shown"), [("Ann", "Ann"), ("", "Chief")])
def test_who_took_over_is_known_by_the_configured_name(supervisor: str, shown: str) -> None:
    pbx = Pbx()
    pbx.names["PJSIP/boss"] = "Chief"
    boss = Channel("callguard.supervisor.s1", "PJSIP/boss-1")
    pbx.talk(CUSTOMER, AGENT)
    pbx.tell(events.ChannelCreated(1.0, boss))
    pbx.tell(HandOff(1.0, boss.id, supervisor))
    pbx.enter(boss)
    pbx.leave(AGENT)
    pbx.destroy(AGENT)
    (call,) = pbx.discovery.calls.values()
    assert call.member == shown
