"""Make the training data of a model: windows of legs, each with emotion, weight and fold. Features are cached."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import callguard.audio
from callguard.models.encoder import Encoder
from training.classifier import Floats, Names
from training.legs import BATCH, Heard, LegPlan, hear
from training.plans import CALM

CACHE: Final = Path(".cache/training")
FOLDS: Final = 5
SHARES: Final = {"neutral": 4.0, "happy": 2.0, "effort": 0.2, "lively": 0.3}
"""Share of each class in the training data, 1 for others: most speech is calm, joy is mistaken for anger, and simulated
effort is not real."""
MAKING: Final = ("channel.py", "data.py", "effort.py", "legs.py", "plans.py", "sounds.py", "spoken.py")
"""Modules of this package on which the features depend."""
console = Console(stderr=True)


@dataclass(frozen=True)
class Lesson:
    """Windows of legs.

    Attributes:
        emotion: class of each window, shape (n,).
        y: 1 where the voice is raised, shape (n,).
        weight: weight in training, shape (n,); a class has its share whatever its number of windows.
        fold: fold of each window's speaker, shape (n,).
    """

    plans: Sequence[LegPlan]
    heard: Heard
    emotion: Names
    y: Floats
    weight: Floats
    fold: NDArray[np.intp]

    @property
    def calm(self) -> NDArray[np.bool_]:
        """Return a mask of the windows of calm speech, in calm tests and calm starts."""
        starts = np.array([bool(plan.calm) for plan in self.plans])[self.heard.leg]
        return np.asarray(np.where(self.heard.counts, self.emotion == "neutral", starts & (self.heard.at_s < 0)))


def lesson(plans: Sequence[LegPlan], heard: Heard, shares: dict[str, float] = SHARES) -> Lesson:
    """Return windows with their emotions, weights and folds."""
    said = ["neutral" if plan.tags["emotion"] in CALM else plan.tags["emotion"] for plan in plans]
    emotion = np.array(said)[heard.leg]
    y = np.array([plan.label for plan in plans])[heard.leg]
    fold = np.array([fold_of(plan.group) for plan in plans])[heard.leg]
    return Lesson(plans, heard, emotion, y, class_weights(emotion, heard.counts, shares), fold)


def class_weights(emotion: Names, counts: NDArray[np.bool_], shares: dict[str, float]) -> Floats:
    """Return weights that give each class its share among the scored windows, 1 on average, shape (n,)."""
    names, at = np.unique(emotion, return_inverse=True)
    share = np.array([shares.get(str(name), 1.0) for name in names])
    windows = np.maximum(np.bincount(at, counts, minlength=len(names)), 1)
    result: Floats = (share / windows)[at] * counts.sum() / share.sum()
    return result


def fold_of(speaker: str) -> int:
    """Return the fold of a speaker, the same in every run."""
    return int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:4], "big") % FOLDS


def part(given: Lesson, keep: NDArray[np.bool_]) -> Lesson:
    """Return the lesson of the plans in the mask `keep`, shape (plans,)."""
    rows = keep[given.heard.leg]
    place = np.cumsum(keep) - 1
    heard = Heard(place[given.heard.leg[rows]], *(column[rows] for column in given.heard[1:]))
    plans = [plan for plan, kept in zip(given.plans, keep, strict=True) if kept]
    return Lesson(plans, heard, given.emotion[rows], given.y[rows], given.weight[rows], given.fold[rows])


def heard_of(plans: Sequence[LegPlan], name: str, encoder: Encoder | None = None) -> Heard:
    """Run plans through the listener, and the encoder if given, with progress; take a known result from the cache."""
    asked = f"-{encoder.card.sha256[:8]}" if encoder else ""
    path = CACHE / f"{name}{asked}-{_fingerprint(plans)}.npz"
    if path.exists():
        with np.load(path) as file:
            return Heard(*(file[column] for column in Heard._fields))
    found = hear(plans, progress(f"hear {name}", len(plans)), encoder)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **found._asdict())
    return found


def progress(title: str, legs: int) -> Callable[[Iterable[int]], Iterable[int]]:
    """Return a function that shows a progress bar over batches of legs."""
    from rich.progress import track

    return lambda batches: track(batches, title, total=-(-legs // BATCH), console=console)


def _fingerprint(plans: Sequence[LegPlan]) -> str:
    """Return a hash of the plans and of all code that turns them into features."""
    found = hashlib.sha256()
    folders = (Path(next(iter(callguard.audio.__path__))), Path(__file__).parent)
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        if path.parent.name == "audio" or path.name in MAKING:
            found.update(path.read_bytes())
    for plan in plans:
        found.update(
            repr((plan.line, plan.label, plan.group, plan.speed, [take.clip.path.name for take in plan.test])).encode()
        )
    return found.hexdigest()[:16]
