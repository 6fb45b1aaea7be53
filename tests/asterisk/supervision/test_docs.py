"""The page on supervision names tests, keys, reasons and settings that exist."""

import re
from pathlib import Path

from callguard.asterisk.supervision.supervision import LEAVE_KEY, MODE_KEYS, VERDICT_KEYS
from callguard.config import Config
from callguard.contracts.events import EVENTS, PREFIX

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "supervision.md").read_text("utf-8")
TESTS = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "integration").glob("test_*.py"))


def test_every_test_that_proves_a_row_exists_and_needs_a_real_asterisk() -> None:
    named = re.findall(r"`(test_\w+)`", TEXT)
    assert len(named) > 30
    assert [name for name in named if f"def {name}(" not in TESTS] == []


def test_every_key_stands_on_the_page() -> None:
    keys = re.findall(r"^\| ([\d*, ]+) \|", TEXT, re.MULTILINE)
    assert {key for row in keys for key in row.split(", ")} >= {*MODE_KEYS, *VERDICT_KEYS, LEAVE_KEY}


def test_every_setting_that_is_named_exists() -> None:
    for section, key in re.findall(r"`(supervision|privacy)\.(\w+)", TEXT):
        if f"{PREFIX}supervision.{key}.v1" not in EVENTS:
            assert key in type(getattr(Config(), section)).model_fields, f"{section}.{key}"
