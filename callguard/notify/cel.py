"""Writes alerts into Asterisk's channel event log (CEL), beside the events of their call."""

from collections.abc import Awaitable, Callable
from typing import Final

from callguard.contracts.events import PREFIX, Envelope

Mark = Callable[[str, str], Awaitable[None]]
"""Writes a text into a call's channel event log; raises when Asterisk can't."""
FACTS: Final = ("rule", "leg", "severity", "alert")


class CelSender:
    """Writes a user-defined event CALLGUARD: `<linkedid>|<state>|<rule>|<leg>|<severity>|<alert>`."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark

    async def __call__(self, envelope: Envelope) -> None:
        """Write one event."""
        state = envelope.type.removeprefix(f"{PREFIX}alert.").split(".")[0]
        call = envelope.subject or ""
        facts = (call, state, *(str(envelope.data[name]) for name in FACTS))
        await self._mark(call, "|".join(_clean(fact) for fact in facts))


def _clean(fact: str) -> str:
    """Remove separators from a value: the text is a dialplan argument, and `|` separates its fields."""
    return " ".join(fact.translate(str.maketrans('|,"${}()', "/       ")).split())
