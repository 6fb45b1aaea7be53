"""Decide the roles of the parties in a room, and the analysis mode of their call. Pure.

The channel variable wins, then the configuration's first matching rule, then the role held before, then what the
queue's application tells: a queue's caller is the customer, and the phone that it rings is the agent's. No other fact
gives a role, unless `roles.dial_caller` sets the caller's role in all calls of Dial.

A role may tell that of the other one of two parties: who talks with a customer is the agent, and who talks with a party
that the configuration calls an agent is the customer. An agent who only held that role in an earlier call makes nobody
a customer: agents consult colleagues. Who joins a customer and an agent as a third party gets no role from them.
"""

from collections.abc import Sequence
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, cast

from callguard.asterisk.discovery.party import DIALLED, Party, applications, runs
from callguard.asterisk.discovery.spelling import part_of
from callguard.config import Analysis, RoleRule, Roles
from callguard.contracts.vocabulary import Mode, Part, Role

OTHER: Final[dict[Role, Role]] = {"customer": "agent", "agent": "customer"}
UNTOLD: Final = "no variable, rule or queue says who is the customer"
ALIKE: Final = "each of them has the same role; a phone that is called inherits CALLGUARD_ROLE set with underscores"
"""Reasons why a call is unknown."""


class Evidence(IntEnum):
    """The strength of a claim to a role."""

    NONE = 0
    QUEUE = 1
    DIAL = 2
    """`roles.dial_caller`."""
    HELD = 3
    TOLD = 4
    """A variable or a rule."""


def cast_of(room: Sequence[Party], roles: Roles) -> tuple[Party, Party] | None:
    """Return (customer, agent), or None unless the room holds one of each."""
    people = people_of(room, roles)
    claims = _claims(people, roles)
    customer = next((party for party, claim in zip(people, claims, strict=True) if claim.role == "customer"), None)
    agent = next((party for party, claim in zip(people, claims, strict=True) if claim.role == "agent"), None)
    return (customer, agent) if customer and agent else None


def people_of(room: Sequence[Party], roles: Roles) -> list[Party]:
    """Return the parties of a room that may be customer or agent."""
    return [party for party in room if told_part(party, roles) not in ("supervisor", "ignore")]


def strangers_of(room: Sequence[Party], roles: Roles) -> tuple[Party, Party, str] | None:
    """Return two parties of whom no fact tells who is the customer, and the reason.

    None where there is a customer with an agent, and where agents talk with each other.
    """
    people = people_of(room, roles)
    claims = [_claim(party, roles, queued=False) for party in people]
    if len(people) < 2 or cast_of(room, roles):
        return None
    untold = [party for party, claim in zip(people, claims, strict=True) if claim.strength < Evidence.HELD]
    if untold:
        return untold[0], next(party for party in people if party is not untold[0]), UNTOLD
    customers = all(claim.role == "customer" for claim in claims)
    inherited = all(party.role_variable for party in people) and any(party.channel.app in DIALLED for party in people)
    return (people[0], people[1], ALIKE) if customers or inherited else None


def mark_guests(room: Sequence[Party], pair: tuple[Party, Party], roles: Roles) -> None:
    """Mark who joined a customer and an agent though no fact tells their role."""
    for party in people_of(room, roles):
        if party not in pair and _claim(party, roles, queued=False).role is None:
            party.guest = True


class Claim(NamedTuple):
    """A role and its evidence."""

    strength: Evidence
    role: Role | None

    @property
    def makes_customers(self) -> bool:
        """Return whether an untold party beside this agent is the customer."""
        return self.role == "agent" and self.strength in (Evidence.TOLD, Evidence.DIAL)


NO_CLAIM: Final = Claim(Evidence.NONE, None)


def _claims(people: Sequence[Party], roles: Roles) -> list[Claim]:
    queued = any(runs(party, "Queue") for party in people)
    claims = [_claim(party, roles, queued) for party in people]
    if len(claims) == 2:
        return _agree(*claims, guests=any(party.guest for party in people))
    return _outsider(people, claims)


