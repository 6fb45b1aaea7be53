"""`callguard audit`: prove that the audit stream holds all that was written to it."""

import re
from typing import Annotated, Final

import typer

from callguard.bus import Keys, connect
from callguard.bus.audit import Audited, verify
from callguard.bus.keys import EVENT_FIELD, TYPE_FIELD
from callguard.bus.streams import Entry, pages, tail
from callguard.cli.common import (
    FINDINGS,
    USAGE,
    ConfigOption,
    JsonOption,
    console,
    errors,
    fail,
    print_json,
    read_config,
    with_redis,
)
from callguard.config import Config
from callguard.contracts.events import PREFIX, AuditAnchored, Envelope
from callguard.runtime.anchor import Head, anchor_path, read_anchor
from callguard.runtime.journal import state_folder

NEWEST_EVENTS: Final = 10_000
"""Newest events that are searched for published anchors."""
_ANCHOR: Final = re.compile(r"(\d+):([0-9a-f]{64})")

AnchorOption = Annotated[
    list[str] | None,
    typer.Option("--anchor", help="ENTRIES:HASH that was noted elsewhere, as audit.anchored and the log tell it."),
]
ArchivedOption = Annotated[
    int, typer.Option("--archived", min=0, help="Number of oldest entries that were archived and removed.")
]


def audit(
    anchor: AnchorOption = None, archived: ArchivedOption = 0, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Verify the chain of the audit stream against its anchors: the node's own file, published heads, and --anchor.

    Exit 1 when an entry was changed, inserted or removed, also at an end of the stream, or when the stream was deleted.

    Examples: callguard audit · callguard audit --anchor 120:5f0c…
    """
    settings = read_config(config)[0]
    given = [_parsed(text) for text in anchor or []]
    entries, published = with_redis(settings, _read(settings))
    kept = read_anchor(anchor_path(state_folder(settings.journal.folder), settings.node))
    anchors = [*given, *published, *([kept] if kept else [])]
    found = verify(entries, anchors, archived)
    if as_json:
        print_json(found._asdict() | {"anchors": [head.entries for head in anchors]})
        raise typer.Exit(FINDINGS if found.broken_at or found.missing else 0)
    _tell(found, anchors)


def _tell(found: Audited, anchors: list[Head]) -> None:
    if found.broken_at is not None:
        fail(f"the audit chain is broken at entry {found.broken_at}; {found.entries} entries before it are intact")
    if found.missing is not None:
        fail(f"the audit stream lacks {found.missing}; it holds {found.entries} entries")
    console.print(f"{found.entries} audit entries, chain unbroken")
    if anchors:
        console.print(f"anchored at entry {max(anchors).entries}")
    else:
        text = "no anchor is known here: entries that were cut off at the end can't be missed; see --anchor"
        errors.print(f"warning: {text}", style="yellow", markup=False, soft_wrap=True)


def _parsed(text: str) -> Head:
    match = _ANCHOR.fullmatch(text)
    if match is None:
        fail(f"--anchor {text}: expected ENTRIES:HASH, such as 120:5f0c… with 64 hex digits", USAGE)
    return Head(int(match[1]), match[2])


async def _read(config: Config) -> tuple[list[Entry], list[Head]]:
    keys = Keys(config.redis.prefix)
    async with connect(config.redis) as client:
        entries = [entry async for page in pages(client, keys.audit) for entry in page]
        newest = await tail(client, keys.events, NEWEST_EVENTS)
    told = [each.fields[EVENT_FIELD] for each in newest if each.fields.get(TYPE_FIELD) == PREFIX + AuditAnchored.TYPE]
    facts = [Envelope.model_validate_json(text).data for text in told]
    return entries, [Head(int(fact["entries"]), str(fact["hash"])) for fact in facts]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)
