"""Put an inventory, the expected parts and the discrepancies together, for people and for programs. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from callguard.inventory.discrepancy import Discrepancy, listed
from callguard.inventory.expected import Expected
from callguard.inventory.pbx import Inventory


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to: who would be what on this PBX, and what is wrong."""

    inventory: Inventory
    parts: tuple[Expected, ...]
    findings: tuple[Discrepancy, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-able data; what could not be read is null."""
        found = self.inventory
        return {
            "asterisk": found.asterisk,
            "endpoints": [_endpoint(each) for each in self.parts],
            "queues": None if found.queues is None else [asdict(queue) for queue in found.queues],
            "contexts": None if found.contexts is None else sorted(found.contexts),
            "parking": found.parking,
            "unread": found.unread,
            "findings": [asdict(finding) for finding in self.findings],
        }


def _endpoint(each: Expected) -> dict[str, Any]:
    endpoint = each.endpoint
    return {
        "endpoint": endpoint.name,
        "reachable": endpoint.reachable,
        "context": endpoint.context,
        "number": endpoint.number,
        "trunk": endpoint.trunk or None,
        "role": each.shown,
        "by": each.by,
    }


def grouped(parts: Sequence[Expected]) -> list[str]:
    """Return one line for each part and fact: `agent: PJSIP/201, PJSIP/202 (roles.rules.0 …)`."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in parts:
        groups.setdefault((each.shown, each.by), []).append(each.endpoint.name)
    return [f"{part}: {listed(names)} ({by})" for (part, by), names in groups.items()]


def reach(reachable: bool | None) -> str:
    """Return an endpoint's state in one word."""
    return {True: "online", False: "offline", None: "unknown"}[reachable]


def lines(inventory: Inventory) -> list[str]:
    """Return one line for each queue, with its members and the endpoints behind them, for contexts and for parking.

    A FreePBX has thousands of contexts, so those of endpoints are shown; programs get all.
    """
    found = [
        f"queue {queue.name}: {listed([f'{m.name} ({m.endpoint or m.interface})' for m in queue.members])}"
        for queue in inventory.queues or ()
    ]
    if inventory.contexts is not None:
        found.append(f"contexts: {len(inventory.contexts)}, of endpoints {listed(_entries(inventory))}")
    if inventory.parking:
        found.append(f"parking: {', '.join(inventory.parking)}")
    return found


def _entries(inventory: Inventory) -> list[str]:
    return sorted({endpoint.context for endpoint in inventory.endpoints} - {""})
