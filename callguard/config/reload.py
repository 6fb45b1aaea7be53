"""What a reload puts in force, section by section; docs/configuration.md repeats it."""

from collections.abc import Mapping
from functools import reduce
from typing import Any, Final

from callguard.config import Config

RELOADS: Final[Mapping[str, str]] = {
    "node": "needs a restart.",
    "asterisk": "needs a restart.",
    "media": "needs a restart.",
    "roles": "holds for parties that are found from then on.",
    "analysis": "holds at once, also for calls that go on; `model` and `onnx_threads` need a restart.",
    "rules": "holds at once; alerts in flight keep their state when their rule keeps its name.",
    "supervisors": "holds at once, on the board too; who rings goes on ringing.",
    "supervision": "holds at once, for the next ring and the next prompt.",
    "alerts": "holds at once; open alerts, silences and used budget stay.",
    "notify": "holds at once: what waits for a receiver that stays goes out by the new settings; one that is gone gets "
    "what waited, if that takes no longer than two seconds.",
    "redis": "needs a restart.",
    "console": "`token` holds at once; the others need a restart.",
    "privacy": "holds at once; what was counted under another `number_hash_key` is not found again and expires.",
    "logging": "holds at once, in the media workers too.",
    "journal": "needs a restart.",
}

_FIXED: Final = (
    *("node", "asterisk", "media", "redis", "console.enabled", "console.listen", "console.port"),
    *("analysis.model", "analysis.onnx_threads", "journal"),
)


def waiting_for_restart(old: Config, new: Config) -> list[str]:
    """Return the keys that differ and that only a restart puts in force."""
    return [path for path in _FIXED if _at(old, path) != _at(new, path)]


def _at(config: Config, path: str) -> Any:
    return reduce(getattr, path.split("."), config)
