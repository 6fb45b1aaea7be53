import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from callguard.analysis.recordings import read_recording
from callguard.analysis.replay import BATCH, load_models, replay, replay_all
from callguard.analysis.tables import as_object, write_signals
from callguard.models.second_ear import TRACE, SecondEar
from callguard.rules import RuleSet, load_rules
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS
from tests.support.sound import buzz, speech_data

RAISED = """
groups:
  - name: g
    rules:
      - alert: Raised
        expr: customer.raised_voice > 0.6
        for: 0.5s
        keep_firing_for: 8s
        labels: {severity: warning}
        actions: [notify]
"""


def test_the_same_audio_gives_the_same_result_every_time():
    pcm, models = np.stack([buzz(5), buzz(5, 210)]), load_models()
    first, second = replay(pcm, models, RuleSet(())), replay(pcm, models, RuleSet(()))
    assert np.array_equal(first.signals, second.signals, equal_nan=True)
    assert np.array_equal(first.call, second.call, equal_nan=True)
    assert first.alerts == second.alerts


def test_mono_is_the_customer_and_hears_as_it_would_in_stereo():
    pcm, models = np.stack([buzz(5), buzz(5, 210)]), load_models()
    mono, stereo = replay(pcm[:1], models, RuleSet(())), replay(pcm, models, RuleSet(()))
    assert mono.legs == ("customer",)
    np.testing.assert_allclose(mono.signals[:, 0], stereo.signals[:, 0], atol=2e-3, rtol=2e-4)


@pytest.mark.parametrize("samples", [0, 1, 799, 800, 801])
def test_recordings_of_any_length_are_replayed(samples, tmp_path):
    found = replay(np.full((2, samples), 1000, np.int16), load_models(), RuleSet(()))
    assert len(found.signals) == -(-samples // 800)
    assert found.alerts == ()
    assert as_object(tmp_path, found)["scores"]["customer"]["raised_voice_max"] is None


def test_json_and_csv_have_the_promised_columns(tmp_path):
    found = replay(np.stack([buzz(4), buzz(4, 210)]), load_models(), RuleSet(()))
    told = json.loads(json.dumps(as_object(tmp_path / "a.wav", found)))
    assert {"file", "duration_s", "legs", "alerts", "scores"} <= set(told)
    assert set(told["scores"]["customer"]) == {
        "raised_voice_max", "raised_voice_mean", "anger_max", "anger_mean", "speech_s",
    }  # fmt: skip
    write_signals(tmp_path / "s.csv", found)
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    assert list(rows[0])[:2] == ["t_s", "leg"]
    assert {signal.name for signal in (*LEG_SIGNALS, *CALL_SIGNALS)} <= set(rows[0])
    assert [rows[-2]["t_s"], rows[-1]["leg"]] == ["4.0", "agent"]


def test_recordings_side_by_side_give_what_each_gives_alone():
    """Long and short ones, stereo and mono, in more than one batch's worth of rows; what ended early fires no more."""
    folder, models, rules = speech_data() / "calls", load_models(), load_rules([("r", RAISED)])
    angry, calm = (read_recording(folder / name) for name in ("call_05.flac", "call_10.flac"))
    cut = angry[:, : 8000 * 37]
    recordings = [angry, cut, calm[:1], np.zeros((2, 0), np.int16), angry[:1]]
    together = replay_all(recordings, models, rules)
    assert together[1].alerts
    assert together[1].alerts[0].resolved_at_s is None
    for pcm, found in zip(recordings, together, strict=True):
        alone = replay(pcm, models, rules)
        assert found.legs == alone.legs
        assert found.duration_s == alone.duration_s
        np.testing.assert_allclose(found.signals, alone.signals, atol=2e-3, rtol=2e-4)
        np.testing.assert_array_equal(found.reasons, alone.reasons)
        assert [(a.rule, a.fired_at_s, a.resolved_at_s) for a in found.alerts] == [
            (a.rule, a.fired_at_s, a.resolved_at_s) for a in alone.alerts
        ]


def test_no_recordings_give_nothing():
    assert replay_all([], load_models(), RuleSet(())) == []


def test_a_real_angry_caller_fires_and_a_calm_one_does_not():
    """One of the synthetic calls whose customer turns angry, and one whose customer stays calm."""
    folder, models, rules = speech_data() / "calls", load_models(), load_rules([("r", RAISED)])
    angry = replay(read_recording(folder / "call_05.flac"), models, rules)
    assert angry.alerts
    assert angry.alerts[0].fired_at_s == pytest.approx(33.63 + 2, abs=3)
    assert {alert.leg for alert in angry.alerts} == {"customer"}
    for name in ("call_10.flac", "call_16.flac", "call_17.flac", "call_19.flac"):
        assert replay(read_recording(folder / name), models, rules).alerts == ()


class Everywhere(SecondEar):
    """Hears and decides every window; the calm voice is learnt as the cascade learns it."""

    def judge(self, customers, first, rise, baseline_s):
        suspicious = first.raised_voice > TRACE
        calm = self._choose(customers.rows, first.raised_voice, suspicious)
        rows = customers.rows
        if len(rows) == 0:
            return first
        voice = np.stack([self.encoder.voice(*self._recent.window(row)) for row in rows.tolist()])
        learnt = calm[~suspicious[calm]]
        known = np.stack([self._calm.windows[rows], baseline_s], axis=1).astype(np.float32)
        found = self._decided(first, np.arange(len(rows)), voice, self._calm.mean[rows], known, rise)
        self._calm.learn(rows[learnt], voice[learnt])
        return found


def test_the_cascade_fires_where_hearing_every_window_would():
    """Tolerance: the same alerts of the shipped rule's threshold, none more than a window's half second apart."""
    folder, rules = speech_data() / "calls", load_rules([("r", RAISED)])
    calls = [read_recording(folder / f"call_{number:02}.flac") for number in (3, 5, 10, 16)]
    cascade = load_models()
    everywhere = replace(load_models(), ear=Everywhere(BATCH * 2))
    times = [
        [[alert.fired_at_s for alert in result.alerts] for result in replay_all(calls, models, rules)]
        for models in (cascade, everywhere)
    ]
    assert [len(each) for each in times[0]] == [len(each) for each in times[1]]
    for mine, other in zip(*times, strict=True):
        np.testing.assert_allclose(mine, other, atol=0.5)
    assert any(times[0])
