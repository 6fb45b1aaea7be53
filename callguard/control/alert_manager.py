"""The alert manager owns the alert store: feeds it, publishes its events, has its effects carried out.

The store's decisions are journalled before any of them is carried out, so that they survive the death of this process.
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
"""Starts effects and waits for none."""


class Memory(Protocol):
    """Keeps the store's parts, text by key."""

    async def recall(self) -> Mapping[str, str] | None:
        """Return the parts of the last run; None while they are unknown."""

    def begin_copying(self) -> None:
        """Start copying to the second keeper."""

    def keep(self, changes: Mapping[str, str | None]) -> None:
        """Keep changed parts; None: the part is gone."""


class AlertManager:
    """One node's alerts.

    Args:
        store: decides.
        where: returns queue and agent of a call; None when there is no such call.
        publish: publishes an event to all parts.
        carry_out: starts effects.
        memory: keeps the store's state across restarts.
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
        """Ids of the present calls; None: unknown so far."""
        self._waits: Callable[[str], bool] = lambda call: False
        """Whether the customer of a call that is not present waits for the agent."""
        self._recalled = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up the state of the last run, if there is one, and start the timer."""
        await self._recall()
        self._tasks = [asyncio.create_task(self._keep_time())]

    async def stop(self) -> None:
        """Stop the timer."""
        await end(*self._tasks)

    def apply(self, config: Config) -> None:
        """Put another configuration in force; open alerts, silences and used budget stay."""
        self._store.reconfigure(Policy.from_config(config))

    # --- queries ---

    def find(self, alert: str | None) -> Alert | None:
        """Return an open alert; None when no open alert has that identifier."""
        with contextlib.suppress(AlertError):
            return self._store.get(alert) if alert else None
        return None

    def open(self) -> list[Alert]:
        """Return open alerts, most urgent first."""
        return self._store.open()

    def queue_of(self, alert: str) -> str | None:
        """Return the queue of an alert, open or resolved; None where it has none or is not known."""
        found = self._store.known(alert)
        return found.queue if found else None

    def scope_of(self, silence: str) -> SilenceScope | None:
        """Return the alerts that a silence in force covers; None where there is no such silence."""
        return next((each.scope for each in self._store.silences(time.time()) if each.id == silence), None)

    def waiting(self) -> int:
        """Return the number of alerts that wait for a ring because nobody is free."""
        return len(self._store.waiting())

    def phones(self) -> Counter[str]:
        """Return the numbers of supervisors' phones that are free, busy and unreachable."""
        return self._store.phones()

    # --- inputs ---

    def transition(self, transition: Transition) -> None:
        """Take in a rule's transition; ignore one of a call that is over."""
        where = self._where(transition.call)
        if where is not None:
            self._settle(self._store.apply(transition, where, time.time()))

    def see(self, happened: Published) -> None:
        """Take in an event of a call or a supervisor."""
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
        """Note that a supervisor's phone can be rung from now on (None), or why it can't."""
        self._settle(self._store.available(supervisor, away, time.time()))

    def calls_known(self, calls: Container[str], waits: Callable[[str], bool] = lambda call: False) -> None:
        """Take the present calls, known from now on; end the alerts of other calls, from before a restart.

        A call whose agent consults a colleague at the restart is unknown until the agent is back. Its alerts stay while
        `waits` says that its customer waits.
        """
        self._calls, self._waits = calls, waits
        self._drop_gone()

    def unanswered(self, alert: str) -> None:
        """Note that an alert's ring ended without an answer."""
        self._settle(self._store.unanswered(alert, time.time()))

    def worker_lost(self, calls: Iterable[str]) -> None:
        """Note that the worker that judged these calls is gone."""
        for call in calls:
            self._store.unconfirm(call, time.time())

    # --- requests of people; each raises AlertError when it is impossible ---

    def acknowledge(self, alert: str, by: str) -> None:
        """Give a supervisor an alert."""
        self._settle(self._store.acknowledge(alert, by, time.time()))

    def judge(self, alert: str, verdict: Verdict, by: str) -> None:
        """Take a supervisor's verdict on an alert."""
        self._settle(self._store.judge(alert, verdict, by))

    def judged(self, alert: str | None, verdict: Verdict, by: str) -> None:
        """Take a verdict from a phone's key; ignore it without an alert that can be judged."""
        with contextlib.suppress(AlertError):
            if alert is not None:
                self.judge(alert, verdict, by)

    def silence(self, by: str, why: str, duration_s: float, scope: SilenceScope) -> Silence:
        """Keep matching alerts from ringing for `duration_s` seconds."""
        now = time.time()
        silence, outcome = self._store.silence(by, why, now, now + duration_s, scope)
        self._settle(outcome)
        return silence

    def unsilence(self, silence: str) -> None:
        """End a silence early."""
        self._settle(self._store.unsilence(silence, time.time()))

    # --- internals ---

    def _settle(self, outcome: Outcome) -> None:
        """Publish an outcome's events, keep the changed parts, start the effects; each commits the journal first."""
        for event in outcome.events:
            self._publish(event)
        self._memory.keep(self._store.changes())
        self._carry_out(outcome.effects)

    def _retell(self, call: str) -> None:
        """Show the open alerts of a call that is found again after a restart; an earlier run published them."""
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
                if not self._recalled and not self._store.open():  # it replaces the state of open alerts
                    await self._recall()
                self._drop_gone()
                self._settle(self._store.tick(time.time()))
            except Exception:  # an error about one alert must not end escalation for all
                log.exception("alerts_not_ticked")

    async def _recall(self) -> None:
        parts = await self._memory.recall()
        if parts is None:
            return
        self._recalled = True
        self._memory.begin_copying()
        self._settle(self._store.restore(parts, time.time()))
        self._drop_gone()
