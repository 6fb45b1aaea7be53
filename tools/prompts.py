"""Render every prompt with espeak-ng into 8 kHz WAV files: `python -m tools.prompts`."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from callguard.prompts import FOLDER, TEXTS

VOICE = "en-us+f3"
WORDS_A_MINUTE = 165
LEVEL_DBFS = -22.0


def speak(text: str) -> NDArray[np.float64]:
    """Return speech at 8 kHz, shape (n,), without silence at either end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", VOICE, "-s", str(WORDS_A_MINUTE), "-w", path, text], check=True)
        samples, rate = soundfile.read(path)
    narrow = soxr.resample(samples, rate, 8000)
    loud = np.flatnonzero(np.abs(narrow) > 0.01)
    cut = narrow[max(0, loud[0] - 160) : loud[-1] + 800]
    levelled: NDArray[np.float64] = cut * 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(cut**2))
    return levelled


def main() -> None:
    """Write all files; remove those of former prompts."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.wav"):
        path.unlink()
    for name, text in TEXTS.items():
        soundfile.write(FOLDER / f"{name}.wav", np.clip(speak(text), -0.99, 0.99), 8000, subtype="PCM_16")


if __name__ == "__main__":
    main()
