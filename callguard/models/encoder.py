"""Hear windows of customers' legs by the first block of a speech encoder: its tokens' mean and spread over speech.

The graph is that of `training.encoder`: Whisper tiny.en's first transformer block with integer weights. It takes one
window at a time, so that no window changes another's result.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.logmel import MEL_BANDS, MEL_FRAMES, TOKENS, log_mel
from callguard.models.card import Card, ModelError, load_card
from callguard.models.session import open_session

SHIPPED: Final = Path(__file__).parent / "encoder.onnx"
VOICE: Final = 768
"""Length of the vector that describes a window's voice."""
_INPUTS: Final = {"mel": (1, MEL_BANDS, MEL_FRAMES), "speech": (1, TOKENS)}
_OUTPUTS: Final = {"voice": (1, VOICE)}


class Encoder:
    """The encoder's session.

    Raises:
        ModelError: the file or its card is unusable, or of another shape.
    """

    def __init__(self, path: Path = SHIPPED, threads: int = 1) -> None:
        self.card: Card = load_card(path, "encoder", ())
        if self.card.inputs != _INPUTS or self.card.outputs != _OUTPUTS:
            raise ModelError(f"{path}: takes {self.card.inputs}, gives {self.card.outputs}: not this version's encoder")
        self._session = open_session(path, self.card, threads)

    def voice(self, pcm: NDArray[np.int16], speech: NDArray[np.bool_]) -> FloatArray:
        """Return the vector of one window's voice, shape (VOICE,).

        Args:
            pcm: two seconds at 8 kHz, shape (logmel.CLIP_SAMPLES,).
            speech: mask of frames, shape (TOKENS,).
        """
        feed = {"mel": log_mel(pcm[None], speech[None]), "speech": speech[None].astype(np.float32)}
        (voice,) = self._session.run(["voice"], feed)
        result: FloatArray = voice[0]
        return result
