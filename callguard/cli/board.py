"""Show calls, alerts and nodes in a terminal: live board, lists."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from redis.exceptions import RedisError
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from callguard.bus import Keys, connect
from callguard.bus.lists import Floor, read_floor
from callguard.bus.nodes import NodeView
from callguard.bus.overview import AlertView, CallView, Overview
from callguard.bus.overview import as_json as facts_of
from callguard.bus.streams import last_id, read_after
from callguard.cli.common import (
    ConfigOption,
    JsonOption,
    console,
    fail,
    print_json,
    printable,
    read_config,
    with_redis,
)
from callguard.cli.nodes import exit_as, lines, nobody
from callguard.config import Config
from callguard.contracts.events import PREFIX, NodeHearing

SHAPES: Final = {"info": "●", "warning": "▲", "critical": "■"}
STYLES: Final = {"info": "blue", "warning": "yellow", "critical": "bold red"}
BARS: Final = "▁▂▃▄▅▆▇█"
NARROW: Final = 110
"""Width of a terminal in characters below which a list leaves out some columns."""
WORD: Final = 12
"""Least width of a wrapped column in characters, so that words stay whole."""
NAME: Final = 8
"""Least width of a wrapped column of short words."""
SHORT: Final = 8
"""Characters shown of an alert's identifier, if they suffice to tell it from the others."""
AWAY_S: Final = 10.0
"""Seconds without Redis after which `watch` ends with the error."""
AGAIN_S: Final = 0.5

