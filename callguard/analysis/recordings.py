"""Read recordings as the samples that a tap would deliver."""

import json
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from callguard.analysis.episodes import Episode
from callguard.audio.frames import SAMPLE_RATE
from callguard.contracts.vocabulary import Role

LEGS: Final[tuple[Role, ...]] = ("customer", "agent")
"""Parties on a recording's channels, from left to right."""
LOWEST_RATE: Final = 8000
HIGHEST_RATE: Final = 192_000
LONGEST_S: Final = 4 * 3600


class RecordingError(Exception):
    """An unusable recording; the message names the file and the reason."""


def read_recording(path: Path) -> NDArray[np.int16]:
    """Return a recording's channels at 8 kHz, shape (1 or 2, samples).

    Raises:
        RecordingError: the file is no audio, has too many channels, a rate out of range or NaN values, or is too long.
    """
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    try:
        with soundfile.SoundFile(path) as file:
            _check(path, file)
            whole = file.subtype == "PCM_16" and file.samplerate == SAMPLE_RATE
            samples = file.read(dtype="int16" if whole else "float32", always_2d=True)
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise RecordingError(f"{path}: not a WAV or FLAC file that can be read: {error}") from error
    if samples.dtype == np.int16:
        return np.ascontiguousarray(samples.T)
    if not np.isfinite(samples).all():
        raise RecordingError(f"{path}: holds values that are not numbers")
    if rate != SAMPLE_RATE and len(samples):
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    scaled = np.clip(np.round(np.clip(samples.T, -2.0, 2.0) * 32768.0), -32768, 32767)
    return np.ascontiguousarray(scaled.astype(np.int16))


def _check(path: Path, file: soundfile.SoundFile) -> None:
    if file.channels not in (1, 2):
        raise RecordingError(f"{path}: {file.channels} channels; mono (customer) or stereo (customer, agent) expected")
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        raise RecordingError(f"{path}: {file.samplerate} Hz; {LOWEST_RATE}-{HIGHEST_RATE} Hz can be analysed")
    if file.frames > LONGEST_S * file.samplerate:
        raise RecordingError(f"{path}: longer than {LONGEST_S // 3600} hours")


def read_truth(path: Path) -> tuple[Episode, ...]:
    """Return the customer's angry episodes from a call's JSON; an empty tuple where there is no such file.

    Raises:
        RecordingError: the file exists but is not such a JSON.
    """
    if not path.exists():
        return ()
    try:
        angry = json.loads(path.read_text("utf-8"))["customer"]["angry"]
        return tuple(Episode(float(each["start"]), float(each["end"])) for each in angry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{path}: no truth of a call: {error!r}") from error
