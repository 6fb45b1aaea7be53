"""`callguard silence`: start, end and list silences."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from callguard.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    console,
    fail,
    print_json,
    printable,
    read_config,
    with_redis,
)
from callguard.cli.supervise import TIMEOUT_S, TimeoutOption, ask
from callguard.config import Config

if TYPE_CHECKING:
    from callguard.alerts.silences import Silence
    from callguard.bus.nodes import NodeView

SHORT = 8
"""Characters shown of a silence's identifier, if they suffice to tell it from the others."""

group = typer.Typer(invoke_without_command=True)


@dataclass(frozen=True)
class Found:
    """A silence in force, its node, and the open alerts that it holds back."""

    silence: "Silence"
    node: str
    holds: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the facts for a program."""
        silence = self.silence
        times = {"since": silence.since, "until": silence.until}
        return {"silence": silence.id, "by": silence.by, "why": silence.why, **times, **silence.scope.model_dump(),
                "node": self.node, "holds": list(self.holds)}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="silence")


@group.callback()
def silence(
    context: typer.Context,
    *,
    supervisor: Annotated[str | None, typer.Option("--supervisor", "-s", help="Who silences; required.")] = None,
    why: Annotated[str | None, typer.Option(help="Reason, shown to all users; required.")] = None,
    rule: Annotated[str | None, typer.Option(help="Name of the rule, or a pattern; default: all.")] = None,
    queue: Annotated[str | None, typer.Option(help="Queue, or a pattern; default: all.")] = None,
    agent: Annotated[str | None, typer.Option(help="Agent, or a pattern; default: all.")] = None,
    call: Annotated[str | None, typer.Option(help="linkedid of one call; default: all.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=7 * 1440, help="How long.")] = 60.0,
    end: Annotated[str | None, typer.Option(help="End this silence now; its first characters suffice.")] = None,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop matching alerts from ringing phones for a time; the board still shows them. `list` shows the silences.

    An agent's own cry for help (*55) and a report of abuse (*56) ring in spite of every silence.

    Example: callguard silence --supervisor Ann --queue training --minutes 90 --why "new starters"
    and then: callguard silence --supervisor Ann --end SILENCE --why "they are ready"
    """
    if context.invoked_subcommand:
        return
    if supervisor is None or why is None:
        missing = " and ".join(name for name, value in (("--supervisor", supervisor), ("--why", why)) if value is None)
        fail(f"silence needs {missing}; `callguard silence list` shows the silences in force", USAGE)
    settings = read_config(config)[0]
    ends = _whole(end, with_redis(settings, _read(settings))[0]) if end else None
    args = {"rule": rule, "queue": queue, "agent": agent, "duration_s": minutes * 60, "why": why, "ends": ends}
    ask({"action": "silence", "call": call, "supervisor": supervisor, "args": args}, settings, timeout, as_json)


@group.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the silences in force: what each covers, until when, by whom and why, and the alerts that it holds back.

    Exit 1 when a service is not alive: its silences hold again after its restart, and are listed.

    Example: callguard silence list
    """
    from callguard.cli.nodes import exit_as

    settings = read_config(config)[0]
    found, nodes = with_redis(settings, _read(settings))
    if as_json:
        print_json([each.as_json() for each in found])
    else:
        console.print(_table(found, time.time()) if found else "nothing is silenced")
    if not nodes or not all(node.alive for node in nodes):
        exit_as(settings, nodes)


async def _read(config: Config) -> "tuple[list[Found], list[NodeView]]":
    from callguard.alerts.parts import assemble
    from callguard.bus import Keys, connect
    from callguard.bus.lists import read_floor

    keys, now = Keys(config.redis.prefix), time.time()
    found: list[Found] = []
    async with connect(config.redis) as client:
        overview, nodes = await read_floor(client, keys)
        for node in (view.node for view in nodes):
            parts: Any = client.hgetall(keys.alert_state(node))  # typed as if it might not be awaitable
            for silence in assemble(await parts).silences:
                held = (alert.alert for alert in overview.alerts.values() if alert.silenced_by == silence.id)
                found += [Found(silence, node, tuple(held))] if silence.until > now else []
    return sorted(found, key=lambda each: each.silence.until), nodes


def _whole(given: str, found: list[Found]) -> str:
    """Return the identifier of the silence with this beginning; return the text itself where no silence has it."""
    matching = {each.silence.id for each in found if each.silence.id.startswith(given)}
    if len(matching) > 1 and given not in matching:
        fail(f"{len(matching)} silences begin with {given!r}; give more of the identifier", USAGE)
    return next(iter(matching)) if len(matching) == 1 else given


def _table(found: list[Found], now: float) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("Silence", "Until"):
        table.add_column(name, no_wrap=True)
    for name in ("What", "By", "Why"):
        table.add_column(name, overflow="fold")
    table.add_column("Holds", justify="right", no_wrap=True)
    for each in found:
        silence = each.silence
        cells = (silence.id[:SHORT], _until(silence.until, now), _scope(silence), silence.by, silence.why)
        table.add_row(*(Text(printable(cell)) for cell in cells), str(len(each.holds)))
    return table


def _scope(silence: "Silence") -> str:
    given = {name: value for name, value in silence.scope.model_dump().items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "everything"


def _until(until: float, now: float) -> str:
    shown = datetime.fromtimestamp(until).astimezone()
    same_day = shown.date() == datetime.fromtimestamp(now).astimezone().date()
    return f"{shown:%H:%M}" if same_day else f"{shown:%a %d %b %H:%M}"
