"""Make distinguishable voices, and find in a phone's recording the times at which each voice is heard. Pure.

Each phone's voice carries a tone of its own, a marker, so that every recording shows which phones were heard, even
several at once. Customers also speak, below LOWEST_HZ, since rules judge their voices; others send their marker only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.testbed.lab.tones import RATE, tone
from callguard.testbed.simulator.voice import speak

LOWEST_HZ: Final = 1450.0
HIGHEST_HZ: Final = 3350.0
VOICE_BELOW_HZ: Final = 1250.0
MARKER_DBFS: Final = -26.0
HEARD_DBFS: Final = -38.0
STANDS_OUT_DB: Final = 10.0
"""dB by which a marker is louder than the point halfway to the next one; a prompt's speech is equally loud at both."""
WINDOW: Final = 512
"""Samples of an analysis window (64 ms), in which tones STEP_HZ apart don't overlap."""
HOP: Final = 160
HOP_S: Final = HOP / RATE
STEP_HZ: Final = 65.0
MERGE_S: Final = 0.05
"""Longest gap in seconds that does not split a stretch of sound."""
LEAST_S: Final = 0.04
"""Least length of a sound in seconds; a shorter one is a click."""
VOICE_GAIN: Final = 10 ** (-5 / 20)
"""Gain that keeps the synthesiser's raised voice, at -11 dBFS, from clipping when voices are mixed."""
Span = tuple[float, float]


def markers(phones: Sequence[str]) -> dict[str, float]:
    """Return each phone's frequency in Hz; raise ValueError for more phones than frequencies."""
    room = int((HIGHEST_HZ - LOWEST_HZ) / STEP_HZ) + 1
    if len(phones) > room:
        raise ValueError(f"{len(phones)} phones can't be told apart; at most {room} can")
    return {phone: LOWEST_HZ + number * STEP_HZ for number, phone in enumerate(phones)}


def customer_voice(hertz: float, seed: int, calm_s: float, seconds: float) -> NDArray[np.int16]:
    """Return a customer who is calm for `calm_s` and then shouts, with a marker; shape (seconds * RATE,)."""
    speech = np.concatenate([speak(calm_s, "calm", seed=seed), speak(seconds - calm_s, "raised", seed=seed)])
    spectrum = np.fft.rfft(speech * VOICE_GAIN)
    spectrum[np.fft.rfftfreq(len(speech), 1 / RATE) > VOICE_BELOW_HZ] = 0.0
    low = np.fft.irfft(spectrum, len(speech))
    return np.clip(low + tone(hertz, len(speech) / RATE, MARKER_DBFS), -32768, 32767).astype(np.int16)


def other_voice(hertz: float, seconds: float) -> NDArray[np.int16]:
    """Return a marker alone; shape (seconds * RATE,)."""
    return tone(hertz, seconds, MARKER_DBFS)


def heard(samples: NDArray[np.int16], hertz: Mapping[str, float]) -> dict[str, list[Span]]:
    """Return the stretches, in seconds of a recording, in which each marker is heard; phones never heard are left out.

    A stretch begins and ends at the middle of an analysis window, so its ends are exact to some 30 ms.
    """
    if len(samples) < WINDOW:
        return {}
    at = np.asarray(list(hertz.values()))
    levels = _levels(samples, np.concatenate((at, at - STEP_HZ / 2, at + STEP_HZ / 2)))
    own, below, above = np.split(levels, 3, axis=1)
    loud = (own > HEARD_DBFS) & (own > np.maximum(below, above) + STANDS_OUT_DB)
    found = {phone: _stretches(loud[:, column]) for column, phone in enumerate(hertz)}
    return {phone: stretches for phone, stretches in found.items() if stretches}


def _levels(samples: NDArray[np.int16], hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the peak level of each frequency in each analysis window, dBFS, shape (windows, len(hertz))."""
    looks = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::HOP]
    shape = np.hanning(WINDOW)
    turns = 2 * np.pi * np.outer(np.arange(WINDOW) / RATE, hertz)
    cosines = looks @ (shape[:, None] * np.cos(turns)).astype(np.float32)
    sines = looks @ (shape[:, None] * np.sin(turns)).astype(np.float32)
    peak = 2 * np.hypot(cosines, sines) / np.float32(shape.sum())
    return np.asarray(20 * np.log10(peak / 32767 + 1e-9))


def _stretches(loud: NDArray[np.bool_]) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0]))))
    middle = WINDOW / 2 / RATE
    spans = ((first * HOP_S + middle, last * HOP_S + middle) for first, last in edges.reshape(-1, 2))
    return [(begin, end) for begin, end in merged(spans) if end - begin >= LEAST_S]


def merged(spans: Iterable[Span], gap_s: float = MERGE_S) -> list[Span]:
    """Join stretches that follow each other within `gap_s`; spans are sorted."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] <= gap_s:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((float(begin), float(end)))
    return joined


def within(spans: Iterable[Span], begin: float, end: float) -> list[Span]:
    """Return the parts of stretches between two times; none where the end precedes the beginning."""
    parts = ((max(first, begin), min(last, end)) for first, last in spans)
    return [(first, last) for first, last in parts if first < last]


def longest_gap(spans: Iterable[Span], begin: float, end: float) -> float:
    """Return the longest gap between two times in seconds; 0.0 where the end precedes the beginning."""
    at, longest = begin, 0.0
    for first, last in within(spans, begin, end):
        longest, at = max(longest, first - at), max(at, last)
    return max(longest, end - at, 0.0)
