import numpy as np
import pytest

from tests.support.sound import buzz
from training.channel import CODECS, Line, encode, lose, random_line, speech_rms, transmit

VOICE = (buzz(2) / 32768).astype(np.float32)


def snr(sound, coded):
    return 10 * np.log10(np.sum(sound**2) / np.sum((coded - sound) ** 2))


@pytest.mark.parametrize(
    ("codec", "least"),
    [
        ("ulaw", 30),
        ("alaw", 30),
        ("slin", 90),
        ("g726", 15),
        ("gsm", 5),
        ("opus", 5),
    ],
)
def test_codecs_keep_the_voice_to_their_own_degree(codec, least):
    with np.errstate(divide="ignore"):
        assert snr(VOICE, encode(VOICE, codec)) > least


def test_an_unknown_codec_is_refused():
    with pytest.raises(ValueError, match="allowed"):
        encode(VOICE, "mp3")


def test_the_line_is_the_same_for_the_same_seed():
    for seed in range(5):
        line = random_line(np.random.default_rng(seed))
        assert np.array_equal(transmit(VOICE, line), transmit(VOICE, line))


@pytest.mark.parametrize("gain", [-20, 0, 8])
def test_gain_moves_the_level(gain):
    found = speech_rms(transmit(VOICE, Line(gain_db=gain, low_hz=60)).astype(np.float32) / 32768)
    assert 20 * np.log10(found) == pytest.approx(-26 + gain, abs=3)


def test_noise_clipping_and_loss_do_what_they_say():
    assert (lose(np.ones(160 * 5000, np.int16), 0.1, np.random.default_rng(3)) == 0).mean() == pytest.approx(
        0.1, abs=0.03
    )
    clean = transmit(VOICE, Line(seed=4))
    assert speech_rms((transmit(VOICE, Line(snr_db=3, seed=4)) - clean).astype(np.float32)) > 500
    clipped = transmit(VOICE, Line(clip=12, codec="slin"))
    assert (np.abs(clipped) >= 0.99 * np.abs(clipped).max()).mean() > 0.02


def test_silence_and_one_sample_pass():
    for codec in CODECS:
        assert len(transmit(np.zeros(1600, np.float32), Line(codec=codec, room_s=0.3))) == 1600
    assert len(transmit(np.zeros(1, np.float32), Line())) == 1
