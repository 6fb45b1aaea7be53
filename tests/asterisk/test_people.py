"""People have the names that queues and the configuration give them."""

import asyncio
from contextlib import suppress

import pytest

from callguard.asterisk import people as module
from callguard.asterisk.people import Member, People, Roster
from callguard.config import Roles, SupervisorConfig

BOSS = SupervisorConfig(name="Chief", endpoint="PJSIP/boss")
NAMES = Roles(names={"PJSIP/300": "Zoë", "PJSIP/201": "not by this name", "PJSIP/boss": "nor this"})
MEMBERS = (
    Member("PJSIP/201", "PJSIP/201", "Mia"),
    Member("Local/202@from-queue/n", "PJSIP/202", "Kim"),
    Member("PJSIP/203", "PJSIP/203", "PJSIP/203"),
    Member("PJSIP/204", "", ""),
)


class Pbx:
    """Tells a roster, or nothing."""

    def __init__(self) -> None:
        self.told: Roster | None = Roster(frozenset({"support"}), MEMBERS)
        self.asked = 0

    async def roster(self) -> Roster | None:
        self.asked += 1
        return self.told


@pytest.mark.parametrize(
    ("phone", "name"),
    [
        ("PJSIP/201", "Mia"),
        ("pjsip/201", "Mia"),
        ("PJSIP/202", "Kim"),
        ("Local/202@from-queue/n", "Kim"),
        ("PJSIP/203", "PJSIP/203"),
        ("PJSIP/204", "PJSIP/204"),
        ("PJSIP/boss", "Chief"),
        ("PJSIP/999", "PJSIP/999"),
        ("pjsip/300", "Zoë"),
    ],
)
async def test_a_phone_gives_the_name_of_whom_it_belongs_to(phone: str, name: str) -> None:
    people = People(Pbx(), NAMES, [BOSS], lambda: None)
    assert await people.refresh()
    assert people.of(phone) == name


async def test_a_supervisors_configured_name_wins_and_may_change() -> None:
    people = People(Pbx(), NAMES, [SupervisorConfig(name="Lead", endpoint="PJSIP/201")], lambda: None)
    await people.refresh()
    assert people.of("PJSIP/201") == "Lead"
    people.apply(Roles(), [])
    assert people.of("PJSIP/201") == "Mia"


async def test_a_change_is_told_once_and_what_is_known_stays_while_the_pbx_is_away() -> None:
    pbx, changes = Pbx(), []
    people = People(pbx, Roles(), [], lambda: changes.append(1))
    assert [await people.refresh() for _ in range(2)] == [True, True]
    pbx.told = None
    assert await people.refresh() is False
    assert (len(changes), people.of("PJSIP/201"), people.queues) == (1, "Mia", {"support"})
    pbx.told = Roster(frozenset(), MEMBERS[:1])
    await people.refresh()
    assert (len(changes), people.names) == (2, {"Mia"})


async def test_the_queues_are_read_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.01)
    pbx = Pbx()
    task = asyncio.create_task(People(pbx, Roles(), [], lambda: None).run())
    async with asyncio.timeout(5):
        while pbx.asked < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
