"""Run a worker under load; measure its cost and the latency of its alerts."""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_S
from callguard.config import Analysis, Config, Media
from callguard.contracts.messages import CallFacts, FromWorker, LegLost, OpenLeg, Transition, WorkerStats
from callguard.contracts.vocabulary import Role
from callguard.control.worker_pool import MediaError, WorkerPool
from callguard.runtime.mailbox import GoneError, Mailbox, start_process
from callguard.testbed.bench.expected import firing_frames
from callguard.testbed.bench.load import Load, Sent, Source, Target
from callguard.testbed.bench.speech import clip

CLIPS: Final = 16
"""Number of different voices, which the legs share."""
HEATED_CLIPS: Final = 4
"""Number of different voices of heated customers."""
RULES: Final = (
    ("bench.yaml", "groups:\n- name: bench\n  rules:\n  - alert: Loud\n    expr: customer.level_dbfs > -24\n"),
)
"""An acoustic rule without `for`: the time from its truth to its alert is the product's own latency."""
SETTLE_S: Final = 1.2
"""A worker reports once a second."""
_PATIENCE_S: Final = 60.0

Result = dict[str, Any]
Progress = Callable[[str, float], None]


class Bench:
    """One measurement. Roles alternate: two legs make a call.

    Args:
        legs: at least 2.
        source: transport of the media.
        seconds: of audio, at least 1.
        speech: share of time in which each party speaks.
        progress: called with the phase and the completed share of it.
        heated: share of customers who shout in every second turn.
        second_ear: whether the worker has a second ear.
    """

    def __init__(
        self,
        legs: int,
        source: Source,
        seconds: float,
        speech: float,
        progress: Progress,
        *,
        heated: float = 0.0,
        second_ear: bool = True,
    ) -> None:
        self._legs, self._source, self._speech, self._progress = legs, source, speech, progress
        self._heated, self._analysis = heated, Analysis(second_ear=second_ear)
        self._frames = round(seconds / FRAME_S)
        calm = [clip(seed, self._frames, speech) for seed in range(min(CLIPS, legs))]
        shouting = [clip(seed, self._frames, speech, heated=True) for seed in range(HEATED_CLIPS if heated else 0)]
        self._clips, self._calm = (*calm, *shouting), len(calm)
        self._stats: list[WorkerStats] = []
        self._fired: dict[str, list[float]] = defaultdict(list)
        self._reported = asyncio.Event()
        self._lost = self._lost_while_playing = 0

    async def run(self) -> Result:
        """Measure; raise MediaError where the worker does not start or has no free rows."""
        due = firing_frames(self._clips, RULES)
        media = Media(
            audiosocket_port=0, legs_per_worker=self._legs + self._legs % 2, connect_timeout_s=60, stall_timeout_s=60
        )
        pool = WorkerPool(Config(media=media, analysis=self._analysis), RULES, self._hear)
        await pool.start()
        try:
            targets = await self._open(pool)
            sent, before = await self._play(targets)
        finally:
            await pool.stop()
        return self._result(sent, before, self._latencies(sent, targets, due))

    def _hear(self, message: FromWorker) -> None:
        if isinstance(message, WorkerStats):
            self._stats.append(message)
            self._reported.set()
        elif isinstance(message, LegLost):
            self._lost += 1
        elif isinstance(message, Transition) and message.kind == "fired":
            self._fired[message.call].append(time.monotonic())

    async def _open(self, pool: WorkerPool) -> tuple[Target, ...]:
        targets = []
        for index in range(self._legs):
            call, role = str(index // 2), _role(index)
            if role == "customer":
                pool.send(call, CallFacts(call, started_at=time.time()))
            leg = OpenLeg(str(uuid.uuid4()), call, role, self._source)
            targets.append(Target(leg.leg, await pool.open_leg(leg), self._clip_of(index)))
            self._progress("opening legs", (index + 1) / self._legs)
        return tuple(targets)

    def _clip_of(self, index: int) -> int:
        """Return the clip of a leg; heated customers are spread evenly over the calls."""
        customer, agent = divmod(index, 2)
        if not agent and int((customer + 1) * self._heated) > int(customer * self._heated):
            return self._calm + customer % HEATED_CLIPS
        return index % self._calm

    async def _play(self, targets: tuple[Target, ...]) -> tuple[Sent, WorkerStats]:
        """Return the sending times, and the worker's last report before the load."""
        process, mailbox = start_process("callguard.testbed.bench", Load(self._source, targets, self._clips))
        try:
            await self._expect(mailbox)
            await self._report()
            before = self._stats[-1]
            mailbox.post("play")
            playing = asyncio.create_task(self._show_time())
            (sent,) = await self._expect(mailbox)
            playing.cancel()
            await asyncio.sleep(SETTLE_S)
            await self._report()
            self._lost_while_playing = self._lost
            mailbox.post("enough")
        finally:
            mailbox.close()
            await asyncio.to_thread(process.wait)
        return sent, before

    async def _expect(self, mailbox: Mailbox) -> list[Any]:
        try:
            messages = await asyncio.to_thread(mailbox.receive, self._frames * FRAME_S + _PATIENCE_S)
        except GoneError as error:
            raise MediaError("the load generator ended") from error
        if not messages:
            raise MediaError("the load generator hangs")
        return messages

    async def _report(self) -> None:
        """Wait for the worker's next report."""
        self._reported.clear()
        await asyncio.wait_for(self._reported.wait(), _PATIENCE_S)

    async def _show_time(self) -> None:
        start, whole = time.monotonic(), self._frames * FRAME_S
        while True:
            self._progress("playing", min((time.monotonic() - start) / whole, 1.0))
            await asyncio.sleep(0.2)

    # --- results ---

    def _latencies(self, sent: Sent, targets: tuple[Target, ...], due: list[list[int]]) -> NDArray[np.float64]:
        """Return milliseconds from the sending of each due frame to its alert; NaN where no alert came."""
        found = []
        for index in range(0, self._legs, 2):
            arrived = self._fired[str(index // 2)]
            for order, frame in enumerate(due[targets[index].clip]):
                at = arrived[order] if order < len(arrived) else np.nan
                found.append((at - sent.at[index, frame]) * 1000)
        return np.array(found)

    def _result(self, sent: Sent, before: WorkerStats, latencies: NDArray[np.float64]) -> Result:
        after = self._stats[-1]
        seconds = self._frames * FRAME_S
        leg_seconds = self._legs * seconds
        spent = {name: count - before.counters.get(name, 0) for name, count in after.counters.items()}
        cpu = spent["cpu_ms"] / 1000 / leg_seconds
        ticks = [tick for stats in self._stats[self._stats.index(before) + 1 :] for tick in stats.each_tick_ms]
        seen = latencies[np.isfinite(latencies)]
        return {
            "legs": self._legs,
            "seconds": seconds,
            "source": self._source,
            "speech": self._speech,
            "heated": self._heated,
            "second_ear": {name: spent.get(f"second_ear_{name}", 0) for name in ("heard", "skipped")}
            if self._analysis.second_ear
            else None,
            "cpu_s_per_leg_s": round(cpu, 7),
            "legs_per_core": round(1 / cpu) if cpu else 0,
            "tick_ms": _percentiles(np.array(ticks), p50=50, p99=99, max=100),
            "late_ticks": spent["late_ticks"],
            "dropped_frames": spent["dropped_frames"] + int(np.isnan(sent.at).sum()),
            "lost_legs": self._lost_while_playing,
            "lost_frames": spent.get("rtp_lost", 0),
            "alert_latency_ms": _percentiles(seen, p50=50, p95=95, p99=99),
            "alerts": {"due": len(latencies), "came": len(seen)},
            "stage_us_per_leg_s": {
                name.removeprefix("stage_").removesuffix("_us"): round(us / leg_seconds, 2)
                for name, us in spent.items()
                if name.startswith("stage_")
            },
            "load": {"cpu_s": round(sent.cpu_s, 2), "late_ms": _percentiles(_lateness(sent), p99=99, max=100)},
        }


def _role(index: int) -> Role:
    return "agent" if index % 2 else "customer"


def _lateness(sent: Sent) -> NDArray[np.float64]:
    """Return each frame's delay in ms behind its leg's pace, relative to the leg's earliest frame."""
    pace = sent.at - np.arange(sent.at.shape[1]) * FRAME_S
    late = (pace - np.nanmin(pace, axis=1, keepdims=True)) * 1000
    finite: NDArray[np.float64] = late[np.isfinite(late)]
    return finite


def _percentiles(values: NDArray[np.float64], **wanted: int) -> dict[str, float | None]:
    if not len(values):
        return dict.fromkeys(wanted)
    return {name: round(float(np.percentile(values, percent)), 2) for name, percent in wanted.items()}
