"""Plan, show and make changes of files; nothing is replaced without a word and a copy."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from callguard.config import ConfigError
from callguard.setup.interview import Interview

COPY: Final = ".before-callguard"
"""Suffix of the copy of a file that init changed; the first copy is kept."""


PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class Change:
    """A file and its new text."""

    path: Path
    text: str
    mode: int = PUBLIC
    appends: bool = False
    """Whether the present text stays, with lines of ours in it."""

    @property
    def kind(self) -> Literal["new", "same", "append", "replace"]:
        """Return the change's effect on the disk."""
        if not self.path.exists():
            return "new"
        if self.path.read_text("utf-8", "replace") == self.text:
            return "same"
        return "append" if self.appends else "replace"

    def make(self) -> None:
        """Write the file; a changed file is copied first, a new one gets the owner of its folder. Raises OSError."""
        kind, copy = self.kind, self.path.with_name(self.path.name + COPY)
        if kind == "same":
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if kind != "new" and not copy.exists():
            copy.touch(0o600)
            copy.write_bytes(self.path.read_bytes())
        fresh = self.path.with_name(f".{self.path.name}.callguard")
        fresh.unlink(missing_ok=True)
        fresh.touch(0o600)  # a secret is at no moment readable for others
        fresh.write_text(self.text, "utf-8")
        model = self.path if kind != "new" else self.path.parent
        owner = model.stat()
        if os.geteuid() == 0:
            os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.chmod(owner.st_mode & 0o777 if kind == "append" and self.mode == PUBLIC else self.mode)
        fresh.replace(self.path)


WORDS: Final = {"new": "write", "append": "add lines to", "replace": "REPLACE", "same": "leave"}


def described(changes: Iterable[Change]) -> list[str]:
    """Return one line for each change."""
    return [
        f"{WORDS[change.kind]:13}{change.path}" + (f" (mode {change.mode:04o})" if change.mode != PUBLIC else "")
        for change in changes
    ]


def permit(interview: Interview, changes: Iterable[Change], *, overwrite: bool) -> None:
    """Raise ConfigError unless the files that changes replace may be replaced: by --overwrite, or as a person says."""
    replaced = [change.path for change in changes if change.kind == "replace"]
    if not replaced or overwrite:
        return
    names = ", ".join(map(str, replaced))
    if interview.asks and interview.agreed("", f"Replace {names}? A copy of each is kept", guess="no"):
        return
    raise ConfigError(
        [f"{path}: exists with other content; --overwrite replaces it and keeps a copy" for path in replaced]
    )


def make_all(changes: Iterable[Change]) -> None:
    """Make all changes; raise ConfigError with the path where one can't be written."""
    for change in changes:
        try:
            change.make()
        except OSError as error:
            raise ConfigError([f"{change.path}: can't be written: {error.strerror}; run init as root"]) from error
