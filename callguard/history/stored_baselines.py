"""Keeps the calm baselines of present calls in Redis, so that a restarted service or another node goes on with them.

Baselines are derived from people's voices. They are deleted with the call, at an opt-out, and at the latest after
KEEP_S.
"""

import asyncio
import base64
import json
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.bus.keys import Keys
from callguard.contracts.messages import Baseline
from callguard.runtime.tasks import end, within

log = structlog.get_logger(__name__)

KEEP_S: Final = 3600
"""Seconds after the last write until Redis expires a call's baselines."""
SAVE_S: Final = 5.0
"""Seconds between two writes."""
LAST_WRITE_S: Final = 1.0
"""Seconds that the last write may take."""
ANSWER_S: Final = 0.3
"""Seconds that a leg waits for its baseline. If Redis does not answer in time, the leg is tapped without one."""
PAUSE_S: Final = 10.0
"""Seconds without further questions after Redis did not answer."""

_BYTES: Final = ("sums", "memory")
Party = str
"""Role and channel."""


class StoredBaselines:
    """The baselines of this node's calls in Redis. If Redis fails, the newest baselines are written later."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._changed: dict[str, dict[Party, Baseline]] = {}
        self._gone: set[str] = set()
        self._silent_until = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="baselines")

    async def stop(self) -> None:
        """Write all changes that wait, if Redis takes them, and end."""
        if self._task is not None:
            await end(self._task)
            self._task = None
        with suppress(TimeoutError):
            await within(self._write(), LAST_WRITE_S)

    def keep(self, call: str, party: Party, baseline: Baseline) -> None:
        """Replace a party's baseline, soon."""
        self._changed.setdefault(call, {})[party] = baseline

    def forget(self, call: str) -> None:
        """Delete a call's baselines soon; try until Redis takes it."""
        self._changed.pop(call, None)
        self._gone.add(call)

    async def recall(self, call: str) -> dict[Party, Baseline]:
        """Return a call's baselines by an earlier run or another node; none if Redis does not answer in time."""
        if time.monotonic() < self._silent_until:
            return {}
        try:
            stored: Any = await within(self._client.hgetall(self._keys.baselines(call)), ANSWER_S)
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._silent_until = time.monotonic() + PAUSE_S
            log.warning("baselines_not_recalled", call=call, error=str(error) or type(error).__name__)
            return {}
        read = {party: _read(text) for party, text in stored.items()}
        return {party: baseline for party, baseline in read.items() if baseline is not None}

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            await self._write()

    async def _write(self) -> None:
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, set()
        if not (changed or gone):
            return
        try:
            async with self._client.pipeline(transaction=False) as pipe:
                for call in gone:
                    pipe.delete(self._keys.baselines(call))
                for call, parties in changed.items():
                    key = self._keys.baselines(call)
                    pipe.hset(key, mapping={party: _text(baseline) for party, baseline in parties.items()})
                    pipe.expire(key, KEEP_S)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.debug("baselines_not_kept", error=str(error))
            self._put_back(changed, gone)

    def _put_back(self, changed: dict[str, dict[Party, Baseline]], gone: set[str]) -> None:
        for call, parties in changed.items():
            if call not in self._gone:
                self._changed[call] = parties | self._changed.get(call, {})
        self._gone |= gone


def _text(baseline: Baseline) -> str:
    values = asdict(baseline)
    return json.dumps(values | {name: base64.b64encode(values[name]).decode("ascii") for name in _BYTES})


def _read(text: str) -> Baseline | None:
    try:
        values = json.loads(text)
        return Baseline(
            base64.b64decode(values["sums"], validate=True),
            int(values["form"]),
            float(values["at"]),
            bool(values["loose"]),
            base64.b64decode(values["memory"], validate=True),
            str(values["model"]),
        )
    except (ValueError, TypeError, KeyError):
        log.warning("baseline_malformed", found=text[:80])
        return None
