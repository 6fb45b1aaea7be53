"""Rules: conditions on a call's signals that deserve a human's attention.

`files.load_rules` turns YAML into a `RuleSet`; `engine.RuleEngine` evaluates it over all calls at once.
"""

from callguard.rules.authoring.files import load_rules
from callguard.rules.engine.engine import RuleEngine
from callguard.rules.engine.rule import Rule, RuleSet

__all__ = ["Rule", "RuleEngine", "RuleSet", "load_rules"]
