"""The layout shows how data flows; these tests fail when it stops being true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "callguard"
ASTERISKS_WORDS = re.compile(r"\bsnoops?\b", re.IGNORECASE)
SPEAK_THEM = ("asterisk", "doctor", "testbed", "ari_app.py", "config/schema.py", "cli")
"""asterisk/ and ari_app speak ARI; doctor and testbed stand at the PBX's side; config and help explain them."""
LONGEST_MODULE = 400


def test_imports_keep_their_direction() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_snoops_stay_with_asterisk(path: Path) -> None:
    if not str(path.relative_to(PACKAGE)).startswith(SPEAK_THEM):
        assert ASTERISKS_WORDS.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE
