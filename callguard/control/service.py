"""The service: builds every part of a node, starts them in order, stops them in reverse, reloads them.

If a part can't start, the parts before it are stopped. This module decides nothing about calls.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

import structlog

from callguard.agi.door import AgiDoor
from callguard.ari_app import AriApp
from callguard.asterisk.client import ApplicationTakenError
from callguard.asterisk.discovery.calls import Call
from callguard.authority import Ask, Authority, ForbiddenError
from callguard.authority.asker import signal
from callguard.authority.signature import Gate
from callguard.bus import Bus
from callguard.bus.consumer import CommandConsumer
from callguard.config import Config
from callguard.config.sender_keys import keys_in_force
from callguard.console import Console
from callguard.console.metrics import Metrics
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed, Event, NodeStarted, NodeStopped
from callguard.contracts.messages import Transition
from callguard.control.alerting import Alerting
from callguard.control.command_handlers import CommandHandlers
from callguard.control.event_hub import EventHub
from callguard.control.event_log import write_log
from callguard.control.health import Health
from callguard.control.parts import Parts
from callguard.control.reload import Reload
from callguard.control.undelivered import tell_undelivered
from callguard.control.worker_news import WorkerNews
from callguard.control.worker_pool import MediaError, WorkerPool
from callguard.history.baselines import KeptBaselines
from callguard.history.recorder import Recorder
from callguard.history.sessions import OpenSessions
from callguard.history.stored_baselines import StoredBaselines
from callguard.rules.authoring.configured import checked_rules
from callguard.runtime.journal import Journal, journal_path
from callguard.runtime.outages import Outages
from callguard.runtime.reload_answer import ReloadAnswer
from callguard.runtime.systemd import feed_watchdog, notify

log = structlog.get_logger(__name__)


class FatalError(Exception):
    """The service can't go on; the message gives the reason and the remedy."""


class TakenError(FatalError):
    """Another program took over our application in Asterisk. We give way: two programs would fight for it."""


