import numpy as np
import pytest

from callguard.audio.features import BANDS, FRAME_FEATURES, INDEX, MELS, WINDOW_SAMPLES, frame_features, spectra
from tests.support.sound import buzz, noise, tone


def described(sound):
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW_SAMPLES)[::160]
    before = np.full((len(windows), MELS), np.nan, np.float32)
    follows = np.r_[False, np.ones(len(windows) - 1, bool)]
    return frame_features(spectra(windows), before, follows, np.full((1, MELS), np.nan, np.float32))


def test_a_full_scale_sine_is_at_minus_three_dbfs():
    features, bands, shape = described(tone(1, 1000.0, level=1.0))
    assert features[5, INDEX["level"]] == pytest.approx(-3, abs=0.3)
    assert features.shape[1] == len(FRAME_FEATURES)
    assert bands.shape[1] == len(BANDS)
    assert shape.shape[1] == MELS


@pytest.mark.parametrize("name", [name for name in FRAME_FEATURES if name != "level"])
def test_gain_changes_the_level_and_nothing_else(name):
    quiet, loud = described(buzz(2, level=0.05))[0], described(buzz(2, level=0.4))[0]
    strong = quiet[:, INDEX["level"]] > -40
    assert np.nanmedian(np.abs(loud - quiet)[strong, INDEX[name]]) < 0.15
    assert np.median((loud - quiet)[strong, INDEX["level"]]) == pytest.approx(18.06, abs=0.1)


def test_brighter_sound_raises_the_cues_of_effort():
    low, high = described(tone(1, 300.0))[0].mean(axis=0), described(tone(1, 2000.0))[0].mean(axis=0)
    for name in ("alpha", "centroid", "tilt", "hammarberg"):
        assert high[INDEX[name]] > low[INDEX[name]]


def test_entropy_tells_a_tone_from_noise():
    assert described(tone(1, 1000.0))[0][2:, INDEX["entropy"]].max() < 0.35
    assert described(noise(1))[0][:, INDEX["entropy"]].min() > 0.85


def test_flux_is_unknown_at_the_first_frame_and_small_in_a_steady_tone():
    flux = described(tone(1, 700.0))[0][:, INDEX["flux"]]
    assert np.isnan(flux[0])
    assert np.nanmax(flux[1:]) < 0.5


def test_silence_is_finite():
    features, bands, shape = described(np.zeros(1600, np.int16))
    assert np.isfinite(np.delete(features, INDEX["flux"], axis=1)).all()
    assert np.isfinite(bands).all()
    assert np.isfinite(shape).all()
