"""What was decided reaches Redis, receivers and phones, whenever the service ends and whatever they do meanwhile."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kills import NODE, Floor, run
from benchmarks.kills_account import FIRED, RESOLVED, RUNG
from callguard.runtime.journal import Journal, journal_path

CALLS_S = 3.0
"""So long new calls come on each line: one call each."""
MANY_CALLS_S = 90.0
PATIENCE_S = 150.0
"""On a busy machine the simulated PBX alone takes half a minute to start."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    """Four calls whose customers shout; nothing goes wrong by itself."""
    async with Floor(tmp_path / "floor", CALLS_S, 1) as floor:
        yield floor


def journalled(floor: Floor, kind: str) -> dict[str, Any]:
    journal = Journal(journal_path(floor.folder / "state", NODE))
    records = journal.records(kind)
    journal.close()
    return records


def fired_on_disk(floor: Floor) -> set[str]:
    """Alerts that the journal knows to have fired."""
    parts = journalled(floor, "alerts").items()
    found = [json.loads(text) for key, text in parts if key.startswith("alert|")]
    return {alert["id"] for alert in found if alert["fired_at"] is not None}


async def until(condition: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):
            await asyncio.sleep(0.05)
    return found


def about(events: list[dict[str, Any]], kind: str) -> set[str]:
    return {event["data"]["alert"] for event in events if event["type"] == kind}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_alerts_that_fired_while_redis_was_away_outlive_the_service(floor: Floor, how: signal.Signals) -> None:
    """Redis and the webhook are away as they fire, and when the service ends."""
    await until(lambda: floor.events)
    floor.hook.away = True
    await asyncio.to_thread(floor.valkey.stop)
    fired = await until(lambda: fired_on_disk(floor))
    await floor.node.end(how)
    assert floor.node.status == (-signal.SIGKILL if how == signal.SIGKILL else 0)
    if how == signal.SIGTERM:
        (told,) = [json.loads(line) for line in floor.log().splitlines() if '"undelivered"' in line]
        assert told["messages"] == {"webhook:hook": len(journalled(floor, "owed"))}
        assert told["events"] >= len(fired)
        assert told["kept_in"] == str(journal_path(floor.folder / "state", NODE))
    floor.hook.away = False
    floor.valkey.start()
    await floor.node.start()
    await until(lambda: fired <= about(floor.hook.taken, FIRED))
    await until(lambda: fired <= about(floor.events, FIRED))
    await until(lambda: about(floor.events, RUNG) & fired)
    await floor.pbx.over()
    await floor.settled()
    assert fired <= about(floor.hook.taken, RESOLVED)


async def test_killed_as_an_alert_reaches_redis_the_phone_rings_after_the_restart(tmp_path: Path) -> None:
    """Three times. On a machine so busy that the call is over before the service is back, the alert ends with it."""
    async with Floor(tmp_path / "floor", MANY_CALLS_S, 1) as floor:
        rung: set[str] = set()
        for _ in range(3):
            before = about(floor.events, FIRED)
            (alert, *_) = await until(lambda: about(floor.events, FIRED) - before)  # noqa: B023 - awaited at once
            await floor.node.end(signal.SIGKILL)
            seen = len(floor.events)
            await floor.node.start()
            after = floor.events
            await until(lambda: alert in about(after[seen:], RUNG) | about(after[seen:], RESOLVED))  # noqa: B023
            rung |= {alert} & about(after[seen:], RUNG)
        assert rung
        wrong = {event["data"]["alert"] for event in floor.events if event["data"].get("reason") == "cancelled"}
        assert not wrong & about(floor.events, FIRED)


async def test_an_opt_out_while_redis_is_away_then_a_stop_erases_after_the_next_start(tmp_path: Path) -> None:
    opt_out = {"at": 15, "do": "set_variable", "name": "CALLGUARD", "value": "off"}
    async with Floor(tmp_path / "floor", CALLS_S, 1, [opt_out]) as floor:
        fired = await until(lambda: [event for event in floor.events if event["type"] == FIRED])
        call = fired[0]["subject"]
        await asyncio.to_thread(floor.valkey.stop)
        await until(lambda: call in journalled(floor, "erasure"))
        for kind in ("alerts", "owed", "taken"):
            assert not [
                key for key, text in journalled(floor, kind).items() if call in text and '"evidence":{"' in text
            ]
        assert [
            kind for kind in types(map(json.loads, journalled(floor, "event").values()), call) if "fired" in kind
        ] == []
        await floor.node.end()
        assert floor.node.status == 0
        assert '"deletions": ' in floor.log()
        floor.valkey.start()
        await floor.node.start()
        await until(lambda: call not in journalled(floor, "erasure"))
        left = types(await floor.stored(), call)
        assert "io.callguard.call.ended.v1" in left
        assert not [kind for kind in left if "fired" in kind or "tap." in kind or "started" in kind]


def types(events: Iterable[dict[str, Any]], call: str) -> list[str]:
    return [event["type"] for event in events if event.get("subject") == call]


async def test_no_alert_is_lost_by_kills_while_redis_and_a_webhook_flap(tmp_path: Path) -> None:
    """Two calls on each of four lines; `python -m benchmarks.kills` does it for longer."""
    kills, told = await run(tmp_path, seconds=45, seed=3)
    assert kills >= 3  # how many, and how many calls, depends on how busy the machine is
    assert told.due >= 4
    assert told.rung
    assert told.wrong == []
