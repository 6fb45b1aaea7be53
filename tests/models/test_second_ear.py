import numpy as np
import pytest

from callguard.models import emotion, encoder
from callguard.models.calm_voice import MOST_WINDOWS
from callguard.models.card import ModelError, sha256
from callguard.models.emotion import Scores
from callguard.models.encoder import Encoder
from callguard.models.roles import RoleColumn
from callguard.models.second_ear import TRACE, SecondEar, open_second_ear
from tests.support.sound import buzz, hops
from tests.training.test_ear import some_ear

LEGS = 8
SPEECH = np.ones((LEGS, 5), np.bool_)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A decision with drawn weights, made for the shipped encoder."""
    path = tmp_path_factory.mktemp("ear") / "ear.onnx"
    some_ear().export(path, sha256(encoder.SHIPPED), sha256(emotion.SHIPPED), {})
    return path


def customers(*rows):
    roles = RoleColumn(LEGS)
    for row in rows:
        roles.assign(row, "customer")
    return roles.customers(np.array(rows, dtype=np.intp))


def scores(*raised):
    return Scores(np.array(raised, np.float32), np.array(raised, np.float32) / 2)


class Floor:
    """A second ear with eight customers that speak with different voices."""

    def __init__(self, path, budget=None):
        self.ear = SecondEar(LEGS, budget, path)
        for hop in hops(*(buzz(2.0, 110 + 20 * leg, seed=leg) for leg in range(LEGS))):
            self.ear.remember(customers(*range(LEGS)), hop.pcm, SPEECH)

    def judge(self, *raised, rows=range(LEGS)):
        count = len(raised)
        zeros = np.zeros(count, np.float32)
        return self.ear.judge(customers(*list(rows)[:count]), scores(*raised), zeros + 3, zeros + 2)


def test_only_windows_with_a_trace_are_judged_again(drawn):
    floor = Floor(drawn)
    found = floor.judge(0.05, TRACE + 0.01, 0.1, 0.9)
    assert found.raised_voice[[0, 2]].tolist() == pytest.approx([0.05, 0.1])
    assert found.anger[[0, 2]].tolist() == pytest.approx([0.025, 0.05])
    assert abs(found.raised_voice[1] - TRACE - 0.01) > 1e-4
    assert abs(found.raised_voice[3] - 0.9) > 1e-4
    assert floor.ear.skipped == 0


def test_a_batch_gives_what_single_legs_give(drawn):
    raised = np.linspace(0.4, 0.95, LEGS).tolist()
    together = Floor(drawn).judge(*raised)
    single = Floor(drawn)
    for leg, score in enumerate(raised):
        alone = single.judge(score, rows=[leg])
        np.testing.assert_allclose(alone.raised_voice[0], together.raised_voice[leg], atol=1e-6)
        np.testing.assert_allclose(alone.anger[0], together.anger[leg], atol=1e-6)


def test_a_tick_hears_the_most_suspicious_first_and_counts_what_it_leaves(drawn):
    floor = Floor(drawn, budget=2)
    raised = (0.5, 0.8, 0.6, 0.9, 0.1)
    found = floor.judge(*raised)
    changed = np.flatnonzero(np.abs(found.raised_voice - np.array(raised, np.float32)) > 1e-6)
    assert changed.tolist() == [1, 3]
    assert (floor.ear.heard, floor.ear.skipped) == (2, 2)


def test_calm_windows_are_heard_only_with_what_suspicious_ones_leave(drawn):
    floor = Floor(drawn, budget=3)
    floor.judge(0.1, 0.9, 0.1, 0.1)
    assert floor.ear.heard == 3
    assert floor.ear.skipped == 0
    assert floor.ear._calm.windows[:4].tolist() == [1, 0, 1, 0]


def test_a_leg_whose_calm_voice_is_known_is_heard_seldom(drawn):
    floor = Floor(drawn)
    for _ in range(2 * MOST_WINDOWS):
        floor.judge(0.1)
    assert floor.ear.heard == MOST_WINDOWS


def test_the_calm_voice_is_the_mean_of_what_was_heard(drawn):
    floor = Floor(drawn)
    for _ in range(3):
        floor.judge(0.1)
    expected = Encoder().voice(*floor.ear._recent.window(0))
    np.testing.assert_allclose(floor.ear._calm.mean[0], expected, atol=1e-5)


def test_a_known_calm_voice_changes_the_verdict_and_forgetting_undoes_it(drawn):
    floor = Floor(drawn)
    first = floor.judge(0.9).raised_voice[0]
    for _ in range(4):
        floor.judge(0.1)
    assert abs(floor.judge(0.9).raised_voice[0] - first) > 1e-5
    floor.ear.forget(0)
    assert not floor.ear._recent.window(0)[0].any()
    fresh = Floor(drawn)
    fresh.ear.forget(0)
    assert floor.judge(0.9).raised_voice[0] == fresh.judge(0.9).raised_voice[0]


def test_an_agents_audio_cannot_be_given(drawn):
    floor = Floor(drawn)
    with pytest.raises(AttributeError):
        floor.ear.remember(np.array([0]), np.zeros((1, 5, 160), np.int16), SPEECH[:1])
    with pytest.raises(AttributeError):
        floor.ear.judge(np.array([0]), scores(0.9), np.zeros(1, np.float32), np.zeros(1, np.float32))


def test_no_legs_no_scores(drawn):
    assert Floor(drawn).judge().raised_voice.shape == (0,)


def test_a_decision_for_another_encoder_is_refused(tmp_path):
    some_ear().export(tmp_path / "ear.onnx", "0" * 64, sha256(emotion.SHIPPED), {})
    with pytest.raises(ModelError, match="features"):
        SecondEar(1, path=tmp_path / "ear.onnx")


def test_a_missing_encoder_is_named(drawn, tmp_path):
    with pytest.raises(ModelError, match=r"gone\.json: can't be read"):
        SecondEar(1, path=drawn, encoder_path=tmp_path / "gone.onnx")


def test_a_second_ear_that_cannot_be_used_is_named_and_left_out(tmp_path):
    """A first ear of one's own: the decision was not learnt from its scores."""
    mine, faults = tmp_path / "mine.onnx", []
    mine.write_bytes(b"another model")
    assert open_second_ear(1, mine, faults.append) is None
    assert len(faults) == 1
    assert "the first ear judges alone" in faults[0]
