import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.analysis import metrics

LABELS = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1, 0], bool)
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.4, 0.4, 0.1])


def test_auc_and_average_precision_agree_with_scikit_learn():
    from sklearn.metrics import average_precision_score, roc_auc_score

    assert metrics.auc(LABELS, SCORES) == pytest.approx(roc_auc_score(LABELS, SCORES))
    assert metrics.average_precision(LABELS, SCORES) == pytest.approx(average_precision_score(LABELS, SCORES))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_the_chance_that_a_positive_is_above_a_negative(pairs):
    labels, scores = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs], float)
    if labels.all() or not labels.any():
        with pytest.raises(ValueError, match="both classes"):
            metrics.auc(labels, scores)
        return
    differences = scores[labels][:, None] - scores[~labels]
    assert metrics.auc(labels, scores) == pytest.approx(np.mean((differences > 0) + 0.5 * (differences == 0)))


def test_perfect_and_useless_scores():
    labels = np.arange(100) >= 50
    assert metrics.equal_error_rate(labels, labels.astype(float)) == 0
    assert metrics.recall_at(labels, labels.astype(float), 0.01) == 1
    assert metrics.auc(labels, np.zeros(100)) == 0.5
    assert metrics.recall_at(labels, np.zeros(100), 0.05) == 0


def test_equal_error_rate_lies_where_misses_equal_false_alarms():
    rng = np.random.default_rng(1)
    labels = np.repeat([True, False], 20000)
    scores = np.where(labels, rng.normal(1, 1, 40000), rng.normal(0, 1, 40000))
    assert metrics.equal_error_rate(labels, scores) == pytest.approx(0.3085, abs=0.01)


def test_calibrated_scores_have_no_calibration_error_and_others_do():
    rng = np.random.default_rng(2)
    scores = rng.random(50000)
    labels = rng.random(50000) < scores
    assert metrics.calibration_error(labels, scores) < 0.01
    assert metrics.calibration_error(labels, scores**3) > 0.15


def test_summary_names_what_is_reported():
    assert set(metrics.summary(LABELS, SCORES)) == {
        "auc", "ap", "eer", "recall_at_1", "recall_at_5", "calibration_error",
    }  # fmt: skip
