"""Give an Asterisk of the lab data of its own by links, as the installation may be shared; add the spoken prompts."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from callguard.prompts import FOLDER
from callguard.testbed.lab.root import Installation

LANGUAGE: Final = "en"


def with_prompts(installation: Installation, folder: Path) -> Installation:
    """Return the installation with its data linked into `folder`, beside sound:callguard/NAME."""
    own = with_own_sounds(installation, folder)
    (folder / "sounds" / LANGUAGE / "callguard").symlink_to(FOLDER)
    return own


def with_own_sounds(installation: Installation, folder: Path) -> Installation:
    """Return the installation with its data linked into `folder`, where sounds can be added; without our prompts."""
    sounds = folder / "sounds"
    english = sounds / LANGUAGE
    english.mkdir(parents=True)
    _link(installation.data, folder, leave="sounds")
    _link(installation.data / "sounds", sounds, leave=LANGUAGE)
    _link(installation.data / "sounds" / LANGUAGE, english, leave="callguard")
    return replace(installation, data=folder)


def _link(source: Path, folder: Path, *, leave: str) -> None:
    for path in source.iterdir() if source.is_dir() else ():
        if path.name != leave:
            (folder / path.name).symlink_to(path)
