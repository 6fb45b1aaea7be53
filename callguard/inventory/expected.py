"""Say the part that each endpoint would have in a call, by the rules of the running service. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from callguard.asterisk.discovery.party import Party
from callguard.asterisk.discovery.roles import rule_matches
from callguard.asterisk.discovery.spelling import part_of
from callguard.asterisk.events import Channel
from callguard.config import RoleRule, Roles
from callguard.contracts.vocabulary import Part
from callguard.inventory.pbx import Endpoint, Inventory

VARIABLE = "CALLGUARD_ROLE"


@dataclass(frozen=True, slots=True)
class Expected:
    """An endpoint's part."""

    endpoint: Endpoint
    part: Part | None
    """None: unknown."""
    by: str
    """The fact that tells the part, or why none does."""

    @property
    def shown(self) -> str:
        """Return the part in words."""
        return self.part or "unknown"


def expected_parts(roles: Roles, inventory: Inventory) -> list[Expected]:
    """Return the part of each endpoint."""
    return [_expected(endpoint, roles, inventory) for endpoint in inventory.endpoints]


def matching(rules: Sequence[RoleRule], endpoint: Endpoint) -> list[int]:
    """Return the positions of the rules that match an endpoint's channels; the first one counts."""
    party = party_of(endpoint)
    return [index for index, rule in enumerate(rules) if rule_matches(rule, party)]


def party_of(endpoint: Endpoint) -> Party:
    """Return a channel of an endpoint as the service would see it."""
    channel = Channel("0", endpoint.channel, number=endpoint.number, context=endpoint.context)
    return Party(channel, endpoint.context, role_variable=dict(endpoint.variables).get(VARIABLE, ""))


def described(index: int, rule: RoleRule) -> str:
    """Return a rule's key with its patterns."""
    return f"roles.rules.{index} ({patterns_of(rule)})"


def patterns_of(rule: RoleRule) -> str:
    """Return a rule's patterns in words."""
    patterns = (("channel", rule.channel), ("context", rule.context), ("number", rule.number))
    return ", ".join(f"{name} {value}" for name, value in patterns if value is not None)


def _expected(endpoint: Endpoint, roles: Roles, inventory: Inventory) -> Expected:
    variable = part_of(dict(endpoint.variables).get(VARIABLE, ""))
    if variable:
        return Expected(endpoint, variable, f"the endpoint's set_var {VARIABLE}")
    if found := matching(roles.rules, endpoint):
        rule = roles.rules[found[0]]
        return Expected(endpoint, rule.role, described(found[0], rule))
    if queues := inventory.queues_of(endpoint.name):
        return Expected(endpoint, "agent", f"member of queue {', '.join(queues)}, in that queue's calls only")
    if endpoint.trunk:
        return Expected(endpoint, None, f"a trunk: {endpoint.trunk}; the customer where the other party is an agent")
    return Expected(endpoint, None, "no rule and no queue; the customer where the other party is an agent")
