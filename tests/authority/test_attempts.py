"""Attempt → refused how: what comes by the stream of a real Valkey acts only within the rights of its sender."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callguard.authority import Authority
from callguard.authority.signature import Gate, sign, signed
from callguard.bus.ask import ANSWERS
from callguard.bus.consumer import CommandConsumer
from callguard.bus.streams import entries
from callguard.config import Config
from callguard.config import Redis as RedisConfig
from callguard.contracts.commands import ACTIONS
from callguard.control.command_handlers import CommandHandlers
from tests.control.test_command_handlers import Node
from tests.support.bus import WiredBus

KEYS = {name: f"{name}-key-of-sixteen-or-more" for name in ("crm", "powerless", "desk", "floor", "cli")}
SENDERS = {
    "crm": {"role": "manager"},
    "powerless": {"role": "auditor"},
    "desk": {"role": "manager", "supervisors": ["Ann"]},
    "floor": {"role": "manager", "teams": ["floor"]},
}
SECTIONS: dict[str, Any] = {
    "analysis": {"queues": {"support": {"team": "floor"}, "sales": {"team": "shop"}}},
    "supervisors": [
        {"name": "Ann", "endpoint": "PJSIP/ann", "teams": ["floor"]},
        {"name": "Max", "endpoint": "PJSIP/max", "role": "manager"},
        {"name": "Quinn", "endpoint": "PJSIP/quinn", "role": "qa"},
    ],
}
ON_FLOOR, IN_SHOP = "1.1", "2.2"


class Door:
    """The commands stream of a node whose PBX, alerts and paging note what is asked of them."""

    def __init__(self, url: str, trust: str) -> None:
        senders = {name: {**sender, "key": {"env": name}} for name, sender in SENDERS.items()}
        config = Config.model_validate({**SECTIONS, "redis": {"url": url, "trust": trust, "senders": senders}})
        self.node = Node()
        anything: Any = self.node
        self.bus = WiredBus(RedisConfig(url=url), "n1")
        handlers = CommandHandlers(
            config, Authority(config), anything, anything, anything, self.node.erased, lambda: ()
        )
        self.consumer = CommandConsumer(self.bus, "n1", self.bus.hub.tell, Gate(config, lambda _: KEYS), handlers)

    async def enter(self, **fields: Any) -> None:
        await self.bus.client.xadd(self.bus.keys.commands, fields)

    async def ask(self, sender: str | None, at_s: float = 0.0, **command: Any) -> dict[str, Any]:
        """Send a command, signed unless the sender is None; return the data of its one answer."""
        text = json.dumps({"id": str(uuid.uuid4()), **command})
        fields = signed(sender, KEYS[sender], time.time() + at_s, text) if sender else {"command": text}
        await self.enter(**fields)
        return (await self.answers(json.loads(text)["id"]))[0]

    async def answers(self, command: str) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while True:
                read = entries(await self.bus.client.xrange(self.bus.keys.events))
                told = [json.loads(each.fields["event"])["data"] for each in read if each.fields["type"] in ANSWERS]
                if found := [each for each in told if each.get("command") == command]:
                    return found
                await asyncio.sleep(0.01)


@pytest.fixture
async def door(redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    door = Door(redis_url, getattr(request, "param", "signed"))
    await door.bus.start()
    await door.consumer.start()
    yield door
    await door.consumer.stop()
    await door.bus.stop()


STRANGER = "Local/202@phones"
ATTEMPTS: dict[str, tuple[str | None, dict[str, Any], str]] = {
    "without a signature": (None, {"action": "barge", "call": ON_FLOOR, "supervisor": "Ann"}, "a signature: fields"),
    "a phone of one's own": (
        "crm", {"action": "barge", "call": ON_FLOOR, "supervisor": STRANGER}, f"'{STRANGER}' is none; configured: Ann",
    ),
    "a made-up name": ("crm", {"action": "silence", "supervisor": "eve", "args": {"why": "x"}}, "'eve' is none"),
    "another team's call": ("crm", {"action": "listen", "call": IN_SHOP, "supervisor": "Ann"}, "team 'shop': 'Ann'"),
    "another team's silence": ("crm", {"action": "silence", "supervisor": "Ann", "args": {"why": "x"}}, "team 'shop'"),
    "another team's sender": ("floor", {"action": "opt_out", "call": IN_SHOP}, "team 'shop': 'floor' serves floor"),
    "another's name": ("desk", {"action": "ack", "supervisor": "Max", "args": {"alert": "a7"}}, "of 'desk': Ann"),
    "a role without the right": ("crm", {"action": "barge", "call": ON_FLOOR, "supervisor": "Quinn"}, "role 'qa'"),
    "evidence deleted by anybody": ("powerless", {"action": "opt_out", "call": ON_FLOOR}, "role 'auditor'"),
    "evidence deleted in a supervisor's name": (
        "crm", {"action": "opt_out", "call": ON_FLOOR, "supervisor": "Ann"}, "right 'opt_out': role 'supervisor'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_an_attempt_without_the_right_is_answered_with_what_is_missing(door: Door, attempt: str) -> None:
    sender, command, missing = ATTEMPTS[attempt]
    answer = await door.ask(sender, **command)
    assert (answer["reason"], door.node.asked) == ("forbidden", [])
    assert missing in answer["missing"]
    assert (answer.get("sender"), answer["door"]) == (sender, "redis")


@pytest.mark.parametrize("at_s", [-60.0, 60.0])
async def test_an_old_or_a_future_signature_is_forbidden(door: Door, at_s: float) -> None:
    answer = await door.ask("crm", at_s, action="stop", call=ON_FLOOR)
    assert (answer["reason"], door.node.asked) == ("forbidden", [])
    assert "allowed 30 s" in answer["missing"]


async def test_a_signed_command_within_its_rights_is_done_and_says_by_which(door: Door) -> None:
    answer = await door.ask("crm", action="barge", call=ON_FLOOR, supervisor="PJSIP/ann")
    assert answer["result"]["supervisor"] == "Ann"
    assert (answer["sender"], answer["door"], answer["right"]) == ("crm", "redis", "barge")
    assert door.node.asked[0][1]["request"].supervisors[0].endpoint == "PJSIP/ann"
    assert (await door.ask("cli", action="opt_out", call=IN_SHOP))["door"] == "cli"


async def test_a_captured_entry_that_is_sent_again_is_done_once(door: Door) -> None:
    text = json.dumps({"id": "mine", "action": "stop", "call": ON_FLOOR})
    fields = signed("crm", KEYS["crm"], time.time(), text)
    for _ in range(3):
        await door.enter(**fields)
    await door.ask("crm", action="stop", call=ON_FLOOR)
    assert len(await door.answers("mine")) == 1
    assert [what for what, _ in door.node.asked] == ["stop", "stop"]


async def test_nobody_uses_up_the_identifier_of_another(door: Door) -> None:
    await door.ask(None, id="mine", action="stop", call=ON_FLOOR)
    await door.ask("powerless", id="mine", action="stop", call=ON_FLOOR)
    assert door.node.asked == []
    text = json.dumps({"id": "mine", "action": "stop", "call": ON_FLOOR})
    await door.enter(**signed("crm", KEYS["crm"], time.time(), text))
    await door.ask("crm", action="stop", call=ON_FLOOR)
    assert len(door.node.asked) == 2


@pytest.mark.parametrize("door", ["loopback"], indirect=True)
async def test_the_old_shape_goes_on_where_it_is_trusted_and_within_the_supervisors_rights(door: Door) -> None:
    done = await door.ask(None, action="barge", call=ON_FLOOR, supervisor="Ann")
    assert (done["sender"], done["door"], done["right"]) == ("loopback", "redis", "barge")
    assert (await door.ask(None, action="barge", call=ON_FLOOR, supervisor=STRANGER))["reason"] == "forbidden"
    assert (await door.ask(None, action="listen", call=IN_SHOP, supervisor="Ann"))["reason"] == "forbidden"
    assert len(door.node.asked) == 1


COMMANDS = st.fixed_dictionaries(
    {"action": st.sampled_from(sorted(ACTIONS))},
    optional={
        "call": st.sampled_from([ON_FLOOR, IN_SHOP, "9.9"]),
        "supervisor": st.sampled_from(["Ann", "Max", "Quinn", "PJSIP/max", STRANGER]) | st.text(min_size=1, max_size=9),
        "args": st.dictionaries(
            st.sampled_from(["alert", "mode", "prompt", "why", "verdict", "ends", "queue", "duration_s"]),
            st.sampled_from(["a7", "a8", "barge", "slow-down", "x", "false", "shops", 5, None]),
        ),
    },
)
FORGED = st.sampled_from(["signed", "unsigned", "another's name", "another's words", "no key"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(COMMANDS, FORGED), min_size=1, max_size=8))
async def test_whatever_a_sender_without_rights_sends_nothing_happens_and_each_is_answered_once(
    door: Door, sent: list[tuple[dict[str, Any], str]]
) -> None:
    names = []
    for command, how in sent:
        names.append(str(uuid.uuid4()))
        await door.enter(**_entry(json.dumps({"id": names[-1], **command}), how))
    answered = [await door.answers(name) for name in names]
    assert [len(each) for each in answered] == [1] * len(names)
    assert all("reason" in each for (each,) in answered)
    assert door.node.asked == []


def _entry(text: str, how: str) -> dict[str, str]:
    at = f"{time.time():.3f}"
    mine = signed("powerless", KEYS["powerless"], time.time(), text)
    return {
        "signed": mine,
        "unsigned": {"command": text},
        "another's name": mine | {"sender": "crm"},
        "another's words": mine | {"command": text.replace('"id"', ' "id"')},
        "no key": {"command": text, "sender": "crm", "at": at, "sig": sign("crm", "", at, text)},
    }[how]
