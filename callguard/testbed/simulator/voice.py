"""Make speech-like voices, calm or raised, at run time.

A harmonic synthesiser makes syllables that have pitch, formants and pauses but no meaning, the same on any machine.
espeak-ng, where installed, speaks given words. Neither is a recording of a person. A raised voice differs from a calm
one as measured on people who shout: higher pitch and first formant, flatter spectrum, higher level, faster syllables. A
test proves that the real detector recognises both.
"""

import io
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from callguard.audio.frames import SAMPLE_RATE, Pcm
from callguard.testbed.simulator.sound import samples, to_pcm

Effort = Literal["calm", "raised"]
Wave = NDArray[np.float64]

CONTROL_S: Final = 0.005
"""Seconds between two points of the synthesiser's curves."""
JITTER_ST: Final = 0.5
"""Irregularity of the pitch between control points in semitones; without it a detector takes the voice for music."""
BREATH: Final = 0.15
"""Noise besides the harmonics, as a share of their loudness."""
LEGATO: Final = 0.35
"""Loudness between the syllables of a phrase; a detector would take separate bursts for laughter."""
HIGHEST_HZ: Final = 3700.0
VOWELS: Final = ((730, 1090, 2440), (530, 1840, 2480), (390, 1990, 2550), (570, 840, 2410), (440, 1020, 2240))
"""First three formants of five vowels, Hz."""
BANDWIDTHS: Final = (90.0, 110.0, 170.0)
ESPEAK_VOICES: Final = ("en-us+m3", "en-us+f2", "en-us+m7", "en-us+f4")
ESPEAK_TILT_DB: Final[dict[Effort, float]] = {"calm": -13.0, "raised": 6.0}
"""Tilt in dB per octave above 500 Hz: espeak-ng has one vocal effort only, which is rather bright."""
SPEAK_TIMEOUT_S: Final = 20


@dataclass(frozen=True, slots=True)
class Manner:
    """The manner of a voice."""

    pitch_st: float
    """Pitch above the speaker's calm pitch, semitones."""
    span_st: float
    """Width of the melody, semitones."""
    tilt_db: float
    """Fall of the voice source per octave, dB."""
    first_formant: float
    """Factor of the first formant: a shouting mouth is open."""
    level_dbfs: float
    syllable_s: float
    pause: float
    """Share of pauses between phrases."""


MANNERS: Final[dict[Effort, Manner]] = {
    "calm": Manner(0.0, 4.0, 12.0, 1.0, -27.0, 0.21, 0.25),
    "raised": Manner(4.5, 9.0, -0.5, 1.05, -11.0, 0.1, 0.22),
}


def speak(seconds: float, effort: Effort = "calm", *, seed: int = 0, text: str | None = None) -> Pcm:
    """Return speech of one speaker (`seed`), shape (seconds * 8000,); it speaks `text` if espeak-ng is installed."""
    program = shutil.which("espeak-ng") if text else None
    return _espeak(program, text, effort, seed, seconds) if program and text else syllables(seconds, effort, seed=seed)


def syllables(seconds: float, effort: Effort = "calm", *, seed: int = 0) -> Pcm:
    """Return the synthesiser's speech, shape (seconds * 8000,); equal arguments give equal speech on any machine."""
    manner = MANNERS[effort]
    speaker = np.random.default_rng(seed)
    calm_hz = float(speaker.choice((115.0, 130.0, 190.0, 205.0)))
    rng = np.random.default_rng((seed, effort == "raised"))
    points = max(2, round(seconds / CONTROL_S) + 1)
    loudness, pitch_st, formants, noise = _curves(points, manner, rng)
    wave = _voiced(calm_hz * 2 ** (pitch_st / 12), formants, manner.tilt_db, samples(seconds))
    t = np.arange(samples(seconds)) / SAMPLE_RATE / CONTROL_S
    at = np.arange(points)
    wave = wave * np.interp(t, at, loudness) + _hiss(samples(seconds), rng) * np.interp(t, at, noise)
    return to_pcm(_unit(wave), manner.level_dbfs)


