"""Check the configuration against the PBX's endpoints, queues and contexts, and say who would be what."""

from callguard.asterisk.errors import AriError
from callguard.config import Config, ConfigError
from callguard.doctor.findings import Finding
from callguard.inventory.compare import Scopes
from callguard.inventory.report import Report, grouped
from callguard.inventory.survey import survey

AREA = "parties"


async def check_parties(config: Config, scopes: Scopes) -> list[Finding]:
    """Return who would be what, and the discrepancies."""
    try:
        return findings_of(await survey(config, scopes))
    except (AriError, ConfigError) as error:
        return [Finding("error", AREA, f"the PBX's endpoints could not be read: {error}")]


def findings_of(report: Report) -> list[Finding]:
    """Return a report's lines as findings."""
    return [
        *(Finding("ok", AREA, line) for line in grouped(report.parts)),
        *(Finding("warning", AREA, line) for line in report.inventory.unread),
        *(
            Finding(each.level, AREA, f"{each.key}: {each.text}" if each.key else each.text, each.advice)
            for each in report.findings
        ),
    ]
