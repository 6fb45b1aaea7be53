import numpy as np
import pytest

from callguard.analysis.replay import load_models
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST
from callguard.audio.gates import Reason
from callguard.contracts.messages import CallFacts
from callguard.models.emotion import EmotionModel
from callguard.models.encoder import Encoder
from callguard.rules import RuleEngine, RuleSet, load_rules
from callguard.signals.table import CALL_INDEX, LEG_INDEX, SignalTable
from callguard.worker.pipeline import Models, Pipeline
from callguard.worker.standing import STALLED_TICKS
from tests.support.sound import HOP_SAMPLES, buzz, hops, noise, tone

EAGER = """
groups:
  - name: any
    rules:
      - alert: Eager
        expr: customer.raised_voice > 0.3 or customer.anger > 0.3
        labels: {severity: warning}
        actions: [notify]
"""

DEAD_AIR = """
groups:
  - name: any
    rules:
      - {alert: DeadAir, expr: call.silence_s > 3, labels: {severity: info}, actions: [notify]}
"""


class TakesAllForSpeech:
    """A gate that lets the buzz pass which stands for speech here; the shipped gate takes it for music, and rightly."""

    def forget(self, row):
        pass

    def reasons(self, rows, window, speech_s):
        return np.zeros(len(rows), np.int8)


class Stage:
    """A pipeline of some legs with a call of customer (row 0) and agent (row 1)."""

    def __init__(self, mode="raised_voice", rules=None, legs=4, gate=None, ear=False):
        self.table = SignalTable(legs, 2)
        self.bank = LegBank(legs)
        ruleset = rules or RuleSet(())
        loaded = load_models(legs, second_ear=ear)
        models = Models(loaded.emotion, gate or TakesAllForSpeech(), loaded.ear)
        self.pipeline = Pipeline(self.bank, self.table, RuleEngine(ruleset, self.table), models)
        self.pipeline.open_call(0, CallFacts("c", mode=mode))
        for role in ("customer", "agent"):
            self.pipeline.open_leg(self.bank.open(), 0, role)
        self.now = 0.0
        self.transitions = []

    def play(self, customer, agent=None, flags=0):
        other = np.zeros_like(customer) if agent is None else agent
        for hop in hops(customer, other):
            self.bank.push(0, hop.pcm[0], flags)
            self.bank.push(1, hop.pcm[1], 0)
            self.tick()

    def tick(self):
        self.now += 0.1
        self.transitions += self.pipeline.tick(self.now)

    def leg(self, row, name):
        return float(self.table.leg[LEG_INDEX[name], row])

    def reason(self, row=0):
        return Reason(self.pipeline.reason[row])


def test_a_speaking_customer_is_judged_and_every_signal_is_in_its_range():
    from callguard.signals.table import LEG_SIGNALS

    stage = Stage("emotion")
    stage.play(buzz(6))
    assert stage.reason() is Reason.JUDGED
    for at, signal in enumerate(LEG_SIGNALS):
        assert signal.low <= stage.table.leg[at, 0] <= signal.high, signal.name


def test_anger_is_told_in_mode_emotion_alone():
    for mode, told in (("emotion", True), ("raised_voice", False)):
        stage = Stage(mode)
        stage.play(buzz(6))
        assert np.isfinite(stage.leg(0, "raised_voice"))
        assert np.isfinite(stage.leg(0, "anger")) == told


def test_no_agents_leg_reaches_the_model(monkeypatch):
    """Whatever the agent says, the session never sees it: not its rows, not its sound."""
    seen = []
    original = EmotionModel.score

    def spy(self, rows, window, baseline, evidence):
        seen.append((rows.rows.tolist(), window.copy()))
        return original(self, rows, window, baseline, evidence)

    monkeypatch.setattr(EmotionModel, "score", spy)
    stage = Stage("emotion")
    stage.play(buzz(5, seed=1), buzz(5, 220, 0.6, seed=2))
    assert stage.reason(1) is Reason.JUDGED
    assert {row for rows, _ in seen for row in rows} == {0}
    assert all(len(rows) == len(window) for rows, window in seen)
    assert np.isnan(stage.leg(1, "raised_voice"))
    assert np.isnan(stage.leg(1, "anger"))
    assert np.isfinite(stage.leg(1, "level_dbfs"))


