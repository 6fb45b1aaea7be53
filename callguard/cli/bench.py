"""`callguard bench`: throughput and latency on this machine, over real sockets."""

import asyncio
from typing import Annotated, Any, Literal

import typer
from rich.progress import Progress
from rich.table import Table

from callguard.cli.common import JsonOption, console, errors, fail, print_json

_TITLES = {
    "cpu_s_per_leg_s": "CPU seconds a leg and second",
    "legs_per_core": "legs that one core carries",
    "tick_ms": "tick, ms",
    "late_ticks": "late ticks",
    "dropped_frames": "dropped frames",
    "lost_legs": "lost legs",
    "lost_frames": "lost frames",
    "alert_latency_ms": "frame sent to alert received, ms",
    "alerts": "alerts",
    "stage_us_per_leg_s": "stages, µs a leg and second",
    "load": "load generator",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    legs: Annotated[int, typer.Option(min=2, max=20_000, help="Legs; two make a call.")] = 400,
    source: Annotated[Literal["audiosocket", "rtp"], typer.Option(help="How media travels.")] = "audiosocket",
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Seconds of audio.")] = 10,
    speech: Annotated[float, typer.Option(min=0, max=1, help="Share of time in which each party speaks.")] = 0.4,
    as_json: JsonOption = False,
) -> None:
    """Feed one worker with paced media from another process and print its cost and latency.

    Latency counts from the sending of the frame that makes a rule true to the arrival of its alert at the control
    process. Up to one tick (100 ms) of it is the wait for the tick.

    Example: callguard bench --legs 400 --source rtp --seconds 10
    """
    from callguard.control.worker_pool import MediaError
    from callguard.models.card import ModelError
    from callguard.testbed.bench.measure import Bench

    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(phase: str, share: float) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=1.0)
            bar.update(tasks[phase], completed=share)

        try:
            result = asyncio.run(Bench(legs, source, seconds, speech, progress).run())
        except (MediaError, ModelError, OSError) as error:
            fail(f"bench: {error}")
    if as_json:
        print_json(result)
    else:
        _show(result)


def _show(result: dict[str, Any]) -> None:
    table = Table(
        title=f"{result['legs']} legs, {result['source']}, {result['seconds']:g} s, speech {result['speech']:.0%}",
        show_header=False,
    )
    for key, title in _TITLES.items():
        table.add_row(title, _cell(result[key]))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_cell(inner)}" for key, inner in value.items())
    return "-" if value is None else f"{value:,}"