SecondsOption = Annotated[float | None, typer.Option("--seconds", min=0.1, help="End after this many seconds.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (watch, calls, alerts):
        app.command()(function)


def watch(seconds: SecondsOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the live board; events, one a line, where the output is no terminal or with --json.

    Exit 1 when no service is alive at the start or at the end.

    Example: callguard watch
    """
    settings = read_config(config)[0]
    deadline = time.monotonic() + (seconds or float("inf"))
    _alive(settings)
    show = _show_board if sys.stdout.isatty() and not as_json else _Lines(as_json)
    with_redis(settings, _going_on(show, settings, deadline))
    _alive(settings)


def calls(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the present calls, those that need a supervisor first.

    Exit 1 when a service is not alive, or present calls are not heard: the list may then be incomplete.

    Example: callguard calls --json
    """
    settings = read_config(config)[0]
    overview, nodes = with_redis(settings, _floor(settings))
    if as_json:
        print_json([_call_facts(overview, call) for call in overview.by_need()])
    else:
        _print_list(_call_table(overview, time.time()) if overview.calls else "no calls", nodes)
    exit_as(settings, nodes)


def alerts(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the open alerts, the most urgent first.

    Exit 1 when a service is not alive, or present calls are not heard: alerts may then be missing.

    Example: callguard alerts
    """
    settings = read_config(config)[0]
    overview, nodes = with_redis(settings, _floor(settings))
    found = sorted(overview.alerts.values(), key=lambda alert: (-alert.rank, alert.since))
    if as_json:
        print_json([facts_of(alert) for alert in found])
    else:
        _print_list(_alert_table(overview, found, time.time()) if found else "no open alerts", nodes)
    exit_as(settings, nodes)


async def _floor(config: Config) -> Floor:
    async with connect(config.redis) as client:
        return await read_floor(client, Keys(config.redis.prefix))


def _print_list(found: Table | str, nodes: list[NodeView]) -> None:
    """Print a list, and below it the number of calls that are heard. A dead service adds no items to the list."""
    if not any(node.alive for node in nodes):
        return
    console.print(Group(found, *lines(nodes)))


def _alive(config: Config) -> None:
    """Exit when no service is alive."""
    nodes = with_redis(config, _floor(config)).nodes
    if not any(node.alive for node in nodes):
        fail(nobody(config))


async def _going_on(show: Callable[[Config, float], Awaitable[None]], config: Config, deadline: float) -> None:
    """Show to the deadline. Redis may move to another server meanwhile, or be away for AWAY_S."""
    away_since = None
    while True:
        began = time.monotonic()
        try:
            return await show(config, deadline)
        except (RedisError, OSError):
            now = time.monotonic()
            if away_since is None or now - began > AWAY_S:
                away_since = now
            if now - away_since > AWAY_S:
                raise
            await asyncio.sleep(AGAIN_S)


class _Lines:
    """Prints events as they arrive, one in each line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._heard: dict[str, tuple[int, int]] = {}
        self._position = ""

    async def __call__(self, config: Config, deadline: float) -> None:
        keys = Keys(config.redis.prefix)
        async with connect(config.redis) as client:
            self._position = self._position or await last_id(client, keys.events)
            while (left_s := deadline - time.monotonic()) > 0:
                block_ms = max(1, round(min(1.0, left_s) * 1000))
                for entry in await read_after(client, keys.events, self._position, block_ms):
                    self._position = entry.id
                    self._print(entry.fields.get("event", ""))

    def _print(self, text: str) -> None:
        event = json.loads(text)
        if self._as_json or not self._repeats(event):
            sys.stdout.write((text if self._as_json else printable(_in_words(event))) + "\n")
            sys.stdout.flush()

    def _repeats(self, event: dict[str, Any]) -> bool:
        """Return whether an event is a sign of life alone: the same count of heard calls again."""
        data = event["data"]
        if event["type"] != PREFIX + NodeHearing.TYPE:
            return False
        before, self._heard[data["node"]] = self._heard.get(data["node"]), (data["heard"], data["calls"])
        return before == self._heard[data["node"]]


def _in_words(event: dict[str, Any]) -> str:
    names = ("queue", "agent", "rule", "supervisor", "reason", "heard", "calls")
    facts = [f"{name}={event['data'][name]}" for name in names if event["data"].get(name) not in (None, "")]
    return f"{event['time'][:19]} {event['type'].removeprefix(PREFIX)} {event.get('subject', '')} {' '.join(facts)}"


async def _show_board(config: Config, deadline: float) -> None:
    """Redraw the board at each message of the bus, and every second for the clocks."""
    keys = Keys(config.redis.prefix)
    async with connect(config.redis) as client, client.pubsub() as wake:
        await wake.subscribe(keys.wake)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while time.monotonic() < deadline:
                live.update(_board(await read_floor(client, keys), time.time(), config), refresh=True)
                await wake.get_message(timeout=min(1.0, max(0.0, deadline - time.monotonic())))


def _board(floor: Floor, now: float, config: Config) -> Group:
    overview, nodes = floor
    open_alerts = sorted((a for a in overview.alerts.values() if a.rank), key=lambda alert: (-alert.rank, alert.since))
    troubles = _troubles(nodes, config)
    quiet = [] if troubles else [Text("✓ All quiet", style="bold green")]
    head = [_alert_table(overview, open_alerts, now)] if open_alerts else quiet
    return Group(*troubles, *head, Text(), _call_table(overview, now))


def _troubles(nodes: list[NodeView], config: Config) -> list[Text]:
    """Return the faults of the services; with a fault the board does not show "All quiet"."""
    if not any(node.alive for node in nodes):
        return [Text(f"✗ {nobody(config)}", style="bold red")]
    return lines(node for node in nodes if not node.hears or node.degraded)


def _call_table(overview: Overview, now: float) -> Table:
    table, narrow = Table(box=None, header_style="bold"), _narrow()
    _columns(table, ("Call",), whole=True)
    _columns(table, ("Agent",) if narrow else ("Queue", "Agent"), whole=not narrow, width=NAME)
    _columns(table, ("Time",), whole=True)
    _columns(table, ("Voice",) if narrow else ("Raised voice",), whole=not narrow, width=NAME)
    _columns(table, ("Alerts", "With"), whole=False)
    for call in overview.by_need():
        mine = [alert for alert in overview.alerts_of(call.call) if alert.rank]
        people = Text(", ").join(map(_whereabouts, call.supervisors.values()))
        shown = mine[:1] if narrow else mine
        names = _names(shown).append(f"+{len(mine) - len(shown)}" if len(mine) > len(shown) else "")
        where = (_beneath(call.agent, call.queue),) if narrow else (_text(call.queue or ""), _text(call.agent or ""))
        table.add_row(_text(call.call), *where, _text(_duration(now - call.started_at)), _voice(overview, call), names,
                      people)  # fmt: skip
    return table


def _beneath(agent: str | None, queue: str | None) -> Text:
    """Return an agent, and the queue in the line below."""
    return Text("\n").join(_text(name) for name in (agent, queue) if name)


def _whereabouts(supervisor: dict[str, str]) -> Text:
    why = f": {supervisor['why']}" if "why" in supervisor else ""
    state = "" if supervisor["state"] == "joined" else f", {supervisor['state']}{why}"
    style = "bold red" if supervisor["state"] == "cutting" else ""
    return Text(printable(f"{supervisor['supervisor']} ({supervisor['mode']}{state})"), style)


def _alert_table(overview: Overview, found: list[AlertView], now: float) -> Table:
    table = Table(box=None, header_style="bold")
    _columns(table, ("Alert", ""), whole=True)
    _columns(table, ("What",), whole=False)
    _columns(table, ("Call",) if _narrow() else ("Call", "Queue", "Agent"), whole=True)
    _columns(table, ("State",), whole=False)
    _columns(table, ("Since",), whole=True)
    length = _telling(alert.alert for alert in found)
    for alert in found:
        what = alert.annotations.get("summary") or alert.rule
        nobody = overview.nobody_free(alert)
        state = f"{alert.state} by {alert.by}" if alert.by else f"{alert.state}, {nobody}" if nobody else alert.state
        where = (alert.call,) if _narrow() else (alert.call, alert.queue or "", alert.agent or "")
        cells = (what, *where, state, _duration(now - alert.since))
        table.add_row(_text(alert.alert[:length]), _names([alert], rule=False), *map(_text, cells))
    return table


def _narrow() -> bool:
    """Return whether the terminal is too narrow for all columns; `calls` shows the others, --json shows everything."""
    return console.width < NARROW


def _columns(table: Table, names: Iterable[str], *, whole: bool, width: int = WORD) -> None:
    """Add columns; columns with text that users type are never shrunk, the others not below `width` characters."""
    for name in names:
        table.add_column(name, no_wrap=whole, overflow="fold", min_width=None if whole else width)


def _telling(identifiers: Iterable[str]) -> int:
    """Return the number of characters that distinguish the identifiers; `ack` accepts as few."""
    known = set(identifiers)
    longest = max(map(len, known), default=0)
    return next((n for n in range(SHORT, longest) if len({each[:n] for each in known}) == len(known)), longest)


def _names(found: list[AlertView], rule: bool = True) -> Text:
    names = Text()
    for alert in found:
        shape = SHAPES.get(alert.severity, SHAPES["warning"])
        label = alert.rule if rule else alert.severity
        names.append(f"{shape} {printable(label)} ", style=STYLES.get(alert.severity, STYLES["warning"]))
    return names


def _voice(overview: Overview, call: CallView) -> Text:
    if call.unheard:
        return Text(f"✗ not heard: {printable(call.unheard.get('why', ''))}", style="bold red")
    snapshot = overview.signals.get(call.call)
    value = snapshot.customer.get("raised_voice") if snapshot else None
    if value is None:
        why = snapshot.unjudged.get("customer", "") if snapshot else ""
        return Text(f"– {printable(why)}".strip(), style="dim")
    bar = BARS[min(len(BARS) - 1, int(value * len(BARS)))]
    return Text(f"{bar} {value:.0%}")


def _call_facts(overview: Overview, call: CallView) -> dict[str, Any]:
    snapshot = overview.signals.get(call.call)
    return {
        **facts_of(call),
        "alerts": [alert.alert for alert in overview.alerts_of(call.call)],
        "signals": asdict(snapshot) if snapshot else None,
    }


def _text(value: object) -> Text:
    return Text(printable(value))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"
