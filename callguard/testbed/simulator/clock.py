"""The simulation's time: frames of 20 ms and the timers due at each. It advances only when it is stepped."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from callguard.audio.frames import FRAME_S


@dataclass(order=True)
class Timer:
    """An action that is due at a frame, unless cancelled."""

    frame: int
    order: int
    act: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Cancel the action."""
        self.cancelled = True


class Clock:
    """Counts frames from `epoch` (Unix time, seconds)."""

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch
        self.frame = 0
        self._due: list[Timer] = []
        self._orders = itertools.count()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.frame * FRAME_S

    @property
    def now(self) -> float:
        """Unix time, seconds."""
        return self.epoch + self.elapsed

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Schedule an action at the first frame at least `seconds` from now, and at least one frame from now."""
        timer = Timer(self.frame + max(1, round(seconds / FRAME_S)), next(self._orders), act)
        heapq.heappush(self._due, timer)
        return timer

    def tick(self) -> None:
        """Advance by one frame and do all due actions in the order in which they were scheduled."""
        self.frame += 1
        while self._due and self._due[0].frame <= self.frame:
            timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.act()
