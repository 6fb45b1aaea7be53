"""An agent who was relieved of a call is paused for a while, and never longer: not by a crash, not by our end."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from callguard.asterisk.ami import AmiError, Paused
from callguard.asterisk.supervision.cooldown import REASON, Cooldowns

MIA, BEN = "PJSIP/mia", "PJSIP/ben"


class Queues:
    """Asterisk's queues: who is paused, and every word said about it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.there: list[Paused] = []
        self.away = False

    async def pause(self, interface: str, *, paused: bool, reason: str) -> None:
        if self.away:
            raise AmiError("not connected")
        assert reason == REASON
        self.told.append((interface, paused))

    async def paused(self) -> list[Paused]:
        if self.away:
            raise AmiError("not connected")
        return self.there


@pytest.fixture
def queues() -> Queues:
    return Queues()


def cooldowns(queues: Queues, length_s: float = 0.1) -> Cooldowns:
    return Cooldowns(queues, length_s)  # type: ignore[arg-type]


async def test_a_member_is_paused_for_the_length_and_then_no_more(queues: Queues) -> None:
    cooldowns(queues).start(MIA)
    await asyncio.sleep(0.05)
    assert queues.told == [(MIA, True)]
    await asyncio.sleep(0.1)
    assert queues.told == [(MIA, True), (MIA, False)]


@pytest.mark.parametrize("length_s", [0.0, -1.0])
async def test_without_a_length_nobody_is_paused(queues: Queues, length_s: float) -> None:
    cooldowns(queues, length_s).start(MIA)
    await asyncio.sleep(0.02)
    assert queues.told == []


async def test_a_second_time_starts_the_length_anew(queues: Queues) -> None:
    running = cooldowns(queues, 0.2)
    running.start(MIA)
    await asyncio.sleep(0.12)
    running.start(MIA)
    await asyncio.sleep(0.12)
    assert queues.told == [(MIA, True), (MIA, True)]
    await asyncio.sleep(0.15)
    assert queues.told[2:] == [(MIA, False)]


async def test_a_pause_of_ours_that_nobody_ends_is_ended_after_what_is_left_of_it(queues: Queues) -> None:
    now = time.time()
    queues.there = [
        Paused(MIA, REASON, now - 0.1), Paused(BEN, REASON, 0.0), Paused("PJSIP/eve", "lunch", now - 99),
    ]  # fmt: skip
    running = cooldowns(queues, 0.3)
    await running.resume()
    await asyncio.sleep(0.1)
    assert queues.told == [(BEN, False)]
    await asyncio.sleep(0.2)
    assert queues.told == [(BEN, False), (MIA, False)]


async def test_a_clock_that_was_set_back_makes_no_pause_longer(queues: Queues) -> None:
    queues.there = [Paused(MIA, REASON, time.time() + 3600)]
    await cooldowns(queues).resume()
    await asyncio.sleep(0.2)
    assert queues.told == [(MIA, False)]


async def test_a_pause_that_is_seen_to_already_is_not_ended_twice(queues: Queues) -> None:
    running = cooldowns(queues)
    running.start(MIA)
    queues.there = [Paused(MIA, REASON, time.time() - 9)]
    await running.resume()
    await asyncio.sleep(0.2)
    assert queues.told == [(MIA, True), (MIA, False)]


async def test_at_our_end_everybody_is_back_at_once(queues: Queues) -> None:
    running = cooldowns(queues, 60)
    for member in (MIA, BEN):
        running.start(member)
    await asyncio.sleep(0.01)
    await running.close()
    assert sorted(queues.told[2:]) == [(BEN, False), (MIA, False)]
    await running.close()
    assert len(queues.told) == 4


async def test_without_a_connection_it_says_so_and_goes_on(queues: Queues) -> None:
    queues.away = True
    running = cooldowns(queues, 0.02)
    with capture_logs() as logs:
        running.start(MIA)
        await running.resume()
        await asyncio.sleep(0.06)
    assert {entry["event"] for entry in logs} == {"queue_pause_failed", "cool_downs_not_resumed"}
    queues.away = False
    running.start(MIA)
    await asyncio.sleep(0.06)
    assert queues.told == [(MIA, True), (MIA, False)]
