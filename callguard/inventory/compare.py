"""Compare a configuration with a PBX: what matches nothing, rings nobody or contradicts itself. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from callguard.asterisk.names import JOIN_CONTEXT, device_of
from callguard.config import Config
from callguard.inventory.codecs import silenced_by_whispers
from callguard.inventory.discrepancy import Discrepancy, listed, nearest
from callguard.inventory.patterns import bare_patterns, rule_discrepancies
from callguard.inventory.pbx import Inventory
from callguard.inventory.phones import phone_discrepancies

Scopes = Mapping[str, Sequence[str]]
"""Patterns of queues in the scope of each rule, by the rule's name."""


def compare(config: Config, inventory: Inventory, scopes: Scopes) -> list[Discrepancy]:
    """Return all discrepancies: of roles, phones, queues, teams and supervisors."""
    return [
        *rule_discrepancies(config, inventory),
        *phone_discrepancies(config, inventory),
        *_queues(config, inventory),
        *_scopes(scopes, inventory),
        *unserved_teams(config),
        *_supervisors(config, inventory),
        *_contexts(config, inventory),
        *silenced_by_whispers(config, inventory),
    ]


def without_pbx(config: Config) -> list[Discrepancy]:
    """Return the discrepancies that show without a PBX."""
    return [*bare_patterns(config.roles.rules), *unserved_teams(config)]


def unserved_teams(config: Config) -> Iterator[Discrepancy]:
    """Yield each queue whose team no supervisor serves."""
    if any(not supervisor.teams for supervisor in config.supervisors):
        return  # such a supervisor serves all teams
    served = sorted({team for supervisor in config.supervisors for team in supervisor.teams})
    for name, queue in config.analysis.queues.items():
        if queue.team is not None and queue.team not in served:
            text = f"no supervisor serves team {queue.team!r}: alerts of queue {name} ring nobody"
            advice = f"name the team in a supervisor's teams{nearest(queue.team, served)}"
            yield Discrepancy("error", f"analysis.queues.{name}.team", text, advice)


def _queues(config: Config, inventory: Inventory) -> Iterator[Discrepancy]:
    if inventory.queues is None:
        if config.asterisk.ami.enabled:
            yield Discrepancy("error", "asterisk.ami", "the PBX's queues and members could not be compared")
        return
    known = [queue.name for queue in inventory.queues]
    folded = {name.casefold() for name in known}
    for name in config.analysis.queues:
        if name.casefold() not in folded:
            text = f"the PBX has no queue {name!r}"
            advice = (
                f"its queues are {listed(known)}{nearest(name, known)} (one in a database is listed after a first call)"
            )
            yield Discrepancy("error", f"analysis.queues.{name}", text, advice)


def _scopes(scopes: Scopes, inventory: Inventory) -> Iterator[Discrepancy]:
    known = [queue.name for queue in inventory.queues or ()]
    for rule, patterns in scopes.items() if inventory.queues is not None else ():
        for pattern in patterns:
            if not any(fnmatchcase(name.casefold(), pattern.casefold()) for name in known):
                text = f"rule {rule}: {pattern!r} matches no queue of the PBX, so the rule fires in none by it"
                advice = f"its queues are {listed(known)}{nearest(pattern, known)}"
                yield Discrepancy("error", "queues", text, advice)


def _supervisors(config: Config, inventory: Inventory) -> Iterator[Discrepancy]:
    for index, supervisor in enumerate(config.supervisors):
        key, device = f"supervisors.{index}.endpoint", device_of(supervisor.endpoint)
        if device is None:
            continue  # a number at a trunk: Asterisk knows no state of it
        endpoint = inventory.endpoint(device)
        if endpoint is None:
            names = [each.name for each in inventory.endpoints]
            text = f"the PBX has no endpoint {device}: {supervisor.name} can't be rung"
            advice = f"its endpoints are {listed(names)}{nearest(device, names)}"
            yield Discrepancy("error", key, text, advice)
        elif endpoint.reachable is False:
            text = f"{device} is not registered: {supervisor.name} can't be rung now"
            yield Discrepancy("warning", key, text, "is the phone on, and logged in?")


def _contexts(config: Config, inventory: Inventory) -> Iterator[Discrepancy]:
    """Yield the contexts of our own that the dialplan lacks."""
    needed = {JOIN_CONTEXT: ("", "a supervisor can't join as a party or take a call over")}
    if config.media.tap == "audiosocket":
        needed[config.media.tap_context] = ("media.tap_context", "no leg can be tapped")
    for context, (key, effect) in needed.items():
        if inventory.contexts is not None and context not in inventory.contexts:
            text = f"the dialplan has no context {context!r}: {effect}"
            yield Discrepancy("error", key, text, "#include extensions_callguard.conf in extensions.conf")
