import numpy as np
import pytest

from callguard.analysis.replay import load_models, replay
from callguard.rules import RuleSet
from tests.support.sound import speech_data
from training import negatives, report, unseen
from training.data import load_corpora
from training.legs import LEAD_S, hear, render
from training.plans import acted


def test_a_quarter_of_an_hour_of_what_is_no_voice_fires_nothing_in_the_watchful_setting():
    """Hold music, tones, DTMF, fax, noise with gain jumps; other seeds than those of the documented two hours."""
    found = negatives.run([], report.shipped_rules(watchful=True), 0.25, seed=77)
    assert found["hours"] == 0.25
    assert found["which"] == []


def test_calm_speech_on_a_line_whose_gain_jumps_fires_nothing_on_a_quiet_floor():
    clips = load_corpora(speech_data(), ["single_voices"])
    found = negatives.run_calm(clips, report.shipped_rules(), 1 / 12, seed=5)
    assert found["hours"] == pytest.approx(1 / 12)
    assert found["which"] == []


def test_the_gain_of_a_whole_line_jumps():
    steady = np.full(8000 * 300, 1000, np.int16)
    found = negatives._jumping(steady, np.random.default_rng(3)).astype(float)
    steps = np.flatnonzero(np.diff(found))
    assert len(steps) >= 4
    assert np.abs(20 * np.log10(found / 1000)).max() <= 20.1
    assert np.diff(steps).min() >= 20 * 8000 - 1


def test_scores_of_legs_are_those_of_the_live_pipeline():
    """The tables of the report speak of the product: a leg's score is the mean that the pipeline would show."""
    clips = [clip for clip in load_corpora(speech_data(), ["emodb"]) if clip.speaker in ("emo03", "emo08")]
    plans = acted(clips[::12], 1, np.random.default_rng(1), cold_share=0.0)
    found = unseen.scores(hear(plans), len(plans))
    for leg, plan in enumerate(plans):
        pcm, start = render(plan)
        shown = replay(pcm[None], load_models(), RuleSet(()), "emotion").column(0, "raised_voice")
        at_ends = shown[4::5][np.arange(len(shown[4::5])) * 0.5 + 0.5 - start > LEAD_S]
        known = at_ends[np.isfinite(at_ends)]
        assert found[leg, 0] == pytest.approx(known.mean() if len(known) else 0.0, abs=0.01)
    assert (found[:, 0] > 0).mean() > 0.8


def test_steps_take_each_legs_windows_in_order():
    steps = unseen._by_step(np.array([0, 0, 1, 2, 0, 1]))
    assert [step.tolist() for step in steps] == [[0, 2, 3], [1, 5], [4]]


def test_without_data_the_report_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["report", "--data", str(tmp_path)])
    report.main()
    assert "skipped" in capsys.readouterr().out
