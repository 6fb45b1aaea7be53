"""Sends the alert that always fires to the receivers that watch whether alerts reach them."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from callguard.config import Config
from callguard.contracts.events import AlertFired
from callguard.notify.probe import watchdog_alert

Beat = Callable[[Iterable[str], AlertFired], None]
"""Sends an alert to receivers; a later one replaces one that still waits."""


class WatchdogAlert:
    """Sends the watchdog alert while `run` runs: at once, then every `notify.watchdog.every_s` seconds."""

    def __init__(self, config: Config, beat: Beat) -> None:
        self._config = config
        self._beat = beat
        self._news = asyncio.Event()

    def apply(self, config: Config) -> None:
        """Put other receivers and another interval in force; the next alert is sent at once."""
        if config.notify.watchdog != self._config.notify.watchdog:
            self._news.set()
        self._config = config

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._news.clear()
            watchdog = self._config.notify.watchdog
            if watchdog.receivers:
                self._beat(watchdog.receivers, watchdog_alert(self._config.node))
            with suppress(TimeoutError):
                async with asyncio.timeout(watchdog.every_s if watchdog.receivers else None):
                    await self._news.wait()
