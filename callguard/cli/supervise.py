"""Send signed commands to a running service by the stream; one event answers each."""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from callguard.cli.common import USAGE, ConfigOption, JsonOption, console, fail, print_json, read_config, with_redis
from callguard.config import Config

TIMEOUT_S: Final = 60.0
JOINS: Final = {
    "listen": "Ring a supervisor, who then hears both parties.",
    "whisper": "Ring a supervisor, who then hears both parties and speaks to the agent alone.",
    "barge": "Ring a supervisor, who then speaks with both parties.",
    "takeover": "Ring a supervisor, who then replaces the agent.",
}

CallArgument = Annotated[str, typer.Argument(help="linkedid of the call, see `callguard calls`.")]
SupervisorOption = Annotated[
    str, typer.Option("--supervisor", "-s", help="Name or endpoint of a configured supervisor who has the right.")
]
AnySupervisorOption = Annotated[
    str | None,
    typer.Option("--supervisor", "-s", help="Configured name or endpoint; default: the one in the call."),
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the answer.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for action, meaning in JOINS.items():
        app.command(action, help=f"{meaning}\n\nExample: callguard {action} 1700000000.1 --supervisor Ann")(
            _join(action)
        )
    for name, function in (
        ("set-mode", set_mode), ("stop", stop), ("prompt", prompt), ("ack", ack), ("judge", judge),
        ("opt-out", opt_out),
    ):  # fmt: skip
        app.command(name)(function)


def _join(action: str) -> Any:
    def join(
        call: CallArgument,
        supervisor: SupervisorOption,
        alert: Annotated[str | None, typer.Option(help="Alert that this supervisor takes by joining.")] = None,
        timeout: TimeoutOption = TIMEOUT_S,
        config: ConfigOption = None,
        as_json: JsonOption = False,
    ) -> None:
        settings = read_config(config)[0]
        whole = with_redis(settings, _whole(settings, alert)) if alert else None
        given = {"action": action, "call": call, "supervisor": supervisor, "args": {"alert": whole}}
        ask(given, settings, timeout, as_json)

    return join


def set_mode(
    call: CallArgument,
    mode: Annotated[str, typer.Argument(help="listen, whisper, barge or takeover.")],
    supervisor: AnySupervisorOption = None,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the mode of a supervisor who is in the call.

    Example: callguard set-mode 1700000000.1 barge
    """
    given = {"action": "set_mode", "call": call, "supervisor": supervisor, "args": {"mode": mode}}
    ask(given, read_config(config)[0], timeout, as_json)


def stop(
    call: CallArgument,
    supervisor: AnySupervisorOption = None,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a supervisor from a call, or all of them.

    Example: callguard stop 1700000000.1
    """
    ask({"action": "stop", "call": call, "supervisor": supervisor}, read_config(config)[0], timeout, as_json)


def prompt(
    call: CallArgument,
    name: Annotated[str, typer.Argument(help="Name of the prompt, such as slow-down or let-them-finish.")],
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a prompt that the agent alone hears.

    Example: callguard prompt 1700000000.1 slow-down
    """
    ask({"action": "prompt", "call": call, "args": {"prompt": name}}, read_config(config)[0], timeout, as_json)


def ack(
    alert: Annotated[
        str, typer.Argument(help="Identifier of the alert, or its first characters; see `callguard alerts`.")
    ],
    supervisor: SupervisorOption,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alert: the board shows its owner, and no more phones ring for it.

    Example: callguard ack 3f0c7a12 --supervisor Ann
    """
    settings = read_config(config)[0]
    whole = with_redis(settings, _whole(settings, alert))
    ask({"action": "ack", "supervisor": supervisor, "args": {"alert": whole}}, settings, timeout, as_json)


def judge(
    alert: Annotated[
        str, typer.Argument(help="Identifier of the alert; the first characters suffice for an open one.")
    ],
    verdict: Annotated[str, typer.Argument(help="useful, early or false.")],
    supervisor: SupervisorOption,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a verdict on an alert, as keys 9 and 8 on the phone do; `callguard rules verdicts` learns from it.

    Example: callguard judge 3f0c7a12 false --supervisor Ann
    """
    settings = read_config(config)[0]
    whole = with_redis(settings, _whole(settings, alert))
    args = {"alert": whole, "verdict": verdict}
    ask({"action": "judge", "supervisor": supervisor, "args": args}, settings, timeout, as_json)


def opt_out(
    call: CallArgument,
    timeout: TimeoutOption = TIMEOUT_S,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the analysis of a call and delete its data.

    Example: callguard opt-out 1700000000.1
    """
    ask({"action": "opt_out", "call": call}, read_config(config)[0], timeout, as_json)


async def _whole(config: Config, alert: str) -> str:
    """Return the identifier of the open alert with this beginning; return the text itself where no alert has it."""
    from callguard.bus import Keys, connect
    from callguard.bus.lists import read_floor

    async with connect(config.redis) as client:
        known = (await read_floor(client, Keys(config.redis.prefix))).overview.alerts
    found = [each for each in known if each.startswith(alert)] if alert not in known else [alert]
    if len(found) > 1:
        fail(f"{len(found)} open alerts begin with {alert!r}; give more of the identifier", USAGE)
    return found[0] if found else alert


def ask(given: dict[str, Any], config: Config, timeout_s: float, as_json: bool) -> None:
    """Send a command, wait for its answer and print it; exit with FINDINGS where it was refused or none came."""
    import json

    from callguard.contracts.commands import MalformedCommandError, parse_command

    try:
        command = parse_command(json.dumps({"id": str(uuid.uuid4())} | given))
    except MalformedCommandError as error:
        fail(error.reason, USAGE)
    answer = with_redis(config, _send(config, command, timeout_s))
    if answer is None:
        fail(f"no answer within {timeout_s:g} s: is the service running?")
    if as_json:
        print_json(json.loads(answer.to_json()))
    failed = answer.data.get("reason")
    if failed:
        why = ": ".join(filter(None, (failed, answer.data.get("missing"))))
        raise typer.Exit(1) if as_json else fail(f"{command.action}: {why}")
    if not as_json:
        facts = ", ".join(_fact(name, value) for name, value in answer.data["result"].items() if value is not None)
        console.print(Text(f"{command.action}: done" + (f" ({facts})" if facts else "")), soft_wrap=True)


def _fact(name: str, value: object) -> str:
    if name == "until" and isinstance(value, float):
        return f"until {datetime.fromtimestamp(value).astimezone():%Y-%m-%d %H:%M:%S}"
    return f"{name} {value}"


async def _send(config: Config, command: Any, timeout_s: float) -> Any:
    from callguard.bus import Keys, connect
    from callguard.bus.ask import ask

    sign = _signature(config)
    async with connect(config.redis) as client:
        return await ask(client, Keys(config.redis.prefix), command, timeout_s, sign)


def _signature(config: Config) -> Callable[[str], dict[str, str]]:
    """Return how commands are signed; exit with USAGE where the key can't be read and unsigned ones are refused."""
    from callguard.authority.signature import signed
    from callguard.bus.ask import unsigned
    from callguard.config import ConfigError
    from callguard.config.access import CLI
    from callguard.config.sender_keys import command_line_key

    try:
        key = command_line_key(config)
    except ConfigError as error:
        return unsigned if config.redis.trust == "loopback" else fail("\n".join(error.problems), USAGE)
    return lambda text: signed(CLI, key, time.time(), text)
