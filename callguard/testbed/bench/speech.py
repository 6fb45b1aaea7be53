"""Make audio for measurements: quiet and loud turns of the simulator's voice, with pauses; the same every time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE, Pcm
from callguard.testbed.simulator.voice import Effort, syllables

CYCLE_S: Final = 2.0
"""Seconds between the starts of two turns."""
QUIET_DBFS: Final = -32.0
LOUD_DBFS: Final = -20.0
NOISE_DBFS: Final = -66.0

Floats = NDArray[np.float64]


def clip(seed: int, frames: int, speech: float, *, heated: bool = False) -> Pcm:
    """Return a party's audio, shape (frames, FRAME_SAMPLES).

    Every second turn is loud; the seed decides the first loud turn and its time.

    Args:
        seed: seed of the voice and the start.
        frames: 20 ms each.
        speech: share of time in which the party speaks, 0-1.
        heated: whether the loud turns are shouted, so that both ears have work; else calm speech, nearer to the
            phone.
    """
    random = np.random.default_rng(seed)
    samples = frames * FRAME_SAMPLES
    at = np.arange(samples) / SAMPLE_RATE + random.uniform(0, CYCLE_S)
    turn, phase = np.divmod(at, CYCLE_S)
    loud = (turn + seed) % 2 == 0
    voice = _voice(samples, "calm", seed)
    if heated:
        voice = np.where(loud, _voice(samples, "raised", seed), voice)
    level = np.where(loud, LOUD_DBFS, QUIET_DBFS)
    noise = random.normal(0, _amplitude(NOISE_DBFS), samples)
    sound = voice * _amplitude(level) * (phase < speech * CYCLE_S) + noise
    pcm: Pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return pcm.reshape(frames, FRAME_SAMPLES)


def _amplitude(dbfs: Floats | float) -> Floats:
    return np.power(10.0, np.asarray(dbfs) / 20)


def _voice(samples: int, effort: Effort, seed: int) -> Floats:
    """Return the simulator's voice with RMS 1."""
    sound = syllables(samples / SAMPLE_RATE, effort, seed=seed).astype(np.float64)
    scaled: Floats = sound / np.sqrt(np.mean(sound**2))
    return scaled
