"""Sort a PBX's endpoints into agents, trunks and others, as far as facts tell. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from callguard.inventory.pbx import Endpoint, Inventory

SUPERVISORS: Final = re.compile(r"super|\blead|chief|\bhead\b|\bboss|manager|coach|team ?l", re.IGNORECASE)
FREEPBX: Final = frozenset({"from-internal", "ext-local", "from-queue", "ext-queues"})
"""Contexts that FreePBX generates."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Endpoints by kind."""

    agents: tuple[str, ...]
    """Members of queues."""
    trunks: tuple[str, ...]
    others: tuple[str, ...]
    """Phones that nothing tells."""
    supervisors: tuple[str, ...]
    """Those of the others whose names sound like a supervisor's."""


def propose(inventory: Inventory) -> Proposal:
    """Return the proposal."""
    members = {member.endpoint for _, member in inventory.members()}
    agents = tuple(each.name for each in inventory.endpoints if each.name in members)
    trunks = tuple(each.name for each in inventory.endpoints if each.trunk and each.name not in members)
    others = [each for each in inventory.endpoints if each.name not in {*agents, *trunks}]
    sounding = tuple(each.name for each in others if SUPERVISORS.search(f"{each.name} {each.person}"))
    return Proposal(agents, trunks, tuple(each.name for each in others), sounding)


def is_freepbx(inventory: Inventory) -> bool:
    """Return whether a PBX's contexts are FreePBX's."""
    contexts = (inventory.contexts or frozenset()) | {endpoint.context for endpoint in inventory.endpoints}
    return len(FREEPBX & contexts) >= (2 if inventory.contexts else 1)


def name_of(endpoint: Endpoint) -> str:
    """Return a name for the person at a phone: the caller id's, else the endpoint's."""
    return endpoint.person or endpoint.name.partition("/")[2]
