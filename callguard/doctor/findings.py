"""The findings of checks."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    level: Level
    area: str
    """ari, ami, redis, asterisk, media, selftest."""
    text: str
    """The finding in words."""
    advice: str = ""
    """The remedy."""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON-able data."""
        return asdict(self)


def healthy(findings: list[Finding]) -> bool:
    """Return whether there are no errors; warnings are allowed."""
    return all(finding.level != "error" for finding in findings)
