"""Give signs of life: each node keeps one expiring key in Redis while it is alive.

The key holds the calls that the node hears and its failed parts, so that readers of lists can judge them.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.bus.keys import Keys
from callguard.bus.nodes import Heard, NodeView
from callguard.bus.overview import Overview
from callguard.runtime.tasks import end, within

BEAT_S: Final = 2.0
GOODBYE_S: Final = 1.0
ALIVE_S: Final = 10
"""Seconds without a sign after which a node counts as dead: five beats, so one slow answer of Redis is harmless."""
REMEMBERED_S: Final = 86400
"""Seconds after which a dead node is dropped: it was renamed or removed."""


class Heartbeat:
    """Tells readers of Redis that this node is alive, from `node.started` to `node.stopped`."""

    def __init__(self, client: Redis, keys: Keys, node: str, overview: Overview) -> None:
        self._client = client
        self._keys = keys
        self._node = node
        self._overview = overview
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the heartbeat."""
        self._task = asyncio.create_task(self._run(), name="heartbeat")

    def soon(self) -> None:
        """Beat at once after a change of the node."""
        self._news.set()

    async def stop(self) -> None:
        """Stop the heartbeat; delete the key if Redis is reachable."""
        if self._task:
            await end(self._task)
        with contextlib.suppress(RedisError, OSError):  # TimeoutError is an OSError; the key then expires
            async with asyncio.timeout(GOODBYE_S):
                await self._client.delete(self._keys.node(self._node))
                await self._client.zrem(self._keys.nodes, self._node)

    async def beat(self) -> None:
        """Give one sign of life. Raises RedisError or OSError."""
        text = json.dumps(_facts(self._overview, self._node), ensure_ascii=False)
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._keys.node(self._node), text, ex=ALIVE_S)
            pipe.zadd(self._keys.nodes, {self._node: time.time()})
            pipe.zremrangebyscore(self._keys.nodes, 0, time.time() - REMEMBERED_S)
            await pipe.execute()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            if self._node in self._overview.nodes:
                with contextlib.suppress(RedisError, OSError):  # the bus reports outages
                    await self.beat()
            with contextlib.suppress(TimeoutError):
                await within(self._news.wait(), BEAT_S)


async def read_nodes(client: Redis, keys: Keys) -> list[NodeView]:
    """Return every node that was alive within the last day, by name."""
    names: Any = await client.zrange(keys.nodes, 0, -1)
    texts: Any = await client.mget([keys.node(name) for name in names]) if names else []
    return sorted((_view(name, text) for name, text in zip(names, texts, strict=True)), key=lambda view: view.node)


def _facts(overview: Overview, node: str) -> dict[str, Any]:
    heard = overview.heard.get(node, Heard())
    return {
        "node": node,
        "heard": heard.heard,
        "calls": heard.calls,
        "causes": dict(heard.causes),
        "degraded": dict(overview.degraded.get(node, {})),
    }


def _view(node: str, text: str | None) -> NodeView:
    if text is None:
        return NodeView(node)
    try:
        facts: Mapping[str, Any] = json.loads(text)
        heard = Heard(int(facts["heard"]), int(facts["calls"]), dict(facts["causes"]))
        return NodeView(node, True, heard, dict(facts["degraded"]))
    except (ValueError, TypeError, KeyError):  # another version wrote it: it is only known to be alive
        return NodeView(node, True)
