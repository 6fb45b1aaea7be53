"""`callguard doctor`: check the PBX, and prove that no party hears a leg that it must not hear."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from callguard.cli.common import (
    FINDINGS,
    USAGE,
    ConfigOption,
    JsonOption,
    console,
    fail,
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
    phone: Annotated[
        list[str] | None,
        typer.Option(help="Endpoint of a real phone to ring, such as PJSIP/201; at most two.", metavar="ENDPOINT"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Connect to Asterisk (ARI, AMI) and Redis, look for harmful settings, and place a self-test call.

    The call joins three parties of CallGuard's own, so no phone rings. It proves that each tap carries its own leg
    only, and that a whisper reaches the agent and never the customer. Who would be what is told too, with patterns,
    queues, teams and phones that match nothing on the PBX. Exit 1 when a check fails.

    With --phone, a real phone rings and its user says what is heard: key 1 for heard, 2 for not heard. One phone takes
    the agent's part and hears a whisper. Two phones, --phone PJSIP/201 --phone PJSIP/202, talk with each other and are
    tapped as `run` does; only this shows whether bridge_native_rtp deafens them. A phone that sends back what it plays
    needs nobody.

    Example: callguard doctor --config /etc/callguard/callguard.yaml
    """
    from callguard.doctor.examination import examine
    from callguard.doctor.findings import healthy
    from callguard.inventory.survey import scopes_of

    phones = _phones(phone or [])
    settings, path = read_config(config)
    if phones and not as_json:
        console.print(f"Answer {' and '.join(phones)}, then follow the voice: key 1 if you hear it, 2 if you do not.")
    findings = asyncio.run(examine(settings, scopes_of(settings, path), call=call, phones=phones))
    if as_json:
        print_json({"healthy": healthy(findings), "findings": [finding.as_json() for finding in findings]})
    else:
        print_findings(findings)
    if not healthy(findings):
        raise typer.Exit(FINDINGS)


def _phones(given: list[str]) -> list[str]:
    """Return the phones to ring; exit where they are no endpoints or too many."""
    from callguard.asterisk.names import device_of
    from callguard.doctor.phones import MOST

    if len(given) > MOST or len(set(given)) < len(given):
        fail(f"--phone: {', '.join(given)}: give one phone, or two different ones", USAGE)
    for name in given:
        if device_of(name) is None:
            fail(f"--phone: {name!r} is no phone; one looks like PJSIP/201", USAGE)
    return given


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
