"""Write marks into Asterisk's channel event log, by a Local channel that runs one dialplan context."""

import asyncio
from typing import Final

from callguard.asterisk.client import AriClient
from callguard.asterisk.names import name, new_id
from callguard.asterisk.upkeep.reconciler import Reconciler

MARK_CONTEXT: Final = "callguard-cel"
MARK_VARIABLE: Final = "CALLGUARD_MARK"
MARK_S: Final = 10.0
"""Seconds that a mark may take; its channel ends by itself after 5 s."""


class Marks:
    """Writes marks; the reconciler leaves a mark's channel alone while it may take."""

    def __init__(self, ari: AriClient, reconciler: Reconciler) -> None:
        self._ari = ari
        self._reconciler = reconciler

    async def write(self, text: str, of: str | None) -> None:
        """Write a text on behalf of channel `of`, under whose linkedid it is logged. Raises AriError."""
        mark = name(self._ari.app, "mark", new_id())
        self._reconciler.hold(mark)
        asyncio.get_running_loop().call_later(MARK_S, self._reconciler.let_go, mark)
        await self._ari.run_dialplan(mark, context=MARK_CONTEXT, of=of, variables={MARK_VARIABLE: text})
