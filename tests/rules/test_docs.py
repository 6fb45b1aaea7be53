"""The page on rules keeps up with the code."""

import re
from pathlib import Path

from callguard.rules.authoring.files import ACTION, RuleText
from callguard.rules.authoring.unit_tests import run_unit_tests
from callguard.rules.language.parser import FUNCTIONS
from tools.signal_table import PAGE, page

TEXT = PAGE.read_text("utf-8")


def test_the_table_of_signals_is_up_to_date() -> None:
    assert page(TEXT) == TEXT, "run `python -m tools.signal_table`"


def test_every_key_action_and_function_is_explained() -> None:
    keys = [field.alias or name for name, field in RuleText.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in TEXT] == []
    assert [name for name in FUNCTIONS if f"`{name}(" not in TEXT] == []
    actions = [word for word in re.split(r"[|():?]+", ACTION.pattern) if re.fullmatch(r"[a-z_]{4,}", word)]
    assert [action for action in actions if f"`{action}" not in TEXT] == []


def test_the_example_of_a_test_runs() -> None:
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "rule_files" in block)
    folder = Path(__file__).parent.parent.parent / "config" / "rules" / "tests"
    count, failures = run_unit_tests("docs", example, lambda name: (name, (folder / name).read_text("utf-8")))
    assert (count, failures) == (1, [])
