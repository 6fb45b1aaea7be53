"""Train the gate, which separates speech from music, noise, tones and voices without words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from callguard.audio.features import FloatArray
from callguard.audio.window import FUNCTIONALS
from callguard.models.gate import CLASSES
from training.channel import random_line
from training.data import Clip, read, require_shippable
from training.export import Graph, Layer, write_card
from training.legs import Heard, LegPlan, Take
from training.lessons import Lesson
from training.sounds import MAKERS, laughter_of

SPEECH: Final = CLASSES.index("speech")
_MADE: Final = {
    "tone": "tone",
    "dtmf": "tone",
    "fax": "tone",
    "noise": "noise",
    "music": "music",
    "laughter": "laughter",
    "crying": "laughter",
}
_RECORDED: Final = {
    "music": "music",
    "noise": "noise",
    "rain": "noise",
    "sea_waves": "noise",
    "helicopter": "noise",
    "chainsaw": "noise",
    "fire_crackling": "noise",
    "clock_tick": "noise",
    "dog_bark": "laughter",
    "rooster": "laughter",
    "baby_cry": "laughter",
    "baby_crying": "laughter",
    "person_sneeze": "laughter",
}
_LEVELS: Final = ("level_mean", "level_all_mean", "loudness")
_LEVELLED: Final = tuple(index for index, name in enumerate(FUNCTIONALS) if name in _LEVELS)
SOUNDS: Final = "sounds"
"""Corpus in the tags of these legs."""
NO_WORDS: Final = "no words"
"""Emotion in the tags of legs without a voice."""
LAUGHING: Final = "laughing"
"""Emotion in the tags of legs with voices without words: laughing, crying, coughing, sneezing, barking."""
HIDDEN: Final = 24
ROUNDS: Final = 40


def kind_of(clip: Clip) -> str | None:
    """Return the gate's class of a recording; None where its labels tell no class."""
    if clip.emotion in _RECORDED:
        return _RECORDED[clip.emotion]
    if clip.corpus in ("esc10", "household_noise", "donateacry") or clip.kind == "nonverbal":
        return "laughter"
    return "speech" if clip.emotion else None


def plans(clips: Sequence[Clip], rng: np.random.Generator, made: int) -> list[LegPlan]:
    """Return legs with one kind of sound each: `made` legs of every synthetic kind, some of every recording."""
    require_shippable(clips)
    out = [
        _plan(Take(_stand_in(name), 0.0, MAKERS[name](float(rng.uniform(4, 8)), rng)), kind, f"made{at % 5}", rng)
        for name, kind in _MADE.items()
        for at in range(made)
    ]
    speakers = [clip for clip in clips if kind_of(clip) == "speech" and clip.seconds >= 1.0]
    for _ in range(2 * made):
        clip = speakers[int(rng.integers(len(speakers)))]
        sound = laughter_of(read(clip.path), float(rng.uniform(4, 8)), rng)
        out.append(_plan(Take(_stand_in("laughter"), 0.0, sound), "laughter", clip.speaker, rng))
    for clip in clips:
        kind = kind_of(clip)
        if kind is not None:
            again = {"speech": 1, "music": 40, "noise": 20}.get(kind, 3)
            out += [_plan(Take(clip, 0.0), kind, clip.speaker, rng) for _ in range(again)]
    return out


def _plan(take: Take, kind: str, group: str, rng: np.random.Generator) -> LegPlan:
    emotion = {"speech": "neutral", "laughter": LAUGHING}.get(kind, NO_WORDS)
    tags = {"kind": kind, "emotion": emotion, "corpus": SOUNDS, "start": "cold"}
    return LegPlan((), (take,), random_line(rng), 0.0, group=group, tags=tags)


def _stand_in(name: str) -> Clip:
    return Clip(Path(name), "made", name, name, "", "", "", "CC0-1.0", 0.0, "train")


class Gate:
    """A small network over level-free functionals."""

    def __init__(self, heard: Heard, labels: NDArray[np.intp], seed: int) -> None:
        self.mean = heard.window.mean(axis=0)
        self.scale = np.maximum(heard.window.std(axis=0), 1e-3)
        self.mean[list(_LEVELLED)] = 0.0
        self.scale[list(_LEVELLED)] = 1e6  # the line's gain must not tell speech from music
        chosen = _balanced(labels, np.random.default_rng(seed))
        self.net = MLPClassifier((HIDDEN,), alpha=1e-2, tol=0.0, random_state=seed)
        for _ in range(ROUNDS):
            self.net.partial_fit(self._scaled(heard.window[chosen]), labels[chosen], classes=np.arange(len(CLASSES)))

    def _scaled(self, window: FloatArray) -> FloatArray:
        result: FloatArray = np.clip((window - self.mean) / self.scale, -5, 5).astype(np.float32)
        return result

    def logits(self, window: FloatArray) -> NDArray[np.float64]:
        """Return the log-probabilities of CLASSES, shape (n, len(CLASSES))."""
        result: NDArray[np.float64] = np.log(np.maximum(self.net.predict_proba(self._scaled(window)), 1e-9))
        return result

    def export(self, path: Path, facts: dict[str, Any]) -> None:
        """Write the ONNX file and its card."""
        graph = Graph()
        scaled = graph.add("Sub", "window", graph.constant(self.mean))
        scaled = graph.add("Mul", scaled, graph.constant(1.0 / self.scale))
        scaled = graph.add("Clip", scaled, graph.constant(-5.0), graph.constant(5.0))
        layers = [Layer(w, b) for w, b in zip(self.net.coefs_, self.net.intercepts_, strict=True)]
        graph.add("LogSoftmax", graph.dense(scaled, layers), output="logits", axis=1)
        inputs: dict[str, int] = {"window": len(FUNCTIONALS)}
        outputs: dict[str, int | None] = {"logits": len(CLASSES)}
        graph.save(path, inputs, outputs)
        write_card(path, "gate", inputs, outputs, {"classes": list(CLASSES), **facts})


def _balanced(labels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return row indices with at most three times (speech: six times) as many rows of a class as of the rarest."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    most = 3 * int(counts[counts > 0].min())
    parts = [
        rng.permutation(np.flatnonzero(labels == kind))[: most * (2 if kind == SPEECH else 1)]
        for kind in range(len(CLASSES))
    ]
    return np.sort(np.concatenate(parts))


def without_words(given: Lesson) -> Heard:
    """Return all windows without speech."""
    return _take(given.heard, given.emotion != "neutral")


def train(given: Lesson, seed: int) -> tuple[Gate, dict[str, Any]]:
    """Train on three quarters of the speakers, evaluate on the others, then train on all."""
    heard = given.heard
    labels = np.array([CLASSES.index(plan.tags["kind"]) for plan in given.plans], dtype=np.intp)[heard.leg]
    held = np.array([hash_group(plan.group) % 4 == 0 for plan in given.plans])[heard.leg]
    trial = Gate(_take(heard, ~held), labels[~held], seed)
    said = trial.logits(heard.window[held]).argmax(axis=1)
    table = {
        kind: {other: round(float(np.mean(said[labels[held] == at] == to)), 3) for to, other in enumerate(CLASSES)}
        for at, kind in enumerate(CLASSES)
    }
    return Gate(heard, labels, seed), {"held_out_windows": table}


def hash_group(name: str) -> int:
    """Return a number for a group that is the same in every run."""
    return int.from_bytes(name.encode()[-4:], "big")


def _take(heard: Heard, mask: NDArray[np.bool_]) -> Heard:
    return Heard(heard.leg[mask], *(column[mask] for column in heard[1:]))
