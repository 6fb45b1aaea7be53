import json

import numpy as np
import pytest

from callguard.audio.window import FUNCTIONALS
from callguard.models import emotion
from callguard.models.card import ModelError, card_path
from callguard.models.emotion import EmotionModel
from callguard.models.roles import RoleColumn
from training.export import Graph, write_card

SIZE = len(FUNCTIONALS)
RNG = np.random.default_rng(3)


def customers(*rows):
    roles = RoleColumn(16)
    for row in rows:
        roles.assign(row, "customer")
    return roles.customers(np.array(rows, dtype=np.intp))


def windows(count):
    return (RNG.normal(size=(count, SIZE)) * 5).astype(np.float32), np.zeros((count, SIZE), np.float32)


def evidence(count):
    return np.full((count, 2), 1.5, np.float32)


def test_scores_are_shares_and_a_batch_gives_what_single_legs_give():
    window, baseline = windows(12)
    together = EmotionModel(16).score(customers(*range(12)), window, baseline, evidence(12))
    one_by_one = EmotionModel(16)
    for row in range(12):
        part = slice(row, row + 1)
        alone = one_by_one.score(customers(row), window[part], baseline[part], evidence(1))
        np.testing.assert_allclose(alone.raised_voice, together.raised_voice[part], atol=1e-6)
        np.testing.assert_allclose(alone.anger, together.anger[part], atol=1e-6)
    assert ((together.raised_voice >= 0) & (together.raised_voice <= 1)).all()


def test_legs_remember_for_themselves_and_forget_on_demand():
    window, baseline = windows(2)
    model, other = EmotionModel(4), EmotionModel(4)
    first = model.score(customers(1), window[:1], baseline[:1], evidence(1))
    model.score(customers(3), window[1:], baseline[1:], evidence(1))
    again = model.score(customers(1), window[1:], baseline[1:], evidence(1))
    fresh = other.score(customers(1), window[1:], baseline[1:], evidence(1))
    assert again.raised_voice[0] != fresh.raised_voice[0]
    model.forget(1)
    after = model.score(customers(1), window[:1], baseline[:1], evidence(1))
    np.testing.assert_allclose(after.raised_voice, first.raised_voice)


def test_no_legs_no_scores():
    window, baseline = windows(0)
    assert EmotionModel(1).score(customers(), window, baseline, evidence(0)).raised_voice.shape == (0,)


def test_wild_inputs_give_shares():
    window = np.full((3, SIZE), 1e30, np.float32)
    found = EmotionModel(4).score(customers(0, 1, 2), window, -window, evidence(3))
    assert np.isfinite(found.raised_voice).all()


def test_rows_not_from_the_role_column_are_refused():
    window, baseline = windows(1)
    with pytest.raises(AttributeError):
        EmotionModel(2).score(np.array([0]), window, baseline, evidence(1))


def foreign(path, outputs=("raised_voice", "anger")):
    """Write a model of one's own without memory: loudness over the baseline, squashed."""
    graph = Graph()
    at = graph.constant(FUNCTIONALS.index("loudness"), np.int64)
    change = graph.add("Gather", graph.add("Sub", "window", "baseline"), at, axis=1)
    seconds = graph.add("Gather", "evidence", graph.constant(0, np.int64), axis=1)
    change = graph.add("Add", change, graph.add("Mul", seconds, graph.constant(0.0)))
    for name in outputs:
        graph.add("Sigmoid", change, output=name)
    inputs = {"window": SIZE, "baseline": SIZE, "evidence": 2}
    graph.save(path, inputs, dict.fromkeys(outputs))
    write_card(path, "emotion", inputs, dict.fromkeys(outputs), {})


def test_a_model_of_ones_own_of_the_documented_shape_is_used(tmp_path):
    path = tmp_path / "own.onnx"
    foreign(path)
    model = EmotionModel(2, path)
    window, baseline = np.zeros((2, 1, SIZE), np.float32)
    window[0, FUNCTIONALS.index("loudness")] = 2.0
    assert model.score(customers(0), window, baseline, evidence(1)).raised_voice[0] == pytest.approx(0.8808, abs=1e-3)


def test_a_model_of_another_shape_is_refused(tmp_path):
    path = tmp_path / "own.onnx"
    foreign(path, ("raised_voice",))
    with pytest.raises(ModelError, match="not the documented shape"):
        EmotionModel(2, path)


def test_the_shipped_card_names_what_goes_in_and_out():
    card = json.loads(card_path(emotion.SHIPPED).read_text())
    assert card["features"] == list(FUNCTIONALS)
    assert set(card["outputs"]) == {"raised_voice", "anger", "state_out"}
