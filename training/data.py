"""Read the speech data and enforce its licences.

Only clips whose licence permits it may shape shipped weights, thresholds or calibration; `require_shippable`
enforces it.
"""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from callguard.audio.frames import SAMPLE_RATE

Samples = NDArray[np.float32]

PERMITTED: Final = re.compile(r"^(CC0|CC[ -]BY|ODbL|public[- ]domain)\b", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r"\bN[CD]\b", re.IGNORECASE)
CORPORA: Final = (
    "emodb",
    "wuw_phone",
    "librispeech",
    "single_voices",
    "esc10",
    "household_noise",
    "donateacry",
    "negatives",
    "ravdess",
    "ased",
)


class LicenceError(Exception):
    """A clip was offered for shipped files that may not shape them."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    gender: str
    intensity: str
    kind: str
    licence: str
    seconds: float
    split: str

    @property
    def shippable(self) -> bool:
        """Return whether the clip may shape shipped weights, thresholds or calibration."""
        return permits_shipping(self.licence)


def permits_shipping(licence: str) -> bool:
    """Return whether a licence is CC0, CC BY, CC BY-SA, ODbL or public domain, without NC or ND."""
    return bool(PERMITTED.match(licence.strip())) and not _FORBIDDEN.search(licence)


def require_shippable(clips: Iterable[Clip]) -> None:
    """Raise LicenceError, which names the first clip that may not shape shipped files."""
    for clip in clips:
        if not clip.shippable:
            raise LicenceError(f"{clip.path.name} ({clip.corpus}) is under {clip.licence!r}: not for shipped weights")


def data_root(given: Path | None = None) -> Path:
    """Return the folder of the speech data: the given one, else CALLGUARD_DATA, else ../shared/data."""
    if given:
        return given
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("CALLGUARD_DATA", default))


def load_corpora(root: Path, names: Sequence[str] = CORPORA) -> list[Clip]:
    """Read the metadata of corpora; raise FileNotFoundError where there are none."""
    clips = [clip for name in names if (root / name / "metadata.csv").exists() for clip in _load(root, name)]
    if not clips:
        raise FileNotFoundError(f"no speech data under {root}: set CALLGUARD_DATA")
    return clips


def _load(root: Path, name: str) -> list[Clip]:
    with (root / name / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return [_clip(root / name, name, row) for row in csv.DictReader(file)]


def _clip(folder: Path, corpus: str, row: dict[str, Any]) -> Clip:
    return Clip(
        path=folder / row["file"],
        corpus=corpus,
        speaker=row.get("speaker") or row["file"],
        emotion=row.get("emotion") or "",
        gender=row.get("gender") or "",
        intensity=row.get("intensity") or "",
        kind=row.get("kind") or "",
        licence=row.get("licence") or "",
        seconds=float(row.get("seconds") or 0.0),
        split=row.get("split") or "",
    )


@lru_cache(maxsize=4096)
def read(path: Path) -> Samples:
    """Return a clip's samples, mono, 8 kHz, full scale 1.0."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path}: {rate} Hz, expected {SAMPLE_RATE}")
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    return mono
