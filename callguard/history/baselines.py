"""Keeps each party's newest calm baseline for the next tap of the same party, as its worker or tap may be lost."""

import asyncio
from dataclasses import replace
from typing import Protocol

from callguard.contracts.messages import Baseline, CallFacts, OpenLeg


class Store(Protocol):
    """A store in which baselines outlive this process."""

    def start(self) -> None:
        """Begin to write to it."""

    async def stop(self) -> None:
        """Write all changes that wait, and end."""

    def keep(self, call: str, party: str, baseline: Baseline) -> None:
        """Replace a party's baseline."""

    def forget(self, call: str) -> None:
        """Delete a call's baselines."""

    async def recall(self, call: str) -> dict[str, Baseline]:
        """Return a call's baselines."""


class KeptBaselines:
    """Baselines of present calls, by call and party.

    Args:
        store: asked once about each unknown call; without a store, baselines end with this process.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._of_call: dict[str, dict[str, Baseline]] = {}
        self._recalls: dict[str, asyncio.Task[dict[str, Baseline]]] = {}

    def start(self) -> None:
        """Begin to store."""
        if self._store is not None:
            self._store.start()

    async def stop(self) -> None:
        """Store all changes that wait."""
        if self._store is not None:
            await self._store.stop()

    def keep(self, leg: OpenLeg, baseline: Baseline) -> None:
        """Keep a leg's newest baseline."""
        self._set(leg.call, _party(leg), baseline)

    def note(self, facts: CallFacts) -> None:
        """Mark all baselines of a call as loose while it is on hold or its parties are apart."""
        if not facts.together or facts.on_hold:
            for party, baseline in self._of_call.get(facts.call, {}).items():
                if not baseline.loose:
                    self._set(facts.call, party, replace(baseline, loose=True))

    async def of(self, leg: OpenLeg) -> Baseline | None:
        """Return the baseline of a leg's party, if one is known."""
        if leg.call not in self._of_call and self._store is not None:
            await self._recall(leg.call, self._store)
        return self._of_call.get(leg.call, {}).get(_party(leg))

    def forget(self, call: str) -> None:
        """Forget a call that is over, or whose party opted out."""
        self._of_call.pop(call, None)
        recall = self._recalls.pop(call, None)
        if recall is not None:
            recall.cancel()
        if self._store is not None:
            self._store.forget(call)

    async def _recall(self, call: str, store: Store) -> None:
        """Ask the store about a call, once for both legs."""
        task = self._recalls.get(call)
        if task is None:
            task = self._recalls[call] = asyncio.create_task(store.recall(call), name="recall baselines")
        await asyncio.wait([task])
        if self._recalls.get(call) is task:
            del self._recalls[call]
            self._of_call[call] = task.result() | self._of_call.get(call, {})

    def _set(self, call: str, party: str, baseline: Baseline) -> None:
        self._of_call.setdefault(call, {})[party] = baseline
        if self._store is not None:
            self._store.keep(call, party, baseline)


def _party(leg: OpenLeg) -> str:
    return f"{leg.role} {leg.channel}"
