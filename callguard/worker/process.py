"""A media worker: a process that owns legs. It reads their media, ticks every 0.1 s and reports the outcome to control.

It has one thread and one loop, and waits for messages between two ticks. `control.worker_keeper` runs it as
`python -m callguard.worker FD`. FD is its end of a socket pair; the worker ends when the other end is closed.
"""

import gc
import sys
import time
from collections import Counter, deque
from typing import Any, Final

import numpy as np
import structlog

from callguard.audio.bank import BankFullError, LegBank
from callguard.audio.baseline import KEPT_S, WHOLE_S, worth
from callguard.audio.frames import HOP_S
from callguard.audio.gates import Reason, among
from callguard.audio.ingest import Ingest, Limits, PortsExhaustedError
from callguard.audio.window import SUMS, SUMS_FORM, seconds
from callguard.config import Analysis, Config, ConfigError, Logging
from callguard.contracts.messages import (
    Baseline,
    CallFacts,
    CloseCall,
    CloseLeg,
    FromWorker,
    LegBaseline,
    LegConnected,
    LegLost,
    LegReady,
    LegSource,
    LoadRules,
    OpenLeg,
    SetLogging,
    StopWorker,
    ToWorker,
    WorkerReady,
    WorkerStats,
)
from callguard.models.card import ModelError
from callguard.models.emotion import SHIPPED, EmotionModel
from callguard.models.gate import GateModel
from callguard.models.second_ear import BUDGET, open_second_ear
from callguard.rules import RuleEngine, load_rules
from callguard.runtime import logs
from callguard.runtime.limits import raise_file_limit
from callguard.runtime.mailbox import GarbledError, GoneError, Mailbox, accept_boot
from callguard.runtime.ports import listening
from callguard.signals.snapshot import snapshot
from callguard.signals.table import SignalTable
from callguard.worker.pipeline import Models, Pipeline
from callguard.worker.stage_timer import StageTimer

log = structlog.get_logger(__name__)

TICKS_A_SECOND: Final = round(1 / HOP_S)
BASELINE_TICKS: Final = 5 * TICKS_A_SECOND
"""Ticks between two reports of a leg's baseline."""
_ASIDE: Final = among(Reason.HOLD, Reason.APART, Reason.OFF)
STEPS: Final = 5
"""Steps of a tap, each with a time limit of control's. A leg that is still expected after all of them was forgotten."""


