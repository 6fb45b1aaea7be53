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
    "second_ear": "windows of the second ear",
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
    heated: Annotated[float, typer.Option(min=0, max=1, help="Share of customers who shout.")] = 0.0,
    second_ear: Annotated[bool, typer.Option(help="Judge suspicious windows again.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Feed one worker with paced media from another process and print its cost and latency.

    Latency counts from the sending of the frame that makes a rule true to the arrival of its alert at the control
    process. Up to one tick (100 ms) of it is the wait for the tick.

    A floor of calm callers beside one with heated ones: compare --heated 0 with --heated 0.05, and --no-second-ear.

    Example: callguard bench --legs 400 --source rtp --seconds 10 --heated 0.05
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
            result = asyncio.run(
                Bench(legs, source, seconds, speech, progress, heated=heated, second_ear=second_ear).run()
            )
        except (MediaError, ModelError, OSError) as error:
            fail(f"bench: {error}")
    if as_json:
        print_json(result)
    else:
        _show(result)


def _show(result: dict[str, Any]) -> None:
    shares = f"speech {result['speech']:.0%}, heated {result['heated']:.0%}"
    title = f"{result['legs']} legs, {result['source']}, {result['seconds']:g} s, {shares}"
    table = Table(title=title, show_header=False)
    for key, title in _TITLES.items():
        table.add_row(title, _cell(result[key]))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_cell(inner)}" for key, inner in value.items())
    return "-" if value is None else f"{value:,}"
