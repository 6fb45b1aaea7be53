"""Write the second ear's encoder: `python -m training.encoder model.bin`. It is the first block of Whisper tiny.en.

    log-mel (80, 200) -> two convolutions -> positions -> one transformer block -> mean and spread over speech tokens

The convolutions are written as matrix products, so that all weights are 8-bit integers (7 bits used: without VNNI a
processor would saturate at 8). One window at a time: the scale of the activations is that of a whole tensor, so windows
in one tensor would change each other's result.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

import callguard.models
from callguard.audio.logmel import MEL_BANDS, MEL_FRAMES, TOKENS
from training.export import Graph, write_card
from training.whisper import HEADS, LICENCE, SHA256, SOURCE, WIDTH, Floats, Weights, block, pooled, read_weights, stem

INPUTS: Final = {"mel": (1, MEL_BANDS, MEL_FRAMES), "speech": (1, TOKENS)}
OUTPUTS: Final = {"voice": (1, 2 * WIDTH)}
PAGE: Final = """\
# Model card: encoder

The first transformer block of Whisper tiny.en with integer weights. Input: the log-mel spectrum of two seconds of
speech in a telephone's band, brought to one level (`callguard/audio/logmel.py`). Output: mean and spread of its
tokens over speech, 768 numbers that tell how a voice sounds. What is read off them is learnt separately. Written by
`python -m training.encoder`.

* **Source:** {source}, SHA-256 `{sha256}`. Nothing is fetched at run time.
* **Training data:** not public. Its makers name 680,000 hours from the internet. So nobody outside can say which
  voices and languages the weights owe what.
* **Equality:** the reference (`training/whisper.py`, numpy) was compared once by hand with CTranslate2's
  encoder: within {whole:.0e} on all four blocks;
  the float32 graph equals the reference within {plain:.0e}. Integer weights move the numbers by
  {off:.0%} of their spread.
* **Not for** telling who speaks, or what is said; it is given customers' legs only.

## Licence of the weights

MIT License. Copyright (c) 2022 OpenAI

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS
OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
WHOLE: Final = 2e-5
"""Largest difference of the numpy reference's four blocks from CTranslate2's encoder, on one clip."""
CHECKS: Final = 20
"""Windows of noise with which the graph is compared with the reference."""
LIMITS: Final = (
    "What Whisper was trained on is not public: its makers name 680,000 hours from the internet. No recording of it is"
    " here; nobody outside can say what the weights owe to which voice or language.",
    "The block was trained to prepare speech for transcription, not to tell how it is said. What is read off it is"
    " learnt separately: see voice and ear.",
)


def reference(weights: Weights, mel: Floats, speech: NDArray[np.bool_]) -> Floats:
    """Return by numpy in float32 what the graph computes, shape (n, 2 * WIDTH)."""
    return pooled(block(weights, 0, stem(weights, mel)), speech)


def add_encoder(graph: Graph, weights: Weights) -> None:
    """Add the whole encoder to a graph, from the inputs `mel` and `speech` to the output `voice`."""
    steps = graph.add("Transpose", "mel", perm=[0, 2, 1])
    once = _gelu(graph, _convolved(graph, steps, weights, "conv1", MEL_FRAMES, 1))
    x = _gelu(graph, _convolved(graph, once, weights, "conv2", MEL_FRAMES, 2))
    x = graph.add("Add", x, graph.constant(weights["position_encodings/encodings"][:TOKENS]))
    heard = _attended(graph, weights, _normed(graph, weights, "layer_0/self_attention/layer_norm", x))
    x = graph.add("Add", x, heard)
    inner = _dense(graph, weights, "layer_0/ffn/linear_0", _normed(graph, weights, "layer_0/ffn/layer_norm", x))
    x = graph.add("Add", x, _dense(graph, weights, "layer_0/ffn/linear_1", _gelu(graph, inner)))
    _pooled(graph, x)


