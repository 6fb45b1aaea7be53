"""What CI must run may not be skipped there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = """
import pytest

@pytest.mark.asterisk
def test_needs_asterisk():
    pytest.skip("none here")

def test_needs_nothing():
    pytest.skip("may be skipped")
"""


@pytest.mark.parametrize(
    ("environment", "outcome"),
    [
        ({}, "2 skipped"),
        ({"CI": "true"}, "1 failed, 1 skipped"),
        ({"CALLGUARD_REQUIRE_ALL": "1"}, "1 failed, 1 skipped"),
        ({"CI": "false"}, "2 skipped"),
    ],
)
def test_a_skip_of_a_needed_test_fails_in_ci(tmp_path: Path, environment: dict[str, str], outcome: str) -> None:
    test = tmp_path / "test_skipping.py"
    test.write_text(SKIPPING)
    root = Path(__file__).parents[1]
    base = {name: value for name, value in os.environ.items() if name not in ("CI", "CALLGUARD_REQUIRE_ALL")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(root / "pyproject.toml")]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(test)],
        cwd=root,
        env={**base, **environment, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in result.stdout
    if "failed" in outcome:
        assert "asterisk must run here, but: Skipped: none here" in result.stdout
