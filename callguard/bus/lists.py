"""Read the lists that all nodes keep in Redis: the reader's side of `live_state`."""

import json
from typing import Any, NamedTuple, TypeVar

from redis.asyncio import Redis

from callguard.bus.heartbeat import read_nodes
from callguard.bus.keys import Keys
from callguard.bus.nodes import NodeView
from callguard.bus.overview import AlertView, CallView, Overview
from callguard.contracts.messages import CallSnapshot

V = TypeVar("V", CallView, AlertView, CallSnapshot)
W = TypeVar("W", CallView, AlertView)


class Floor(NamedTuple):
    """The present calls and alerts, and the nodes that report them."""

    overview: Overview
    nodes: list[NodeView]


async def read_floor(client: Redis, keys: Keys) -> Floor:
    """Return the overview of the live nodes, without items in the unreadable form of another version."""
    nodes = await read_nodes(client, keys)
    alive = {view.node for view in nodes if view.alive}
    overview = Overview()
    overview.nodes = alive
    overview.calls = _of(alive, _read(CallView, await _hash(client, keys.calls)))
    overview.alerts = _of(alive, _read(AlertView, await _hash(client, keys.alerts)))
    overview.signals = _read(CallSnapshot, await _hash(client, keys.signals))
    return Floor(overview, nodes)


def _of(nodes: set[str], items: dict[str, W]) -> dict[str, W]:
    """Return the items of live nodes: it is not known whether the items of a dead node still exist."""
    return {key: item for key, item in items.items() if item.node in nodes}


async def _hash(client: Redis, key: str) -> Any:
    return await client.hgetall(key)


def _read(kind: type[V], items: dict[str, str]) -> dict[str, V]:
    found = {key: _item(kind, text) for key, text in items.items()}
    return {key: item for key, item in found.items() if item is not None}


def _item(kind: type[V], text: str) -> V | None:
    try:
        return kind(**json.loads(text))
    except (ValueError, TypeError):
        return None
