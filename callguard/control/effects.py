"""Carries out the effects of alerts side by side: no effect waits for another, none raises."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Final

import aiohttp
import structlog

from callguard.alerts.effects import Effect, PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.config import Notify
from callguard.contracts.events import envelope
from callguard.control.paging import Paging
from callguard.notify.ami import AmiSend, QueueLogSender, UserEventSender
from callguard.notify.cel import CelSender, Mark
from callguard.notify.mail import MailSender
from callguard.notify.receiver import Count, Receiver
from callguard.notify.webhook import WebhookSender
from callguard.runtime.tasks import TaskKeeper

log = structlog.get_logger(__name__)

RING: Final = "ring"
PROMPT: Final = "prompt"


def build_receivers(
    notify: Notify,
    node: str,
    session: aiohttp.ClientSession,
    ami: AmiSend | None,
    count: Count,
    mark: Mark | None = None,
) -> dict[str, Receiver]:
    """Return every configured receiver by the name that rules use; raise ConfigError when a secret can't be read."""
    senders: dict[str, Any] = {f"webhook:{n}": WebhookSender(c, session) for n, c in notify.webhooks.items()}
    senders |= {f"email:{name}": MailSender(config) for name, config in notify.emails.items()}
    if ami and notify.queue_log:
        senders["queue_log"] = QueueLogSender(ami)
    if ami and notify.user_event:
        senders["user_event"] = UserEventSender(ami)
    if mark and notify.cel:
        senders["cel"] = CelSender(mark)
    return {name: Receiver(name, send, count) for name, send in senders.items()}


class EffectRunner:
    """The outside world, as alerts see it.

    Args:
        node: name of this node, the source of what receivers get.
        paging: rings, stops ringing, prompts.
        count: told each outcome of receivers, rings and prompts: sent, retried, failed, dropped.
    """

    def __init__(self, node: str, paging: Paging, count: Count) -> None:
        self._node = node
        self._receivers: dict[str, Receiver] = {}
        self._paging = paging
        self._count = count
        self._tasks = TaskKeeper()

    def replace(self, receivers: Mapping[str, Receiver]) -> None:
        """Take other receivers. What waits for a receiver that stays is delivered by its new settings."""
        for name in self._receivers.keys() - receivers.keys():
            self._tasks.spawn(self._receivers.pop(name).stop())
        for name, receiver in receivers.items():
            if name in self._receivers:
                self._receivers[name].send_as(receiver)
            else:
                self._receivers[name] = receiver
                receiver.start()

    def start(self, receivers: Mapping[str, Receiver]) -> None:
        """Begin to deliver to receivers, by the name that rules use."""
        self.replace(receivers)

    async def stop(self, grace_s: float = 2.0) -> None:
        """Deliver what waits for up to `grace_s` seconds; give up rings that nobody has answered."""
        await self._tasks.end()
        await asyncio.gather(*(receiver.stop(grace_s) for receiver in self._receivers.values()))

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Begin all of them. Returns at once."""
        for effect in effects:
            match effect:
                case SendTo():
                    self._send(effect)
                case RingSupervisors():
                    self._begin(RING, effect, self._paging.ring(effect))
                case StopRinging():
                    self._begin(RING, effect, self._paging.stop(effect.alert))
                case PromptAgent():
                    self._begin(PROMPT, effect, self._paging.prompt(effect))

    def _send(self, effect: SendTo) -> None:
        receiver = self._receivers.get(effect.way)
        if receiver is None:
            log.warning("receiver_unknown", receiver=effect.way, known=sorted(self._receivers))
            self._count("unknown", "failed")
            return
        receiver.put(envelope(effect.event, self._node))

    def _begin(self, kind: str, effect: Effect, work: Coroutine[Any, Any, object]) -> None:
        self._tasks.spawn(self._watched(kind, effect, work))

    async def _watched(self, kind: str, effect: Effect, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - one ring that breaks must not keep the next from ringing
            self._count(kind, "failed")
            reason = getattr(error, "reason", None)
            tell = log.info if reason else log.warning  # a refusal has events of its own
            tell("effect_failed", effect=type(effect).__name__, reason=reason or repr(error))
        else:
            self._count(kind, "sent")
