"""Open onnxruntime sessions: set their options and compare a model file with its card."""

from pathlib import Path
from typing import Any

import onnxruntime

from callguard.models.card import Card, ModelError


def open_session(model: Path, card: Card, threads: int = 1) -> Any:
    """Open a model for inference on the CPU; raise ModelError where that fails or its shape differs from the card's.

    Args:
        model: the ONNX file.
        card: its checked card.
        threads: threads of the session; workers share a machine, so 1 is right unless measurements show otherwise.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime does not export the types that it raises
        raise ModelError(f"{model}: onnxruntime can't load it: {str(error).splitlines()[0][:200]}") from error
    _compare(model, "input", card.inputs, session.get_inputs())
    _compare(model, "output", card.outputs, session.get_outputs())
    return session


def _compare(model: Path, what: str, wanted: dict[str, tuple[int | None, ...]], found: list[Any]) -> None:
    shapes = {node.name: tuple(size if isinstance(size, int) else None for size in node.shape) for node in found}
    if shapes != dict(wanted):
        raise ModelError(f"{model}: {what}s are {shapes}, the card says {dict(wanted)}")
