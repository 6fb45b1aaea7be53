"""Read recordings as the samples that a tap would deliver: wholly, or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from callguard.analysis import riff
from callguard.analysis.episodes import Episode
from callguard.audio.frames import SAMPLE_RATE
from callguard.contracts.vocabulary import Role

LEGS: Final[tuple[Role, ...]] = ("customer", "agent")
"""Parties on a recording's channels, from left to right."""
LOWEST_RATE: Final = 8000
HIGHEST_RATE: Final = 192_000
LONGEST_S: Final = 4 * 3600
BLOCK_S: Final = 10
"""Seconds that are read at once: 1.9 MB of floats for 48 kHz in stereo."""


class RecordingError(Exception):
    """An unusable recording; the message names the file and the reason."""


class Recording:
    """A recording on disk, which is read in blocks and so needs little memory, however long it is.

    Attributes:
        path: the file; its name may be of any bytes.
        channels: 1 (customer) or 2 (customer, agent).

    Raises:
        RecordingError: the file is no audio, has too many channels, a rate out of range, is too long, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            self.channels = int(file.channels)

    def blocks(self) -> Iterator[NDArray[np.int16]]:
        """Yield all samples at 8 kHz in blocks, shape (channels, samples of the block).

        Raises:
            RecordingError: the rest can't be read, holds NaN values, or the recording is too long.
        """
        with self._opened() as file:
            whole = file.subtype == "PCM_16" and file.samplerate == SAMPLE_RATE
            yield from self._sixteen_bit(file) if whole else self._resampled(file)

    @contextmanager
    def _opened(self) -> Iterator[soundfile.SoundFile]:
        """Open the file by a descriptor: libsndfile's own opening takes names of UTF-8 only."""
        if not self.path.exists():
            raise RecordingError(f"{self.path}: no such file")
        try:
            with self.path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as file:
                if reason := riff.doubt(self.path):
                    raise RecordingError(f"{self.path}: {reason}")
                _check(self.path, file)
                yield file
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise RecordingError(f"{self.path}: not a WAV or FLAC file that can be read: {error}") from error

    def _sixteen_bit(self, file: soundfile.SoundFile) -> Iterator[NDArray[np.int16]]:
        for samples in self._read(file, "int16"):
            yield np.ascontiguousarray(samples.T)

    def _resampled(self, file: soundfile.SoundFile) -> Iterator[NDArray[np.int16]]:
        resampler = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, file.channels, dtype="float32")
        alike = file.samplerate == SAMPLE_RATE
        for samples in self._read(file, "float32"):
            if not np.isfinite(samples).all():
                raise RecordingError(f"{self.path}: holds values that are not numbers")
            yield _as_int16(samples if alike else resampler.resample_chunk(samples))
        if not alike:
            yield _as_int16(resampler.resample_chunk(np.empty((0, file.channels), np.float32), last=True))

    def _read(self, file: soundfile.SoundFile, dtype: str) -> Iterator[NDArray[Any]]:
        read, announced = 0, file.frames
        while len(samples := self._block(file, dtype)):
            read += len(samples)
            if read > LONGEST_S * file.samplerate:
                raise RecordingError(f"{self.path}: longer than {LONGEST_S // 3600} hours")
            yield samples
        if read < announced:
            seconds = f"{read / file.samplerate:.1f} s of {announced / file.samplerate:.1f} s"
            raise RecordingError(f"{self.path}: cut off: only {seconds} can be read")

    def _block(self, file: soundfile.SoundFile, dtype: str) -> NDArray[Any]:
        try:
            samples: NDArray[Any] = file.read(BLOCK_S * file.samplerate, dtype=dtype, always_2d=True)
        except (soundfile.SoundFileError, ValueError) as error:
            raise RecordingError(
                f"{self.path}: damaged after {file.tell() / file.samplerate:.1f} s: {error}"
            ) from error
        return samples


def read_recording(path: Path) -> NDArray[np.int16]:
    """Return a whole recording, shape (1 or 2, samples); for recordings that are short. Raises RecordingError."""
    recording = Recording(path)
    nothing = np.empty((recording.channels, 0), np.int16)
    return np.concatenate([nothing, *recording.blocks()], axis=1)


def _as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return float samples, shape (samples, channels), as 16-bit ones, shape (channels, samples)."""
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
