"""Survey the PBX for `check --pbx`, and print who would be what."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table

from callguard.cli.common import FINDINGS, console, fail, printable

if TYPE_CHECKING:
    from callguard.config import Config
    from callguard.inventory.expected import Expected
    from callguard.inventory.report import Report

STYLES: Final = {"error": "red", "warning": "yellow"}


def surveyed_pbx(config: "Config", path: Path) -> "Report":
    """Return the comparison of a configuration with its PBX; exit with FINDINGS where the PBX does not answer."""
    from callguard.asterisk.errors import AriError
    from callguard.config import ConfigError
    from callguard.inventory.survey import scopes_of, survey

    try:
        return asyncio.run(survey(config, scopes_of(config, path)))
    except ConfigError as error:
        fail("\n".join(f"asterisk.ari.password: {problem}" for problem in error.problems), FINDINGS)
    except AriError as error:
        fail(f"the PBX does not answer at asterisk.ari.url {config.asterisk.ari.url}: {error}", FINDINGS)


def print_survey(report: "Report") -> None:
    """Print endpoints with their parts, queues, contexts, parking lots, and findings."""
    from callguard.inventory.report import lines

    console.print(f"Asterisk {report.inventory.asterisk}", markup=False)
    print_parts(report.parts)
    for line in lines(report.inventory):
        console.print(printable(line), markup=False, soft_wrap=True)
    for line in report.inventory.unread:
        console.print(f"not read: {printable(line)}", style="yellow", markup=False, soft_wrap=True)
    for finding in report.findings:
        console.print(f"{finding.level:8}", style=STYLES[finding.level], end="")
        where = f"{finding.key}: " if finding.key else ""
        console.print(printable(f"{where}{finding.text}"), markup=False, soft_wrap=True)
        if finding.advice:
            console.print(f"{'':8}→ {printable(finding.advice)}", markup=False, soft_wrap=True)


def print_parts(parts: "tuple[Expected, ...]") -> None:
    """Print a table: endpoint, state, context, part, and the fact that tells the part."""
    from callguard.inventory.report import reach

    table = Table(box=None, pad_edge=False)
    for name in ("endpoint", "state", "context", "would be", "by"):
        table.add_column(name, overflow="fold")
    for each in parts:
        endpoint = each.endpoint
        row = (endpoint.name, reach(endpoint.reachable), endpoint.context, each.shown, each.by)
        table.add_row(*(printable(cell) for cell in row))
    console.print(table, markup=False)
