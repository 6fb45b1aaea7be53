"""The nodes that share a Redis, as lists and boards see them: who is alive, what each hears, what it lacks. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from callguard.contracts.vocabulary import UnheardCause

CAUSES: Final[Mapping[UnheardCause, str]] = {
    "no_tap": "no tap",
    "no_audio": "no audio",
    "no_room": "no room",
    "unjudged": "bad line",
    "opted_out": "opted out",
}
"""How a person says why calls are not heard."""


NEEDED: Final = frozenset({"ari", "ari_refuses", "redis", "taps", "room"})
"""Parts without which calls can't be heard, or nobody learns of it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How many calls are heard of those that are to be, and how many are not, by cause."""

    heard: int = 0
    calls: int = 0
    causes: Mapping[UnheardCause, int] = field(default_factory=dict)

    @property
    def all(self) -> bool:
        """Whether every call is heard that is to be."""
        return self.heard >= self.calls

    def __str__(self) -> str:
        """Return `hearing 38 of 40 (2 no tap)`."""
        causes = ", ".join(f"{count} {CAUSES.get(cause, cause)}" for cause, count in self.causes.items())
        return f"hearing {self.heard} of {self.calls}" + (f" ({causes})" if causes else "")


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node."""

    node: str
    alive: bool = False
    """Whether it gave a sign of life within the last seconds."""
    heard: Heard = Heard()
    degraded: Mapping[str, str] = field(default_factory=dict)
    """Parts that are away, and why."""

    @property
    def hears(self) -> bool:
        """Whether it is alive, hears every call that it is to hear, and nothing keeps it from that."""
        return self.alive and self.heard.all and not self.degraded.keys() & NEEDED


def together(views: Iterable[Heard]) -> Heard:
    """Return what several nodes hear together."""
    views = list(views)
    causes: Counter[UnheardCause] = sum((Counter(view.causes) for view in views), Counter())
    return Heard(sum(view.heard for view in views), sum(view.calls for view in views), dict(causes))
