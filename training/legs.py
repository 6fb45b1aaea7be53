"""Simulate legs, with a calm start and then a test on one line, and run them through the listener."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from callguard.audio.features import FloatArray
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE, Hop, Rows
from callguard.audio.listener import Listener
from callguard.audio.recent import Recent
from callguard.models.encoder import VOICE, Encoder
from callguard.worker.pipeline import LEAST_SPEECH_S
from training.channel import Line, Samples, speech_rms, transmit
from training.data import Clip, read

HOP_SAMPLES: Final = FRAME_SAMPLES * HOP_FRAMES
LEAD_S: Final = 0.35
"""Seconds from the start of the test in which a window holds mostly earlier speech."""
BATCH: Final = 128
"""Legs processed side by side."""


@dataclass(frozen=True, slots=True)
class Take:
    """One clip in a leg; `offset_db` is its level above the speaker's calm speech, None keeps the recorded level."""

    clip: Clip
    offset_db: float | None = None
    samples: Samples | None = None
    """Processed samples instead of the clip's own."""

    def sound(self) -> Samples:
        """Return the samples to play."""
        return read(self.clip.path) if self.samples is None else self.samples


@dataclass(frozen=True, slots=True)
class LegPlan:
    """The speech of a leg in order: first `calm`, then `test`, which is scored."""

    calm: tuple[Take, ...]
    test: tuple[Take, ...]
    line: Line
    label: float
    weight: float = 1.0
    group: str = ""
    """Speaker; cross-validation keeps each group in one fold."""
    tags: dict[str, str] = field(default_factory=dict)
    speed: float = 1.0
    """Playback speed: a faster voice is higher with a shorter vocal tract, as another speaker in the same mood."""


class Heard(NamedTuple):
    """Windows of many legs, one in each row.

    Attributes:
        leg: index of the plan, shape (n,).
        at_s: end of the window in seconds since the test began, negative in the calm start, shape (n,).
        window, baseline: functionals, shape (n, len(FUNCTIONALS)).
        speech_s, baseline_s: shape (n,).
        voice: the encoder's vectors, shape (n, VOICE); (n, 0) where it was not asked.
    """

    leg: NDArray[np.intp]
    at_s: FloatArray
    window: FloatArray
    baseline: FloatArray
    speech_s: FloatArray
    baseline_s: FloatArray
    voice: FloatArray

    @property
    def counts(self) -> NDArray[np.bool_]:
        """Return a mask of the windows that are scored, shape (n,)."""
        return np.asarray(self.at_s > LEAD_S)


def joined(first: Heard, legs: int, second: Heard) -> Heard:
    """Return the windows of the first `legs` legs, followed by those of other legs."""
    leg = np.concatenate([first.leg, second.leg + legs])
    return Heard(leg, *(np.concatenate([one, other]) for one, other in zip(first[1:], second[1:], strict=True)))


def sped(sound: Samples, speed: float) -> Samples:
    """Return a sound played faster, with pitch and formants raised alike; the speed is rounded to hundredths."""
    result: Samples = signal.resample_poly(sound, 100, round(100 * speed)).astype(np.float32)
    return result


def render(plan: LegPlan) -> tuple[NDArray[np.int16], float]:
    """Return a leg's samples and the second at which its test begins."""
    rng = np.random.default_rng(plan.line.seed + 1)
    calm = _reference(plan)
    parts: list[Samples] = [_silence(rng, 0.3, 1.0)]
    for take in plan.calm:
        parts += [_levelled(take, calm, plan.speed), _silence(rng, 0.2, 0.7)]
    start = sum(map(len, parts)) / SAMPLE_RATE
    for take in plan.test:
        parts += [_levelled(take, calm, plan.speed), _silence(rng, 0.15, 0.4)]
    return transmit(np.concatenate(parts), plan.line, calm), start


def _reference(plan: LegPlan) -> float:
    """Return the RMS of calm speech: that of the calm takes if recorded levels count, else a common one."""
    natural = [speech_rms(take.sound()) for take in plan.calm if take.offset_db is None]
    return float(np.median(natural)) if natural else 0.05


def _levelled(take: Take, calm: float, speed: float) -> Samples:
    sound = take.sound() if speed == 1.0 else sped(take.sound(), speed)
    if take.offset_db is None:
        return sound
    return (sound * (calm * 10 ** (take.offset_db / 20) / max(speech_rms(sound), 1e-5))).astype(np.float32)


def _silence(rng: np.random.Generator, low: float, high: float) -> Samples:
    return np.zeros(int(rng.uniform(low, high) * SAMPLE_RATE), np.float32)


def hear(
    plans: Sequence[LegPlan],
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
    encoder: Encoder | None = None,
) -> Heard:
    """Render plans and run them through the listener, as the service would; a leg's windows are in order of time."""
    starts = range(0, len(plans), BATCH)
    parts = [part for start in progress(starts) for part in _hear_batch(plans[start : start + BATCH], start, encoder)]
    return Heard(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _hear_batch(plans: Sequence[LegPlan], first: int, encoder: Encoder | None) -> Iterator[Heard]:
    rendered = [render(plan) for plan in plans]
    starts = np.array([start for _, start in rendered], dtype=np.float32)
    hops = np.array([-(-len(pcm) // HOP_SAMPLES) for pcm, _ in rendered])
    sound = np.zeros((len(plans), int(hops.max()), HOP_FRAMES, FRAME_SAMPLES), np.int16)
    for row, (pcm, _) in enumerate(rendered):
        sound[row].reshape(-1)[: len(pcm)] = pcm
    listener, recent = Listener(len(plans)), Recent(len(plans))
    for at in range(int(hops.max())):
        rows = np.flatnonzero(hops > at)
        hop = Hop(rows, sound[rows, at], np.zeros((len(rows), HOP_FRAMES), np.uint8))
        speech = listener.detect(hop).speech
        listener.extract(hop, speech)
        recent.add(rows, hop.pcm, speech)
        judged = listener.judgeable(rows)
        since = (at + 1) * np.float32(HOP_S) - starts[judged.rows]
        keep = judged.speech_s >= LEAST_SPEECH_S
        yield Heard(
            judged.rows[keep] + first,
            since[keep],
            judged.window[keep],
            judged.baseline[keep],
            judged.speech_s[keep],
            judged.baseline_s[keep],
            _voices(judged.rows[keep], recent, encoder),
        )


def _voices(rows: Rows, recent: Recent, encoder: Encoder | None) -> FloatArray:
    out = np.zeros((len(rows), VOICE if encoder else 0), np.float32)
    if encoder:
        for at, row in enumerate(rows.tolist()):
            out[at] = encoder.voice(*recent.window(row))
    return out
