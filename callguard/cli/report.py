"""`callguard report`: one call's timeline."""

from pathlib import Path
from typing import Annotated

import typer

from callguard.cli.common import ConfigOption, JsonOption, console, fail, print_json, read_config, with_redis
from callguard.config import Config
from callguard.contracts.events import Envelope


def report(
    call: Annotated[str, typer.Argument(help="linkedid of the call, as `callguard calls` and events name it.")],
    out: Annotated[Path | None, typer.Option(help="HTML file to write; default: report-CALL.html.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write one call's timeline, with the evidence of its alerts, as a self-contained page.

    The stream must still hold the call's events (redis.events_maxlen). Example: callguard report 1732250000.17
    """
    from callguard.report import page, timeline

    settings, _ = read_config(config)
    found = timeline(call, with_redis(settings, _events(settings, call)))
    if found is None:
        fail(f"no events of call {call!r} in the stream")
    if as_json:
        print_json(found.as_json())
        return
    path = out or Path(f"report-{call}.html")
    try:
        path.write_text(page(found), "utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    console.print(str(path), markup=False, soft_wrap=True)


async def _events(config: Config, call: str) -> list[Envelope]:
    """Read the whole stream, page by page, and return the events of the call."""
    from callguard.bus import Keys, connect
    from callguard.bus.keys import CALL_FIELD, EVENT_FIELD
    from callguard.bus.streams import pages

    kept: list[Envelope] = []
    async with connect(config.redis) as client:
        async for page in pages(client, Keys(config.redis.prefix).events):
            kept += [
                Envelope.model_validate_json(each.fields[EVENT_FIELD])
                for each in page
                if each.fields.get(CALL_FIELD) == call
            ]
    return kept


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)