def test_no_agents_audio_is_kept_for_the_second_ear_or_heard_by_it(monkeypatch):
    heard = []
    original = Encoder.voice

    def spy(self, pcm, speech):
        heard.append(pcm.copy())
        return original(self, pcm, speech)

    monkeypatch.setattr(Encoder, "voice", spy)
    stage = Stage(ear=True)
    agents = buzz(5, 220, 0.6, seed=2)
    stage.play(buzz(5, seed=1), agents)
    kept = stage.pipeline.models.ear._recent
    assert kept.window(0)[0].any()
    assert not kept.window(1)[0].any()
    assert heard
    assert all(np.abs(pcm).max() < np.abs(agents).max() / 2 for pcm in heard)


def test_audio_is_kept_only_while_it_is_judged_and_while_the_leg_is_there():
    stage = Stage(ear=True)
    kept = stage.pipeline.models.ear._recent
    stage.play(buzz(3))
    assert kept.window(0)[0].any()
    stage.pipeline.update_call(0, CallFacts("c", on_hold=True))
    stage.play(buzz(2.2))
    assert not kept.window(0)[0].any()
    stage.pipeline.update_call(0, CallFacts("c"))
    stage.play(buzz(3))
    assert kept.window(0)[0].any()
    stage.pipeline.close_leg(0)
    assert not kept.window(0)[0].any()


def test_a_row_that_passes_from_customer_to_agent_is_scored_no_more():
    stage = Stage()
    stage.play(buzz(4))
    stage.pipeline.close_leg(0)
    stage.pipeline.open_leg(0, 0, "agent")
    stage.play(buzz(4))
    assert np.isnan(stage.leg(0, "raised_voice"))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"on_hold": True}, Reason.HOLD),
        ({"together": False}, Reason.APART),
        ({"mode": "off"}, Reason.OFF),
    ],
)
def test_what_stands_against_judging_takes_the_values_away(facts, reason):
    stage = Stage("emotion")
    stage.play(buzz(4))
    stage.pipeline.update_call(0, CallFacts("c", **({"mode": "emotion"} | facts)))
    stage.play(buzz(1))
    assert stage.reason() is reason
    for name in set(LEG_INDEX) - {"judged", "quality"}:
        assert np.isnan(stage.leg(0, name)), name
    assert stage.leg(0, "judged") == 0


def test_hold_loosens_the_baseline_and_is_not_learnt_from():
    stage = Stage()
    stage.play(buzz(8))
    known = stage.pipeline.listener.baselines.sums[0].copy()
    stage.pipeline.update_call(0, CallFacts("c", on_hold=True))
    stage.play(tone(3, 440, 660))
    assert np.array_equal(stage.pipeline.listener.baselines.sums[0], known)
    stage.pipeline.update_call(0, CallFacts("c"))
    assert stage.pipeline.listener.baselines.sums[0, 0] < known[0]


def test_who_has_not_spoken_enough_is_warming_and_who_has_and_pauses_is_silent():
    stage = Stage()
    assert stage.reason() is Reason.WARMING
    stage.play(buzz(1))
    assert stage.reason() is Reason.WARMING
    stage.play(buzz(5))
    assert stage.reason() is Reason.JUDGED
    stage.play(noise(8, 0.0001))
    assert stage.reason() is Reason.SILENCE
    stage.pipeline.open_leg(stage.bank.open(), 0, "customer")
    assert stage.reason(2) is Reason.WARMING


def test_dtmf_and_loss_are_reasons():
    stage = Stage()
    stage.play(buzz(3))
    stage.play(buzz(0.3), flags=FRAME_DTMF)
    assert stage.reason() is Reason.DTMF
    stage.play(buzz(3))
    assert stage.reason() is Reason.JUDGED
    stage.play(buzz(3), flags=FRAME_LOST)
    assert stage.reason() is Reason.LOST


