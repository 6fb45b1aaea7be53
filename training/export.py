"""Export trained parameters to ONNX graphs and cards."""

import json
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

    def save(self, path: Path, inputs: dict[str, int], outputs: dict[str, int | None]) -> None:
        """Check and write the graph. A size is that of the second axis; None: the output has one axis."""
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in inputs.items()],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"] if size is None else ["n", size])
                for name, size in outputs.items()
            ],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="callguard"
        )
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())


def write_card(
    path: Path, kind: str, inputs: dict[str, int], outputs: dict[str, int | None], facts: dict[str, Any]
) -> None:
    """Write the card beside a model file."""
    card = {
        "card": CARD_VERSION,
        "name": path.stem,
        "kind": kind,
        "sha256": sha256(path),
        "opset": OPSET,
        "features": list(FUNCTIONALS),
        "inputs": {name: [None, size] for name, size in inputs.items()},
        "outputs": {name: [None] if size is None else [None, size] for name, size in outputs.items()},
        **facts,
    }
    card_path(path).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
