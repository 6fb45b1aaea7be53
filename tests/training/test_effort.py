import numpy as np
import pytest
from scipy import signal

from callguard.audio.features import WINDOW_SAMPLES, spectra
from callguard.audio.pitch import pitch
from training.effort import raise_voice, shift_pitch


def vowel(seconds=3.0, hertz=120.0):
    """Pulses with breath through three resonances: a source and a filter, as the simulation supposes."""
    rng = np.random.default_rng(1)
    count = int(seconds * 8000)
    phase = np.cumsum(hertz * (1 + 0.05 * np.sin(np.arange(count) / 2000))) / 8000
    sound = signal.lfilter([1], [1, -0.95], np.diff(np.floor(phase), prepend=0.0)) + 0.005 * rng.normal(size=count)
    for formant, width in ((600, 90), (1300, 110), (2500, 160)):
        radius = np.exp(-np.pi * width / 8000)
        sound = signal.lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / 8000), radius**2], sound)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


VOICE = vowel()


def median_pitch(sound):
    windows = np.lib.stride_tricks.sliding_window_view((sound * 20000).astype(np.float32), WINDOW_SAMPLES)[::160]
    found, periodicity = pitch(spectra(windows))
    return float(np.median(found[periodicity > 0.6]))


@pytest.mark.parametrize("semitones", [2, 4, 7])
def test_pitch_moves_by_what_is_asked(semitones):
    moved = 12 * np.log2(median_pitch(shift_pitch(VOICE, semitones)) / median_pitch(VOICE))
    assert moved == pytest.approx(semitones, abs=1.2)


def test_length_is_kept_and_stretched():
    assert len(shift_pitch(VOICE, 5)) == pytest.approx(len(VOICE), rel=0.05)
    assert len(shift_pitch(VOICE, 5, 1.2)) == pytest.approx(1.2 * len(VOICE), rel=0.05)


def test_effort_brightens_the_voice():
    def tilt(sound):
        power = np.abs(np.fft.rfft(sound)) ** 2
        hertz = np.fft.rfftfreq(len(sound), 1 / 8000)
        return 10 * np.log10(power[hertz > 1000].sum() / power[hertz < 1000].sum())

    raised = raise_voice(VOICE, 1.0, np.random.default_rng(1))
    assert tilt(raised) - tilt(VOICE) > 2
    assert np.isfinite(raised).all()


@pytest.mark.parametrize("count", [0, 1, 100, 400])
def test_short_sounds_survive(count):
    assert np.isfinite(shift_pitch(VOICE[:count], 3)).all()
