"""Describe the nodes of a Redis for lists and boards: whether they live, the calls they hear, failed parts. Pure."""

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
    "unknown": "nobody told who is who",
    "opted_out": "opted out",
}
"""Words for people for each cause of unheard calls."""


NEEDED: Final = frozenset({"ari", "ari_refuses", "redis", "taps", "room"})
"""Parts without which calls can't be heard, or alerts reach no person."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Numbers of the calls that must be heard, of the heard ones, and of the others by cause."""

    heard: int = 0
    calls: int = 0
    causes: Mapping[UnheardCause, int] = field(default_factory=dict)

    @property
    def all(self) -> bool:
        """Return whether all calls that must be heard are heard."""
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
    """Whether the node gave a sign of life within the last seconds."""
    heard: Heard = Heard()
    degraded: Mapping[str, str] = field(default_factory=dict)
    """Degraded parts, with their reasons."""

    @property
    def hears(self) -> bool:
        """Return whether the node is alive and able to hear calls, and hears all that it must hear."""
        return self.alive and self.heard.all and not self.degraded.keys() & NEEDED


def together(views: Iterable[Heard]) -> Heard:
    """Return the sums of several nodes."""
    views = list(views)
    causes: Counter[UnheardCause] = sum((Counter(view.causes) for view in views), Counter())
    return Heard(sum(view.heard for view in views), sum(view.calls for view in views), dict(causes))
