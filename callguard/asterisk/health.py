"""Judge the health of Asterisk's REST interface by its refusals and missing answers. Pure.

Reads and writes are judged separately: a user with `read_only=yes` can read and is refused each change.
"""

from dataclasses import dataclass
from typing import Final, Literal

TOLERATED_S: Final = 3.0
"""Seconds of refusals or silence after which there is trouble."""
DENIED: Final = (401, 403)
NOT_FOUND: Final = 404
Kind = Literal["hangs", "refuses", "unreachable", "foreign"]
Slot = Literal["reading", "writing", "locked"]
ADVICE: Final[dict[Kind, str]] = {
    "hangs": "a request to ARI is not answered: another program of the PBX may have locked ARI up "
    "(asterisk/asterisk#2170: a client that subscribes to device states and disconnects); `core show locks` tells, a "
    "restart of Asterisk frees it",
    "refuses": "ARI answers with a refusal: compare asterisk.ari.user and its password with ari.conf, where read_only "
    "must be no; 5xx: see Asterisk's log",
    "foreign": "a server answers, but not as ARI does: compare asterisk.ari.url with bindaddr, bindport and prefix in "
    "http.conf; is ari.conf enabled?",
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
    """Folds the outcomes of requests; times are of the monotonic clock, in seconds.

    `what` is a method and a path, such as `GET /ari/channels`, with the outcome behind a colon.
    """

    def __init__(self) -> None:
        self._troubles: dict[Slot, Trouble] = {}
        self._answered: dict[Slot, float] = {}

    def answered(self, status: int, what: str, now: float) -> None:
        """Take an answer. A server error to a write says something about its object only: an unknown phone is one."""
        reads = what.startswith("GET ")
        slots: tuple[Slot, ...] = ("reading", *(("locked",) if _lockable(what) else ())) if reads else ("writing",)
        if status in DENIED or (status >= 500 and reads):
            self._note(slots[0], "refuses", now, what)
        elif status == NOT_FOUND and reads and _is_list(what):
            self._note("reading", "foreign", now, what)  # ARI has every list, be it an empty one
        elif reads or status < 500:
            for slot in slots:
                self._troubles.pop(slot, None)
                self._answered[slot] = now

    def answered_otherwise(self, now: float, what: str) -> None:
        """Take an answer that is not ARI's: a page instead of JSON, no event socket."""
        self._note("reading", "foreign", now, what)

    def failed(self, kind: Kind, asked_at: float, what: str) -> None:
        """Take a request that was made at `asked_at` and got no answer. One that others overtook tells nothing."""
        slot: Slot = "locked" if _lockable(what) else "reading"
        if self._answered.get(slot, float("-inf")) < asked_at:
            self._note(slot, kind, asked_at, what)

    def trouble(self, now: float) -> Trouble | None:
        """Return what has been wrong for longer than is tolerated."""
        found = (each for each in self._troubles.values() if now - each.since > TOLERATED_S)
        return next(found, None)

    def _note(self, slot: Slot, kind: Kind, since: float, what: str) -> None:
        present = self._troubles.get(slot)
        self._troubles[slot] = Trouble(kind, present.since if present else since, what)


def _is_list(what: str) -> bool:
    """Whether a request is for a whole list, or for the event socket, and not for one object."""
    return "/" not in what.partition("/ari/")[2].partition(":")[0]


def _lockable(what: str) -> bool:
    """Whether a request waits for the lock on ARI's applications; where that is held for ever, others are answered."""
    return what.partition("/ari/")[2].startswith(("applications", "events"))
