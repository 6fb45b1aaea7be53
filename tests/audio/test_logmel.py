import numpy as np
import pytest
import soxr

from callguard.audio.logmel import CLIP_SAMPLES, MEL_BANDS, MEL_FRAMES, SPEECH_RMS, TOKENS, filters, log_mel
from tests.support.sound import buzz, noise

ALL = np.ones((1, TOKENS), np.bool_)


def whispers_own(pcm):
    """Whisper's recipe, step by step: 16 kHz, reflected ends, 400-sample Hann window, power, bands, log10, floor."""
    sound = pcm / 32768
    sound = sound * SPEECH_RMS / np.sqrt(np.mean(sound**2))
    wide = soxr.resample(sound, 8000, 16000, quality="VHQ")
    padded = np.pad(wide, 200, mode="reflect")
    window = np.hanning(401)[:-1]
    frames = np.stack([padded[at : at + 400] * window for at in range(0, len(wide), 160)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    whole = np.zeros((MEL_BANDS, 201))
    whole[:, :101] = filters()
    logs = np.log10(np.maximum(power @ whole.T, 1e-10)).T
    return (np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0


def test_the_spectrum_is_whispers_without_resampling():
    pcm = buzz(2.0) + noise(2.0, 0.01)
    found = log_mel(pcm[None], ALL)[0]
    assert found.shape == (MEL_BANDS, MEL_FRAMES)
    # Bands near 4 kHz differ by the resampler's slope; the edges by what it reflects.
    inner = np.s_[:58, 3:-3]
    off = np.abs(found - whispers_own(pcm))
    assert off[inner].mean() < 2e-3
    assert off[inner].max() < 0.1


def test_the_filters_have_whispers_known_values():
    """Whisper ships its filters as a file; two of its values."""
    assert filters()[0, 1] == pytest.approx(0.02486259, abs=1e-7)
    assert filters()[1, 1] == pytest.approx(0.00199082, abs=1e-7)


def test_a_lines_gain_changes_nothing():
    pcm = buzz(2.0, level=0.2)
    quiet = np.round(pcm / 8).astype(np.int16)
    assert np.abs(log_mel(pcm[None], ALL) - log_mel(quiet[None], ALL)).mean() < 0.02


def test_the_level_is_that_of_speech_and_not_of_pauses():
    """A pause of any length between words leaves the words' spectrum as it is."""
    speech = ALL.copy()
    speech[:, 50:] = False
    pcm = buzz(2.0)
    pcm[CLIP_SAMPLES // 2 :] = 0
    alone = log_mel(pcm[None], speech)[0, :, :90]
    np.testing.assert_allclose(alone, log_mel(np.tile(pcm[: CLIP_SAMPLES // 2], 2)[None], ALL)[0, :, :90], atol=0.02)


def test_windows_side_by_side_give_what_each_gives_alone():
    pcm = np.stack([buzz(2.0), noise(2.0)])
    both = log_mel(pcm, np.repeat(ALL, 2, axis=0))
    for at in range(2):
        np.testing.assert_allclose(both[at], log_mel(pcm[at : at + 1], ALL)[0], atol=1e-6)


@pytest.mark.parametrize("value", [0, 1, -32768, 32767])
def test_constant_samples_give_finite_spectra(value):
    pcm = np.full((1, CLIP_SAMPLES), value, np.int16)
    assert np.isfinite(log_mel(pcm, ALL)).all()
    assert np.isfinite(log_mel(pcm, ~ALL)).all()
