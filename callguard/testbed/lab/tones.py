"""Make a tone for each voice of a call, and find the tones in the phones' recordings."""

import wave
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
"""Hz; the lab's phones speak G.711."""
_HALF_WIDTH_HZ: Final = 10.0
"""Distance in Hz within which energy counts as the tone: G.711 and gaps of a frame widen a spectral line by less."""


def tone(hertz: float, seconds: float, dbfs: float = -15.0) -> NDArray[np.int16]:
    """Return a sine: int16, shape (seconds * RATE,); `dbfs` is its peak over full scale."""
    time = np.arange(round(seconds * RATE)) / RATE
    return np.rint(np.sin(2 * np.pi * hertz * time) * 32767 * 10 ** (dbfs / 20)).astype(np.int16)


def music(seconds: float) -> NDArray[np.int16]:
    """Return slow broken chords of plain tones: hold music that no test mistakes for a voice's tone."""
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    notes = [note for chord in chords for note in (*chord, chord[1])]
    bars = [tone(notes[n % len(notes)], 0.4) * np.linspace(1, 0.2, int(0.4 * RATE)) for n in range(int(seconds / 0.4))]
    return np.concatenate(bars).astype(np.int16)


def write_wav(path: Path, samples: NDArray[np.int16]) -> Path:
    """Write 8 kHz mono 16-bit samples, shape (n,), and return the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> NDArray[np.int16]:
    """Read an 8 kHz mono 16-bit file; shape (n,). Raises ValueError for another format."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path}: expected 8 kHz mono 16-bit")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def tone_share(wav: Path, hertz: float, start: float = 0.0, end: float | None = None) -> float:
    """Return the share of the energy between two times (s) at a frequency: 0 for none or silence, 1 for all."""
    part = _between(wav, start, end).astype(np.float64)
    energy = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(part), 1 / RATE) - hertz) <= _HALF_WIDTH_HZ
    total = energy.sum()
    return float(energy[near].sum() / total) if total > 0 else 0.0


def tone_dbfs(wav: Path, hertz: float, start: float = 0.0, end: float | None = None) -> float:
    """Return a tone's peak level over full scale between two times (s); -120 at the least.

    The share depends on other sounds; the level is absolute, and so proves the absence of a tone beside loud others.
    """
    part = _between(wav, start, end).astype(np.float64)
    window = np.hanning(len(part))
    energy = np.abs(np.fft.rfft(part * window)) ** 2
    near = np.abs(np.fft.rfftfreq(len(part), 1 / RATE) - hertz) <= _HALF_WIDTH_HZ
    # Parseval: a sine of amplitude a leaves a^2 / 4 * len * sum(window^2) in the positive frequencies.
    squared = 4 * energy[near].sum() / (len(part) * np.square(window).sum())
    return float(max(-120.0, 10 * np.log10(squared / 32767**2 + 1e-12)))


def _between(wav: Path, start: float, end: float | None) -> NDArray[np.int16]:
    samples = read_wav(wav)
    part = samples[round(start * RATE) : None if end is None else round(end * RATE)]
    if len(part) < RATE // 10:
        raise ValueError(
            f"{wav}: less than 0.1 s between {start} s and {end} s; it is {len(samples) / RATE:.2f} s long"
        )
    return part
