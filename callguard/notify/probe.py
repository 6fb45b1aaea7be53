"""Alerts without a call: one that always fires, and one that a person sends to try every receiver."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Final, NamedTuple

from callguard.contracts.events import AlertFired, Envelope, envelope
from callguard.notify.receiver import Send, reason_of

PATIENCE_S: Final = 30.0
"""Longest time for one receiver, in seconds; e-mail has a time limit of 20 s."""


class Probed(NamedTuple):
    """The outcome of one try."""

    receiver: str
    taken: bool
    seconds: float
    reason: str
    """Why the receiver did not take it; empty when it did."""


def watchdog_alert(node: str) -> AlertFired:
    """Return the alert that always fires: a receiver that misses it knows that alerts no longer reach it."""
    return _alert("Watchdog", node, "Alerts reach this receiver. This alert always fires; it needs nobody.")


def trial_alert(node: str) -> AlertFired:
    """Return the alert with which a person tries receivers."""
    return _alert("NotifyTest", node, "A test: alerts of this node reach this receiver. Nothing has happened.")


async def probe(senders: Mapping[str, Send], node: str) -> list[Probed]:
    """Send one alert once through each receiver, all at the same time; return the outcomes in the receivers' order."""
    return list(await asyncio.gather(*(_try(name, send, node) for name, send in senders.items())))


def afresh(event: AlertFired, node: str) -> Envelope:
    """Return an alert's message with a new identifier: the alert fires again and again, and each time counts."""
    return envelope(event, node).model_copy(update={"id": str(uuid.uuid4())})


async def _try(name: str, send: Send, node: str) -> Probed:
    begun = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await send(afresh(trial_alert(node), node))
    except Exception as error:  # noqa: BLE001 - any error is the answer
        return Probed(name, False, round(time.monotonic() - begun, 3), reason_of(error))
    return Probed(name, True, round(time.monotonic() - begun, 3), "")


def _alert(rule: str, node: str, summary: str) -> AlertFired:
    return AlertFired(
        alert=f"{rule.lower()}-{node}",
        rule=rule,
        leg="call",
        severity="none",
        labels={"severity": "none", "node": node},
        annotations={"summary": summary},
        evidence={},
    )
