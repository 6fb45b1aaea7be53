"""Read the keys of the senders of commands: those that the configuration names, and the node's own."""

from typing import Final

import structlog

from callguard.config import Config, ConfigError
from callguard.config.access import CLI
from callguard.config.redis import on_this_machine
from callguard.runtime.journal import state_folder
from callguard.runtime.node_key import key_path, made_key, read_key

log = structlog.get_logger(__name__)

SHORTEST: Final = 16
"""Least number of characters of a configured key."""


def configured_keys(config: Config) -> tuple[dict[str, str], list[str]]:
    """Return the key of each configured sender, and one line for each key that can't be used."""
    keys: dict[str, str] = {}
    problems: list[str] = []
    for name, sender in config.redis.senders.items():
        path = f"redis.senders.{name}.key"
        try:
            key = sender.key.read().get_secret_value()
        except ConfigError as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
            continue
        if len(key) < SHORTEST:
            problems.append(f"{path}: has {len(key)} characters; must have at least {SHORTEST}")
        else:
            keys[name] = key
    return keys, problems


def doubtful_senders(config: Config) -> list[str]:
    """Return one line for each thing that keeps programs from sending commands."""
    problems = configured_keys(config)[1]
    if not config.redis.senders and not on_this_machine(config.redis.url):
        problems.append(
            f"redis.senders: none, and redis.url is {config.redis.url}: only this node's command line and console can "
            "send commands; give each program that sends some an entry with a key"
        )
    return problems


def keys_in_force(config: Config) -> dict[str, str]:
    """Return the key of each sender whom a node accepts; make the node's own key where there is none.

    Without its key a sender is refused. The service runs nevertheless: other senders and the console can still act.
    """
    keys, problems = configured_keys(config)
    if CLI not in config.redis.senders:
        path = key_path(state_folder(config.journal.folder), config.node)
        try:
            keys[CLI] = made_key(path)
        except OSError as error:
            problems.append(f"the node's own key can't be kept: {error}; its command line can't send commands")
    for problem in problems:
        log.warning("sender_refused", problem=problem)
    return keys


def command_line_key(config: Config) -> str:
    """Return the key by which the command line signs. Raises ConfigError with the remedy."""
    if CLI in config.redis.senders:
        keys, problems = configured_keys(config)
        if CLI in keys:
            return keys[CLI]
        raise ConfigError([problem for problem in problems if problem.startswith(f"redis.senders.{CLI}.")])
    path = key_path(state_folder(config.journal.folder), config.node)
    try:
        return read_key(path)
    except OSError as error:
        why = error.strerror or str(error)
        text = f"{path}: {why}: the running service keeps its key there, and its commands are signed with it"
        raise ConfigError([f"{text}; run as the service's user or root, or configure redis.senders.{CLI}"]) from error
