"""Mutate the code, one small change at a time, and check whether the tests fail: `python -m tools.mutants`.

Tests that pass with wrong code prove nothing. A run draws mutations by seed and makes each in a copy of the repository.
It runs the test file that mirrors the mutated module; if that passes, it runs the tests of the module's part. Tests on
a real Asterisk or a browser are left out, since they are slow. Exit code 1: the tests killed less than 90 % of them.
"""

import argparse
import contextlib
import difflib
import os
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import TestOutcome

from tools.mutations import Mutation, mutations

ROOT: Final = Path(__file__).parent.parent
ENOUGH: Final = 0.9
"""Share of the mutants that tests must kill."""
PYTEST: Final = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not asterisk and not browser'"
NO_DOCS: Final = "--ignore-glob='*/test_docs.py'"
"""Leaves out tests of generated pages: an outdated page tells nothing about behaviour."""
NOT_COPIED: Final = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
PATIENCE: Final = 4.0
"""Factor by which slower tests, plus some seconds, count as killing a mutant: they hang."""


@dataclass(frozen=True, slots=True)
class Part:
    """A group of modules, and the tests that cover it besides the mirrors. Globs from the root."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


PARTS: Final = {
    "alerts": Part(
        ("callguard/alerts/*.py", "callguard/control/alert_m*.py", "callguard/control/undelivered.py"),
        ("tests/alerts", "tests/control/test_alert_manager.py", "tests/acceptance/test_alerts.py"),
    ),
    "rules": Part(("callguard/rules/**/*.py",), ("tests/rules", "tests/acceptance/test_shipped_rules.py")),
    "discovery": Part(("callguard/asterisk/discovery/*.py",), ("tests/asterisk/discovery", "tests/test_ari_app.py")),
    "supervision": Part(
        ("callguard/asterisk/supervision/*.py",),
        ("tests/asterisk/supervision", "tests/test_ari_app.py", "tests/acceptance/test_simulated_app.py"),
    ),
    "upkeep": Part(("callguard/asterisk/upkeep/*.py",), ("tests/asterisk/upkeep", "tests/asterisk/supervision")),
    "idempotency": Part(
        ("callguard/bus/idempotency.py", "callguard/bus/keyed_queue.py", "callguard/bus/consumer.py"),
        ("tests/bus/test_consumer.py",),
    ),
    "delivery": Part(
        (
            *("callguard/bus/spool.py", "callguard/bus/outbox.py", "callguard/bus/state_copy.py"),
            *("callguard/notify/deliveries.py", "callguard/notify/receiver*.py"),
        ),
        ("tests/notify", "tests/bus/test_publisher.py"),
    ),
    "control": Part(
        tuple(f"callguard/control/{name}.py" for name in ("event_hub", "health", "hearing", "paging", "worker_keeper")),
        ("tests/control/test_alert_manager.py", "tests/control/test_worker_pool.py"),
    ),
    "inventory": Part(("callguard/inventory/*.py",), ("tests/inventory", "tests/cli/test_survey.py")),
    "setup": Part(("callguard/setup/*.py",), ("tests/setup",)),
    "pipeline": Part(
        ("callguard/worker/pipeline.py", "callguard/worker/standing.py"),
        ("tests/worker", "tests/acceptance/test_simulated_calls.py"),
    ),
}


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one mutation; `survived` where all tests passed."""

    part: str
    mutation: Mutation
    survived: bool
    difference: str


