"""The part of a node that decides and delivers alerts, to be killed between any two steps of its event loop."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from callguard.alerts import AlertStore, Where
from callguard.alerts.effects import RingSupervisors
from callguard.alerts.policy import Policy
from callguard.config import Redis as RedisConfig
from callguard.config import SupervisorConfig
from callguard.contracts.events import AlertFired, Envelope, Published
from callguard.contracts.messages import Transition
from callguard.control.alert_manager import AlertManager
from callguard.control.alert_memory import AlertMemory
from callguard.control.effects import EffectRunner
from callguard.notify.receiver import Receiver, RefusedError
from callguard.runtime.journal import Journal
from callguard.runtime.tasks import end
from tests.support.bus import WiredBus

POLICY: Final = Policy(supervisors=tuple(SupervisorConfig(name=f"s{n}", endpoint=f"PJSIP/s{n}") for n in range(50)))
HOOK: Final = "webhook:hook"


class World:
    """What outlives a node: a webhook that refuses at random, phones, and what was decided."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.posts: list[Envelope] = []
        self.rung: set[str] = set()
        self.decided: dict[str, str] = {}
        """Call of each alert that fired, once a round of the event loop has passed."""
        self.peace = False
        self._numbers = itertools.count()

    def new_id(self) -> str:
        return f"a{next(self._numbers)}"

    async def post(self, sent: Envelope) -> None:
        await asyncio.sleep(self.chance.choice((0, 0, 0.001)))
        if not self.peace and self.chance.random() < 0.5:
            raise RefusedError("HTTP 503")
        self.posts.append(sent)
        await asyncio.sleep(0)

    async def ring(self, effect: RingSupervisors) -> None:
        self.rung.add(effect.alert)

    async def stop(self, alert: str) -> None:
        del alert


class Node:
    """One life. It ends by `kill`: nothing of it is closed, flushed or committed."""

    def __init__(self, world: World, url: str, path: Path) -> None:
        self.journal = Journal(path)
        self.bus = WiredBus(RedisConfig(url=url), "n1", self.journal)
        paging: Any = world
        effects = EffectRunner("n1", paging, lambda *_: None, self.journal)
        self._receiver = Receiver(HOOK, world.post, lambda *_: None, self.journal, first_wait_s=0.001)
        store = AlertStore(POLICY, world.new_id)
        memory = AlertMemory(self.journal, self.bus, "n1")
        self.alerts = AlertManager(store, lambda call: Where(), self.bus.publish, effects.carry_out, memory)
        self._effects = effects
        self._world = world
        self.bus.hub.connect(self._note)

    async def live(self) -> None:
        await self.bus.start()
        self._effects.start({HOOK: self._receiver})
        await self.alerts.start()

    async def storm(self) -> None:
        """Rules fire and calm down, without end."""
        for number in itertools.count():
            await asyncio.sleep(self._world.chance.choice((0, 0, 0.001)))
            calls = list(self._calls())
            if len(calls) > 5:
                self.alerts.transition(_says("resolved", self._world.chance.choice(calls)))
            else:
                self.alerts.transition(_says("fired", f"c{id(self)}-{number}"))

    async def calm(self) -> None:
        """End every alert, and wait until nothing waits."""
        self._world.peace = True
        for call in list(self._calls()):
            self.alerts.transition(_says("resolved", call))
        async with asyncio.timeout(30):
            while self._receiver.waiting or self.journal.records("event"):
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        await end(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()), ask_again_s=0.01)
        self.journal._drop()
        await self.bus.client.aclose()

    def _calls(self) -> Iterator[str]:
        return (alert.call for alert in self.alerts.open())

    def _note(self, happened: Published) -> None:
        if isinstance(happened.event, AlertFired):
            loop = asyncio.get_running_loop()
            # the commit is the first thing of the next round; what comes in the round behind it was committed
            loop.call_soon(loop.call_soon, self._world.decided.setdefault, happened.event.alert, happened.call)


def _says(kind: Any, call: str) -> Transition:
    actions = ("ring_listen", HOOK)
    return Transition(kind, call, "Loud", "customer", 0.0, actions=actions, evidence={"expr": "x" * 500})
