"""Counts heard calls, and finds why the others are not heard, from events and signals. Pure.

A call is heard while its worker sends signals of the customer's leg: that is the only proof. Any failure on the way
stops the proof; the state of the tap then gives the reason.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from callguard.contracts.events import CallEnded, CallStarted, CallUpdated, Event, TapLost, TapOpened, TapRestored
from callguard.contracts.messages import CallSnapshot
from callguard.contracts.vocabulary import Mode, UnheardCause

PATIENCE_S: Final = 3.0
"""Seconds without proof after which a call is unheard. A tap opens in well under a second; signals come each second."""
BAD_LINE_S: Final = 5.0
"""Seconds of a bad line after which its call is not heard. A shorter fault, as lost packets, hides no outburst."""
STALLED: Final = "stalled"
BAD_LINE: Final[Mapping[str, str]] = {
    "clipping": "the line is clipped",
    "lost": "the line loses packets",
}
"""Faults that keep a heard leg from being judged, in words for people."""
NO_ROOM: Final = "full"
APART: Final = ("opted_out", "unknown")
"""Causes that are no fault: such calls are counted apart."""
WHY: Final[Mapping[str, str]] = {
    "": "no tap yet",
    "eof": "the tap ended",
    "timeout": "nothing reached the worker by the tap",
    STALLED: "no audio comes by the tap",
    "protocol": "what comes by the tap is no audio",
    NO_ROOM: "no worker has room",
    "asterisk": "Asterisk refused the tap, or could not be asked",
    "refused": "no worker took the leg",
    "dialplan": "Asterisk ended the tap in the dialplan: is extensions_callguard.conf included?",
}
"""Reasons of tap.lost, in words for people."""


class Unheard(NamedTuple):
    """The reason why one call is not heard."""

    cause: UnheardCause
    why: str
    """For people."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """The calls heard now. `calls` leaves out calls opted out, unknown or just begun; fewer `heard` means a fault."""

    heard: int = 0
    calls: int = 0
    causes: Mapping[UnheardCause, int] = field(default_factory=dict)
    unheard: Mapping[str, Unheard] = field(default_factory=dict)
    """By linkedid, without calls that opted out."""

    @property
    def deaf(self) -> int:
        """Number of calls without any audio by a fault of ours or the PBX's; bad lines don't count."""
        return sum(count for cause, count in self.causes.items() if cause in ("no_tap", "no_audio", "no_room"))


@dataclass(slots=True)
class _Ear:
    """The state of one call's customer leg. Times are monotonic seconds."""

    mode: Mode
    heard_at: float
    """Time of the last proof, or from which there can be one."""
    judged_at: float
    """Time at which the line was last good."""
    on_hold: bool = False
    proved: bool = False
    open: bool = False
    lost: str = ""
    """Reason of the last tap.lost."""
    trouble: str = ""
    unknown: str | None = None
    """Why the customer's channel can't be determined."""

    def excuse(self, now: float) -> None:
        """Restart the time limits."""
        self.heard_at = self.judged_at = now

    def unheard(self, now: float) -> Unheard | None:
        """Return why the call is not heard; None when it is."""
        if self.unknown:
            return Unheard("unknown", self.unknown)
        if self.mode == "off":
            return Unheard("opted_out", "switched off")
        if now - self.heard_at > PATIENCE_S:
            return self._silent()
        if now - self.judged_at > BAD_LINE_S:
            return Unheard("unjudged", BAD_LINE[self.trouble])
        return None

    def _silent(self) -> Unheard | None:
        if self.open or self.lost == STALLED:  # a phone on hold may send nothing
            return None if self.on_hold else Unheard("no_audio", WHY[STALLED])
        return Unheard("no_room" if self.lost == NO_ROOM else "no_tap", WHY.get(self.lost, self.lost))


class Ears:
    """All present calls of a node. `now` is monotonic time in seconds, in every method."""

    def __init__(self) -> None:
        self._ears: dict[str, _Ear] = {}

    def see(self, event: Event, now: float) -> None:
        """Take in an event of a call or a tap."""
        call = event.call or ""
        match event:
            case CallStarted():
                self._ears[call] = _Ear(event.mode, now, now, unknown=event.unknown)
            case CallEnded():
                self._ears.pop(call, None)
            case CallUpdated() if call in self._ears:
                self._update(self._ears[call], event, now)
            case TapOpened() | TapRestored() | TapLost() if call in self._ears and event.leg == "customer":
                self._tap(self._ears[call], event)

    def show(self, snapshot: CallSnapshot, now: float) -> None:
        """Take in the signals of a call."""
        ear = self._ears.get(snapshot.call)
        trouble = snapshot.unjudged.get("customer", "")
        if ear is None or not snapshot.customer or trouble == STALLED:
            return
        ear.heard_at, ear.proved = now, True
        if trouble in BAD_LINE:
            ear.trouble = trouble
        else:
            ear.judged_at = now

    def excuse(self, now: float) -> None:
        """Restart all time limits: this process was asleep itself."""
        for ear in self._ears.values():
            ear.excuse(now)

    def hearing(self, now: float, opted_out: int = 0) -> Hearing:
        """Count the heard calls; `opted_out` is the number of present calls that opted out."""
        why = {call: ear.unheard(now) for call, ear in self._ears.items()}
        causes = Counter(unheard.cause for unheard in why.values() if unheard)
        causes["opted_out"] += opted_out
        unheard = {call: each for call, each in why.items() if each and each.cause not in APART}
        heard = sum(1 for call, each in why.items() if each is None and self._ears[call].proved)
        return Hearing(heard, heard + len(unheard), {cause: n for cause, n in sorted(causes.items()) if n}, unheard)

    def _update(self, ear: _Ear, event: CallUpdated, now: float) -> None:
        if (ear.mode == "off") != (event.mode == "off") or ear.on_hold != event.on_hold:
            ear.excuse(now)
        ear.mode, ear.on_hold, ear.unknown = event.mode, event.on_hold, event.unknown

    def _tap(self, ear: _Ear, event: TapOpened | TapRestored | TapLost) -> None:
        ear.open = not isinstance(event, TapLost)
        if isinstance(event, TapLost):  # RTP has no connection: without packets there is no sign of the tap at all
            silent = event.path == "external_media" and event.reason == "timeout"
            ear.lost = STALLED if silent else event.reason
