import numpy as np
import pytest
import soundfile

from callguard.analysis.recordings import RecordingError, read_recording, read_truth
from tests.support.sound import buzz


def test_sixteen_bit_samples_at_8_khz_come_back_as_they_are(tmp_path):
    sound = np.stack([buzz(1), buzz(1, 200)])
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, sound.T, 8000, subtype="PCM_16")
        assert np.array_equal(read_recording(tmp_path / name), sound)


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_other_rates_are_brought_to_8_khz(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.sin(2 * np.pi * 400 * np.arange(rate) / rate) * 0.5, rate)
    found = read_recording(tmp_path / "a.wav")
    assert found.shape[1] == pytest.approx(8000, abs=2)
    assert np.abs(found[0, 1000:7000]).max() == pytest.approx(16384, rel=0.02)


def test_one_sample_and_none_are_recordings(tmp_path):
    for count in (0, 1):
        soundfile.write(tmp_path / "a.wav", np.zeros(count), 8000, subtype="PCM_16")
        assert read_recording(tmp_path / "a.wav").shape == (1, count)


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.array([0.0, np.nan, 0.1]), 8000, "not numbers"),
        (np.array([0.0, np.inf]), 16000, "not numbers"),
        (np.zeros((100, 3)), 8000, "3 channels"),
        (np.zeros(100), 4000, "4000 Hz"),
    ],
)
def test_what_cannot_be_analysed_is_refused_with_the_reason(tmp_path, samples, rate, words):
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    with pytest.raises(RecordingError, match=words):
        read_recording(tmp_path / "a.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\0" * 5000, b"fLaC" + b"\xff" * 50])
def test_what_is_no_recording_is_refused(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.wav"):
        read_recording(tmp_path / "a.wav")


def test_a_recording_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(RecordingError, match="no such file"):
        read_recording(tmp_path / "gone.wav")


def test_truth_is_read_where_it_lies_and_broken_truth_is_refused(tmp_path):
    path = tmp_path / "call.json"
    assert read_truth(path) == ()
    path.write_text('{"customer": {"angry": [{"start": 1, "end": 2.5}]}}')
    assert read_truth(path) == ((1.0, 2.5),)
    path.write_text('{"customer": []}')
    with pytest.raises(RecordingError, match="truth"):
        read_truth(path)
