"""The dialplan's door joins events, records and questions."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.agi import server
from callguard.agi.door import AgiDoor
from callguard.config import Config, Privacy, Secret
from callguard.config.agi import Agi
from callguard.contracts.cards import CallerHistory
from callguard.contracts.events import published
from tests.support.agi import Pbx
from tests.support.events import alert_fired, call_started

AGI = Agi(enabled=True, listen="127.0.0.1:0")


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """No session is late because the machine is busy."""
    monkeypatch.setattr(server, "SESSION_S", 60.0)


async def nobody(_: str) -> CallerHistory | None:
    return None


def door(**sections: Any) -> AgiDoor:
    async def submit(_: object) -> Any:
        raise AssertionError("no command is expected")

    return AgiDoor(Config(agi=AGI, **sections), SimpleNamespace(), submit, nobody, lambda *_: None)  # type: ignore[arg-type]


async def test_events_become_outcomes_and_records_become_answers() -> None:
    here = door()
    await here.start()
    for event in (call_started(), alert_fired()):
        here.see(published(event, "n1"))
    pbx = Pbx({"CHANNEL(linkedid)": "c1"})
    await pbx.run(here.port, "outcome")
    await pbx.run(here.port, "caller")
    await here.stop()
    assert (pbx.told["CALLGUARD_FLAGGED"], pbx.told["CALLGUARD_EARLIER_CALLS"]) == ("1", "0")


async def test_only_calls_that_are_found_at_the_start_had_begun_before() -> None:
    here = door()
    await here.start()
    pbx = Pbx({"CHANNEL(linkedid)": "c1"})
    here.calls_known([])
    here.see(published(call_started(), "n1"))
    here.calls_known(["c1"])  # after a gap in the events
    await pbx.run(here.port, "outcome")
    await here.stop()
    assert pbx.told["CALLGUARD_FLAGGED"] == "0"


async def test_a_start_without_a_key_for_numbers_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k")
    for privacy, warned in ((Privacy(), True), (Privacy(number_hash_key=Secret(file=file)), False)):
        here = door(privacy=privacy)
        with capture_logs() as logs:
            await here.start()
        await here.stop()
        assert any(line["event"] == "agi_knows_no_caller" for line in logs) is warned
