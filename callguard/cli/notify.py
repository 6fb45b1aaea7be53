"""`callguard notify test`: send one alert through every receiver."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callguard.cli.common import FINDINGS, USAGE, ConfigOption, JsonOption, console, fail, print_json, read_config

if TYPE_CHECKING:
    from callguard.config import Config
    from callguard.notify.ami import AmiSend
    from callguard.notify.cel import Mark
    from callguard.notify.probe import Probed

AMI_S: Final = 5.0
"""Time limit of the connection to AMI in seconds."""

app = typer.Typer(no_args_is_help=True, help="Receivers of alerts: webhooks, e-mail, Asterisk's own records.")


@app.command("test")
def try_receivers(
    receivers: Annotated[
        list[str] | None,
        typer.Argument(help="Receivers to test, as in `actions`: webhook:NAME, email:NAME…; default: all."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send one alert through every configured receiver and print each outcome. The service need not run.

    The alert has the rule NotifyTest and severity none. Exit 1 when a receiver did not take it, or none is configured.

    Example: callguard notify test webhook:chat
    """
    from callguard.config import ConfigError

    settings, path = read_config(config)
    try:
        probed = asyncio.run(_probe(settings, receivers or []))
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    if as_json:
        print_json([each._asdict() for each in probed])
    else:
        _show(probed, str(path))
    raise typer.Exit(0 if probed and all(each.taken for each in probed) else FINDINGS)


def _show(probed: "list[Probed]", path: str) -> None:
    if not probed:
        fail(f"{path}: notify names no receiver: see docs/configuration.md")
    width = max(len(each.receiver) for each in probed)
    for each in probed:
        came = f"taken in {each.seconds:.2f} s" if each.taken else f"not taken: {each.reason}"
        console.print(
            f"{each.receiver:{width}}  {came}", style=None if each.taken else "red", markup=False, soft_wrap=True
        )


async def _probe(config: "Config", wanted: list[str]) -> "list[Probed]":
    import aiohttp

    from callguard.config import ConfigError
    from callguard.notify.probe import probe
    from callguard.notify.receivers import build_senders

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        ami = await stack.enter_async_context(_ami(config))
        mark = await stack.enter_async_context(_mark(config))
        senders = build_senders(config.notify, session, ami, mark)
        if unknown := [name for name in wanted if name not in senders]:
            raise ConfigError([f"no receiver {', '.join(unknown)}; configured: {', '.join(senders) or 'none'}"])
        return await probe({name: send for name, send in senders.items() if not wanted or name in wanted}, config.node)


@asynccontextmanager
async def _ami(config: "Config") -> "AsyncIterator[AmiSend | None]":
    """Yield a function that sends AMI actions, if a receiver needs it; it fails while AMI is unreachable."""
    if not (config.asterisk.ami.enabled and (config.notify.queue_log or config.notify.user_event)):
        yield None
        return
    from callguard.asterisk.ami import AmiClient
    from callguard.runtime.tasks import end

    connected = asyncio.Event()
    client = AmiClient(config.asterisk.ami, lambda _: None, lambda *_: connected.set())
    task = asyncio.create_task(client.run())
    await asyncio.wait([asyncio.create_task(connected.wait())], timeout=AMI_S)
    try:
        yield client.act
    finally:
        await end(task)


@asynccontextmanager
async def _mark(config: "Config") -> "AsyncIterator[Mark | None]":
    """Yield a function that writes marks into CEL, if CEL is a receiver."""
    if not config.notify.cel:
        yield None
        return
    from callguard.asterisk.client import AriClient
    from callguard.asterisk.marks import MARK_CONTEXT, MARK_VARIABLE
    from callguard.asterisk.names import name, new_id

    async with AriClient(config.asterisk.ari) as client:

        async def mark(call: str, text: str) -> None:
            del call  # there is none
            channel = name(client.app, "mark", new_id())
            await client.run_dialplan(channel, context=MARK_CONTEXT, of=None, variables={MARK_VARIABLE: text})

        yield mark


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="notify")
