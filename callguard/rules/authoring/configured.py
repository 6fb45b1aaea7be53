"""Read and check the rules of a configuration, with every receiver and prompt that their actions name."""

from pathlib import Path

from callguard.config import Config, ConfigError, read_rule_files
from callguard.config.shipped import runbooks
from callguard.prompts import TEXTS
from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.checks import unknown_runbooks, unknown_targets

Files = tuple[tuple[str, str], ...]


def checked_rules(config: Config, config_path: Path) -> tuple[Files, RuleSet]:
    """Return the rule files as (name, text) and the rules in them; raise ConfigError with every problem."""
    files = read_rule_files(config, config_path)
    rules = load_rules(files)
    problems = unknown_targets(rules, config.notify, [*TEXTS, *config.supervision.prompts])
    problems += unknown_runbooks(rules, runbooks())
    if problems:
        raise ConfigError(problems)
    return files, rules
