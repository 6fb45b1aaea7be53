"""Voices for the phones that are tones, so that who is heard where can be proved."""

from pathlib import Path

from callguard.testbed.lab.tones import tone, write_wav

SECONDS = 60.0


class Voices:
    """Makes tones as files; the same tone is made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tone(self, hertz: int, dbfs: float = -15.0, seconds: float = SECONDS) -> Path:
        path = self._folder / f"{hertz}_{dbfs:g}_{seconds:g}.wav"
        return path if path.exists() else write_wav(path, tone(hertz, seconds, dbfs))
