"""What a check found."""

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
    """What was found."""
    advice: str = ""
    """What to do about it."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able facts."""
        return asdict(self)


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing is wrong; warnings allowed."""
    return all(finding.level != "error" for finding in findings)
