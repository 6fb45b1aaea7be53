"""The effect of a reload on each section; docs/configuration.md repeats it."""

from collections.abc import Mapping
from functools import reduce
from typing import Any, Final

from callguard.config import Config

RELOADS: Final[Mapping[str, str]] = {
    "node": "needs a restart.",
    "asterisk": "needs a restart.",
    "media": "needs a restart.",
    "roles": "applies to parties that are found after the reload.",
    "analysis": "applies at once, to present calls too; `model`, `onnx_threads` and `second_ear` need a restart.",
    "rules": "applies at once; open alerts keep their state if their rule keeps its name.",
    "access": "applies at once, to the next act of everybody.",
    "supervisors": "applies at once, on the board too; phones that ring keep ringing.",
    "supervision": "applies to the next ring and the next prompt.",
    "alerts": "applies at once; open alerts, silences and the used budget stay.",
    "notify": "applies at once: messages that wait for a receiver that stays are delivered by its new settings; a "
    "removed receiver still gets its waiting messages if that takes at most two seconds.",
    "redis": "`trust` and `senders` apply at once; the other keys need a restart.",
    "console": "`token`, `role`, `supervisors` and `url` apply at once; the other keys need a restart.",
    "agi": "needs a restart.",
    "privacy": "applies at once; counts under a former `number_hash_key` are no longer found, and expire.",
    "logging": "applies at once, in the media workers too.",
    "journal": "needs a restart.",
}

_FIXED: Final = (
    *("node", "asterisk", "media", "console.enabled", "console.listen", "console.port"),
    *("redis.url", "redis.password", "redis.prefix", "redis.events_maxlen", "redis.buffer"),
    *("console.connections", "console.connections_per_source", "console.screens", "console.screens_per_source"),
    *("analysis.model", "analysis.onnx_threads", "analysis.second_ear", "agi", "journal"),
)


def waiting_for_restart(old: Config, new: Config) -> list[str]:
    """Return the changed keys that only a restart puts in force."""
    return [path for path in _FIXED if _at(old, path) != _at(new, path)]


def _at(config: Config, path: str) -> Any:
    return reduce(getattr, path.split("."), config)
