"""Make audio for measurements: calm and loud turns of a synthetic voice, with pauses; the same every time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm

CYCLE_S: Final = 2.0
"""Seconds between the starts of two turns."""
CALM_DBFS: Final = -34.0
LOUD_DBFS: Final = -14.0
NOISE_DBFS: Final = -66.0
_VOWELS: Final = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410]])
"""Formants in Hz of a, i, u, e, o."""
_WIDTH_HZ: Final = 120.0
_SYLLABLES_A_SECOND: Final = 4.0

Floats = NDArray[np.float64]


def clip(seed: int, frames: int, speech: float) -> Pcm:
    """Return a party's audio, shape (frames, FRAME_SAMPLES).

    Every second turn is loud; the seed decides the first loud turn and its time.

    Args:
        seed: seed of the voice and the start.
        frames: 20 ms each.
        speech: share of time in which the party speaks, 0-1.
    """
    random = np.random.default_rng(seed)
    samples = frames * FRAME_SAMPLES
    at = np.arange(samples) / SAMPLE_RATE + random.uniform(0, CYCLE_S)
    turn, phase = np.divmod(at, CYCLE_S)
    level = np.where((turn + seed) % 2, CALM_DBFS, LOUD_DBFS)
    speaking = phase < speech * CYCLE_S
    noise = random.normal(0, _amplitude(NOISE_DBFS), samples)
    sound = _voice(at, random) * _amplitude(level) * speaking + noise
    pcm: Pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return pcm.reshape(frames, FRAME_SAMPLES)


def _amplitude(dbfs: Floats | float) -> Floats:
    return np.power(10.0, np.asarray(dbfs) / 20)


def _voice(at: Floats, random: np.random.Generator) -> Floats:
    """Return vowels on a moving pitch with RMS 1: harmonics weighted by formants, shaped into syllables."""
    pitch = random.uniform(95, 220) * (1 + 0.12 * np.sin(2 * np.pi * 0.7 * at) + 0.01 * random.normal(0, 1, len(at)))
    angle = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    syllable = (at * _SYLLABLES_A_SECOND).astype(int)
    vowels = random.integers(0, len(_VOWELS), syllable.max() + 1)
    sound = np.zeros(len(at))
    for harmonic in range(1, 32):
        sound += _strength(pitch * harmonic, _VOWELS[vowels][syllable]) * np.sin(angle * harmonic)
    sound *= 0.15 + np.abs(np.sin(np.pi * at * _SYLLABLES_A_SECOND))
    scaled: Floats = sound / np.sqrt(np.mean(sound**2))
    return scaled


def _strength(hertz: Floats, formants: NDArray[np.int64]) -> Floats:
    """Return the strength of harmonics: high near a formant, zero above the telephone band."""
    near = (1 / (1 + ((hertz[:, None] - formants) / _WIDTH_HZ) ** 2)).sum(axis=1)
    strength: Floats = near * (hertz < SAMPLE_RATE / 2) * 500 / (500 + hertz)
    return strength
