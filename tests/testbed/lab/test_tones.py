"""Tones that are told apart."""

from pathlib import Path

import numpy as np
import pytest

from callguard.testbed.lab.tones import RATE, music, read_wav, tone, tone_dbfs, tone_share, write_wav


def test_a_tone_alone_is_all_there_is(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 2, dbfs=-20))
    assert tone_share(path, 440) > 0.999
    assert tone_share(path, 1000) < 1e-6
    assert tone_dbfs(path, 440) == pytest.approx(-20, abs=0.1)


def test_two_tones_share_by_energy_and_keep_their_levels(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 2, -20) + tone(1000, 2, -30))
    assert tone_share(path, 440) == pytest.approx(10 / 11, abs=0.01)
    assert tone_dbfs(path, 1000) == pytest.approx(-30, abs=0.1)


def test_only_the_time_asked_for_counts(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.concatenate([tone(440, 1), tone(1000, 1)]))
    assert tone_share(path, 1000, 1.0, 2.0) > 0.999
    assert tone_share(path, 1000, 0.0, 1.0) < 1e-6
    with pytest.raises(ValueError, match=r"it is 2\.00 s long"):
        tone_share(path, 1000, 2.0)


def test_silence_holds_no_tone(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(RATE, np.int16))
    assert tone_share(path, 440) == 0
    assert tone_dbfs(path, 440) == -120


def test_a_file_of_another_rate_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 1))
    data = bytearray(path.read_bytes())
    data[24:28] = (16000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match="8 kHz mono"):
        read_wav(path)


def test_hold_music_is_no_voice_s_tone(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", music(8))
    assert max(tone_dbfs(path, hertz) for hertz in (440, 1000, 1700)) < -50
    assert len(read_wav(path)) == 8 * RATE
