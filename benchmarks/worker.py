"""Measure one worker's CPU a leg and second, by stage, in steps: `python -m benchmarks.worker [--against CHECKOUT]`.

A step sends 0.1 s of audio to every leg through real sockets and lets the worker tick. Nothing depends on the time that
passes, so that a busy machine may measure, too; `callguard bench` tells latency, and needs a quiet one. Each round is a
process of its own. With `--against`, rounds of another checkout take turns with rounds of this one. The program prints
the medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections import Counter
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, get_args

from callguard.config import Config, Media
from callguard.contracts.messages import CallFacts, LegReady, OpenLeg
from callguard.runtime.limits import raise_file_limit
from callguard.runtime.mailbox import Mailbox
from callguard.testbed.bench.load import Generator, Load, Source, Target
from callguard.testbed.bench.measure import CLIPS, RULES
from callguard.testbed.bench.speech import clip
from callguard.worker.process import Worker

STEPS_A_SECOND = 10
FRAMES_A_STEP = 5
SPEECH = 0.4


class Letters(Mailbox):
    """A worker's mailbox that also remembers where its legs are expected."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        super().__init__(connection)
        self.ports: list[int] = []

    def post(self, message: object, *, spare: bool = False) -> None:
        """Send a message to the process that throws all of them away."""
        if isinstance(message, LegReady):
            self.ports.append(message.port)
        super().post(message, spare=spare)

    def settle(self) -> None:
        """Wait until everything is sent: serialising is a part of the cost."""
        while self._waiting:
            time.sleep(0.0005)


def once(legs: int, seconds: int, source: Source) -> dict[str, float]:
    """Return µs of CPU a leg and second by stage, and in all, of one run after a second of warm-up."""
    ours, theirs = Pipe()
    reader = Process(target=_discard, args=(ours, theirs), daemon=True)
    reader.start()
    letters = Letters(ours)
    media = Media(audiosocket_port=0, legs_per_worker=legs, connect_timeout_s=60, stall_timeout_s=60)
    worker = Worker(Config(media=media), 0, RULES, letters)
    clips = tuple(clip(seed, (seconds + 1) * STEPS_A_SECOND * FRAMES_A_STEP, SPEECH) for seed in range(CLIPS))
    names = [str(uuid.uuid4()) for _ in range(legs)]
    for row, name in enumerate(names):
        if row % 2 == 0:
            worker.obey(CallFacts(str(row // 2), started_at=time.time()))
        worker.obey(OpenLeg(name, str(row // 2), "agent" if row % 2 else "customer", source))
    targets = tuple(Target(*each, row % CLIPS) for row, each in enumerate(zip(names, letters.ports, strict=True)))
    generator = Generator(Load(source, targets, clips))
    for _ in range(STEPS_A_SECOND):
        worker.tick()
    before, spent = Counter[Any](), 0.0
    for step in range((seconds + 1) * STEPS_A_SECOND):
        if step == STEPS_A_SECOND:
            before, spent = Counter[Any](worker._spans.ns), 0.0
        for frame in range(step * FRAMES_A_STEP, (step + 1) * FRAMES_A_STEP):
            for leg, connection in enumerate(generator._sockets):
                connection.send(generator._message(leg, frame))
        began = time.process_time()
        worker.tick()
        letters.settle()
        spent += time.process_time() - began
    stages = {str(stage): (ns - before[stage]) / 1e9 for stage, ns in worker._spans.ns.items()} | {"all": spent}
    reader.terminate()
    return {stage: round(1e6 * each / legs / seconds, 1) for stage, each in stages.items()}


def _discard(ours: "Connection[Any, Any]", theirs: "Connection[Any, Any]") -> None:
    ours.close()
    while True:
        theirs.recv_bytes()


def measured(checkout: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return what `once` measures in a process of its own, with the code of a checkout."""
    command = [sys.executable, __file__, "--once", "--legs", str(given.legs), "--seconds", str(given.seconds)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command += ["--source", given.source]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--legs", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=8, help="seconds of audio in each round")
    parser.add_argument("--source", choices=get_args(Source), default="audiosocket")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout, to be measured in turn with this one")
    parser.add_argument("--once", action="store_true", help="one round in this process, as JSON")
    given = parser.parse_args()
    raise_file_limit()
    if given.once:
        print(json.dumps(once(given.legs, given.seconds, given.source)))
        return
    checkouts = [*filter(None, [given.against]), Path(__file__).parents[1]]
    rounds = [[measured(each, given) for each in checkouts] for _ in range(given.rounds)]
    columns = ["against", "here"][-len(checkouts) :]
    print(f"{'µs a leg and second':<20}" + "".join(f"{name:>10}" for name in columns))
    for stage in rounds[0][-1]:
        medians = [statistics.median(each[at].get(stage, 0.0) for each in rounds) for at in range(len(columns))]
        print(f"{stage:<20}" + "".join(f"{median:10.1f}" for median in medians))


if __name__ == "__main__":
    main()
