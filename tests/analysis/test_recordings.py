import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callguard.analysis.recordings import BLOCK_S, Recording, RecordingError, read_recording, read_truth
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


@pytest.mark.parametrize("subtype", ["GSM610", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "PCM_U8", "PCM_24"])
def test_every_form_of_wav_that_a_pbx_writes_is_read_to_its_end(tmp_path, subtype):
    """GSM610 is MixMonitor's wav49: a file in which libsndfile can't seek."""
    soundfile.write(tmp_path / "a.WAV", buzz(BLOCK_S + 3), 8000, format="WAV", subtype=subtype)
    found = read_recording(tmp_path / "a.WAV")
    assert found.shape[1] == pytest.approx((BLOCK_S + 3) * 8000, abs=500)
    assert np.abs(found[0, -16000:]).max() > 1000, "the end is heard, too"


def test_a_files_name_may_be_of_any_bytes(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    soundfile.write(tmp_path / "a.wav", buzz(1), 8000, subtype="PCM_16")
    (tmp_path / "a.wav").rename(path)
    assert np.array_equal(read_recording(path)[0], buzz(1))
    path.write_bytes(b"nothing")
    with pytest.raises(RecordingError, match=r"caf"):
        read_recording(path)


@pytest.mark.parametrize("rate", [8000, 11025, 48000])
def test_blocks_are_the_whole_recording_in_little_memory(tmp_path, rate):
    with soundfile.SoundFile(tmp_path / "long.wav", "w", rate, 2, "PCM_16") as file:
        for _ in range(20):
            file.write(np.zeros((60 * rate, 2), np.int16))
    tracemalloc.start()
    try:
        seconds = sum(block.shape[1] for block in Recording(tmp_path / "long.wav").blocks()) / 8000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds == pytest.approx(20 * 60, abs=0.01)
    assert peak < BLOCK_S * rate * 2 * 4 * 6, "a few blocks of floats"


def test_a_resampled_recording_has_no_seams_between_its_blocks(tmp_path):
    tone = np.sin(2 * np.pi * 400 * np.arange(16000 * (2 * BLOCK_S + 1)) / 16000) * 0.5
    soundfile.write(tmp_path / "a.wav", tone, 16000, subtype="FLOAT")
    steps = np.abs(np.diff(read_recording(tmp_path / "a.wav")[0, 100:-100].astype(int)))
    assert steps.max() <= 2 * np.pi * 400 / 8000 * 16384 * 1.01


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) * 2 // 3]


def unfinished(whole: bytes) -> bytes:
    """As a recorder leaves it that was killed: the header tells of no audio."""
    at = whole.index(b"data") + 4
    return whole[:at] + bytes(4) + whole[at + 4 :]


@pytest.mark.parametrize(
    ("name", "subtype", "damage", "words"),
    [
        ("a.wav", "PCM_16", cut, "bytes of its audio are missing"),
        ("a.wav", "GSM610", cut, "bytes of its audio are missing"),
        ("a.flac", "PCM_16", cut, "damaged after"),
        ("a.wav", "PCM_16", unfinished, "not finished by its recorder"),
        ("a.wav", "GSM610", unfinished, "not finished by its recorder"),
    ],
)
def test_audio_that_can_not_be_heard_is_never_taken_for_silence(tmp_path, name, subtype, damage, words):
    path = tmp_path / name
    soundfile.write(path, np.concatenate([buzz(2)] * 10), 8000, subtype=subtype)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RecordingError, match=words):
        read_recording(path)


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
