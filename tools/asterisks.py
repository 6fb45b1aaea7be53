"""Run the core of the integration tests on several Asterisks and print what passed: `python -m tools.asterisks`.

The phones are those of the lab's usual Asterisk; each suite's Asterisk is fetched as the lab fetches its own
(callguard/testbed/lab/root.py). A skipped test is one that this Asterisk can't run: without AudioSocket, taps go by
external_media.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from callguard.testbed.lab.root import asterisk

ROOT: Final = Path(__file__).parents[1]
SUITES: Final = ("bullseye", "forky", "experimental")
"""Asterisk 16.28, 22.10 and 22.11 on Debian."""
CORE: Final = (
    *("test_lab", "test_doctor", "test_ari_calls", "test_ari_taps", "test_ari_supervision", "test_transfers"),
    *("test_first_call", "test_agent_codes", "test_leases", "test_agi"),
)
"""Calls found, taps by tone, listen, whisper, barge, take-over at the phones, transfers, alerts, codes, leases, AGI."""


def run(suite: str, tests: Sequence[str]) -> tuple[str, Mapping[str, Counter[str]], list[str]]:
    """Run tests on a suite's Asterisk; return its version, each file's outcomes, and the names of failed tests."""
    environment = os.environ | {"CALLGUARD_ASTERISK": suite}
    files = [str(ROOT / "tests" / "integration" / f"{test}.py") for test in tests]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *files]
        subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=sys.stderr)
        counts, failed = read(report.read_text("utf-8"))
    os.environ["CALLGUARD_ASTERISK"] = suite
    return asterisk().version_text, counts, failed


def read(report: str) -> tuple[dict[str, Counter[str]], list[str]]:
    """Return the outcomes of each test file, and the names of failed tests, from a JUnit report."""
    counts: dict[str, Counter[str]] = {}
    failed = []
    for case in ElementTree.fromstring(report).iter("testcase"):
        file = case.get("classname", "").rpartition(".")[2]
        bad = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        counts.setdefault(file, Counter())[outcome] += 1
        failed += [f"{file}::{case.get('name')}"] if bad else []
    return counts, failed


def table(results: Mapping[str, Mapping[str, Counter[str]]]) -> str:
    """Return a Markdown table: a row for each test file, a column for each version."""
    files = list(dict.fromkeys(file for counts in results.values() for file in counts))
    lines = ["| tests | " + " | ".join(results) + " |", "| --- |" + " --- |" * len(results)]
    for file in files:
        cells = (_cell(counts.get(file, Counter())) for counts in results.values())
        lines.append(f"| {file} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped") if counts[word]) or "-"


def main() -> None:
    """Run, print the table and the failures; exit with 1 where a test failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, help=f"default: {' '.join(SUITES)}")
    parser.add_argument("--tests", nargs="+", default=CORE, metavar="NAME", help=f"default: {' '.join(CORE)}")
    asked = parser.parse_args()
    results, failures = {}, []
    for suite in asked.suites:
        version, results_of, failed = run(suite, asked.tests)
        results[version] = results_of
        failures += [f"{version}: {test}" for test in failed]
    print(table(results))
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
