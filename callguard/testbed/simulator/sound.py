"""Make sounds without a voice: tones, music on hold, silence; read and write WAV files."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from callguard.audio.frames import SAMPLE_RATE, Pcm

LOUDEST: Final = 32767
CHORDS: Final = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
"""Music on hold, Hz: four chords of one second each."""


class SoundError(Exception):
    """An unusable sound file; the message names the file and the reason."""


def samples(seconds: float) -> int:
    """Return the number of samples in a time."""
    return round(seconds * SAMPLE_RATE)


def silence(seconds: float) -> Pcm:
    """Return zeros, shape (n,)."""
    return np.zeros(samples(seconds), dtype=np.int16)


def tone(hertz: float, seconds: float, level_dbfs: float = -15.0) -> Pcm:
    """Return a sine with an RMS of `level_dbfs`, shape (n,)."""
    wave = np.sin(2 * np.pi * hertz * np.arange(samples(seconds)) / SAMPLE_RATE)
    return to_pcm(wave * np.sqrt(2.0), level_dbfs)


def music(seconds: float, level_dbfs: float = -20.0) -> Pcm:
    """Return chords with plucked decay, shape (n,)."""
    t = np.arange(samples(seconds)) / SAMPLE_RATE
    chord = np.asarray(CHORDS)[t.astype(np.intp) % len(CHORDS)]
    partials = sum(np.sin(2 * np.pi * chord[:, note] * t * k) / k for note in range(3) for k in (1, 2, 3))
    wave = np.asarray(partials) * np.exp(-1.5 * (t % 0.5))
    return to_pcm(wave / max(1e-9, float(np.sqrt(np.mean(wave**2)))), level_dbfs) if t.size else silence(0)


def to_pcm(wave: NDArray[np.float64], level_dbfs: float) -> Pcm:
    """Scale a wave of RMS 1 to a level and clip it to 16 bits."""
    return clip(wave * 10 ** (level_dbfs / 20) * LOUDEST)


def clip(wave: NDArray[np.floating[Any]]) -> Pcm:
    """Round and clip a wave on the scale of 16-bit PCM."""
    pcm: Pcm = np.clip(wave, -LOUDEST, LOUDEST).astype(np.int16)
    return pcm


def load(path: Path) -> Pcm:
    """Read a WAV or FLAC file as 8 kHz mono, shape (n,); raise SoundError where that fails."""
    try:
        wave, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(f"{path}: {error}") from error
    mono = wave.mean(axis=1)
    resampled = soxr.resample(mono, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else mono
    return clip(resampled * LOUDEST)


def save(path: Path, pcm: Pcm) -> None:
    """Write an 8 kHz mono WAV file."""
    soundfile.write(path, pcm, SAMPLE_RATE, subtype="PCM_16")
