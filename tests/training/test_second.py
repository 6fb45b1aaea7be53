import numpy as np
import pytest

from callguard.models.calm_voice import MOST_WINDOWS as REMEMBERED
from callguard.models.encoder import VOICE
from callguard.models.second_ear import TRACE
from training import second
from training.channel import Line
from training.classifier import HEADS
from training.ear import CUES
from training.legs import Heard, LegPlan
from training.lessons import FOLDS, lesson

RNG = np.random.default_rng(8)
SIZE = 6
"""Windows of each leg."""
ANGRY = RNG.normal(size=VOICE).astype(np.float32)
"""The direction in which drawn anger differs."""


def drawn(legs=60, windows=SIZE):
    """Legs of speakers who differ; each third is angry in its test, after a calm start."""
    plans, leg, at_s, voice = [], [], [], []
    for one in range(legs):
        emotion = ("angry", "neutral", "happy")[one % 3]
        tags = {"emotion": emotion, "corpus": "drawn", "start": "calm"}
        plans.append(LegPlan((object(),), (), Line(), float(emotion == "angry"), group=f"s{one // 3}", tags=tags))
        speaker = RNG.normal(size=VOICE) * 2
        for at in range(windows):
            test = at >= windows // 2
            leg.append(one)
            at_s.append(at - windows // 2 + 0.5)
            voice.append(speaker + RNG.normal(size=VOICE) + ANGRY * (1.5 * test * (emotion == "angry")))
    count = len(leg)
    zeros = np.zeros((count, 40), np.float32)
    ones = np.ones(count, np.float32)
    heard = Heard(np.array(leg), np.array(at_s, np.float32), zeros, zeros, ones, ones * 3, np.array(voice, np.float32))
    return lesson(plans, heard, second.SHARES)


def scores(given, angry=0.6, calm=0.05):
    raised = np.where((given.emotion == "angry") & given.heard.counts, angry, calm)
    return np.stack([raised, raised], axis=1)


def test_steps_take_each_legs_windows_in_order():
    steps = second.by_step(np.array([0, 0, 1, 2, 0, 1]))
    assert [step.tolist() for step in steps] == [[0, 2, 3], [1, 5], [4]]


def test_the_calm_voice_of_a_window_is_that_of_the_calm_windows_before_it():
    given = drawn(6)
    told = second.asked(given.heard, scores(given))
    rows = np.flatnonzero(given.heard.leg == 3)
    assert told.known[rows, 0].tolist() == [0, 1, 2, 3, 3, 3]
    np.testing.assert_allclose(told.calm[rows[4]], given.heard.voice[rows[:3]].mean(axis=0), atol=1e-5)
    assert not told.calm[rows[0]].any()


def test_a_calm_voice_of_a_long_leg_remembers_a_bounded_number_of_windows():
    given = drawn(3, 40)
    told = second.asked(given.heard, np.full((120, 2), TRACE))
    assert told.known[:, 0].max() == REMEMBERED


def test_few_windows_of_each_leg_are_learnt_from_whatever_their_order():
    leg, counts = np.tile(np.arange(3), 40), np.repeat([False, True], 60)
    few = second.some_of_each(leg, counts)
    assert np.bincount(leg[few]).tolist() == [second.MOST_WINDOWS] * 3
    assert not few[~counts].any()


def test_what_differs_from_the_own_calm_voice_is_found_in_speakers_that_were_not_heard():
    given = drawn(120)
    told = second.Second.of(given, scores(given, angry=0.4, calm=0.3))
    ears, final = second.cross_fit(told)
    assert len(ears) == FOLDS
    angry = (given.emotion == "angry") & given.heard.counts
    for at, ear in enumerate(ears):
        held = (given.fold == at) & given.heard.counts
        found = ear.probabilities(second.Asked(*(column[held] for column in told.asked)))
        assert found[angry[held], 0].min() > found[~angry[held], 0].max() - 0.2
        assert found[angry[held], 0].mean() - found[~angry[held], 0].mean() > 0.4
    assert final.weights[CUES.index("relative")].min() > 0


def test_a_decision_leaves_what_is_expected_only_where_windows_insist():
    rng = np.random.default_rng(2)
    silent = rng.normal(size=(400, len(CUES)))
    weights, _ = second.decision(silent, rng.random(400) < 0.5, np.ones(400))
    assert (weights[:4] > 0).all()
    assert (weights[:4] < second.EXPECTED[:4]).all(), "cues that tell nothing lose weight"
    telling = silent.copy()
    raised = telling[:, 0] - telling[:, 3] > 0
    weights, _ = second.decision(telling, raised, np.ones(400))
    assert weights[0] > 1.0
    assert weights[3] < 0.3


def test_both_ears_are_brought_to_one_scale():
    def points(quiet, watchful):
        return {"quiet_floor": {"threshold": quiet}, "watchful": {"threshold": watchful}}

    slope, offset = second.matched(points(0.8, 0.4), points(0.6, 0.32))
    for mine, wanted in ((0.8, 0.6), (0.4, 0.32)):
        logit = slope * np.log(mine / (1 - mine)) + offset
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(wanted)


def test_training_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        rng = np.random.default_rng(8)
        globals()["RNG"] = rng
        given = drawn(45)
        told = second.Second.of(given, scores(given, angry=0.4, calm=0.3))
        _, final = second.cross_fit(told)
        final.export(tmp_path / name / "ear.onnx", "e", "f", {})
    assert (tmp_path / "one" / "ear.onnx").read_bytes() == (tmp_path / "two" / "ear.onnx").read_bytes()


def test_each_head_reads_its_own_classes():
    """Simulated effort is a raised voice and no anger: the anger head leaves it out."""
    assert "effort" in HEADS["raised_voice"].own
    assert "effort" in HEADS["anger"].ignored
    assert pytest.approx(second.SHARES["happy"]) == second.SHARES["neutral"]
