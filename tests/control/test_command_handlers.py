"""Every command reaches what carries it out, and a refusal says what is wrong and what is possible."""

from types import SimpleNamespace
from typing import Any

import pytest

from callguard.alerts import AlertError, SilenceScope
from callguard.asterisk.supervision.session import RingRequest, SupervisionError
from callguard.authority import Asker, Authority, ForbiddenError, Grant
from callguard.config import Config
from callguard.contracts.commands import ACTIONS, Command, CommandError
from callguard.control.command_handlers import CommandHandlers
from tests.asterisk.discovery.test_calls import call

CONFIG = Config.model_validate(
    {
        "analysis": {"queues": {"Support": {"team": "floor"}, "sales": {"team": "shop"}, "other": {}}},
        "supervisors": [
            {"name": "lead", "endpoint": "PJSIP/s1"},
            {"name": "floor-lead", "endpoint": "PJSIP/s2", "teams": ["floor"]},
            {"name": "listener", "endpoint": "PJSIP/s3", "role": "qa"},
            {"name": "boss", "endpoint": "PJSIP/s4", "role": "manager"},
        ],
    }
)
ARGS: dict[str, Any] = {
    "set_mode": {"mode": "barge"},
    "prompt": {"prompt": "slow-down"},
    "ack": {"alert": "a7"},
    "judge": {"alert": "a7", "verdict": "useful"},
    "silence": {"why": "training"},
}
OPERATOR = Asker("cli", "cli", "operator")


