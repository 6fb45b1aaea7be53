"""The alert manager: the one owner of the alert store. Feeds it, publishes what follows, has its effects carried out.

What the store decided is journalled before any of it is carried out, so that it survives the death of this process.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final, Protocol

import structlog

from callguard.alerts import Alert, AlertError, AlertStore, Outcome, Silence, SilenceScope, Where
from callguard.alerts.effects import Effect
from callguard.alerts.policy import Policy
from callguard.alerts.wire import retell
from callguard.config import Config
from callguard.contracts.events import (
    Away,
    CallEnded,
    CallStarted,
    Event,
    Published,
    SupervisionEnded,
    SupervisionStarted,
)
from callguard.contracts.messages import Transition
from callguard.contracts.vocabulary import Verdict
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

TICK_S: Final = 0.5

CarryOut = Callable[[Iterable[Effect]], None]
"""Begins to carry out effects, without waiting for any."""


class Memory(Protocol):
    """Keeps the store's parts, text by key."""

    async def recall(self) -> Mapping[str, str] | None:
        """Return what the last run kept; None while that is not known."""

    def begin_copying(self) -> None:
        """Have the other keeper follow from now on."""

    def keep(self, changes: Mapping[str, str | None]) -> None:
        """Keep parts that changed; None: gone."""


class AlertManager:
    """One node's alerts.

    Args:
        store: decides.
        where: tells queue and agent of a call; None when there is no such call.
        publish: tells everybody of an event.
        carry_out: begins effects.
        memory: keeps what must not be forgotten.
        show: shows an event that an earlier run published at a Unix time.
    """

    def __init__(
        self,
        store: AlertStore,
        where: Callable[[str], Where | None],
        publish: Callable[[Event], None],
        carry_out: CarryOut,
        memory: Memory,
        show: Callable[[Event, float], None] = lambda event, at: None,
    ) -> None:
        self._store = store
        self._where = where
        self._publish = publish
        self._carry_out = carry_out
        self._memory = memory
        self._show = show
        self._calls: Container[str] | None = None
        """Ids of the present calls; None: not known yet."""
        self._waits: Callable[[str], bool] = lambda call: False
        """Whether the customer of a call that is not present waits for the agent."""
        self._recalled = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up the memory of the last run, if there is one, and begin to keep time."""
        await self._recall()
        self._tasks = [asyncio.create_task(self._keep_time())]

    async def stop(self) -> None:
        """Stop keeping time."""
        await end(*self._tasks)

    def apply(self, config: Config) -> None:
        """Put another configuration in force; open alerts, silences and used budget stay."""
        self._store.reconfigure(Policy.from_config(config))

    # --- what it knows ---

    def find(self, alert: str | None) -> Alert | None:
        """Return an open alert; None when there is none of that identifier."""
        with contextlib.suppress(AlertError):
            return self._store.get(alert) if alert else None
        return None

    def open(self) -> list[Alert]:
        """Return open alerts, most needed first."""
        return self._store.open()

    def waiting(self) -> int:
        """Return how many alerts want a ring that nobody is free for."""
        return len(self._store.waiting())

    def phones(self) -> Counter[str]:
        """Return how many supervisors' phones are free, busy, unreachable."""
        return self._store.phones()

    # --- what happens ---

    def transition(self, transition: Transition) -> None:
        """Take in what a rule did; a call that is over meanwhile has no alerts any more."""
        where = self._where(transition.call)
        if where is not None:
            self._settle(self._store.apply(transition, where, time.time()))

    def see(self, happened: Published) -> None:
        """Take in what happened to calls and supervisors."""
        call, now = happened.call, time.time()
        match happened.event:
            case CallStarted():
                self._retell(call)
            case CallEnded(reason=reason):
                self._settle(self._store.call_ended(call, now, "opt_out" if reason == "opt_out" else "call_ended"))
            case SupervisionStarted(supervisor=supervisor, alert=alert):
                self._settle(self._store.joined(call, supervisor, now, alert))
            case SupervisionEnded(supervisor=supervisor):
                self._settle(self._store.left(call, supervisor, now))

    def available(self, supervisor: str, away: Away | None) -> None:
        """A supervisor's phone can be rung from now on (None), or can't and why."""
        self._settle(self._store.available(supervisor, away, time.time()))

    def calls_known(self, calls: Container[str], waits: Callable[[str], bool] = lambda call: False) -> None:
        """Which calls there are is known now, and stays so: alerts of others, from before a restart, end.

        A call whose agent consults a colleague at the restart is not known before the agent is back; as long as its
        customer `waits`, its alerts stay.
        """
        self._calls, self._waits = calls, waits
        self._drop_gone()

    def unanswered(self, alert: str) -> None:
        """The ring of an alert ended and nobody answered."""
        self._settle(self._store.unanswered(alert, time.time()))

    def worker_lost(self, calls: Iterable[str]) -> None:
        """The worker that judged these calls is gone."""
        for call in calls:
            self._store.unconfirm(call, time.time())

    # --- what people ask; each raises AlertError when it can't be done ---

    def acknowledge(self, alert: str, by: str) -> None:
        """A supervisor takes an alert."""
        self._settle(self._store.acknowledge(alert, by, time.time()))

    def judge(self, alert: str, verdict: Verdict, by: str) -> None:
        """A supervisor says what an alert was worth."""
        self._settle(self._store.judge(alert, verdict, by))

    def judged(self, alert: str | None, verdict: Verdict, by: str) -> None:
        """Take a verdict from a phone's key; without an alert that can be judged it means nothing."""
        with contextlib.suppress(AlertError):
            if alert is not None:
                self.judge(alert, verdict, by)

    def silence(self, by: str, why: str, duration_s: float, scope: SilenceScope) -> Silence:
        """Let matching alerts ring nobody for `duration_s` seconds."""
        now = time.time()
        silence, outcome = self._store.silence(by, why, now, now + duration_s, scope)
        self._settle(outcome)
        return silence

    def unsilence(self, silence: str) -> None:
        """End a silence early."""
        self._settle(self._store.unsilence(silence, time.time()))

    # --- within ---

    def _settle(self, outcome: Outcome) -> None:
        """Publish an outcome's events, keep what changed, begin to carry out the effects: each commits first."""
        for event in outcome.events:
            self._publish(event)
        self._memory.keep(self._store.changes())
        self._carry_out(outcome.effects)

    def _retell(self, call: str) -> None:
        """A call is found again after a restart: show its open alerts, which were published before."""
        for alert in self._store.open():
            if alert.call == call:
                for event in retell(alert):
                    self._show(event, alert.fired_at or time.time())

    def _drop_gone(self) -> None:
        if self._calls is not None:
            self._settle(self._store.retain_calls(self._calls, time.time(), self._waits))

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                if not self._recalled and not self._store.open():  # it replaces the state: not while an alert is open
                    await self._recall()
                self._drop_gone()
                self._settle(self._store.tick(time.time()))
            except Exception:  # a mistake about one alert must not end escalation for all
                log.exception("alerts_not_ticked")

    async def _recall(self) -> None:
        parts = await self._memory.recall()
        if parts is None:
            return
        self._recalled = True
        self._memory.begin_copying()
        self._settle(self._store.restore(parts, time.time()))
        self._drop_gone()
