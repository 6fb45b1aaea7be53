import json
import shutil

import numpy as np
import pytest

from callguard.audio.gates import Reason
from callguard.audio.listener import Listener
from callguard.models import gate
from callguard.models.card import ModelError, card_path
from callguard.models.gate import GateModel
from tests.support.sound import hops, speech_data
from training import sounds


def verdicts(pcm):
    """Reasons of all windows that hold half a second of what passed the VAD."""
    listener, model, found = Listener(1), GateModel(1), []
    for hop in hops(pcm):
        listener.hear(hop)
        due = listener.judgeable(hop.rows)
        reasons = model.reasons(due.rows, due.window, due.speech_s)
        found += [Reason(reason) for reason, speech in zip(reasons, due.speech_s, strict=True) if speech >= 0.5]
    return found


def pcm(sound):
    return (sound / np.abs(sound).max() * 12000).astype(np.int16)


@pytest.mark.parametrize("kind", ["music", "noise", "tone", "fax", "dtmf"])
def test_what_is_made_is_hardly_ever_taken_for_speech(kind):
    """Other seeds than training's; a second of misjudged sound in twenty would be too much."""
    found = [
        v for seed in range(4) for v in verdicts(pcm(sounds.MAKERS[kind](8.0, np.random.default_rng(9000 + seed))))
    ]
    assert sum(v is Reason.JUDGED for v in found) <= max(1, 0.1 * len(found))


def test_real_speech_calm_and_angry_passes():
    from training.data import load_corpora, read

    clips = load_corpora(speech_data(), ["emodb", "librispeech"])
    for emotion in ("neutral", "angry"):
        chosen = [clip for clip in clips if clip.emotion == emotion][:12]
        found = [v for clip in chosen for v in verdicts(pcm(np.tile(read(clip.path), 2)))]
        assert np.mean([v is Reason.JUDGED for v in found]) > 0.9, emotion


def test_belief_of_a_leg_is_its_own_and_is_forgotten_on_demand():
    model, fresh = GateModel(2), GateModel(2)
    window = np.random.default_rng(1).normal(size=(1, len(model.card.features))).astype(np.float32)
    one = np.ones(1, np.float32)
    for _ in range(5):
        model.reasons(np.array([0]), window * 3, one)
    model.forget(0)
    assert model.reasons(np.array([0]), window, one) == fresh.reasons(np.array([0]), window, one)


def test_other_classes_are_refused(tmp_path):
    path = tmp_path / "gate.onnx"
    shutil.copy(gate.SHIPPED, path)
    card = json.loads(card_path(gate.SHIPPED).read_text())
    card_path(path).write_text(json.dumps(card | {"classes": ["speech", "other"]}))
    with pytest.raises(ModelError, match="classes"):
        GateModel(1, path)
