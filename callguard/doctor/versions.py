"""Tell what is known about a version of Asterisk: tested, between tested ones, or lacking what is needed. Pure."""

import re
from typing import Final

from callguard.doctor.findings import Finding

LEAST: Final = (16, 6)
"""The first release with external media in ARI, without which no leg can be tapped."""
AUDIOSOCKET: Final = 18
"""The first major version with AudioSocket."""
TESTED: Final = {16: "16.28", 22: "22.10 and 22.11"}
"""Releases on which the core of the integration tests passes (`python -m tools.asterisks`), by major version."""


def about(version: str, tap: str) -> Finding:
    """Return a finding about the version that Asterisk reports; `tap` is the configured media path."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    if not numbers:
        return Finding("warning", "ari", f"Asterisk {version or 'without a version'}: its version can't be read")
    major, minor = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if (major, minor) < LEAST:
        text = f"Asterisk {version} has no external media in ARI, which came with {LEAST[0]}.{LEAST[1]}"
        return Finding("error", "ari", text, f"update Asterisk: {TESTED[16]} or newer, best {TESTED[22]}")
    if major < AUDIOSOCKET and tap == "audiosocket":
        text = f"Asterisk {version} has no AudioSocket, which came with {AUDIOSOCKET}"
        return Finding("error", "ari", text, "media.tap: external_media")
    if major in TESTED:
        return Finding("ok", "ari", f"Asterisk {version}; tested with {TESTED[major]}")
    return _untested(version, major)


def _untested(version: str, major: int) -> Finding:
    if major > max(TESTED):
        text = f"Asterisk {version} is newer than the newest tested one, {TESTED[22]}"
        advice = "on Asterisk 23.3 AudioSocket was reported silent in some calls: prefer media.tap: external_media"
        return Finding("warning", "ari", text, advice)
    text = f"Asterisk {version} is not tested itself; {TESTED[16]} before it and {TESTED[22]} after it are"
    return Finding("warning", "ari", text, "trust the self-test call: it proves each leg's direction on this Asterisk")
