"""Run a floor on a real Asterisk while parts are killed, stopped and cut at random; check every call and alert.

    python -m benchmarks.chaos --minutes 10 --seed 1

Real SIP phones call, consult and are joined by supervisors beside `callguard run`, a Valkey and a webhook receiver. The
seed draws storms, in which two or three parts fail at once. At the end, every phone's recording is searched for
forbidden voices and for unexpected silence. Every alert that a dry run of the same voices fires must have been sent,
and no object may be left in Asterisk. The program prints one table and a verdict, with exit 1 where a check failed.
With `--calm` no part fails, so all problems come from the floor itself.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.chaos_alerts import Alerts, account
from benchmarks.chaos_calls import People
from benchmarks.chaos_floor import Floor
from benchmarks.chaos_plan import WEATHER, Fault, Kind, storms
from benchmarks.chaos_records import Cast
from benchmarks.chaos_report import Run, figures, problems, table

SETTLE_S: Final = 40.0
"""Seconds after the last call for objects to leave Asterisk and for messages to be sent."""
LOOK_S: Final = 0.5


async def within(seconds: float, done: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until `done` holds, at most `seconds`; return whether it does."""
    for _ in range(round(seconds / LOOK_S)):
        if await done():
            return True
        await asyncio.sleep(LOOK_S)
    return False


async def dry_run(people: People, cast: Cast, rules: Path) -> dict[int, dict[str, float]]:
    """Return by line the times at which each rule fires on the customer's voice by `callguard analyze`, in s."""
    voices = {str(people.voice(cast.customer(line))): line for line in range(1, cast.lines + 1)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callguard", "analyze", "--json", "--rules", str(rules), *voices),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return {
        voices[told["file"]]: {alert["rule"]: alert["fired_at_s"] for alert in told["alerts"]}
        for told in _objects(printed.decode())
    }


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a text that holds one after another."""
    found: list[dict[str, Any]] = []
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


async def storm(floor: Floor, faults: Sequence[Fault]) -> None:
    """Cause each fault at its time."""
    began = floor.now

    async def at_its_time(fault: Fault) -> None:
        await asyncio.sleep(max(0.0, began + fault.at_s - floor.now))
        print(f"{floor.now:7.1f} s  {fault.kind} for {fault.for_s:g} s", flush=True)
        await floor.strike(fault)

    async with asyncio.TaskGroup() as group:
        for fault in faults:
            group.create_task(at_its_time(fault))


async def main(minutes: float, seed: int, lines: int, kinds: Collection[Kind], keep: Path | None) -> int:
    """Run the floor, print the results and return the exit status."""
    faults = storms(60 * minutes, seed, kinds)
    cast = Cast(lines)
    with tempfile.TemporaryDirectory(prefix="callguard-chaos-") as name:
        folder = _folder(keep, seed) if keep else Path(name)
        async with Floor(cast, folder, Random(seed)) as floor:
            people = People(floor, seed)
            await asyncio.to_thread(people.make_voices, floor.folder)
            dry = await dry_run(people, cast, floor.rules)
            await _play(floor, people, 60 * minutes, faults)
            run = await _settle(floor, people, dry)
    found = problems(run)
    print(table(figures(run)))
    for kind, many in run.complaints.most_common(12):
        print(f"log: {many} x {kind}")
    print("\n".join(["FAILED", *found]) if found else f"passed: seed {seed}, nobody suffered")
    return 1 if found else 0


def _folder(keep: Path, seed: int) -> Path:
    keep.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"seed-{seed}-", dir=keep))
    print(f"kept in {folder}")
    return folder


async def _play(floor: Floor, people: People, seconds: float, faults: Sequence[Fault]) -> None:
    """Let calls arrive and parts fail for `seconds`, then let the last calls end."""
    until = floor.now + seconds
    attending = [asyncio.create_task(people.attend(phone)) for phone in floor.cast.supervisors]
    async with asyncio.TaskGroup() as group:
        for line in range(1, floor.cast.lines + 1):
            group.create_task(people.talk(line, until))
        group.create_task(storm(floor, faults))
    await within(SETTLE_S, floor.empty)
    for task in attending:
        task.cancel()
    await asyncio.gather(*attending, return_exceptions=True)


async def _settle(floor: Floor, people: People, dry: Mapping[int, Mapping[str, float]]) -> Run:
    """Wait for the expected messages up to a limit; then collect all results."""
    left = await floor.left()
    calls = [await talk.record(people.hertz) for talk in people.talks]
    supervisors = [await taped.read(people.hertz) for taped in people.supervisors]

    def alerts() -> Alerts:
        return account(calls, dry, floor.outages, floor.receiver.posts, floor.fired, floor.rung)

    async def well() -> bool:
        told = alerts()
        return not (told.lost or told.unresolved or floor.open_causes) and await floor.ready()

    await within(SETTLE_S, well)
    return Run(
        cast=floor.cast,
        calls=calls,
        supervisors=supervisors,
        outages=floor.outages,
        alerts=alerts(),
        left=left,
        degraded=floor.degraded,
        open_causes=floor.open_causes,
        ready=await floor.ready(),
        unanswered=len(floor.asked - floor.answers.keys()),
        answered_twice=sum(count > 1 for count in floor.answers.values()),
        ended_by_itself=floor.ended_by_itself,
        floor_failures=people.failed,
        complaints=floor.node.complaints(),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="minutes in which calls arrive and parts fail")
    parser.add_argument("--seed", type=int, default=1, help="draws the storms; the same seed draws the same storms")
    parser.add_argument("--lines", type=int, default=6, help="calls at once, at most 7")
    parser.add_argument("--calm", action="store_true", help="let no part fail")
    parser.add_argument(
        "--only", nargs="+", choices=list(WEATHER), metavar="KIND", help=f"let only these fail: {', '.join(WEATHER)}"
    )
    parser.add_argument("--keep", type=Path, help="folder for log, events, configuration and voices of the run")
    given = parser.parse_args()
    failing = () if given.calm else given.only or tuple(WEATHER)
    sys.exit(asyncio.run(main(given.minutes, given.seed, given.lines, failing, given.keep)))
