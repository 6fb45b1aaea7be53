"""Export trained parameters to ONNX graphs and cards."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from callguard.audio.window import FUNCTIONALS
from callguard.models.card import CARD_VERSION, card_path, sha256

OPSET: Final = 17
IR_VERSION: Final = 9
Array = NDArray[np.floating[Any]]
Size = int | None | tuple[int, ...]
"""Shape of an input or output: the second axis after one of legs, None: legs alone; a tuple: the whole shape."""


class Layer(NamedTuple):
    """One dense layer: `weight` (in, out), `bias` (out,)."""

    weight: Array
    bias: Array


class Graph:
    """Builds an ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._count = 0

    def constant(self, value: Array | NDArray[np.integer[Any]] | float, kind: type = np.float32) -> str:
        """Add a constant; return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; return its output's name."""
        self._count += 1
        name = output or f"t{self._count}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def dense(self, value: str, layers: list[Layer]) -> str:
        """Add dense layers with ReLU between."""
        for at, layer in enumerate(layers):
            value = self.add("Gemm", value, self.constant(layer.weight), self.constant(layer.bias))
            if at + 1 < len(layers):
                value = self.add("Relu", value)
        return value

    def save(self, path: Path, inputs: Mapping[str, Size], outputs: Mapping[str, Size]) -> None:
        """Check and write the graph."""
        ends = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, _shape(size, "n")) for name, size in values.items()]
            for values in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, path.stem, ends[0], ends[1], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="callguard"
        )
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())


def _shape(size: Size, legs: str | None) -> list[int | str | None]:
    if size is None:
        return [legs]
    return [legs, size] if isinstance(size, int) else list(size)


def write_card(
    path: Path,
    kind: str,
    inputs: Mapping[str, Size],
    outputs: Mapping[str, Size],
    facts: dict[str, Any],
    features: Sequence[str] = FUNCTIONALS,
) -> None:
    """Write the card beside a model file."""
    card = {
        "card": CARD_VERSION,
        "name": path.stem,
        "kind": kind,
        "sha256": sha256(path),
        "opset": OPSET,
        "features": list(features),
        "inputs": {name: _shape(size, None) for name, size in inputs.items()},
        "outputs": {name: _shape(size, None) for name, size in outputs.items()},
        **facts,
    }
    card_path(path).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