def _curves(points: int, manner: Manner, rng: np.random.Generator) -> tuple[Wave, Wave, Wave, Wave]:
    """Return loudness, pitch in semitones, formants (points, 3) and noise of all control points, by syllable."""
    loudness, pitch, noise = np.zeros(points), np.zeros(points), np.zeros(points)
    formants = np.tile(np.asarray(VOWELS[0], dtype=np.float64), (points, 1))
    start = 0
    while start < points:
        for beat in range(int(rng.integers(5, 12))):
            length = max(8, round(manner.syllable_s * rng.uniform(0.6, 1.9) / CONTROL_S))
            part = slice(start, min(points, start + length))
            x = np.linspace(0.0, 1.0, length)[: max(0, part.stop - start)]
            onset = 0.15 if rng.random() < 0.7 else 0.0
            swell = np.sin(np.pi * np.clip((x - onset) / (1 - onset), 0, 1)) ** 0.5
            loudness[part] = (LEGATO + (1 - LEGATO) * swell) * (x >= onset / 2) * rng.uniform(0.7, 1.0)
            noise[part] = 0.25 * np.sin(np.pi * np.clip(x / 0.2, 0, 1)) * (onset > 0)
            accent = manner.span_st * rng.uniform(0.0, 1.0)
            pitch[part] = manner.pitch_st + accent * np.sin(np.pi * x) - manner.span_st * beat / 24
            formants[part] = np.asarray(VOWELS[rng.integers(len(VOWELS))]) * (manner.first_formant, 1.0, 1.0)
            start += length
        start += round(manner.pause * rng.uniform(1.5, 4.0) / CONTROL_S)
    pitch += JITTER_ST * rng.standard_normal(points)
    noise += BREATH * loudness
    smooth = np.hanning(11) / np.hanning(11).sum()
    for column in range(3):
        formants[:, column] = np.convolve(np.pad(formants[:, column], 5, mode="edge"), smooth, mode="valid")
    return loudness, pitch, formants, noise


def _voiced(pitch_hz: Wave, formants: Wave, tilt_db: float, length: int) -> Wave:
    """Return the sum of the pitch's harmonics below HIGHEST_HZ, each weighted by source and formants."""
    t = np.arange(length) / SAMPLE_RATE / CONTROL_S
    at = np.arange(pitch_hz.size)
    hertz = np.interp(t, at, pitch_hz)
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    wave = np.zeros(length)
    for k in range(1, int(HIGHEST_HZ / max(60.0, float(pitch_hz.min()))) + 1):
        harmonic = pitch_hz * k
        strength = 10 ** (-tilt_db * np.log2(k) / 20) * _resonance(harmonic, formants) * (harmonic < HIGHEST_HZ)
        wave += np.interp(t, at, strength) * np.sin(k * phase)
    return wave


def _resonance(hertz: Wave, formants: Wave) -> Wave:
    """Return the gain of the mouth at a frequency for all control points: three peaks over a floor."""
    gain = np.full_like(hertz, 0.03)
    for column, bandwidth in enumerate(BANDWIDTHS):
        gain += 0.6**column / (1.0 + ((hertz - formants[:, column]) / bandwidth) ** 2)
    return gain


def _hiss(length: int, rng: np.random.Generator) -> Wave:
    white = rng.standard_normal(length + 1)
    return np.diff(white) * 0.1


def _unit(wave: Wave) -> Wave:
    """Scale so that the loud half of the wave has RMS 1."""
    if not wave.size:
        return wave
    power = wave**2
    return wave / float(np.sqrt(max(1e-12, float(power[power >= np.median(power)].mean()))))


def _espeak(program: str, text: str, effort: Effort, seed: int, seconds: float) -> Pcm:
    manner = MANNERS[effort]
    voice = ESPEAK_VOICES[seed % len(ESPEAK_VOICES)]
    rate, pitch = ("210", "85") if effort == "raised" else ("165", "40")
    wave = _read_aloud([program, "-v", voice, "-s", rate, "-p", pitch, "--stdout", text])
    repeated = np.resize(np.append(wave, np.zeros(samples(0.4))), samples(seconds))
    return to_pcm(_unit(_tilted(repeated, ESPEAK_TILT_DB[effort])), manner.level_dbfs)


def _read_aloud(command: list[str]) -> Wave:
    spoken = subprocess.run(command, capture_output=True, check=True, timeout=SPEAK_TIMEOUT_S)  # noqa: S603 -- fixed program, arguments are data
    wave, rate = soundfile.read(io.BytesIO(spoken.stdout), dtype="float64")
    return np.asarray(soxr.resample(wave, rate, SAMPLE_RATE), dtype=np.float64)


def _tilted(wave: Wave, db_per_octave: float) -> Wave:
    """Tilt the spectrum above 500 Hz, as the glottis does with effort."""
    spectrum = np.fft.rfft(wave)
    octaves = np.log2(np.maximum(1.0, np.fft.rfftfreq(wave.size, 1 / SAMPLE_RATE) / 500.0))
    return np.asarray(np.fft.irfft(spectrum * 10 ** (db_per_octave * octaves / 20), wave.size), dtype=np.float64)
