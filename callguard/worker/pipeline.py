"""The pipeline: `tick()` takes every leg's next hop through the stages, in columns.

hop -> standing -> VAD -> features -> gate -> signals -> model -> second ear (customers only) -> conversation -> rules
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from callguard.audio.activity import Activity
from callguard.audio.bank import LegBank
from callguard.audio.features import FloatArray
from callguard.audio.frames import Hop, Rows
from callguard.audio.gates import UNHEARD, Reason, among, is_tone
from callguard.audio.listener import Judgeable, Listener
from callguard.audio.vad import Heard
from callguard.audio.window import LOUDNESS
from callguard.contracts.messages import CallFacts, Transition
from callguard.contracts.vocabulary import Role
from callguard.models.emotion import EmotionModel
from callguard.models.gate import GateModel
from callguard.models.roles import RoleColumn
from callguard.models.second_ear import SecondEar
from callguard.signals.leg_signals import withhold_unjudged, write_activity, write_voice
from callguard.signals.table import CALL_INDEX, LEG_INDEX, NO_ROW, SignalTable
from callguard.signals.turn_taking import Conversations
from callguard.worker.spans import Spans, untimed
from callguard.worker.standing import Standing

LATE_HOPS: Final = 5
"""Most hops that one tick takes of a lagging leg."""
LEAST_SPEECH_S: Final = 0.5
"""Seconds of speech that a window needs to be judged."""
WARM_S: Final = 0.75
"""Seconds of speech that a leg needs before its first judgement: the gate needs a moment to recognise noise."""
_GOOD_SNR_DB: Final = 20.0
_NO_VOICE: Final = among(Reason.NOISE, Reason.MUSIC, Reason.TONE, Reason.FAX, Reason.DTMF, Reason.HOLD)


class Rules(Protocol):
    """The rule engine as the pipeline uses it."""

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
    """The model graphs; without a second ear the first one's scores stand."""

    emotion: EmotionModel
    gate: GateModel
    ear: SecondEar | None = None


