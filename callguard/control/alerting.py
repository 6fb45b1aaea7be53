"""Builds the parts between rules and people: alert manager, paging, effects, receivers and the watchdog alert."""

import uuid
from collections.abc import Callable, Mapping
from functools import partial

import aiohttp

from callguard.alerts import AlertStore, Where
from callguard.alerts.policy import Policy
from callguard.ari_app import AriApp
from callguard.asterisk.discovery.calls import Call
from callguard.bus import Bus
from callguard.config import Config
from callguard.contracts.events import Event
from callguard.control.alert_manager import AlertManager
from callguard.control.alert_memory import AlertMemory
from callguard.control.effects import EffectRunner
from callguard.control.paging import Paging
from callguard.control.parts import Parts
from callguard.notify.receiver import Count, Receiver
from callguard.notify.receivers import build_receivers
from callguard.notify.watchdog import WatchdogAlert
from callguard.runtime.journal import Journal
from callguard.runtime.outages import Outages


class Floor:
    """The present calls, as alerts see them."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls

    def where(self, call: str) -> Where | None:
        """Return queue and agent of a call; None when there is no such call."""
        present = self._calls.get(call)
        return Where(present.queue, present.member) if present else None

    def joinable(self, call: str) -> bool:
        """Return whether a supervisor could join a call now: during a transfer it has no agent."""
        present = self._calls.get(call)
        return present is not None and present.agent is not None


class Alerting:
    """Brings one node's alerts to phones and receivers.

    Args:
        config: of the node.
        ari: the PBX.
        bus: copies the alert store's state to Redis.
        journal: keeps decisions on local disk.
        outages: gets the outages of receivers.
        emit: publishes events.
        count: called with each outcome of receivers, rings and prompts.
        heard: tells whether a call is heard now.
    """

    def __init__(
        self,
        config: Config,
        ari: AriApp,
        bus: Bus,
        journal: Journal,
        outages: Outages,
        emit: Callable[[Event], None],
        count: Count,
        heard: Callable[[str], bool] = lambda call: True,
    ) -> None:
        self._config = config
        self._journal = journal
        self._ami = ari.ami.act if config.asterisk.ami.enabled else None  # a change needs a restart
        self._mark = ari.mark
        floor = Floor(ari.calls)
        store = AlertStore(Policy.from_config(config), lambda: str(uuid.uuid4()), floor.joinable, heard)
        self.paging = Paging(
            config,
            ari.calls,
            ari.supervision,
            find_alert=lambda alert: self.manager.find(alert),
            on_unanswered=lambda alert: self.manager.unanswered(alert),
        )
        self.effects = EffectRunner(config.node, self.paging, count, journal, partial(outages.report, "receivers"))
        self._watchdog = WatchdogAlert(config, self.effects.beat)
        memory = AlertMemory(journal, bus, config.node)
        self.manager = AlertManager(store, floor.where, emit, self.effects.carry_out, memory, bus.recall)

    async def start(self, parts: Parts) -> None:
        """Start delivery, then take up the alerts of the last run."""
        self._http = await parts.stack.enter_async_context(aiohttp.ClientSession())
        self.effects.start(self._receivers(self._config))
        parts.on_stop("effects", self.effects.stop)
        await self.manager.start()
        parts.on_stop("alerts", self.manager.stop)

    def keep_watchdog(self, parts: Parts) -> None:
        """Send the watchdog alert from now on, at its configured interval."""
        parts.keep("watchdog alert", self._watchdog.run())

    def apply(self, config: Config) -> None:
        """Put another configuration in force; a receiver that stays delivers waiting messages by its new settings."""
        self.manager.apply(config)
        self.paging.apply(config)
        self.effects.replace(self._receivers(config))
        self._watchdog.apply(config)

    def _receivers(self, config: Config) -> dict[str, Receiver]:
        return build_receivers(config.notify, self._http, self._ami, self._mark, self.effects.count, self._journal)
