"""The FastAGI server. It answers or closes each session within a time limit.

Asterisk waits for an answer without a limit of its own, so every session ends here by itself: answered, refused or
closed. A closed session is no harm to the call; its dialplan goes on.
"""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Final

import structlog

from callguard.agi.dialogue import HEAD_BYTES, Dialogue, DialogueError
from callguard.agi.scripts import Scripts
from callguard.config.agi import Agi, host_and_port

log = structlog.get_logger(__name__)

SESSION_S: Final = 0.45
"""Longest session in seconds: a call goes on within half a second."""
OTHER: Final = "other"
"""Stands for an unknown script in counts: the name may be any text."""


class AgiServer:
    """Serves sessions.

    Args:
        config: address and limits.
        scripts: answer the sessions.
        count: called with script and outcome: `done`, `not_known`, `broken`, `late`, `crowded`, `stranger`.
    """

    def __init__(self, config: Agi, scripts: Scripts, count: Callable[[str, str], None]) -> None:
        self._config = config
        self._scripts = scripts
        self._count = count
        self._sources = tuple(ip_network(source, strict=False) for source in config.sources)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Return the port on which it listens; 0 before the start."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else 0

    @property
    def sessions(self) -> int:
        """Return the number of sessions now."""
        return len(self._open)

    async def start(self) -> None:
        """Listen; raise OSError when the address is taken."""
        host, port = host_and_port(self._config.listen)
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_BYTES)
        except OSError as error:
            why = f"agi.listen {self._config.listen}: {error.strerror or error}; choose another address or port"
            raise OSError(error.errno, why) from error

    async def stop(self) -> None:
        """Stop listening and close all sessions."""
        if self._server:
            self._server.close()
            for writer in tuple(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusal = self._refusal(writer)
        if refusal:
            self._count(OTHER, refusal)
            log.warning("agi_refused", why=refusal)
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            await self._answer(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    def _refusal(self, writer: asyncio.StreamWriter) -> str:
        if self.sessions >= self._config.connections:
            return "crowded"
        source = ip_address(str(writer.get_extra_info("peername", ("0.0.0.0",))[0]).partition("%")[0])  # noqa: S104
        welcome = any(source in network for network in self._sources) if self._sources else source.is_loopback
        return "" if welcome else "stranger"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script, outcome = OTHER, "done"
        try:
            async with asyncio.timeout(SESSION_S):
                dialogue = await Dialogue.open(reader, writer)
                script = dialogue.script if dialogue.script in self._scripts.names else OTHER
                result = await self._scripts.run(dialogue)
            if result != "done":
                outcome = "not_known"
                log.debug("agi_not_known", script=script, result=result)
        except TimeoutError:
            outcome = "late"
            log.warning("agi_late", script=script, limit_s=SESSION_S)
        except (DialogueError, OSError) as error:
            outcome = "broken"
            log.warning("agi_broken", script=script, error=str(error))
        except Exception:  # a script that breaks must not leave a call waiting
            outcome = "broken"
            log.exception("agi_failed", script=script)
        self._count(script, outcome)
