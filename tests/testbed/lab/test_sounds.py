"""The lab's PBX finds our prompts, and an installation that others share stays as it is."""

from pathlib import Path

from callguard.prompts import TEXTS
from callguard.testbed.lab.root import Installation
from callguard.testbed.lab.sounds import with_prompts


def test_prompts_lie_beside_asterisks_own_sounds(tmp_path: Path) -> None:
    data = tmp_path / "shared"
    (data / "sounds" / "en").mkdir(parents=True)
    (data / "sounds" / "en" / "beep.gsm").write_bytes(b"beep")
    (data / "documentation").mkdir()
    found = with_prompts(Installation(("asterisk",), tmp_path, data), tmp_path / "own").data
    assert (found / "sounds" / "en" / "beep.gsm").read_bytes() == b"beep"
    assert (found / "documentation").is_dir()
    assert {path.stem for path in (found / "sounds" / "en" / "callguard").glob("*.wav")} == set(TEXTS)
    assert sorted(path.name for path in (data / "sounds" / "en").iterdir()) == ["beep.gsm"]


def test_data_without_sounds_is_no_obstacle(tmp_path: Path) -> None:
    found = with_prompts(Installation(("asterisk",), tmp_path, tmp_path / "bare"), tmp_path / "own").data
    assert (found / "sounds" / "en" / "callguard" / "slow-down.wav").exists()
