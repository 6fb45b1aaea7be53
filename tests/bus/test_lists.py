"""Lists are read back as they were written, by every node; what can't be read is left out."""

from redis.asyncio import Redis

from callguard.bus.heartbeat import Heartbeat
from callguard.bus.keys import Keys
from callguard.bus.lists import read_floor
from callguard.bus.overview import Overview
from tests.bus.test_live_state import Node
from tests.support.events import alert_fired, call_started, snapshot

KEYS = Keys()


async def alive(valkey: Redis, name: str) -> None:
    overview = Overview()
    overview.nodes.add(name)
    await Heartbeat(valkey, KEYS, name, overview).beat()


async def test_what_a_dead_node_left_is_no_part_of_what_goes_on(valkey: Redis) -> None:
    for name, call in (("n1", "c1"), ("n2", "c2")):
        node = Node(name)
        node.happens(call_started(call), alert_fired(call, f"a-{call}"))
        await node.write(valkey)
        await alive(valkey, name)
    await valkey.delete(KEYS.node("n2"))
    overview, nodes = await read_floor(valkey, KEYS)
    assert (set(overview.calls), set(overview.alerts), overview.nodes) == ({"c1"}, {"a-c1"}, {"n1"})
    assert [(view.node, view.alive) for view in nodes] == [("n1", True), ("n2", False)]


async def test_what_all_nodes_wrote_is_read(valkey: Redis) -> None:
    for name, call in (("n1", "c1"), ("n2", "c2")):
        node = Node(name)
        node.happens(call_started(call), alert_fired(call, f"a-{call}"))
        node.state.show(snapshot(call))
        await node.write(valkey)
        await alive(valkey, name)
    overview = (await read_floor(valkey, KEYS)).overview
    assert {call: view.node for call, view in overview.calls.items()} == {"c1": "n1", "c2": "n2"}
    assert {alert.alert: (alert.call, alert.state) for alert in overview.alerts.values()} == {
        "a-c1": ("c1", "fired"), "a-c2": ("c2", "fired"),
    }  # fmt: skip
    assert overview.signals == {call: snapshot(call) for call in ("c1", "c2")}


async def test_what_another_version_wrote_is_left_out(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"))
    await node.write(valkey)
    await alive(valkey, "n1")
    for item, text in (("newer", '{"call": "x", "unheard_of": 1}'), ("broken", "{"), ("number", "5")):
        await valkey.hset(KEYS.calls, item, text)
    assert set((await read_floor(valkey, KEYS)).overview.calls) == {"c1"}


async def test_an_empty_server_has_empty_lists(valkey: Redis) -> None:
    overview = (await read_floor(valkey, KEYS)).overview
    assert (overview.calls, overview.alerts, overview.signals) == ({}, {}, {})
