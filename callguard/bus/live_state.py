"""Keep the live state as hashes in Redis for lists: calls, open alerts, present signals; entries end with the call."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from callguard.bus.keys import Keys
from callguard.bus.overview import AlertView, CallView, Change, Overview, as_json
from callguard.contracts.messages import CallSnapshot


class LiveState:
    """Writes the changes of an overview; a failed write is repeated later with the latest values."""

    def __init__(self, keys: Keys, node: str, overview: Overview) -> None:
        self._keys = keys
        self._node = node
        self._overview = overview
        self._changed: set[Change] = set()
        self._signals: dict[str, CallSnapshot | None] = {}

    def __bool__(self) -> bool:
        return bool(self._changed or self._signals)

    def note(self, changes: Iterable[Change]) -> None:
        """Record the items that an event changed."""
        for change in changes:
            self._changed.add(change)
            if change.kind == "call" and change.key not in self._overview.calls:
                self._signals[change.key] = None

    def show(self, snapshot: CallSnapshot) -> None:
        """Record a call's present signals; only the latest ones are written."""
        self._signals[snapshot.call] = snapshot

    def take(self) -> "Writes":
        """Return the recorded changes, and clear them."""
        writes = Writes(self, self._views(), dict(self._signals))
        self._changed.clear()
        self._signals.clear()
        return writes

    def put_back(self, writes: "Writes") -> None:
        """Record failed writes again, unless newer ones wait."""
        self._changed.update(writes.views)
        self._signals = writes.signals | self._signals

    def _views(self) -> dict[Change, CallView | AlertView | None]:
        held: dict[str, Mapping[str, CallView | AlertView]]
        held = {"call": self._overview.calls, "alert": self._overview.alerts}
        return {change: held[change.kind].get(change.key) for change in self._changed}

    async def reconcile(self, client: Redis) -> None:
        """Delete this node's entries of an earlier run, and write all present ones, which the server may have lost."""
        for kind, key, held in self._hashes():
            stored: Any = await client.hgetall(key)
            gone = [item for item, text in stored.items() if _node_of(text) == self._node and item not in held]
            self._changed.update(Change(kind, item) for item in (*gone, *held))
            if kind == "call":
                self._signals.update(dict.fromkeys(gone))

    def _hashes(self) -> Iterable[tuple[str, str, Mapping[str, object]]]:
        yield "call", self._keys.calls, self._overview.calls
        yield "alert", self._keys.alerts, self._overview.alerts


class Writes:
    """One round of writes."""

    def __init__(
        self,
        owner: LiveState,
        views: dict[Change, CallView | AlertView | None],
        signals: dict[str, CallSnapshot | None],
    ) -> None:
        self._owner = owner
        self.views = views
        self.signals = signals

    def put_back(self) -> None:
        """Keep the failed writes for later, with the latest values."""
        self._owner.put_back(self)

    def queue(self, pipe: Pipeline, keys: Keys) -> None:
        """Add the writes to a transaction."""
        hashes: Final = {"call": keys.calls, "alert": keys.alerts}
        for change, view in self.views.items():
            _set(pipe, hashes[change.kind], change.key, as_json(view) if view else None)
        for call, snapshot in self.signals.items():
            _set(pipe, keys.signals, call, asdict(snapshot) if snapshot else None)


def _set(pipe: Pipeline, key: str, item: str, value: dict[str, Any] | None) -> None:
    if value is None:
        pipe.hdel(key, item)
    else:
        pipe.hset(key, item, json.dumps(value, ensure_ascii=False, default=str))


def _node_of(text: str) -> str | None:
    try:
        node: str | None = json.loads(text).get("node")
    except (ValueError, AttributeError):
        return None
    return node
