import numpy as np
import pytest

from callguard.audio.baseline import HALVED_S, KEPT_S, MEMORY_S, WHOLE_S, Baselines, calmness, worth
from callguard.audio.features import BANDS, FRAME_FEATURES
from callguard.audio.window import FUNCTIONALS, LOUDNESS, frame_sums, functionals, seconds

ROW = np.array([0])


def block(frames=25, loudness=-27.0, tilt=-6.0, mid=1.5, pitch=8.5):
    """Sums of frames that sound as told: loudness and tilt are also in the band powers."""
    features = np.zeros((frames, len(FRAME_FEATURES)), np.float32)
    features[:, FRAME_FEATURES.index("periodicity")] = 1.0
    features[:, FRAME_FEATURES.index("pitch")] = pitch
    features[:, FRAME_FEATURES.index("level")] = loudness
    decibels = {"all": loudness, "low": loudness, "high": loudness + tilt, "bass": loudness, "middle": loudness + mid}
    bands = np.array([[10 ** (decibels.get(name, loudness) / 10) for name in BANDS]] * frames, np.float32)
    return frame_sums(features, bands).sum(axis=0, keepdims=True)


def learn(baselines, times, **sound):
    for _ in range(times):
        part = block(**sound)
        baselines.learn(ROW, part, functionals(part))


SHOUTED = {"loudness": -12.0, "tilt": 1.0, "mid": 8.0, "pitch": 15.0}


def test_calm_speech_is_learnt_at_once():
    baselines = Baselines(1)
    learn(baselines, 4, loudness=-33.0)
    assert functionals(baselines.sums)[0, LOUDNESS] == pytest.approx(-33, abs=0.1)
    assert seconds(baselines.sums)[0] == pytest.approx(2, abs=0.3)


def test_shouting_does_not_become_normal():
    """Twenty seconds of shouting move the level that counts as calm by less than two decibels."""
    baselines = Baselines(1)
    learn(baselines, 12)
    before = functionals(baselines.sums)[0, LOUDNESS]
    learn(baselines, 40, **SHOUTED)
    assert functionals(baselines.sums)[0, LOUDNESS] - before < 2


def test_who_shouts_from_the_first_word_is_not_taken_for_calm():
    """Cold start: against what is usual, the first words stand out and are hardly learnt."""
    baselines = Baselines(1)
    learn(baselines, 10, **SHOUTED)
    assert seconds(baselines.sums)[0] < 0.5


def test_a_calm_voice_after_a_loud_start_is_learnt():
    baselines = Baselines(1)
    learn(baselines, 10, **SHOUTED)
    learn(baselines, 12)
    assert functionals(baselines.sums)[0, LOUDNESS] == pytest.approx(-27, abs=2)


def test_a_gain_jump_alone_is_learnt_in_time():
    """Another handset is louder with the same voice: level alone is not effort."""
    baselines = Baselines(1)
    learn(baselines, 12)
    learn(baselines, 120, loudness=-12.0)
    assert functionals(baselines.sums)[0, LOUDNESS] > -15


def test_memory_is_bounded():
    baselines = Baselines(1)
    learn(baselines, 300)
    assert seconds(baselines.sums)[0] <= MEMORY_S + 0.1


def test_loosened_baselines_keep_the_sound_and_little_of_the_weight():
    baselines = Baselines(2)
    learn(baselines, 20)
    before = functionals(baselines.sums[:1])
    baselines.loosen(np.array([0, 1]))
    assert seconds(baselines.sums)[0] == pytest.approx(KEPT_S, abs=0.01)
    np.testing.assert_allclose(functionals(baselines.sums[:1]), before, atol=0.05)
    assert seconds(baselines.sums)[1] == 0


def test_calmness_falls_with_effort_and_stays_a_share():
    calm, loud = functionals(block()), functionals(block(**SHOUTED))
    both = np.concatenate([calm, loud])
    found = calmness(both, np.repeat(calm, 2, axis=0), np.full(2, 10.0, np.float32))
    assert found[0] > 0.9
    assert found[1] < 0.1
    wild = np.full((1, len(FUNCTIONALS)), 1e6, np.float32)
    assert 0 <= calmness(wild, calm, np.ones(1, np.float32))[0] <= 1


def test_the_gain_of_a_line_says_nothing_of_calm():
    """The same voice is learnt alike on a quiet and on a loud line, from the first words on."""
    found = []
    for gain in (-24.0, 0.0, 12.0):
        baselines = Baselines(1)
        for sound in ({"loudness": -27.0}, {"loudness": -24.0, "pitch": 10.0}, SHOUTED):
            learn(baselines, 3, **(sound | {"loudness": sound["loudness"] + gain}))
        found.append(float(seconds(baselines.sums)[0]))
    assert found == pytest.approx([found[1]] * 3, abs=1e-3)


def test_a_carried_baseline_counts_as_much_as_it_is_worth_and_fades_with_what_is_learnt_later():
    earlier, later = Baselines(1), Baselines(1)
    learn(earlier, 40, loudness=-33.0)
    later.carry_over(0, earlier.sums[0], 5.0)
    assert seconds(later.sums)[0] == pytest.approx(5.0)
    assert later.carried_s[0] == pytest.approx(5.0)
    np.testing.assert_allclose(functionals(later.sums), functionals(earlier.sums), atol=0.05)
    learn(later, 400, loudness=-33.0)
    assert later.carried_s[0] < 0.1
    later.carry_over(0, earlier.sums[0], 5.0)
    later.loosen(ROW)
    assert later.carried_s[0] == pytest.approx(KEPT_S)
    later.clear(0)
    assert later.carried_s[0] == 0


@pytest.mark.parametrize(
    ("have_s", "age_s", "loose", "expected"),
    [
        (20, -5, False, 20),
        (20, 0, False, 20),
        (20, WHOLE_S, False, 20),
        (20, WHOLE_S + HALVED_S, False, 10),
        (20, WHOLE_S + 2 * HALVED_S, False, 5),
        (20, 3600, False, KEPT_S),
        (0.5, 3600, False, 0.5),
        (20, 0, True, KEPT_S),
        (0.5, 0, True, 0.5),
    ],
)
def test_a_baseline_is_whole_for_a_minute_then_halves_down_to_what_hold_leaves(have_s, age_s, loose, expected):
    assert worth(have_s, age_s, loose=loose) == pytest.approx(expected)
