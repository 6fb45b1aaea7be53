"""A model is opened for one thread of the CPU, and only if its shape is what its card says."""

from pathlib import Path

import numpy as np
import pytest

from callguard.audio.window import FUNCTIONALS
from callguard.models.card import Card, ModelError, load_card
from callguard.models.emotion import SHIPPED
from callguard.models.session import open_session


@pytest.fixture
def card() -> Card:
    return load_card(SHIPPED, "emotion", FUNCTIONALS)


def test_a_model_runs_as_its_card_says(card: Card) -> None:
    session = open_session(SHIPPED, card)
    given = {
        name: np.zeros([2 if size is None else size for size in shape], dtype=np.float32)
        for name, shape in card.inputs.items()
    }
    answers = session.run(None, given)
    assert len(answers) == len(card.outputs)
    assert all(len(answer) == 2 for answer in answers)


def test_a_session_takes_one_thread_of_the_cpu_unless_told_otherwise(card: Card) -> None:
    for threads in (1, 2):
        session = open_session(SHIPPED, card, threads)
        assert session.get_session_options().intra_op_num_threads == threads
        assert session.get_session_options().inter_op_num_threads == 1
        assert session.get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize(("kind", "said"), [("inputs", "inputs are"), ("outputs", "outputs are")])
def test_a_model_of_another_shape_is_refused(card: Card, kind: str, said: str) -> None:
    other = card.model_copy(update={kind: {name: (*shape, 7) for name, shape in getattr(card, kind).items()}})
    with pytest.raises(ModelError, match=said):
        open_session(SHIPPED, other)


def test_what_is_no_model_is_told_in_one_line(card: Card, tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"broken\.onnx: onnxruntime can't load it: .+") as caught:
        open_session(path, card)
    assert "\n" not in str(caught.value)
