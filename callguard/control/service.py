"""The composition root of `callguard run`: builds every part, starts them in order, stops them in reverse.

A part that can't start rolls back those that have. Nothing here decides anything about calls.
"""

import asyncio
import faulthandler
import os
import signal
import time
import uuid
from collections import Counter as Tally
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import structlog

from callguard.alerts import AlertError, AlertStore
from callguard.alerts.alert import Alert
from callguard.alerts.effects import Effect, RingSupervisors
from callguard.alerts.policy import Policy
from callguard.alerts.store import Where
from callguard.ari_app import AriApp
from callguard.asterisk.client import ApplicationTakenError
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.presence import Verdict
from callguard.asterisk.supervision.session import Session, SupervisionError
from callguard.bus import Bus
from callguard.bus.consumer import CommandConsumer
from callguard.config import Config, ConfigError, load_config
from callguard.config.reload import waiting_for_restart
from callguard.config.secrets import require_secrets
from callguard.console import Console
from callguard.console.metrics import Metrics
from callguard.contracts.commands import Command
from callguard.contracts.events import (
    Away,
    CommandCompleted,
    CommandFailed,
    Event,
    NodeDegraded,
    NodeRecovered,
    NodeStarted,
    NodeStopped,
)
from callguard.contracts.messages import (
    CallSnapshot,
    FromWorker,
    LegConnected,
    LegLost,
    LoadRules,
    PartDown,
    PartUp,
    SetLogging,
    Transition,
    WorkerLost,
    WorkerStats,
)
from callguard.control.alert_manager import AlertManager
from callguard.control.briefing import briefing
from callguard.control.command_handlers import CommandHandlers
from callguard.control.effects import Actions, build_ways
from callguard.control.worker_pool import MediaError, WorkerPool
from callguard.history.recorder import Recorder
from callguard.notify.receiver import Receiver
from callguard.rules.authoring.configured import checked_rules
from callguard.runtime.logs import configure
from callguard.runtime.systemd import notify, pid_file, watchdog_interval_s
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

VERDICTS: Final[dict[Verdict, Any]] = {"useful": "useful", "false_alarm": "false"}


STOP_S: Final = 8.0
"""Longest that one part may take to stop; it waits for Asterisk at most a few REST calls long."""
END_S: Final = 25.0
"""A service that was asked to end and has not by then ends anyway."""


class FatalError(Exception):
    """The service can't go on; the message says why and what to do."""


class TakenError(FatalError):
    """Another program took over our application in Asterisk: two would fight for it, so that we give way."""


