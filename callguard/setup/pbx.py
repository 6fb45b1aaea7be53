"""Get into the PBX: add our users and contexts to its files, reload it, and read its inventory."""

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from callguard.asterisk.errors import AriError, RefusedError
from callguard.asterisk.native_rtp import MODULE
from callguard.config import AsteriskConfig, ConfigError
from callguard.inventory.pbx import Inventory
from callguard.inventory.reader import read_inventory
from callguard.setup.access import Found
from callguard.setup.changes import Change, described, make_all, permit
from callguard.setup.conf import PLAIN, Layout, layout_of
from callguard.setup.console import RELOADS, UNLOAD, ConsoleError, on_console, reload_all, sounds_folder
from callguard.setup.interview import Interview
from callguard.setup.snippets import by_hand, snippet_changes

USUAL: Final = Path("/etc/asterisk")
READY_S: Final = 20.0
"""Seconds until ARI and AMI answer after a reload."""


class Pbx:
    """The PBX during `init`. `aside` is the folder for snippets that are not to go into Asterisk's own folder."""

    def __init__(self, interview: Interview, aside: Path, *, dry_run: bool, overwrite: bool) -> None:
        self._interview = interview
        self._aside = aside
        self._dry_run = dry_run
        self._overwrite = overwrite
        answers = interview.answers.asterisk
        self.folder = answers.folder or _folder(interview)
        self.layout: Layout = layout_of(self.folder) if self.folder else PLAIN
        self.mine = False
        """Whether init may change Asterisk's files and reload it."""
        self.command: str | None = answers.command if answers.command is not None else shutil.which("asterisk")

    async def enter(self, found: Found, secrets: Change) -> Inventory | None:
        """Install what is missing and return the inventory; None in a dry run where ARI does not answer yet.

        `secrets` keeps the new passwords before Asterisk gets them, so that a run that fails later can be repeated.
        Raises ConfigError with what to do where the PBX can't be entered.
        """
        changes = self._changes(found, unload=False)
        missing = [change for change in changes if change.kind != "same"]
        if missing:
            await self._install(missing, changes, secrets)
        return await self._read(found, waits=bool(missing))

    def _changes(self, found: Found, *, unload: bool) -> list[Change]:
        return snippet_changes(self.folder or self._aside, self.layout, found.made, unload=unload)

    async def _install(self, missing: list[Change], changes: list[Change], secrets: Change) -> None:
        self.mine = self._may_install(missing)
        if self._dry_run:
            return
        if self.mine:
            permit(self._interview, missing, overwrite=self._overwrite)
        self._show([secrets])
        make_all([secrets])
        if self.mine:
            make_all(missing)
            await self._reload()
            return
        files = [replace(each, path=self._aside / each.path.name) for each in changes if _is_ours(each)]
        make_all(files)
        for line in by_hand(self._aside, [each.path.name for each in files]):
            self._interview.tell("yellow", f"  {line}")
        if self._interview.prompt:
            self._interview.prompt("Do this on the PBX, then press Enter", "")

    def _may_install(self, missing: list[Change]) -> bool:
        if self.folder is None:
            self._interview.tell("yellow", "Asterisk's configuration is not on this machine (asterisk.folder):")
            return False
        self._interview.tell("", f"{self.layout.name} needs a user for ARI and AMI, and a context for taps:")
        self._show(missing)
        question = f"May init change these files of {self.folder} and reload Asterisk?"
        agreed = self._interview.agreed("asterisk.install", question, guess="yes")
        self._interview.settle()
        return agreed

    def _show(self, changes: list[Change]) -> None:
        for line in described(changes):
            self._interview.tell("", f"  {line}")

    async def _reload(self) -> None:
        if not self.command:
            self._interview.tell("yellow", "no asterisk command here (asterisk.command); on the PBX's console do:")
            for words in RELOADS:
                self._interview.tell("yellow", f"  {words}")
            return
        try:
            await reload_all(self.command)
        except ConsoleError as error:
            raise ConfigError([f"asterisk.command: Asterisk could not be reloaded: {error}"]) from error

    async def _read(self, found: Found, *, waits: bool) -> Inventory | None:
        config = AsteriskConfig.model_validate(found.access.settings())
        deadline = time.monotonic() + (READY_S if waits and not self._dry_run else 0)
        while True:
            try:
                inventory = await read_inventory(config)
            except AriError as error:
                if self._dry_run:
                    return None
                if time.monotonic() > deadline:
                    raise ConfigError([_no_way_in(found, error)]) from error
            else:
                if inventory.queues is not None or time.monotonic() > deadline:
                    return inventory
            await asyncio.sleep(0.3)

    async def settle_native_rtp(self, inventory: Inventory, found: Found) -> bool:
        """Ask about bridge_native_rtp where it is loaded, and unload it where that is the answer.

        Return whether it stays, and somebody confirms that the phones bear it.
        """
        if MODULE not in inventory.modules:
            return False
        question = (
            "bridge_native_rtp is loaded: taps make RTP jump, and some phones go deaf. Unload it, now and for good? "
            "confirmed: it stays, as your phones were heard to bear it"
        )
        chosen = self._interview.choice(
            "asterisk.native_rtp", question, ("unload", "keep", "confirmed"), guess="unload"
        )
        self._interview.settle()
        if chosen == "unload" and not self._dry_run:
            await self._unload(found)
        return chosen == "confirmed"

    async def _unload(self, found: Found) -> None:
        changes = [change for change in self._changes(found, unload=True) if change.kind != "same"]
        if self.command is None or not (self.mine or self._may_install(changes)):
            self._interview.tell("yellow", "  modules.conf: noload => bridge_native_rtp.so, then restart Asterisk")
            return
        permit(self._interview, changes, overwrite=self._overwrite)
        self._show(changes)
        make_all(changes)
        try:
            await on_console(self.command, UNLOAD)
        except ConsoleError as error:
            self._interview.tell("yellow", f"  it is unloaded at Asterisk's next start: {error}")

    async def prompts_folder(self) -> Path | None:
        """Return the folder of our prompts in Asterisk's sounds; None where Asterisk's console does not tell."""
        if self.command is None:
            return None
        try:
            folder = await sounds_folder(self.command)
        except ConsoleError:
            return None
        return folder / "callguard" if folder else None


def _folder(interview: Interview) -> Path | None:
    """Return the usual folder, or the one that a person names where there is none."""
    if USUAL.is_dir():
        return USUAL
    question = "Folder of Asterisk's configuration (nothing: Asterisk is on another machine)"
    named = interview.text("asterisk.folder", question, proposal="")
    return Path(named) if named else None


def _is_ours(change: Change) -> bool:
    return change.path.name.endswith("_callguard.conf")


def _no_way_in(found: Found, error: AriError) -> str:
    access = found.access
    if isinstance(error, RefusedError):
        return (
            f"asterisk.ari: {access.ari_url} refuses user {access.ari_user!r}: is ari_callguard.conf included? {error}"
        )
    return f"asterisk.ari: {access.ari_url} does not answer: is http.conf enabled, and is this its port? {error}"
