import numpy as np
import onnxruntime
import pytest

from callguard.models.encoder import VOICE
from training.classifier import HEADS
from training.ear import CUES, PRIOR_WINDOWS, Asked, Ear
from training.export import Layer


def some_ear(seed=1):
    rng = np.random.default_rng(seed)

    def layer():
        return Layer(rng.normal(size=(VOICE, len(HEADS))) * 0.05, rng.normal(size=len(HEADS)))

    usual, spread = rng.normal(size=VOICE).astype(np.float32), rng.uniform(0.5, 2, VOICE).astype(np.float32)
    weights = np.array([[0.5, 0.4], [0.6, 0.7], [0.05, 0.04], [0.8, 0.9], [0.3, -0.2]])
    return Ear(usual, spread, layer(), layer(), weights, np.array([-0.4, 0.1]))


def some_asked(count, seed=2):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    known = np.stack([rng.integers(0, 13, count), rng.uniform(0, 40, count)], axis=1).astype(np.float32)
    return Asked(draw(count, VOICE), draw(count, VOICE), known, draw(count, 1) * 12, rng.random((count, 2), np.float32))


def test_the_graph_computes_what_training_computed(tmp_path):
    ear, asked = some_ear(), some_asked(50)
    ear.export(tmp_path / "ear.onnx", "e", "f", {})
    session = onnxruntime.InferenceSession(str(tmp_path / "ear.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(list(HEADS), asked._asdict())
    np.testing.assert_allclose(np.stack(found, axis=1), ear.probabilities(asked), atol=2e-5)


def test_without_calm_windows_the_usual_voice_is_expected():
    ear, asked = some_ear(), some_asked(5)
    cold = asked._replace(known=np.zeros((5, 2), np.float32))
    other = cold._replace(calm=cold.calm + 100, rise=cold.rise + 9)
    np.testing.assert_allclose(ear.probabilities(cold), ear.probabilities(other))
    assert (ear.cues(cold)[:, CUES.index("cold")] == 1.0).all()


def test_a_leg_whose_calm_voice_is_known_well_is_compared_with_it_alone():
    ear, asked = some_ear(), some_asked(5)
    moved = np.float32(3.0)
    known = np.full((5, 2), 1e6 * PRIOR_WINDOWS, np.float32)
    here, there = (
        asked._replace(known=known, voice=asked.voice + by, calm=asked.calm + by) for by in (np.float32(0), moved)
    )
    at = CUES.index("relative")
    np.testing.assert_allclose(ear.cues(here)[:, at], ear.cues(there)[:, at], atol=1e-3)
    assert np.abs(ear.cues(here)[:, 0] - ear.cues(there)[:, 0]).max() > 0.1


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_first_ear_that_is_sure_gives_finite_scores(score):
    asked = some_asked(3)._replace(first=np.full((3, 2), score, np.float32))
    assert np.isfinite(some_ear().probabilities(asked)).all()
