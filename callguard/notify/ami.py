"""Writes alerts into Asterisk's own records: queue_log and UserEvent, by AMI."""

from collections.abc import Awaitable, Callable
from typing import Final

from callguard.contracts.events import PREFIX, Envelope

AmiSend = Callable[[dict[str, str]], Awaitable[None]]
"""Sends one AMI action; raises unless Asterisk answers Success."""
EVENT: Final = "CALLGUARD"
"""Event name of our lines in queue_log."""
USER_EVENT: Final = "CallGuardAlert"


class QueueLogSender:
    """Writes a line to queue_log: event CALLGUARD, data `<state>|<rule>|<leg>|<severity>|<alert>`."""

    def __init__(self, send: AmiSend) -> None:
        self._send = send

    async def __call__(self, envelope: Envelope) -> None:
        """Write one line."""
        data = envelope.data
        facts = (_state(envelope), data["rule"], data["leg"], data["severity"], data["alert"])
        action = {
            "Action": "QueueLog",
            "Queue": data.get("queue") or "NONE",
            "Event": EVENT,
            "Uniqueid": envelope.subject or "NONE",
            "Interface": data.get("agent") or "NONE",
            "Message": "|".join(str(fact).replace("|", "/") for fact in facts),
        }
        await self._send(_clean(action))


class UserEventSender:
    """Raises a UserEvent, which CEL and other managers see."""

    def __init__(self, send: AmiSend) -> None:
        self._send = send

    async def __call__(self, envelope: Envelope) -> None:
        """Raise one event."""
        data = envelope.data
        action = {
            "Action": "UserEvent",
            "UserEvent": USER_EVENT,
            "State": _state(envelope),
            "Alert": data["alert"],
            "Rule": data["rule"],
            "Leg": data["leg"],
            "Severity": data["severity"],
            "Score": f"{data['score']:.2f}",
            "Linkedid": envelope.subject or "",
            "Queue": data.get("queue") or "",
            "Agent": data.get("agent") or "",
        }
        await self._send(_clean(action))


def _state(envelope: Envelope) -> str:
    return envelope.type.removeprefix(f"{PREFIX}alert.").split(".")[0]


def _clean(action: dict[str, str]) -> dict[str, str]:
    """Remove line ends from a value: each would start another header."""
    return {name: " ".join(str(value).split()) for name, value in action.items()}
