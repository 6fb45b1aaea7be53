"""Play hours of sound without a raised voice through the live pipeline and the shipped rules: no alert may fire.

First come sounds without a voice, then calm speech on a line that changes its gain. Rules of severity `info` are left
out, since silence is dead air.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.replay import load_models
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE
from callguard.contracts.messages import CallFacts
from callguard.rules import RuleEngine, RuleSet
from callguard.signals.table import SignalTable
from callguard.worker.pipeline import Pipeline
from training.channel import random_line, transmit
from training.data import Clip, Samples, read
from training.plans import CALM
from training.sounds import MAKERS

LEG_S: Final = 300.0
MADE: Final = ("music", "tone", "dtmf", "fax", "noise")
Rng = np.random.Generator


def sound_of(kind: str, clips: Sequence[Clip], rng: Rng) -> Samples:
    """Return LEG_S of one kind: synthetic, or recorded music and noise in turn, with gain jumps of up to 20 dB."""
    parts: list[Samples] = []
    left = int(LEG_S * SAMPLE_RATE)
    while left > 0:
        part = _part(kind, clips, rng)[:left]
        parts.append(part * np.float32(0.08 * 10 ** (rng.uniform(-20, 20) / 20) / max(float(part.std()), 1e-4)))
        left -= len(part)
    return np.concatenate(parts)


def _part(kind: str, clips: Sequence[Clip], rng: Rng) -> Samples:
    if kind == "silence":
        return np.zeros(int(rng.uniform(5, 20) * SAMPLE_RATE), np.float32)
    if kind == "recorded":
        return read(clips[int(rng.integers(len(clips)))].path)
    return MAKERS[kind](float(rng.uniform(5, 20)), rng)


def run(clips: Sequence[Clip], rules: RuleSet, hours: float, seed: int) -> dict[str, Any]:
    """Play `hours` of sound on customers' legs in mode emotion; return the alerts."""
    rng = np.random.default_rng(seed)
    recorded = [clip for clip in clips if clip.kind in ("music", "noise") or clip.corpus == "household_noise"]
    kinds = [*MADE, "silence", *(["recorded"] * 2 if recorded else [])]
    legs = round(hours * 3600 / LEG_S)
    names = [kinds[leg % len(kinds)] for leg in range(legs)]
    lines = [random_line(rng) for _ in range(legs)]
    sounds = [transmit(sound_of(kind, recorded, rng), line, 0.08) for kind, line in zip(names, lines, strict=True)]
    fired = _play(np.stack(sounds), rules)
    return {
        "hours": legs * LEG_S / 3600,
        "kinds": sorted(set(names)),
        "alerts": len(fired),
        "which": [f"{rule} on {names[leg]} at {at:.0f} s" for leg, rule, at in fired],
    }


def run_calm(clips: Sequence[Clip], rules: RuleSet, hours: float, seed: int, *, jumps: bool = True) -> dict[str, Any]:
    """Play calm speakers, one on each leg; return the alerts.

    Args:
        clips: of the speakers.
        rules: rules to evaluate.
        hours: of all legs together.
        seed: seed of turns and lines.
        jumps: whether lines are simulated and change their gain by up to 20 dB either way; else clips are played as
            they are.
    """
    rng = np.random.default_rng(seed)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.emotion in CALM:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    speakers = sorted(by_speaker)
    names = [speakers[leg % len(speakers)] for leg in range(round(hours * 3600 / LEG_S))]
    sounds = [_line(_talk(by_speaker[name], rng), rng, jumps=jumps) for name in names]
    fired = _play(np.stack(sounds), rules)
    return {
        "hours": len(names) * LEG_S / 3600,
        "alerts": len(fired),
        "which": [f"{rule} on {names[leg]} at {at:.0f} s" for leg, rule, at in fired],
    }


def _line(sound: Samples, rng: Rng, *, jumps: bool) -> NDArray[np.int16]:
    if jumps:
        return _jumping(transmit(sound, random_line(rng)), rng)
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def _talk(clips: Sequence[Clip], rng: Rng) -> Samples:
    """Return LEG_S of a speaker's clips in turns, with pauses between."""
    parts: list[Samples] = []
    left = int(LEG_S * SAMPLE_RATE)
    while left > 0:
        pause = np.zeros(int(rng.choice([rng.uniform(0.2, 0.8), rng.uniform(3, 9)]) * SAMPLE_RATE), np.float32)
        part = np.concatenate([read(clips[int(rng.integers(len(clips)))].path), pause])[:left]
        parts.append(part)
        left -= len(part)
    return np.concatenate(parts)


def _jumping(pcm: NDArray[np.int16], rng: Rng) -> NDArray[np.int16]:
    """Change the gain of a whole line, including its noise, every 20 to 60 s."""
    out, at = pcm.astype(np.float32), 0
    while at < len(out):
        end = at + int(rng.uniform(20, 60) * SAMPLE_RATE)
        out[at:end] *= 10 ** (rng.uniform(-20, 20) / 20)
        at = end
    return np.clip(np.round(out), -32768, 32767).astype(np.int16)


def _play(pcm: NDArray[np.int16], rules: RuleSet) -> list[tuple[int, str, float]]:
    legs, size = len(pcm), FRAME_SAMPLES * HOP_FRAMES
    table = SignalTable(legs, legs)
    pipeline = Pipeline(LegBank(legs), table, RuleEngine(rules, table), load_models(legs))
    for leg in range(legs):
        pipeline.open_call(leg, CallFacts(str(leg), mode="emotion"))
        pipeline.open_leg(pipeline.bank.open(), leg, "customer")
    fired: list[tuple[int, str, float]] = []
    each = np.repeat(np.arange(legs), HOP_FRAMES)
    for hop in range(pcm.shape[1] // size):
        pipeline.bank.push(each, pcm[:, hop * size : (hop + 1) * size].reshape(-1, FRAME_SAMPLES))
        fired += [
            (int(change.call), change.rule, change.at)
            for change in pipeline.tick((hop + 1) * HOP_S)
            if change.kind == "fired" and change.severity != "info"
        ]
    return fired
