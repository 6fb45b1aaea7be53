import numpy as np
import pytest

from training.classifier import HEADS, columns_of, fit_classifier, margins
from training.lessons import class_weights

CLASSES = ("angry", "effort", "happy", "neutral")


def three_kinds(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Calm near the origin, anger along one axis, joy along another."""
    rng = np.random.default_rng(5)
    emotion = np.array(["neutral", "angry", "happy"])[np.arange(count) % 3]
    x = rng.normal(size=(count, 6)).astype(np.float32)
    x[emotion == "angry", 0] += 3
    x[emotion == "happy", 1] += 3
    return x, emotion


def test_a_head_tells_its_own_from_every_other_class():
    x, emotion = three_kinds(3000)
    model = fit_classifier(x, emotion, np.ones(3000), 3)
    anger = model.logits(x)[:, list(HEADS).index("anger")]
    for other in ("neutral", "happy"):
        both = (emotion == "angry") | (emotion == other)
        middle = np.median(anger[both])
        assert np.mean((anger[both] > middle) == (emotion[both] == "angry")) > 0.9


def test_training_is_the_same_by_seed():
    x, emotion = three_kinds(600)
    first, second = (fit_classifier(x, emotion, np.ones(600), 3) for _ in range(2))
    assert np.array_equal(first.logits(x), second.logits(x))


def test_both_parts_weigh_the_same():
    """Neither the linear part nor the networks drown the other: their margins have one spread."""
    x, emotion = three_kinds(900)
    model = fit_classifier(x, emotion, np.ones(900), 3)
    linear = margins(x @ model.linear.weight + model.linear.bias, model.classes)
    assert (linear * model.scale[0]).std(axis=0) == pytest.approx(np.ones(len(HEADS)), abs=1e-5)


def test_margins_are_log_odds_of_a_heads_classes_against_those_it_is_compared_with():
    chance = np.array([[0.2, 0.1, 0.3, 0.4]])
    found = dict(zip(HEADS, margins(np.log(chance), CLASSES)[0], strict=True))
    assert found["raised_voice"] == pytest.approx(np.log(0.3 / 0.7))
    assert found["anger"] == pytest.approx(np.log(0.2 / 0.7)), "simulated effort is neither anger nor its opposite"


def test_effort_is_raised_but_left_out_of_anger():
    assert columns_of(HEADS["raised_voice"], CLASSES) == ([0, 1], [2, 3])
    assert columns_of(HEADS["anger"], CLASSES) == ([0], [2, 3])


def test_each_class_has_its_share_however_many_windows_it_has():
    emotion = np.array(["neutral"] * 90 + ["angry"] * 10)
    counts = np.ones(100, np.bool_)
    weight = class_weights(emotion, counts, {"neutral": 4.0})
    assert weight[:90].sum() == pytest.approx(4 * weight[90:].sum())
    assert weight.mean() == pytest.approx(1.0)
