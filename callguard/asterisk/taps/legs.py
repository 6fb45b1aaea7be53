"""Taps exactly the present legs of all calls, and keeps the calls' workers informed."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.presence import SETTLE_S
from callguard.asterisk.taps.tap import Tap, TapKit
from callguard.contracts.messages import CallFacts, CloseCall, LegConnected, LegLost
from callguard.contracts.vocabulary import Role

Leg = tuple[str, Role]


class Legs:
    """Taps by call and role. `calls` are the present calls by id; `spawn` runs tasks in the background."""

    def __init__(
        self,
        kit: TapKit,
        calls: Mapping[str, Call],
        language: Callable[[Call], str | None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._kit = kit
        self._calls = calls
        self._language = language
        self._spawn = spawn
        self.delay_s = 0.0
        """Seconds from the first sight of a call to its first tap."""
        self._seen: dict[str, float] = {}
        """Time at which each call was first seen (monotonic clock)."""
        self._taps: dict[Leg, Tap] = {}
        self._requests: dict[str, int] = {}

    @property
    def tapped(self) -> frozenset[Leg]:
        """Call and role of each leg that is tapped, or is about to be tapped."""
        return frozenset(self._taps)

    def follow(self, call: Call) -> None:
        """Send a call's present facts to its worker, and tap exactly its present legs."""
        self._tell(call)
        self._tap(call)

    def follow_anew(self, call: Call) -> None:
        """Do the same, but tap the agent's leg only once no audio of the former conversation reaches the channel."""
        self._tell(call)
        self._untap((call.id, "agent"))
        self._spawn(self._tap_again(call.id))

    def drop(self, call: Call) -> None:
        """End the taps of a call that is over."""
        self._requests.pop(call.id, None)
        self._seen.pop(call.id, None)
        for role in ("customer", "agent"):
            self._untap((call.id, role))
        self._kit.media.send(call.id, CloseCall(call.id))

    def request(self, call: str, code: int) -> None:
        """Note the request that a call's agent made by a code; rules may use it."""
        self._requests[call] = code
        self._tell(self._calls[call])

    def hear(self, message: LegConnected | LegLost) -> None:
        """Take in a worker's message about a leg."""
        tap = next((tap for tap in self._taps.values() if tap.leg == message.leg), None)
        if tap is None:
            return
        if isinstance(message, LegConnected):
            tap.on_connected()
        else:
            tap.on_lost(message.reason)

    async def close(self) -> None:
        """End all taps and wait until Asterisk has none of their objects."""
        closing = [task for leg in list(self._taps) if (task := self._taps.pop(leg).close())]
        await asyncio.gather(*closing, return_exceptions=True)

    def _tap(self, call: Call) -> None:
        legs = call.legs()
        now = time.monotonic()
        wait_s = self._seen.setdefault(call.id, now) + self.delay_s - now
        for role in ("customer", "agent"):
            tap, wanted = self._taps.get((call.id, role)), legs.get(role)
            if tap and (wanted is None or wanted[0] != tap.channel):
                self._untap((call.id, role))
                tap = None
            if wanted and tap is None:
                facts = lambda: self._facts(self._calls.get(call.id, call))  # noqa: E731 -- read at each attempt
                tap = self._taps[call.id, role] = Tap(self._kit, call.id, role, *wanted, facts)
                tap.start(after_s=max(0.0, wait_s))

    async def _tap_again(self, call: str) -> None:
        await asyncio.sleep(SETTLE_S)
        if call in self._calls:
            self._tap(self._calls[call])

    def _untap(self, leg: Leg) -> None:
        tap = self._taps.pop(leg, None)
        task = tap.close() if tap else None
        if task:
            self._spawn(_ended(task))

    def _tell(self, call: Call) -> None:
        if call.mode != "off":
            self._kit.media.send(call.id, self._facts(call))

    def _facts(self, call: Call) -> CallFacts:
        return CallFacts(
            call=call.id,
            mode=call.mode,
            queue=call.queue,
            language=self._language(call),
            on_hold=call.on_hold,
            together=call.together,
            agent_request=self._requests.get(call.id, 0),
            started_at=call.started_at,
        )


async def _ended(task: "asyncio.Task[None]") -> None:
    """Wait for a tap's end, so that a failure of its clean-up is logged like that of any task."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
