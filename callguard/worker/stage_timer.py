"""What the stages of a tick cost in CPU time, each without the stages that it calls."""

import time
from collections import Counter
from typing import Any


class StageTimer:
    """Times methods of objects, from the outside, so that pure stages need no clock.

    Attributes:
        ns: nanoseconds of this thread's CPU time spent in each stage.
    """

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()
        self._inner = [0]

    def watch(self, owner: object, method: str, stage: str) -> None:
        """Count what the owner's method costs as a stage's time."""
        timed = getattr(owner, method)

        def watched(*args: Any) -> Any:
            self._inner.append(0)
            start = time.thread_time_ns()
            try:
                return timed(*args)
            finally:
                spent = time.thread_time_ns() - start
                self.ns[stage] += spent - self._inner.pop()
                self._inner[-1] += spent

        setattr(owner, method, watched)
