"""Keeps the alert store's state in the journal, and copies it to Redis together with the events.

A start takes up the newer of the two, by a sequence number. The journal is newer when Redis was away; Redis is newer
when the node starts on another machine.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.alerts.parts import Parts
from callguard.alerts.state import StoreState
from callguard.bus import Bus
from callguard.bus.state_copy import StateCopy
from callguard.runtime.journal import Journal
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

KIND: Final = "alerts"
SEQUENCE: Final = "sequence"
RECALL_S: Final = 2.0
"""Seconds that the start waits for Redis."""


class AlertMemory:
    """The store's parts, text by key, as one node keeps them."""

    def __init__(self, journal: Journal, bus: Bus, node: str) -> None:
        self._journal = journal
        self._bus = bus
        self._client: Redis = bus.client
        self._former = f"{bus.keys.prefix}book:{node}"
        """Key under which former versions kept the whole state as one text."""
        self._copy = StateCopy(bus.keys.alert_state(node), lambda: journal.records(KIND))
        self._disk = journal.records(KIND)
        self._sequence = _sequence(self._disk)
        self._copying = False

    async def recall(self) -> Mapping[str, str] | None:
        """Return the parts of the last run; None while the journal has none and Redis can't be asked."""
        try:
            copied = await within(self._copied(), RECALL_S)
        except (RedisError, OSError) as error:
            if not self._disk:
                return None
            log.info("alerts_recalled_from_journal", redis=type(error).__name__)
            copied = {}
        found = copied if _sequence(copied) > _sequence(self._disk) else self._disk
        self._sequence = max(self._sequence, _sequence(found))
        return {key: text for key, text in found.items() if key != SEQUENCE}

    def begin_copying(self) -> None:
        """Start copying to Redis: its own copy was taken up."""
        if not self._copying:
            self._copying = True
            self._bus.copy(self._copy)

    def keep(self, changes: Mapping[str, str | None]) -> None:
        """Have changed parts (None: gone) journalled before the event loop waits, and copied."""
        if not changes:
            return
        self._sequence += 1
        changed = {**changes, SEQUENCE: str(self._sequence)}
        for key, text in changed.items():
            self._journal.stage(KIND, key, text)
        self._copy.note(changed)
        self._bus.wake()
        asyncio.get_running_loop().call_soon(self._journal.commit)

    async def _copied(self) -> Mapping[str, str]:
        client: Any = self._client  # hash commands are typed as if they might not be awaitable
        copied: Mapping[str, str] = await client.hgetall(self._copy.key)
        return copied or _parts(await client.get(self._former))


def _sequence(records: Mapping[str, str]) -> int:
    text = records.get(SEQUENCE, "0")
    return int(text) if text.isdecimal() else 0


def _parts(text: str | None) -> Mapping[str, str]:
    """Return the parts of a former version's state."""
    if text is None:
        return {}
    try:
        state = StoreState.model_validate(json.loads(text))
    except (ValidationError, ValueError) as error:
        log.warning("alerts_not_recalled", error=type(error).__name__)
        return {}
    parts = {key: part for key, part in Parts().changes(state).items() if part is not None}
    return {**parts, SEQUENCE: "1"}
