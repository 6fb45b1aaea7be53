"""Every command reaches what carries it out, and a refusal says what is wrong and what is possible."""

from typing import Any

import pytest

from callguard.alerts import AlertError
from callguard.asterisk.supervision.session import RingRequest, SupervisionError
from callguard.config import Config, SupervisorConfig
from callguard.contracts.commands import Command, CommandError
from callguard.control.command_handlers import CommandHandlers
from tests.asterisk.discovery.test_calls import call

CONFIG = Config(supervisors=(SupervisorConfig(name="lead", endpoint="PJSIP/s1"),))


class Node:
    """Stands for PBX, supervision, paging and alert manager: notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refusal: Exception | None = None
        self.calls = {"1.1": call()}
        self.supervision = self

    async def join(self, request: RingRequest) -> Any:
        self._note("join", {"request": request})
        return type("S", (), {"id": "s1", "supervisor": request.supervisors[0].name, "present_mode": request.mode})

    async def set_mode(self, call: str, supervisor: str | None, mode: str, by: str) -> None:
        self._note("set_mode", {"call": call, "supervisor": supervisor, "mode": mode, "by": by})

    async def stop(self, call: str, supervisor: str | None) -> None:
        self._note("stop", {"call": call, "supervisor": supervisor})

    async def prompt(self, call: str, prompt: str, command: str) -> None:
        self._note("prompt", {"call": call, "prompt": prompt, "command": command})

    async def opt_out(self, call: str) -> None:
        self._note("opt_out", {"call": call})

    async def erased(self, call: str) -> int:
        self._note("erased", {"call": call})
        return 7

    def briefing(self, call: str, alert: str | None) -> tuple[str, ...]:
        return (f"sound:briefing-about-{alert}",)

    def acknowledge(self, alert: str, by: str) -> None:
        raise AlertError(f"no open alert {alert!r}")

    def judge(self, alert: str, verdict: str, by: str) -> None:
        self._note("judge", {"alert": alert, "verdict": verdict, "by": by})

    def _note(self, what: str, facts: dict[str, Any]) -> None:
        if self.refusal:
            raise self.refusal
        self.asked.append((what, facts))


def handlers(node: Node) -> CommandHandlers:
    anything: Any = node
    return CommandHandlers(CONFIG, anything, anything, anything, node.erased)


def command(action: str, **fields: Any) -> Command:
    return Command.model_validate({"id": "c1", "action": action, **fields})


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge", "takeover"])
async def test_joining_rings_the_supervisor_in_that_mode(mode: str) -> None:
    node = Node()
    result = await handlers(node)(command(mode, call="1.1", supervisor="lead"))
    assert result == {"session": "s1", "supervisor": "lead", "mode": mode}
    request = node.asked[0][1]["request"]
    assert (request.command, request.briefing) == ("c1", ("sound:briefing-about-None",))


@pytest.mark.parametrize(("action", "args"), [("whisper", {}), ("set_mode", {"mode": "barge"})])
async def test_a_supervisor_who_waits_meanwhile_is_not_said_to_be_heard(action: str, args: dict[str, str]) -> None:
    node = Node()
    node.calls["1.1"] = call(held_by={"customer"})
    result = await handlers(node)(command(action, call="1.1", supervisor="lead", args=args))
    assert result["suspended"] == "hold"


async def test_a_verdict_reaches_the_alert_manager() -> None:
    node = Node()
    args = {"alert": "a7", "verdict": "false"}
    assert await handlers(node)(command("judge", supervisor="PJSIP/s1", args=args)) == args
    assert node.asked == [("judge", args | {"by": "lead"})]


async def test_a_supervisor_is_known_by_name_or_endpoint_and_any_endpoint_will_do() -> None:
    node = Node()
    for given in ("lead", "PJSIP/s1", "PJSIP/other"):
        await handlers(node)(command("listen", call="1.1", supervisor=given))
    assert [facts["request"].supervisors[0].name for _, facts in node.asked] == ["lead", "lead", "PJSIP/other"]


async def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(CommandError, match=r"no supervisor 'boss'; configured: lead"):
        await handlers(Node())(command("listen", call="1.1", supervisor="boss"))


@pytest.mark.parametrize("action", ["listen", "set_mode", "stop", "prompt", "opt_out"])
async def test_an_unknown_call_is_told(action: str) -> None:
    args = {"set_mode": {"mode": "barge"}, "prompt": {"prompt": "slow-down"}}.get(action, {})
    with pytest.raises(CommandError, match="no_call"):
        await handlers(Node())(command(action, call="9.9", supervisor="lead", args=args))


async def test_a_refusal_of_asterisk_is_explained() -> None:
    node = Node()
    node.refusal = SupervisionError("no_answer")
    with pytest.raises(CommandError, match="no_answer: the supervisor did not answer"):
        await handlers(node)(command("whisper", call="1.1", supervisor="lead"))


@pytest.mark.parametrize(
    ("action", "args", "says"),
    [
        ("set_mode", {"mode": "barge"}, "name the supervisor"),
        ("stop", {}, "no such supervisor is in this call"),
        ("prompt", {"prompt": "slow-down"}, "too soon after the last prompt"),
        ("listen", {}, "the agent is not with the customer now"),
    ],
)
async def test_what_is_refused_says_why_for_that_action(action: str, args: dict[str, Any], says: str) -> None:
    node = Node()
    node.refusal = SupervisionError("refused")
    with pytest.raises(CommandError, match=f"refused: .*{says}"):
        await handlers(node)(command(action, call="1.1", supervisor="lead", args=args))


async def test_a_prompt_must_be_there_and_underscores_will_do() -> None:
    node = Node()
    answer = await handlers(node)(command("prompt", call="1.1", args={"prompt": "let_them_finish"}))
    assert answer == {"prompt": "let-them-finish"}
    with pytest.raises(CommandError, match=r"no prompt 'shout'; known: .*slow-down"):
        await handlers(node)(command("prompt", call="1.1", args={"prompt": "shout"}))


@pytest.mark.parametrize("given", ["/x", "PJSIP/", "PJSIP/a\r\nAction: x", "PJ SIP/a"])
async def test_what_is_no_endpoint_is_told(given: str) -> None:
    with pytest.raises(CommandError, match="is no endpoint"):
        await handlers(Node())(command("listen", call="1.1", supervisor=given))


async def test_an_alert_that_is_not_open_is_told() -> None:
    with pytest.raises(CommandError, match="no open alert 'a7'"):
        await handlers(Node())(command("ack", supervisor="lead", args={"alert": "a7"}))


async def test_modes_prompts_and_opt_out_go_through() -> None:
    node = Node()
    handle = handlers(node)
    await handle(command("set_mode", call="1.1", args={"mode": "barge"}))
    await handle(command("prompt", call="1.1", args={"prompt": "slow-down"}))
    assert await handle(command("opt_out", call="1.1")) == {"deleted_events": 7}
    await handle(command("stop", call="1.1"))
    assert [what for what, _ in node.asked] == ["set_mode", "prompt", "opt_out", "erased", "stop"]
