"""Hashes in Redis hold what goes on now, in its latest form."""

import json

from redis.asyncio import Redis

from callguard.bus.keys import Keys
from callguard.bus.live_state import LiveState
from callguard.bus.overview import Change, Overview
from callguard.contracts.events import Event, published
from tests.support.events import alert_fired, call_ended, call_started, snapshot

KEYS = Keys()


class Node:
    """An overview and the hashes that it keeps."""

    def __init__(self, name: str = "n1") -> None:
        self.name = name
        self.overview = Overview()
        self.state = LiveState(KEYS, name, self.overview)

    def happens(self, *events: Event) -> None:
        for event in events:
            self.state.note(self.overview.apply(published(event, self.name)))

    async def write(self, client: Redis) -> None:
        pipe = client.pipeline()
        self.state.take().queue(pipe, KEYS)
        await pipe.execute()


async def hashes(client: Redis) -> dict[str, set[str]]:
    names = {"calls": KEYS.calls, "alerts": KEYS.alerts, "signals": KEYS.signals}
    return {name: set(await client.hgetall(key)) for name, key in names.items()}


async def test_a_call_its_alert_and_its_signals_stand_there_until_it_ends(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"), alert_fired("c1", "a1"))
    node.state.show(snapshot("c1"))
    assert node.state
    await node.write(valkey)
    assert not node.state
    assert await hashes(valkey) == {"calls": {"c1"}, "alerts": {"a1"}, "signals": {"c1"}}
    assert json.loads((await valkey.hget(KEYS.calls, "c1")) or "")["node"] == "n1"
    node.happens(call_ended("c1"))
    await node.write(valkey)
    assert await hashes(valkey) == {"calls": set(), "alerts": set(), "signals": set()}


async def test_only_the_latest_signals_are_written(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"))
    for at in (1.0, 2.0):
        node.state.show(snapshot("c1", raised_voice=at / 10, at=at))
    await node.write(valkey)
    assert json.loads((await valkey.hget(KEYS.signals, "c1")) or "")["customer"]["raised_voice"] == 0.2


async def test_signals_that_waited_when_the_call_ended_are_not_written(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"))
    node.state.show(snapshot("c1"))
    node.happens(call_ended("c1"))
    await node.write(valkey)
    assert (await hashes(valkey))["signals"] == set()


def test_writes_that_failed_wait_again_but_never_over_newer_ones() -> None:
    node = Node()
    node.happens(call_started("c1"))
    node.state.show(snapshot("c1", at=1.0))
    node.state.show(snapshot("c2", at=1.0))
    failed = node.state.take()
    newer = snapshot("c1", at=2.0)
    node.state.show(newer)
    node.state.put_back(failed)
    again = node.state.take()
    assert set(again.views) == {Change("call", "c1")}
    assert again.signals == {"c1": newer, "c2": snapshot("c2", at=1.0)}


async def test_what_a_crash_of_this_node_left_is_taken_away_and_nothing_of_others(valkey: Redis) -> None:
    for name, call in (("n1", "dead"), ("n2", "theirs")):
        other = Node(name)
        other.happens(call_started(call), alert_fired(call, f"a-{call}"))
        other.state.show(snapshot(call))
        await other.write(valkey)
    await valkey.hset(KEYS.calls, "foreign", "[no json")
    await valkey.hset(KEYS.calls, "list", "[]")
    node = Node("n1")
    await node.state.reconcile(valkey)
    await node.write(valkey)
    assert await hashes(valkey) == {
        "calls": {"theirs", "foreign", "list"}, "alerts": {"a-theirs"}, "signals": {"theirs"},
    }  # fmt: skip


async def test_what_the_server_lost_is_written_anew(valkey: Redis) -> None:
    node = Node()
    node.happens(call_started("c1"), alert_fired("c1", "a1"))
    await node.write(valkey)
    await valkey.flushdb()
    await node.state.reconcile(valkey)
    await node.write(valkey)
    assert await hashes(valkey) == {"calls": {"c1"}, "alerts": {"a1"}, "signals": set()}