def test_nothing_is_known_of_a_leg_whose_audio_stops_coming():
    stage = Stage()
    stage.play(buzz(4))
    for _ in range(STALLED_TICKS + 1):
        stage.tick()
    assert stage.reason() is Reason.STALLED
    assert [name for name in set(LEG_INDEX) - {"judged", "quality"} if not np.isnan(stage.leg(0, name))] == []
    assert np.isnan(stage.table.call[CALL_INDEX["silence_s"], 0])
    stage.play(buzz(4))
    assert stage.reason() is Reason.JUDGED


def test_nothing_is_known_of_a_leg_before_its_first_audio():
    stage = Stage()
    stage.tick()
    assert stage.reason() is Reason.STALLED
    assert np.isnan(stage.table.call[CALL_INDEX["silence_s"], 0])
    stage.play(buzz(0.1))
    assert stage.reason() is Reason.WARMING


def test_a_party_on_hold_sends_nothing_and_that_is_no_fault():
    stage = Stage()
    stage.play(buzz(4))
    stage.pipeline.update_call(0, CallFacts("c", on_hold=True))
    for _ in range(STALLED_TICKS + 1):
        stage.tick()
    assert stage.reason() is Reason.HOLD


def test_dead_air_is_never_told_of_a_call_that_is_not_heard():
    """Neither where a tap is lost, nor where nothing comes by one that is there."""
    heard, lost, stalled = (Stage(rules=load_rules([("r.yaml", DEAD_AIR)])) for _ in range(3))
    lost.pipeline.close_leg(1)
    for _ in range(60):
        for stage in (heard, lost):
            stage.bank.push(0, np.zeros((5, 160), np.int16))
        heard.bank.push(1, np.zeros((5, 160), np.int16))
        stalled.bank.push(0, np.zeros((5, 160), np.int16))
        for stage in (heard, lost, stalled):
            stage.tick()
    assert [len(stage.transitions) for stage in (heard, lost, stalled)] == [1, 0, 0]


class TakesAgentsForNoise(TakesAllForSpeech):
    """A gate that has found the agent's line to carry nothing but noise."""

    def reasons(self, rows, window, speech_s):
        return np.where(rows == 1, np.int8(Reason.NOISE), np.int8(Reason.JUDGED))


def test_noise_that_passes_the_vad_talks_over_nobody():
    spoken, noisy = Stage(), Stage(gate=TakesAgentsForNoise())
    for stage in (spoken, noisy):
        stage.play(buzz(14), buzz(14, 180))
    talk_over = [float(stage.table.call[CALL_INDEX["talk_over"], 0]) for stage in (spoken, noisy)]
    assert talk_over[0] > 0.9
    assert talk_over[1] < 0.1


