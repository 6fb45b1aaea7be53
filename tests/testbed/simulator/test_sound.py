"""Sounds that are no voice have the level that was asked for, and survive a file."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from callguard.audio.frames import Pcm
from callguard.testbed.simulator.sound import LOUDEST, SoundError, clip, load, music, samples, save, silence, tone
from tests.testbed.simulator.harness import tone_dbfs


def level_dbfs(pcm: Pcm) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((pcm / LOUDEST) ** 2))))


def test_a_tone_has_its_level_and_its_frequency() -> None:
    wave = tone(1000.0, 1.0, -20.0)
    assert wave.size == samples(1.0) == 8000
    assert level_dbfs(wave) == pytest.approx(-20, abs=0.1)
    assert tone_dbfs(wave, 1000.0) == pytest.approx(-20, abs=0.2)
    assert tone_dbfs(wave, 1200.0) < -60


def test_music_has_its_level_and_changes_its_chord_every_second() -> None:
    wave = music(4.0)
    assert level_dbfs(wave) == pytest.approx(-20, abs=0.5)
    first, second = wave[:8000], wave[8000:16000]
    assert tone_dbfs(first, 392.0) > tone_dbfs(second, 392.0) + 20
    assert music(0.0).size == 0


def test_silence_is_zeros() -> None:
    assert silence(0.5).size == 4000
    assert not silence(0.5).any()


def test_what_is_too_loud_is_clipped_and_not_wrapped() -> None:
    assert clip(np.array([1e6, -1e6, 5.6])).tolist() == [LOUDEST, -LOUDEST, 5]
    assert level_dbfs(tone(440.0, 1.0, 6.0)) <= 0


def test_a_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    save(path, tone(1000.0, 0.5))
    assert np.abs(load(path).astype(int) - tone(1000.0, 0.5)).max() <= 1


def test_another_rate_and_two_channels_become_one_at_eight_kilohertz(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    t = np.arange(16000) / 16000
    soundfile.write(path, np.stack([0.5 * np.sin(2 * np.pi * 1000 * t), np.zeros(16000)], axis=1), 16000)
    wave = load(path)
    assert wave.size == 8000
    assert tone_dbfs(wave, 1000.0) == pytest.approx(20 * np.log10(0.25 / np.sqrt(2)), abs=0.3)


@pytest.mark.parametrize("content", [None, b"no sound"])
def test_a_file_that_is_no_sound_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SoundError, match=r"a\.wav: "):
        load(path)
