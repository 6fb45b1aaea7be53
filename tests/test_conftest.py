"""What CI must run may not be skipped there; side by side, what needs real time runs first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.valkey import own_database

SKIPPING = """
import pytest

@pytest.mark.asterisk
def test_needs_asterisk():
    pytest.skip("none here")

def test_needs_nothing():
    pytest.skip("may be skipped")
"""
ORDERED = """
import os
import pytest

def test_computes():
    print("computes in", os.environ.get("PYTEST_XDIST_WORKER"))

@pytest.mark.browser
def test_waits():
    print("waits in", os.environ.get("PYTEST_XDIST_WORKER"))
"""


def run(folder: Path, text: str, *options: str, **environment: str) -> str:
    """Run a file of tests as if it lay in this repository; return what pytest printed."""
    test = folder / "test_it.py"
    test.write_text(text)
    root = Path(__file__).parents[1]
    base = {name: value for name, value in os.environ.items() if name not in ("CI", "CALLGUARD_REQUIRE_ALL")}
    base = {name: value for name, value in base.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", str(root / "pyproject.toml")]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *options, str(test)],
        cwd=root,
        env={**base, **environment, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize(
    ("environment", "options", "outcome"),
    [
        ({}, (), "2 skipped"),
        ({"CI": "true"}, (), "1 failed, 1 skipped"),
        ({"CALLGUARD_REQUIRE_ALL": "1"}, (), "1 failed, 1 skipped"),
        ({"CALLGUARD_REQUIRE_ALL": "1"}, ("-n", "2"), "1 failed, 1 skipped"),
        ({"CI": "false"}, (), "2 skipped"),
    ],
)
def test_a_skip_of_a_needed_test_fails_in_ci(
    tmp_path: Path, environment: dict[str, str], options: tuple[str, ...], outcome: str
) -> None:
    printed = run(tmp_path, SKIPPING, "-q", *options, **environment)
    assert outcome in printed
    if "failed" in outcome:
        assert "asterisk must run here, but: Skipped: none here" in printed


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [((), "computes in None", "waits in None"), (("-n", "1"), "waits in gw0", "computes in gw0")],
)
def test_side_by_side_what_needs_real_time_runs_first(
    tmp_path: Path, options: tuple[str, ...], first: str, second: str
) -> None:
    printed = run(tmp_path, ORDERED, "-rP", *options)
    assert 0 < printed.index(first) < printed.index(second), printed


@pytest.mark.parametrize(
    ("given", "worker", "own"),
    [
        ("redis://127.0.0.1:6379", "gw0", "redis://127.0.0.1:6379/0"),
        ("redis://127.0.0.1:6379", "gw2", "redis://127.0.0.1:6379/2"),
        ("redis://:secret@host:1/4", "gw2", "redis://:secret@host:1/6"),
    ],
)
def test_processes_side_by_side_share_no_database(given: str, worker: str, own: str) -> None:
    assert own_database(given, worker) == own
