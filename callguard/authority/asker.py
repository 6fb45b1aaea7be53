"""Those who ask for an act. Their name is proved by the door: a signature, a token, a phone, a signal. Pure."""

from dataclasses import dataclass
from typing import Final

from callguard.config import Config, SupervisorConfig
from callguard.config.access import CLI
from callguard.contracts.vocabulary import Door

OPERATOR: Final = "operator"
"""Role of those who run the node: its command line, signals, and trusted programs beside it."""
RULES: Final = "rules"
"""Name of all rules at door `rule`. The audit stream is never trimmed, and an opt-out leaves no trace of an alert."""
UNSIGNED: Final = "loopback"
"""Name of all programs that send without a signature where `redis.trust` is loopback."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A person or program at a door."""

    name: str
    door: Door
    role: str
    teams: tuple[str, ...] = ()
    """Teams in whose calls they may act; empty: all."""
    supervisors: tuple[str, ...] = ()
    """Names of the supervisors for whom they may act; empty: all."""


def sender(config: Config, name: str) -> Asker:
    """Return a sender of signed commands; the command line needs no entry. Raises KeyError: unknown."""
    door: Door = "cli" if name == CLI else "redis"
    if name == CLI and CLI not in config.redis.senders:
        return Asker(CLI, door, OPERATOR)
    given = config.redis.senders[name]
    return Asker(name, door, given.role, given.teams, given.supervisors)


def unsigned() -> Asker:
    """Return the asker of a command without a signature, where such commands are trusted."""
    return Asker(UNSIGNED, "redis", OPERATOR)


def console(config: Config) -> Asker:
    """Return the holder of the console's token."""
    return Asker("console", "console", config.console.role, supervisors=config.console.supervisors)


def phone(supervisor: SupervisorConfig) -> Asker:
    """Return a supervisor who presses keys on the phone that was rung."""
    return Asker(supervisor.name, "keys", supervisor.role, supervisor.teams, (supervisor.name,))


def agent(name: str) -> Asker:
    """Return an agent who keys a code."""
    return Asker(name, "codes", "agent")


def dialplan() -> Asker:
    """Return the dialplan, which asks by FastAGI."""
    return Asker("dialplan", "agi", "dialplan")


def signal() -> Asker:
    """Return the sender of a signal: the operating system lets only root and the service's own user send one."""
    return Asker("system", "signal", OPERATOR)
