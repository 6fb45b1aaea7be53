"""init gets into the PBX by its files where it may, else it says what to do by hand, and waits until ARI answers."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from callguard.asterisk.errors import RefusedError, UnreachableError
from callguard.asterisk.native_rtp import MODULE
from callguard.config import AsteriskConfig, ConfigError
from callguard.inventory.pbx import Inventory
from callguard.setup import pbx as module
from callguard.setup.access import find_access
from callguard.setup.changes import Change
from callguard.setup.console import RELOADS, UNLOAD
from callguard.setup.interview import Interview
from callguard.setup.pbx import Pbx
from tests.inventory.pbxs import PBX
from tests.setup.people import Person, unasked

NATIVE = replace(PBX, modules=frozenset({MODULE}))


class Place:
    """Asterisk's folder, its console, and how ARI answers."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.etc = folder / "etc"
        self.etc.mkdir()
        self.aside = folder / "callguard" / "asterisk"
        self.secrets = Change(folder / "callguard" / "secrets.env", "A=1\n", 0o600)
        self.notes = folder / "console"
        script = f"import sys; open({str(self.notes)!r}, 'a').write(sys.argv[2] + chr(10))"
        self.command = shlex.join([sys.executable, "-c", script])
        self.reads: list[Inventory | Exception] = [PBX]
        monkeypatch.setattr(module, "read_inventory", self._read)
        monkeypatch.setattr(module, "READY_S", 0.5)

    async def _read(self, _: AsteriskConfig) -> Inventory:
        answer = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self, **more: object) -> dict[str, object]:
        return {"folder": str(self.etc), "command": self.command, "install": True, **more}

    async def enter(self, interview: Interview, *, dry_run: bool = False) -> tuple[Pbx, Inventory | None]:
        pbx = Pbx(interview, self.aside, dry_run=dry_run, overwrite=False)
        return pbx, await pbx.enter(find_access(interview, pbx.folder, {}), self.secrets)

    def said(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET"):
        monkeypatch.setenv(name, "kept")
    return Place(tmp_path, monkeypatch)


async def test_missing_users_are_installed_and_asterisk_is_reloaded(place: Place) -> None:
    place.reads = [UnreachableError("away"), replace(PBX, queues=None), PBX]
    pbx, found = await place.enter(unasked(asterisk=place.answers()))
    assert found is PBX
    assert pbx.mine
    assert "password = kept" in (place.etc / "ari_callguard.conf").read_text()
    assert place.said() == list(RELOADS)
    assert place.secrets.path.exists()


async def test_nothing_is_touched_twice(place: Place) -> None:
    await place.enter(unasked(asterisk=place.answers()))
    place.notes.unlink()
    _, found = await place.enter(unasked(asterisk=place.answers()))
    assert found is PBX
    assert place.said() == []


async def test_a_dry_run_touches_nothing(place: Place) -> None:
    place.reads = [UnreachableError("away")]
    _, found = await place.enter(unasked(asterisk=place.answers()), dry_run=True)
    assert found is None
    assert list(place.etc.iterdir()) == []
    assert place.said() == []
    assert not place.secrets.path.exists()


async def test_without_leave_nothing_is_written(place: Place) -> None:
    answers = place.answers()
    del answers["install"]
    with pytest.raises(ConfigError, match=r"asterisk\.install"):
        await place.enter(unasked(asterisk=answers))
    assert list(place.etc.iterdir()) == []
    assert not place.secrets.path.exists()


async def test_a_refusal_gets_the_snippets_aside_and_words_for_the_rest(place: Place) -> None:
    person = Person(May_init="no")
    answers = place.answers()
    del answers["install"]
    await place.enter(person.interview(asterisk=answers))
    assert list(place.etc.iterdir()) == []
    assert "password = kept" in (place.aside / "ari_callguard.conf").read_text()
    assert [line for line in person.told if "#include ari_callguard.conf" in line]
    assert person.asked[-1][0].startswith("Do this on the PBX")


@pytest.mark.parametrize(
    ("error", "words"),
    [(RefusedError("401", 401), "refuses user 'callguard'"), (UnreachableError("away"), "does not answer")],
)
async def test_no_way_in_is_told_with_the_cause(place: Place, error: Exception, words: str) -> None:
    place.reads = [error]
    with pytest.raises(ConfigError, match=words):
        await place.enter(unasked(asterisk=place.answers()))


async def test_a_console_that_fails_is_told(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"asterisk\.command"):
        await place.enter(unasked(asterisk=place.answers(command="no-such-program")))


async def test_a_file_of_that_name_with_other_content_is_not_replaced(place: Place) -> None:
    (place.etc / "ari_callguard.conf").write_text("[callguard]\npassword = hand-made\n")
    with pytest.raises(ConfigError, match="--overwrite"):
        await place.enter(unasked(asterisk=place.answers()))
    assert "hand-made" in (place.etc / "ari_callguard.conf").read_text()


async def settle(place: Place, interview: Interview, inventory: Inventory = NATIVE) -> bool:
    pbx, _ = await place.enter(interview)
    if place.notes.exists():
        place.notes.unlink()
    return await pbx.settle_native_rtp(inventory, find_access(interview, pbx.folder, {}))


async def test_native_rtp_is_unloaded_now_and_for_good(place: Place) -> None:
    assert await settle(place, unasked(asterisk=place.answers(native_rtp="unload"))) is False
    assert place.said() == [UNLOAD]
    assert "noload => bridge_native_rtp.so" in (place.etc / "modules_callguard.conf").read_text()


async def test_native_rtp_that_can_t_be_unloaded_now_is_told(place: Place) -> None:
    person = Person()
    answers = place.answers(native_rtp="unload")
    await place.enter(person.interview(asterisk=answers))
    interview = person.interview(asterisk={**answers, "command": "no-such-program"})
    pbx, _ = await place.enter(interview)
    pbx.mine = True
    await pbx.settle_native_rtp(NATIVE, find_access(interview, pbx.folder, {}))
    assert "at Asterisk's next start" in person.told[-1]
    assert "noload" in (place.etc / "modules_callguard.conf").read_text()


async def test_native_rtp_stays_where_somebody_says_so_and_is_asked_about(place: Place) -> None:
    assert await settle(place, unasked(asterisk=place.answers(native_rtp="keep"))) is False
    assert await settle(place, unasked(asterisk=place.answers(native_rtp="confirmed"))) is True
    assert place.said() == []
    assert await settle(place, unasked(asterisk=place.answers()), PBX) is False
    with pytest.raises(ConfigError, match=r"asterisk\.native_rtp"):
        await settle(place, unasked(asterisk=place.answers()))


async def test_the_prompts_folder_is_unknown_without_a_console(place: Place) -> None:
    pbx, _ = await place.enter(unasked(asterisk=place.answers()))
    assert await pbx.prompts_folder() is None


def ask_for_folder(monkeypatch: pytest.MonkeyPatch, interview: Interview) -> Callable[[], Path | None]:
    monkeypatch.setattr(module, "USUAL", Path("/nonexistent"))
    return lambda: Pbx(interview, Path("/x"), dry_run=True, overwrite=False).folder


def test_a_person_is_asked_where_asterisk_keeps_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask_for_folder(monkeypatch, unasked())() is None
    assert ask_for_folder(monkeypatch, Person(Folder="/opt/etc").interview())() == Path("/opt/etc")
