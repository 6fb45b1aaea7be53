"""`callguard doctor`: check the PBX, and prove that no party hears a leg that it must not hear."""

import asyncio
from typing import Annotated

import typer

from callguard.cli.common import FINDINGS, ConfigOption, JsonOption, console, print_json, queue_scopes, read_config

STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


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
    from callguard.doctor.checks import check_ami, check_asterisk, check_console, check_redis
    from callguard.doctor.findings import Finding, healthy
    from callguard.doctor.parties import check_parties
    from callguard.doctor.selftest import self_test

    settings, path = read_config(config)

    async def examine() -> list[Finding]:
        found = await check_asterisk(settings)
        reachable = healthy([finding for finding in found if finding.area == "ari"])
        found += await check_ami(settings.asterisk.ami)
        found += await check_redis(settings)
        found += await check_console(settings)
        found += await check_parties(settings, queue_scopes(settings, path)) if reachable else []
        return found + (await self_test(settings) if call and reachable else [])

    findings = asyncio.run(examine())
    if as_json:
        print_json({"healthy": healthy(findings), "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            console.print(f"{finding.level:8}", style=STYLES[finding.level], end="")
            console.print(f"{finding.area:10}{finding.text}", markup=False, soft_wrap=True)
            if finding.advice:
                console.print(f"{'':18}→ {finding.advice}", markup=False, soft_wrap=True)
    if not healthy(findings):
        raise typer.Exit(FINDINGS)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)
