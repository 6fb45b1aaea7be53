"""Reads the lists that all nodes keep in Redis: the reader's side of `hotstate`."""

import json
from typing import Any, TypeVar

from redis.asyncio import Redis

from callguard.bus.keys import Keys
from callguard.bus.overview import AlertView, CallView, Overview
from callguard.contracts.messages import CallSnapshot

V = TypeVar("V", CallView, AlertView, CallSnapshot)


async def read_overview(client: Redis, keys: Keys) -> Overview:
    """Return what goes on at all nodes; what can't be read (another version wrote it) is left out."""
    overview = Overview()
    overview.calls = _read(CallView, await _hash(client, keys.calls))
    overview.alerts = _read(AlertView, await _hash(client, keys.alerts))
    overview.signals = _read(CallSnapshot, await _hash(client, keys.signals))
    return overview


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
