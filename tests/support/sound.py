"""Sounds for tests: made here, by seed; a voice-like buzz with syllables stands for speech."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, SAMPLE_RATE, Hop

HOP_SAMPLES = FRAME_SAMPLES * HOP_FRAMES


def speech_data() -> Path:
    """Return the folder of the speech corpora; skip the test where it is absent."""
    root = Path(os.environ.get("CALLGUARD_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (root / "emodb").is_dir():
        pytest.skip(f"no speech data under {root}: set CALLGUARD_DATA")
    return root


def buzz(seconds: float, hertz: float = 130.0, level: float = 0.1, seed: int = 0) -> NDArray[np.int16]:
    """Return voiced syllables at four a second: a glide of harmonics through three formants, full scale 1."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * time))) / SAMPLE_RATE
    sound = np.zeros(len(time))
    for order in range(1, int(3500 / hertz)):
        strength = sum(
            np.exp(-(((order * hertz - f) / 200) ** 2)) * g for f, g in ((550, 1), (1400, 0.4), (2500, 0.15))
        )
        sound += (strength + 0.03) * np.sin(order * phase)
    syllables = np.clip(np.sin(2 * np.pi * 4 * time) + 0.6, 0, 1)
    sound = sound / np.abs(sound).max() * syllables + rng.normal(size=len(time)) * 1e-3
    return (sound * level * 32767).astype(np.int16)


def tone(seconds: float, *hertz: float, level: float = 0.3) -> NDArray[np.int16]:
    """Return a steady sum of sines."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (sum(np.sin(2 * np.pi * h * time) for h in hertz) * level / len(hertz) * 32767).astype(np.int16)


def noise(seconds: float, level: float = 0.05, seed: int = 0) -> NDArray[np.int16]:
    """Return white noise of an RMS."""
    return (np.random.default_rng(seed).normal(size=int(seconds * SAMPLE_RATE)) * level * 32767).astype(np.int16)


def hops(*legs: NDArray[np.int16], rows: NDArray[np.intp] | None = None, flags: int = 0) -> list[Hop]:
    """Cut legs of equal length into hops, the last one filled with zeros."""
    count = -(-len(legs[0]) // HOP_SAMPLES)
    pcm = np.zeros((len(legs), count * HOP_SAMPLES), np.int16)
    for row, leg in enumerate(legs):
        pcm[row, : len(leg)] = leg
    parts = pcm.reshape(len(legs), count, HOP_FRAMES, FRAME_SAMPLES)
    where = np.arange(len(legs)) if rows is None else rows
    marks = np.full((len(legs), HOP_FRAMES), flags, np.uint8)
    return [Hop(where, parts[:, at], marks) for at in range(count)]
