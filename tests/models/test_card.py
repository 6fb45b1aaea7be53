import json
import shutil

import pytest

from callguard.audio.window import FUNCTIONALS
from callguard.models import emotion, gate
from callguard.models.card import ModelError, card_path, load_card
from callguard.models.session import open_session


@pytest.fixture
def model(tmp_path):
    """A copy of the shipped model and its card, to be spoilt."""
    path = tmp_path / "mine.onnx"
    shutil.copy(emotion.SHIPPED, path)
    shutil.copy(card_path(emotion.SHIPPED), card_path(path))
    return path


def spoil(model, **changes):
    card = json.loads(card_path(model).read_text())
    card_path(model).write_text(json.dumps(card | changes))


@pytest.mark.parametrize("shipped", [emotion.SHIPPED, gate.SHIPPED])
def test_shipped_models_were_shaped_by_permitted_data_alone(shipped):
    from training.data import permits_shipping

    card = load_card(shipped, "emotion" if shipped == emotion.SHIPPED else "gate", FUNCTIONALS)
    assert not card.research
    assert card.corpora
    assert all(corpus.shippable and permits_shipping(corpus.licence) for corpus in card.corpora)


def test_the_shipped_card_tells_thresholds_metrics_and_limits():
    card = load_card(emotion.SHIPPED, "emotion", FUNCTIONALS)
    assert card.thresholds is not None
    assert card.thresholds.watchful <= card.thresholds.quiet_floor
    assert card.metrics
    assert card.limits
    assert card_path(emotion.SHIPPED).with_suffix(".md").exists()


def test_another_file_under_the_card_is_refused(model):
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="SHA-256"):
        load_card(model, "emotion", FUNCTIONALS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "gate"}, "kind"),
        ({"opset": 99}, "opset 99"),
        ({"features": ["loudness"]}, "features"),
        ({"card": 2}, "card"),
        ({"sha256": "zz"}, "sha256"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_with_the_reason(model, change, words):
    spoil(model, **change)
    with pytest.raises(ModelError, match=words):
        load_card(model, "emotion", FUNCTIONALS)


def test_no_card_no_model(model):
    card_path(model).unlink()
    with pytest.raises(ModelError, match="can't be read"):
        load_card(model, "emotion", FUNCTIONALS)


def test_a_broken_card_is_refused(model):
    card_path(model).write_text("{")
    with pytest.raises(ModelError, match="JSON"):
        load_card(model, "emotion", FUNCTIONALS)


def test_shapes_other_than_the_cards_are_refused(model):
    card = load_card(model, "emotion", FUNCTIONALS)
    wrong = card.model_copy(update={"inputs": dict(card.inputs) | {"evidence": (None, 3)}})
    with pytest.raises(ModelError, match="the card says"):
        open_session(model, wrong)


def test_what_is_no_onnx_is_refused(model):
    card = load_card(model, "emotion", FUNCTIONALS)
    model.write_bytes(b"no model")
    with pytest.raises(ModelError, match="can't load"):
        open_session(model, card)
