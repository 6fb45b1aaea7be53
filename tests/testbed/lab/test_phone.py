"""What a phone can speak."""

from pathlib import Path

import pytest

from callguard.testbed.lab.phone import check_voice
from callguard.testbed.lab.tones import tone, write_wav


def test_a_voice_is_8_khz_mono_wav(tmp_path: Path) -> None:
    check_voice(write_wav(tmp_path / "good.wav", tone(440, 0.1)))


def test_anything_else_is_refused(tmp_path: Path) -> None:
    good = write_wav(tmp_path / "good.wav", tone(440, 0.1)).read_bytes()
    wide = good[:24] + (16000).to_bytes(4, "little") + good[28:]
    for name, data in (("wide.wav", wide), ("empty.wav", b""), ("good.mp3", good), ("text.wav", b"RIFF....")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=name):
            check_voice(tmp_path / name)
    with pytest.raises(ValueError, match=r"none\.wav"):
        check_voice(tmp_path / "none.wav")
