"""Survey a PBX: read its inventory and compare it with a configuration."""

from callguard.config import Config
from callguard.inventory.compare import Scopes, compare
from callguard.inventory.expected import expected_parts
from callguard.inventory.reader import read_inventory
from callguard.inventory.report import Report


async def survey(config: Config, scopes: Scopes) -> Report:
    """Return the report. Raises AriError where ARI does not answer, ConfigError where its password can't be read."""
    found = await read_inventory(config.asterisk)
    parts = expected_parts(config.roles, found)
    return Report(found, tuple(parts), tuple(compare(config, found, scopes)))
