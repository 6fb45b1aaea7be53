"""Provide the sounds that a program plays by media URI: files where they exist, otherwise speech of similar length."""

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from callguard.audio.frames import Pcm
from callguard.testbed.simulator.sound import load, silence, tone
from callguard.testbed.simulator.voice import syllables

SPELLED: Final = ("digits", "number", "characters")
SYMBOL_S: Final = 0.5
"""Seconds for each digit or letter that is read out."""
WORD_S: Final = 0.45
"""Seconds for each word in a sound's name: `agent-lower-voice` has three."""
OWN: Final = Path(__file__).parents[2] / "prompts" / "en"
OWN_FOLDER: Final = "callguard/"
"""Folder in which a PBX keeps the shipped prompts."""
FORMATS: Final = (".wav", ".WAV", ".flac")


def prompt(media: str) -> Pcm:
    """Return the audio of comma-separated media URIs, shape (n,); empty where one of them is not known."""
    parts = [_one(*uri.strip().partition(":")[::2]) for uri in media.split(",")]
    return np.concatenate(parts) if all(part.size for part in parts) else silence(0)


@lru_cache(maxsize=64)
def _one(scheme: str, name: str) -> Pcm:
    if scheme in SPELLED and name:
        return syllables(SYMBOL_S * len(name), seed=len(name))
    if scheme == "tone":
        return tone(440.0, 1.0)
    return _sound(name) if scheme in ("sound", "recording") and name else silence(0)


def _sound(name: str) -> Pcm:
    """Return a sound: an absolute name is a file; any other is a sound of Asterisk, which has no words here."""
    if name == "beep":
        return tone(1000.0, 0.4)
    if name.startswith("silence/") and name[8:].isdigit():
        return silence(float(name[8:]))
    own = OWN / f"{name.removeprefix(OWN_FOLDER)}.wav"
    if name.startswith(OWN_FOLDER) and own.is_file():
        return load(own)
    if not name.startswith("/"):
        return syllables(WORD_S * (1 + name.count("-")), seed=zlib.crc32(name.encode()) % 1000)
    file = next((file for suffix in FORMATS if (file := Path(name + suffix)).is_file()), None)
    return load(file) if file else silence(0)
