"""Make all checks in order; place the self-test call and ring named phones where ARI answers."""

from collections.abc import Sequence

from callguard.config import Config
from callguard.doctor.checks import check_ami, check_asterisk, check_console, check_redis
from callguard.doctor.findings import Finding, healthy
from callguard.doctor.parties import check_parties
from callguard.doctor.phones import try_phones
from callguard.doctor.selftest import self_test
from callguard.inventory.compare import Scopes


async def examine(config: Config, scopes: Scopes, *, call: bool, phones: Sequence[str] = ()) -> list[Finding]:
    """Return all findings; `call` places the self-test call, and `phones` are rung and tested."""
    found = await check_asterisk(config)
    reachable = healthy([finding for finding in found if finding.area == "ari"])
    found += await check_ami(config.asterisk.ami)
    found += await check_redis(config)
    found += await check_console(config)
    found += await check_parties(config, scopes) if reachable else []
    found += await self_test(config) if call and reachable else []
    return found + (await try_phones(config, phones) if phones and reachable else [])