class Service:
    """One node, running while it is entered. Raises ConfigError when it can't be built from its configuration."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._rules, _ = checked_rules(config, path)
        self._stack = AsyncExitStack()
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Settled when the service is to end; with FatalError when it must."""
        self.metrics = Metrics()
        self.bus = Bus(config.redis, config.node)
        self._pool = WorkerPool(config, self._rules, self._from_worker)
        self.ari = AriApp(
            config,
            self._pool,
            self._emit,
            on_verdict=self._verdict,
            on_phone=self._phone,
            on_calls=self._calls_known,
        )
        alerts = AlertStore(Policy.from_config(config), lambda: str(uuid.uuid4()), self._joinable)
        store = (self.bus.client, f"{config.redis.prefix}book:{config.node}")
        self.desk = AlertManager(alerts, self._where, self._emit, self._carry_out, store)
        self._records = Recorder(self.bus, self.ari.calls, config)
        self._dispatcher = CommandHandlers(config, self.ari.calls, self.ari.supervision, self.desk, self)
        self._commands = CommandConsumer(self.bus, config.node, self._dispatcher)
        names = [supervisor.name for supervisor in config.supervisors]
        self.console = Console(config.console, self.bus.overview, self._commands.submit, self.metrics, names)
        self.metrics.watch_bus(lambda: self.bus.stats)
        self.metrics.watch_floor(self._phones, self.desk.waiting)
        self._snapshot_listeners: list[Callable[[CallSnapshot], None]] = [self.bus.show, self.console.show]
        self.bus.listen(self._records.see)
        self.bus.listen(self.desk.see)
        self.bus.listen(self.console.see)
        self.bus.listen(self.metrics.see)

    async def __aenter__(self) -> Self:
        """Start. Raises FatalError when a part can't."""
        try:
            await self._start()
        except (MediaError, OSError) as error:
            await self._stack.aclose()
            raise FatalError(str(error)) from error
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        notify("STOPPING=1")
        self._emit(NodeStopped(node=self._config.node))
        await self._stack.aclose()

    async def _start(self) -> None:
        await self.bus.start()
        self._on_stop("bus", self.bus.stop)
        self._on_stop("records", self._records.close)
        self._actions = await self._build_actions()
        self._actions.start()
        self._on_stop("actions", self._actions.stop)
        await self.desk.start()
        self._on_stop("desk", self.desk.stop)
        await self._pool.start()
        self._on_stop("workers", self._pool.stop)
        self._keep(self.ari.run(), "ari")
        await self._commands.start()
        self._on_stop("commands", self._commands.stop)
        if self._config.console.enabled:
            await self.console.start()
            self._on_stop("console", self.console.stop)
        self._keep(self._feed_watchdog(), "watchdog")
        self._emit(NodeStarted(node=self._config.node))

    async def _build_actions(self) -> Actions:
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        config = self._config
        ways, count = self._ways(config), self.metrics.count_way
        return Actions(config.node, ways, self, config.supervisors, count, self._alert_briefing)

    def _ways(self, config: Config) -> dict[str, Receiver]:
        ami = self.ari.ami.act if self._config.asterisk.ami.enabled else None
        return build_ways(config.notify, self._config.node, self._http, ami, self.metrics.count_way, self.ari.mark)

    def _keep(self, work: Any, name: str) -> None:
        """Run a part until the end; if it fails, the service ends with it."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._part_ended)

        self._on_stop(name, lambda: end(task, ask_again_s=STOP_S))

    def _on_stop(self, name: str, stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Stop a part at the end. One that takes too long is left behind, and the log says where it stands."""

        async def stopping() -> None:
            task = asyncio.create_task(stop(), name=f"stop {name}")
            await asyncio.wait([task], timeout=STOP_S)
            if not task.done():
                where = [str(frame) for each in asyncio.all_tasks() for frame in each.get_stack(limit=3)]
                log.error("part_does_not_stop", part=name, where=where)
            elif error := task.exception():
                log.error("part_stopped_badly", part=name, exc_info=error)

        self._stack.push_async_callback(stopping)

    def _part_ended(self, task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or self.stopped.done():
            return
        error = task.exception()
        taken = isinstance(error, ApplicationTakenError)
        if not taken:
            log.error("part_failed", part=task.get_name(), exc_info=error)
        self.stopped.set_exception((TakenError if taken else FatalError)(f"{task.get_name()}: {error}"))

    def end(self) -> None:
        """Have the service end in good order."""
        if not self.stopped.done():
            self.stopped.set_result(None)

    # --- what parts tell each other ---

    def on_snapshot(self, listener: Callable[[CallSnapshot], None]) -> None:
        """Call `listener` with each call's signals, about once a second."""
        self._snapshot_listeners.append(listener)

    async def command(self, command: Command) -> CommandCompleted | CommandFailed:
        """Carry a command out as if it came by the stream."""
        return await self._commands.submit(command)

    def _emit(self, event: Event) -> None:
        self.bus.publish(self._records.with_card(event))

    def _carry_out(self, intents: Iterable[Effect]) -> None:
        self._actions.carry_out(intents)

    def _where(self, call: str) -> Where | None:
        present = self.ari.calls.get(call)
        return Where(present.queue, present.member) if present else None

    def _joinable(self, call: str) -> bool:
        present = self.ari.calls.get(call)
        return present is not None and present.agent is not None

    def _from_worker(self, message: FromWorker) -> None:
        match message:
            case Transition():
                self.desk.transition(message)
            case LegConnected() | LegLost():
                self.ari.on_worker_message(message)
            case CallSnapshot():
                for listener in self._snapshot_listeners:
                    listener(message)
            case WorkerStats():
                self.metrics.take(message)
            case WorkerLost():
                self.desk.worker_lost(message.calls)
            case PartDown():
                self._emit(NodeDegraded(node=self._config.node, reason=message.part))
            case PartUp():
                self._emit(NodeRecovered(node=self._config.node, reason=message.part))

    def _verdict(self, session: Session, verdict: Verdict) -> None:
        if session.alert is None:
            return
        with suppress(AlertError):
            self.desk.judge(session.alert, VERDICTS[verdict], session.supervisor)

    def _phone(self, supervisor: str, away: Away | None) -> None:
        self.desk.available(supervisor, away)

    def _calls_known(self, calls: Mapping[str, Call]) -> None:
        self.desk.calls_known(calls)
        self._records.calls_known(calls)

    def _phones(self) -> Tally[str]:
        """How many supervisors' phones are free, busy, unreachable."""
        away = self.desk.away
        return Tally(away.get(supervisor.name, "free") for supervisor in self._config.supervisors)

    def _alert_briefing(self, ring: RingSupervisors) -> Sequence[str]:
        return self.briefing(ring.call, ring.alert)

    # --- Floor, for commands ---

    def briefing(self, call: str, alert: str | None) -> Sequence[str]:
        """What a supervisor hears before joining: for an alert, or because they asked to join."""
        present = self.ari.calls.get(call)
        if present is None or not self._config.supervision.briefing:
            return ()
        queue = self._config.analysis.queues.get(present.queue or "")
        about: Alert | None = None
        with suppress(AlertError):
            about = self.desk.get(alert) if alert else None
        minute = int((time.time() - present.started_at) // 60) + 1
        return briefing(about, minute=minute, agent=present.member, queue_media=queue.spoken if queue else None)

    async def opt_out(self, call: str) -> int:
        """Stop judging a call and delete what is held of it; return how many events went."""
        await self.ari.opt_out(call)
        return await self._records.erased(call)

    # --- RingsAndPrompts, for the actions of alerts ---

    async def ring(self, *, alert: str | None = None, **facts: Any) -> object:
        """Ring for an alert; when nobody came, the next tier is due."""
        try:
            return await self.ari.supervision.ring(alert=alert, **facts)
        except SupervisionError as error:
            if alert and error.reason != "stopped":
                self.desk.unanswered(alert)
            raise

    async def stop_ringing(self, alert: str) -> None:
        """Stop the phones that ring for an alert."""
        await self.ari.supervision.stop_ringing(alert)

    async def prompt(self, call: str, prompt: str, command: str | None = None, *, private: bool = False) -> object:
        """Play a prompt to the agent alone; a private one leaves no event."""
        return await self.ari.supervision.prompt(call, prompt, command, private=private)

    # --- configuration ---

    def reload(self) -> None:
        """Take the configuration files again; a bad set is refused as a whole and the old one stays in force."""
        try:
            config = load_config(self._path)
            files, rules = checked_rules(config, self._path)
            require_secrets(config, str(self._path))
            ways = self._ways(config)
            self._records.reconfigure(config.privacy)
        except ConfigError as error:
            log.error("reload_refused", problems=error.problems)  # noqa: TRY400 - the problems say it all
            return
        if waiting := waiting_for_restart(self._config, config):
            log.warning("reload_needs_restart", keys=waiting)
        if config.logging != self._config.logging:
            configure(config.logging)
            self._pool.broadcast(SetLogging(config.logging.level, config.logging.json_lines))
        self._pool.broadcast(LoadRules(files))
        self.ari.reconfigure(config)
        self.desk.reconfigure(Policy.from_config(config))
        self._actions.reconfigure(config.supervisors, ways)
        self.console.reconfigure(config.console, [supervisor.name for supervisor in config.supervisors])
        self._dispatcher.config = config
        self._config = config
        log.info("reloaded", rules=len(rules))

    async def _feed_watchdog(self) -> None:
        interval = watchdog_interval_s()
        notify("READY=1")
        while interval:
            await asyncio.sleep(interval)
            notify("WATCHDOG=1")
        await asyncio.Event().wait()


async def serve(config: Config, path: Path) -> None:
    """Run the service until SIGTERM or SIGINT. Raises ConfigError, FatalError."""
    loop = asyncio.get_running_loop()
    service = Service(config, path)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.end)
    loop.add_signal_handler(signal.SIGHUP, lambda: log.info("reload_ignored", why="still starting"))
    started = time.monotonic()
    async with service:
        loop.add_signal_handler(signal.SIGHUP, service.reload)
        log.info("started", node=config.node, seconds=round(time.monotonic() - started, 2))
        file = pid_file(config.node)
        with suppress(OSError):
            file.write_text(str(os.getpid()), "ascii")
        try:
            await service.stopped
            faulthandler.dump_traceback_later(END_S, exit=True)
        finally:
            file.unlink(missing_ok=True)
