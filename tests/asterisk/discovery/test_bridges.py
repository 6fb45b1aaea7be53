"""Who hears whom: parties of one bridge, and of all that Local channels link to it."""

import pytest

from callguard.asterisk.discovery.bridges import NO_PARTY, Bridges
from callguard.asterisk.discovery.calls import Snapshot
from callguard.asterisk.discovery.party import applications
from callguard.asterisk.events import Bridge, Channel


def channel(name: str, kind: str = "PJSIP", **more: str) -> Channel:
    return Channel(name, f"{kind}/{name}-1", **more)


ANN, BOB, EVE = channel("ann"), channel("bob"), channel("eve")
HALF1, HALF2 = Channel("l1", "Local/200@q-0001;1"), Channel("l2", "Local/200@q-0001;2")


def bridges(**members: tuple[Channel, ...]) -> Bridges:
    made = Bridges("callguard")
    for bridge, channels in members.items():
        for each in channels:
            made.enter(each, Bridge(bridge))
    return made


def room(made: Bridges, of: Channel) -> list[str]:
    return [party.channel.id for party in made.room(of.id)]


def test_parties_of_a_bridge_stand_in_order_of_arrival() -> None:
    made = bridges(b1=(BOB, ANN), b2=(EVE,))
    assert room(made, ANN) == room(made, BOB) == ["bob", "ann"]
    assert room(made, EVE) == ["eve"]


def test_who_is_in_no_bridge_has_no_room() -> None:
    made = bridges(b1=(ANN,))
    made.see(BOB)
    assert room(made, BOB) == room(made, EVE) == []


@pytest.mark.parametrize("kind", [name.removesuffix("/") for name in NO_PARTY])
def test_what_no_person_talks_through_is_no_party(kind: str) -> None:
    made = bridges(b1=(ANN, channel("x", kind)))
    assert room(made, ANN) == ["ann"]


def test_our_own_channels_are_parties_only_after_a_take_over() -> None:
    boss = channel("callguard.supervisor.1")
    made = bridges(b1=(ANN, boss, channel("callguardian")))
    assert room(made, ANN) == ["ann", "callguardian"]
    made.see(boss).handed = True
    assert room(made, ANN) == ["ann", "callguard.supervisor.1", "callguardian"]


def test_the_halves_of_a_local_channel_link_two_bridges_from_both_sides() -> None:
    made = bridges(b1=(ANN, HALF1), b2=(HALF2, BOB))
    assert room(made, ANN) == ["ann", "bob"]
    assert room(made, BOB) == ["bob", "ann"]


def test_a_chain_of_local_channels_is_followed_and_a_ring_of_them_ends() -> None:
    other1, other2 = Channel("m1", "Local/300@q-0002;1"), Channel("m2", "Local/300@q-0002;2")
    back1, back2 = Channel("n1", "Local/400@q-0003;1"), Channel("n2", "Local/400@q-0003;2")
    made = bridges(b1=(ANN, HALF1, back2), b2=(HALF2, other1, BOB), b3=(other2, EVE, back1))
    assert room(made, ANN) == ["ann", "bob", "eve"]


def test_a_half_whose_other_half_is_in_no_bridge_leads_nowhere() -> None:
    made = bridges(b1=(ANN, HALF1))
    assert room(made, ANN) == ["ann"]
    made.see(HALF2)
    assert room(made, ANN) == ["ann"]


def test_halves_of_other_local_channels_are_not_mixed_up() -> None:
    made = bridges(b1=(ANN, HALF1), b2=(Channel("x2", "Local/200@q-0002;2"), BOB))
    assert room(made, ANN) == ["ann"]


def test_entering_a_bridge_leaves_the_one_before() -> None:
    made = bridges(b1=(ANN, BOB))
    assert made.enter(ANN, Bridge("b2")).bridge == "b2"
    assert (room(made, ANN), room(made, BOB)) == (["ann"], ["bob"])


def test_leaving_counts_only_for_the_bridge_that_one_is_in() -> None:
    made = bridges(b1=(ANN, BOB))
    made.enter(ANN, Bridge("b2"))
    assert made.leave(ANN, "b1").bridge == "b2"
    assert made.leave(ANN, "b2").bridge is None
    assert room(made, ANN) == []
    assert made.occupied() == ["bob"]


