"""The simulation's time: frames of 20 ms and what is due at them. It runs as fast as somebody steps it."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from callguard.audio.frames import FRAME_S


@dataclass(order=True)
class Timer:
    """Something to be done at a frame, unless cancelled."""

    frame: int
    order: int
    act: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Don't do it."""
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
        """Have something done at the first frame not earlier than `seconds` from now, one frame at the soonest."""
        timer = Timer(self.frame + max(1, round(seconds / FRAME_S)), next(self._orders), act)
        heapq.heappush(self._due, timer)
        return timer

    def tick(self) -> None:
        """Go one frame on and do what is due, in the order in which it was asked for."""
        self.frame += 1
        while self._due and self._due[0].frame <= self.frame:
            timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.act()
