"""Turn hops into functionals: VAD, features, windows and baselines of many legs, in cache-sized blocks of frames.

Training and the live pipeline both use this class, so each feature is computed in one way only.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.baseline import Baselines
from callguard.audio.features import MELS, WINDOW_SAMPLES, FloatArray, frame_features, spectra
from callguard.audio.frames import FRAME_SAMPLES, Hop, Rows
from callguard.audio.vad import BoolArray, Heard, Vad
from callguard.audio.window import BLOCK_HOPS, SUMS, Windows, frame_sums, functionals, seconds

BLOCK: Final = 96
"""Frames whose spectra are computed at once: 64-128 fit the second-level cache; at 1,000 each costs twice as much."""
_KEEP: Final = WINDOW_SAMPLES - FRAME_SAMPLES


class Judgeable(NamedTuple):
    """Legs whose block of half a second has just ended.

    Attributes:
        rows: shape (n,).
        window: FUNCTIONALS of the last two seconds' speech, shape (n, len(FUNCTIONALS)).
        speech_s: seconds of speech in that window, shape (n,).
        baseline: FUNCTIONALS of the leg's calm speech so far, same shape as `window`.
        baseline_s: seconds of speech in the baseline, shape (n,).
        carried_s: those of them that an earlier tap of the leg heard, shape (n,).
    """

    rows: Rows
    window: FloatArray
    speech_s: FloatArray
    baseline: FloatArray
    baseline_s: FloatArray
    carried_s: FloatArray


class Listener:
    """Holds the acoustic state of each leg.

    Attributes:
        vad, windows, baselines: the state of each stage.
    """

    def __init__(self, capacity: int) -> None:
        self.vad = Vad(capacity)
        self.windows = Windows(capacity)
        self.baselines = Baselines(capacity)
        self._tail: NDArray[np.int16] = np.zeros((capacity, _KEEP), np.int16)
        self._shape: FloatArray = np.full((capacity, MELS), np.nan, np.float32)
        self._hops: NDArray[np.int64] = np.zeros(capacity, np.int64)

    def open(self, row: int) -> None:
        """Forget a row's last leg."""
        self.vad.open(row)
        self.windows.clear(row)
        self.baselines.clear(row)
        self._tail[row] = 0
        self._shape[row] = np.nan
        self._hops[row] = 0

    def hear(self, hop: Hop) -> None:
        """Detect the speech of a hop and learn from all of it."""
        self.extract(hop, self.detect(hop).speech)

    def detect(self, hop: Hop) -> Heard:
        """Return a hop's speech mask and the levels of its frames."""
        return self.vad.step(hop)

    def extract(self, hop: Hop, speech: BoolArray) -> None:
        """Add the features of a hop's speech to its legs' windows.

        Args:
            hop: frames of any legs.
            speech: mask of frames to learn from, shape (n, HOP_FRAMES); others (silence, hold, tones) are skipped.
        """
        joined = np.concatenate([self._tail[hop.rows], hop.pcm.reshape(len(hop.rows), -1)], axis=1)
        self._tail[hop.rows] = joined[:, -_KEEP:]
        leg, frame = np.nonzero(speech)
        owners = hop.rows[leg]
        if len(leg):
            windows = np.lib.stride_tricks.sliding_window_view(joined, WINDOW_SAMPLES, axis=1)[:, ::FRAME_SAMPLES]
            self.windows.add(owners, self._sums(windows, leg, frame, owners))
        self._shape[hop.rows[~speech[:, -1]]] = np.nan
        self._hops[hop.rows] += 1

    def judgeable(self, rows: Rows) -> Judgeable:
        """Close the blocks that end now among the rows just heard, learn from them and return their functionals."""
        rows = rows[self._hops[rows] % BLOCK_HOPS == 0]
        block, sums = self.windows.close_blocks(rows)
        window, before, carried = functionals(sums), self.baselines.sums[rows], self.baselines.carried_s[rows]
        self.baselines.learn(rows, block, window)
        return Judgeable(rows, window, seconds(sums), functionals(before), seconds(before), carried)

    def _sums(
        self, windows: NDArray[np.int16], leg: NDArray[np.intp], frame: NDArray[np.intp], owners: Rows
    ) -> FloatArray:
        """Return each speech frame's sums; each frame's level-free spectrum is kept for the next frame."""
        out = np.empty((len(leg), SUMS), np.float32)
        follows = np.r_[False, (leg[1:] == leg[:-1]) & (frame[1:] == frame[:-1] + 1)]
        carried = np.full((1, MELS), np.nan, np.float32)
        for start in range(0, len(leg), BLOCK):
            part = slice(start, min(start + BLOCK, len(leg)))
            power = spectra(windows[leg[part], frame[part]])
            before = np.where((frame[part] == 0)[:, None], self._shape[owners[part]], np.nan)
            features, bands, shape = frame_features(power, before, follows[part], carried)
            carried = shape[-1:]
            out[part] = frame_sums(features, bands)
            self._shape[owners[part]] = shape
        return out
