"""`callguard simulate`: the simulated PBX."""

import asyncio
import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from callguard.cli.common import USAGE, JsonOption, console, fail, print_json
from callguard.config import ConfigError

PASSWORD_VARIABLE = "CALLGUARD_ARI_PASSWORD"  # noqa: S105 -- the variable's name


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    scenario: Annotated[str | None, typer.Argument(help="A YAML file, or the name of a shipped scenario.")] = None,
    shipped: Annotated[bool, typer.Option("--list", help="List the shipped scenarios and exit.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of ARI; 0: any free.")] = 0,
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="Speed as a multiple of real time.")] = 1.0,
    record: Annotated[Path | None, typer.Option(help="Folder for a WAV of the audio that each phone heard.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Start when an ARI application has connected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a scenario on a simulated PBX: real ARI and real media on loopback, without Asterisk or phones.

    CALLGUARD_ARI_PASSWORD holds the password of ARI's user `callguard`.

    Example: callguard simulate angry --port 8088 --wait
    """
    from callguard.testbed.simulator.scenario import find, load
    from callguard.testbed.simulator.scenario import shipped as all_shipped

    if shipped:
        scenarios = {name: load(path).title for name, path in all_shipped().items()}
        print_json(scenarios) if as_json else _print_list(scenarios)
        return
    if scenario is None:
        fail("name a scenario, or see them with --list", USAGE)
    try:
        path = find(scenario)
        if record is not None:
            _make_folder(record)
        asyncio.run(_run(path, port=port, speed=speed, record=record, wait=wait, as_json=as_json))
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
    except KeyboardInterrupt:
        fail("interrupted")
    except OSError as error:
        fail(f"port {port}: {error.strerror}")


def _print_list(scenarios: dict[str, str]) -> None:
    for name, title in scenarios.items():
        console.print(f"{name:<12} {title}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)


async def _run(path: Path, *, port: int, speed: float, record: Path | None, wait: bool, as_json: bool) -> None:
    from callguard.testbed.simulator.director import Director
    from callguard.testbed.simulator.narration import line
    from callguard.testbed.simulator.objects import Json
    from callguard.testbed.simulator.scenario import load
    from callguard.testbed.simulator.server import Simulator
    from callguard.testbed.simulator.sound import save

    scenario = load(path)
    password = os.environ.get(PASSWORD_VARIABLE)
    simulator = Simulator(port=port, password=password or secrets.token_urlsafe(), speed=speed)

    def observe(event: Json) -> None:
        if as_json:
            print_json(event)
        elif text := line(event):
            console.print(f"{simulator.clock.elapsed:7.2f} s  {text}", markup=False, soft_wrap=True)

    simulator.observers.append(observe)
    async with simulator:
        if not as_json:
            console.print(f"{scenario.title}: ARI on {simulator.url}, user callguard", markup=False, soft_wrap=True)
            if password is None:
                console.print(
                    f"{PASSWORD_VARIABLE} is not set: no program can connect; the call runs by itself", soft_wrap=True
                )
        if wait:
            await simulator.until(lambda: simulator.applications.any_active)
        director = Director(simulator, scenario, path.parent)
        for phone in simulator.phones.values():
            phone.recorded = record is not None
        await director.finished()
    for phone in simulator.phones.values() if record else ():
        save(Path(str(record)) / f"{phone.endpoint.replace('/', '-')}.wav", phone.ears())
    if not as_json:
        console.print(f"over after {simulator.clock.elapsed:.1f} s")
