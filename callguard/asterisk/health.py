"""Whether Asterisk's REST interface serves us: what it refused, and what it never answered. Pure.

Reading and writing are told apart: a user with `read_only=yes` reads well and is refused each change.
"""

from dataclasses import dataclass
from typing import Final, Literal

TOLERATED_S: Final = 3.0
"""A refusal or silence for longer is trouble."""
DENIED: Final = (401, 403)
Kind = Literal["hangs", "refuses", "unreachable"]
ADVICE: Final[dict[Kind, str]] = {
    "hangs": "a request to ARI is not answered: another program of the PBX may have locked ARI up "
    "(asterisk/asterisk#2170: a client that subscribes to device states and disconnects); `core show locks` tells, a "
    "restart of Asterisk frees it",
    "refuses": "ARI answers with a refusal: compare asterisk.ari.user and its password with ari.conf, where read_only "
    "must be no; 5xx: see Asterisk's log",
    "unreachable": "no connection to ARI: is Asterisk up, and http.conf enabled and bound to the address in "
    "asterisk.ari.url?",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with ARI, since when (monotonic clock, seconds), and the answer that showed it last."""

    kind: Kind
    since: float
    answer: str

    @property
    def text(self) -> str:
        """Say what is wrong and what to do."""
        return f"{self.answer}; {ADVICE[self.kind]}"


class AriHealth:
    """Folds the outcomes of requests; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._reading: Trouble | None = None
        self._writing: Trouble | None = None

    def answered(self, method: str, status: int, what: str, now: float) -> None:
        """Take an answer. A server error to a write says something about its object only: an unknown phone is one."""
        reads = method == "GET"
        if status in DENIED or (status >= 500 and reads):
            self._note(reads, "refuses", now, what)
        elif reads:
            self._reading = None
        elif status < 500:
            self._writing = None

    def failed(self, kind: Kind, asked_at: float, what: str) -> None:
        """Take a request that got no answer; it was made at `asked_at`."""
        self._note(True, kind, asked_at, what)

    def trouble(self, now: float) -> Trouble | None:
        """Return what has been wrong for longer than is tolerated."""
        found = (each for each in (self._reading, self._writing) if each and now - each.since > TOLERATED_S)
        return next(found, None)

    def _note(self, reads: bool, kind: Kind, since: float, what: str) -> None:
        present = self._reading if reads else self._writing
        trouble = Trouble(kind, present.since if present else since, what)
        if reads:
            self._reading = trouble
        else:
            self._writing = trouble
