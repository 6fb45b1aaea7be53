"""Score a folder of labelled clips (`metadata.csv`): each clip follows a calm start of its speaker, as on a call."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.metrics import summary
from callguard.analysis.recordings import RecordingError, read_recording
from callguard.analysis.replay import Replay, batches, replay_all
from callguard.audio.frames import HOP_S, SAMPLE_RATE
from callguard.rules import RuleSet
from callguard.worker.pipeline import Models

CALM: Final = ("neutral", "calm")
START_CLIPS: Final = 3
"""Number of calm clips in a speaker's start; they are not scored."""
PAUSE_S: Final = 0.4
LEAD_S: Final = 0.4
"""Seconds from a clip's beginning in which a window still holds speech of the speaker's start."""
CONDITIONS: Final = ("emotion", "gender", "intensity", "speaker", "language", "codec", "corpus")
Progress = Callable[[Sequence[Any]], Iterator[Any]]


@dataclass(frozen=True)
class ScoredClip:
    """One clip and its scores, which are None where the clip could not be judged."""

    row: dict[str, str]
    raised: float | None
    anger: float | None

    @property
    def angry(self) -> bool:
        """Whether the label says angry."""
        return self.row.get("emotion") == "angry"


def read_metadata(directory: Path) -> list[dict[str, str]]:
    """Return the rows of `metadata.csv`; raise RecordingError where it is unusable."""
    path = directory / "metadata.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordingError(f"{path}: can't be read: {error}") from error
    if not rows or not {"file", "emotion"} <= set(rows[0]):
        raise RecordingError(f"{path}: expected columns file and emotion, and one row a clip")
    return rows


def score_clips(directory: Path, models: Models, progress: Progress = iter) -> list[ScoredClip]:
    """Score every clip that is not part of a speaker's start."""
    rows = read_metadata(directory)
    starts = _starts(rows)
    used = {row["file"] for start in starts.values() for row in start}
    sounds = {name: [_mono(directory / row["file"]) for row in start] for name, start in starts.items()}
    wanted = [row for row in rows if row["file"] not in used]
    out: list[ScoredClip] = []
    for part in progress(batches(wanted)):
        played = [_after(sounds.get(_speaker(row), []), _mono(directory / row["file"])) for row in part]
        results = replay_all([pcm for pcm, _ in played], models, RuleSet(()), "emotion")
        out += [
            ScoredClip(row, _mean(result, first, "raised_voice"), _mean(result, first, "anger"))
            for row, (_, first), result in zip(part, played, results, strict=True)
        ]
    return out


def _starts(rows: Sequence[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """Return each speaker's calm start: up to START_CLIPS clips, never all of the speaker's calm clips."""
    calm: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if row["emotion"] in CALM:
            calm.setdefault(_speaker(row), []).append(row)
    return {speaker: said[: min(START_CLIPS, len(said) - 1)] for speaker, said in calm.items()}


def _speaker(row: dict[str, str]) -> str:
    return row.get("speaker") or row["file"]


def _mono(path: Path) -> NDArray[np.int16]:
    result: NDArray[np.int16] = read_recording(path)[0]
    return result


def _after(start: list[NDArray[np.int16]], clip: NDArray[np.int16]) -> tuple[NDArray[np.int16], int]:
    """Return a clip after its speaker's start, shape (1, samples), and the hop at which it begins to count."""
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE), np.int16)
    before = [piece for sound in start for piece in (sound, pause)]
    first = int((PAUSE_S + sum(map(len, before)) / SAMPLE_RATE + LEAD_S) / HOP_S)
    return np.concatenate([pause, *before, clip, pause])[None], first


def _mean(result: Replay, first: int, name: str) -> float | None:
    values = result.column(0, name)[first:]
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def summarise(clips: Sequence[ScoredClip]) -> dict[str, Any]:
    """Return figures of both outputs: against all other clips, calm ones, and per condition; unjudged score lowest."""
    out: dict[str, Any] = {
        "clips": len(clips),
        "unjudged": sum(clip.raised is None for clip in clips),
        "protocol": f"each clip after up to {START_CLIPS} calm clips of its speaker; mean over its windows",
    }
    for name in ("raised", "anger"):
        out[name] = {
            "angry_against_all": _figures(clips, name),
            "angry_against_calm": _figures([c for c in clips if c.angry or c.row["emotion"] in CALM], name),
            "conditions": _conditions(clips, name),
        }
    return out


def labelled(clips: Sequence[ScoredClip], name: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels and scores, shape (n,) each."""
    scores = [getattr(clip, name) for clip in clips]
    return np.array([clip.angry for clip in clips]), np.array([0.0 if s is None else s for s in scores])


def _figures(clips: Sequence[ScoredClip], name: str) -> dict[str, float] | None:
    labels, scores = labelled(clips, name)
    if len(labels) == 0 or not labels.any() or labels.all():
        return None
    return summary(labels, scores)


def _conditions(clips: Sequence[ScoredClip], name: str) -> dict[str, dict[str, Any]]:
    """Return the AUC within each value of each condition; for emotions, the AUC of angry against that emotion."""
    out: dict[str, dict[str, Any]] = {}
    for condition in CONDITIONS:
        values = sorted({clip.row.get(condition, "") for clip in clips} - {""})
        found = {value: _figures(_chosen(clips, condition, value), name) for value in values}
        known = {value: figures["auc"] for value, figures in found.items() if figures}
        if known:
            out[condition] = known
    return out


def _chosen(clips: Sequence[ScoredClip], condition: str, value: str) -> list[ScoredClip]:
    if condition == "emotion":
        return [clip for clip in clips if clip.angry or clip.row["emotion"] == value]
    return [clip for clip in clips if clip.row.get(condition) == value]