class Worker:
    """Legs and calls of one worker, and control's requests about them.

    Args:
        config: of the node.
        index: number of this worker, from 0.
        rules: rule files as (name, text), checked.
        mailbox: connection to control.
    """

    def __init__(self, config: Config, index: int, rules: tuple[tuple[str, str], ...], mailbox: Mailbox) -> None:
        media, legs = config.media, config.media.legs_per_worker
        self._index = index
        self._mailbox = mailbox
        self._counts: Counter[str] = Counter()
        self._table = SignalTable(legs, legs // 2)
        self._bank = LegBank(legs)
        self._engine = RuleEngine(load_rules(rules), self._table)
        models = _models(config.analysis, legs, index)
        self._spans = StageTimer()
        self._pipeline = Pipeline(self._bank, self._table, self._engine, models, self._spans)
        port = media.audiosocket_port and media.audiosocket_port + index
        with listening("media", "audiosocket_port", media.listen, port):
            self._ingest = Ingest(
                self._bank,
                host=media.listen,
                port=port,
                rtp_ports=(media.rtp_start, media.rtp_end),
                limits=Limits(STEPS * media.connect_timeout_s, media.stall_timeout_s, media.connect_timeout_s),
                sources=media.sources,
            )
        self._legs: dict[str, tuple[int, str]] = {}
        self._leg_at: dict[int, str] = {}
        self._calls: dict[str, int] = {}
        self._free_calls = deque(range(legs // 2))
        self._tick_ms: list[float] = []
        self._ticks = 0
        # Rules need a clock that only goes forward; Unix time may be set back.
        self._unix_offset = time.time() - time.monotonic()

    def run(self) -> None:
        """Tick and carry out messages until control says stop or is gone."""
        self._post(WorkerReady(self._index, self._ingest.audiosocket_port))
        due = time.monotonic()
        try:
            while self._obey_until(due):
                self.tick()
                due = self._next(due + HOP_S)
        except GoneError:
            log.warning("control_gone", worker=self._index)
        finally:
            self._ingest.close()

    def tick(self) -> None:
        """Read media, update signals, evaluate rules; report."""
        start = time.monotonic()
        now = start + self._unix_offset
        with self._spans("ingest"):
            swept = self._ingest.sweep(start)
        for row in swept.connected:
            self._post(LegConnected(self._leg_at[row]))
        for transition in self._pipeline.tick(now):
            self._post(transition)
        for row, reason in swept.lost:
            leg = self._leg_at[row]
            self._forget(leg)
            self._post(LegLost(leg, reason))
        with self._spans("report"):
            self._report(now)
        self._tick_ms.append((time.monotonic() - start) * 1000)

    # --- requests of control ---

    def obey(self, message: ToWorker) -> None:
        """Carry out a message; count and log an invalid one."""
        match message:
            case OpenLeg():
                self._open_leg(message)
            case LegSource():
                self._pin_leg(message)
            case CloseLeg():
                self._close_leg(message.leg)
            case CallFacts():
                self._take_facts(message)
            case CloseCall():
                self._close_call(message.call)
            case LoadRules():
                self._load(message)
            case SetLogging():
                logs.configure(Logging(level=message.level, json_lines=message.json_lines))
            case _:
                self._malformed(f"{type(message).__name__} is no message to a worker")

    def _open_leg(self, leg: OpenLeg) -> None:
        if leg.leg in self._legs:
            self._malformed(f"leg {leg.leg} is open already")
            return
        try:
            self._post(LegReady(leg.leg, self._admit(leg)))
        except (BankFullError, PortsExhaustedError) as error:
            log.warning("leg_refused", worker=self._index, leg=leg.leg, why=str(error))
            self._post(LegLost(leg.leg, "full"))
        except ValueError as error:
            self._malformed(str(error))
            self._post(LegLost(leg.leg, "protocol"))

    def _admit(self, leg: OpenLeg) -> int:
        """Give a leg a row and return its port."""
        call = self._calls.get(leg.call)
        if call is None:
            raise BankFullError(f"call {leg.call} has no row")
        row = self._bank.open()
        try:
            port = self._ingest.expect(row, leg, time.monotonic())
        except (PortsExhaustedError, ValueError):
            self._bank.close(row)
            raise
        self._legs[leg.leg], self._leg_at[row] = (row, leg.call), leg.leg
        self._pipeline.open_leg(row, call, leg.role)
        if leg.baseline is not None:
            self._carry_over(row, leg.baseline)
        return port

    def _carry_over(self, row: int, kept: Baseline) -> None:
        """Start from the baseline of an earlier tap of the leg; refuse other versions and invalid values."""
        whole = kept.form == SUMS_FORM and len(kept.sums) == SUMS * np.dtype(np.float32).itemsize
        sums = np.frombuffer(kept.sums if whole else b"", np.float32)
        if not whole or not np.isfinite(sums).all():
            self._counts["baselines_refused"] += 1
            return
        age_s = time.time() - kept.at
        worth_s = worth(float(seconds(sums[None])[0]), age_s, loose=kept.loose)
        self._pipeline.listener.baselines.carry_over(row, sums, worth_s)
        if not kept.loose and age_s <= WHOLE_S:
            self._pipeline.models.emotion.recall(row, kept.memory, kept.model)

    def _pin_leg(self, source: LegSource) -> None:
        if source.leg not in self._legs:
            return  # the leg was lost meanwhile
        try:
            self._ingest.pin(self._legs[source.leg][0], source.address)
        except OSError as error:
            self._malformed(f"no media can come from {source.address}: {error.strerror}")

    def _close_leg(self, leg: str) -> None:
        if leg in self._legs:  # a lost leg is forgotten already
            self._ingest.forget(self._legs[leg][0])
            self._forget(leg)

    def _forget(self, leg: str) -> None:
        row, _ = self._legs.pop(leg)
        del self._leg_at[row]
        self._pipeline.close_leg(row)
        self._bank.close(row)

    def _take_facts(self, facts: CallFacts) -> None:
        row = self._calls.get(facts.call)
        if row is not None:
            self._pipeline.update_call(row, facts)
        elif self._free_calls:
            self._calls[facts.call] = row = self._free_calls.popleft()
            self._pipeline.open_call(row, facts)
        else:
            self._counts["calls_refused"] += 1

    def _close_call(self, call: str) -> None:
        for leg in [leg for leg, (_, owner) in self._legs.items() if owner == call]:
            self._close_leg(leg)
        row = self._calls.pop(call, None)
        if row is not None:
            for transition in self._pipeline.close_call(row, time.monotonic() + self._unix_offset):
                self._post(transition)
            self._free_calls.append(row)

    def _load(self, message: LoadRules) -> None:
        try:
            rules = load_rules(message.files)
        except ConfigError as error:
            self._malformed(str(error))
            return
        for transition in self._engine.reload(rules):
            self._post(transition)

    def _malformed(self, why: str) -> None:
        self._counts["messages_malformed"] += 1
        log.warning("message_malformed", worker=self._index, why=why)

    # --- time and messages ---

    def _obey_until(self, due: float) -> bool:
        """Carry out messages until it is time to tick; return False when control says stop."""
        wait = 1.0
        while wait > 0:
            wait = max(due - time.monotonic(), 0.0)
            for message in self._receive(wait):
                if isinstance(message, StopWorker):
                    return False
                self.obey(message)
        return True

    def _receive(self, wait: float) -> list[Any]:
        try:
            return self._mailbox.receive(wait)
        except GarbledError as error:
            self._malformed(str(error))
            return []

    def _next(self, due: float) -> float:
        """Return the time of the next tick, always on the same grid; missed ticks are counted and skipped."""
        missed = max(int((time.monotonic() - due) / HOP_S), 0)
        self._counts["late_ticks"] += missed
        return due + missed * HOP_S

    def _post(self, message: FromWorker) -> None:
        self._mailbox.post(message)

    # --- reports ---

    def _report(self, now: float) -> None:
        """Report a tenth of the calls in each tick, so that no tick reports them all."""
        self._ticks += 1
        turn = self._ticks % TICKS_A_SECOND
        for call, row in self._calls.items():
            if row % TICKS_A_SECOND == turn:
                shot = snapshot(call, row, self._table, self._pipeline.reason, now)
                self._mailbox.post(shot, spare=True)
        self._report_baselines(now)
        if turn == 0:
            self._mailbox.post(self._stats(), spare=True)

    def _report_baselines(self, now: float) -> None:
        """Report the baselines of a share of the legs in each tick; those of parties on hold or apart are loose."""
        rows = np.arange(self._ticks % BASELINE_TICKS, self._bank.capacity, BASELINE_TICKS)
        sums, reason = self._pipeline.listener.baselines.sums[rows], self._pipeline.reason[rows]
        known = (seconds(sums) >= KEPT_S) & ~_ASIDE[reason]
        model = self._pipeline.models.emotion
        for row, learnt in zip(rows[known].tolist(), sums[known], strict=True):
            memory = model.memory(row)
            kept = Baseline(learnt.tobytes(), SUMS_FORM, now, memory=memory, model=model.fingerprint)
            self._mailbox.post(LegBaseline(self._leg_at[row], kept), spare=True)

    def _stats(self) -> WorkerStats:
        each, self._tick_ms = tuple(self._tick_ms), []
        times = (
            dict(zip(("p50", "p99", "max"), np.percentile(each, [50, 99, 100]).tolist(), strict=True)) if each else {}
        )
        return WorkerStats(self._index, len(self._bank), self._counters(), times, each)

    def _counters(self) -> dict[str, int]:
        own = {
            "ticks": self._ticks,
            "dropped_frames": self._bank.dropped,
            "messages_dropped": self._mailbox.dropped,
            "log_lines_dropped": logs.dropped(),
            "cpu_ms": round(time.process_time() * 1000),
        }
        ear = self._pipeline.models.ear
        if ear:
            own |= {"second_ear_heard": ear.heard, "second_ear_skipped": ear.skipped}
        stages = {f"stage_{stage}_us": ns // 1000 for stage, ns in self._spans.ns.items()}
        return {**own, **self._counts, **self._ingest.counts(), **stages}


def _models(analysis: Analysis, legs: int, worker: int) -> Models:
    """Open the configured models; raise ModelError where the first ear or the gate is unusable."""
    threads = analysis.onnx_threads
    ear = None
    if analysis.second_ear:

        def warn(why: str) -> None:
            log.warning("second_ear_off", worker=worker, why=why)

        ear = open_second_ear(legs, analysis.model, warn, BUDGET, threads)
    return Models(EmotionModel(legs, analysis.model or SHIPPED, threads), GateModel(legs, threads=threads), ear)


def main(descriptor: int) -> None:
    """Run a worker at the end of an inherited socket."""
    mailbox, (config, index, rules) = accept_boot(descriptor)
    raise_file_limit()
    logs.configure(config.logging)
    try:
        worker = Worker(config, index, rules, mailbox)
    except (ConfigError, ModelError, OSError) as error:
        log.error("worker_cannot_start", worker=index, error=str(error))  # noqa: TRY400 # the error names the remedy
        sys.exit(1)
    gc.collect()
    gc.freeze()  # the collector need not traverse objects that live as long as the process
    worker.run()
    mailbox.close()
