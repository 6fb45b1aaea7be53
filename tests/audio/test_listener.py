import numpy as np
import pytest

from callguard.audio.frames import Hop
from callguard.audio.listener import BLOCK, Listener
from callguard.audio.window import FUNCTIONALS
from tests.support.sound import buzz, hops, noise


def listen(listener, parts):
    """Return (row, window functionals, baseline functionals) of every block, in order of time."""
    out = []
    for hop in parts:
        listener.hear(hop)
        due = listener.judgeable(hop.rows)
        out += list(zip(due.rows.tolist(), due.window, due.baseline, due.speech_s, strict=True))
    return out


def voices(count, seconds=4.0):
    return [buzz(seconds, 90 + 15 * at, 0.05 + 0.01 * at, seed=at) for at in range(count)]


def test_a_batch_of_legs_gives_what_each_leg_gives_alone():
    sounds = voices(7)
    together = listen(Listener(7), hops(*sounds))
    for row, sound in enumerate(sounds):
        alone = listen(Listener(1), hops(sound))
        mine = [each for each in together if each[0] == row]
        assert len(mine) == len(alone) == 8
        for (_, window, baseline, speech), (_, window_1, baseline_1, speech_1) in zip(mine, alone, strict=True):
            np.testing.assert_allclose(window, window_1, rtol=2e-4, atol=2e-3)
            np.testing.assert_allclose(baseline, baseline_1, rtol=2e-4, atol=2e-3)
            assert speech == speech_1


def test_more_frames_than_a_block_change_nothing():
    """Blocks are for the cache alone; their edges must not be heard."""
    count = 2 * BLOCK // 5 + 1
    sounds = voices(3) * (count // 3 + 1)
    many = listen(Listener(len(sounds)), hops(*sounds))
    few = listen(Listener(3), hops(*sounds[:3]))
    for row in range(3):
        for (_, a, *_), (_, b, *_) in zip(
            [x for x in many if x[0] == row], [x for x in few if x[0] == row], strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3)


def test_the_same_audio_gives_the_same_bits():
    sound = buzz(5, seed=3)
    first, second = listen(Listener(1), hops(sound)), listen(Listener(1), hops(sound))
    for (_, a, b, c), (_, d, e, f) in zip(first, second, strict=True):
        assert np.array_equal(a, d)
        assert np.array_equal(b, e)
        assert c == f


def test_legs_that_come_at_different_times_and_rows_give_the_same():
    sound = buzz(4, seed=5)
    parts = hops(sound)
    listener = Listener(5)
    other = hops(noise(4))
    for at in range(3):  # another leg is already there
        listener.hear(Hop(np.array([1]), other[at].pcm, other[at].flags))
        listener.judgeable(np.array([1]))
    out = []
    for at, part in enumerate(parts):
        both = Hop(
            np.array([1, 4]),
            np.concatenate([other[(at + 3) % len(other)].pcm, part.pcm]),
            np.concatenate([part.flags, part.flags]),
        )
        listener.hear(both)
        due = listener.judgeable(both.rows)
        out += [window for row, window in zip(due.rows, due.window, strict=True) if row == 4]
    alone = [window for _, window, *_ in listen(Listener(1), parts)]
    for a, b in zip(out, alone, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3)


def test_an_opened_row_knows_nothing_of_its_last_leg():
    listener = Listener(1)
    listen(listener, hops(buzz(6, 200)))
    listener.open(0)
    again = listen(listener, hops(buzz(4, 110, seed=2)))
    fresh = listen(Listener(1), hops(buzz(4, 110, seed=2)))
    for (_, a, b, _), (_, c, d, _) in zip(again, fresh, strict=True):
        assert np.array_equal(a, c)
        assert np.array_equal(b, d)


def test_refused_sound_is_not_learnt():
    listener = Listener(1)
    for hop in hops(buzz(4)):
        listener.extract(hop, np.zeros_like(listener.detect(hop).speech))
        due = listener.judgeable(hop.rows)
        assert (due.speech_s == 0).all()
    assert listener.baselines.sums.sum() == 0


@pytest.mark.parametrize("sound", ["zeros", "dc", "full scale", "one sample", "clicks"])
def test_strange_audio_gives_finite_numbers(sound):
    made = {
        "zeros": np.zeros(8000, np.int16),
        "dc": np.full(8000, 12000, np.int16),
        "full scale": np.tile(np.array([32767, -32768], np.int16), 4000),
        "one sample": np.array([32767], np.int16),
        "clicks": np.where(np.arange(8000) % 400 == 0, 32767, 0).astype(np.int16),
    }[sound]
    for _, window, baseline, _ in listen(Listener(1), hops(made)):
        assert np.isfinite(window).all()
        assert np.isfinite(baseline).all()
        assert len(window) == len(FUNCTIONALS)
