"""Pictures can be drawn, and matplotlib keeps no list of fonts where it isn't told to."""

import os
import subprocess
import sys
from pathlib import Path

from callguard.runtime.figures import new_figure

DRAW = "from callguard.runtime.figures import new_figure; new_figure(2, 1).savefig('picture.png')"


def draw(folder: Path, **environment: str) -> set[str]:
    """Draw in another process; return the folders and files that were made."""
    own = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(Path.cwd())}
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    inherited = {name: value for name, value in os.environ.items() if name not in ("MPLCONFIGDIR", "XDG_CACHE_HOME")}
    subprocess.run([sys.executable, "-c", DRAW], cwd=folder, env={**inherited, **own, **environment}, check=True)
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_picture_leaves_nothing_but_itself(tmp_path: Path) -> None:
    assert draw(tmp_path) == {"home", "tmp", "picture.png"}


def test_a_folder_that_the_user_named_is_used(tmp_path: Path) -> None:
    assert any(path.startswith("fonts/fontlist") for path in draw(tmp_path, MPLCONFIGDIR=str(tmp_path / "fonts")))


def test_a_figure_is_as_large_as_asked() -> None:
    assert new_figure(7, 4).get_size_inches().tolist() == [7, 4]
