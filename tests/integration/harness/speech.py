"""Call audio: recordings of people where the speech data are at hand, else a synthesiser, which is then said aloud."""

import csv
import os
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from callguard.testbed.lab.tones import RATE, write_wav
from callguard.testbed.simulator.voice import speak

DATA = Path(os.environ.get("CALLGUARD_DATA", Path(__file__).parents[4] / "shared" / "data"))
HAVE_RECORDINGS = (DATA / "emodb" / "metadata.csv").exists()
LEVELS_DBFS: dict[str, float] = {"neutral": -27.0, "angry": -17.0}
"""The recordings are all scaled to full scale; people who shout are some 10 dB louder."""
GAP_S = 0.35

Emotion = Literal["neutral", "angry", "silence"]


def call_voice(path: Path, *parts: tuple[Emotion, float], speaker: str = "emo11") -> Path:
    """Write one party's voice: `parts` are emotion and seconds, in order, all by the same speaker."""
    return write_wav(path, np.concatenate([_part(speaker, emotion, seconds) for emotion, seconds in parts]))


def _part(speaker: str, emotion: Emotion, seconds: float) -> NDArray[np.int16]:
    if emotion == "silence":
        return np.zeros(round(seconds * RATE), dtype=np.int16)
    if HAVE_RECORDINGS:
        return _recorded(speaker, emotion, seconds)
    return speak(seconds, "raised" if emotion == "angry" else "calm", seed=7)


def _recorded(speaker: str, emotion: Emotion, seconds: float) -> NDArray[np.int16]:
    with (DATA / "emodb" / "metadata.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["speaker"] == speaker and r["emotion"] == emotion]
    wanted = round(seconds * RATE)
    pieces: list[NDArray[np.int16]] = []
    while sum(map(len, pieces)) < wanted:
        row = rows[len(pieces) // 2 % len(rows)]
        pieces += [
            _levelled(DATA / "emodb" / row["file"], LEVELS_DBFS[emotion]),
            np.zeros(round(GAP_S * RATE), np.int16),
        ]
    return np.concatenate(pieces)[:wanted]


def _levelled(path: Path, dbfs: float) -> NDArray[np.int16]:
    samples, rate = soundfile.read(path, dtype="float64")
    assert rate == RATE
    loud = samples[np.abs(samples) > 0.02]
    gain = 10 ** (dbfs / 20) / np.sqrt(np.mean(loud**2))
    return np.clip(samples * gain * 32767, -32768, 32767).astype(np.int16)
