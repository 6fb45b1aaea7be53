"""Choose the set points of the shipped rules by validation calls whose speakers were not trained on."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.progress import track

from callguard.analysis.calls import LOUD_KINDS, THRESHOLDS, ScoredCall, operating_point, scored
from callguard.analysis.episodes import total
from callguard.analysis.recordings import LEGS
from callguard.analysis.replay import BATCH, Replay, batches, replay_all
from callguard.models import encoder
from callguard.models.card import sha256
from callguard.models.emotion import EmotionModel
from callguard.models.gate import GateModel
from callguard.models.second_ear import SecondEar
from callguard.rules import RuleSet
from callguard.worker.pipeline import Models
from training.calls import KINDS, Call, Cast, make_call
from training.data import Clip
from training.ear import Ear
from training.lessons import console, fold_of
from training.voice import Voice

CALLS_A_FOLD: Final = 2 * len(KINDS)
WATCHFUL_PER_HOUR: Final = 6.0
QUIET_PER_HOUR: Final = 1.0
RULE_HOLD_S: Final = 1.0
"""The `for` of the shipped rule on a raised voice, for which thresholds are chosen."""


def set_points(
    clips: Sequence[Clip], folds: Sequence[Voice], gate: Path, seed: int, ears: Sequence[Ear] | None = None
) -> dict[str, Any]:
    """Return thresholds and figures of both settings; the licences of `clips` must permit their use for thresholds."""
    return points(score_folds(clips, folds, gate, seed, ears))


def score_folds(
    clips: Sequence[Clip], folds: Sequence[Voice], gate: Path, seed: int, ears: Sequence[Ear] | None = None
) -> list[ScoredCall]:
    """Return validation calls of each fold's speakers, scored by the models that were not trained on them.

    Args:
        clips: of all folds.
        folds: first ear of each fold.
        gate: the gate's file.
        seed: seed of the calls.
        ears: second ear of each fold; None: the first ear judges alone.
    """
    out: list[ScoredCall] = []
    with tempfile.TemporaryDirectory() as folder:
        for fold, voice in enumerate(track(folds, "validation calls", console=console)):
            models = _models(voice, ears[fold] if ears else None, Path(folder) / f"voice{fold}.onnx", gate)
            cast = Cast([clip for clip in clips if fold_of(clip.speaker) == fold])
            for part in batches([at for at in range(CALLS_A_FOLD) if cast.can(KINDS[at % len(KINDS)])]):
                calls = [
                    make_call(cast, KINDS[at % len(KINDS)], f"fold{fold}_{at}", _seed(seed, fold, at)) for at in part
                ]
                results = replay_all([call.pcm for call in calls], models, RuleSet(()))
                out += [_scored(call, result) for call, result in zip(calls, results, strict=True)]
    return out


def _seed(seed: int, fold: int, at: int) -> int:
    return seed * 7919 + fold * 1009 + at


def _scored(call: Call, result: Replay) -> ScoredCall:
    kind, codec = call.truth["kind"], call.details["customer"]["codec"]
    return scored(call.truth, {"kind": kind, "codec": codec}, result)


def _models(voice: Voice, ear: Ear | None, path: Path, gate: Path) -> Models:
    voice.export(path, {})
    legs = BATCH * len(LEGS)
    models = Models(EmotionModel(legs, path), GateModel(legs, gate))
    if ear is None:
        return models
    decision = path.with_name(f"ear-{path.name}")
    ear.export(decision, sha256(encoder.SHIPPED), sha256(path), {})
    return replace(models, ear=SecondEar(legs, path=decision, first_path=path))


def points(calls: Sequence[ScoredCall]) -> dict[str, Any]:
    """Return the two settings: `watchful` at WATCHFUL_PER_HOUR, `quiet_floor` at QUIET_PER_HOUR without loud joy.

    `at_6_per_hour` and `at_1_per_hour_without_loud_joy` are figures of the faster rule of `callguard evaluate`.
    """
    plain = [call for call in calls if call.kind not in LOUD_KINDS]
    watchful = operating_point(calls, WATCHFUL_PER_HOUR, RULE_HOLD_S)
    quiet = operating_point(plain, QUIET_PER_HOUR, RULE_HOLD_S)
    kinds = sorted({call.kind for call in calls})
    threshold = watchful["threshold"] if watchful else THRESHOLDS[-1]
    return {
        "calls": len(calls),
        "watchful": watchful,
        "quiet_floor": quiet,
        "at_6_per_hour": operating_point(calls, WATCHFUL_PER_HOUR),
        "at_1_per_hour_without_loud_joy": operating_point(plain, QUIET_PER_HOUR),
        "by_kind_at_watchful": {
            kind: total([call.verdict_at(threshold, RULE_HOLD_S) for call in calls if call.kind == kind])
            for kind in kinds
        },
    }
