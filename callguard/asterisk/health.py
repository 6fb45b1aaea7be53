"""Judge the health of Asterisk's REST interface by its refusals and missing answers. Pure.

Reads and writes are judged separately: a user with `read_only=yes` can read and is refused each change.
"""

from dataclasses import dataclass
from typing import Final, Literal

TOLERATED_S: Final = 3.0
"""Seconds of refusals or silence after which there is trouble."""
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
    """A fault of ARI, its start (monotonic clock, seconds), and the last answer that showed it."""

    kind: Kind
    since: float
    answer: str

    @property
    def text(self) -> str:
        """Return the fault and the remedy in words."""
        return f"{self.answer}; {ADVICE[self.kind]}"


class AriHealth:
    """Folds the outcomes of requests; times are of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._reading: Trouble | None = None
        self._writing: Trouble | None = None

    def answered(self, method: str, status: int, what: str, now: float) -> None:
        """Take in an answer. A server error to a write may concern its object only, such as an unknown phone."""
        reads = method == "GET"
        if status in DENIED or (status >= 500 and reads):
            self._note(reads, "refuses", now, what)
        elif reads:
            self._reading = None
        elif status < 500:
            self._writing = None

    def failed(self, kind: Kind, asked_at: float, what: str) -> None:
        """Take in a request, made at `asked_at`, that got no answer."""
        self._note(True, kind, asked_at, what)

    def trouble(self, now: float) -> Trouble | None:
        """Return the fault that has lasted for longer than is tolerated, or None."""
        found = (each for each in (self._reading, self._writing) if each and now - each.since > TOLERATED_S)
        return next(found, None)

    def _note(self, reads: bool, kind: Kind, since: float, what: str) -> None:
        present = self._reading if reads else self._writing
        trouble = Trouble(kind, present.since if present else since, what)
        if reads:
            self._reading = trouble
        else:
            self._writing = trouble
