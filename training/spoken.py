"""Make calm and lively speech by espeak-ng, in many languages and voices.

The text is digits, which espeak-ng speaks in the language of the voice. Lively speech is fast, high and melodious,
without vocal effort. Joy changes prosody in this way, and it is no reason for an alert.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from callguard.audio.frames import SAMPLE_RATE
from training.data import Clip

LANGUAGES: Final = (
    "af", "am", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en-gb", "en-gb-scotland", "en-us", "es",
    "es-419", "et", "eu", "fa", "fi", "fr-fr", "ga", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ka",
    "kk", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nb", "ne", "nl", "pa", "pl", "pt", "pt-br", "ro",
    "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "tr", "uk", "ur", "vi",
)  # fmt: skip
VARIANTS: Final = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")
CALM_CLIPS: Final = 4
LIVELY_CLIPS: Final = 2
CORPUS: Final = "espeak"
LICENCE: Final = "CC0-1.0 (made by espeak-ng)"
_ESPEAK_HZ: Final = 22050
_WAVE_HEADER: Final = 44


def made(folder: Path, seed: int) -> list[Clip]:
    """Return clips of every language, one voice each; speak those into `folder` that it does not hold yet.

    Raises:
        FileNotFoundError: espeak-ng is not installed.
    """
    if not shutil.which("espeak-ng"):
        raise FileNotFoundError("espeak-ng is needed: apt install espeak-ng")
    folder.mkdir(parents=True, exist_ok=True)
    return [clip for language in LANGUAGES for clip in _of_language(folder, language, seed)]


def _of_language(folder: Path, language: str, seed: int) -> list[Clip]:
    rng = np.random.default_rng([seed, LANGUAGES.index(language)])
    variant = VARIANTS[int(rng.integers(len(VARIANTS)))]
    pitch, rate = int(rng.integers(30, 65)), int(rng.integers(140, 180))
    out = []
    for at in range(CALM_CLIPS + LIVELY_CLIPS):
        lively = at >= CALM_CLIPS
        words = " ".join(str(number) for number in rng.integers(10, 10_000, 3))
        if lively:
            high, wide, fast = rng.uniform(20, 60), rng.uniform(150, 300), rng.uniform(110, 140)
            words = f'<prosody pitch="+{high:.0f}%" range="{wide:.0f}%" rate="{fast:.0f}%">{words}</prosody>'
        path = folder / f"{language}-{variant}-{seed}-{at}.flac"
        if not path.exists():
            soundfile.write(path, _spoken(words, f"{language}+{variant}", pitch, rate), SAMPLE_RATE, subtype="PCM_16")
        emotion = "lively" if lively else "neutral"
        gender, seconds = variant[0], soundfile.info(path).duration
        speaker = f"espeak-{language}"
        out.append(Clip(path, CORPUS, speaker, emotion, gender, "", "", LICENCE, seconds, "train"))
    return out


def _spoken(words: str, voice: str, pitch: int, rate: int) -> NDArray[np.float64]:
    command = ["espeak-ng", "-m", "-v", voice, "-p", str(pitch), "-s", str(rate), "--stdout", f"<speak>{words}</speak>"]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    samples = np.frombuffer(wave[_WAVE_HEADER:], "<i2") / 32768
    result: NDArray[np.float64] = signal.resample_poly(samples, SAMPLE_RATE, _ESPEAK_HZ)
    return result
