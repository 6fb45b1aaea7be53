"""The pipeline: `tick()` takes every leg's next hop through the stages, in columns.

hop -> listen (VAD, features, window, baseline) -> gates -> model (customers only) -> signals -> conversation -> rules
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from callguard.audio.activity import Activity
from callguard.audio.bank import LegBank
from callguard.audio.features import FloatArray
from callguard.audio.frames import Hop, Rows
from callguard.audio.gates import (
    CLIPPED_SHARE,
    LOST_SHARE,
    UNHEARD,
    Reason,
    clipped_share,
    is_tone,
    lost_share,
    signalled_dtmf,
)
from callguard.audio.listener import Judgeable, Listener
from callguard.audio.vad import Heard
from callguard.audio.window import LOUDNESS, PITCH
from callguard.contracts.messages import CallFacts, Transition
from callguard.contracts.vocabulary import Role
from callguard.models.emotion import EmotionModel
from callguard.models.gate import GateModel
from callguard.models.roles import RoleColumn
from callguard.signals.table import CALL_INDEX, LEG_INDEX, NO_ROW, SignalTable
from callguard.signals.turn_taking import Conversations

LATE_HOPS: Final = 5
"""Hops of a lagging leg that one tick takes at most."""
LEAST_SPEECH_S: Final = 0.5
"""Seconds of speech in a window below which nothing is judged."""
WARM_S: Final = 0.75
"""Seconds of speech before which a leg is not judged at all: noise needs a moment to be known for what it is."""
LEAST_BASELINE_S: Final = 1.0
"""Seconds of calm speech from which level and pitch can be said to rise."""
_FOLLOW: Final = 0.1
"""Weight of the newest hop in the shares of clipped and lost audio (about a second)."""
_GOOD_SNR_DB: Final = 20.0
STALLED_TICKS: Final = 10
"""Ticks without a hop (1 s) after which nothing is known of a leg; network jitter is far below."""

_MODES: Final = {"off": 0, "raised_voice": 1, "emotion": 2}
_WAITING: Final = (Reason.WARMING, Reason.SILENCE)
_NO_VOICE: Final = np.isin(
    np.arange(len(Reason)),
    [Reason.NOISE, Reason.MUSIC, Reason.TONE, Reason.FAX, Reason.DTMF, Reason.HOLD],
)
_OF_VOICE: Final = tuple(
    LEG_INDEX[name] for name in ("raised_voice", "anger", "level_rise_db", "pitch_rise_st", "pitch_hz")
)
_OF_SPEECH: Final = tuple(LEG_INDEX[name] for name in ("speech", "level_dbfs", "turn_s", "speech_rate"))
"""Known in silence too, but not of what is no speech: music on hold has a level, and nobody who speaks."""


class Rules(Protocol):
    """What the pipeline asks of the rule engine."""

    def open_call(self, row: int, facts: CallFacts) -> None:
        """Begin a call."""

    def update_call(self, row: int, facts: CallFacts) -> None:
        """Replace a call's facts."""

    def close_call(self, row: int, now: float) -> list[Transition]:
        """End a call."""

    def step(self, now: float) -> list[Transition]:
        """Evaluate all rules once."""


@dataclass(frozen=True, slots=True)
class Models:
    """The two graphs."""

    emotion: EmotionModel
    gate: GateModel


