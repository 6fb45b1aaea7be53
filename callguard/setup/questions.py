"""Ask who is who, with what the PBX's facts propose, and make the plan of the configuration."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from callguard.contracts.vocabulary import Mode
from callguard.inventory.discrepancy import listed
from callguard.inventory.pbx import Inventory
from callguard.setup.interview import Interview, split
from callguard.setup.plan import Access, Plan
from callguard.setup.proposal import Proposal, name_of, propose

MODES: Final = get_args(Mode)
AGENTS: Final = "Agents' phones, by commas; PJSIP/2?? stands for all that it matches"
JUDGED: Final = (
    "What is judged. raised_voice: vocal effort; emotion: anger too (inform your callers first); off: nothing"
)


def make_plan(interview: Interview, inventory: Inventory, access: Access) -> Plan:
    """Return the plan; raise ConfigError with every key of the answers that is missing or wrong."""
    proposal = propose(inventory)
    known = [endpoint.name for endpoint in inventory.endpoints]
    agents = interview.endpoints(
        "roles.agents",
        AGENTS,
        known,
        proposal=proposal.agents or None,
        guess=proposal.agents,
    )
    supervisors = _supervisors(interview, inventory, proposal, agents)
    phones = [str(each["endpoint"]) for each in supervisors]
    colleagues = [*(phone for phone in phones if phone in known and phone not in agents)]
    colleagues += _others(interview, proposal, {*agents, *phones})
    plan = Plan(
        access,
        tuple(agents),
        tuple(colleagues),
        _trunks(interview, proposal, agents),
        interview.choice("mode", JUDGED, MODES, proposal="raised_voice"),
        _queues(interview, inventory, supervisors),
        tuple(supervisors),
        _dial_caller(interview),
        interview.number("console_port", "Port of the console on loopback", proposal=8090),
    )
    interview.settle()
    return plan


def _supervisors(
    interview: Interview, inventory: Inventory, proposal: Proposal, agents: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the supervisors as the configuration writes them."""
    given = interview.answers.supervisors
    if given is not None:
        return [each.model_dump(mode="json", exclude_defaults=True) for each in given]
    if not interview.asks:
        interview.open.append("answers: supervisors: missing; a list like [{name: lead, endpoint: PJSIP/301}]")
        return []
    known = [endpoint.name for endpoint in inventory.endpoints]
    guess = [name for name in proposal.supervisors if name not in agents]
    phones = interview.endpoints("", "Supervisors' phones, by commas", known, guess=guess)
    return [_supervisor(interview, inventory, phone) for phone in phones]


def _supervisor(interview: Interview, inventory: Inventory, phone: str) -> dict[str, Any]:
    endpoint = inventory.endpoint(phone)
    name = interview.text("", f"Name of the supervisor at {phone}", guess=name_of(endpoint) if endpoint else phone)
    teams = split(interview.text("", f"Teams of {name}, by commas (- for all)", guess=""))
    return {"name": name, "endpoint": phone} | ({"teams": teams} if teams else {})


def _others(interview: Interview, proposal: Proposal, told: set[str]) -> list[str]:
    """Return the colleagues among the phones that nothing tells."""
    others = [name for name in proposal.others if name not in told]
    if not others:
        return []
    question = f"{listed(others)}: neither agents nor supervisors. ignore: colleagues, whose calls are not judged"
    return (
        others if interview.choice("roles.others", question, ("ignore", "unknown"), guess="ignore") == "ignore" else []
    )


def _trunks(interview: Interview, proposal: Proposal, agents: Sequence[str]) -> tuple[str, ...]:
    """Return the trunks whose callers are customers."""
    trunks = tuple(name for name in proposal.trunks if name not in agents)
    if not trunks:
        return ()
    question = f"{listed(trunks)} seem to be trunks. customer: only customers call, or are called, through them"
    chosen = interview.choice("roles.trunks", question, ("customer", "unknown"), guess="customer")
    return trunks if chosen == "customer" else ()


def _dial_caller(interview: Interview) -> str | None:
    question = "Who calls in a Dial in which nothing else tells? unknown: such a call is not judged"
    chosen = interview.choice("roles.dial_caller", question, ("unknown", "customer", "agent"), proposal="unknown")
    return None if chosen in ("unknown", "") else chosen


def _queues(
    interview: Interview, inventory: Inventory, supervisors: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Return the settings of queues; each queue of the PBX is there, so that it can be edited."""
    queues: dict[str, dict[str, str]] = {queue.name: {} for queue in inventory.queues or ()}
    for name, facts in (interview.answers.queues or {}).items():
        spelled = next((queue for queue in queues if queue.casefold() == name.casefold()), name)
        queues[spelled] = facts.model_dump(exclude_none=True)
    teams = sorted({team for each in supervisors for team in each.get("teams", ())})
    if interview.asks and teams and interview.answers.queues is None:
        for name in queues:
            team = interview.choice("", f"Team of queue {name}", (*teams, "all"), guess=teams[0])
            queues[name] = {} if team == "all" else {"team": team}
    return queues
