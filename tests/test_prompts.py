"""Every prompt is there as sound that Asterisk plays, and can be copied to where Asterisk looks."""

import wave
from pathlib import Path

import pytest

from callguard.prompts import FOLDER, TEXTS, install


def test_every_text_was_spoken_and_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.wav")} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_every_prompt_is_sound_at_telephone_bandwidth(name: str) -> None:
    with wave.open(str(FOLDER / f"{name}.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert 0.2 < sound.getnframes() / 8000 < 10


def test_prompts_are_copied_over_older_ones_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "callguard"
    for _ in range(2):
        copies = install(folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.wav" for name in TEXTS)
        assert sorted(copies) == sorted(folder.iterdir())
        (folder / "slow-down.wav").write_bytes(b"older")
    install(folder)
    assert (folder / "slow-down.wav").read_bytes() == (FOLDER / "slow-down.wav").read_bytes()


def test_a_place_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        install(tmp_path / "file" / "below")


def test_a_folder_whose_parent_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        install(tmp_path / "sonds" / "callguard")
    assert list(tmp_path.iterdir()) == []