class Service:
    """One node, running while it is entered. Raises ConfigError when it can't be built from its configuration."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._parts = Parts(self._failed)
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Settled when the service is to end; with FatalError after a failure."""
        rules, _ = checked_rules(config, path)
        self.metrics = Metrics()
        self.hub = EventHub(config.node)
        self.outages = Outages(config.node, self._emit)
        self.journal = Journal(journal_path(config.journal.folder, config.node))
        self.bus = Bus(config.redis, config.node, self.outages, self.journal, self.hub.publish)
        baselines = KeptBaselines(StoredBaselines(self.bus.client, self.bus.keys))
        self.authority = Authority(config)
        self._gate = Gate(config, keys_in_force)
        self._pool = WorkerPool(config, rules, lambda message: self.news(message), baselines)
        self.ari = AriApp(
            config,
            self._pool,
            self._emit,
            on_verdict=lambda session, verdict: self.alerts.judged(session.alert, verdict, session.supervisor),
            on_phone=lambda supervisor, away: self.alerts.available(supervisor, away),
            on_calls=self._calls_known,
            outages=self.outages,
            authority=self.authority,
        )
        self._recorder = Recorder(self.bus, self.ari.calls, config, self.journal)
        self._sessions = OpenSessions(self.journal, self._emit)
        owners = (self.ari, self.bus, self.journal, self.outages)
        mark, opted_out = self.bus.mark, lambda: self.ari.opted_out
        self.health = Health(config.node, self._emit, self.outages, mark=mark, opted_out=opted_out)
        self._alerting = Alerting(config, *owners, self._emit, self.metrics.count_receiver, self.health.hears)
        self.alerts = self._alerting.manager
        heard = (self.ari.on_worker_message, self.metrics.take)
        self.news = WorkerNews(self.alerts, self.health, self.outages, *heard, self._linked)
        erased = self._recorder.erased
        paging, names = self._alerting.paging, self._pool.rule_names
        handlers = CommandHandlers(config, self.authority, self.ari, self.alerts, paging, erased, names)
        self._commands = CommandConsumer(self.bus, config.node, self.hub.tell, self._gate, handlers)
        self.console = Console(config, self.bus.overview, self._commands.submit, self.metrics)
        self.agi = AgiDoor(config, self.ari, self._commands.submit, self._recorder.earlier, self.metrics.count_agi)
        self.news.on_snapshot(self.bus.show, self.health.show, self.console.show)
        self.metrics.watch_bus(lambda: self.bus.stats)
        self.metrics.watch_floor(self.alerts.phones, self.alerts.waiting)
        self.metrics.watch_cutting(lambda: self.ari.supervision.cutting)
        # Order in which parts see an event: delivery, memory, decisions, display.
        self.hub.connect(self.bus.see, self._recorder.see, self._sessions.see, self.alerts.see, self.health.see)
        self.hub.connect(self.agi.see, self.console.see, self.metrics.see, write_log)
        rights = (self.authority, self._gate, self.console)
        parts = (*rights, self._pool, self.ari, self._alerting, self._recorder, handlers)
        self._reload = Reload(config, path, self._pool.load_rules, parts)

    async def __aenter__(self) -> Self:
        """Start. Raises FatalError when a part can't start."""
        started = time.monotonic()
        try:
            await self._start()
        except (MediaError, OSError) as error:
            await self._parts.stop()
            raise FatalError(str(error)) from error
        except BaseException:
            await self._parts.stop()
            raise
        log.info("started", node=self._config.node, seconds=round(time.monotonic() - started, 2))
        return self

    async def __aexit__(self, *_: object) -> None:
        notify("STOPPING=1")
        self._emit(NodeStopped(node=self._config.node))
        await self._parts.stop()

    async def _start(self) -> None:
        parts = self._parts
        parts.on_stop("journal", self._close_journal)
        self.journal.on_failing(partial(self.outages.report, "disk"))
        await self.bus.start()
        parts.on_stop("bus", self.bus.stop)
        self._recorder.resume()
        parts.on_stop("recorder", self._recorder.close)
        await self._alerting.start(parts)
        await self._pool.start()
        parts.on_stop("workers", self._pool.stop)
        parts.keep("ari", self.ari.run())
        await self._commands.start()
        parts.on_stop("commands", self._commands.stop)
        if self._config.agi.enabled:
            await self.agi.start()
            parts.on_stop("agi", self.agi.stop)
        if self._config.console.enabled:
            await self.console.start()
            parts.on_stop("console", self.console.stop)
        parts.keep("health", self.health.run())
        self._alerting.keep_watchdog(parts)
        parts.keep("watchdog", feed_watchdog())
        self._emit(NodeStarted(node=self._config.node))

    def reload(self) -> ReloadAnswer:
        """Read the configuration files again. A bad set is refused as a whole; the old configuration stays in force."""
        asker, facts = signal(), {"command": str(uuid.uuid4()), "action": "reload"}
        try:
            grant = self.authority.decide(asker, Ask("reload"))
        except ForbiddenError as error:
            self._emit(CommandFailed(**facts, **error.facts))
            return ReloadAnswer(accepted=False, problems=(str(error),))
        answer = self._reload()
        facts |= {"sender": grant.sender, "door": grant.door, "right": grant.right}
        if answer.accepted:
            self._emit(CommandCompleted(**facts, result={"rules": answer.rules}))
        else:
            self._emit(CommandFailed(**facts, reason="; ".join(answer.problems)))
        return answer

    async def _close_journal(self) -> None:
        tell_undelivered(self.journal)
        self.journal.close()

    async def command(self, command: Command) -> CommandCompleted | CommandFailed:
        """Carry a command out as if it came from the console."""
        return await self._commands.submit(command, self.console.asker)

    def end(self) -> None:
        """Ask the service to end in good order."""
        if not self.stopped.done():
            self.stopped.set_result(None)

    def _failed(self, part: str, error: BaseException) -> None:
        """End the service: a kept part failed."""
        if self.stopped.done():
            return
        taken = isinstance(error, ApplicationTakenError)
        if not taken:
            log.error("part_failed", part=part, exc_info=error)
        self.stopped.set_exception((TakenError if taken else FatalError)(f"{part}: {error}"))

    def _emit(self, event: Event) -> None:
        self.hub.publish(self._recorder.with_card(event))

    def _linked(self, transition: Transition) -> Transition:
        """Return a transition whose link to a runbook leads to the console."""
        return self.console.linked(transition)

    def _calls_known(self, calls: Mapping[str, Call]) -> None:
        self.alerts.calls_known(calls, self.ari.lives)
        self._recorder.calls_known(calls)
        self._sessions.settle(self.ari.releasing)
        self.agi.calls_known(calls)
