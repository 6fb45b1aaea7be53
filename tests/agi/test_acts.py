"""What the dialplan asks for is done as by every other door, and no answer says more than is known."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from callguard.agi import acts
from callguard.agi.acts import NO_CALL, Acts
from callguard.authority import Asker
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed


@dataclass
class Pbx:
    """The ARI app's face: one call, `l1`, whose parties are the channels cust and agent."""

    codes: list[tuple[str, str]] = field(default_factory=list)

    def call_of(self, channel: str) -> Any:
        return SimpleNamespace(id="l1") if channel in ("cust", "agent") else None

    def agent_code(self, channel: str, code: str) -> bool:
        self.codes.append((channel, code))
        return channel == "agent"


class Desk:
    def __init__(self, *, fails: str = "", delay_s: float = 0.0) -> None:
        self.pbx = Pbx()
        self.commands: list[Command] = []
        self.askers: list[Asker] = []
        self.finished = 0
        self._fails, self._delay_s = fails, delay_s
        self.acts = Acts(self.pbx, self._submit)  # type: ignore[arg-type]

    async def _submit(self, command: Command, asker: Asker) -> CommandCompleted | CommandFailed:
        self.commands.append(command)
        self.askers.append(asker)
        await asyncio.sleep(self._delay_s)
        self.finished += 1
        facts: dict[str, Any] = {"call": command.call, "command": command.id, "action": command.action}
        return CommandFailed(**facts, reason=self._fails) if self._fails else CommandCompleted(**facts)


@pytest.mark.parametrize("channel", ["cust", "agent"])
async def test_an_opt_out_is_a_command_about_the_channels_call(channel: str) -> None:
    desk = Desk()
    assert await desk.acts.opt_out(channel) == "done"
    assert [(each.action, each.call, each.supervisor) for each in desk.commands] == [("opt_out", "l1", None)]
    assert [(each.door, each.role) for each in desk.askers] == [("agi", "dialplan")]


async def test_a_channel_without_a_call_has_nothing_to_opt_out_of() -> None:
    desk = Desk()
    assert await desk.acts.opt_out("early") == NO_CALL
    assert desk.commands == []


async def test_an_opt_out_that_failed_says_why() -> None:
    assert await Desk(fails="no_call: gone").acts.opt_out("cust") == "no_call: gone"


async def test_a_deletion_that_takes_long_goes_on_without_the_dialplan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "CONFIRM_S", 0.02)
    desk = Desk(delay_s=0.1)
    assert await desk.acts.opt_out("cust") == "asked for; the deletion is not confirmed yet"
    assert desk.finished == 0
    await asyncio.sleep(0.2)
    assert desk.finished == 1


async def test_help_is_for_an_agents_channel_only() -> None:
    desk = Desk()
    assert desk.acts.ask_for_help("agent") == "done"
    assert desk.acts.ask_for_help("cust") == "this channel is no agent's in a call"
    assert desk.pbx.codes == [("agent", "CallGuardHelp"), ("cust", "CallGuardHelp")]
