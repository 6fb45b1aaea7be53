"""Measures the CPU time of a tick's stages, each without the stages inside it."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from callguard.worker.spans import Stage


class StageTimer:
    """Timed spans: `with timer("vad"): …`.

    Attributes:
        ns: CPU time of this thread in each stage, in nanoseconds.
    """

    def __init__(self) -> None:
        self.ns: Counter[Stage] = Counter()
        self._inner = [0]

    @contextmanager
    def __call__(self, stage: Stage) -> Iterator[None]:
        """Add the CPU time spent inside to the stage's, also when an error is raised."""
        self._inner.append(0)
        start = time.thread_time_ns()
        try:
            yield
        finally:
            spent = time.thread_time_ns() - start
            self.ns[stage] += spent - self._inner.pop()
            self._inner[-1] += spent
