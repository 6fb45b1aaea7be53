"""Measure the cost of a commit to the journal: `python -m benchmarks.journal [FOLDER]`.

A storm of alerts is written as control writes it: each round of the event loop commits an alert's state, its
event and the messages for two receivers, 5 kB each.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from callguard.runtime.journal import Journal

ROUNDS = 5000
RECORD = "x" * 5000
KINDS = ("alert", "event", "delivery", "delivery")


def measure(folder: Path) -> list[float]:
    """Return the seconds of each commit, shortest first."""
    journal, taken = Journal(folder / "bench.journal"), []
    for number in range(ROUNDS):
        for column, kind in enumerate(KINDS):
            journal.stage(kind, f"{column}|{number:08}", RECORD)
            journal.stage(kind, f"{column}|{number - 100:08}", None)
        begun = time.perf_counter()
        if not journal.commit():
            sys.exit(f"{folder}: {journal.failing}")
        taken.append(time.perf_counter() - begun)
    journal.close()
    return sorted(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="on the disk to measure; default: a temporary folder")
    with tempfile.TemporaryDirectory(dir=parser.parse_args().folder) as name:
        taken = measure(Path(name))
    shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    figures = [f"{label} {1000 * taken[int(share * len(taken))]:.2f} ms" for label, share in shares.items()]
    print(f"{ROUNDS} commits of 4 records written and 4 deleted:", ", ".join(figures), f"max {1000 * taken[-1]:.1f} ms")


if __name__ == "__main__":
    main()