def export(weights: Weights, path: Path, facts: dict[str, Any]) -> None:
    """Write the graph with integer weights, and its card."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        write_plain(weights, plain)
        _quantise(plain, path)
    write_card(path, "encoder", INPUTS, OUTPUTS, facts, features=())


def write_plain(weights: Weights, path: Path) -> None:
    """Write the graph with float32 weights."""
    graph = Graph()
    add_encoder(graph, weights)
    graph.save(path, INPUTS, OUTPUTS)


def _quantise(plain: Path, path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        plain,
        path,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


def _convolved(graph: Graph, x: str, weights: Weights, name: str, frames: int, stride: int) -> str:
    """Add a convolution over three steps as a product of each step with its neighbours; `x`: (1, frames, channels)."""
    kernel = weights[f"{name}/weight"]
    pads = graph.constant(np.array([0, 1, 0, 0, 1, 0]), np.int64)
    padded = graph.add("Pad", x, pads)
    parts = [graph.add("Slice", padded, *(graph.constant(np.array([value]), np.int64) for value in (
        at, at + frames, 1, stride))) for at in range(3)]  # fmt: skip
    near = graph.add("Concat", *parts, axis=2)
    matrix = graph.constant(kernel.transpose(2, 1, 0).reshape(-1, WIDTH))
    return graph.add("Add", graph.add("MatMul", near, matrix), graph.constant(weights[f"{name}/bias"]))


def _attended(graph: Graph, weights: Weights, x: str) -> str:
    def part(first: int) -> str:
        matrix, bias = (
            weights["layer_0/self_attention/linear_0/weight"],
            weights["layer_0/self_attention/linear_0/bias"],
        )
        rows = slice(first * WIDTH, (first + 1) * WIDTH)
        flat = graph.add("Add", graph.add("MatMul", x, graph.constant(matrix[rows].T)), graph.constant(bias[rows]))
        shape = graph.constant(np.array([1, TOKENS, HEADS, WIDTH // HEADS]), np.int64)
        return graph.add("Reshape", flat, shape)

    query, value = (graph.add("Transpose", part(at), perm=[0, 2, 1, 3]) for at in (0, 2))
    key = graph.add("Transpose", part(1), perm=[0, 2, 3, 1])
    scale = graph.constant(1.0 / np.sqrt(WIDTH // HEADS))
    likeness = graph.add("Softmax", graph.add("Mul", graph.add("MatMul", query, key), scale), axis=-1)
    mixed = graph.add("Transpose", graph.add("MatMul", likeness, value), perm=[0, 2, 1, 3])
    flat = graph.add("Reshape", mixed, graph.constant(np.array([1, TOKENS, WIDTH]), np.int64))
    return _dense(graph, weights, "layer_0/self_attention/linear_1", flat)


def _dense(graph: Graph, weights: Weights, name: str, x: str) -> str:
    product = graph.add("MatMul", x, graph.constant(weights[f"{name}/weight"].T))
    return graph.add("Add", product, graph.constant(weights[f"{name}/bias"]))


def _normed(graph: Graph, weights: Weights, name: str, x: str) -> str:
    gamma, beta = (graph.constant(weights[f"{name}/{part}"]) for part in ("gamma", "beta"))
    return graph.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=1e-5)


def _gelu(graph: Graph, x: str) -> str:
    error = graph.add("Erf", graph.add("Div", x, graph.constant(np.sqrt(2.0))))
    return graph.add("Mul", graph.add("Mul", x, graph.add("Add", error, graph.constant(1.0))), graph.constant(0.5))


def _pooled(graph: Graph, x: str) -> None:
    least = graph.constant(1.0)
    axis = graph.constant(np.array([1]), np.int64)
    count = graph.add("Max", graph.add("ReduceSum", "speech", axis, keepdims=1), least)
    share = graph.add("Unsqueeze", graph.add("Div", "speech", count), graph.constant(np.array([2]), np.int64))
    mean = graph.add("ReduceSum", graph.add("Mul", x, share), axis, keepdims=1)
    off = graph.add("Sub", x, mean)
    square = graph.add("ReduceSum", graph.add("Mul", graph.add("Mul", off, off), share), axis, keepdims=0)
    graph.add("Concat", graph.add("Squeeze", mean, axis), graph.add("Sqrt", square), output="voice", axis=1)


def difference(weights: Weights, path: Path, seed: int) -> dict[str, float]:
    """Return the largest and the relative RMS difference of a graph from the reference, on made spectra."""
    rng = np.random.default_rng(seed)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    mel = rng.normal(size=(CHECKS, MEL_BANDS, MEL_FRAMES)).cumsum(axis=2).clip(-1, 1.5).astype(np.float32)
    speech = rng.random((CHECKS, TOKENS)) < 0.7
    wanted = reference(weights, mel, speech)
    found = np.concatenate([
        session.run(None, {"mel": mel[at : at + 1], "speech": speech[at : at + 1].astype(np.float32)})[0]
        for at in range(CHECKS)
    ])  # fmt: skip
    off = found - wanted
    spread = np.sqrt(np.square(wanted - wanted.mean(axis=0)).mean())
    return {"largest": float(np.abs(off).max()), "relative_rms": float(np.sqrt(np.square(off).mean()) / spread)}


def main() -> None:
    """Write the encoder from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help=f"model.bin of {SOURCE}")
    parser.add_argument("--out", type=Path, default=Path(next(iter(callguard.models.__path__))))
    given = parser.parse_args()
    weights, path = read_weights(given.weights), given.out / "encoder.onnx"
    source = {"name": SOURCE, "sha256": SHA256, "licence": LICENCE}
    export(weights, path, {"source": source, "limits": list(LIMITS)})
    with tempfile.TemporaryDirectory() as folder:
        write_plain(weights, Path(folder) / "plain.onnx")
        plain = difference(weights, Path(folder) / "plain.onnx", 1)
    shipped = difference(weights, path, 1)
    page = PAGE.format(source=SOURCE, sha256=SHA256, whole=WHOLE, plain=plain["largest"], off=shipped["relative_rms"])
    path.with_suffix(".md").write_text(page, "utf-8")
    print("float32 against numpy:", plain)
    print("as shipped against numpy:", shipped, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
