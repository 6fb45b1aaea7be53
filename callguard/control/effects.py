"""Carries out the effects of alerts concurrently: no effect waits for another, none raises."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final

import structlog

from callguard.alerts.effects import (
    Effect,
    ForgetCall,
    PromptAgent,
    RingSupervisors,
    SendTo,
    StopRepeating,
    StopRinging,
)
from callguard.contracts.events import AlertFired, envelope
from callguard.control.paging import Paging
from callguard.notify.deliveries import drop_others
from callguard.notify.probe import afresh
from callguard.notify.receiver import Count, Receiver
from callguard.runtime.journal import Journal
from callguard.runtime.tasks import TaskKeeper

log = structlog.get_logger(__name__)

RING: Final = "ring"
PROMPT: Final = "prompt"


class EffectRunner:
    """Carries out effects by paging and receivers.

    Args:
        node: name of this node, the source of messages to receivers.
        paging: rings, stops ringing, prompts.
        count: called with each outcome of receivers, rings and prompts: sent, retried, failed, dropped.
        journal: gets each decision before it is carried out.
        on_trouble: called after each outcome with the receivers' errors; None: there are none.
    """

    def __init__(
        self,
        node: str,
        paging: Paging,
        count: Count,
        journal: Journal,
        on_trouble: Callable[[str | None], None] = lambda trouble: None,
    ) -> None:
        self._node = node
        self._receivers: dict[str, Receiver] = {}
        self._paging = paging
        self._count = count
        self._journal = journal
        self._on_trouble = on_trouble
        self._tasks = TaskKeeper()

    def count(self, receiver: str, outcome: str) -> None:
        """Take in an outcome of a receiver."""
        self._count(receiver, outcome)
        troubles = [trouble for each in self._receivers.values() if (trouble := each.trouble())]
        self._on_trouble("; ".join(troubles) or None)

    def replace(self, receivers: Mapping[str, Receiver]) -> None:
        """Put other receivers in force. A receiver that stays delivers waiting messages by its new settings."""
        for name in self._receivers.keys() - receivers.keys():
            self._tasks.spawn(self._receivers.pop(name).remove())
        for name, receiver in receivers.items():
            if name in self._receivers:
                self._receivers[name].send_as(receiver)
            else:
                self._receivers[name] = receiver
                receiver.start()

    def start(self, receivers: Mapping[str, Receiver]) -> None:
        """Start delivery to receivers (by the names that rules use), first of the messages that an earlier run left."""
        self.replace(receivers)
        for name, dropped in drop_others(self._journal, receivers).items():
            log.error("receiver_gone", receiver=name, dropped=dropped)
            for _ in range(dropped):
                self._count(name, "dropped")

    async def stop(self, grace_s: float = 2.0) -> None:
        """Deliver waiting messages for up to `grace_s` seconds; give up rings that nobody has answered."""
        await self._tasks.end()
        await asyncio.gather(*(receiver.stop(grace_s) for receiver in self._receivers.values()))

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Start all effects. Returns at once."""
        for effect in effects:
            match effect:
                case SendTo():
                    self._send(effect)
                case RingSupervisors():
                    self._begin(RING, effect, partial(self._paging.ring, effect))
                case StopRinging():
                    self._begin(RING, effect, partial(self._paging.stop, effect.alert))
                case PromptAgent():
                    self._begin(PROMPT, effect, partial(self._paging.prompt, effect))
                case StopRepeating():
                    for receiver in self._receivers.values():
                        receiver.answered(effect.alert)
                case ForgetCall():
                    for receiver in self._receivers.values():
                        receiver.forget(effect.call)

    def beat(self, receivers: Iterable[str], event: AlertFired) -> None:
        """Send an alert that the next one replaces: it is neither journalled nor repeated."""
        sent = afresh(event, self._node)
        for name in receivers:
            if receiver := self._receivers.get(name):
                receiver.beat(sent)

    def _send(self, effect: SendTo) -> None:
        receiver = self._receivers.get(effect.receiver)
        if receiver is None:
            log.warning("receiver_unknown", receiver=effect.receiver, known=sorted(self._receivers))
            self._count("unknown", "failed")
            return
        receiver.put(envelope(effect.event, self._node))

    def _begin(self, kind: str, effect: Effect, work: Callable[[], Awaitable[object]]) -> None:
        self._tasks.spawn(self._watched(kind, effect, work))

    async def _watched(self, kind: str, effect: Effect, work: Callable[[], Awaitable[object]]) -> None:
        self._journal.commit()
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - an error in one ring must not keep the next from ringing
            self._count(kind, "failed")
            reason = getattr(error, "reason", None)
            tell = log.info if reason else log.warning  # a refusal has events of its own
            tell("effect_failed", effect=type(effect).__name__, reason=reason or repr(error))
        else:
            self._count(kind, "sent")
