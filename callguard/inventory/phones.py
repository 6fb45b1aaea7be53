"""Check what a PBX's phones would be: members whom a rule calls something else, phones that nothing tells. Pure."""

from collections.abc import Iterator

from callguard.config import Config
from callguard.inventory.discrepancy import Discrepancy, listed
from callguard.inventory.expected import Expected, expected_parts
from callguard.inventory.patterns import LISTED
from callguard.inventory.pbx import Inventory


def phone_discrepancies(config: Config, inventory: Inventory) -> list[Discrepancy]:
    """Return what is wrong with the parts of phones."""
    parts = expected_parts(config.roles, inventory)
    return [*_members(parts, inventory), *_lost_members(inventory), *_agents(parts, inventory), *_untold(parts)]


def _members(parts: list[Expected], inventory: Inventory) -> Iterator[Discrepancy]:
    """Yield the members of queues that are no agents; one discrepancy for each fact that says so."""
    others: dict[tuple[str, str], list[str]] = {}
    for each in parts:
        if each.part not in (None, "agent") and inventory.queues_of(each.endpoint.name):
            others.setdefault((each.part, each.by), []).append(each.endpoint.name)
    for (part, by), names in others.items():
        text = f"queues ring {listed(names)}, but {by} says {part}"
        if part == "customer":
            yield Discrepancy("error", "roles.rules", f"{text}: an agent is judged as a customer", "say agent there")
        else:
            yield Discrepancy("warning", "roles.rules", f"{text}: calls with them are not judged")


def _lost_members(inventory: Inventory) -> Iterator[Discrepancy]:
    """Yield the members whose phone is not there. Behind a Local channel may be anything: a pool, another queue."""
    for queue, member in inventory.members():
        if member.endpoint is None and member.interface.partition("/")[0].upper() in LISTED:
            text = f"queue {queue.name} rings {member.interface}, which is no endpoint of the PBX"
            yield Discrepancy("warning", "", text, "mend the queue's member on the PBX")


def _agents(parts: list[Expected], inventory: Inventory) -> Iterator[Discrepancy]:
    told = any(each.part in ("agent", "customer") for each in parts)
    if parts and not told and not any(inventory.members()):
        text = f"none of {len(parts)} endpoints is an agent or a customer, and no queue has a member: no call is judged"
        yield Discrepancy("error", "roles.rules", text, "write a rule for the agents' phones, e.g. {channel: PJSIP/2*}")


def _untold(parts: list[Expected]) -> Iterator[Discrepancy]:
    """Yield the phones without a part in the agents' own contexts: a colleague whom an agent calls."""
    contexts = {each.endpoint.context for each in parts if each.part == "agent" and each.endpoint.context}
    untold = [
        each.endpoint.name
        for each in parts
        if each.part is None and not each.endpoint.trunk and each.endpoint.context in contexts
    ]
    if untold:
        text = f"{listed(untold)}: nothing says who is there; in a call with an agent they count as the customer"
        advice = "name colleagues in roles.rules with role: ignore, behind the rules for agents"
        yield Discrepancy("warning", "roles.rules", text, advice)
