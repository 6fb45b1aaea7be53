"""Add the spoken prompts to Asterisk's data by links in a folder of the lab, since the installation may be shared."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from callguard.prompts import FOLDER
from callguard.testbed.lab.root import Installation

LANGUAGE: Final = "en"


def with_prompts(installation: Installation, folder: Path) -> Installation:
    """Return the installation with its data linked into `folder`, beside sound:callguard/NAME."""
    sounds = folder / "sounds"
    english = sounds / LANGUAGE
    english.mkdir(parents=True)
    _link(installation.data, folder, leave="sounds")
    _link(installation.data / "sounds", sounds, leave=LANGUAGE)
    _link(installation.data / "sounds" / LANGUAGE, english, leave="callguard")
    (english / "callguard").symlink_to(FOLDER)
    return replace(installation, data=folder)


def _link(source: Path, folder: Path, *, leave: str) -> None:
    for path in source.iterdir() if source.is_dir() else ():
        if path.name != leave:
            (folder / path.name).symlink_to(path)
