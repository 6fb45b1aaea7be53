import numpy as np
import onnxruntime

from callguard.audio.logmel import MEL_BANDS, MEL_FRAMES, TOKENS, log_mel
from callguard.models import encoder as shipped
from callguard.models.encoder import Encoder
from tests.support.sound import buzz
from tests.training.test_whisper import some_weights
from training import encoder


def test_the_graph_computes_what_the_reference_computes(tmp_path):
    weights = some_weights()
    encoder.write_plain(weights, tmp_path / "plain.onnx")
    assert encoder.difference(weights, tmp_path / "plain.onnx", 3)["largest"] < 1e-5


def test_integer_weights_stay_close_and_the_card_names_the_source(tmp_path):
    weights = some_weights()
    path = tmp_path / "encoder.onnx"
    encoder.export(weights, path, {"source": {"name": encoder.SOURCE}})
    assert encoder.difference(weights, path, 3)["relative_rms"] < 0.1
    assert path.stat().st_size < 3_000_000
    assert Encoder(path).card.model_extra["source"] == {"name": encoder.SOURCE}


def test_two_exports_give_the_same_bytes(tmp_path):
    weights = some_weights()
    for name in ("one", "two"):
        encoder.export(weights, tmp_path / name / "encoder.onnx", {})
    one, two = ((tmp_path / name / "encoder.onnx").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_shipped_graph_has_integer_weights_and_takes_one_window():
    session = onnxruntime.InferenceSession(str(shipped.SHIPPED), providers=["CPUExecutionProvider"])
    shapes = {node.name: tuple(node.shape) for node in session.get_inputs()}
    assert shapes == {"mel": (1, MEL_BANDS, MEL_FRAMES), "speech": (1, TOKENS)}
    assert shipped.SHIPPED.stat().st_size < 3_000_000


def test_the_shipped_graph_hears_what_the_reference_heard():
    """Values of `training.encoder.reference` with the pinned weights, for one made sound."""
    speech = np.ones((1, TOKENS), np.bool_)
    found = Encoder().voice(buzz(2.0), speech[0])
    assert log_mel(buzz(2.0)[None], speech).shape == (1, MEL_BANDS, MEL_FRAMES)
    np.testing.assert_allclose(found[REFERENCE_AT], REFERENCE, atol=0.05)
    assert np.corrcoef(found[REFERENCE_AT], REFERENCE)[0, 1] > 0.99


REFERENCE_AT = np.arange(0, 768, 24)
REFERENCE = np.array(
    [
        0.891,
        0.366,
        0.657,
        0.512,
        0.693,
        0.506,
        0.484,
        0.193,
        0.359,
        0.042,
        0.524,
        0.641,
        0.135,
        0.645,
        0.606,
        0.687,
        0.34,
        0.305,
        0.273,
        0.149,
        0.146,
        0.203,
        0.136,
        0.123,
        0.244,
        0.391,
        0.156,
        0.159,
        0.191,
        0.196,
        0.067,
        0.347,
    ]
)
