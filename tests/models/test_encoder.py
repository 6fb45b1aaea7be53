import json
import shutil

import numpy as np
import pytest

from callguard.audio.logmel import CLIP_SAMPLES, TOKENS
from callguard.models import encoder
from callguard.models.card import ModelError, card_path
from callguard.models.encoder import VOICE, Encoder
from tests.support.sound import buzz, noise

ALL = np.ones(TOKENS, np.bool_)


def test_the_shipped_encoder_tells_its_source_and_licence():
    card = Encoder().card
    assert card.model_extra["source"]["licence"] == "MIT"
    assert "not public" in card.limits[0]


def test_a_windows_voice_does_not_depend_on_what_was_heard_before():
    mine, other = Encoder(), Encoder()
    for _ in range(3):
        mine.voice(noise(2.0, 0.3), ALL)
    np.testing.assert_array_equal(mine.voice(buzz(2.0), ALL), other.voice(buzz(2.0), ALL))


def test_what_is_no_speech_is_left_out():
    """Speech alone is pooled: other sound in the pauses changes the voice far less than other speech does."""
    speech = ALL.copy()
    speech[60:] = False
    mine, pcm = Encoder(), buzz(2.0)
    noisy, other = pcm.copy(), buzz(2.0, 240)
    noisy[60 * 160 + 800 :] = noise(2.0, 0.02)[60 * 160 + 800 :]
    usual = mine.voice(pcm, speech)
    off = np.linalg.norm(mine.voice(noisy, speech) - usual)
    assert off < 0.6 * np.linalg.norm(mine.voice(other, speech) - usual)


@pytest.mark.parametrize("seed", range(4))
def test_any_audio_gives_finite_numbers(seed):
    rng = np.random.default_rng(seed)
    kinds = (
        rng.integers(-32768, 32768, CLIP_SAMPLES),
        np.zeros(CLIP_SAMPLES),
        np.where(rng.random(CLIP_SAMPLES) < 0.001, 32767, 0),
        np.full(CLIP_SAMPLES, -32768),
    )
    for speech in (ALL, ~ALL, rng.random(TOKENS) < 0.5):
        voice = Encoder().voice(kinds[seed].astype(np.int16), speech)
        assert voice.shape == (VOICE,)
        assert np.isfinite(voice).all()


def test_an_encoder_of_another_shape_is_refused(tmp_path):
    path = tmp_path / "encoder.onnx"
    shutil.copy(encoder.SHIPPED, path)
    card = json.loads(card_path(encoder.SHIPPED).read_text())
    card["outputs"]["voice"] = [1, 512]
    card_path(path).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="not this version's encoder"):
        Encoder(path)


def test_a_missing_encoder_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.json: can't be read"):
        Encoder(tmp_path / "gone.onnx")
