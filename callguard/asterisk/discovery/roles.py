"""Decide the roles of the parties in a room, and the analysis mode of their call. Pure.

The channel variable wins, then the configuration's first matching rule, then the role held before, then what the
queue's application tells: a queue's caller is the customer, and the phone that it rings is the agent's. The known role
of one of two parties gives that of the other. No other fact gives a role, unless `roles.dial_caller` sets the caller's
role in all calls of Dial.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, cast

from callguard.asterisk.discovery.bridges import Party, applications
from callguard.asterisk.discovery.spelling import part_of
from callguard.config import Analysis, RoleRule, Roles
from callguard.contracts.vocabulary import Mode, Part, Role

OTHER: Final[dict[Role, Role]] = {"customer": "agent", "agent": "customer"}
HELD: Final = 2
"""Strength of the claim of a role that was held before."""


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


def strangers_of(room: Sequence[Party], roles: Roles) -> tuple[Party, Party] | None:
    """Return a party with an unknown role, and another party, where no fact tells who is the customer."""
    people = people_of(room, roles)
    untold = [party for party in people if _claim(party, roles, queued=False).strength < HELD]
    if len(people) < 2 or not untold or cast_of(room, roles):
        return None
    return untold[0], next(party for party in people if party is not untold[0])


class Claim(NamedTuple):
    """A role and the strength of its evidence: 3 configured, 2 held before, 1 by the application, 0 none."""

    strength: int
    role: Role | None


def _claims(people: Sequence[Party], roles: Roles) -> list[Claim]:
    queued = any(app == "Queue" for party in people for app, _ in applications(party))
    claims = [_claim(party, roles, queued) for party in people]
    return _agree(*claims) if len(claims) == 2 else _outsider(claims)


def _outsider(claims: list[Claim]) -> list[Claim]:
    """Make the only unknown party among agents the customer, as in a conference of a dialler."""
    untold = [index for index, claim in enumerate(claims) if claim.role is None]
    agents = [claim for claim in claims if claim.role == "agent" and claim.strength >= HELD]
    if len(untold) == 1 and agents and len(agents) == len(claims) - 1:
        claims[untold[0]] = Claim(0, "customer")
    return claims


def _claim(party: Party, roles: Roles, queued: bool) -> Claim:
    told = told_part(party, roles)
    if told in ("customer", "agent"):
        return Claim(3, told)
    if party.role:
        return Claim(HELD, party.role)
    by_application = _by_application(party, roles, queued)
    return Claim(1, by_application) if by_application else Claim(0, None)


def _agree(first: Claim, second: Claim) -> list[Claim]:
    """Resolve two claims to one role: the weaker yields; two equally strong ones are no call of customer and agent."""
    if first.role != second.role and first.role and second.role:
        return [first, second]
    if first.strength > second.strength and first.role:
        return [first, Claim(0, OTHER[first.role])]
    if second.strength > first.strength and second.role:
        return [Claim(0, OTHER[second.role]), second]
    return [Claim(0, None), Claim(0, None)]


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


def _by_application(party: Party, roles: Roles, queued: bool) -> Role | None:
    """Return the role that a party's application tells, or the application of its Local half."""
    apps = [app for app, _ in applications(party)]
    if queued:
        return "customer" if "Queue" in apps else "agent"
    told: dict[str, Role] = {"AppQueue": "agent"}
    if roles.dial_caller:
        told |= {"Dial": roles.dial_caller, "AppDial": OTHER[roles.dial_caller]}
    return next((told[app] for app in apps if app in told), None)


def mode_of(setting: str, queue: str | None, analysis: Analysis) -> Mode:
    """Return the analysis mode: the call's own CALLGUARD, else its queue's mode, else the default."""
    own = analysis.queues.get(analysis.spelled(queue)) if queue else None
    configured = (own and own.mode) or analysis.mode
    if setting in ("off", "raised_voice", "emotion"):
        return cast("Mode", setting)
    if setting == "on" and configured == "off":
        return "raised_voice"
    return configured


def holders(customer: Party | None, agent: Party | None) -> frozenset[Role]:
    """Return the parties whose phones hold the call."""
    parties: tuple[tuple[Role, Party | None], ...] = (("customer", customer), ("agent", agent))
    return frozenset(role for role, party in parties if party and party.held)


def joint_setting(parties: Sequence[Party]) -> str:
    """Return the room's CALLGUARD: `off` where any party says so, else the first that is set."""
    settings = [party.setting for party in parties if party.setting]
    return "off" if "off" in settings else next(iter(settings), "")
