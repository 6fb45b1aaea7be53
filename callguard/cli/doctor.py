"""`callguard doctor`: check the PBX, and prove that no party hears a leg that it must not hear."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callguard.cli.common import (
    FINDINGS,
    ConfigOption,
    JsonOption,
    console,
    print_json,
    printable,
    read_config,
)

if TYPE_CHECKING:
    from callguard.doctor.findings import Finding

STYLES: Final = {"ok": "green", "warning": "yellow", "error": "red"}


def doctor(
    config: ConfigOption = None,
    call: Annotated[bool, typer.Option("--call/--no-call", help="Place the self-test call.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Connect to Asterisk (ARI, AMI) and Redis, look for harmful settings, and place a self-test call.

    The call joins three parties of CallGuard's own, so no phone rings. It proves that each tap carries its own leg
    only, and that a whisper reaches the agent and never the customer. Who would be what is told too, with patterns,
    queues, teams and phones that match nothing on the PBX. Exit 1 when a check fails.

    Example: callguard doctor --config /etc/callguard/callguard.yaml
    """
    from callguard.doctor.examination import examine
    from callguard.doctor.findings import healthy
    from callguard.inventory.survey import scopes_of

    settings, path = read_config(config)
    findings = asyncio.run(examine(settings, scopes_of(settings, path), call=call))
    if as_json:
        print_json({"healthy": healthy(findings), "findings": [finding.as_json() for finding in findings]})
    else:
        print_findings(findings)
    if not healthy(findings):
        raise typer.Exit(FINDINGS)


def print_findings(findings: Iterable["Finding"]) -> None:
    """Print one line for each finding, and its advice below it."""
    for finding in findings:
        console.print(f"{finding.level:8}", style=STYLES[finding.level], end="")
        console.print(f"{finding.area:10}{printable(finding.text)}", markup=False, soft_wrap=True)
        if finding.advice:
            console.print(f"{'':18}→ {printable(finding.advice)}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)
