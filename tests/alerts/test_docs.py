"""The page on alerts names tests and states that exist."""

import re
from pathlib import Path
from typing import get_args

from callguard.alerts.alert import State
from callguard.config import AlertsConfig

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "alerts.md").read_text("utf-8")
TESTS = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "acceptance").glob("test_*alerts.py"))


def test_every_test_that_proves_a_row_exists() -> None:
    named = re.findall(r"`(test_\w+)`", TEXT)
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in TESTS] == []


def test_every_path_through_the_whole_service_has_a_row() -> None:
    for file in ("test_simulated_alerts.py", "test_troubled_alerts.py"):
        tests = (ROOT / "tests" / "acceptance" / file).read_text("utf-8")
        assert [name for name in re.findall(r"def (test_\w+)", tests) if f"`{name}`" not in TEXT] == []


def test_every_state_and_setting_is_explained() -> None:
    assert [state for state in get_args(State) if f"| {state} |" not in TEXT] == []
    assert [key for key in AlertsConfig.model_fields if f"`alerts.{key}`" not in TEXT] == []
