"""Lists are read back as they were written, by every node; what can't be read is left out."""

from redis.asyncio import Redis

from callguard.bus.keys import Keys
from callguard.bus.lists import read_overview
from tests.bus.test_live_state import Node
from tests.support.events import alert_fired, call_started, snapshot

KEYS = Keys()


async def test_what_all_nodes_wrote_is_read(valkey: Redis) -> None:
    for name, call in (("n1", "c1"), ("n2", "c2")):
        node = Node(name)
        node.happens(call_started(call), alert_fired(call, f"a-{call}"))
        node.state.show(snapshot(call))
        await node.write(valkey)
    overview = await read_overview(valkey, KEYS)
    assert {call: view.node for call, view in overview.calls.items()} == {"c1": "n1", "c2": "n2"}
    assert {alert.alert: (alert.call, alert.state) for alert in overview.alerts.values()} == {
        "a-c1": ("c1", "fired"), "a-c2": ("c2", "fired"),
    }  # fmt: skip
    assert overview.signals == {call: snapshot(call) for call in ("c1", "c2")}


async def test_what_another_version_wrote_is_left_out(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"))
    await node.write(valkey)
    for item, text in (("newer", '{"call": "x", "unheard_of": 1}'), ("broken", "{"), ("number", "5")):
        await valkey.hset(KEYS.calls, item, text)
    assert set((await read_overview(valkey, KEYS)).calls) == {"c1"}


async def test_an_empty_server_has_empty_lists(valkey: Redis) -> None:
    overview = await read_overview(valkey, KEYS)
    assert (overview.calls, overview.alerts, overview.signals) == ({}, {}, {})
