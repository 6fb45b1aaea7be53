"""Each script sets all of its variables, whatever happens: unknown is empty, and the result gives the reason."""

import asyncio
from datetime import UTC, datetime

import pytest
from redis.exceptions import ConnectionError as Away

from callguard.agi import scripts
from callguard.agi.acts import NO_CALL
from callguard.agi.outcomes import Outcomes
from callguard.agi.scripts import Scripts, priority_of
from callguard.contracts.cards import CallerHistory
from callguard.contracts.events import published
from tests.support.events import alert_fired, call_started

RECORD = CallerHistory(calls=4, alerts=3, abuse=0, takeovers=1, last=datetime.now(UTC))


class Session:
    """A dialogue in memory."""

    def __init__(
        self, script: str, *words: str, number: str = "301234", linkedid: str = "c1", elsewhere: bool = False
    ) -> None:
        self.script, self.words, self.number = script, words, number
        self.channel = "c1"
        self.elsewhere = elsewhere
        self.told: dict[str, str] = {}
        self._linkedid = linkedid

    async def variable(self, name: str) -> str:
        return {"CHANNEL(linkedid)": self._linkedid}[name]

    async def set(self, name: str, value: str) -> None:
        self.told[name] = value


class Doer:
    """Acts that only note what they were asked for; `result` is that of an opt-out."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.result = "done"

    async def opt_out(self, channel: str) -> str:
        self.asked.append(("opt_out", channel))
        return self.result

    def ask_for_help(self, channel: str) -> str:
        self.asked.append(("help", channel))
        return "this channel is no agent's in a call"


class Desk:
    def __init__(self, record: CallerHistory | Exception | None = None) -> None:
        self.record, self.outcomes, self.acts = record, Outcomes(), Doer()
        self.numbers: list[str] = []
        self.scripts = Scripts(self.earlier, self.outcomes, self.acts)  # type: ignore[arg-type]

    async def earlier(self, number: str) -> CallerHistory | None:
        self.numbers.append(number)
        if isinstance(self.record, Exception):
            raise self.record
        return self.record

    async def run(self, script: str, *words: str, linkedid: str = "c1", elsewhere: bool = False) -> dict[str, str]:
        session = Session(script, *words, linkedid=linkedid, elsewhere=elsewhere)
        result = await self.scripts.run(session)  # type: ignore[arg-type]
        assert session.told["CALLGUARD_RESULT"] == result
        return {name.removeprefix("CALLGUARD_"): value for name, value in session.told.items()}


async def test_a_caller_with_a_record() -> None:
    told = await Desk(RECORD).run("caller")
    assert told == {
        "EARLIER_CALLS": "4", "EARLIER_ALERTS": "3", "EARLIER_ABUSE": "0", "EARLIER_TAKEOVERS": "1",
        "PRIORITY": "2", "RESULT": "done",
    }  # fmt: skip


async def test_a_caller_without_a_record_never_called() -> None:
    told = await Desk().run("caller")
    assert (told["EARLIER_CALLS"], told["PRIORITY"], told["RESULT"]) == ("0", "0", "done")


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (LookupError("the caller shows no number"), "the caller shows no number"),
        (Away("redis://secret"), "the record could not be read: ConnectionError"),
        (OSError(), "the record could not be read: OSError"),
        (ValueError("broken"), "the record could not be read: ValueError"),
    ],
)
async def test_a_caller_who_is_not_known_is_empty_not_zero(error: Exception, result: str) -> None:
    told = await Desk(error).run("caller")
    assert told.pop("RESULT") == result
    assert set(told.values()) == {""}
    assert len(told) == 5


async def test_a_record_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "LOOK_UP_S", 0.01)

    async def never(_: str) -> CallerHistory | None:
        await asyncio.sleep(60)
        return None

    session = Session("caller")
    await Scripts(never, Outcomes(), Doer()).run(session)  # type: ignore[arg-type]
    assert session.told["CALLGUARD_RESULT"] == "the record could not be read: TimeoutError"
    assert session.told["CALLGUARD_PRIORITY"] == ""


@pytest.mark.parametrize(
    ("alerts", "abuse", "takeovers", "priority"), [(0, 0, 0, 0), (1, 0, 0, 1), (9, 0, 0, 1), (0, 1, 0, 2), (1, 0, 1, 2)]
)
def test_priority_grows_with_what_happened(alerts: int, abuse: int, takeovers: int, priority: int) -> None:
    assert priority_of(alerts, abuse, takeovers) == priority


async def test_the_outcome_of_a_call_and_of_none() -> None:
    desk = Desk()
    for event in (call_started(), alert_fired()):
        desk.outcomes.see(published(event, "n1"))
    assert await desk.run("outcome") == {"FLAGGED": "1", "CALMED": "0", "TAKEN_OVER": "0", "RESULT": "done"}
    desk.outcomes.found(["c1"])
    assert (await desk.run("outcome"))["TAKEN_OVER"] == ""


async def test_the_outcome_of_a_call_that_is_not_known_is_empty() -> None:
    told = await Desk().run("outcome", linkedid="c2")
    assert told == {"FLAGGED": "", "CALMED": "", "TAKEN_OVER": "", "RESULT": "no such call in the last hour"}


async def test_an_opt_out_in_a_call_is_a_command_and_stays_with_the_channel() -> None:
    desk = Desk()
    assert await desk.run("opt-out") == {"CALLGUARD": "off", "RESULT": "done"}
    assert desk.acts.asked == [("opt_out", "c1")]


async def test_an_opt_out_before_the_call_holds_for_the_call() -> None:
    desk = Desk()
    desk.acts.result = NO_CALL
    assert await desk.run("opt-out") == {"CALLGUARD": "off", "RESULT": "done"}


async def test_an_opt_out_that_failed_is_not_called_done_and_the_channel_is_off_all_the_same() -> None:
    desk = Desk()
    desk.acts.result = "no_call: gone"
    assert await desk.run("opt-out") == {"CALLGUARD": "off", "RESULT": "no_call: gone"}


async def test_an_opt_out_of_another_channel_without_a_call_is_not_called_done() -> None:
    desk = Desk()
    desk.acts.result = NO_CALL
    assert await desk.run("opt-out", elsewhere=True) == {"RESULT": NO_CALL}


@pytest.mark.parametrize("mode", ["emotion", "raised_voice", "on", "EMOTION"])
async def test_a_mode_is_set_as_the_dialplan_itself_would(mode: str) -> None:
    desk = Desk()
    assert await desk.run("mode", mode) == {"CALLGUARD": mode.lower(), "RESULT": "done"}
    assert desk.acts.asked == []


@pytest.mark.parametrize("mode", ["off", "No", "0", "false"])
async def test_every_no_is_an_opt_out(mode: str) -> None:
    desk = Desk()
    assert await desk.run("mode", mode) == {"CALLGUARD": "off", "RESULT": "done"}
    assert desk.acts.asked == [("opt_out", "c1")]


@pytest.mark.parametrize("mode", ["", "emotional", "of"])
async def test_an_unclear_mode_never_means_judge(mode: str) -> None:
    told = await Desk().run("mode", *([mode] if mode else []))
    assert told == {"CALLGUARD": "off", "RESULT": f"unclear mode {mode!r}, which counts as off"}


async def test_help_is_asked_for_the_channel_and_the_answer_is_told() -> None:
    desk = Desk()
    assert await desk.run("help") == {"RESULT": "this channel is no agent's in a call"}
    assert desk.acts.asked == [("help", "c1")]


async def test_an_unknown_script_is_answered_with_those_that_there_are() -> None:
    assert (await Desk().run("callers"))["RESULT"] == "no script callers; known: caller outcome opt-out mode help"
