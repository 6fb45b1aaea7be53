"""What an agent keys in mid-call: help is asked for, abuse is warned of and then ends the call, prompts stop."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision import agent_codes
from callguard.asterisk.supervision.agent_codes import ABUSE, HELP, AgentCodes
from callguard.authority import Grant
from callguard.config import SupervisionConfig
from callguard.contracts.events import AbuseEndedCall, AbuseWarned, AssistRequested, Event
from callguard.contracts.vocabulary import Right
from tests.asterisk.discovery.test_calls import call


class Pbx:
    """Plays warnings and hangs up, as the test says; notes what agents want."""

    def __init__(self, **config: Any) -> None:
        self.played: list[tuple[str, str, str]] = []
        self.hung_up: list[str] = []
        self.toggled: list[str] = []
        self.requests: list[tuple[str, int]] = []
        self.events: list[Event] = []
        self.warning: bool | Exception = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuses = False
        self.forbidden: set[str] = set()
        settings = SupervisionConfig(**config)
        self.codes = AgentCodes(self, self, self, settings, self.events.append, self._asked, self._permit)  # type: ignore[arg-type]

    def _permit(self, call: Call, right: Right) -> Grant | None:
        return None if right in self.forbidden else Grant(call.member or "", "codes", right)

    def _asked(self, name: str, code: int) -> None:
        self.requests.append((name, code))

    async def announce(self, agent: str, prompt: str, audience: str) -> bool:
        self.played.append((agent, prompt, audience))
        await self.gate.wait()
        if isinstance(self.warning, Exception):
            raise self.warning
        return self.warning

    async def hang_up(self, channel: str) -> None:
        if self.refuses:
            raise agent_codes.AriError("500")
        self.hung_up.append(channel)

    def toggle(self, member: str) -> bool:
        self.toggled.append(member)
        return True

    async def keyed(self, event: str, **facts: Any) -> None:
        self.codes.keyed(call(**facts), event)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def told(self) -> list[bool]:
        """Return of each warning whether it was played."""
        return [event.played for event in self.events if isinstance(event, AbuseWarned)]


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    made = Pbx(abuse_ends_call=True)
    yield made
    await made.codes.close()


async def test_help_is_asked_for_at_once(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardHelp")
    assert pbx.requests == [("1.1", HELP)]
    by = {"sender": "Mia", "door": "codes", "right": "help"}
    assert pbx.events == [AssistRequested(call="1.1", basis="agent", agent="Mia", queue="sales", **by)]


async def test_quiet_turns_the_members_prompts_off_and_tells_nobody(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardQuiet")
    assert (pbx.toggled, pbx.requests, pbx.events) == (["Mia"], [], [])


@pytest.mark.parametrize("event", ["Help", "OtherHelp", "CallGuard", "CallGuardOther", ""])
async def test_other_programs_events_are_ignored(pbx: Pbx, event: str) -> None:
    await pbx.keyed(event)
    assert (pbx.requests, pbx.events, pbx.played) == ([], [], [])


async def test_abuse_is_warned_of_so_that_both_hear_it(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardAbuse")
    assert pbx.played == [("a", "abuse-warning", "both")]
    assert pbx.requests == [("1.1", ABUSE)]
    assert pbx.told() == [True]


async def test_a_second_report_after_the_warning_ends_the_call(pbx: Pbx) -> None:
    for _ in range(2):
        await pbx.keyed("CallGuardAbuse")
    assert pbx.hung_up == ["c"]
    (ended,) = [event for event in pbx.events if isinstance(event, AbuseEndedCall)]
    assert ended.agent == "Mia"
    assert len(pbx.played) == 1


async def test_where_policy_does_not_end_calls_a_second_report_warns_again() -> None:
    pbx = Pbx(abuse_ends_call=False)
    for _ in range(2):
        await pbx.keyed("CallGuardAbuse")
    assert (pbx.hung_up, pbx.told()) == ([], [True, True])


async def test_a_warning_that_was_not_played_does_not_lead_to_the_end(pbx: Pbx) -> None:
    for outcome in (False, agent_codes.AriError("500")):
        pbx.warning = outcome
        await pbx.keyed("CallGuardAbuse")
    await pbx.keyed("CallGuardAbuse")
    assert (pbx.hung_up, pbx.told()) == ([], [False, False, False])


@pytest.mark.parametrize("facts", [{"together": False}, {"held_by": {"customer"}}, {"held_by": {"agent"}}])
async def test_out_of_the_customers_hearing_nothing_is_played_and_no_call_ended(
    pbx: Pbx, facts: dict[str, Any]
) -> None:
    await pbx.keyed("CallGuardAbuse", **facts)
    assert (pbx.played, pbx.told()) == ([], [False])
    await pbx.keyed("CallGuardAbuse")
    await pbx.keyed("CallGuardAbuse", **facts)
    assert pbx.hung_up == []


async def test_while_a_warning_plays_another_report_changes_nothing(pbx: Pbx) -> None:
    pbx.gate.clear()
    for _ in range(3):
        await pbx.keyed("CallGuardAbuse")
    assert (len(pbx.played), pbx.requests) == (1, [("1.1", ABUSE)])
    pbx.gate.set()
    await pbx.settle()
    assert pbx.told() == [True]


async def test_a_warning_is_cut_when_customer_and_agent_part_and_told_as_not_played(pbx: Pbx) -> None:
    pbx.gate.clear()
    await pbx.keyed("CallGuardAbuse")
    pbx.codes.parted("1.1")
    await pbx.settle()
    assert pbx.told() == [False]
    pbx.codes.parted("1.1")
    pbx.codes.parted("unknown")
    pbx.gate.set()
    await pbx.keyed("CallGuardAbuse")
    assert pbx.told() == [False, True]


async def test_a_call_that_is_over_is_forgotten_without_a_word(pbx: Pbx) -> None:
    pbx.gate.clear()
    await pbx.keyed("CallGuardAbuse")
    pbx.codes.forget("1.1")
    pbx.codes.forget("1.1")
    await pbx.settle()
    assert pbx.told() == []
    pbx.gate.set()
    await pbx.keyed("CallGuardAbuse")
    assert pbx.hung_up == []


async def test_warnings_of_other_calls_count_for_nothing(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardAbuse")
    await pbx.keyed("CallGuardAbuse", id="2.2")
    assert (pbx.hung_up, pbx.told()) == ([], [True, True])


async def test_an_end_that_asterisk_refuses_is_told_to_nobody_and_may_be_asked_for_again(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardAbuse")
    pbx.refuses = True
    await pbx.keyed("CallGuardAbuse")
    assert not any(isinstance(event, AbuseEndedCall) for event in pbx.events)
    pbx.refuses = False
    await pbx.keyed("CallGuardAbuse")
    assert pbx.hung_up == ["c"]


async def test_closing_stops_what_is_being_played(pbx: Pbx) -> None:
    pbx.gate.clear()
    await pbx.keyed("CallGuardAbuse")
    await pbx.codes.close()
    assert pbx.told() == []


async def test_a_code_without_the_right_does_nothing(pbx: Pbx) -> None:
    pbx.forbidden = {"help", "abuse", "quiet"}
    for event in ("CallGuardHelp", "CallGuardAbuse", "CallGuardQuiet"):
        await pbx.keyed(event)
    assert (pbx.requests, pbx.played, pbx.toggled, pbx.events) == ([], [], [], [])


async def test_a_code_tells_by_whom_and_by_which_right_it_was_keyed(pbx: Pbx) -> None:
    await pbx.keyed("CallGuardHelp", member="Mia")
    await pbx.keyed("CallGuardAbuse", member="Mia")
    acts = [event for event in pbx.events if isinstance(event, AssistRequested | AbuseWarned)]
    assert [(act.sender, act.door, act.right) for act in acts] == [("Mia", "codes", "help"), ("Mia", "codes", "abuse")]