def _outsider(people: Sequence[Party], claims: list[Claim]) -> list[Claim]:
    """Make the only unknown party among agents the customer, as in a conference of a dialler."""
    untold = [index for index, claim in enumerate(claims) if claim.role is None]
    agents = [claim for claim in claims if claim == Claim(Evidence.TOLD, "agent")]
    if len(untold) == 1 and agents and len(agents) == len(claims) - 1 and not people[untold[0]].guest:
        claims[untold[0]] = Claim(Evidence.NONE, "customer")
    return claims


def _claim(party: Party, roles: Roles, queued: bool) -> Claim:
    told = told_part(party, roles)
    if told in ("customer", "agent"):
        return Claim(Evidence.TOLD, told)
    if party.role:
        return Claim(Evidence.HELD, party.role)
    return _by_application(party, roles, queued)


def _agree(first: Claim, second: Claim, *, guests: bool) -> list[Claim]:
    """Resolve two claims to one role: the weaker yields; two equally strong ones are no call of customer and agent."""
    if first.role and second.role and first.role != second.role:
        return [first, second]
    if first.strength == second.strength:
        return [NO_CLAIM, NO_CLAIM]
    stronger, weaker = (first, second) if first.strength > second.strength else (second, first)
    founded = stronger.makes_customers or (stronger.role == "customer" and not (guests and weaker.role is None))
    yielding = Claim(Evidence.NONE, OTHER[stronger.role]) if stronger.role and founded else NO_CLAIM
    return [stronger, yielding] if stronger is first else [yielding, stronger]


def told_part(party: Party, roles: Roles) -> Part | None:
    """Return the part that the variable or the configuration gives to a channel."""
    if party.handed:
        return "agent"
    return part_of(party.role_variable) or next((rule.role for rule in roles.rules if rule_matches(rule, party)), None)


def rule_matches(rule: RoleRule, party: Party) -> bool:
    """Return whether all patterns of a rule match a party; a rule without a pattern matches none."""
    wanted = (
        (rule.channel, party.channel.name),
        (rule.context, party.entry_context),
        (rule.number, party.channel.number),
    )
    given = [(pattern, value) for pattern, value in wanted if pattern is not None]
    return bool(given) and all(fnmatchcase(value, pattern) for pattern, value in given)


def _by_application(party: Party, roles: Roles, queued: bool) -> Claim:
    """Return the claim by a party's application, or by the application of its Local half."""
    apps = [app for app, _ in applications(party)]
    if queued and "Queue" in apps:
        return Claim(Evidence.QUEUE, "customer")
    if "AppQueue" in apps:
        return Claim(Evidence.QUEUE, "agent")
    if roles.dial_caller and not queued:
        told: dict[str, Role] = {"Dial": roles.dial_caller, "AppDial": OTHER[roles.dial_caller]}
        return next((Claim(Evidence.DIAL, told[app]) for app in apps if app in told), NO_CLAIM)
    return NO_CLAIM


def mode_of(setting: str, queue: str | None, analysis: Analysis, outer: str = "") -> Mode:
    """Return the analysis mode: the call's own CALLGUARD, else its queue's mode, else the default.

    `outer` is a queue in which the caller waits at the same time; its mode counts where it is off.
    """
    configured = "off" if _queue_mode(outer, analysis) == "off" else _queue_mode(queue, analysis) or analysis.mode
    if setting in ("off", "raised_voice", "emotion"):
        return cast("Mode", setting)
    if setting == "on" and configured == "off":
        return "raised_voice"
    return configured


def holders(customer: Party | None, agent: Party | None) -> frozenset[Role]:
    """Return the parties whose phones hold the call."""
    parties: tuple[tuple[Role, Party | None], ...] = (("customer", customer), ("agent", agent))
    return frozenset(role for role, party in parties if party and party.held)


def _queue_mode(queue: str | None, analysis: Analysis) -> Mode | None:
    own = analysis.queues.get(analysis.spelled(queue)) if queue else None
    return own.mode if own else None


def joint_setting(parties: Sequence[Party]) -> str:
    """Return the room's CALLGUARD: `off` where any party says so, else the first that is set."""
    settings = [party.setting for party in parties if party.setting]
    return "off" if "off" in settings else next(iter(settings), "")
