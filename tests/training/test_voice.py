import numpy as np
import pytest

from callguard.audio.window import FUNCTIONALS
from callguard.models.emotion import EmotionModel
from callguard.models.roles import RoleColumn
from training.classifier import HEADS, Classifier
from training.export import Layer
from training.legs import Heard
from training.voice import IS_LEVEL, Scaling, Voice, calibrate, calibrated, follow

SIZE = len(FUNCTIONALS)


def heard(count, seed=0, legs=1):
    rng = np.random.default_rng(seed)
    draw = lambda: rng.normal(size=(count, SIZE)).astype(np.float32) * 4  # noqa: E731 -- two draws alike
    return Heard(
        np.sort(rng.integers(0, legs, count)),
        np.arange(count, dtype=np.float32),
        draw(),
        draw(),
        rng.uniform(0.5, 2, count).astype(np.float32),
        rng.uniform(0, 9, count).astype(np.float32),
        np.zeros((count, 0), np.float32),
    )


def some_voice(seed=1):
    rng = np.random.default_rng(seed)
    classifier = Classifier(
        ("angry", "effort", "happy", "neutral"),
        Layer(rng.normal(size=(SIZE, 4)) * 0.1, rng.normal(size=4)),
        Layer(rng.normal(size=(SIZE, 8)) * 0.1, rng.normal(size=8)),
        Layer(rng.normal(size=(8, 4)), rng.normal(size=4)),
        np.array([[0.5, 1.5], [0.7, 0.6]]),
    )
    scaling = Scaling(rng.normal(size=SIZE).astype(np.float32), rng.uniform(1, 3, SIZE).astype(np.float32))
    return Voice(scaling, classifier, np.array([-1.0, 0.5]), np.array([[0.8, 1.2], [-0.3, 0.4]]))


def test_the_graph_computes_what_training_computed(tmp_path):
    """Exported and run as the service runs it, window by window, it gives training's own probabilities."""
    voice, given = some_voice(), heard(40)
    voice.export(tmp_path / "voice.onnx", {})
    expected = voice.probabilities(given)
    model, roles = EmotionModel(2, tmp_path / "voice.onnx"), RoleColumn(2)
    roles.assign(1, "customer")
    rows = roles.customers(np.array([1]))
    for at in range(40):
        evidence = np.array([[given.speech_s[at], given.baseline_s[at]]], np.float32)
        found = model.score(rows, given.window[at : at + 1], given.baseline[at : at + 1], evidence)
        assert found.raised_voice[0] == pytest.approx(expected[at, 0], abs=2e-5)
        assert found.anger[0] == pytest.approx(expected[at, 1], abs=2e-5)


def test_without_a_baseline_the_usual_voice_is_expected():
    voice, given = some_voice(), heard(5)
    cold = given._replace(baseline_s=np.zeros(5, np.float32))
    other = cold._replace(baseline=cold.baseline + 100)
    assert np.array_equal(voice.logits(cold), voice.logits(other))


def test_the_gain_of_a_line_tells_nothing():
    """All levels of a leg moved alike, its calm start too, change no logit; nor do they without a calm start."""
    voice, given = some_voice(), heard(20)
    quieter = given._replace(window=given.window - 12 * IS_LEVEL, baseline=given.baseline - 12 * IS_LEVEL)
    np.testing.assert_allclose(voice.logits(quieter), voice.logits(given), atol=1e-4)
    cold = given._replace(baseline_s=np.zeros(20, np.float32))
    louder = cold._replace(window=cold.window + np.float32(20) * IS_LEVEL)
    np.testing.assert_allclose(voice.logits(louder), voice.logits(cold), atol=1e-4)


def test_what_is_learnt_of_one_leg_says_nothing_of_another():
    logits = np.r_[np.full(40, -1.0), np.full(40, -3.0)][:, None].repeat(2, axis=1)
    both = follow(logits, np.repeat([0, 1], 40), np.full(2, -3.0))
    np.testing.assert_array_equal(both[40:], follow(logits[40:], np.zeros(40, np.intp), np.full(2, -3.0)))
    assert both[0, 0] == -1.0
    assert both[39, 0] < -1.2


def test_a_voice_that_always_sounds_a_little_raised_is_taken_as_it_is():
    """Two callers rise by the same step; the one whose calm scores higher ends nearer to the other than they began."""
    low, high = np.r_[np.full(40, -3.0), np.full(5, 1.0)], np.r_[np.full(40, -2.0), np.full(5, 2.0)]
    logits = np.r_[low, high][:, None].repeat(2, axis=1)
    found = follow(logits, np.repeat([0, 1], 45), np.full(2, -3.0))[:, 0]
    assert found[89] - found[44] < 0.9
    assert found[44] > 0.9


def test_shouting_is_not_learnt_as_calm():
    logits = np.r_[np.full(10, -3.0), np.full(60, 3.0)][:, None].repeat(2, axis=1)
    found = follow(logits, np.zeros(70, np.intp), np.full(2, -3.0))[:, 0]
    assert found[-1] > 2.9


def test_calibration_makes_probabilities():
    rng = np.random.default_rng(6)
    chance = rng.random(20000)
    y = (rng.random(20000) < chance).astype(float)
    logits = np.stack([3 * np.log(chance / (1 - chance)) + 1] * len(HEADS), axis=1)
    found = calibrated(logits, calibrate(logits, y, np.ones(20000)))
    np.testing.assert_allclose(found[:, 0], chance, atol=0.03)
