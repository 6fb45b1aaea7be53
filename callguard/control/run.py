"""Runs the service until a signal ends it: SIGTERM and SIGINT end it, SIGHUP reloads it."""

import asyncio
import faulthandler
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from callguard.config import Config
from callguard.control.service import Service
from callguard.runtime.reload_answer import answer_file, write_answer
from callguard.runtime.systemd import pid_file

log = structlog.get_logger(__name__)

END_S: Final = 25.0
"""Seconds after a request to end in which the service ends; then it is ended by force."""


async def serve(config: Config, path: Path) -> None:
    """Run the service until SIGTERM or SIGINT. Raises ConfigError, FatalError."""
    loop = asyncio.get_running_loop()
    service = Service(config, path)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.end)
    loop.add_signal_handler(signal.SIGHUP, lambda: log.info("reload_ignored", why="still starting"))
    async with service:
        file = pid_file(config.node)
        loop.add_signal_handler(signal.SIGHUP, lambda: _reload(service, file))
        with suppress(OSError):
            file.write_text(str(os.getpid()), "ascii")
        try:
            await service.stopped
            faulthandler.dump_traceback_later(END_S, exit=True)
        finally:
            file.unlink(missing_ok=True)
            answer_file(file).unlink(missing_ok=True)


def _reload(service: Service, file: Path) -> None:
    answer = service.reload()
    with suppress(OSError):  # the log has the outcome too
        write_answer(file, answer)
