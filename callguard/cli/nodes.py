"""`callguard status`, and the lines about services below lists: which are alive, and how many calls each hears."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import NoReturn

import typer
from rich.console import Group
from rich.text import Text

from callguard.bus.client import connect
from callguard.bus.heartbeat import read_nodes
from callguard.bus.keys import Keys
from callguard.bus.nodes import NodeView
from callguard.cli.common import (
    FINDINGS,
    ConfigOption,
    JsonOption,
    console,
    errors,
    print_json,
    printable,
    read_config,
    with_redis,
)
from callguard.config import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the services at this Redis: which are alive, how many calls each hears, and which of their parts fail.

    Exit 1 when no service is alive, one is not, or present calls are not heard. docs/operations.md explains each part.

    Example: callguard status --json
    """
    settings = read_config(config)[0]
    nodes = with_redis(settings, _read(settings))
    if as_json:
        print_json({"hears": hears(nodes), "nodes": [_facts(node) for node in nodes]})
    else:
        console.print(Group(*lines(nodes)))
    exit_as(settings, nodes)


def hears(nodes: Iterable[NodeView]) -> bool:
    """Return whether there is a service, and every service hears all calls that it must hear."""
    found = list(nodes)
    return bool(found) and all(node.hears for node in found)


def lines(nodes: Iterable[NodeView]) -> list[Text]:
    """Return how many calls each node hears and which of its parts fail, in red where calls may be unheard."""
    return [text for node in nodes for text in (_line(node), *_parts(node))]


def _line(node: NodeView) -> Text:
    text = str(node.heard) if node.alive else "no sign of life"
    return Text(f"node {printable(node.node)}: {text}", style="" if node.hears else "bold red")


def _parts(node: NodeView) -> list[Text]:
    return [Text(f"  {part}: {printable(why) or 'away'}", style="red") for part, why in node.degraded.items()]


def nobody(config: Config) -> str:
    """Return the message for a Redis without a live service."""
    return f"no CallGuard service is alive at this Redis ({config.redis.url}, prefix {config.redis.prefix})"


def exit_as(config: Config, nodes: list[NodeView]) -> None:
    """End the command: with FINDINGS and a message where a service is not alive or does not hear its calls."""
    if not any(node.alive for node in nodes):
        _fail(nobody(config))
    for node in nodes:
        if not node.alive:
            _fail(f"node {printable(node.node)} is away: no sign of life for 10 s; its calls are not listed")
    if not hears(nodes):
        raise typer.Exit(FINDINGS)


def _fail(sentence: str) -> NoReturn:
    errors.print(sentence, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(FINDINGS)


def _facts(node: NodeView) -> dict[str, object]:
    return {
        "node": node.node,
        "alive": node.alive,
        **asdict(node.heard),
        "degraded": dict(node.degraded),
    }


async def _read(config: Config) -> list[NodeView]:
    async with connect(config.redis) as client:
        return await read_nodes(client, Keys(config.redis.prefix))