STRANGE = {
    "nothing": np.zeros(8 * HOP_SAMPLES, np.int16),
    "dc": np.full(40000, 20000, np.int16),
    "full scale square": np.tile(np.repeat(np.array([32767, -32768], np.int16), 20), 1000),
    "dial tone": tone(5, 425),
    "fax": tone(5, 2100),
    "white noise": noise(6, 0.2),
    "one sample": np.array([30000], np.int16),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_voice_fires_nothing(name):
    """A rule far more eager than the shipped ones stays still."""
    stage = Stage("emotion", load_rules([("any", EAGER)]), gate=load_models(4).gate)
    stage.play(STRANGE[name])
    assert [change for change in stage.transitions if change.kind == "fired"] == []


def test_the_quality_of_a_line_falls_with_its_noise():
    quality = []
    for level in (0.0, 0.01, 0.05):
        stage = Stage()
        stage.play(buzz(5) + noise(5, level))
        quality.append(stage.leg(0, "quality"))
    assert quality[0] > 0.9
    assert quality[0] > quality[1] > quality[2] > 0


def test_random_samples_never_break_the_pipeline():
    rng = np.random.default_rng(5)
    stage = Stage("emotion")
    for _ in range(30):
        loud = rng.choice([1, 100, 3000, 32767])
        stage.play(rng.integers(-loud, loud + 1, HOP_SAMPLES).astype(np.int16), noise(0.1, 0.5))
    assert not np.isinf(stage.table.leg).any()


def test_a_lagging_leg_is_caught_up_and_nothing_is_lost():
    stage = Stage()
    for hop in hops(buzz(0.4)):
        stage.bank.push(0, hop.pcm[0])
    stage.pipeline.tick(1.0)
    assert len(stage.bank.take().rows) == 0


def test_a_roles_newest_leg_counts_and_its_end_leaves_none():
    stage = Stage()
    row = stage.bank.open()
    stage.pipeline.open_leg(row, 0, "customer")
    assert stage.table.customer[0] == row
    stage.pipeline.close_leg(0)
    assert stage.table.customer[0] == row
    stage.pipeline.close_leg(row)
    assert stage.table.customer[0] == -1


def test_a_roles_newest_leg_alone_makes_the_calls_trend(monkeypatch):
    """After a leg was tapped anew both rows may be heard for a moment."""
    stage = Stage()
    row = stage.bank.open()
    stage.pipeline.open_leg(row, 0, "customer")
    followed = []
    monkeypatch.setattr(stage.pipeline.conversations, "follow", lambda calls, raised: followed.append(len(calls)))
    for hop in hops(buzz(6), buzz(6)):
        stage.bank.push(0, hop.pcm[0], 0)
        stage.bank.push(row, hop.pcm[1], 0)
        stage.tick()
    assert not np.isnan(stage.leg(0, "raised_voice"))
    assert not np.isnan(stage.leg(row, "raised_voice"))
    assert set(followed) <= {0, 1}
    assert sum(followed) > 2


def test_facts_become_signals():
    stage = Stage()
    stage.pipeline.update_call(0, CallFacts("c", on_hold=True, agent_request=2, started_at=10.0))
    stage.pipeline.tick(25.0)
    values = stage.table.call[:, 0]
    assert values[CALL_INDEX["on_hold"]] == 1
    assert values[CALL_INDEX["agent_request"]] == 2
    assert values[CALL_INDEX["elapsed_s"]] == pytest.approx(15)


def test_a_gate_forgets_the_leg_before():
    forgotten = []

    class Remembers(TakesAllForSpeech):
        def forget(self, row):
            forgotten.append(row)

    Stage(gate=Remembers())
    assert forgotten == [0, 1]


def test_a_row_that_served_another_call_hears_as_a_fresh_one_does():
    """Nothing of an angry call stays in the rows of its legs, whatever it was."""

    def course(stage):
        seen = []
        for hop in hops(buzz(5, 140), buzz(5, 210, seed=2)):
            for row in (0, 1):
                stage.bank.push(row, hop.pcm[row], 0)
            stage.tick()
            seen.append(
                (stage.table.leg[:, :2].copy(), stage.table.call[:, 0].copy(), stage.pipeline.reason[:2].copy())
            )
        return seen

    fresh, used = Stage("emotion"), Stage("emotion")
    used.play(np.concatenate([buzz(5, 300, 0.9), noise(2, 0.3)]), buzz(7, 90, 0.5))
    used.pipeline.close_call(0, used.now)
    assert not used.table.live[0]
    for row in (0, 1):
        used.pipeline.close_leg(row)
        used.bank.close(row)
    used.pipeline.open_call(0, CallFacts("next", mode="emotion", started_at=used.now))
    for role in ("customer", "agent"):
        used.pipeline.open_leg(used.bank.open(), 0, role)
    for (one, call, reason), (other, again, why) in zip(course(fresh), course(used), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
        np.testing.assert_allclose(again, call, atol=1e-4)
        assert reason.tolist() == why.tolist()
