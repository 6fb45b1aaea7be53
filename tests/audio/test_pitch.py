import numpy as np
import pytest

from callguard.audio.features import WINDOW_SAMPLES, spectra
from callguard.audio.pitch import HIGHEST_HZ, LOWEST_HZ, pitch
from tests.support.sound import buzz, noise


def windows(sound):
    return np.lib.stride_tricks.sliding_window_view(sound, WINDOW_SAMPLES)[::160]


@pytest.mark.parametrize("hertz", [85, 120, 180, 250, 330, 420])
def test_pitch_of_a_voice_is_found_within_two_semitones(hertz):
    power = spectra(windows(buzz(2, hertz)))
    found, periodicity = pitch(power)
    voiced = periodicity > 0.7
    assert voiced.mean() > 0.3
    assert abs(12 * np.log2(np.median(found[voiced]) / hertz)) < 2


@pytest.mark.parametrize("hertz", [120, 200])
def test_pitch_is_found_without_its_fundamental(hertz):
    """A telephone cuts below 300 Hz."""
    time = np.arange(8000) / 8000
    sound = sum(np.sin(2 * np.pi * k * hertz * time) for k in range(3, 16)) * 2000
    found, _ = pitch(spectra(windows(sound.astype(np.int16))))
    assert np.median(found) == pytest.approx(hertz, rel=0.03)


def test_noise_is_not_periodic():
    assert np.median(pitch(spectra(windows(noise(1))))[1]) < 0.5


def test_silence_and_nothing_are_finite_and_in_range():
    found, periodicity = pitch(spectra(np.zeros((3, WINDOW_SAMPLES), np.int16)))
    assert np.isfinite(found).all()
    assert (found >= LOWEST_HZ * 0.9).all()
    assert (found <= HIGHEST_HZ * 1.1).all()
    assert (periodicity >= 0).all()
    assert pitch(np.zeros((0, 257), np.float32))[0].shape == (0,)