def test_a_channel_that_is_gone_is_forgotten_with_its_place() -> None:
    made = bridges(b1=(ANN, HALF1), b2=(HALF2, BOB))
    gone = made.forget("l2")
    assert gone is not None
    assert gone.channel == HALF2
    assert (made.get("l2"), made.forget("l2"), len(made)) == (None, None, 3)
    assert room(made, ANN) == ["ann"]
    made.enter(HALF2, Bridge("b2"))
    assert room(made, ANN) == ["ann", "bob"]


def test_the_newest_look_counts_but_not_for_where_it_came_in() -> None:
    made = Bridges("callguard")
    made.see(channel("ann", context="from-trunk"))
    party = made.see(channel("ann", context="agents", app="Queue"))
    assert (party.entry_context, party.channel.context, party.channel.app) == ("from-trunk", "agents", "Queue")
    assert len(made) == 1


def test_each_bridge_is_named_by_one_of_its_channels() -> None:
    made = bridges(b1=(ANN, BOB), b2=(EVE,))
    assert made.occupied() == ["ann", "eve"]
    made.leave(EVE, "b2")
    assert made.occupied() == ["ann"]


def test_a_snapshot_is_the_last_word_on_who_is_where_and_who_is_gone() -> None:
    made = bridges(b1=(ANN, BOB), b2=(EVE,))
    new = channel("new")
    found = Snapshot(1.0, (BOB, EVE, new), (Bridge("b3", ("eve", "new", "ghost")), Bridge("b1", ())))
    assert made.settle(found) == ["ann"]
    assert room(made, EVE) == ["eve", "new"]
    assert room(made, BOB) == []
    assert made.get("ghost") is None


def test_who_waits_in_a_bridge_that_mixes_nothing_shares_no_room() -> None:
    made = Bridges("callguard")
    for each in (ANN, BOB):
        made.enter(each, Bridge("pool", mixes=False))
    assert room(made, ANN) == []
    made.enter(ANN, Bridge("b1"))
    made.enter(BOB, Bridge("b1"))
    assert room(made, ANN) == ["ann", "bob"]


def test_who_is_rung_by_a_queue_is_known_by_it_even_when_the_caller_goes() -> None:
    line, rung = channel("ann", app="Queue", app_data="sales,tT"), channel("bob", app="AppQueue")
    made = bridges(b1=(line, rung))
    made.lend("bob")
    ann, bob = made.get("ann"), made.get("bob")
    assert ann is not None
    assert bob is not None
    assert ann.queue is not None
    assert (ann.queue.name, ann.rung_for, bob.queue, bob.rung_for) == ("sales", None, None, ann.queue)
    made.forget("ann")
    made.enter(channel("eve", app="Queue", app_data="support"), Bridge("b1"))
    made.lend("bob")
    assert bob.rung_for is not None
    assert bob.rung_for.name == "sales", "a phone is rung once"


def test_a_queue_is_noted_anew_only_when_the_channel_begins_to_wait_in_it() -> None:
    made = Bridges("callguard")
    orders = []
    for app, data in (("Queue", "a,tT"), ("Queue", "a,r"), ("Queue", "b"), ("Dial", "x"), ("Queue", "b")):
        party = made.see(channel("ann", app=app, app_data=data))
        orders.append(party.queue and party.queue.order)
    assert orders == [1, 1, 2, 2, 3]


def test_the_members_of_a_bridge_are_all_its_channels() -> None:
    made = bridges(b1=(ANN, HALF1))
    assert (made.members("b1"), made.members("none")) == (["ann", "l1"], [])


def test_what_a_local_half_says_is_lent_to_the_party_at_its_far_end_and_stays_when_the_half_is_gone() -> None:
    """A queue's callback: the half that runs Queue speaks for the customer behind the other half."""
    queue = Channel("l1", "Local/5550@out-0001;1", app="Queue", app_data="support")
    dial = Channel("l2", "Local/5550@out-0001;2", app="Dial")
    made = bridges(b1=(queue, BOB), b2=(dial, ANN))
    half = made.get("l1")
    assert half is not None
    half.setting, half.role_variable = "off", "customer"
    made.lend("ann")
    ann, bob = made.get("ann"), made.get("bob")
    assert ann is not None
    assert bob is not None
    assert (applications(ann)[0], ann.setting, ann.role_variable) == (("Queue", "support"), "off", "customer")
    assert (bob.lent, bob.setting) == (None, "")
    for gone in ("l1", "l2"):
        made.forget(gone)
    assert applications(ann)[0] == ("Queue", "support")