class Copy:
    """A copy of the repository in which code is mutated.

    Args:
        root: the repository.
        folder: folder of the copy.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(root, folder, ignore=NOT_COPIED, dirs_exist_ok=True)
        self._seconds: dict[tuple[str, ...], float] = {}

    def notices(self, tests: tuple[str, ...]) -> bool:
        """Run tests against the present code of the copy; return whether any failed or hung."""
        outcome, _ = self._run(tests, PATIENCE * self._seconds[tests] + 20)
        return bool(outcome != TestOutcome.SURVIVED)

    def measure(self, tests: tuple[str, ...]) -> None:
        """Run tests against the unchanged code once; raise SystemExit where they fail."""
        if tests in self._seconds:
            return
        began = time.monotonic()
        outcome, output = self._run(tests, 600)
        if outcome != TestOutcome.SURVIVED:
            raise SystemExit(f"{' '.join(tests)} fail without any change:\n{output}")
        self._seconds[tests] = time.monotonic() - began

    def _run(self, tests: tuple[str, ...], limit_s: float) -> tuple[TestOutcome, str]:
        with contextlib.chdir(self.folder):
            outcome, output = run_tests(f"{PYTEST} {NO_DOCS} {shlex.join(tests)}", limit_s)
        return outcome, output

    @contextlib.contextmanager
    def made_wrong(self, mutation: Mutation) -> Iterator[str]:
        """Make a mutation, yield it as a diff, and undo it."""
        path = self.folder / mutation.path
        source = path.read_text("utf-8")
        changed = mutation.apply(source)
        lines = difflib.unified_diff(source.splitlines(), changed.splitlines(), n=0, lineterm="")
        path.write_text(changed, "utf-8")
        try:
            yield "\n".join(line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---")))
        finally:
            path.write_text(source, "utf-8")


def mirror(module: Path) -> Path:
    """Return the test file of a module."""
    return Path("tests", *module.parts[1:-1], f"test_{module.name}")


def draw(root: Path, part: Part, count: int, chance: random.Random) -> list[Mutation]:
    """Return mutations of a part at different places, drawn from all places with equal chances."""
    paths = sorted({path for pattern in part.modules for path in root.glob(pattern)})
    found = [each for path in paths for each in mutations(path.relative_to(root), path.read_text("utf-8"), chance)]
    chance.shuffle(found)
    return list(islice((each for each in found if _makes_python(root, each)), count))


def _makes_python(root: Path, mutation: Mutation) -> bool:
    try:
        mutation.apply((root / mutation.path).read_text("utf-8"))
    except SyntaxError:
        return False
    return True


def judge(copy: Copy, name: str, part: Part, drawn: list[Mutation]) -> Iterator[Result]:
    """Yield the outcome of each mutation."""
    for mutation in drawn:
        own, wider = mirror(mutation.path), tuple(test for test in part.tests if (copy.folder / test).exists())
        steps: list[tuple[str, ...]] = [(str(own),)] if (copy.folder / own).exists() else []
        steps += [wider] if wider else []
        for tests in steps:
            copy.measure(tests)
        with copy.made_wrong(mutation) as difference:
            yield Result(name, mutation, not any(copy.notices(tests) for tests in steps), difference)


def table(results: list[Result]) -> str:
    """Return the counts of killed mutants by part, and every survivor."""
    drawn, survived = Counter(each.part for each in results), Counter(each.part for each in results if each.survived)
    rows = [(name, drawn[name], survived[name]) for name in drawn]
    rows.append(("all", len(results), sum(survived.values())))
    lines = [f"{'part':12} {'mutants':>7} {'killed':>7} {'survived':>8} {'share':>6}"]
    lines += [f"{name:12} {many:7} {many - few:7} {few:8} {1 - few / max(many, 1):6.0%}" for name, many, few in rows]
    for each in results:
        if each.survived:
            lines.append(f"\n{each.mutation}\n{each.difference}")
    return "\n".join(lines)


def run(root: Path, parts: dict[str, Part], count: int, seed: int) -> list[Result]:
    """Draw mutations, judge them and print each outcome."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="callguard-mutants-") as folder:
        copy = Copy(root, Path(folder))
        os.environ["PYTHONPATH"] = folder
        for name, part in parts.items():
            drawn = draw(copy.folder, part, count, random.Random(f"{seed} {name}"))
            for result in judge(copy, name, part, drawn):
                results.append(result)
                print(f"{'SURVIVED' if result.survived else 'killed':8} {result.mutation}", flush=True)
    return results


def main(words: list[str] | None = None, root: Path = ROOT, parts: dict[str, Part] = PARTS) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"part to mutate; default: all of {', '.join(parts)}")
    parser.add_argument("--count", type=int, default=12, help="mutations of each part (default 12)")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed draws the same mutations of the same code (default 1)"
    )
    given = parser.parse_args(words)
    unknown = [name for name in given.parts if name not in parts]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; allowed: {', '.join(parts)}")
    wanted = {name: part for name, part in parts.items() if name in given.parts or not given.parts}
    results = run(root, wanted, given.count, given.seed)
    print(f"\n{table(results)}")
    survived = sum(result.survived for result in results)
    return int(survived > (1 - ENOUGH) * len(results))


if __name__ == "__main__":
    raise SystemExit(main())
