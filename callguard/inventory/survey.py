"""Survey a PBX: read its inventory and compare it with a configuration."""

from pathlib import Path

from callguard.config import Config, ConfigError
from callguard.inventory.compare import Scopes, compare
from callguard.inventory.expected import expected_parts
from callguard.inventory.reader import read_inventory
from callguard.inventory.report import Report
from callguard.rules.authoring.configured import checked_rules


async def survey(config: Config, scopes: Scopes) -> Report:
    """Return the report. Raises AriError where ARI does not answer, ConfigError where its password can't be read."""
    found = await read_inventory(config.asterisk)
    parts = expected_parts(config.roles, found)
    return Report(found, tuple(parts), tuple(compare(config, found, scopes)))


def scopes_of(config: Config, path: Path) -> Scopes:
    """Return the patterns of queues in each rule's scope; none where the rule files are bad, which `check` tells.

    `path` is the configuration's file.
    """
    try:
        _, rules = checked_rules(config, path)
    except ConfigError:
        return {}
    return {rule.name: rule.scope.queues for rule in rules}
