"""Decide the roles of the parties in a room, and the analysis mode of their call. Pure.

The channel variable wins, then the configuration's first matching rule, then the role held before, then what the
channel's application tells: a queue's caller is the customer; the configuration decides for Dial.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, cast, get_args

from callguard.asterisk.discovery.bridges import Party
from callguard.config import Analysis, RoleRule, Roles
from callguard.contracts.vocabulary import Mode, Part, Role

OTHER: Final[dict[Role, Role]] = {"customer": "agent", "agent": "customer"}


def cast_of(room: Sequence[Party], roles: Roles) -> tuple[Party, Party] | None:
    """Return (customer, agent), or None unless the room holds one of each."""
    people = [party for party in room if told_part(party, roles) not in ("supervisor", "ignore")]
    queued = any(party.channel.app == "Queue" for party in people)
    claims = [_claim(party, roles, queued) for party in people]
    if len(people) == 2:
        claims = _agree(*claims)
    customer = next((party for party, claim in zip(people, claims, strict=True) if claim.role == "customer"), None)
    agent = next((party for party, claim in zip(people, claims, strict=True) if claim.role == "agent"), None)
    return (customer, agent) if customer and agent else None


class Claim(NamedTuple):
    """A role and the strength of its evidence: 3 configured, 2 held before, 1 guessed, 0 none."""

    strength: int
    role: Role | None


def _claim(party: Party, roles: Roles, queued: bool) -> Claim:
    told = told_part(party, roles)
    if told in ("customer", "agent"):
        return Claim(3, told)
    if party.role:
        return Claim(2, party.role)
    guess = _guess(party, roles, queued)
    return Claim(1, guess) if guess else Claim(0, None)


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
    if party.role_variable in get_args(Part):
        return cast("Part", party.role_variable)
    return next((rule.role for rule in roles.rules if _matches(rule, party)), None)


def _matches(rule: RoleRule, party: Party) -> bool:
    wanted = (
        (rule.channel, party.channel.name),
        (rule.context, party.entry_context),
        (rule.number, party.channel.number),
    )
    given = [(pattern, value) for pattern, value in wanted if pattern is not None]
    return bool(given) and all(fnmatchcase(value, pattern) for pattern, value in given)


def _guess(party: Party, roles: Roles, queued: bool) -> Role | None:
    if queued:
        return "customer" if party.channel.app == "Queue" else "agent"
    by_application: dict[str, Role] = {
        "AppQueue": "agent",
        "Dial": roles.dial_caller,
        "AppDial": OTHER[roles.dial_caller],
    }
    return by_application.get(party.channel.app)


def mode_of(setting: str, queue: str | None, analysis: Analysis) -> Mode:
    """Return the analysis mode: the call's own CALLGUARD, else its queue's mode, else the default."""
    own = analysis.queues.get(queue or "")
    configured = (own and own.mode) or analysis.mode
    if setting in ("off", "raised_voice", "emotion"):
        return cast("Mode", setting)
    if setting == "on" and configured == "off":
        return "raised_voice"
    return configured


def joint_setting(parties: Sequence[Party]) -> str:
    """Return the room's CALLGUARD: `off` where any party says so, else the first that is set."""
    settings = [party.setting for party in parties if party.setting]
    return "off" if "off" in settings else next(iter(settings), "")