class Pipeline:
    """All legs and calls of one worker.

    Args:
        bank: where hops come from; its rows are the legs.
        table: where signals go; its rows are the calls.
        rules: stepped at the end of each tick.
        models: of at least the bank's capacity.

    Attributes:
        reason: why each leg is not judged now, shape (capacity,), of Reason.
    """

    def __init__(self, bank: LegBank, table: SignalTable, rules: Rules, models: Models) -> None:
        legs, calls = bank.capacity, len(table.live)
        self.bank, self.table, self.rules, self.models = bank, table, rules, models
        self.listener = Listener(legs)
        self.activity = Activity(legs)
        self.conversations = Conversations(table)
        self.roles = RoleColumn(legs)
        self.reason: NDArray[np.int8] = np.full(legs, Reason.WARMING, np.int8)
        self._call_of: NDArray[np.intp] = np.full(legs, NO_ROW, np.intp)
        self._clipped: FloatArray = np.zeros(legs, np.float32)
        self._lost: FloatArray = np.zeros(legs, np.float32)
        self._dtmf: NDArray[np.int8] = np.zeros(legs, np.int8)
        self._quiet: NDArray[np.int32] = np.zeros(legs, np.int32)
        self._mode: NDArray[np.int8] = np.zeros(calls, np.int8)
        self._standing: NDArray[np.int8] = np.zeros(calls, np.int8)
        self._started: NDArray[np.float64] = np.zeros(calls, np.float64)

    def tick(self, now: float) -> list[Transition]:
        """Take every leg's next hop, renew all signals, evaluate all rules.

        Args:
            now: engine time in seconds.
        """
        self._quiet += 1
        for _ in range(LATE_HOPS):
            hop = self.bank.take()
            if len(hop.rows) == 0:
                break
            self._note_coming(hop.rows)
            self._hear(hop)
        self._note_stalled()
        calls = np.flatnonzero(self.table.live)
        self.conversations.step(calls, self.activity, ~np.isin(self.reason, UNHEARD))
        self.table.call[CALL_INDEX["elapsed_s"], calls] = np.maximum(now - self._started[calls], 0.0)
        return self.rules.step(now)

    # --- calls and legs come and go ---

    def open_call(self, call: int, facts: CallFacts) -> None:
        """Begin a call in a free row."""
        self.table.open_call(call)
        self.conversations.open(call)
        self._standing[call] = Reason.JUDGED
        self._note(call, facts)
        self.rules.open_call(call, facts)

    def update_call(self, call: int, facts: CallFacts) -> None:
        """Replace what is known of a call; after hold or a consultation the baselines are loosened."""
        before = self._standing[call]
        self._note(call, facts)
        if before in (Reason.HOLD, Reason.APART) and self._standing[call] not in (Reason.HOLD, Reason.APART):
            self.listener.baselines.loosen(np.flatnonzero(self._call_of == call))
        self.rules.update_call(call, facts)

    def close_call(self, call: int, now: float) -> list[Transition]:
        """End a call; its legs are closed by `close_leg`."""
        last = self.rules.close_call(call, now)
        self.table.close_call(call)
        return last

    def open_leg(self, row: int, call: int, role: Role) -> None:
        """Give a bank row to a party of a call; a role's newest leg is the one that counts."""
        self.listener.open(row)
        self.activity.open(row)
        self.models.emotion.forget(row)
        self.models.gate.forget(row)
        self.table.clear_leg(row)
        self.roles.assign(row, role)
        self._call_of[row] = call
        self._clipped[row] = self._lost[row] = self._dtmf[row] = 0
        self._quiet[row] = STALLED_TICKS  # until its first hop nothing is known of it
        self.reason[row] = Reason.WARMING
        (self.table.customer if role == "customer" else self.table.agent)[call] = row

    def close_leg(self, row: int) -> None:
        """Take a row from its party; forget what was heard."""
        call = self._call_of[row]
        for column in (self.table.customer, self.table.agent):
            if call != NO_ROW and column[call] == row:
                column[call] = NO_ROW
        self.roles.clear(row)
        self.table.clear_leg(row)
        self.listener.open(row)
        self._call_of[row] = NO_ROW

    def _note(self, call: int, facts: CallFacts) -> None:
        standing = Reason.JUDGED
        if not facts.together:
            standing = Reason.APART
        if facts.on_hold:
            standing = Reason.HOLD
        if facts.mode == "off":
            standing = Reason.OFF
        self._mode[call] = _MODES[facts.mode]
        self._standing[call] = standing
        self._started[call] = facts.started_at
        self.table.call[CALL_INDEX["on_hold"], call] = facts.on_hold
        self.table.call[CALL_INDEX["agent_request"], call] = facts.agent_request

    # --- stages of a hop ---

    def _hear(self, hop: Hop) -> None:
        standing = self._stand(hop)
        heard = self.listener.hear(hop, standing != Reason.JUDGED)
        self.activity.step(hop.rows, self._spoken(hop, heard))
        due = self.listener.judgeable(hop.rows)
        gated = self._gate(due)
        self.reason[due.rows] = gated
        blocked = standing != Reason.JUDGED
        self.reason[hop.rows[blocked]] = standing[blocked]
        self._show_activity(hop.rows)
        self._show_voice(due)
        self._score(due)
        self._silence_unjudged(hop.rows)

    def _spoken(self, hop: Hop, heard: Heard) -> Heard:
        """Return what the VAD heard without what was last taken for no voice: noise talks over nobody."""
        silent = _NO_VOICE[self.reason[hop.rows]]
        return heard._replace(speech=heard.speech & ~silent[:, None])

    def _stand(self, hop: Hop) -> NDArray[np.int8]:
        """Return why legs can't be judged whatever they sound like, JUDGED where nothing stands against it."""
        rows = hop.rows
        self._clipped[rows] += _FOLLOW * (clipped_share(hop.pcm) - self._clipped[rows])
        self._lost[rows] += _FOLLOW * (lost_share(hop.flags) - self._lost[rows])
        self._dtmf[rows] = np.where(signalled_dtmf(hop.flags), 5, np.maximum(self._dtmf[rows] - 1, 0))
        call = self._call_of[rows]
        standing = np.where(call == NO_ROW, np.int8(Reason.OFF), self._standing[call])
        standing = np.where(self._clipped[rows] > CLIPPED_SHARE, np.maximum(standing, Reason.CLIPPING), standing)
        standing = np.where(self._dtmf[rows] > 0, np.maximum(standing, Reason.DTMF), standing)
        standing = np.where(self._lost[rows] > LOST_SHARE, np.maximum(standing, Reason.LOST), standing)
        return standing.astype(np.int8)

    def _gate(self, due: Judgeable) -> NDArray[np.int8]:
        reason = self.models.gate.reasons(due.rows, due.window, due.speech_s)
        reason = np.where(is_tone(due.window), np.int8(Reason.TONE), reason)
        known = due.baseline_s + due.speech_s
        short = (due.speech_s < LEAST_SPEECH_S) | (known < WARM_S)
        waiting = np.where(known < WARM_S, *_WAITING)
        return np.where(short, waiting, reason).astype(np.int8)

    def _score(self, due: Judgeable) -> None:
        wanted = (self.reason[due.rows] == Reason.JUDGED) & self.roles.are_customers(due.rows)
        customers = self.roles.customers(due.rows[wanted])
        evidence = np.stack([due.speech_s[wanted], due.baseline_s[wanted]], axis=1)
        scores = self.models.emotion.score(customers, due.window[wanted], due.baseline[wanted], evidence)
        calls = self._call_of[customers.rows]
        leg = self.table.leg
        leg[LEG_INDEX["raised_voice"], customers.rows] = scores.raised_voice
        allowed = self._mode[calls] == _MODES["emotion"]
        leg[LEG_INDEX["anger"], customers.rows] = np.where(allowed, scores.anger, np.nan)
        newest = self.table.customer[calls] == customers.rows
        self.conversations.follow(calls[newest], scores.raised_voice[newest])

    def _note_coming(self, rows: Rows) -> None:
        """Begin to know again of legs whose audio comes."""
        self._quiet[rows] = 0
        self.reason[rows[self.reason[rows] == Reason.STALLED]] = Reason.WARMING

    def _note_stalled(self) -> None:
        """Know nothing more of legs whose audio has not come for a while, until it comes again."""
        rows = np.flatnonzero((self._quiet >= STALLED_TICKS) & (self._call_of != NO_ROW))
        standing = self._standing[self._call_of[rows]]
        self.reason[rows] = np.where(standing == Reason.JUDGED, np.int8(Reason.STALLED), standing)
        self._silence_unjudged(rows)

    # --- signals ---

    def _show_activity(self, rows: Rows) -> None:
        leg = self.table.leg
        leg[LEG_INDEX["speech"], rows] = self.activity.speech_share(rows)
        leg[LEG_INDEX["level_dbfs"], rows] = self.activity.level(rows)
        leg[LEG_INDEX["turn_s"], rows] = self.activity.turn(rows)
        leg[LEG_INDEX["speech_rate"], rows] = self.activity.rate(rows)
        snr = (self.listener.vad.peak[rows] - self.listener.vad.floor[rows]) / _GOOD_SNR_DB
        whole = (1 - self._lost[rows]) * (1 - np.minimum(self._clipped[rows] / CLIPPED_SHARE, 1))
        leg[LEG_INDEX["quality"], rows] = np.clip(snr, 0, 1) * whole

    def _show_voice(self, due: Judgeable) -> None:
        leg, rows = self.table.leg, due.rows
        known = due.baseline_s >= LEAST_BASELINE_S
        rise = np.where(known[:, None], due.window - due.baseline, np.nan)
        leg[LEG_INDEX["level_rise_db"], rows] = np.clip(rise[:, LOUDNESS], -60, 60)
        leg[LEG_INDEX["pitch_rise_st"], rows] = np.clip(rise[:, PITCH], -36, 36)
        leg[LEG_INDEX["pitch_hz"], rows] = 100.0 * 2.0 ** (due.window[:, PITCH] / 12.0)

    def _silence_unjudged(self, rows: Rows) -> None:
        """Leave no value where a leg is not judged: a comparison with NaN is false, so nothing fires."""
        reason, leg = self.reason[rows], self.table.leg
        leg[LEG_INDEX["judged"], rows] = reason == Reason.JUDGED
        unjudged, no_speech = rows[reason != Reason.JUDGED], rows[reason > Reason.SILENCE]
        for signal in _OF_VOICE:
            leg[signal, unjudged] = np.nan
        for signal in _OF_SPEECH:
            leg[signal, no_speech] = np.nan
