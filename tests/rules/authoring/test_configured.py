"""The rules of a configuration are checked together with what their actions name."""

from pathlib import Path

import pytest

from callguard.config import Config, ConfigError
from callguard.prompts import TEXTS
from callguard.rules.authoring.configured import checked_rules


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    return tmp_path / "callguard.yaml"


def write(path: Path, *actions: str) -> None:
    rule = f"{{alert: R, expr: call.silence_s > 5, actions: [{', '.join(actions)}]}}"
    (path.parent / "rules" / "a.yaml").write_text(f"groups: [{{name: g, rules: [{rule}]}}]")


def test_files_and_rules_are_returned(path: Path) -> None:
    write(path, "ring", f"prompt:{next(iter(TEXTS))}")
    files, rules = checked_rules(Config(), path)
    assert [name.endswith("a.yaml") for name, _ in files] == [True]
    assert [rule.name for rule in rules] == ["R"]


def test_a_prompt_of_the_sites_own_is_known(path: Path) -> None:
    write(path, "prompt:house-rules")
    own = Config.model_validate({"supervision": {"prompts": ["house-rules"]}})
    assert len(checked_rules(own, path)[1]) == 1
    with pytest.raises(ConfigError, match="prompt:house-rules does not exist"):
        checked_rules(Config(), path)


def test_every_problem_is_told(path: Path) -> None:
    write(path, "webhook:a", "email:b")
    with pytest.raises(ConfigError) as caught:
        checked_rules(Config(), path)
    assert len(caught.value.problems) == 2


def test_a_link_to_a_page_that_the_console_lacks_is_told_with_the_right_one(path: Path) -> None:
    rule = "{alert: R, expr: call.silence_s > 5, annotations: {runbook_url: /runbooks/shoutng}}"
    (path.parent / "rules" / "a.yaml").write_text(f"groups: [{{name: g, rules: [{rule}]}}]")
    with pytest.raises(
        ConfigError, match=r"rule R: runbook_url /runbooks/shoutng .* did you mean '/runbooks/shouting'"
    ):
        checked_rules(Config(), path)


@pytest.mark.parametrize("link", ["/runbooks/shouting", "https://wiki.example/{rule}"])
def test_a_page_of_the_console_or_a_whole_address_is_a_good_link(path: Path, link: str) -> None:
    rule = f"{{alert: R, expr: call.silence_s > 5, annotations: {{runbook_url: '{link}'}}}}"
    (path.parent / "rules" / "a.yaml").write_text(f"groups: [{{name: g, rules: [{rule}]}}]")
    assert len(checked_rules(Config(), path)[1]) == 1
