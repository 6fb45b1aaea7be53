import struct

import numpy as np
import pytest

from training import whisper
from training.whisper import WIDTH, WeightsError, read_weights

RNG = np.random.default_rng(5)


def some_weights(depth=1):
    """Weights of Whisper tiny's shapes, drawn."""

    def draw(*shape):
        return (RNG.normal(size=shape) * 0.05).astype(np.float32)

    out = {
        "conv1/weight": draw(WIDTH, 80, 3), "conv1/bias": draw(WIDTH),
        "conv2/weight": draw(WIDTH, WIDTH, 3), "conv2/bias": draw(WIDTH),
        "position_encodings/encodings": draw(1500, WIDTH),
    }  # fmt: skip
    for at in range(depth):
        layer = f"layer_{at}"
        for norm in ("self_attention/layer_norm", "ffn/layer_norm"):
            out |= {f"{layer}/{norm}/gamma": 1 + draw(WIDTH), f"{layer}/{norm}/beta": draw(WIDTH)}
        for name, rows, columns in (
            ("self_attention/linear_0", 3 * WIDTH, WIDTH), ("self_attention/linear_1", WIDTH, WIDTH),
            ("ffn/linear_0", 4 * WIDTH, WIDTH), ("ffn/linear_1", WIDTH, 4 * WIDTH),
        ):  # fmt: skip
            out |= {f"{layer}/{name}/weight": draw(rows, columns), f"{layer}/{name}/bias": draw(rows)}
    return out


def written(path, arrays):
    """Write a file of CTranslate2's format."""

    def name(text):
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    kinds = {np.dtype("<f4"): 0, np.dtype("<i2"): 2, np.dtype("<f2"): 4}
    body = b"".join(
        name(key) + struct.pack(f"<B{value.ndim}IBI", value.ndim, *value.shape, kinds[value.dtype], value.nbytes)
        + value.tobytes()
        for key, value in arrays.items()
    )  # fmt: skip
    path.write_bytes(struct.pack("<I", 6) + name("WhisperSpec") + struct.pack("<II", 3, len(arrays)) + body)
    return path


def test_the_encoders_arrays_are_read_as_they_were_written(tmp_path, monkeypatch):
    kernel, bias = RNG.normal(size=(3, 2)).astype("<f2"), RNG.normal(size=4).astype("<f4")
    heads = np.array(6, "<i2")
    path = written(
        tmp_path / "m.bin", {"encoder/w": kernel, "encoder/num_heads": heads, "encoder/b": bias, "decoder/w": bias}
    )
    monkeypatch.setattr(whisper, "SHA256", whisper.sha256(path))
    found = read_weights(path)
    assert list(found) == ["w", "b"]
    np.testing.assert_array_equal(found["w"], kernel.astype(np.float32))
    np.testing.assert_array_equal(found["b"], bias)


def test_other_weights_than_the_pinned_ones_are_refused(tmp_path):
    path = written(tmp_path / "m.bin", {"encoder/w": np.ones(2, "<f4")})
    with pytest.raises(WeightsError, match="expected 1a5afae0"):
        read_weights(path)


def test_pooling_leaves_out_tokens_without_speech():
    tokens = RNG.normal(size=(1, 6, WIDTH)).astype(np.float32)
    speech = np.array([[True, False, True, True, False, False]])
    found = whisper.pooled(tokens, speech)[0]
    chosen = tokens[0, speech[0]]
    np.testing.assert_allclose(found, np.r_[chosen.mean(axis=0), chosen.std(axis=0)], atol=1e-5)


def test_attention_mixes_tokens_and_the_rest_does_not():
    """A change of one token reaches the others only through attention."""
    weights = some_weights()
    x = RNG.normal(size=(1, 8, WIDTH)).astype(np.float32)
    other = x.copy()
    other[0, 3] += RNG.normal(size=WIDTH)
    assert np.abs(whisper.block(weights, 0, other) - whisper.block(weights, 0, x))[0, 0].max() > 1e-5
    weights["layer_0/self_attention/linear_1/weight"] = np.zeros((WIDTH, WIDTH), np.float32)
    still = np.abs(whisper.block(weights, 0, other) - whisper.block(weights, 0, x))[0, 0]
    assert still.max() < 1e-6
