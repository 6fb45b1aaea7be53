"""Plan the training legs of the voice model: acted emotions, calm speech, simulated effort, synthetic speech."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from training import spoken
from training.channel import random_line
from training.data import Clip, read, require_shippable
from training.effort import raise_voice
from training.legs import LegPlan, Take

Rng = np.random.Generator

CALM: Final = ("neutral", "calm")
LEVEL_DB: Final = {
    "angry": (9.0, 5.0),
    "happy": (6.0, 5.0),
    "fear": (4.0, 5.0),
    "surprise": (5.0, 4.0),
    "lively": (5.0, 4.0),
    "disgust": (1.0, 4.0),
    "sad": (-4.0, 4.0),
    "boredom": (-2.0, 3.0),
}
"""Mean and spread of the level above calm speech for levelled recordings; others: (0, 2.5)."""
CALM_CORPORA: Final = ("librispeech", "wuw_phone", "single_voices", "negatives")
ACTED_CORPORA: Final = ("emodb", "ravdess", "ased")
NATURAL_LEVELS: Final = ("ravdess", "ased")
"""Acted corpora in which the recorded level is the speaker's own."""
COLD_SHARE: Final = 0.3
"""Share of legs whose first words are already scored."""
JUMP_SHARE: Final = 0.5
"""Share of calm legs whose level changes between start and test."""
JUMP_DB: Final = 20.0
"""Largest change of that level in dB, either way."""
HOT_SHARE: Final = 0.25
"""Share of training legs on lines so hot that loud words saturate."""
HOT_GAIN_DB: Final = (4.0, 14.0)
MOST_CALM_CLIPS: Final = 5
SPED_SHARE: Final = 0.5
"""Share of training legs with speakers made from others by faster or slower playback."""
SPEED_SPREAD: Final = 0.12
SPEEDS: Final = (0.8, 1.25)


def acted(
    clips: Sequence[Clip], times: int, rng: Rng, *, levelled: bool = True, cold_share: float = COLD_SHARE
) -> list[LegPlan]:
    """Return `times` legs of each acted clip, after a calm start of the same speaker or none.

    Args:
        clips: of one corpus.
        times: legs for each clip.
        rng: draws starts, levels and lines.
        levelled: whether the corpus has lost its natural levels, so that they must be drawn.
        cold_share: share of legs without a calm start.
    """
    calm = _by_speaker([clip for clip in clips if clip.emotion in CALM])
    out = []
    for clip in clips:
        others = [other for other in calm.get(clip.speaker, []) if other is not clip]
        for _ in range(times):
            start = _start(others, rng, cold_share)
            draw = levelled or not start
            takes = tuple(Take(other, _offset("neutral", rng) if draw else None) for other in start)
            test = (Take(clip, _offset(clip.emotion, rng) if draw else None),)
            out.append(_leg(takes, test, clip, clip.emotion, float(clip.emotion == "angry"), rng))
    return out


def calm_speech(clips: Sequence[Clip], times: int, rng: Rng) -> list[LegPlan]:
    """Return legs of calm speakers, some of whom move away from the phone or towards it."""
    by_speaker = _by_speaker(clips)
    out = []
    for clip in clips:
        others = [other for other in by_speaker[clip.speaker] if other is not clip]
        for _ in range(times):
            start = tuple(Take(other, _offset("neutral", rng)) for other in _start(others, rng))
            jump = float(rng.uniform(-JUMP_DB, JUMP_DB)) if rng.random() < JUMP_SHARE else 0.0
            test = (Take(clip, _offset("neutral", rng) + jump),)
            out.append(_leg(start, test, clip, "neutral", 0.0, rng))
    return out


def efforts(clips: Sequence[Clip], times: int, rng: Rng) -> list[LegPlan]:
    """Return legs of calm speakers who then raise their voices, by simulation; half of them clearly, half slightly."""
    by_speaker = _by_speaker(clips)
    out = []
    for clip in clips:
        others = [other for other in by_speaker[clip.speaker] if other is not clip]
        for _ in range(times):
            amount = float(rng.uniform(0.55, 1.0))
            start = tuple(Take(other, _offset("neutral", rng)) for other in _start(others or [clip], rng))
            level = amount * float(rng.normal(9, 5))
            test = (Take(clip, level, raise_voice(read(clip.path), amount, rng)),)
            out.append(_leg(start, test, clip, "effort", 1.0, rng))
    return out


def training_plans(clips: Sequence[Clip], seed: int, times: int, *, research: bool = False) -> list[LegPlan]:
    """Return all training legs; unless for research, raise LicenceError for a clip whose licence forbids it."""
    if not research:
        require_shippable(clips)
    rng = np.random.default_rng(seed)
    calm = calm_clips(clips)
    played = [
        plan
        for name in ACTED_CORPORA
        for plan in acted([c for c in clips if c.corpus == name], times, rng, levelled=name not in NATURAL_LEVELS)
    ]
    others = calm_speech(calm, max(1, times // 4), rng) + efforts(calm, max(1, times // 6), rng)
    spoken_by_machine = acted([clip for clip in clips if clip.corpus == spoken.CORPUS], 1, rng)
    return [varied(plan, rng) for plan in played + others + spoken_by_machine]


def varied(plan: LegPlan, rng: Rng) -> LegPlan:
    """Return a leg unchanged, with another speaker, or on a hotter line."""
    if rng.random() < SPED_SHARE:
        plan = replace(plan, speed=float(np.clip(rng.normal(1.0, SPEED_SPREAD), *SPEEDS)))
    if rng.random() < HOT_SHARE:
        plan = replace(plan, line=replace(plan.line, gain_db=float(rng.uniform(*HOT_GAIN_DB))))
    return plan


def calm_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Return the recordings of calm speech that are long enough to be judged."""
    return [clip for clip in clips if clip.corpus in CALM_CORPORA and clip.emotion == "neutral" and clip.seconds >= 1.0]


def _leg(calm: tuple[Take, ...], test: tuple[Take, ...], clip: Clip, emotion: str, label: float, rng: Rng) -> LegPlan:
    tags = {
        "emotion": emotion,
        "corpus": clip.corpus,
        "start": "calm" if calm else "cold",
        "gender": clip.gender,
    }
    line = random_line(rng)
    tags |= {"codec": line.codec, "snr": f"{10 * int(line.snr_db // 10)}", "gain": f"{6 * int(line.gain_db // 6)}"}
    return LegPlan(calm, test, line, label, 1.0, clip.speaker, tags)


def _start(others: Sequence[Clip], rng: Rng, cold_share: float = COLD_SHARE) -> list[Clip]:
    if not others or rng.random() < cold_share:
        return []
    count = int(rng.integers(1, MOST_CALM_CLIPS + 1))
    return [others[at] for at in rng.permutation(len(others))[:count]]


def _offset(emotion: str, rng: Rng) -> float:
    return float(rng.normal(*LEVEL_DB.get(emotion, (0.0, 2.5))))


def _by_speaker(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    out: dict[str, list[Clip]] = {}
    for clip in clips:
        out.setdefault(clip.speaker, []).append(clip)
    return out
