import numpy as np
import pytest

from callguard.audio.listener import Listener
from callguard.audio.recent import Recent
from callguard.audio.window import PITCH
from callguard.models.encoder import VOICE, Encoder
from tests.support.sound import buzz, hops
from training.channel import Line
from training.data import Clip
from training.legs import LegPlan, Take, hear, render


def take(hertz, seconds=2.0, offset=0.0, seed=0):
    from pathlib import Path

    clip = Clip(Path("made"), "made", "s", "neutral", "", "", "", "CC0-1.0", seconds, "train")
    return Take(clip, offset, (buzz(seconds, hertz, seed=seed) / 32768).astype(np.float32))


PLANS = [
    LegPlan((take(110), take(120)), (take(180, offset=9.0),), Line(seed=3), 1.0),
    LegPlan((), (take(220),), Line(codec="alaw", gain_db=-10, seed=4), 0.0),
]


def test_training_hears_exactly_what_the_service_hears():
    """Features that train are the features that run: the listener fed hop by hop gives the same numbers."""
    found = hear(PLANS)
    for leg, plan in enumerate(PLANS):
        pcm, _ = render(plan)
        listener, mine = Listener(1), []
        for hop in hops(pcm):
            listener.hear(hop)
            due = listener.judgeable(hop.rows)
            if len(due.rows) and due.speech_s[0] >= 0.5:
                mine.append((due.window[0], due.baseline[0], due.baseline_s[0]))
        rows = found.leg == leg
        assert rows.sum() == len(mine) > 2
        np.testing.assert_allclose(found.window[rows], [window for window, *_ in mine], rtol=2e-4, atol=2e-3)
        np.testing.assert_allclose(found.baseline[rows], [base for _, base, _ in mine], rtol=2e-4, atol=2e-3)
        np.testing.assert_allclose(found.baseline_s[rows], [s for *_, s in mine], rtol=1e-4)


def test_a_cold_leg_has_no_baseline_at_first_and_a_warm_one_has():
    found = hear(PLANS)
    assert found.baseline_s[(found.leg == 0) & found.counts].min() > 0.5
    assert found.baseline_s[found.leg == 1].min() < 0.8


def test_level_offsets_are_heard():
    plan = LegPlan((take(120),), (take(120, offset=12.0),), Line(seed=1), 1.0)
    pcm, start = render(plan)
    cut = int(start * 8000)
    before, after = pcm[2000 : cut - 2000].astype(float), pcm[cut:].astype(float)
    assert 20 * np.log10(after.std() / before.std()) == pytest.approx(12, abs=4)


def test_a_leg_that_is_played_faster_is_shorter_and_higher():
    slow, fast = (LegPlan((), (take(150, 4.0),), Line(seed=2), 0.0, speed=speed) for speed in (1.0, 1.25))
    heard = [hear([plan]) for plan in (slow, fast)]
    pitches = [float(np.median(found.window[:, PITCH])) for found in heard]
    assert pitches[1] - pitches[0] == pytest.approx(12 * np.log2(1.25), abs=0.7)
    assert len(render(fast)[0]) < 0.9 * len(render(slow)[0])


def test_the_encoder_hears_the_last_two_seconds_of_each_window():
    """A window's voice is that of the two seconds that end with it, as the service would cut them."""
    encoder = Encoder()
    found = hear(PLANS[:1], encoder=encoder)
    assert found.voice.shape == (len(found.leg), VOICE)
    pcm, _ = render(PLANS[0])
    listener, recent, mine = Listener(1), Recent(1), []
    for hop in hops(pcm):
        speech = listener.detect(hop).speech
        listener.extract(hop, speech)
        recent.add(hop.rows, hop.pcm, speech)
        due = listener.judgeable(hop.rows)
        if len(due.rows) and due.speech_s[0] >= 0.5:
            mine.append(encoder.voice(*recent.window(0)))
    np.testing.assert_allclose(found.voice, mine, atol=2e-3)
    assert hear(PLANS[:1]).voice.shape == (len(found.leg), 0)