class Pipeline:
    """All legs and calls of one worker.

    Args:
        bank: source of hops; its rows are the legs.
        table: receives signals; its rows are the calls.
        rules: stepped at the end of each tick.
        models: of at least the bank's capacity.
        spans: enclose the work of each stage.

    Attributes:
        reason: the present Reason against judging each leg, shape (capacity,).
    """

    def __init__(self, bank: LegBank, table: SignalTable, rules: Rules, models: Models, spans: Spans = untimed) -> None:
        legs, calls = bank.capacity, len(table.live)
        self.bank, self.table, self.rules, self.models = bank, table, rules, models
        self.listener = Listener(legs)
        self.activity = Activity(legs)
        self.standing = Standing(legs, calls)
        self.conversations = Conversations(table)
        self.roles = RoleColumn(legs)
        self.reason: NDArray[np.int8] = np.full(legs, Reason.WARMING, np.int8)
        self._spans = spans
        self._tells_anger: NDArray[np.bool_] = np.zeros(calls, np.bool_)
        self._started: NDArray[np.float64] = np.zeros(calls, np.float64)

    def tick(self, now: float) -> list[Transition]:
        """Take every leg's next hop, update all signals, evaluate all rules.

        Args:
            now: engine time in seconds.
        """
        with self._spans("signals"):
            self._take_hops()
            self._mark_stalled()
            self._follow_calls(now)
            with self._spans("rules"):
                return self.rules.step(now)

    # --- calls and legs ---

    def open_call(self, call: int, facts: CallFacts) -> None:
        """Begin a call in a free row."""
        self.table.open_call(call)
        self.conversations.open(call)
        self.standing.open_call(call, facts)
        self._note(call, facts)
        self.rules.open_call(call, facts)

    def update_call(self, call: int, facts: CallFacts) -> None:
        """Replace a call's facts; after hold or a consultation, mark its baselines as loose."""
        if self.standing.update_call(call, facts):
            self.listener.baselines.loosen(np.flatnonzero(self.standing.call == call))
        self._note(call, facts)
        self.rules.update_call(call, facts)

    def close_call(self, call: int, now: float) -> list[Transition]:
        """End a call; its legs are closed by `close_leg`."""
        last = self.rules.close_call(call, now)
        self.table.close_call(call)
        return last

    def open_leg(self, row: int, call: int, role: Role) -> None:
        """Assign a bank row to a party of a call; only a role's newest leg counts."""
        self.listener.open(row)
        self.activity.open(row)
        self.standing.open_leg(row, call)
        self._forget(row)
        self.table.clear_leg(row)
        self.roles.assign(row, role)
        self.reason[row] = Reason.WARMING
        (self.table.customer if role == "customer" else self.table.agent)[call] = row

    def close_leg(self, row: int) -> None:
        """Free a party's row; forget the party's audio."""
        call = self.standing.call[row]
        for column in (self.table.customer, self.table.agent):
            if call != NO_ROW and column[call] == row:
                column[call] = NO_ROW
        self.roles.clear(row)
        self.table.clear_leg(row)
        self.listener.open(row)
        self._forget(row)
        self.standing.close_leg(row)

    def _forget(self, row: int) -> None:
        """Clear what the models remember of a row's last leg."""
        self.models.emotion.forget(row)
        self.models.gate.forget(row)
        if self.models.ear:
            self.models.ear.forget(row)

    def _note(self, call: int, facts: CallFacts) -> None:
        self._tells_anger[call] = facts.mode == "emotion"
        self._started[call] = facts.started_at
        self.table.call[CALL_INDEX["on_hold"], call] = facts.on_hold
        self.table.call[CALL_INDEX["agent_request"], call] = facts.agent_request

    # --- steps of a tick ---

    def _take_hops(self) -> None:
        self.standing.tick()
        for _ in range(LATE_HOPS):
            with self._spans("bank"):
                hop = self.bank.take()
            if len(hop.rows) == 0:
                break
            self._hear(hop)

    def _mark_stalled(self) -> None:
        """Withhold the signals of legs whose audio has not come for a while, until it comes again."""
        rows, against = self.standing.stalled()
        if len(rows):
            self.reason[rows] = against
            withhold_unjudged(self.table, rows, against)

    def _follow_calls(self, now: float) -> None:
        calls = np.flatnonzero(self.table.live)
        self.conversations.step(calls, self.activity, ~UNHEARD[self.reason])
        self.table.call[CALL_INDEX["elapsed_s"], calls] = np.maximum(now - self._started[calls], 0.0)

    # --- steps of a hop ---

    def _hear(self, hop: Hop) -> None:
        self._mark_coming(hop.rows)
        against = self.standing.step(hop)
        heard = self._detect_speech(hop)
        self._extract_features(hop, heard, against)
        self._follow_activity(hop.rows, heard)
        due = self.listener.judgeable(hop.rows)
        self._decide_reasons(hop.rows, against, due)
        write_activity(self.table, hop.rows, self.activity, self._quality(hop.rows))
        write_voice(self.table, due)
        self._score_customers(due)
        withhold_unjudged(self.table, hop.rows, self.reason[hop.rows])

    def _mark_coming(self, rows: Rows) -> None:
        """Start judging anew the legs whose audio had stalled."""
        self.reason[rows[self.reason[rows] == Reason.STALLED]] = Reason.WARMING

    def _detect_speech(self, hop: Hop) -> Heard:
        with self._spans("vad"):
            return self.listener.detect(hop)

    def _extract_features(self, hop: Hop, heard: Heard, against: NDArray[np.int8]) -> None:
        """Extract features; learn from the speech of legs without a reason against judging."""
        judged = (against == Reason.JUDGED)[:, None]
        speech = heard.speech & judged
        with self._spans("features"):
            self.listener.extract(hop, speech)
        if self.models.ear:
            with self._spans("second_ear"):
                mine = self.roles.are_customers(hop.rows)
                pcm = hop.pcm[mine] * judged[mine][:, :, None]  # what is not judged is not kept either
                self.models.ear.remember(self.roles.customers(hop.rows), pcm, speech[mine])

    def _follow_activity(self, rows: Rows, heard: Heard) -> None:
        """Follow turns. A leg that was last classified as noise, music or a tone does not count as speaking."""
        silent = _NO_VOICE[self.reason[rows]]
        self.activity.step(rows, heard._replace(speech=heard.speech & ~silent[:, None]))

    def _decide_reasons(self, rows: Rows, against: NDArray[np.int8], due: Judgeable) -> None:
        """Update the reasons: the reason of the call or line if there is one, else that of the last window's sound."""
        self.reason[due.rows] = self._sound_reasons(due)
        barred = against != Reason.JUDGED
        self.reason[rows[barred]] = against[barred]

    def _sound_reasons(self, due: Judgeable) -> NDArray[np.int8]:
        with self._spans("gate"):
            reason = self.models.gate.reasons(due.rows, due.window, due.speech_s)
        reason = np.where(is_tone(due.window), np.int8(Reason.TONE), reason)
        known = due.baseline_s - due.carried_s + due.speech_s
        waiting = np.where(known < WARM_S, np.int8(Reason.WARMING), np.int8(Reason.SILENCE))
        short = (due.speech_s < LEAST_SPEECH_S) | (known < WARM_S)
        return np.where(short, waiting, reason)

    def _score_customers(self, due: Judgeable) -> None:
        wanted = (self.reason[due.rows] == Reason.JUDGED) & self.roles.are_customers(due.rows)
        customers = self.roles.customers(due.rows[wanted])
        evidence = np.stack([due.speech_s[wanted], due.baseline_s[wanted]], axis=1)
        with self._spans("model"):
            scores = self.models.emotion.score(customers, due.window[wanted], due.baseline[wanted], evidence)
        if self.models.ear:
            with self._spans("second_ear"):
                rise = due.window[wanted, LOUDNESS] - due.baseline[wanted, LOUDNESS]
                scores = self.models.ear.judge(customers, scores, rise, evidence[:, 1])
        calls = self.standing.call[customers.rows]
        leg = self.table.leg
        leg[LEG_INDEX["raised_voice"], customers.rows] = scores.raised_voice
        leg[LEG_INDEX["anger"], customers.rows] = np.where(self._tells_anger[calls], scores.anger, np.nan)
        newest = self.table.customer[calls] == customers.rows
        self.conversations.follow(calls[newest], scores.raised_voice[newest])

    def _quality(self, rows: Rows) -> FloatArray:
        """Return the quality of each line for judging, 0-1, from its noise, loss and clipping."""
        vad = self.listener.vad
        clear = np.clip((vad.peak[rows] - vad.floor[rows]) / _GOOD_SNR_DB, 0, 1)
        quality: FloatArray = clear * self.standing.intact(rows)
        return quality