class Node:
    """Stands for PBX, supervision, paging and alert manager: notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refusal: Exception | None = None
        self.calls = {"1.1": call(queue="support"), "2.2": call(queue="sales")}
        self.supervision = self
        self.sessions: list[Any] = []
        self.people = self
        self.queues, self.names, self.told = {"Support", "sales"}, {"Mia"}, True

    async def refresh(self) -> bool:
        return self.told

    async def join(self, request: RingRequest) -> Any:
        self._note("join", {"request": request})
        return type("S", (), {"id": "s1", "supervisor": request.supervisors[0].name, "present_mode": request.mode})

    async def set_mode(self, call: str, supervisor: str | None, mode: str, grant: Grant) -> None:
        self._note("set_mode", {"call": call, "supervisor": supervisor, "mode": mode, "grant": grant})

    async def stop(self, call: str, supervisor: str | None) -> None:
        self._note("stop", {"call": call, "supervisor": supervisor})

    async def prompt(self, call: str, prompt: str, command: str, grant: Grant) -> None:
        self._note("prompt", {"call": call, "prompt": prompt, "command": command})

    async def opt_out(self, call: str) -> None:
        self._note("opt_out", {"call": call})

    async def erased(self, call: str) -> int:
        self._note("erased", {"call": call})
        return 7

    def briefing(self, call: str, alert: str | None) -> tuple[str, ...]:
        return (f"sound:briefing-about-{alert}",)

    def queue_of(self, alert: str) -> str | None:
        return {"a7": "support", "a8": "sales"}.get(alert)

    def scope_of(self, silence: str) -> SilenceScope | None:
        return SilenceScope(queue="sal*") if silence == "shops" else None

    def silence(self, by: str, why: str, duration_s: float, scope: SilenceScope) -> Any:
        self._note("silence", {"by": by, "scope": scope})
        return SimpleNamespace(id="s9", until=1.0)

    def unsilence(self, silence: str) -> None:
        self._note("unsilence", {"silence": silence})

    def acknowledge(self, alert: str, by: str) -> None:
        raise AlertError(f"no open alert {alert!r}")

    def judge(self, alert: str, verdict: str, by: str) -> None:
        self._note("judge", {"alert": alert, "verdict": verdict, "by": by})

    def _note(self, what: str, facts: dict[str, Any]) -> None:
        if self.refusal:
            raise self.refusal
        self.asked.append((what, facts))


class Desk:
    """Permits a command and carries it out, as the consumer does."""

    def __init__(self, node: Node, asker: Asker = OPERATOR) -> None:
        anything: Any = node
        rules = lambda: ["Shouting", "DeadAir"]  # noqa: E731
        self.handlers = CommandHandlers(CONFIG, Authority(CONFIG), anything, anything, anything, node.erased, rules)
        self._asker = asker

    async def __call__(self, asked: Command) -> dict[str, Any]:
        return await self.handlers(asked, self.handlers.permit(asked, self._asker))


def handlers(node: Node) -> Desk:
    return Desk(node)


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


async def test_a_supervisor_is_known_by_name_or_endpoint_and_rung_at_the_configured_one() -> None:
    node = Node()
    for given in ("lead", "PJSIP/s1"):
        await handlers(node)(command("listen", call="1.1", supervisor=given))
    assert [facts["request"].supervisors for _, facts in node.asked] == [(CONFIG.supervisors[0],)] * 2


@pytest.mark.parametrize("given", ["ghost", "Local/202@phones", "PJSIP/other", "/x", "PJSIP/", "PJSIP/a\r\nAction: x"])
@pytest.mark.parametrize("action", ["listen", "whisper", "barge", "takeover", "ack", "judge", "silence"])
async def test_a_name_or_phone_that_is_not_configured_is_forbidden(action: str, given: str) -> None:
    node, args = Node(), ARGS.get(action, {})
    with pytest.raises(
        ForbiddenError, match=r"a configured supervisor: .*configured: lead, floor-lead, listener, boss"
    ):
        await handlers(node)(command(action, call="1.1", supervisor=given, args=args))
    assert node.asked == []


@pytest.mark.parametrize(
    ("action", "fields", "missing"),
    [
        ("barge", {"call": "2.2", "supervisor": "floor-lead"}, "team 'shop': 'floor-lead' serves floor"),
        ("whisper", {"call": "1.1", "supervisor": "listener"}, "right 'whisper': role 'qa' of 'listener'"),
        ("opt_out", {"call": "1.1", "supervisor": "lead"}, "right 'opt_out'"),
        ("ack", {"supervisor": "floor-lead", "args": {"alert": "a8"}}, "team 'shop'"),
        ("listen", {"call": "1.1", "supervisor": "floor-lead", "args": {"alert": "a8"}}, "team 'shop'"),
        ("judge", {"supervisor": "floor-lead", "args": {"alert": "a8", "verdict": "false"}}, "team 'shop'"),
        ("silence", {"supervisor": "floor-lead", "args": {"why": "x"}}, "team 'shop'"),
        ("silence", {"supervisor": "floor-lead", "args": {"why": "x", "queue": "s*"}}, "team 'shop'"),
        ("silence", {"supervisor": "floor-lead", "call": "2.2", "args": {"why": "x"}}, "team 'shop'"),
        ("silence", {"supervisor": "floor-lead", "args": {"why": "x", "ends": "shops"}}, "team 'shop'"),
        ("silence", {"supervisor": "listener", "args": {"why": "x"}}, "right 'silence'"),
        ("set_mode", {"call": "1.1", "supervisor": "listener", "args": {"mode": "barge"}}, "right 'barge'"),
        ("set_mode", {"call": "1.1", "args": {"mode": "barge"}}, "right 'barge': role 'qa' of 'listener'"),
        ("prompt", {"call": "1.1", "supervisor": "listener", "args": {"prompt": "slow-down"}}, "right 'prompt'"),
    ],
)
async def test_beyond_team_or_role_a_command_is_forbidden(action: str, fields: dict[str, Any], missing: str) -> None:
    node = Node()
    node.sessions = [SimpleNamespace(call="1.1", supervisor="listener")]
    with pytest.raises(ForbiddenError) as refused:
        await handlers(node)(command(action, **fields))
    assert missing in refused.value.missing
    assert node.asked == []


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("barge", {"call": "1.1", "supervisor": "floor-lead"}),
        ("silence", {"supervisor": "floor-lead", "args": {"why": "x", "queue": "supp*"}}),
        ("silence", {"supervisor": "floor-lead", "args": {"why": "x", "queue": "other"}}),
        ("silence", {"supervisor": "floor-lead", "call": "1.1", "args": {"why": "x"}}),
        ("silence", {"supervisor": "lead", "args": {"why": "x"}}),
        ("opt_out", {"call": "2.2", "supervisor": "boss"}),
        ("stop", {"call": "1.1", "supervisor": "gone-from-the-configuration"}),
    ],
)
async def test_within_team_and_role_a_command_is_done(action: str, fields: dict[str, Any]) -> None:
    node = Node()
    await handlers(node)(command(action, **fields))
    assert node.asked


@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_a_sender_without_rights_does_nothing_whoever_it_names(action: str) -> None:
    node, powerless = Node(), Asker("crm", "redis", "auditor")
    with pytest.raises(ForbiddenError, match=f"right '(?:{action}|barge)': role 'auditor' of 'crm' has none"):
        await Desk(node, powerless)(command(action, call="1.1", supervisor="boss", args=ARGS.get(action, {})))
    assert node.asked == []


async def test_a_sender_for_one_supervisor_acts_for_no_other_and_in_no_other_name() -> None:
    node, mine = Node(), Asker("desk", "redis", "operator", supervisors=("lead",))
    with pytest.raises(ForbiddenError, match="'boss' among the supervisors of 'desk': lead"):
        await Desk(node, mine)(command("stop", call="1.1", supervisor="boss"))
    with pytest.raises(ForbiddenError, match="right 'opt_out': role 'supervisor' of 'lead'"):
        await Desk(node, mine)(command("opt_out", call="1.1"))
    await Desk(node, mine)(command("silence", supervisor="lead", args={"why": "x"}))
    assert node.asked[0][1]["by"] == "lead"


async def test_what_a_command_causes_knows_by_whom_and_by_which_right() -> None:
    node = Node()
    await handlers(node)(command("barge", call="1.1", supervisor="lead"))
    await handlers(node)(command("set_mode", call="1.1", supervisor="lead", args={"mode": "listen"}))
    grants = [node.asked[0][1]["request"].grant, node.asked[1][1]["grant"]]
    assert [(grant.sender, grant.door, grant.right) for grant in grants] == [
        ("cli", "cli", "barge"),
        ("cli", "cli", "listen"),
    ]


@pytest.mark.parametrize("action", ["listen", "set_mode", "stop", "prompt", "opt_out"])
async def test_an_unknown_call_is_told(action: str) -> None:
    args = {"set_mode": {"mode": "barge"}, "prompt": {"prompt": "slow-down"}}.get(action, {})
    with pytest.raises(CommandError, match="no_call"):
        await handlers(Node())(command(action, call="9.9", supervisor="boss", args=args))


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


def silence(call: str | None = None, **scope: str) -> Command:
    return command("silence", supervisor="lead", call=call, args={"duration_s": 60, "why": "w"} | scope)


@pytest.mark.parametrize(
    "scope",
    [{}, {"queue": "support"}, {"queue": "SALES"}, {"queue": "sal*"}, {"rule": "Dead*"}, {"agent": "Mia"},
     {"agent": "PJSIP/elsewhere"}, {"call": "1.1"}],
)  # fmt: skip
async def test_a_silence_that_can_match_something_is_taken(scope: dict[str, str]) -> None:
    assert await handlers(Node())(silence(**scope)) == {"silence": "s9", "until": 1.0}


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (
            {"queue": "suport"},
            "no queue matches 'suport'; did you mean 'support'?; known: Support, other",
        ),
        ({"queue": "x*"}, "no queue matches 'x*'; known: Support, other, sales, support"),
        ({"rule": "Shoutin"}, "no rule matches 'Shoutin'; did you mean 'Shouting'?; known: DeadAir, Shouting"),
        ({"agent": "Mai"}, "no agent matches 'Mai'; did you mean 'Mia'?"),
        ({"call": "9.9"}, "no call '9.9' at this node"),
    ],
)
async def test_a_silence_that_can_match_nothing_is_refused_with_the_right_name(
    scope: dict[str, str], said: str
) -> None:
    node = Node()
    with pytest.raises(CommandError) as refused:
        await handlers(node)(silence(**scope))
    assert said in refused.value.reason
    assert node.asked == []


async def test_without_the_pbxs_word_only_a_near_miss_of_a_queue_is_refused() -> None:
    node = Node()
    node.told = False
    assert await handlers(node)(silence(queue="billing"))
    with pytest.raises(CommandError, match="did you mean 'support'"):
        await handlers(node)(silence(queue="suport"))
