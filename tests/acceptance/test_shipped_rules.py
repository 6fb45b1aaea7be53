"""The shipped rules keep their promises."""

from pathlib import Path

import pytest
import yaml

from callguard.config import Notify
from callguard.prompts import TEXTS
from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.checks import unknown_targets
from callguard.rules.authoring.unit_tests import run_unit_tests
from callguard.rules.engine.rule import RING_MODES

PACK = Path(__file__).parent.parent.parent / "config" / "rules"


def read(path: Path) -> tuple[str, str]:
    return str(path), path.read_text("utf-8")


@pytest.fixture(scope="module")
def pack() -> RuleSet:
    return load_rules([read(path) for path in sorted(PACK.glob("*.yaml"))])


@pytest.mark.parametrize("path", sorted(PACK.glob("tests/*.yaml")), ids=lambda path: path.stem)
def test_the_packs_own_tests_pass(path: Path) -> None:
    count, failures = run_unit_tests(*read(path), lambda name: read(path.parent / name))
    assert count
    assert failures == []


def test_every_rule_has_a_test_in_which_it_fires(pack: RuleSet) -> None:
    # TrendRising is on trial; its signal is tested where it is made.
    text = "".join(path.read_text("utf-8") for path in PACK.glob("tests/*.yaml"))
    assert [rule.name for rule in pack if rule.name not in text] == ["TrendRising"]


def test_watchful_changes_thresholds_only_and_knows_all_of_them() -> None:
    quiet, watchful = (
        yaml.safe_load((PACK / name).read_text("utf-8")) for name in ("thresholds.yaml", "settings/watchful.yaml")
    )
    assert watchful.keys() == {"thresholds"}
    assert watchful["thresholds"].keys() == quiet["thresholds"].keys()
    assert all(watchful["thresholds"][name] <= value for name, value in quiet["thresholds"].items())


def test_what_rings_is_critical_and_sustained_or_asked_for(pack: RuleSet) -> None:
    for rule in pack:
        if any(action in RING_MODES for action in rule.actions):
            assert rule.severity == "critical"
            assert rule.sustained_s >= 10 or "call.agent_request" in map(str, rule.reads)


def test_tiers_rise_from_tip_to_barge(pack: RuleSet) -> None:
    assert {rule.labels["tier"] for rule in pack} == {"tip", "watch", "alert", "ring", "barge"}
    assert [rule.name for rule in pack if "ring_barge" in rule.actions] == ["ShoutingGoesOn"]


def test_every_prompt_exists(pack: RuleSet) -> None:
    assert unknown_targets(pack, Notify(), TEXTS) == []


def test_an_action_that_names_nothing_is_found(pack: RuleSet) -> None:
    problems = unknown_targets(pack, Notify(), ["let-them-finnish"])
    assert problems[0].startswith("rule TalkOver: actions: prompt:let-them-finish does not exist; did you mean")
    assert len(problems) == 3


def test_whoever_is_told_gets_a_summary(pack: RuleSet) -> None:
    assert [rule.name for rule in pack if not rule.private and "summary" not in rule.annotations] == []
