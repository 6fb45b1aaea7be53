"""Watches the node's health: the number of heard calls, the lateness of workers, jumps of the clock.

The number is published when it changes and every `BEAT_S`; faults are published as outages of parts.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from callguard.contracts.events import Event, NodeHearing, Published
from callguard.contracts.messages import CallSnapshot, WorkerStats
from callguard.contracts.vocabulary import UnheardCause
from callguard.control.hearing import Ears, Hearing, Unheard
from callguard.runtime.outages import Outages

log = structlog.get_logger(__name__)

LOOK_S: Final = 1.0
"""Seconds between two looks at the heard calls; a change that is over before the next look is not published."""
BEAT_S: Final = 10.0
"""Most seconds between two node.hearing events."""
ASLEEP_S: Final = 2.0
"""Seconds by which a look is late if this process was stopped; such a look says nothing about calls."""
TAPS: Final = "taps"
SURE_LOOKS: Final = 2
"""Looks in a row that must agree before taps are reported as away or back."""
CLOCK_JUMP_S: Final = 2.0
"""Seconds between the wall clock and the monotonic one that count as a jump; time servers slew by far less."""
CLOCK_STEADY_S: Final = 60.0
LATE_LOOKS: Final = 10
"""Reports of a worker, one a second, over which its missed ticks are counted."""
LATE_TICKS: Final = 5
"""Missed ticks within those reports (of 100 ticks) that make alerts noticeably late."""

Clock = Callable[[], float]


class Health:
    """Counts heard calls.

    Args:
        node: its name.
        emit: publishes an event.
        outages: gets the faults.
        mark: called at each look with the calls that are not heard, by linkedid.
        opted_out: returns the number of present conversations that opted out.
        monotonic, wall: clocks, in seconds.
    """

    def __init__(
        self,
        node: str,
        emit: Callable[[Event], None],
        outages: Outages,
        *,
        mark: Callable[[Mapping[str, Unheard]], None] = lambda unheard: None,
        opted_out: Callable[[], int] = int,
        monotonic: Clock | None = None,
        wall: Clock | None = None,
    ) -> None:
        self._node = node
        self._emit = emit
        self._outages = outages
        self._mark = mark
        self._opted_out = opted_out
        self._monotonic, self._wall = monotonic or time.monotonic, wall or time.time
        self._ears = Ears()
        self._told: tuple[int, int, Mapping[UnheardCause, int]] | None = None
        self._told_at = 0.0
        self._looked_at = self._monotonic()
        self._offset = self._wall() - self._looked_at
        self._jumped_at: float | None = None
        self._doubts = 0
        """Looks in a row that contradict the last report about taps."""
        self._late: dict[int, deque[int]] = {}
        self.hearing = Hearing()
        """As of the last look."""

    def see(self, happened: Published) -> None:
        """Take in an event of a call or a tap."""
        self._ears.see(happened.event, self._monotonic())

    def show(self, snapshot: CallSnapshot) -> None:
        """Take in the signals of a call."""
        self._ears.show(snapshot, self._monotonic())

    def take(self, stats: WorkerStats) -> None:
        """Take in a worker's counters, which count from its start."""
        late = self._late.setdefault(stats.worker, deque(maxlen=LATE_LOOKS))
        count = stats.counters.get("late_ticks", 0)
        if late and count < late[-1]:  # a new process counts
            late.clear()
        late.append(count)
        worst = max(each[-1] - each[0] for each in self._late.values())
        if worst >= LATE_TICKS:
            self._outages.away(
                "lateness", f"a worker missed {worst} ticks within {LATE_LOOKS} s: too many calls, or a busy machine"
            )
        elif not worst:
            self._outages.back("lateness")

    async def run(self) -> None:
        """Look at the heard calls until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look()
            except Exception:  # an error about one call must not end all counting
                log.exception("health_not_looked_at")

    def hears(self, call: str) -> bool:
        """Return whether a call was heard when it was last looked at."""
        return call not in self.hearing.unheard

    def look(self) -> None:
        """Count the heard calls; publish changes."""
        now = self._monotonic()
        self._compare_clocks(now)
        slept, self._looked_at = now - self._looked_at, now
        if slept > LOOK_S + ASLEEP_S:
            log.warning("was_asleep", seconds=round(slept, 1))
            self._ears.excuse(now)
            return
        self.hearing = self._ears.hearing(now, self._opted_out())
        self._mark(self.hearing.unheard)
        self._judge_taps()
        self._tell(now)

    def _judge_taps(self) -> None:
        """Report that calls are not heard, or are again, once it is sure. The worker pool reports missing room."""
        deaf = [each.why for each in self.hearing.unheard.values() if each.cause in ("no_tap", "no_audio")]
        self._doubts = self._doubts + 1 if bool(deaf) != (TAPS in self._outages.parts) else 0
        if self._doubts < SURE_LOOKS:
            return
        if deaf:
            (why, _), *_ = Counter(deaf).most_common(1)
            self._outages.away(TAPS, f"{len(deaf)} of {self.hearing.calls} calls are not heard: {why}")
        else:
            self._outages.back(TAPS)

    def _tell(self, now: float) -> None:
        hearing = self.hearing
        counts = hearing.heard, hearing.calls, hearing.causes
        if counts == self._told and now - self._told_at < BEAT_S - LOOK_S / 2:
            return
        self._told, self._told_at = counts, now
        self._emit(NodeHearing(node=self._node, heard=hearing.heard, calls=hearing.calls, causes=dict(hearing.causes)))

    def _compare_clocks(self, now: float) -> None:
        offset = self._wall() - now
        jump, self._offset = offset - self._offset, offset
        if abs(jump) > CLOCK_JUMP_S:
            self._jumped_at = now
            self._outages.away(
                "clock", f"the wall clock was set {'forward' if jump > 0 else 'back'} by {abs(jump):.0f} s"
            )
        elif self._jumped_at is not None and now - self._jumped_at > CLOCK_STEADY_S:
            self._jumped_at = None
            self._outages.back("clock")
