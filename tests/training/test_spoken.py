import shutil

import pytest

from training import spoken
from training.data import permits_shipping

pytestmark = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


def test_a_voice_speaks_calm_and_lively_clips_that_may_be_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "LANGUAGES", ("de", "vi"))
    clips = spoken.made(tmp_path, 3)
    assert [clip.emotion for clip in clips] == (["neutral"] * 4 + ["lively"] * 2) * 2
    assert len({clip.speaker for clip in clips}) == 2
    assert all(permits_shipping(clip.licence) for clip in clips)
    assert all(clip.seconds > 1.0 for clip in clips)


def test_clips_are_made_once_and_alike_by_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "LANGUAGES", ("fi",))
    first = {clip.path.name: clip.path.read_bytes() for clip in spoken.made(tmp_path / "a", 3)}
    again = {clip.path.name: clip.path.read_bytes() for clip in spoken.made(tmp_path / "b", 3)}
    assert first == again
    touched = {clip.path: clip.path.stat().st_mtime_ns for clip in spoken.made(tmp_path / "a", 3)}
    assert {path: path.stat().st_mtime_ns for path in touched} == touched


def test_without_espeak_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install espeak-ng"):
        spoken.made(tmp_path, 3)
