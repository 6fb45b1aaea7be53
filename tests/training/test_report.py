import numpy as np
import pytest

from tests.support.sound import speech_data
from training import negatives, report
from training.data import load_corpora


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


def test_without_data_the_report_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["report", "--data", str(tmp_path)])
    report.main()
    assert "skipped" in capsys.readouterr().out
