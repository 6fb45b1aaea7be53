"""Carries out intents; nothing here waits for anything else, nothing here raises."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import aiohttp
import structlog

from callguard.alerts.effects import Effect, PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.config import Notify, SupervisorConfig
from callguard.contracts.events import envelope
from callguard.contracts.vocabulary import SupervisionMode
from callguard.notify.ami import AmiSend, QueueLogSender, UserEventSender
from callguard.notify.cel import CelSender, Mark
from callguard.notify.mail import MailSender
from callguard.notify.receiver import Count, Receiver
from callguard.notify.webhook import WebhookSender

log = structlog.get_logger(__name__)

RING: Final = "ring"
PROMPT: Final = "prompt"


class RingsAndPrompts(Protocol):
    """What is asked of supervision; refusals are its own exception with a `reason`, told by its own events."""

    async def ring(
        self,
        *,
        call: str,
        supervisors: Sequence[SupervisorConfig],
        mode: SupervisionMode,
        alert: str | None = None,
        command: str | None = None,
        timeout_s: float | None = None,
        briefing: Sequence[str] = (),
    ) -> object:
        """Ring all, join the first to answer."""

    async def stop_ringing(self, alert: str) -> None:
        """Stop the phones that ring for an alert."""

    async def prompt(self, call: str, prompt: str, command: str | None = None, *, private: bool = False) -> object:
        """Play a prompt to the agent alone; a private one leaves no event."""


Briefing = Callable[[RingSupervisors], Sequence[str]]
"""Returns the media URIs that a supervisor hears before joining."""


def no_briefing(_: RingSupervisors) -> Sequence[str]:
    """Say nothing."""
    return ()


def build_ways(
    notify: Notify,
    node: str,
    session: aiohttp.ClientSession,
    ami: AmiSend | None,
    count: Count,
    mark: Mark | None = None,
) -> dict[str, Receiver]:
    """Return every configured way by the name that rules use; raise ConfigError when a secret can't be read."""
    senders: dict[str, Any] = {f"webhook:{n}": WebhookSender(c, session) for n, c in notify.webhooks.items()}
    senders |= {f"email:{name}": MailSender(config) for name, config in notify.emails.items()}
    if ami and notify.queue_log:
        senders["queue_log"] = QueueLogSender(ami)
    if ami and notify.user_event:
        senders["user_event"] = UserEventSender(ami)
    if mark and notify.cel:
        senders["cel"] = CelSender(mark)
    return {name: Receiver(name, send, count) for name, send in senders.items()}


class Actions:
    """The outside world, as alerts see it.

    Args:
        count: told each outcome of ways, rings and prompts: sent, retried, failed, dropped.
    """

    def __init__(
        self,
        node: str,
        ways: Mapping[str, Receiver],
        supervision: RingsAndPrompts,
        supervisors: Iterable[SupervisorConfig],
        count: Count,
        briefing: Briefing = no_briefing,
    ) -> None:
        self._node = node
        self._ways = dict(ways)
        self._supervision = supervision
        self._supervisors = {supervisor.name: supervisor for supervisor in supervisors}
        self._count = count
        self._briefing = briefing
        self._tasks: set[asyncio.Task[None]] = set()

    def reconfigure(self, supervisors: Iterable[SupervisorConfig], ways: Mapping[str, Receiver]) -> None:
        """Take other supervisors and ways; who rings goes on ringing, what waits in a way that stays goes out by it."""
        self._supervisors = {supervisor.name: supervisor for supervisor in supervisors}
        for name in self._ways.keys() - ways.keys():
            self._begin_task(self._ways.pop(name).stop())
        for name, way in ways.items():
            if name in self._ways:
                self._ways[name].send_as(way)
            else:
                self._ways[name] = way
                way.start()

    def start(self) -> None:
        """Begin to deliver."""
        for way in self._ways.values():
            way.start()

    async def stop(self, grace_s: float = 2.0) -> None:
        """Deliver what waits for up to `grace_s`; give up rings that nobody answered yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(way.stop(grace_s) for way in self._ways.values()))
        if self._tasks:
            await asyncio.wait(self._tasks)

    def carry_out(self, intents: Iterable[Effect]) -> None:
        """Begin all of them. Returns at once."""
        for intent in intents:
            match intent:
                case SendTo():
                    self._send(intent)
                case RingSupervisors():
                    self._begin(RING, intent, self._ring(intent))
                case StopRinging():
                    self._begin(RING, intent, self._supervision.stop_ringing(intent.alert))
                case PromptAgent():
                    private = not intent.alert
                    self._begin(PROMPT, intent, self._supervision.prompt(intent.call, intent.prompt, private=private))

    def _send(self, intent: SendTo) -> None:
        way = self._ways.get(intent.way)
        if way is None:
            log.warning("way_unknown", way=intent.way, known=sorted(self._ways))
            self._count("unknown", "failed")
            return
        way.put(envelope(intent.event, self._node))

    async def _ring(self, intent: RingSupervisors) -> None:
        known = [self._supervisors[name] for name in intent.supervisors if name in self._supervisors]
        await self._supervision.ring(
            call=intent.call,
            supervisors=known,
            mode=intent.mode,
            alert=intent.alert,
            timeout_s=intent.timeout_s,
            briefing=self._briefing(intent),
        )

    def _begin(self, kind: str, intent: Effect, work: Coroutine[Any, Any, object]) -> None:
        self._begin_task(self._watched(kind, intent, work))

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watched(self, kind: str, intent: Effect, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - one ring that breaks must not keep the next from ringing
            self._count(kind, "failed")
            reason = getattr(error, "reason", None)
            tell = log.info if reason else log.warning  # a refusal has events of its own
            tell("action_failed", intent=type(intent).__name__, reason=reason or repr(error))
        else:
            self._count(kind, "sent")
